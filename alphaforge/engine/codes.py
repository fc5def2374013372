"""Coded constants: orders and their states, the engine's states, faults, handlers, severities.

Data only. Kernels know this module as ``K``.
"""

from __future__ import annotations

# --- orders ---------------------------------------------------------------------------------------
BUY, SELL = 1, -1
MARKET_ORDER, LIMIT_ORDER = 0, 1
TYPE_NAMES = {MARKET_ORDER: "market", LIMIT_ORDER: "limit"}
GTC, IOC = 0, 1
TIF_NAMES = {GTC: "GTC", IOC: "IOC"}

STATUS_NAMES = dict(
    enumerate(
        (
            "free",
            "initialized",
            "denied",
            "emulated",
            "released",
            "submitted",
            "accepted",
            "rejected",
            "cancelled",
            "expired",
            "triggered",
            "pending_update",
            "pending_cancel",
            "partially_filled",
            "filled",
        )
    )
)
(
    FREE,
    INITIALIZED,
    DENIED,
    EMULATED,
    RELEASED,
    SUBMITTED,
    ACCEPTED,
    REJECTED,
    CANCELLED,
    EXPIRED,
    TRIGGERED,
    PENDING_UPDATE,
    PENDING_CANCEL,
    PARTIALLY_FILLED,
    FILLED,
) = range(15)
CLOSED_STATUSES = (DENIED, REJECTED, CANCELLED, EXPIRED, FILLED)
TAKER, MAKER = 0, 1

HOST_ID = 1_000_000_000
"""Client ids from here on are given by the host (cells, the ticket); below, by the engine."""

# --- states ---------------------------------------------------------------------------------------
STARTING, RUNNING, PAUSED, HALTED, STOPPED = range(5)
ENGINE_STATE_NAMES = {
    STARTING: "starting",
    RUNNING: "running",
    PAUSED: "paused",
    HALTED: "halted",
    STOPPED: "stopped",
}
TRADING_ACTIVE, TRADING_REDUCING, TRADING_HALTED = range(3)

# --- faults: why the engine halted ----------------------------------------------------------------
(
    FAULT_NONE,
    FAULT_OVERFLOW,
    FAULT_STRATEGY,
    FAULT_QUEUE_FULL,
    FAULT_ORDERS_FULL,
    FAULT_ROUNDS,
    FAULT_RING_FULL,
    FAULT_EVENT,
    FAULT_TIMERS_FULL,
    FAULT_TIMERS,
    FAULT_ROWS,
) = range(11)
FAULT_TEXT = {
    FAULT_NONE: "none",
    FAULT_OVERFLOW: "an amount passed int64 (prices x quantities too large)",
    FAULT_STRATEGY: "a strategy's handler raised",
    FAULT_QUEUE_FULL: "more commands in one event than the queue holds",
    FAULT_ORDERS_FULL: "more open orders than the pool holds",
    FAULT_ROUNDS: "orders and fills still answering each other after 1,000 rounds",
    FAULT_RING_FULL: "the ring of orders to the venue is full",
    FAULT_EVENT: "an event of unknown kind or instrument",
    FAULT_TIMERS_FULL: "more timers than the pool holds",
    FAULT_TIMERS: "a million timers fired before one event: one that sets itself anew without end?",
    FAULT_ROWS: "the answers to one event passed the journal's room for it",
}

# --- handlers: bits of a strategy's mask, and what its entry point is called with -----------------
(
    ON_START,
    ON_BAR,
    ON_TRADE,
    ON_QUOTE,
    ON_FILL,
    ON_ORDER,
    ON_TIMER,
    ON_STOP,
) = range(8)
HANDLER_NAMES = (
    "on_start",
    "on_bar",
    "on_trade",
    "on_quote",
    "on_fill",
    "on_order",
    "on_timer",
    "on_stop",
)

# --- what a DEFINE command brings -----------------------------------------------------------------
DEFINE_INSTRUMENT, DEFINE_BUILDER, DEFINE_STRATEGY, DEFINE_TIMER = range(4)

# --- venues: who fills an instrument's orders -----------------------------------------------------
VENUE_INTERNAL, VENUE_EXTERNAL = 0, 1

# --- alerts ---------------------------------------------------------------------------------------
INFO, WARNING, CRITICAL = range(3)
SEVERITY_NAMES = {INFO: "info", WARNING: "warning", CRITICAL: "critical"}
