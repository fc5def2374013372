"""Orders: the pool, the index by id, each instrument's list of working ones, and the state machine.

The state machine is a table, state x event -> state; 0 marks a transition that can't be. It is
closed: every pair is either legal and named here, or refused and counted.
"""

from __future__ import annotations

import numpy as np

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.block import (
    engine_at,
    fail,
    key,
    market,
    notice_address,
    notice_at,
    order,
    strategy,
)
from alphaforge.engine.jit import kernel
from alphaforge.engine.journal import journal_output

ORDER_EVENTS = (
    "submit",
    "deny",
    "emulate",
    "release",
    "accept",
    "reject",
    "trigger",
    "ask_update",
    "update",
    "ask_cancel",
    "cancel",
    "expire",
    "fill_part",
    "fill",
)
(
    DO_SUBMIT,
    DO_DENY,
    DO_EMULATE,
    DO_RELEASE,
    DO_ACCEPT,
    DO_REJECT,
    DO_TRIGGER,
    DO_ASK_UPDATE,
    DO_UPDATE,
    DO_ASK_CANCEL,
    DO_CANCEL,
    DO_EXPIRE,
    DO_FILL_PART,
    DO_FILL,
) = range(14)

_WORKING = {
    "reject": "rejected",
    "ask_update": "pending_update",
    "ask_cancel": "pending_cancel",
    "cancel": "cancelled",
    "expire": "expired",
    "fill_part": "partially_filled",
    "fill": "filled",
}
TRANSITIONS: dict[str, dict[str, str]] = {
    "initialized": {
        "deny": "denied",
        "emulate": "emulated",
        "submit": "submitted",
        "cancel": "cancelled",
    },
    "emulated": {"release": "released", "cancel": "cancelled", "expire": "expired"},
    "released": {"deny": "denied", "submit": "submitted", "cancel": "cancelled"},
    "submitted": {**_WORKING, "accept": "accepted"},
    "accepted": {**_WORKING, "trigger": "triggered", "update": "accepted"},
    "triggered": _WORKING,
    "pending_update": {
        **_WORKING,
        "accept": "accepted",
        "update": "accepted",
        "trigger": "triggered",
    },
    "pending_cancel": {**_WORKING, "accept": "accepted"},
    "partially_filled": {**_WORKING, "update": "partially_filled"},
    # A fill that was on its way when the cancel arrived is real and is honoured.
    "cancelled": {"fill_part": "cancelled", "fill": "filled"},
    "expired": {"fill_part": "expired", "fill": "filled"},
}


def transition_table() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """uint8 table, states x events; 0 where the pair is refused."""
    codes = {name: code for code, name in K.STATUS_NAMES.items()}
    table = np.zeros((len(codes), len(ORDER_EVENTS)), np.uint8)
    for state, row in TRANSITIONS.items():
        for event, target in row.items():
            table[codes[state], ORDER_EVENTS.index(event)] = codes[target]
    return table


_TABLE = transition_table()
_SPREAD = 2_654_435_761  # the golden ratio of 2**32: multiplying spreads ids over the index
_LOW_BITS = 2**31 - 1


@kernel
def is_closed(status):
    """Whether nothing can follow but a late fill."""
    return (
        status == K.DENIED
        or status == K.REJECTED
        or status == K.CANCELLED
        or status == K.EXPIRED
        or status == K.FILLED
    )


@kernel
def allows(status, event):
    """Whether the table has a place for an event in a state."""
    return _TABLE[status, event] != K.FREE


@kernel
def _home(m, order_id):
    return ((order_id & _LOW_BITS) * _SPREAD >> 16) & (engine_at(m).index_n - 1)


@kernel
def find_order(m, order_id):
    """The slot of a client id, or -1. Closed orders are found until their slot is reused."""
    if order_id <= 0:
        return -1
    mask = engine_at(m).index_n - 1
    at = _home(m, order_id)
    while True:
        found = key(m, at)
        if found.id == order_id:
            return found.slot
        if found.id == 0:
            return -1
        at = (at + 1) & mask


@kernel
def _index_add(m, order_id, slot):
    mask = engine_at(m).index_n - 1
    at = _home(m, order_id)
    while key(m, at).id != 0:
        at = (at + 1) & mask
    entry = key(m, at)
    entry.id = order_id
    entry.slot = slot


@kernel
def _index_remove(m, order_id):
    """Take an id out and close the gap, so that no search meets a tombstone."""
    mask = engine_at(m).index_n - 1
    gap = _home(m, order_id)
    while key(m, gap).id != order_id:
        if key(m, gap).id == 0:
            return
        gap = (gap + 1) & mask
    at = (gap + 1) & mask
    while key(m, at).id != 0:
        if ((at - _home(m, key(m, at).id)) & mask) >= ((at - gap) & mask):
            key(m, gap).id = key(m, at).id
            key(m, gap).slot = key(m, at).slot
            gap = at
        at = (at + 1) & mask
    key(m, gap).id = 0


@kernel
def new_order(m, order_id, owner, i, side, type_, tif, qty, price, tag):
    """Take a slot from the pool; -1 and a fault where none is free.

    ``order_id`` 0 lets the engine number it. The slot closed longest ago is reused first, so a
    closed order can still be asked about for as long as possible.
    """
    h = engine_at(m)
    slot = h.free_head
    if slot < 0:
        fail(m, K.FAULT_ORDERS_FULL)
        return -1
    o = order(m, slot)
    h.free_head = o.next
    if h.free_head < 0:
        h.free_tail = -1
    if o.id != 0:
        _index_remove(m, o.id)
    if order_id == 0:
        h.order_seq += 1
        order_id = h.order_seq
    o.id = order_id
    o.venue_id = 0
    o.ts = h.now
    o.ts_last = h.now
    o.qty = qty
    o.leaves = qty
    o.price = price
    o.fee = 0
    o.ahead = 0
    o.tag = tag
    o.deny_limit = 0
    o.deny_value = 0
    o.instrument = i
    o.strategy = owner
    o.next = -1
    o.prev = -1
    o.side = side
    o.type = type_
    o.tif = tif
    o.status = K.INITIALIZED
    o.deny_code = 0
    o.liquidity = K.TAKER
    o.open = 0
    o.filled_times = 0
    for n in range(L.TRADES_KNOWN):
        o.known[n] = L.NO_TRADE
    _index_add(m, order_id, slot)
    return slot


@kernel
def _link(m, slot):
    o = order(m, slot)
    k = market(m, o.instrument)
    o.open = 1
    o.next = -1
    o.prev = k.open_tail
    if k.open_tail >= 0:
        order(m, k.open_tail).next = slot
    else:
        k.open_head = slot
    k.open_tail = slot
    engine_at(m).open_orders += 1
    if o.side > 0:
        k.buying += o.leaves
    else:
        k.selling += o.leaves


@kernel
def _unlink(m, slot):
    o = order(m, slot)
    k = market(m, o.instrument)
    if o.prev >= 0:
        order(m, o.prev).next = o.next
    else:
        k.open_head = o.next
    if o.next >= 0:
        order(m, o.next).prev = o.prev
    else:
        k.open_tail = o.prev
    engine_at(m).open_orders -= 1
    if o.side > 0:
        k.buying -= o.leaves
    else:
        k.selling -= o.leaves
    o.open = 0
    o.prev = -1
    o.next = -1


@kernel
def _release(m, slot):
    """Put a closed order's slot at the end of the free list."""
    h = engine_at(m)
    order(m, slot).next = -1
    if h.free_tail >= 0:
        order(m, h.free_tail).next = slot
    else:
        h.free_head = slot
    h.free_tail = slot


@kernel
def leave(m, slot, lots):
    """Take filled lots off what is left of an order, and off what its instrument has working."""
    o = order(m, slot)
    lots = min(lots, o.leaves)
    if o.open == 1:
        k = market(m, o.instrument)
        if o.side > 0:
            k.buying -= lots
        else:
            k.selling -= lots
    o.leaves -= lots


@kernel
def knows_trade(m, slot, trade_id):
    """Whether one of an order's last ``TRADES_KNOWN`` fills had this trade id."""
    o = order(m, slot)
    found = False
    for n in range(L.TRADES_KNOWN):
        found = found or o.known[n] == trade_id
    return found


@kernel
def remember_trade(m, slot, trade_id):
    """Keep a fill's trade id, so that the same fill reported again is known."""
    o = order(m, slot)
    o.known[o.filled_times % L.TRADES_KNOWN] = trade_id
    o.filled_times += 1


@kernel
def notify(m, handler, slot, qty, price, fee, liquidity):
    """Queue an order or fill event for the owning strategy, if it handles such."""
    h = engine_at(m)
    o = order(m, slot)
    if o.strategy < 0 or (strategy(m, o.strategy).handlers >> handler) & 1 == 0:
        return
    if h.notice_head - h.notice_tail >= h.notices_n:
        fail(m, K.FAULT_QUEUE_FULL)
        return
    n = notice_at(notice_address(m, h.notice_head))
    n.handler = handler
    n.strategy = o.strategy
    n.instrument = o.instrument
    n.status = o.status
    n.order_id = o.id
    n.ts = h.now
    n.qty = qty
    n.price = price
    n.fee = fee
    n.liquidity = liquidity
    n.leaves = o.leaves
    n.tag = o.tag
    h.notice_head += 1


@kernel
def transition(m, slot, event):
    """Move an order along the table: journal it, tell its strategy, keep the lists right.

    Returns 1, or 0 where the table refuses the pair (counted, nothing changed).
    """
    h = engine_at(m)
    o = order(m, slot)
    target = _TABLE[o.status, event]
    if target == K.FREE:
        h.illegal += 1
        return 0
    was_closed = is_closed(o.status)
    o.status = target
    o.ts_last = h.now
    journal_output(
        m, M.ORDER_ROW, target, o.instrument, o.id, o.side * o.leaves, o.price, o.strategy
    )
    closed = is_closed(target)
    if closed and o.open == 1:
        _unlink(m, slot)
    elif not closed and o.open == 0 and target >= K.SUBMITTED:
        _link(m, slot)
    notify(m, K.ON_ORDER, slot, o.side * o.qty, o.price, 0, o.liquidity)
    if closed and not was_closed:
        _release(m, slot)
    return 1
