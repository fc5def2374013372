"""Own orders at the simulated venue: who is there, by arrival, and the bounds of their prices.

The bounds let an event that can't matter to any of them pass without a look at each. They may be
wider than the orders are, never narrower; they are drawn anew when an order leaves.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.block import engine_at, exchange, market, order, resting
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.money import mul_div
from alphaforge.engine.terms import TRAILING, has


@hot
def rises(type_, side):
    """Whether a trigger is reached from below: stops of buyers, touches of sellers."""
    touched = type_ == K.MARKET_IF_TOUCHED or type_ == K.LIMIT_IF_TOUCHED
    return (side > 0) != touched


@hot
def is_eager(m, slot):
    """Whether any event may matter to an order at the venue: it has no price to wait for."""
    r = resting(m, slot)
    if r.state == L.IN_BOOK:
        o = order(m, slot)
        return r.price == 0 or o.tif == K.IOC or o.tif == K.FOK
    return r.state == L.IN_AUCTION or has(TRAILING, order(m, slot).type)


@kernel
def _widen(m, slot):
    """Take an order into the bounds and counts of its instrument."""
    o, r = order(m, slot), resting(m, slot)
    x = exchange(m, o.instrument)
    if is_eager(m, slot):
        x.eager += 1
    elif r.state == L.WAITING:
        if rises(o.type, o.side):
            x.rising = min(x.rising, r.stop)
        else:
            x.falling = max(x.falling, r.stop)
    elif r.state == L.IN_BOOK and o.side > 0:
        x.buy_high = max(x.buy_high, r.price)
        x.buy_low = min(x.buy_low, r.price)
    elif r.state == L.IN_BOOK:
        x.sell_low = min(x.sell_low, r.price)
        x.sell_high = max(x.sell_high, r.price)


@part("void(int64, int64)")
def redraw(m, i):
    """Draw the bounds and counts of an instrument anew."""
    x = exchange(m, i)
    x.eager = 0
    x.buy_high = L.NO_PRICE
    x.sell_high = L.NO_PRICE
    x.falling = L.NO_PRICE
    x.buy_low = -L.NO_PRICE
    x.sell_low = -L.NO_PRICE
    x.rising = -L.NO_PRICE
    slot = x.head
    while slot >= 0:
        _widen(m, slot)
        slot = resting(m, slot).next


@part("void(int64, int64)")
def leave_venue(m, slot):
    """Take an order off its instrument's list; nothing where it isn't there."""
    r = resting(m, slot)
    if r.state == L.NOT_THERE:
        return
    i = order(m, slot).instrument
    x = exchange(m, i)
    if r.prev >= 0:
        resting(m, r.prev).next = r.next
    else:
        x.head = r.next
    if r.next >= 0:
        resting(m, r.next).prev = r.prev
    else:
        x.tail = r.prev
    r.state = L.NOT_THERE
    r.next = -1
    r.prev = -1
    x.count -= 1
    redraw(m, i)


@part("void(int64, int64, int64)")
def enter_venue(m, slot, state):
    """Put an order at the end of its instrument's list, as waiting, in the book or for an auction.

    One that is there already changes its state and goes to the end.
    """
    r = resting(m, slot)
    if r.state != L.NOT_THERE:
        leave_venue(m, slot)
    x = exchange(m, order(m, slot).instrument)
    h = engine_at(m)
    h.arrivals += 1
    r.arrival = h.arrivals
    r.state = state
    r.next = -1
    r.prev = x.tail
    if x.tail >= 0:
        resting(m, x.tail).next = slot
    else:
        x.head = slot
    x.tail = slot
    x.count += 1
    _widen(m, slot)


@part("int64(int64, int64, int64)")
def best_own(m, i, side):
    """The own limit in the book with a side's best price, the oldest of equals; or -1."""
    x = exchange(m, i)
    if (side > 0 and x.buy_high == L.NO_PRICE) or (side < 0 and x.sell_low == -L.NO_PRICE):
        return -1
    best = -1
    slot = x.head
    while slot >= 0:
        r = resting(m, slot)
        ours = r.state == L.IN_BOOK and order(m, slot).side == side and r.price > 0
        if ours and (best < 0 or (r.price - resting(m, best).price) * side > 0):
            best = slot
        slot = r.next
    return best


@hot
def _split_told(m, told, numerator, denominator):
    told.last = mul_div(m, told.last, denominator, numerator)
    told.index = mul_div(m, told.index, denominator, numerator)
    told.bid = mul_div(m, told.bid, denominator, numerator)
    told.ask = mul_div(m, told.ask, denominator, numerator)
    told.bid_lot = told.bid_lot * numerator // denominator
    told.ask_lot = told.ask_lot * numerator // denominator


@part("void(int64, int64, int64, int64)")
def split_market(m, i, numerator, denominator):
    """Prices and touch after a split, as the venue and as we know them, until more is said."""
    x = exchange(m, i)
    _split_told(m, x, numerator, denominator)
    _split_told(m, market(m, i), numerator, denominator)
    x.mark = mul_div(m, x.mark, denominator, numerator)
    x.bid_taken = x.bid_taken * numerator // denominator
    x.ask_taken = x.ask_taken * numerator // denominator


@part("void(int64, int64, int64, int64)")
def split_resting(m, slot, numerator, denominator):
    """The venue's view of an order after a split, as the order's own."""
    r = resting(m, slot)
    if r.state == L.NOT_THERE:
        return
    o = order(m, slot)
    r.leaves = o.leaves
    r.price = mul_div(m, r.price, denominator, numerator)
    r.stop = mul_div(m, r.stop, denominator, numerator)
    r.shown = min(r.leaves, o.display) if o.display > 0 else 0
    r.ahead = r.ahead * numerator // denominator
    redraw(m, o.instrument)
