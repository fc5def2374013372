"""Execution algorithms: a parent order that the engine works through child orders.

The parent stays with the engine; its children are plain orders at the venue, linked with it and
visible as such. What they fill, the parent has filled.

| algorithm | works by | ``trail`` | ``display`` | ``expire`` |
|---|---|---|---|---|
| TWAP | equal slices at equal times | slices | | end |
| VWAP | slices in proportion to the volume usual at that time of day | slices | | end |
| POV | a share of what the market trades | parts per billion | smallest child | end, or 0 |
| ICEBERG | one child at a time of a limit price | | child's size | end, or 0 |
| CHASE | one child at our side of the touch, moved with it | ticks behind it | | end, then takes |

A limit price bounds each; without one TWAP, VWAP and POV send market orders, and so does CHASE in
the end. A child that the checks deny ends its parent, but for one slice of many; so does, for
ICEBERG, a child that its venue ends unfilled: the next one would fare no better.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine.atomic import load_i8, store_i8
from alphaforge.engine.block import engine_at, market, order
from alphaforge.engine.contingency import hang_on
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.money import mul_div, share
from alphaforge.engine.wire import cancel_at_venue

_DAY = 86_400_000_000_000
HALF_HOUR = _DAY // L.HALF_HOURS


# --- how much trades at which time of the day -----------------------------------------------------


@hot
def follow_volume(m, i, ts):
    """Count an instrument's volume into the half-hours of the day; ``ts`` is the event's."""
    if ts >= market(m, i).bucket_end:
        _next_bucket(m, i, ts)


@kernel
def _profile(m, i, bucket):
    return m + engine_at(m).profiles_at + 8 * (i * L.HALF_HOURS + bucket)


@kernel
def _next_bucket(m, i, ts):
    k = market(m, i)
    if k.bucket_end > 0:
        at = _profile(m, i, k.bucket)
        store_i8(at, load_i8(at) + k.volume - k.bucket_volume)
    k.bucket = ts % _DAY // HALF_HOUR
    k.bucket_end = ts - ts % HALF_HOUR + HALF_HOUR
    k.bucket_volume = k.volume


@kernel
def _usual(m, i, start, end):
    """Volume usual between two times of a day; 0 where one of its half-hours wasn't seen yet."""
    if end - start > _DAY:
        return 0
    total = 0
    at = start
    for _ in range(L.HALF_HOURS + 1):
        if at >= end:
            break
        edge = min(end, at - at % HALF_HOUR + HALF_HOUR)
        lots = load_i8(_profile(m, i, at % _DAY // HALF_HOUR))
        if lots == 0:
            return 0
        total += mul_div(m, lots, edge - at, HALF_HOUR)
        at = edge
    return total


# --- children -------------------------------------------------------------------------------------


@kernel
def _out(m, slot):
    """Lots that an algorithm's children have working."""
    lots = 0
    child = order(m, slot).child
    while child >= 0:
        if order(m, child).status == K.INITIALIZED or order(m, child).open == 1:
            lots += order(m, child).leaves
        child = order(m, child).sibling
    return lots


@kernel
def _open_child(m, slot):
    """The newest child that works or is about to, or -1."""
    child = order(m, slot).child
    while child >= 0:
        if order(m, child).status == K.INITIALIZED or order(m, child).open == 1:
            return child
        child = order(m, child).sibling
    return -1


@kernel
def _cancel_children(m, slot):
    child = order(m, slot).child
    while child >= 0:
        if order(m, child).open == 1:
            cancel_at_venue(m, child)
        child = order(m, child).sibling


@kernel
def _send_child(m, slot, lots, price, tif, flags):
    """A child of so many lots, a limit where a price is given, else a market order."""
    o = order(m, slot)
    if lots <= 0:
        return
    child = O.new_order(m, 0, o.strategy, o.instrument)
    if child < 0:
        return
    O.plain(m, child, o.side, K.LIMIT_ORDER if price > 0 else K.MARKET_ORDER, tif, lots, price)
    order(m, child).exec_flags = flags | (o.exec_flags & K.REDUCE_ONLY)
    order(m, child).tag = o.tag
    order(m, child).stp = o.stp
    hang_on(m, child, slot, -1)
    O.ask(m, M.SUBMIT, child, 0, 0)


# --- the five -------------------------------------------------------------------------------------


@kernel
def _sliced(m, slot):
    """TWAP and VWAP: after slice k as much is given as the time, or the usual volume, asks for.

    Children of a limit price that don't fill stay where they are: the price is the same for all.
    """
    h = engine_at(m)
    o = order(m, slot)
    n = o.trail
    if o.slices >= n:
        _end(m, slot)
        return
    o.slices += 1
    span = o.expire - o.ts
    due = mul_div(m, o.qty, o.slices, n)
    if o.type == K.VWAP:
        usual = _usual(m, o.instrument, o.ts, o.expire)
        if usual > 0:
            until = o.ts + mul_div(m, span, o.slices, n)
            due = mul_div(m, o.qty, _usual(m, o.instrument, o.ts, until), usual)
    if o.slices == n:
        due = o.qty
    o.wake = o.ts + mul_div(m, span, o.slices, n)
    _send_child(m, slot, due - (o.qty - o.leaves) - _out(m, slot), o.price, K.GTC, 0)
    h.next_slice = min(h.next_slice, o.wake)


@kernel
def _participating(m, slot):
    """POV: as much as its share of what has traded since it began asks for."""
    o = order(m, slot)
    traded = market(m, o.instrument).volume - o.volume
    given = o.qty - o.leaves + _out(m, slot)
    due = min(share(m, traded, o.trail), o.qty) - given
    # The last one may be smaller than the smallest.
    if due > 0 and (due >= o.display or given + due == o.qty):
        _send_child(m, slot, due, o.price, K.IOC, 0)


@kernel
def _shown_by_and_by(m, slot):
    """ICEBERG: the next child once the last is filled."""
    o = order(m, slot)
    if _open_child(m, slot) < 0:
        _send_child(m, slot, min(o.display, o.leaves), o.price, K.GTC, o.exec_flags & K.POST_ONLY)


@kernel
def _chasing(m, slot):
    """CHASE: one child at our side of the touch, no further than the limit."""
    o = order(m, slot)
    k = market(m, o.instrument)
    touch = k.bid if o.side > 0 else k.ask
    if touch <= 0:
        return
    price = touch - o.side * o.trail
    if o.price > 0 and (price - o.price) * o.side > 0:
        price = o.price
    child = _open_child(m, slot)
    if child < 0:
        _send_child(m, slot, o.leaves, price, K.GTC, o.exec_flags & K.POST_ONLY)
    elif order(m, child).price != price and (
        order(m, child).status == K.ACCEPTED or order(m, child).status == K.PARTIALLY_FILLED
    ):
        O.ask_replace(m, o.strategy, order(m, child).id, 0, price, 0)


@kernel
def _end(m, slot):
    """Its time is over: CHASE takes the rest within its limit, the others give up what is left."""
    o = order(m, slot)
    if o.type == K.CHASE and o.slices == 0:
        o.slices = 1
        _cancel_children(m, slot)
    child = _open_child(m, slot)
    if o.type == K.CHASE:
        if child >= 0:
            return  # it is being cancelled, or takes
        if o.slices == 1:
            o.slices = 2
            _send_child(m, slot, o.leaves, o.price, K.IOC if o.price > 0 else K.GTC, 0)
            return
    elif child >= 0 and order(m, child).type == K.MARKET_ORDER:
        return  # it fills with the next of the market
    O.transition(m, slot, O.DO_EXPIRE)


@part("void(int64)")
def work_algorithms(m):
    """Give each algorithm its turn, oldest first; what they ask for is run by the caller."""
    h = engine_at(m)
    h.next_slice = L.FOREVER
    slot = h.algo_head
    while slot >= 0:
        o = order(m, slot)
        if o.open == 1 and o.leaves > 0:
            over = o.expire > 0 and h.now >= o.expire
            if o.type == K.TWAP or o.type == K.VWAP:
                if h.now >= o.wake:
                    _sliced(m, slot)
                else:
                    h.next_slice = min(h.next_slice, o.wake)
            elif over:
                _end(m, slot)
            elif o.type == K.POV:
                _participating(m, slot)
            elif o.type == K.ICEBERG:
                _shown_by_and_by(m, slot)
            else:
                _chasing(m, slot)
            if o.expire > h.now:
                h.next_slice = min(h.next_slice, o.expire)
        slot = o.algo_next
