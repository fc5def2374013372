"""Queue position: how many lots of others stand before an own limit order at its price.

Recorded data doesn't say where in the queue a cancel happened. Each model is a rule for that; what
trades at the price always comes off the front. Own orders are no part of what was recorded, so
``ahead`` counts others only, and own orders at one price share what trades there by arrival.
"""

from __future__ import annotations

import math

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.block import engine_at, exchange, instrument, order, resting, venue
from alphaforge.engine.book import best_of, lots_at
from alphaforge.engine.executions import execute
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.terms import REDUCES
from alphaforge.engine.wire import reducible_there


@hot
def _queue_of(m, i):
    return venue(m, instrument(m, i).venue).queue


@kernel
def _displayed(m, i, side, tick):
    """Lots of others displayed at a price, or UNKNOWN where our data doesn't reach."""
    x = exchange(m, i)
    if venue(m, instrument(m, i).venue).depth != K.L1:
        return lots_at(m, i + engine_at(m).delayed, side, tick)
    touch = x.bid if side > 0 else x.ask
    if touch <= 0 or (tick - touch) * side < 0:
        return L.UNKNOWN
    if tick != touch:
        return 0
    return x.bid_lot if side > 0 else x.ask_lot


@part("void(int64, int64)")
def join_queue(m, slot):
    """Stand at the end of the queue at the order's price; also where an iceberg shows anew."""
    o, r = order(m, slot), resting(m, slot)
    queue = _queue_of(m, o.instrument)
    r.traded = 0
    r.level = _displayed(m, o.instrument, o.side, r.price)
    if queue == K.QUEUE_FRONT or queue == K.QUEUE_THROUGH:
        r.ahead = 0
    else:
        r.ahead = r.level
    if queue == K.QUEUE_FIFO:
        r.level = engine_at(m).queued_seq


@kernel
def _behind(m, v, front, back, gone):
    """Of lots cancelled at a price, how many stood behind us.

    With f(x) = x**n (power) or log(1 + x) (log) of the lots behind and before, the share behind is
    f(back) / (f(back) + f(front)): the more stand behind, the more of what is cancelled was there.

    Notes
    -----
    Rigtorp, "Estimating order queue position", 2013; the log and power forms follow the
    documentation of hftbacktest ("Probability queue position model").
    """
    here = venue(m, v)
    if here.queue == K.QUEUE_LOG:
        of_back, of_front = math.log(1.0 + back), math.log(1.0 + front)
    else:
        of_back, of_front = math.pow(float(back), here.power), math.pow(float(front), here.power)
    total = of_back + of_front
    if total <= 0.0:
        return 0
    return min(back, round(gone * (of_back / total)))


@kernel
def level_changed(m, i, side, tick, before, after):
    """A price's displayed lots changed: own orders there move up as their model says."""
    v = instrument(m, i).venue
    queue = venue(m, v).queue
    if queue == K.QUEUE_THROUGH or queue == K.QUEUE_FRONT or queue == K.QUEUE_FIFO:
        return
    x = exchange(m, i)
    if side > 0:
        if tick > x.buy_high or tick < x.buy_low:
            return
    elif tick < x.sell_low or tick > x.sell_high:
        return
    slot = x.head
    while slot >= 0:
        r = resting(m, slot)
        if r.state == L.IN_BOOK and r.price == tick and order(m, slot).side == side:
            if r.ahead == L.UNKNOWN:
                r.ahead = after
            elif queue != K.QUEUE_RISK_AVERSE:
                gone = before - r.traded - after
                if gone > 0:
                    back = max(0, before - r.traded - r.ahead)
                    r.ahead = max(0, r.ahead - (gone - _behind(m, v, r.ahead, back, gone)))
            r.ahead = min(r.ahead, after)
            r.traded = 0
            r.level = after
        slot = r.next


@kernel
def _fill_resting(m, slot, lots):
    """Fill a resting order at its price, as far as it may; how many lots it took."""
    o, r = order(m, slot), resting(m, slot)
    if venue(m, instrument(m, o.instrument).venue).whole == 1:
        lots = r.leaves
    got = min(lots, r.leaves)
    if o.display > 0:
        got = min(got, r.shown)
    if o.exec_flags & REDUCES:
        got = min(got, reducible_there(m, slot))
    if got <= 0:
        return 0
    execute(m, slot, got, r.price, engine_at(m).now, K.MAKER)
    if r.state == L.IN_BOOK and o.display > 0 and r.shown == 0:
        r.shown = min(o.display, r.leaves)
        join_queue(m, slot)
    return got


@kernel
def _next_hit(m, i, side, tick, price, arrival):
    """The own order that a trade at ``tick`` meets next: best price first, then by arrival; or -1.

    ``price`` and ``arrival`` are those of the last that it met; 0 and 0 at first.
    """
    best = -1
    slot = exchange(m, i).head
    while slot >= 0:
        r = resting(m, slot)
        if r.state == L.IN_BOOK and order(m, slot).side == side and r.price > 0:
            worse = (price - r.price) * side
            later = arrival == 0 or worse > 0 or (worse == 0 and r.arrival > arrival)
            reached = (r.price - tick) * side >= 0
            if later and reached:
                better = 1 if best < 0 else (r.price - resting(m, best).price) * side
                if better > 0:
                    best = slot
        slot = r.next
    return best


@part("void(int64, int64, int64, int64, int64)")
def traded_at(m, i, side, tick, lots):
    """A trade took lots from a side of the book at a price: what own orders there get of it.

    Orders at better prices would have been met first and fill at their own price, by as many lots;
    those at the price itself fill by what exceeds their queue.
    """
    x = exchange(m, i)
    if side > 0:
        if tick > x.buy_high:
            return
    elif tick < x.sell_low:
        return
    queue = _queue_of(m, i)
    left = lots
    slot = x.head
    while slot >= 0:  # the level will be told without these lots, whoever of us got them
        if resting(m, slot).price == tick and order(m, slot).side == side:
            resting(m, slot).traded += lots
        slot = resting(m, slot).next
    price, arrival = 0, 0
    for _ in range(x.count):
        hit = _next_hit(m, i, side, tick, price, arrival)
        if hit < 0 or left <= 0:
            return
        r = resting(m, hit)
        price, arrival = r.price, r.arrival
        if price != tick or queue == K.QUEUE_FRONT:
            left -= _fill_resting(m, hit, left)
        elif queue != K.QUEUE_THROUGH and queue != K.QUEUE_FIFO and r.ahead >= 0:
            over = left - r.ahead
            r.ahead = max(0, r.ahead - left)
            if over > 0:
                left -= _fill_resting(m, hit, over)


@part("void(int64, int64, int64, int64, int64, int64, int64)")
def queued_left(m, i, side, tick, lots, seq, traded):
    """An order of an L3 book lost lots at a price: exact queue positions.

    Parameters
    ----------
    seq : the number by which that order joined its queue
    traded : 1 where the lots traded, 0 where they were cancelled
    """
    x = exchange(m, i)
    if _queue_of(m, i) != K.QUEUE_FIFO:
        return
    slot = x.head
    while slot >= 0:
        r = resting(m, slot)
        ours = r.state == L.IN_BOOK and r.price == tick and order(m, slot).side == side
        if ours and seq <= r.level:
            r.ahead = max(0, r.ahead - lots)
        slot = r.next
    left = lots if traded == 1 else 0
    slot = x.head
    for _ in range(x.count * x.count + 1):  # it may begin anew as often as one leaves
        if slot < 0 or left <= 0:
            return
        r = resting(m, slot)
        following = r.next
        ours = r.state == L.IN_BOOK and r.price == tick and order(m, slot).side == side
        if ours and seq > r.level:
            left -= _fill_resting(m, slot, left)
        slot = following
        if slot >= 0 and resting(m, slot).state == L.NOT_THERE:
            slot = x.head


@part("void(int64, int64)")
def touch_moved(m, i):
    """Where the touch has left own prices behind, nobody stands before them any more."""
    x = exchange(m, i)
    if venue(m, instrument(m, i).venue).depth == K.L1:
        bid, ask = x.bid, x.ask
    else:
        b = i + engine_at(m).delayed
        bid, ask = best_of(m, b, 1), best_of(m, b, -1)
    if not (x.buy_high > bid and bid > 0) and not (x.sell_low < ask and ask > 0):
        return
    slot = x.head
    while slot >= 0:
        r = resting(m, slot)
        if r.state == L.IN_BOOK and r.price > 0:
            if order(m, slot).side > 0:
                alone = bid > 0 and r.price > bid
            else:
                alone = ask > 0 and r.price < ask
            if alone:
                r.ahead = 0
        slot = r.next
