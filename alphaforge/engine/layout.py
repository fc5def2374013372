"""The block: its header, its pools' records, its capacities. Data only: no behaviour, no numba.

The engine's whole state is one block of memory: an ``ENGINE`` header, then pools of fixed record
types that the header finds by offset and count. Capacities are data, never types, so ten or ten
thousand instruments run the same machine code. Kernels know this module as ``L``.
"""

from __future__ import annotations

import numpy as np

from alphaforge.engine.book_records import (
    BOOK as BOOK,
)
from alphaforge.engine.book_records import (
    BOOK_BYTES as BOOK_BYTES,
)
from alphaforge.engine.book_records import (
    FAR as FAR,
)
from alphaforge.engine.book_records import (
    FAR_BYTES as FAR_BYTES,
)
from alphaforge.engine.book_records import (
    LEVEL as LEVEL,
)
from alphaforge.engine.book_records import (
    LEVEL_BYTES as LEVEL_BYTES,
)
from alphaforge.engine.book_records import (
    QUEUED as QUEUED,
)
from alphaforge.engine.book_records import (
    QUEUED_BYTES as QUEUED_BYTES,
)
from alphaforge.engine.capacities import HALF_HOURS as HALF_HOURS
from alphaforge.engine.capacities import LAG_BUCKETS as LAG_BUCKETS
from alphaforge.engine.capacities import Capacities as Capacities
from alphaforge.engine.header import (
    ENGINE as ENGINE,
)
from alphaforge.engine.header import (
    ENGINE_BYTES as ENGINE_BYTES,
)
from alphaforge.engine.messages import BAR_SLOTS, record
from alphaforge.engine.venue_records import (
    EXCHANGE as EXCHANGE,
)
from alphaforge.engine.venue_records import (
    EXCHANGE_BYTES as EXCHANGE_BYTES,
)
from alphaforge.engine.venue_records import (
    FLIGHT as FLIGHT,
)
from alphaforge.engine.venue_records import (
    FLIGHT_BYTES as FLIGHT_BYTES,
)
from alphaforge.engine.venue_records import (
    IN_AUCTION as IN_AUCTION,
)
from alphaforge.engine.venue_records import (
    IN_BOOK as IN_BOOK,
)
from alphaforge.engine.venue_records import (
    KNOWN as KNOWN,
)
from alphaforge.engine.venue_records import (
    KNOWN_BYTES as KNOWN_BYTES,
)
from alphaforge.engine.venue_records import (
    LATENCY as LATENCY,
)
from alphaforge.engine.venue_records import (
    LATENCY_BYTES as LATENCY_BYTES,
)
from alphaforge.engine.venue_records import (
    NOT_THERE as NOT_THERE,
)
from alphaforge.engine.venue_records import (
    RESTING as RESTING,
)
from alphaforge.engine.venue_records import (
    RESTING_BYTES as RESTING_BYTES,
)
from alphaforge.engine.venue_records import (
    TIER as TIER,
)
from alphaforge.engine.venue_records import (
    TIER_BYTES as TIER_BYTES,
)
from alphaforge.engine.venue_records import (
    VENUE as VENUE,
)
from alphaforge.engine.venue_records import (
    VENUE_BYTES as VENUE_BYTES,
)
from alphaforge.engine.venue_records import (
    WAITING as WAITING,
)

VERSION = 1
MAGIC = 0x414C50484146_0001
LINE = 64

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
    ("min_notional", "i8"),  # ledger units, 0 none
    ("max_notional", "i8"),
    ("inverse", "i8"),  # 1: worth value_num / value_den ledger units x lots / ticks
    ("margined", "i8"),  # 1: its notional isn't paid, only what it gains or loses
    ("initial_ppb", "i8"),  # of the notional
    ("maintenance_ppb", "i8"),
    ("borrow_ppb", "i8"),  # a year, of a short position's value
    ("long_swap", "i8"),  # over swap_den: ledger units a lot and night, received
    ("short_swap", "i8"),
    ("swap_den", "i8"),
    ("fee_num", "i8"),  # over fee_den: ledger units that each lot of a fill costs beside its rate
    ("fee_den", "i8"),
    ("data_only", "i8"),  # 1: made of others, can be watched and not traded
    ("expiry", "i8"),  # ns UTC, 0 none
    ("venue", "i8"),
    ("first_builder", "i8"),
)

MARKET = record(
    ("ts", "i8"),
    ("last", "i8"),  # ticks
    ("bid", "i8"),
    ("bid_lot", "i8"),
    ("ask", "i8"),
    ("ask_lot", "i8"),
    ("quoted", "i8"),  # 1 once a two-sided quote was seen
    ("first", "i8"),  # first price of the session, for the change
    ("mark", "i8"),
    ("value", "i8"),  # net position at the mark, ledger units
    ("index", "i8"),
    ("marked", "i8"),  # 1: the venue sends a mark price, trades don't make it
    ("atr", "i8"),  # average true range of its bars, 1/1024 ticks
    ("before", "i8"),  # close of the bar before
    ("interval", "i8"),  # length of its stored bars, ns; 0 none seen
    ("status", "i8"),
    ("session_end", "i8"),  # ns UTC, 0 unknown
    ("emulated", "i8"),  # own orders here that wait for a trigger
    ("rising", "i8"),  # bounds of their triggers, as in EXCHANGE
    ("falling", "i8"),
    ("algos", "i8"),  # parents that are being worked
    ("liquidating", "i8"),  # 1 while a position that can't be held is being closed
    ("bucket", "i8"),  # half-hour of the day that volume is being counted in, and when it ends
    ("bucket_end", "i8"),
    ("bucket_volume", "i8"),  # volume when it began
    ("volume", "i8"),
    ("buying", "i8"),  # lots in own working orders
    ("selling", "i8"),
    ("open_head", "i8"),  # own working orders, oldest first; -1 none
    ("open_tail", "i8"),
)
NO_PRICE = -(2**62)
UNKNOWN = -1
FOREVER = 2**63 - 1

POSITION = record(
    ("qty", "i8"),  # lots
    ("cost", "i8"),  # ledger units, signed as qty
    ("realised", "i8"),
    ("fees", "i8"),
    ("bought", "i8"),  # lots, ever
    ("sold", "i8"),
)

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
    ("stop", "i8"),  # trigger price, ticks; moves where it trails; 0 none
    ("trail", "i8"),  # trailing offset, in its unit; an algorithm's number
    ("offset", "i8"),  # ticks from a trailing stop to its limit
    ("display", "i8"),  # lots shown; 0 all
    ("expire", "i8"),  # ns UTC; 0 never
    ("parent_id", "i8"),  # 0 none
    ("wanted", "i8"),  # a held child's own quantity: it works for no more than its parent filled
    ("slices", "i8"),  # slices that an algorithm has made
    ("wake", "i8"),  # when an algorithm looks next, ns UTC
    ("volume", "i8"),  # market volume when an algorithm began, lots
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
    ("trigger", "u1"),
    ("exec_flags", "u1"),
    ("stp", "u1"),
    ("link", "u1"),
    ("unit", "u1"),
    ("triggered", "u1"),
    ("held", "u1"),  # 1: waits for its parent's fill
    ("counted", "u1"),  # 1: its lots count as working in its instrument
    ("parent", "i4"),  # slots; -1 none
    ("child", "i4"),  # its newest child
    ("sibling", "i4"),  # the next older child of its parent
    ("peer", "i4"),  # a ring of the orders it is linked with; itself where alone
    ("algo_next", "i4"),
    ("filled_times", "i4"),
)

KEY = record(("id", "i8"), ("slot", "i8"))
"""A place of an index: of the order pool by id, 0 empty; of ``queued`` by ``slot`` + 1, 0 empty."""

STRATEGY = record(
    ("entry", "i8"),  # address of its entry point
    ("state", "i8"),  # offset from the header of its record in the arena
    ("before", "i8"),  # and of that record before the last handler call, in live engines
    ("handlers", "i8"),  # bits, 1 << ON_BAR ...
    ("interval", "i8"),  # bars of this length only, ns; 0 any
    ("shown", "i8"),  # offset from the header of the bars it was shown; 0 none are kept
    ("live_from", "i8"),  # orders before this time are not taken: warming up
    ("running", "i8"),
    ("started", "i8"),  # 1: it was warmed up elsewhere, ``on_start`` ran there
    ("bytes", "i8"),  # of its record and windows
    ("room", "i8"),  # bytes of the arena that it may use, twice: for its state and for before
    ("shown_bytes", "i8"),
    ("shown_room", "i8"),  # bytes of the arena for the bars it was shown
    ("seed", "i8"),  # of ``ctx.rng``, and numbers drawn from it, ever
    ("draws", "i8"),
    ("draws_before", "i8"),  # and before the last handler call, in live engines
)

SHOWN_BARS = 1000
SHOWN = record(
    ("ts", "i8"),
    ("open", "i8"),  # ticks
    ("high", "i8"),
    ("low", "i8"),
    ("close", "i8"),
    ("volume", "i8"),  # lots
)
"""A bar as a strategy was shown it; see ``engine.shown``."""

SWAP = record(
    ("strategy", "i8"),  # slot of the one that is given other code
    ("carry", "i8"),  # address of what fills its new state from the old one
    ("entry", "i8"),
    ("handlers", "i8"),
    ("digest", "i8"),  # of the new code, for the journal
    ("shown_bytes", "i8"),
)
"""Other code for a running strategy; its new state follows, then room for bars."""

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


COMMAND = record(("kind", "i8"), ("slot", "i8"), ("a", "i8"), ("b", "i8"), ("c", "i8"), ("d", "i8"))

NOTICE = record(
    ("handler", "i8"),  # ON_ORDER, ON_FILL or ON_ALERT
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

ALERT_NOTICE = record(
    ("handler", "i8"),  # ON_ALERT
    ("strategy", "i8"),
    ("instrument", "i8"),  # -1 none
    ("rule", "i8"),
    ("id", "i8"),
    ("ts", "i8"),
    ("limit", "i8"),
    ("value", "i8"),
    ("severity", "i8"),
    ("count", "i8"),
    ("spare1", "i8"),
    ("spare2", "i8"),
)
"""A notice of an alert: as long as ``NOTICE``, whose first three fields it shares."""

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
INSTRUMENT_BYTES = INSTRUMENT.itemsize
MARKET_BYTES = MARKET.itemsize
POSITION_BYTES = POSITION.itemsize
ORDER_BYTES = ORDER.itemsize
KEY_BYTES = KEY.itemsize
STRATEGY_BYTES = STRATEGY.itemsize
SWAP_BYTES = SWAP.itemsize
BUILDER_BYTES = BUILDER.itemsize
TIMER_BYTES = TIMER.itemsize
ALERT_BYTES = ALERT.itemsize
COMMAND_BYTES = COMMAND.itemsize
NOTICE_BYTES = NOTICE.itemsize
SHOWN_BYTES = SHOWN.itemsize

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
    "books": BOOK,
    "bits": I8,
    "far": FAR,
    "queued": QUEUED,
    "queued_index": KEY,
    "venues": VENUE,
    "exchanges": EXCHANGE,
    "resting": RESTING,
    "flights": FLIGHT,
    "tiers": TIER,
    "latencies": LATENCY,
    "profiles": I8,
    "known": KNOWN,
    "known_index": I8,
}
ACCOUNT_NS = 1_000_000_000  # where the account is journalled, once in so much time
MAX_ROUNDS = 1_000
MAX_TIMERS = 1_000_000


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
    header["delayed"] = capacities.instruments if capacities.delayed else 0
    _fill_empty(block, header)
    return block


def pool(block: np.ndarray[tuple[int], np.dtype[np.uint8]], name: str) -> np.ndarray:
    """One pool of a block (or of a copy of it) as a structured array that shares its memory."""
    header = block[: ENGINE.itemsize].view(ENGINE)[0]
    record = POOLS[name]
    start = int(header[f"{name}_at"])
    count = int(header[f"{name}_n"])
    if name == "levels":
        count *= 2 * int(header["books_n"])
    return block[start : start + count * record.itemsize].view(record)


def _aligned(size: int) -> int:
    return -(-size // LINE) * LINE


def _fill_empty(block: np.ndarray, header: np.void) -> None:
    """Give the pools the values that mean "nothing here yet"."""
    for name in ("next_due", "next_timer", "next_flight", "next_expiry", "next_slice"):
        header[name] = FOREVER
    header["next_accrual"] = header["account_due"] = FOREVER
    header["account_ns"] = ACCOUNT_NS
    header["rate_ns"] = 1_000_000_000
    header["algo_head"] = -1
    markets = pool(block, "markets")
    for name in ("open_head", "open_tail"):
        markets[name] = -1
    markets["falling"], markets["rising"] = NO_PRICE, -NO_PRICE
    pool(block, "instruments")["first_builder"] = -1
    pool(block, "builders")["next"] = -1
    orders = pool(block, "orders")
    orders["next"] = np.arange(1, orders.size + 1)
    orders["next"][-1] = -1
    for name in ("prev", "parent", "child", "sibling", "peer", "algo_next"):
        orders[name] = -1
    header["free_head"], header["free_tail"] = 0, orders.size - 1
    pool(block, "index")["id"] = 0
    _fill_empty_books(block, header)
    exchanges = pool(block, "exchanges")
    exchanges["head"] = exchanges["tail"] = -1
    exchanges["buy_high"] = exchanges["sell_high"] = exchanges["falling"] = NO_PRICE
    exchanges["buy_low"] = exchanges["sell_low"] = exchanges["rising"] = -NO_PRICE
    pool(block, "known_index")[:] = -1


def _fill_empty_books(block: np.ndarray, header: np.void) -> None:
    books = pool(block, "books")
    books["instrument"] = np.arange(books.size) % max(int(header["instruments_n"]), 1)
    for name in ("best_bid", "best_ask", "bid_base", "ask_base"):
        books[name] = NO_PRICE
    books["seq"] = books["checksum"] = UNKNOWN
    queued = pool(block, "queued")
    queued["next"] = np.arange(1, queued.size + 1)
    if queued.size:
        queued["next"][-1] = -1
        for name in ("levels", "far"):
            pool(block, name)["head"] = pool(block, name)["tail"] = -1
    header["queued_free"] = 0 if queued.size else -1
