"""What the simulated venues know, and what is on its way to and from them. Data only."""

from __future__ import annotations

from alphaforge.engine.messages import record

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

# Sizes in bytes, as plain integers: kernels can't read a dtype's attribute.
RESTING_BYTES = RESTING.itemsize
EXCHANGE_BYTES = EXCHANGE.itemsize
VENUE_BYTES = VENUE.itemsize
TIER_BYTES = TIER.itemsize
LATENCY_BYTES = LATENCY.itemsize
FLIGHT_BYTES = FLIGHT.itemsize
KNOWN_BYTES = KNOWN.itemsize
