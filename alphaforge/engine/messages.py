"""What travels: events, commands, execution reports, journal rows, in one or two 64-byte slots.

Data only. Kernels know this module as ``M``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SLOT_BYTES = 64

# --- kinds of message: what a slot is -------------------------------------------------------------
PAD = 0  # fills a ring's end; readers skip it
TRADE = 1
QUOTE = 2
DEPTH = 3  # one price level's new total, L2
BAR = 4  # two slots
ACTION = 5  # corporate action: a split
CLOCK = 6  # a source's watermark: nothing earlier will follow from it
WAKE = 7  # the live clock passed a timer's due time
SUBMIT = 10  # command, two slots
CANCEL = 11
CANCEL_ALL = 12
REPLACE = 13
STATE = 14  # command: set the trading state
LIMIT = 15  # command: set a limit
ACKNOWLEDGE = 16  # command: an alert was seen
KILL = 17
HOLD = 23  # command: strategies look but don't trade
FLATTEN = 22  # command: close every owner's position in an instrument
DEFINE = 18  # command: an instrument, a bar builder or a strategy, from memory the host holds
DETACH = 19  # command: a strategy stops
REPORT = 20  # execution report, two slots
MORE_INPUT = 21  # journal: the rest of an input of two slots
ORDER_ROW = 30  # journal outputs from here on
FILL_ROW = 31
POSITION_ROW = 32
ACCOUNT_ROW = 33
DENIAL_ROW = 34
ALERT_ROW = 35
BAR_ROW = 36  # two rows: prices, then volumes
FAULT_ROW = 37
MORE_ROW = 38  # the second row of a pair
TIMER_ROW = 39

FIRST_OUTPUT = ORDER_ROW
"""Journal kinds from here on are outputs: they alone make the journal hash."""


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
    ("code", "u1"),  # events: the source; rows: a status or a rule
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

ORDER_SLOTS = record(
    ("seq", "i8"),
    ("ts", "i8"),
    ("ts_recv", "i8"),
    ("kind", "u1"),
    ("code", "u1"),  # REPORT: the new status
    ("instrument", "u2"),
    ("check", "u4"),
    ("order_id", "i8"),
    ("qty", "i8"),  # lots: SUBMIT the whole, REPORT what this fill filled
    ("price", "i8"),  # ticks: limit price, or fill price
    ("side", "i1"),
    ("type", "u1"),
    ("tif", "u1"),
    ("liquidity", "u1"),
    ("pad", "i4"),
    ("trade_id", "i8"),
    ("tag", "i8"),
    ("ahead", "i8"),  # lots queued before it, where the venue tells
    ("venue_id", "i8"),
    ("spare0", "i8"),  # two whole slots
    ("spare1", "i8"),
    ("spare2", "i8"),
    ("spare3", "i8"),
)
"""SUBMIT commands, orders out and execution reports: two slots."""

PAYLOADS = {
    TRADE: "a price_tick, b qty_lot, c trade_id, d aggressor side (+1, -1, 0 unknown)",
    QUOTE: "a bid_tick, b bid_lot, c ask_tick, d ask_lot",
    DEPTH: "a price_tick, b the level's new total qty_lot (0 removes), c side, d orders there",
    ACTION: "a numerator, b denominator of a split",
    CLOCK: "nothing: ts is the watermark",
    WAKE: "nothing: ts is the live clock",
    CANCEL: "a order_id",
    CANCEL_ALL: "a instrument or -1",
    REPLACE: "a order_id, c price_tick",
    STATE: "a trading state",
    LIMIT: "a limit index, b value",
    ACKNOWLEDGE: "a alert id",
    KILL: "a 1 flattens as well",
    FLATTEN: "a instrument",
    HOLD: "a 1 holds, 0 lets go",
    DEFINE: "code what; a address of the record, b bytes, c address of a strategy's watch list",
    DETACH: "a strategy slot",
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
}

if (SLOT.itemsize, BAR_SLOTS.itemsize, ORDER_SLOTS.itemsize) != (64, 128, 128):
    raise TypeError("messages must be whole slots: a field was added or lost")

BAR_SLOTS_BYTES = BAR_SLOTS.itemsize  # a plain integer: kernels can't read a dtype's attribute
