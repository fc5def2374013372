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
    command_slot,
    engine_at,
    fail,
    market,
    notice_address,
    notice_at,
    order,
    resting,
    strategy,
    submit_slots_at,
)
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.journal import journal_output
from alphaforge.engine.order_index import index_add, index_remove

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
    "resume",
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
    DO_RESUME,
) = range(15)

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
    "emulated": {
        "emulate": "emulated",
        "update": "emulated",
        "release": "released",
        "cancel": "cancelled",
        "expire": "expired",
    },
    "released": {"deny": "denied", "submit": "submitted", "cancel": "cancelled"},
    "submitted": {**_WORKING, "accept": "accepted"},
    "accepted": {**_WORKING, "trigger": "triggered", "update": "accepted"},
    "triggered": {**_WORKING, "update": "triggered"},
    "pending_update": {
        **_WORKING,
        "accept": "accepted",
        "update": "accepted",
        "resume": "partially_filled",
        "trigger": "triggered",
    },
    "pending_cancel": {
        **_WORKING,
        "accept": "accepted",
        "resume": "partially_filled",
        "trigger": "pending_cancel",
        "update": "pending_cancel",
    },
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
DO_UNLINK, DO_ACTIVATE, DO_TRIGGERED_HERE = 200, 201, 202
"""Commands of the engine to itself: an order closed that others hang on, a child's turn has come,
an emulated order's trigger was reached."""


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


@part("int64(int64, int64, int64, int64)")
def new_order(m, order_id, owner, i):
    """Take a slot from the pool; -1 and a fault where none is free. Its terms are still to be set.

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
        index_remove(m, o.id)
    if order_id == 0:
        h.order_seq += 1
        order_id = h.order_seq
    o.id = order_id
    o.venue_id = 0
    o.ts = h.now
    o.ts_last = h.now
    o.qty = 0
    o.leaves = 0
    o.price = 0
    o.fee = 0
    o.ahead = 0
    o.tag = 0
    o.stop = 0
    o.trail = 0
    o.offset = 0
    o.display = 0
    o.expire = 0
    o.parent_id = 0
    o.wanted = 0
    o.slices = 0
    o.wake = 0
    o.volume = 0
    o.deny_limit = 0
    o.deny_value = 0
    o.instrument = i
    o.strategy = owner
    o.next = -1
    o.prev = -1
    o.side = K.BUY
    o.type = K.MARKET_ORDER
    o.tif = K.GTC
    o.status = K.INITIALIZED
    o.deny_code = 0
    o.liquidity = K.TAKER
    o.open = 0
    o.trigger = K.LAST
    o.exec_flags = 0
    o.stp = K.CANCEL_NEWEST
    o.link = K.NO_LINK
    o.unit = K.TRAIL_TICKS
    o.triggered = 0
    o.held = 0
    o.counted = 1
    o.parent = -1
    o.child = -1
    o.sibling = -1
    o.peer = slot
    o.filled_times = 0
    resting(m, slot).state = L.NOT_THERE
    index_add(m, order_id, slot)
    return slot


@kernel
def plain(m, slot, side, type_, tif, qty, price):
    """Give a new order the terms that every order has."""
    o = order(m, slot)
    o.side = side
    o.type = type_
    o.tif = tif
    o.qty = qty
    o.leaves = qty
    o.price = price


@part("void(int64, int64, int64)")
def read_terms(m, slot, e):
    """Take an order's terms from the SUBMIT message at an address; its links aside."""
    o = order(m, slot)
    s = submit_slots_at(e)
    o.side = s.side
    o.type = s.type
    o.tif = s.tif
    o.qty = s.qty
    o.leaves = s.qty
    o.price = s.price
    o.trigger = s.trigger
    o.exec_flags = s.exec_flags
    o.stp = s.stp
    o.link = s.link
    o.unit = s.unit
    o.stop = s.stop
    o.trail = s.trail
    o.offset = s.offset
    o.display = s.display
    o.expire = s.expire
    o.tag = s.tag


@hot
def count(m, slot, lots):
    """Add to what an order's instrument has working on its side."""
    o = order(m, slot)
    if o.counted == 1:
        k = market(m, o.instrument)
        if o.side > 0:
            k.buying += lots
        else:
            k.selling += lots


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
    count(m, slot, o.leaves)
    if o.expire > 0:
        h = engine_at(m)
        h.next_expiry = min(h.next_expiry, o.expire)
        h.next_due = min(h.next_due, o.expire)


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
    count(m, slot, -o.leaves)
    o.open = 0
    o.prev = -1
    o.next = -1


@part("void(int64, int64)")
def release_slot(m, slot):
    """Put a closed order's slot at the end of the free list."""
    h = engine_at(m)
    order(m, slot).next = -1
    if h.free_tail >= 0:
        order(m, h.free_tail).next = slot
    else:
        h.free_head = slot
    h.free_tail = slot


@part("void(int64, int64, int64)")
def leave(m, slot, lots):
    """Take filled lots off what is left of an order, and off what its instrument has working."""
    o = order(m, slot)
    lots = min(lots, o.leaves)
    if o.open == 1:
        count(m, slot, -lots)
    o.leaves -= lots


@part("void(int64, int64, int64)")
def resize(m, slot, qty):
    """Give an order another whole quantity; what is left of it follows."""
    o = order(m, slot)
    if o.open == 1:
        count(m, slot, qty - o.qty)
    o.leaves += qty - o.qty
    o.qty = qty


@kernel
def ask(m, kind, slot, a, b):
    """Queue a command; it runs after this event's handlers.

    ``slot`` is the new order's for SUBMIT, and who asks for CANCEL: nobody may touch another's
    orders.
    """
    _ask(m, kind, slot, a, b, 0, 0)


@kernel
def ask_replace(m, owner, order_id, qty, price, stop):
    """Queue a change of an owner's order; 0 leaves a term as it is."""
    _ask(m, M.REPLACE, owner, order_id, qty, price, stop)


@part("void(int64, int64, int64, int64, int64, int64, int64)")
def _ask(m, kind, slot, a, b, c, d):
    h = engine_at(m)
    if h.command_head - h.command_tail >= h.commands_n:
        fail(m, K.FAULT_QUEUE_FULL)
        return
    command = command_slot(m, h.command_head)
    command.kind = kind
    command.slot = slot
    command.a = a
    command.b = b
    command.c = c
    command.d = d
    h.command_head += 1


@hot
def is_linked(m, slot):
    """Whether an order hangs together with others: a parent, children, or peers."""
    o = order(m, slot)
    return o.parent >= 0 or o.child >= 0 or o.peer != slot or o.type >= K.FIRST_ALGORITHM


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


@part("int64(int64, int64, int64)")
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
    elif not closed and o.open == 0 and target != K.INITIALIZED:
        _link(m, slot)
    notify(m, K.ON_ORDER, slot, o.side * o.qty, o.price, 0, o.liquidity)
    if closed and not was_closed:
        if is_linked(m, slot):
            ask(m, DO_UNLINK, slot, o.id, 0)  # which gives the slot back
        else:
            release_slot(m, slot)
    return 1
