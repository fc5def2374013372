"""The block: its header, its pools' records, its capacities. Data only: no behaviour, no numba.

The engine's whole state is one block of memory: an ``ENGINE`` header, then pools of fixed record
types that the header finds by offset and count. Capacities are data, never types, so ten or ten
thousand instruments run the same machine code. Kernels know this module as ``L``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alphaforge.engine.messages import BAR_SLOTS, record

VERSION = 1
MAGIC = 0x414C50484146_0001
LINE = 64

ENGINE = record(
    ("magic", "i8"),
    ("version", "i8"),
    ("bytes", "i8"),
    # time
    ("now", "i8"),  # ns UTC, moves with events
    ("next_timer", "i8"),
    ("timers_fired", "i8"),  # since the last event
    # state
    ("state", "i8"),
    ("trading", "i8"),
    ("held", "i8"),  # 1: strategies are shown everything, their orders aren't taken
    ("fault", "i8"),
    ("fault_strategy", "i8"),
    ("fault_handler", "i8"),
    ("fault_event", "i8"),  # events processed before the faulting one
    # how this engine runs
    ("live", "i8"),  # 1: inputs are journalled, ids and lags are kept
    ("wall_clock", "i8"),  # 1: event time is the wall clock's, so timers may fire by it
    ("live_from", "i8"),  # until then events are a back-fill's, and the wall clock moves nothing
    ("journal", "i8"),  # address of the journal ring
    ("out", "i8"),  # address of the ring of orders to the venue; 0 where orders stay inside
    # counts
    ("events", "i8"),
    ("trades", "i8"),
    ("bars", "i8"),
    ("orders", "i8"),  # submitted, ever
    ("fills", "i8"),
    ("denied", "i8"),
    ("illegal", "i8"),  # order transitions refused by the state table
    ("unknown_reports", "i8"),
    ("duplicate_fills", "i8"),
    ("late_trades", "i8"),
    ("crossed", "i8"),
    ("order_seq", "i8"),
    ("trade_seq", "i8"),
    ("alert_seq", "i8"),
    # account: one currency, ledger units
    ("cash", "i8"),
    ("start_cash", "i8"),
    ("market_value", "i8"),
    ("fees", "i8"),
    ("realised", "i8"),
    ("peak", "i8"),
    ("drawdown", "i8"),  # deepest fall from the peak, ledger units
    ("account_due", "i8"),  # live: when the account is journalled next, ns UTC
    # fee rates, parts per billion
    ("maker_ppb", "i8"),
    ("taker_ppb", "i8"),
    # limits; 0 means none
    ("max_notional", "i8"),  # per order, ledger units
    ("max_rate", "i8"),  # orders in any rate_ns
    ("rate_ns", "i8"),
    ("rate_head", "i8"),  # orders counted, ever
    # queues inside the block
    ("command_head", "i8"),
    ("command_tail", "i8"),
    ("notice_head", "i8"),
    ("notice_tail", "i8"),
    ("free_head", "i8"),  # order slots free for reuse, longest closed first; -1 none
    ("free_tail", "i8"),
    ("open_orders", "i8"),
    ("defines", "i8"),  # DEFINE commands, ever, and the index that the last one gave or -1
    ("defined", "i8"),
    ("settle_rows", "i8"),  # after so many journal rows no further round of an event is begun
    # what a handler is being shown
    ("view_event", "i8"),  # addresses: the event or notice, its INSTRUMENT, this header
    ("view_instrument", "i8"),
    ("view_engine", "i8"),
    ("view_strategy", "i8"),
    ("ledger", "i8"),  # ledger units in one unit of the account's currency
    ("scratch_at", "i8"),  # room for one message on its way out, and for a timespec
    ("scratch_n", "i8"),
    # lag: event to engine, ns
    ("lag_max", "i8"),
    ("last_recv", "i8"),
    # pools: offset from the header, capacity
    ("instruments_at", "i8"),
    ("instruments_n", "i8"),
    ("instruments_used", "i8"),
    ("markets_at", "i8"),
    ("markets_n", "i8"),
    ("levels_at", "i8"),
    ("levels_n", "i8"),  # per instrument and side; a power of two
    ("positions_at", "i8"),
    ("positions_n", "i8"),
    ("orders_at", "i8"),
    ("orders_n", "i8"),
    ("index_at", "i8"),
    ("index_n", "i8"),  # a power of two, at least twice orders_n
    ("strategies_at", "i8"),
    ("strategies_n", "i8"),
    ("strategies_used", "i8"),
    ("watches_at", "i8"),
    ("watches_n", "i8"),
    ("arena_at", "i8"),
    ("arena_n", "i8"),
    ("arena_used", "i8"),
    ("builders_at", "i8"),
    ("builders_n", "i8"),
    ("builders_used", "i8"),
    ("timers_at", "i8"),
    ("timers_n", "i8"),
    ("timers_used", "i8"),
    ("alerts_at", "i8"),
    ("alerts_n", "i8"),
    ("commands_at", "i8"),
    ("commands_n", "i8"),
    ("notices_at", "i8"),
    ("notices_n", "i8"),
    ("rates_at", "i8"),
    ("rates_n", "i8"),
    ("lags_at", "i8"),
    ("lags_n", "i8"),
    ("pending_at", "i8"),  # bars closed within this event, waiting for handlers
    ("pending_n", "i8"),
    ("pending_used", "i8"),
)

INSTRUMENT = record(
    ("price_num", "i8"),
    ("price_den", "i8"),
    ("lot_num", "i8"),
    ("lot_den", "i8"),
    ("lots_per_unit", "f8"),  # lot_den / lot_num
    ("ticks_per_unit", "f8"),  # price_den / price_num
    ("value_num", "i8"),  # ledger units of one tick x one lot
    ("value_den", "i8"),
    ("min_lot", "i8"),
    ("max_lot", "i8"),  # 0 none
    ("max_position", "i8"),  # lots, 0 none
    ("venue", "i8"),
    ("first_builder", "i8"),
)

MARKET = record(
    ("ts", "i8"),
    ("last", "i8"),  # ticks
    ("last_lot", "i8"),
    ("bid", "i8"),
    ("bid_lot", "i8"),
    ("ask", "i8"),
    ("ask_lot", "i8"),
    ("quoted", "i8"),  # 1 once a two-sided quote was seen
    ("first", "i8"),  # first price of the session, for the change
    ("mark", "i8"),
    ("value", "i8"),  # net position at the mark, ledger units
    ("best_bid", "i8"),  # of the L2 book; NO_PRICE where empty
    ("best_ask", "i8"),
    ("volume", "i8"),
    ("buying", "i8"),  # lots in own working orders
    ("selling", "i8"),
    ("open_head", "i8"),  # own working orders, oldest first; -1 none
    ("open_tail", "i8"),
)
NO_PRICE = -(2**62)
UNKNOWN = -1
FOREVER = 2**63 - 1

LEVEL = record(("tick", "i8"), ("lot", "i8"))

POSITION = record(
    ("qty", "i8"),  # lots
    ("cost", "i8"),  # ledger units, signed as qty
    ("realised", "i8"),
    ("fees", "i8"),
    ("bought", "i8"),  # lots, ever
    ("sold", "i8"),
)

TRADES_KNOWN = 8
NO_TRADE = -(2**62)
ORDER = record(
    ("id", "i8"),
    ("venue_id", "i8"),
    ("ts", "i8"),
    ("ts_last", "i8"),
    ("qty", "i8"),
    ("leaves", "i8"),
    ("price", "i8"),
    ("fee", "i8"),
    ("ahead", "i8"),
    ("tag", "i8"),
    ("deny_limit", "i8"),
    ("deny_value", "i8"),
    ("instrument", "i4"),
    ("strategy", "i4"),  # -1 the host
    ("next", "i4"),
    ("prev", "i4"),
    ("side", "i1"),
    ("type", "u1"),
    ("tif", "u1"),
    ("status", "u1"),
    ("deny_code", "u1"),
    ("liquidity", "u1"),
    ("open", "u1"),  # 1 where it is in its instrument's list
    ("pad", "u1"),
    ("filled_times", "i8"),
    ("known", "i8", (TRADES_KNOWN,)),  # trade ids of its last fills
)

KEY = record(("id", "i8"), ("slot", "i8"))

STRATEGY = record(
    ("entry", "i8"),  # address of its entry point
    ("state", "i8"),  # offset from the header of its record in the arena
    ("before", "i8"),  # and of that record before the last handler call, in live engines
    ("handlers", "i8"),  # bits, 1 << ON_BAR ...
    ("interval", "i8"),  # bars of this length only, ns; 0 any
    ("live_from", "i8"),  # orders before this time are not taken: warming up
    ("running", "i8"),
    ("started", "i8"),  # 1: it was warmed up elsewhere, ``on_start`` ran there
    ("bytes", "i8"),  # of its record and windows
    ("room", "i8"),  # bytes of the arena that it may use, twice: for its state and for before
)

BUILDER = record(
    ("instrument", "i8"),
    ("interval", "i8"),
    ("next", "i8"),  # next builder of this instrument, -1 none
    ("closed", "i8"),  # bars closed, ever
    ("ts_open", "i8"),
    ("ts_close", "i8"),
    ("open", "i8"),
    ("high", "i8"),
    ("low", "i8"),
    ("close", "i8"),
    ("volume", "i8"),
    ("notional", "i8"),
    ("buy_volume", "i8"),
    ("trades", "i8"),
    ("ts_first", "i8"),
    ("ts_last", "i8"),
)

TIMER = record(("due", "i8"), ("id", "i8"), ("strategy", "i8"))

ALERT = record(
    ("id", "i8"),
    ("ts", "i8"),
    ("ts_last", "i8"),
    ("rule", "i8"),
    ("severity", "i8"),
    ("instrument", "i8"),
    ("limit", "i8"),
    ("value", "i8"),
    ("count", "i8"),
    ("acknowledged", "i8"),
)


COMMAND = record(("kind", "i8"), ("slot", "i8"), ("a", "i8"), ("b", "i8"))

NOTICE = record(
    ("handler", "i8"),  # ON_ORDER or ON_FILL
    ("strategy", "i8"),
    ("instrument", "i8"),
    ("status", "i8"),
    ("order_id", "i8"),
    ("ts", "i8"),
    ("qty", "i8"),  # signed lots
    ("price", "i8"),
    ("fee", "i8"),
    ("liquidity", "i8"),
    ("leaves", "i8"),
    ("tag", "i8"),
)

CONTROL = record(
    ("stop", "i8"),  # 1 asks the loop to end
    ("spin", "i8"),  # 1 never sleeps
    ("loops", "i8"),
    ("sleeps", "i8"),
)
"""What the host tells a kernel thread, and what it tells back."""

I8 = np.dtype("i8")
U1 = np.dtype("u1")

# Sizes in bytes, as plain integers: kernels can't read a dtype's attribute.
ENGINE_BYTES = ENGINE.itemsize
INSTRUMENT_BYTES = INSTRUMENT.itemsize
MARKET_BYTES = MARKET.itemsize
LEVEL_BYTES = LEVEL.itemsize
POSITION_BYTES = POSITION.itemsize
ORDER_BYTES = ORDER.itemsize
KEY_BYTES = KEY.itemsize
STRATEGY_BYTES = STRATEGY.itemsize
BUILDER_BYTES = BUILDER.itemsize
TIMER_BYTES = TIMER.itemsize
ALERT_BYTES = ALERT.itemsize
COMMAND_BYTES = COMMAND.itemsize
NOTICE_BYTES = NOTICE.itemsize

POOLS: dict[str, np.dtype[np.generic]] = {
    "instruments": INSTRUMENT,
    "markets": MARKET,
    "levels": LEVEL,
    "positions": POSITION,
    "orders": ORDER,
    "index": KEY,
    "strategies": STRATEGY,
    "watches": U1,
    "arena": U1,
    "builders": BUILDER,
    "timers": TIMER,
    "alerts": ALERT,
    "commands": COMMAND,
    "notices": NOTICE,
    "rates": I8,
    "lags": I8,
    "pending": BAR_SLOTS,
    "scratch": I8,
}
LAG_BUCKETS = 256
ACCOUNT_NS = 1_000_000_000  # a live session journals its account once in so much time
MAX_ROUNDS = 1_000
MAX_TIMERS = 1_000_000
ROWS_PER_ORDER = 6  # from asked for to filled, at most


@dataclass(frozen=True)
class Capacities:
    """How much of each thing a block holds. Data, never types.

    Parameters
    ----------
    instruments, strategies, orders, builders, timers, alerts : int
        Slots in each pool; ``orders`` bounds the open ones, closed slots are reused.
    levels : int
        Book levels kept per side and instrument, a power of two; 0 keeps no book.
    arena : int
        Bytes for strategies' records and indicator windows.
    queue : int
        Commands that the handlers of one event may issue, a power of two.
    rates : int
        The highest order rate that can be limited.
    """

    instruments: int = 16
    strategies: int = 8
    orders: int = 4096
    builders: int = 64
    timers: int = 256
    alerts: int = 256
    levels: int = 1024
    arena: int = 1 << 20
    queue: int = 8192
    rates: int = 1024

    @property
    def settle_rows(self) -> int:
        """After so many journal rows no further round of one event is begun."""
        return 4 * self.queue

    @property
    def event_rows(self) -> int:
        """Journal rows that one event writes at most.

        What applying it takes (each working order fills, each builder closes a bar), the rounds
        until ``settle_rows``, and a last one in which each command is an order that fills.
        """
        orders = ROWS_PER_ORDER * (self.orders + self.queue)
        return orders + self.settle_rows + 2 * self.builders + 64

    def counts(self) -> dict[str, int]:
        """Records in each pool."""
        index = 1
        while index < 2 * self.orders:
            index *= 2
        return {
            "instruments": self.instruments,
            "markets": self.instruments,
            "levels": self.instruments * 2 * self.levels,
            "positions": (self.strategies + 2) * self.instruments,
            "orders": self.orders,
            "index": index,
            "strategies": self.strategies,
            "watches": self.strategies * self.instruments,
            "arena": self.arena,
            "builders": self.builders,
            "timers": self.timers,
            "alerts": self.alerts,
            "commands": self.queue,
            "notices": self.queue,
            "rates": self.rates,
            "lags": LAG_BUCKETS,
            "pending": self.builders + 1,
            "scratch": 64,
        }


def new_block(capacities: Capacities) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """A zeroed block with its header filled in.

    Returns
    -------
    uint8 array, 64-byte aligned; its first bytes are one ``ENGINE`` record
    """
    offsets: dict[str, int] = {}
    end = _aligned(ENGINE.itemsize)
    for name, count in capacities.counts().items():
        offsets[name] = end
        end = _aligned(end + count * POOLS[name].itemsize)
    raw = np.zeros(end + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    block = raw[start : start + end]
    header = block[: ENGINE.itemsize].view(ENGINE)[0]
    header["magic"], header["version"], header["bytes"] = MAGIC, VERSION, end
    for name, count in capacities.counts().items():
        header[f"{name}_at"], header[f"{name}_n"] = offsets[name], count
    header["levels_n"] = capacities.levels
    _fill_empty(block, header)
    return block


def pool(block: np.ndarray[tuple[int], np.dtype[np.uint8]], name: str) -> np.ndarray:
    """One pool of a block (or of a copy of it) as a structured array that shares its memory."""
    header = block[: ENGINE.itemsize].view(ENGINE)[0]
    record = POOLS[name]
    start = int(header[f"{name}_at"])
    count = int(header[f"{name}_n"])
    if name == "levels":
        count *= 2 * int(header["instruments_n"])
    return block[start : start + count * record.itemsize].view(record)


def _aligned(size: int) -> int:
    return -(-size // LINE) * LINE


def _fill_empty(block: np.ndarray, header: np.void) -> None:
    """Give the pools the values that mean "nothing here yet"."""
    header["next_timer"] = 2**63 - 1
    header["rate_ns"] = 1_000_000_000
    markets = pool(block, "markets")
    for name in ("open_head", "open_tail"):
        markets[name] = -1
    for name in ("best_bid", "best_ask"):
        markets[name] = NO_PRICE
    pool(block, "instruments")["first_builder"] = -1
    pool(block, "builders")["next"] = -1
    orders = pool(block, "orders")
    orders["next"] = np.arange(1, orders.size + 1)
    orders["next"][-1] = -1
    orders["prev"] = -1
    header["free_head"], header["free_tail"] = 0, orders.size - 1
    pool(block, "index")["id"] = 0
