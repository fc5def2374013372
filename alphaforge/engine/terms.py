"""Whether an order's type, time in force, flags and prices fit together: a code names the field."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import rules as R
from alphaforge.engine.block import engine_at, instrument, market, order, position, venue
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.margin import together

_RESTING_TIFS = (1 << K.GTC) | (1 << K.GTD) | (1 << K.DAY)
_AUCTION_TIFS = (1 << K.AT_OPEN) | (1 << K.AT_CLOSE)


def _bits(*values: int) -> int:
    return sum(1 << value for value in values)


LIMITED = _bits(K.LIMIT_ORDER, K.STOP_LIMIT, K.LIMIT_IF_TOUCHED)
"""Types that need a limit price. Algorithms may have one, a trailing limit makes its own."""
STOPPED = _bits(K.STOP_MARKET, K.STOP_LIMIT, K.MARKET_IF_TOUCHED, K.LIMIT_IF_TOUCHED)
"""Types that need a trigger price."""
TOUCHED = _bits(K.MARKET_IF_TOUCHED, K.LIMIT_IF_TOUCHED)
TRAILING = _bits(K.TRAILING_STOP_MARKET, K.TRAILING_STOP_LIMIT)
TRIGGERED = STOPPED | TRAILING
"""Types that wait for a trigger."""
ALGORITHMS = _bits(K.TWAP, K.VWAP, K.POV, K.ICEBERG, K.CHASE)
TIMED = _bits(K.TWAP, K.VWAP)
_RESTING_ALGORITHMS = _bits(K.ICEBERG, K.CHASE)
REDUCES = K.REDUCE_ONLY | K.CLOSE_POSITION
"""Flags of orders that never enlarge a position."""
_RESTS = LIMITED | _bits(K.MARKET_TO_LIMIT, K.TRAILING_STOP_LIMIT)
_MAY_LIMIT = LIMITED | ALGORITHMS


@hot
def has(bits, value):
    """Whether a set of codes holds one."""
    return (int(bits) >> int(value)) & 1 == 1


@part("int64(int64, int64)")
def wrong_term(m, slot):
    """The rule that an order's terms break, or ``PASSED``."""
    h = engine_at(m)
    o = order(m, slot)
    kind, tif = o.type, o.tif
    if kind > K.CHASE:
        return R.ORDER_TYPE
    if tif > K.AT_CLOSE:
        return R.TIME_IN_FORCE
    if has(LIMITED, kind) and o.price <= 0:
        return R.PRICE_POSITIVE
    if o.price != 0 and (o.price < 0 or not has(_MAY_LIMIT, kind)):
        return R.LIMIT_PRICE
    if has(STOPPED, kind):
        if o.stop <= 0:
            return R.TRIGGER_PRICE
    elif o.stop != 0 and (o.stop < 0 or not has(TRAILING, kind)):
        return R.TRIGGER_PRICE
    if o.trigger > K.INDEX:
        return R.TRIGGER_REFERENCE
    if has(TRAILING, kind):
        if o.trail <= 0 or o.unit > K.TRAIL_ATR:
            return R.TRAIL_OFFSET
    elif o.trail != 0 and not has(ALGORITHMS, kind):
        return R.TRAIL_OFFSET
    if o.offset < 0 or (o.offset > 0 and kind != K.TRAILING_STOP_LIMIT):
        return R.LIMIT_OFFSET
    if o.stp > K.DECREMENT:
        return R.SELF_TRADE_PREVENTION
    if (tif == K.GTD) != (o.expire > 0) and not has(ALGORITHMS, kind) and tif != K.DAY:
        return R.EXPIRE_TIME
    if o.expire < 0 or (o.expire > 0 and o.expire <= h.now):
        return R.EXPIRE_TIME
    return _wrong_pairing(m, slot)


@kernel
def _wrong_pairing(m, slot):
    """What each term allows alone, and not together."""
    o = order(m, slot)
    kind, tif = o.type, o.tif
    rests = has(_RESTS, kind) and has(_RESTING_TIFS, tif)
    if has(_AUCTION_TIFS, tif) and kind != K.MARKET_ORDER and kind != K.LIMIT_ORDER:
        return R.TIME_IN_FORCE
    if has(ALGORITHMS, kind) and not has(_RESTING_TIFS, tif):
        return R.TIME_IN_FORCE
    never_rests = not rests and not has(ALGORITHMS, kind)
    if o.display < 0 or o.display > o.qty or (o.display > 0 and never_rests):
        return R.DISPLAY_QUANTITY
    if o.exec_flags & K.POST_ONLY and not rests and not has(_RESTING_ALGORITHMS, kind):
        return R.POST_ONLY
    if o.exec_flags & K.POST_ONLY and kind == K.MARKET_TO_LIMIT:
        return R.POST_ONLY
    if o.exec_flags & K.CLOSE_POSITION and not has(TRIGGERED, kind):
        return R.CLOSE_POSITION
    if o.exec_flags & K.REDUCE_ONLY and o.parent < 0 and not _reduces_only(m, slot):
        return R.REDUCE_ONLY
    if o.exec_flags & K.EMULATED_HERE and not has(TRIGGERED, kind):
        return R.ORDER_TYPE
    if has(TIMED, kind) and (o.expire <= 0 or o.trail <= 0):
        return R.ALGORITHM
    if kind == K.POV and (o.trail <= 0 or o.trail > 1_000_000_000):
        return R.ALGORITHM
    if kind == K.ICEBERG and (o.display <= 0 or o.price <= 0):
        return R.ALGORITHM
    if kind == K.CHASE and o.trail < 0:
        return R.ALGORITHM
    return _not_known_there(m, slot)


@kernel
def _not_known_there(m, slot):
    """What the venue doesn't know and the engine can't do for it."""
    o = order(m, slot)
    v = venue(m, instrument(m, o.instrument).venue)
    k = market(m, o.instrument)
    if has(ALGORITHMS, o.type):
        return R.PASSED
    if not has(v.tifs, o.tif):
        return R.TIME_IN_FORCE
    missing = int(o.exec_flags) & ~int(v.exec_flags)
    if missing & K.POST_ONLY:
        return R.POST_ONLY
    if missing & K.REDUCE_ONLY:
        return R.REDUCE_ONLY
    if missing & K.CLOSE_POSITION:
        return R.CLOSE_POSITION
    if o.display > 0 and v.outside == 1:
        return R.DISPLAY_QUANTITY
    if has(TRIGGERED, o.type):
        if o.trigger == K.MARK and k.marked == 0:
            return R.TRIGGER_REFERENCE
        if o.trigger == K.INDEX and k.index == 0:
            return R.TRIGGER_REFERENCE
        if o.unit == K.TRAIL_ATR and has(TRAILING, o.type) and k.atr == 0:
            return R.TRAIL_OFFSET
    elif not has(v.types, o.type):
        return R.ORDER_TYPE
    return R.PASSED


@kernel
def reducible(m, slot):
    """Lots by which an order could reduce its owner's position now."""
    o = order(m, slot)
    held = position(m, o.strategy + 2, o.instrument).qty
    return abs(held) if held * o.side < 0 else 0


@kernel
def left_to_reduce(m, slot):
    """Lots of ``reducible`` that no other order at a venue outside reduces already."""
    o = order(m, slot)
    lots = reducible(m, slot)
    if venue(m, instrument(m, o.instrument).venue).outside == 0:
        return lots
    at = market(m, o.instrument).open_head
    while at >= 0:
        p = order(m, at)
        ours = p.strategy == o.strategy and p.side == o.side and p.exec_flags & REDUCES != 0
        if ours and p.status != K.EMULATED and not together(m, slot, at):
            lots -= p.leaves
        at = p.next
    return max(0, lots)


@kernel
def _reduces_only(m, slot):
    """Whether an order can't enlarge the position.

    The simulated venue sees to it at each fill. One outside is taken to fill all it was sent, so
    that an order which is sent at once must be no larger than what is left to reduce.
    """
    o = order(m, slot)
    outside = venue(m, instrument(m, o.instrument).venue).outside == 1
    if outside and not has(TRIGGERED, o.type):
        return o.qty <= left_to_reduce(m, slot)
    return reducible(m, slot) > 0


@hot
def base_type(m, slot):
    """What an order is at the venue once it may trade: market or limit."""
    o = order(m, slot)
    kind = o.type
    if (
        kind == K.STOP_MARKET
        or kind == K.MARKET_IF_TOUCHED
        or kind == K.TRAILING_STOP_MARKET
        or kind == K.MARKET_ORDER
    ):
        return K.MARKET_ORDER
    if kind == K.MARKET_TO_LIMIT:
        return K.LIMIT_ORDER if o.price > 0 else K.MARKET_ORDER
    return K.LIMIT_ORDER
