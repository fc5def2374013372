"""Execution reports of venues outside; what can't be is counted and shown, never applied."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import orders as O
from alphaforge.engine import rules as R
from alphaforge.engine.atomic import load_i8, store_i8
from alphaforge.engine.block import engine_at, known_at, order, order_slots_at
from alphaforge.engine.executions import take_in
from alphaforge.engine.jit import kernel, part
from alphaforge.engine.order_index import find_order
from alphaforge.engine.risk import raise_alert
from alphaforge.engine.wire import hear

_SPREAD = 2_654_435_761
_LOW_BITS = 2**31 - 1


# --- fills that were reported already -------------------------------------------------------------


@kernel
def _known(m, n):
    h = engine_at(m)
    return known_at(m + h.known_at + (n & (h.known_n - 1)) * L.KNOWN_BYTES)


@kernel
def _place(m, order_id, trade_id):
    h = engine_at(m)
    mixed = ((order_id ^ (trade_id << 7) ^ (trade_id >> 24)) & _LOW_BITS) * _SPREAD >> 12
    return mixed & (h.known_index_n - 1)


@kernel
def _entry(m, at):
    return load_i8(m + engine_at(m).known_index_at + 8 * at)


@kernel
def _set_entry(m, at, value):
    store_i8(m + engine_at(m).known_index_at + 8 * at, value)


@kernel
def knows_fill(m, order_id, trade_id):
    """Whether a fill was taken in, among the last that are remembered."""
    h = engine_at(m)
    if h.known_n == 0:
        return False
    at = _place(m, order_id, trade_id)
    while _entry(m, at) >= 0:
        k = _known(m, _entry(m, at))
        if k.order_id == order_id and k.trade_id == trade_id:
            return True
        at = (at + 1) & (h.known_index_n - 1)
    return False


@kernel
def remember_fill(m, order_id, trade_id):
    """Remember a fill; the oldest one is forgotten where there is no more room."""
    h = engine_at(m)
    if h.known_n == 0:
        return
    mask = h.known_index_n - 1
    if h.known_head >= h.known_n:
        _forget(m, h.known_head - h.known_n)
    k = _known(m, h.known_head)
    k.order_id = order_id
    k.trade_id = trade_id
    at = _place(m, order_id, trade_id)
    while _entry(m, at) >= 0:
        at = (at + 1) & mask
    _set_entry(m, at, h.known_head & (h.known_n - 1))
    h.known_head += 1


@kernel
def _forget(m, n):
    """Take an entry out of the index and close the gap, so that no search meets a tombstone."""
    h = engine_at(m)
    mask = h.known_index_n - 1
    old = _known(m, n)
    gap = _place(m, old.order_id, old.trade_id)
    while _entry(m, gap) != n & (h.known_n - 1):
        gap = (gap + 1) & mask
    at = (gap + 1) & mask
    while _entry(m, at) >= 0:
        k = _known(m, _entry(m, at))
        if ((at - _place(m, k.order_id, k.trade_id)) & mask) >= ((at - gap) & mask):
            _set_entry(m, gap, _entry(m, at))
            gap = at
        at = (at + 1) & mask
    _set_entry(m, gap, -1)


# --- reports --------------------------------------------------------------------------------------


@kernel
def _accepted(m, slot, price, lots):
    """An order works, at this price: new, or after a replace whose answer a fill may overtake.

    ``lots`` are what works after a replace; 0 as many as before.
    """
    o = order(m, slot)
    if o.status == K.PENDING_UPDATE and 0 < lots < o.leaves:
        O.resize(m, slot, o.qty - o.leaves + lots)
    moved = o.open == 1 and o.price > 0 and price > 0 and price != o.price
    if moved:
        o.price = price
    if moved and (o.status == K.ACCEPTED or o.status == K.PARTIALLY_FILLED):
        O.transition(m, slot, O.DO_UPDATE)
    else:
        hear(m, slot, K.ACCEPTED, 0, 0, 0)


@part("void(int64, int64)")
def apply_report(m, e):
    """An execution report moves its order.

    A fill that is known is ignored and counted; one after a cancel is honoured; one of more than
    is left, and one of an unknown order, is counted and shown: it can't be right on both sides.
    """
    h = engine_at(m)
    r = order_slots_at(e)
    slot = find_order(m, r.order_id)
    if slot < 0:
        h.unknown_reports += 1
        if r.code == K.FILLED:
            i = int(r.instrument) if r.instrument < h.instruments_used else -1
            raise_alert(m, R.UNKNOWN_FILL, K.CRITICAL, i, 0, r.qty)
        return
    o = order(m, slot)
    if r.venue_id != 0:
        o.venue_id = r.venue_id
    o.ahead = r.ahead
    if r.code == K.ACCEPTED:
        _accepted(m, slot, r.price, r.qty)
    elif r.code == K.REJECTED:
        hear(m, slot, r.code, r.qty if R.PASSED < r.qty <= R.LAST else 0, 0, 0)
    elif r.code == K.CANCELLED or r.code == K.EXPIRED:
        hear(m, slot, r.code, 0, 0, 0)
    elif r.code == K.FILLED:
        _filled(m, slot, e)


@kernel
def _filled(m, slot, e):
    h = engine_at(m)
    o = order(m, slot)
    r = order_slots_at(e)
    if knows_fill(m, r.order_id, r.trade_id):
        h.duplicate_fills += 1
    elif r.qty <= 0 or r.price <= 0:
        h.unknown_reports += 1
    elif r.qty > o.leaves:
        h.over_fills += 1
        raise_alert(m, R.OVER_FILL, K.CRITICAL, o.instrument, o.leaves, r.qty)
    elif not O.allows(o.status, O.DO_FILL):
        h.illegal += 1
    else:
        remember_fill(m, r.order_id, r.trade_id)
        take_in(m, slot, r.qty, r.price, h.now, r.liquidity)
