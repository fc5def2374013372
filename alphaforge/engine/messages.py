"""What travels: events, commands, execution reports, journal rows, in one or two 64-byte slots.

Data only. Kernels know this module as ``M``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SLOT_BYTES = 64

# --- kinds of message: what a slot is -------------------------------------------------------------
PAD = 0  # fills a ring's end; readers skip it

# what a market says
TRADE = 1
QUOTE = 2
DEPTH = 3  # one price level's new total, L2
BAR = 4  # two slots
ACTION = 5  # corporate action: a split
CLOCK = 6  # a source's watermark: nothing earlier will follow from it
WAKE = 7  # the live clock passed a timer's due time
BOOK = 8  # a frame of DEPTH or order-level messages begins
ORDER_ADD = 9  # order-level book, L3, from here
ORDER_MODIFY = 10
ORDER_CANCEL = 11
ORDER_EXECUTE = 12
MARK = 13
INDEX = 14
FUNDING = 15
STATUS = 16
AUCTION = 17
CUSTOM = 18

# commands
SUBMIT = 30  # two slots
CANCEL = 31
CANCEL_ALL = 32
REPLACE = 33  # two slots
STATE = 34  # set the trading state
LIMIT = 35  # set a limit
ACKNOWLEDGE = 36  # an alert was seen
KILL = 37
FLATTEN = 38  # close every owner's position in an instrument
HOLD = 39  # strategies look but don't trade
DEFINE = 40  # an instrument, a bar builder or a strategy, from memory the host holds
DETACH = 41  # a strategy stops
LAST_COMMAND = DETACH

REPORT = 50  # execution report, two slots
MORE_INPUT = 51  # journal: the rest of an input of two slots

# journal outputs
ORDER_ROW = 60
FILL_ROW = 61
POSITION_ROW = 62
ACCOUNT_ROW = 63
DENIAL_ROW = 64
ALERT_ROW = 65
BAR_ROW = 66  # two rows: prices, then volumes
FAULT_ROW = 67
MORE_ROW = 68  # the second row of a pair
TIMER_ROW = 69
TERMS_ROW = 70
BOOK_ROW = 71
CASH_ROW = 72
METRIC_ROW = 73
LOG_ROW = 74
SWAP_ROW = 75  # a strategy was given other code

FIRST_OUTPUT = ORDER_ROW
"""Journal kinds from here on are outputs: they alone make the journal hash."""

# --- bits of an event's code ----------------------------------------------------------------------
MORE = 1  # DEPTH and order-level messages: more of the same frame follow
VENUE_ONLY = 2  # what the venue knows now and we shall be told later
LOCAL_ONLY = 4  # what we are told now and the venue knew before
SNAPSHOT = 8  # BOOK: the frame is the whole book


def record(*fields: Any) -> np.dtype[np.void]:
    """A record of (name, type) or (name, type, shape) fields, laid out as C would."""
    return np.dtype(list(fields), align=True)


def offset_of(layout: np.dtype[np.void], name: str) -> int:
    """Bytes from a record's start to one of its fields."""
    fields = layout.fields
    if fields is None:
        raise TypeError("only a record has fields")
    return int(fields[name][1])


SLOT = record(
    ("seq", "i8"),
    ("ts", "i8"),  # event time, ns UTC
    ("ts_recv", "i8"),  # when it reached this process, ns UTC
    ("kind", "u1"),
    ("code", "u1"),  # events: bits, see ``MORE``; rows: a status or a rule
    ("instrument", "u2"),
    ("check", "u4"),
    ("a", "i8"),
    ("b", "i8"),
    ("c", "i8"),
    ("d", "i8"),
)
"""The 32-byte header and 32-byte payload that all messages share; see ``PAYLOADS``."""

BAR_SLOTS = record(
    ("seq", "i8"),
    ("ts", "i8"),  # close time
    ("ts_recv", "i8"),
    ("kind", "u1"),
    ("code", "u1"),
    ("instrument", "u2"),
    ("check", "u4"),
    ("open", "i8"),  # ticks
    ("high", "i8"),
    ("low", "i8"),
    ("close", "i8"),
    ("volume", "i8"),  # lots
    ("notional", "i8"),  # ticks x lots; 0 where unknown, UNKNOWN where it passed int64
    ("buy_volume", "i8"),
    ("trades", "i8"),
    ("ts_open", "i8"),
    ("ts_first", "i8"),
    ("ts_last", "i8"),
    ("interval", "i8"),
)
"""A bar event: two slots."""

CUSTOM_SLOT = record(
    ("seq", "i8"),
    ("ts", "i8"),
    ("ts_recv", "i8"),
    ("kind", "u1"),
    ("code", "u1"),  # which of the sender's kinds
    ("instrument", "u2"),
    ("check", "u4"),
    ("a", "f8"),
    ("b", "f8"),
    ("c", "f8"),
    ("d", "f8"),
)
"""What somebody sends beside the market: one slot, its payload float64."""

ORDER_SLOTS = record(
    ("seq", "i8"),
    ("ts", "i8"),
    ("ts_recv", "i8"),
    ("kind", "u1"),
    ("code", "u1"),  # REPORT: the new status
    ("instrument", "u2"),
    ("check", "u4"),
    ("order_id", "i8"),
    ("qty", "i8"),  # lots: SUBMIT and REPLACE the whole, REPORT what this fill filled, or a rule
    ("price", "i8"),  # ticks: limit price, or fill price
    ("side", "i1"),
    ("type", "u1"),
    ("tif", "u1"),
    ("liquidity", "u1"),
    ("exec_flags", "u1"),  # out: of those the venue knows post only
    ("trade_id", "i8"),
    ("tag", "i8"),
    ("ahead", "i8"),  # lots queued before it, where the venue tells
    ("venue_id", "i8"),
    ("stop", "i8"),  # ticks: trigger price
    ("spare1", "i8"),  # two whole slots
    ("spare2", "i8"),
    ("spare3", "i8"),
)
"""Orders out to a venue outside, and its execution reports: two slots."""

SUBMIT_SLOTS = record(
    ("seq", "i8"),
    ("ts", "i8"),
    ("ts_recv", "i8"),
    ("kind", "u1"),
    ("code", "u1"),
    ("instrument", "u2"),
    ("check", "u4"),
    ("order_id", "i8"),
    ("qty", "i8"),  # lots
    ("price", "i8"),  # ticks: limit price, 0 none
    ("side", "i1"),
    ("type", "u1"),
    ("tif", "u1"),
    ("trigger", "u1"),
    ("exec_flags", "u1"),
    ("stp", "u1"),
    ("link", "u1"),  # contingency with its parent and its peers
    ("unit", "u1"),  # of a trailing offset
    ("stop", "i8"),  # ticks: trigger price, 0 none
    ("trail", "i8"),  # trailing offset, in its unit; an algorithm's number
    ("offset", "i8"),  # ticks from a trailing stop to its limit
    ("display", "i8"),  # lots shown; 0 all
    ("expire", "i8"),  # ns UTC, 0 none
    ("tag", "i8"),
    ("parent", "i8"),  # order id, 0 none
    ("peer", "i8"),  # order id of one it is linked with, 0 none
)
"""SUBMIT and REPLACE commands: two slots, as ``ORDER`` has them."""

PAYLOADS = {
    TRADE: "a price_tick, b qty_lot, c trade_id, d aggressor side (+1, -1, 0 unknown)",
    QUOTE: "a bid_tick, b bid_lot, c ask_tick, d ask_lot",
    DEPTH: "a price_tick, b the level's new total qty_lot (0 removes), c side, d orders there",
    ACTION: "a numerator, b denominator, c kind (0 a split)",
    CLOCK: "nothing: ts is the watermark",
    WAKE: "nothing: ts is the live clock",
    BOOK: "a first id, b last id, c id of the frame before or -1 unchecked, d checksum or -1",
    ORDER_ADD: "a order id, b price_tick, c qty_lot, d side",
    ORDER_MODIFY: "a order id, b price_tick, c new qty_lot",
    ORDER_CANCEL: "a order id, c lots taken off, or 0 all",
    ORDER_EXECUTE: "a order id, c lots traded",
    MARK: "a price_tick",
    INDEX: "a price_tick",
    FUNDING: "a rate (parts per billion of the position at the mark, longs pay), b price_tick or 0",
    STATUS: "a trading status, b when the session ends (ns UTC) or 0",
    AUCTION: "a price_tick, b qty_lot, c 0 opening, 1 closing",
    CUSTOM: "code kind (0..255, yours); a, b, c, d the bits of four float64",
    SUBMIT: "see SUBMIT_SLOTS",
    CANCEL: "a order_id",
    CANCEL_ALL: "a instrument or -1",
    REPLACE: "see SUBMIT_SLOTS: qty, price, stop; 0 leaves as it is",
    STATE: "a trading state",
    LIMIT: "a limit index, b value",
    ACKNOWLEDGE: "a alert id",
    KILL: "a 1 flattens as well",
    FLATTEN: "a instrument",
    HOLD: "a 1 holds, 0 lets go",
    DEFINE: "code what; a address of the record, b bytes, c address of a strategy's watch list",
    DETACH: "a strategy slot",
    REPORT: "see ORDER_SLOTS; of a rejection qty is the rule, or 0",
    ORDER_ROW: "code status; a order_id, b signed leaves_lot, c price_tick, d strategy",
    FILL_ROW: "code liquidity; a order_id, b signed qty_lot, c price_tick, d fee (ledger)",
    POSITION_ROW: "code 0 net, else 1 + strategy; a qty_lot, b cost, c realised, d fees (ledger)",
    ACCOUNT_ROW: "a cash, b market value, c fees, d realised (ledger)",
    DENIAL_ROW: "code rule; a order_id, b limit, c value",
    ALERT_ROW: "code rule; a alert id, b limit, c value, d count",
    BAR_ROW: "ts close; ts_recv open time; a open, b high, c low, d close (ticks); code builder",
    MORE_ROW: "after a bar: ts_recv its number; a volume, b notional, c buy_volume, d trades",
    FAULT_ROW: "code fault; a strategy, b handler",
    TIMER_ROW: "a strategy, b timer id, c due",
    TERMS_ROW: (
        "code type; a order_id, b bytes tif, flags, trigger, link, unit, stp, c trigger price or "
        "offset, d parent id and, 32 bits higher, peer id; not of plain market and limit orders"
    ),
    BOOK_ROW: "code book state; a expected, b found, c messages left out so far, d book",
    CASH_ROW: "code cause; a amount (ledger), b rate, c signed qty_lot, d price_tick",
    METRIC_ROW: "a strategy, b name id (first 8 bytes of its sha256), c bits of a float64",
    SWAP_ROW: "a strategy, b digest of its new code (first 8 bytes)",
    LOG_ROW: "a strategy, b text id (first 8 bytes of its sha256), c bits of a float64",
}

_SIZES = [r.itemsize for r in (SLOT, CUSTOM_SLOT, BAR_SLOTS, ORDER_SLOTS, SUBMIT_SLOTS)]
if _SIZES != [64, 64, 128, 128, 128]:
    raise TypeError("messages must be whole slots: a field was added or lost")

BAR_SLOTS_BYTES = BAR_SLOTS.itemsize  # a plain integer: kernels can't read a dtype's attribute
