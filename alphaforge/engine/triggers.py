"""Trigger prices: what they are compared with, when they are reached, how they trail.

One set of rules for orders that wait at the simulated venue and for those that the engine emulates.
Prices of reference are doubled ticks, so that the middle of a quote has no half.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.block import exchange, market, order
from alphaforge.engine.jit import kernel
from alphaforge.engine.money import mul_div

ATR_SCALE = 1024
"""The average true range is kept in so many parts of a tick."""
ATR_PERIOD = 14
ATR_UNIT = 1000
"""A trailing offset in average true ranges comes in thousandths."""


@kernel
def reference(source, trigger, side):
    """Twice the price that a trigger is compared with, ticks; 0 where there is none.

    ``source`` is the EXCHANGE or the MARKET record: what the venue knows, or what we know.
    """
    if trigger == K.LAST:
        return 2 * source.last
    if trigger == K.BID_ASK:
        return 2 * (source.ask if side > 0 else source.bid)
    if trigger == K.MID:
        return source.bid + source.ask if source.bid > 0 and source.ask > 0 else 0
    if trigger == K.MARK:
        return 2 * source.mark
    return 2 * source.index


@kernel
def reached(stop, twice, rising):
    """Whether a price of reference, doubled, has reached a trigger price."""
    if stop <= 0 or twice <= 0:
        return False
    return twice >= 2 * stop if rising else twice <= 2 * stop


@kernel
def trail_distance(m, slot, twice):
    """How far behind the price a trailing stop keeps, ticks, at least one.

    ``trail`` is ticks, basis points of the price, or thousandths of the average true range.
    """
    o = order(m, slot)
    if o.unit == K.TRAIL_BPS:
        return max(1, mul_div(m, twice, o.trail, 20_000))
    if o.unit == K.TRAIL_ATR:
        atr = market(m, o.instrument).atr
        return max(1, mul_div(m, atr, o.trail, ATR_SCALE * ATR_UNIT))
    return o.trail


@kernel
def trailed(m, slot, stop, twice):
    """Where a trailing stop is after a price of reference: it moves with it, never back."""
    o = order(m, slot)
    if twice <= 0:
        return stop
    distance = trail_distance(m, slot, twice)
    if o.side > 0:
        there = (twice + 1) // 2 + distance
        return there if stop == 0 else min(stop, there)
    there = twice // 2 - distance
    return there if stop == 0 else max(stop, there)


@kernel
def limit_after(m, slot, price, stop):
    """The limit price that an order has once triggered, ticks; 0 none. ``price`` is its own."""
    o = order(m, slot)
    if o.type == K.TRAILING_STOP_LIMIT:
        return max(1, stop + o.side * o.offset)
    return price


@kernel
def follow_range(m, i, high, low, close):
    """Take a bar into the average true range of its instrument (Wilder 1978), 1/1024 ticks."""
    k = market(m, i)
    spread = high - low
    if k.before > 0:
        spread = max(spread, max(abs(high - k.before), abs(low - k.before)))
    k.before = close
    if k.atr == 0:
        k.atr = spread * ATR_SCALE
    else:
        k.atr += (spread * ATR_SCALE - k.atr) // ATR_PERIOD


@kernel
def might_trigger(m, i):
    """Whether anything at the venue could be triggered by what its instrument shows now."""
    x = exchange(m, i)
    if x.rising == -L.NO_PRICE and x.falling == L.NO_PRICE:
        return False
    high = max(max(x.last, max(x.bid, x.ask)), max(x.mark, x.index))
    if high >= x.rising:
        return True
    return (
        (0 < x.last <= x.falling)
        or (0 < x.bid <= x.falling)
        or (0 < x.ask <= x.falling)
        or (0 < x.mark <= x.falling)
        or (0 < x.index <= x.falling)
    )
