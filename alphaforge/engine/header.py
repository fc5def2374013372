"""The block's header: the engine's own state and where its pools are. Data only."""

from __future__ import annotations

from alphaforge.engine.messages import record

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
    ("calls", "i8"),  # of handlers, counted as one begins and as it ends: odd while one runs
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
    ("said", "i8"),  # values recorded and logged in one event, and in which
    ("said_in", "i8"),
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

ENGINE_BYTES = ENGINE.itemsize
