"""Coded constants: orders and their states, the engine's states, faults, handlers, severities.

Data only. Kernels know this module as ``K``.
"""

from __future__ import annotations

# --- orders ---------------------------------------------------------------------------------------
BUY, SELL = 1, -1
(
    MARKET_ORDER,
    LIMIT_ORDER,
    STOP_MARKET,
    STOP_LIMIT,
    MARKET_TO_LIMIT,
    MARKET_IF_TOUCHED,
    LIMIT_IF_TOUCHED,
    TRAILING_STOP_MARKET,
    TRAILING_STOP_LIMIT,
    TWAP,
    VWAP,
    POV,
    ICEBERG,
    CHASE,
) = range(14)
TYPE_NAMES = {
    MARKET_ORDER: "market",
    LIMIT_ORDER: "limit",
    STOP_MARKET: "stop_market",
    STOP_LIMIT: "stop_limit",
    MARKET_TO_LIMIT: "market_to_limit",
    MARKET_IF_TOUCHED: "market_if_touched",
    LIMIT_IF_TOUCHED: "limit_if_touched",
    TRAILING_STOP_MARKET: "trailing_stop_market",
    TRAILING_STOP_LIMIT: "trailing_stop_limit",
    TWAP: "twap",
    VWAP: "vwap",
    POV: "pov",
    ICEBERG: "iceberg",
    CHASE: "chase",
}
FIRST_ALGORITHM = TWAP
"""Types from here on are execution algorithms: the engine works them through child orders."""

GTC, IOC, FOK, GTD, DAY, AT_OPEN, AT_CLOSE = range(7)
TIF_NAMES = {
    GTC: "GTC",
    IOC: "IOC",
    FOK: "FOK",
    GTD: "GTD",
    DAY: "DAY",
    AT_OPEN: "AT_OPEN",
    AT_CLOSE: "AT_CLOSE",
}

TIF_MEANINGS = {
    GTC: "until it is cancelled",
    IOC: "at once what can be, the rest expires",
    FOK: "at once and wholly, or it expires",
    GTD: "until a time",
    DAY: "until the session ends: the calendar's, else midnight UTC; on daily bars, one bar",
    AT_OPEN: "in the opening auction only; on bars, at the session's first open",
    AT_CLOSE: "in the closing auction only; on bars, at the session's last close",
}

# bits of an order's flags
POST_ONLY, REDUCE_ONLY, CLOSE_POSITION, EMULATED_HERE = 1, 2, 4, 8
FLAG_NAMES = {
    POST_ONLY: "post_only",
    REDUCE_ONLY: "reduce_only",
    CLOSE_POSITION: "close_position",
    EMULATED_HERE: "emulate",
}

FLAG_MEANINGS = {
    POST_ONLY: "rejected where it would take",
    REDUCE_ONLY: "fills no more than its owner's position; denied where there is none to reduce",
    CLOSE_POSITION: "as large as the position when it is triggered; cancelled where there is none",
    EMULATED_HERE: "the engine watches the trigger, not the venue",
}

# self-trade prevention: which of two own orders that would meet gives way
CANCEL_NEWEST, CANCEL_OLDEST, CANCEL_BOTH, DECREMENT = range(4)
STP_NAMES = {
    CANCEL_NEWEST: "cancel_newest",
    CANCEL_OLDEST: "cancel_oldest",
    CANCEL_BOTH: "cancel_both",
    DECREMENT: "decrement",
}

STP_MEANINGS = {
    CANCEL_NEWEST: "the order that arrives is cancelled",
    CANCEL_OLDEST: "the order that rests is cancelled",
    CANCEL_BOTH: "both are cancelled",
    DECREMENT: "both lose the smaller quantity",
}

# what a trigger price is compared with
LAST, BID_ASK, MID, MARK, INDEX = range(5)
TRIGGER_NAMES = {
    LAST: "last",
    BID_ASK: "bid_ask",
    MID: "mid",
    MARK: "mark",
    INDEX: "index",
}

TRIGGER_MEANINGS = {
    LAST: "the last trade, or a bar's path",
    BID_ASK: "the ask for buyers, the bid for sellers",
    MID: "the middle of bid and ask",
    MARK: "the venue's mark price",
    INDEX: "the venue's index price",
}

# units of a trailing offset; prices are ticks by the time they are here
TRAIL_TICKS, TRAIL_BPS, TRAIL_ATR = range(3)
TRAIL_PRICE = TRAIL_TICKS  # as people say it
UNIT_NAMES = {TRAIL_TICKS: "price", TRAIL_BPS: "bps", TRAIL_ATR: "atr"}

# contingencies: how an order hangs together with its parent and its peers
NO_LINK, OTO, OCO, OUO = range(4)
LINK_NAMES = {NO_LINK: "none", OTO: "OTO", OCO: "OCO", OUO: "OUO"}
LINK_MEANINGS = {
    OTO: "an exit works for as much as its parent has filled so far, another child once it is done",
    OCO: "a fill, cancel or end of one cancels the others",
    OUO: "a fill of one leaves the others as much as itself; a cancel or end cancels them",
}

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
    FAULT_RECORDS,
) = range(12)
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
    FAULT_RECORDS: "more values recorded and logged in one event than its room in the journal",
}
FAULT_ROOM = {
    FAULT_QUEUE_FULL: "commands_n",
    FAULT_ORDERS_FULL: "orders_n",
    FAULT_TIMERS_FULL: "timers_n",
    FAULT_RECORDS: "commands_n",
}
"""Faults of what is full -> the header's field that says how many there is room for."""

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
    ON_BOOK,
    ON_ALERT,
    ON_ACTION,
    ON_CUSTOM,
) = range(12)
HANDLER_NAMES = (
    "on_start",
    "on_bar",
    "on_trade",
    "on_quote",
    "on_fill",
    "on_order",
    "on_timer",
    "on_stop",
    "on_book",
    "on_alert",
    "on_action",
    "on_custom",
)

# --- corporate actions ----------------------------------------------------------------------------
SPLIT = 0
ACTION_NAMES = {SPLIT: "split"}

# --- what a DEFINE command brings -----------------------------------------------------------------
(
    DEFINE_INSTRUMENT,
    DEFINE_BUILDER,
    DEFINE_STRATEGY,
    DEFINE_TIMER,
    DEFINE_VENUE,
    DEFINE_SWAP,
) = range(6)

# --- venues: who fills an instrument's orders, and how --------------------------------------------
VENUE_INTERNAL, VENUE_EXTERNAL = 0, 1

L1, L2, L3 = 1, 2, 3
"""What a venue matches against: the best quote, price levels, single orders."""

LATENCY_NONE, LATENCY_CONSTANT, LATENCY_DRAWN, LATENCY_RECORDED = range(4)
(
    QUEUE_THROUGH,
    QUEUE_FRONT,
    QUEUE_RISK_AVERSE,
    QUEUE_POWER,
    QUEUE_LOG,
    QUEUE_FIFO,
) = range(6)
PATH_OHLC, PATH_OLHC, PATH_ADAPTIVE, PATH_PESSIMISTIC = range(4)
SLIP_NONE, SLIP_TICKS, SLIP_BPS, SLIP_VOLUME_SHARE, SLIP_SQRT = range(5)
MARGIN_NONE, MARGIN_CASH, MARGIN_CROSS, MARGIN_ISOLATED = range(4)

# an instrument's trading status
OPEN, HALT, CLOSED_SESSION = range(3)
STATUS_OF_TRADING = {OPEN: "open", HALT: "halt", CLOSED_SESSION: "closed"}

# why the book of an instrument isn't to be trusted; 0 it is
(
    BOOK_GOOD,
    BOOK_GAP,
    BOOK_CROSSED,
    BOOK_CHECKSUM,
    BOOK_FULL,
    BOOK_ORDER,
    BOOK_MALFORMED,
) = range(7)
BOOK_STATE_NAMES = {
    BOOK_GOOD: "good",
    BOOK_GAP: "gap",
    BOOK_CROSSED: "crossed_snapshot",
    BOOK_CHECKSUM: "checksum",
    BOOK_FULL: "full",
    BOOK_ORDER: "unknown_order",
    BOOK_MALFORMED: "malformed",
}

# whose way of summing up a book's best levels, for the checksum at a frame's end
CHECKSUM_NONE, CHECKSUM_KRAKEN, CHECKSUM_OKX = range(3)

# why cash moved without a fill
CASH_FUNDING, CASH_BORROW, CASH_INTEREST, CASH_ROLLOVER, CASH_LIQUIDATION = range(5)
CASH_NAMES = {
    CASH_FUNDING: "funding",
    CASH_BORROW: "borrow",
    CASH_INTEREST: "interest",
    CASH_ROLLOVER: "rollover",
    CASH_LIQUIDATION: "liquidation",
}

# --- alerts ---------------------------------------------------------------------------------------
INFO, WARNING, CRITICAL = range(3)
SEVERITY_NAMES = {INFO: "info", WARNING: "warning", CRITICAL: "critical"}
