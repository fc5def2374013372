"""What books are made of: their state, levels near and far, single orders. Data only."""

from __future__ import annotations

from alphaforge.engine.messages import record

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

# Sizes in bytes, as plain integers: kernels can't read a dtype's attribute.
BOOK_BYTES = BOOK.itemsize
LEVEL_BYTES = LEVEL.itemsize
FAR_BYTES = FAR.itemsize
QUEUED_BYTES = QUEUED.itemsize
