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
    ("next_due", "i8"),  # the soonest of the four that follow
    ("next_timer", "i8"),
    ("next_flight", "i8"),
    ("next_expiry", "i8"),
    ("next_slice", "i8"),
    ("next_accrual", "i8"),
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
    ("book_faults", "i8"),  # gaps, crossed snapshots, wrong checksums, unknown orders
    ("over_fills", "i8"),  # reports of more than was left
    ("late_fills", "i8"),  # fills honoured after a cancel
    ("order_seq", "i8"),
    ("trade_seq", "i8"),
    ("alert_seq", "i8"),
    # account: one currency, ledger units
    ("cash", "i8"),
    ("start_cash", "i8"),
    ("market_value", "i8"),
    ("fees", "i8"),
    ("realised", "i8"),
    ("margined", "i8"),  # cost of positions that are margined, not paid for
    ("accrued", "i8"),  # funding, borrow, interest and rollover received, ever
    ("peak", "i8"),
    ("drawdown", "i8"),  # deepest fall from the peak, ledger units
    ("account_due", "i8"),  # when the account is journalled next, ns UTC; FOREVER never
    ("account_ns", "i8"),  # and how long from one time to the next
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
    # books
    ("delayed", "i8"),  # the venue's books are so many further on: our feed is late; 0 one for both
    ("books_at", "i8"),
    ("books_n", "i8"),
    ("bits_at", "i8"),  # one bit a level: whether it holds lots
    ("bits_n", "i8"),
    ("far_at", "i8"),  # levels outside of the window
    ("far_n", "i8"),  # a power of two
    ("far_used", "i8"),
    ("queued_at", "i8"),  # single orders of L3 books
    ("queued_n", "i8"),
    ("queued_free", "i8"),  # -1 none
    ("queued_seq", "i8"),  # orders that joined a queue, ever
    ("queued_index_at", "i8"),
    ("queued_index_n", "i8"),
    # the simulated venues
    ("venues_at", "i8"),
    ("venues_n", "i8"),
    ("venues_used", "i8"),
    ("exchanges_at", "i8"),
    ("exchanges_n", "i8"),
    ("resting_at", "i8"),
    ("resting_n", "i8"),
    ("flights_at", "i8"),
    ("flights_n", "i8"),
    ("flight_head", "i8"),  # sent, ever
    ("flight_tail", "i8"),  # landed, ever
    ("arrivals", "i8"),  # orders that entered a simulated venue's list, ever
    ("tiers_at", "i8"),
    ("tiers_n", "i8"),
    ("latencies_at", "i8"),
    ("latencies_n", "i8"),
    ("profiles_at", "i8"),  # lots traded in each half-hour of the day, a row an instrument
    ("profiles_n", "i8"),
    ("known_at", "i8"),
    ("known_n", "i8"),  # a power of two
    ("known_head", "i8"),  # fills remembered, ever
    ("known_index_at", "i8"),
    ("known_index_n", "i8"),
    ("margin_watched", "i8"),  # 1 where a venue liquidates
    ("algo_head", "i8"),  # parents that are being worked, oldest first; -1 none
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
    ("last_lot", "i8"),
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

BOOK = record(
    ("instrument", "i8"),
    ("best_bid", "i8"),  # ticks; NO_PRICE where empty
    ("best_ask", "i8"),
    ("bid_base", "i8"),  # lowest tick of the window of each side; NO_PRICE before the first level
    ("ask_base", "i8"),
    ("bid_far", "i8"),  # levels of each side outside of the window
    ("ask_far", "i8"),
    ("seq", "i8"),  # id of the last frame; UNKNOWN before the first
    ("state", "i8"),  # BOOK_GOOD, or why it is stale
    ("filling", "i8"),  # 1 within a snapshot's frame
    ("left_out", "i8"),  # messages not applied: old ones, and all while stale
    ("checksum", "i8"),  # what the frame's sender found, to compare at its end; UNKNOWN none
    ("seen", "i8"),  # 1 once anything was set
    ("fresh", "i8"),  # 1 from a snapshot until the first frame after it
    ("skip", "i8"),  # 1 within a frame that isn't applied
    ("told", "i8"),  # the state that was journalled last
    ("orders", "i8"),  # L3: orders in it
    ("checksum_kind", "i8"),  # CHECKSUM_NONE ... CHECKSUM_OKX
    ("price_digits", "i8"),  # decimals in what the sender sums up; 0 as many as the tick has
    ("lot_digits", "i8"),
)
"""One book: instrument i's is the i-th; where the feed is late, the venue's follow after ours."""

LEVEL = record(
    ("lot", "i8"),
    ("taken", "i8"),  # lots of it that we consumed since it was last told
    ("head", "i4"),  # L3: the orders there, first come first served; -1 none
    ("tail", "i4"),
    ("orders", "i4"),
    ("pad", "i4"),
)

FAR = record(
    ("row", "i8"),  # 2 x book + side, plus 1; 0 empty
    ("tick", "i8"),
    ("lot", "i8"),
    ("taken", "i8"),
    ("head", "i4"),
    ("tail", "i4"),
    ("orders", "i4"),
    ("pad", "i4"),
)

QUEUED = record(
    ("id", "i8"),
    ("tick", "i8"),
    ("lot", "i8"),
    ("next", "i4"),
    ("prev", "i4"),
    ("row", "i4"),  # 2 x book + side
    ("pad", "i4"),
    ("seq", "i8"),  # the number by which it joined its queue
)
"""One order of an L3 book, not ours."""

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

RESTING = record(
    ("leaves", "i8"),  # as the venue knows it
    ("price", "i8"),
    ("stop", "i8"),
    ("shown", "i8"),  # lots of an iceberg on display now
    ("ahead", "i8"),  # lots queued before it; UNKNOWN where the level wasn't seen
    ("traded", "i8"),  # lots traded at its level since the level was last told
    ("level", "i8"),  # the level's lots when last told
    ("ts", "i8"),  # when it arrived, or was last changed, ns UTC
    ("arrival", "i8"),  # its number among those that entered a venue, ever
    ("next", "i4"),  # by arrival, within its instrument
    ("prev", "i4"),
    ("state", "u1"),  # NOT_THERE ... IN_BOOK
    ("pad", "u1", (7,)),
)
"""What the simulated venue knows of the order in the same slot of the order pool."""

NOT_THERE, WAITING, IN_BOOK, IN_AUCTION = range(4)

EXCHANGE = record(
    ("ts", "i8"),
    ("last", "i8"),
    ("bid", "i8"),  # the touch, ticks; 0 none
    ("bid_lot", "i8"),
    ("bid_taken", "i8"),
    ("ask", "i8"),
    ("ask_lot", "i8"),
    ("ask_taken", "i8"),
    ("quoted", "i8"),
    ("barred", "i8"),  # 1: its market is stored bars; the venue sees no more of it
    ("mark", "i8"),
    ("index", "i8"),
    ("status", "i8"),
    ("head", "i8"),  # own orders at the venue, oldest first; -1 none
    ("tail", "i8"),
    ("count", "i8"),
    ("eager", "i8"),  # own orders that any event may fill: market orders, auctions
    ("waiting", "i8"),  # own orders that wait for a trigger
    ("buy_high", "i8"),  # bounds of own limits in the book; may be too wide, never too narrow
    ("buy_low", "i8"),
    ("sell_low", "i8"),
    ("sell_high", "i8"),
    ("rising", "i8"),  # the lowest last, bid, ask or mark that may trigger something, ticks
    ("falling", "i8"),
    ("volume", "i8"),  # lots of the bar that is being matched
    ("bar_volume", "i8"),  # of these, what it may still give us
    ("session_end", "i8"),
)
"""What the simulated venue knows of one instrument."""

VENUE = record(
    ("outside", "i8"),  # 1: a gateway fills its orders
    ("types", "i8"),  # bits, 1 << type: order types that it knows; the engine emulates the others
    ("tifs", "i8"),  # bits, 1 << time in force
    ("exec_flags", "i8"),  # order flags that it knows
    ("depth", "i8"),  # L1, L2, L3: what it matches against
    ("latency", "i8"),
    ("entry_ns", "i8"),
    ("response_ns", "i8"),
    ("sigma", "f8"),
    ("seed", "i8"),
    ("draws", "i8"),
    ("latency_first", "i8"),  # its rows in the table of recorded ones
    ("latency_count", "i8"),
    ("last_in", "i8"),  # nothing overtakes what was sent before it
    ("last_back", "i8"),
    ("queue", "i8"),
    ("power", "f8"),
    ("path", "i8"),
    ("fill_close", "i8"),  # 1: an order from a bar fills at that bar's close
    ("slippage", "i8"),
    ("slip_a", "f8"),
    ("slip_b", "f8"),
    ("share_ppb", "i8"),  # of a bar's volume that we may be; 0 all
    ("whole", "i8"),  # 1: no partial fills, what can be filled is filled
    ("maker_ppb", "i8"),
    ("taker_ppb", "i8"),
    ("fee_least", "i8"),  # ledger units a fill
    ("fee_minor", "i8"),  # ledger units that a fee is rounded to; 1 none
    ("tier_first", "i8"),
    ("tier_count", "i8"),
    ("turnover", "i8"),  # notional filled, ever, ledger units
    ("margin", "i8"),
    ("interest_ppb", "i8"),  # a year, of cash below zero
    ("liquidation_ppb", "i8"),  # of the notional closed
)

TIER = record(("turnover", "i8"), ("maker_ppb", "i8"), ("taker_ppb", "i8"))

LATENCY = record(("ts", "i8"), ("entry_ns", "i8"), ("response_ns", "i8"))

FLIGHT = record(
    ("due", "i8"),
    ("kind", "i8"),  # a command on its way in, or M.REPORT
    ("status", "i8"),
    ("slot", "i8"),
    ("order_id", "i8"),
    ("qty", "i8"),
    ("price", "i8"),
    ("stop", "i8"),
    ("ts", "i8"),
    ("liquidity", "i8"),
    ("trade_id", "i8"),
    ("order", "i8"),
)
"""A request to the venue or an answer from it, on its way."""

KNOWN = record(("order_id", "i8"), ("trade_id", "i8"))
"""A fill that a venue outside reported, so that the same one again is known."""


KEY = record(("id", "i8"), ("slot", "i8"))
"""A place of an index: of the order pool by id, 0 empty; of ``queued`` by ``slot`` + 1, 0 empty."""

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


COMMAND = record(("kind", "i8"), ("slot", "i8"), ("a", "i8"), ("b", "i8"), ("c", "i8"), ("d", "i8"))

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
BOOK_BYTES = BOOK.itemsize
FAR_BYTES = FAR.itemsize
QUEUED_BYTES = QUEUED.itemsize
RESTING_BYTES = RESTING.itemsize
EXCHANGE_BYTES = EXCHANGE.itemsize
VENUE_BYTES = VENUE.itemsize
TIER_BYTES = TIER.itemsize
LATENCY_BYTES = LATENCY.itemsize
FLIGHT_BYTES = FLIGHT.itemsize
KNOWN_BYTES = KNOWN.itemsize

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
LAG_BUCKETS = 256
HALF_HOURS = 48
ACCOUNT_NS = 1_000_000_000  # where the account is journalled, once in so much time
MAX_ROUNDS = 1_000
MAX_TIMERS = 1_000_000
ROWS_PER_ORDER = 10  # from asked for to filled, at most


@dataclass(frozen=True)
class Capacities:
    """How much of each thing a block holds. Data, never types.

    Parameters
    ----------
    instruments, strategies, orders, builders, timers, alerts : int
        Slots in each pool; ``orders`` bounds the open ones, closed slots are reused.
    levels : int
        Book levels in the window of each side and instrument, a power of two from 64; 0 keeps no
        book.
    far : int
        Places for the levels outside of all windows, a power of two; seven of eight can be taken.
    queued : int
        Single orders of all L3 books; 0 keeps none.
    delayed : bool
        True keeps a second set of books, the venue's, for feeds that are late.
    arena : int
        Bytes for strategies' records and indicator windows.
    queue : int
        Commands that the handlers of one event may issue, a power of two.
    rates : int
        The highest order rate that can be limited.
    venues, tiers, latencies : int
        Simulated venues, and rows of their tables of fees and of recorded latencies.
    known : int
        Fills of venues outside that are remembered, a power of two.
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
    far: int = 4096
    queued: int = 0
    delayed: bool = False
    venues: int = 4
    tiers: int = 16
    latencies: int = 0
    known: int = 4096

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
        books = self.instruments * (2 if self.delayed else 1)
        return {
            "instruments": self.instruments,
            "markets": self.instruments,
            "levels": books * 2 * self.levels,
            "positions": (self.strategies + 2) * self.instruments,
            "orders": self.orders,
            "index": _power_of_two(2 * self.orders),
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
            "books": books,
            "bits": books * 2 * (self.levels // 64),
            "far": self.far if self.levels else 0,
            "queued": self.queued,
            "queued_index": _power_of_two(2 * self.queued),
            "venues": self.venues,
            "exchanges": self.instruments,
            "resting": self.orders,
            "flights": _power_of_two(self.orders + self.queue),
            "tiers": self.tiers,
            "latencies": self.latencies,
            "profiles": self.instruments * HALF_HOURS,
            "known": self.known,
            "known_index": 2 * self.known,
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


def _power_of_two(least: int) -> int:
    size = 1
    while size < least:
        size *= 2
    return size


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
