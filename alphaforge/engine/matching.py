"""Matching inside the simulated venue: takers against what was recorded, and own resting orders.

What is recorded is never changed by own orders; what they took of it isn't there a second time,
until the data tells that price anew. Own orders never trade with each other: one gives way.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.block import engine_at, exchange, instrument, order, resting, venue
from alphaforge.engine.book import best_of, lots_at, next_level, take, taken_at
from alphaforge.engine.executions import execute
from alphaforge.engine.jit import kernel, part
from alphaforge.engine.queue import join_queue
from alphaforge.engine.resting import best_own, is_eager, leave_venue, redraw
from alphaforge.engine.slippage import slipped
from alphaforge.engine.terms import REDUCES
from alphaforge.engine.wire import reducible_there, tell

ALL = 2**62
"""Lots where our data doesn't say how many: as many as asked for."""


@kernel
def _offer(m, i, side, behind):
    """(tick, lots) that a taker of ``side`` meets next behind a price; (NO_PRICE, 0) nothing.

    ``behind`` NO_PRICE begins at the touch. Lots that we took already aren't among them.
    """
    v = venue(m, instrument(m, i).venue)
    x = exchange(m, i)
    if v.depth == K.L1:
        tick = x.ask if side > 0 else x.bid
        if tick <= 0 or behind != L.NO_PRICE:
            return L.NO_PRICE, 0
        shown = x.ask_lot if side > 0 else x.bid_lot
        if v.whole == 1 or shown == 0:
            return tick, ALL
        return tick, shown - (x.ask_taken if side > 0 else x.bid_taken)
    b = i + engine_at(m).delayed
    tick = best_of(m, b, -side) if behind == L.NO_PRICE else next_level(m, b, -side, behind)
    while tick != L.NO_PRICE:
        lots = lots_at(m, b, -side, tick) - taken_at(m, b, -side, tick)
        if v.whole == 1:
            return tick, ALL
        if lots > 0:
            return tick, lots
        tick = next_level(m, b, -side, tick)
    return L.NO_PRICE, 0


@kernel
def _take(m, i, side, tick, lots):
    """Note that a taker of ``side`` took lots at a price."""
    if venue(m, instrument(m, i).venue).depth != K.L1:
        take(m, i + engine_at(m).delayed, -side, tick, lots)
    elif side > 0:
        exchange(m, i).ask_taken += lots
    else:
        exchange(m, i).bid_taken += lots


@part("int64(int64, int64)")
def available(m, slot):
    """Lots that an order could take at once within its limit, up to its own."""
    o, r = order(m, slot), resting(m, slot)
    limit = r.price
    found, behind = 0, L.NO_PRICE
    own = best_own(m, o.instrument, -o.side) if o.stp != K.CANCEL_OLDEST else -1
    while found < r.leaves:
        tick, lots = _offer(m, o.instrument, o.side, behind)
        if tick == L.NO_PRICE or (limit > 0 and (limit - tick) * o.side < 0):
            break
        if own >= 0 and (tick - resting(m, own).price) * o.side >= 0:
            break  # it would give way to an own order before it got there
        found += min(lots, r.leaves)
        behind = tick
    if o.exec_flags & REDUCES:
        found = min(found, reducible_there(m, slot))
    return min(found, r.leaves)


@part("int64(int64, int64)")
def would_take(m, slot):
    """Whether a limit order would trade at once."""
    o = order(m, slot)
    tick, _ = _offer(m, o.instrument, o.side, L.NO_PRICE)
    limit = resting(m, slot).price
    own = best_own(m, o.instrument, -o.side)
    if own >= 0 and (limit - resting(m, own).price) * o.side >= 0:
        return True
    return tick != L.NO_PRICE and (limit - tick) * o.side >= 0


@part("void(int64, int64, int64)")
def withdraw(m, slot, status):
    """The venue takes an order out and says so."""
    resting(m, slot).leaves = 0
    leave_venue(m, slot)
    tell(m, slot, status, 0, 0, 0)


@kernel
def _shrink(m, slot, lots):
    """Take lots off an order that another own order met; it is cancelled where none are left."""
    r = resting(m, slot)
    if lots >= r.leaves:
        withdraw(m, slot, K.CANCELLED)
        return
    r.leaves -= lots
    r.shown = min(r.shown, r.leaves)
    tell(m, slot, K.PENDING_UPDATE, -lots, r.price, r.stop)


@kernel
def _prevent_self_trade(m, slot, own):
    """Two own orders would meet: who gives way is the newer one's to say."""
    first = resting(m, slot).arrival < resting(m, own).arrival
    if first and resting(m, slot).state != L.NOT_THERE:  # after a halt both were there
        slot, own = own, slot
    rule = order(m, slot).stp
    if order(m, slot).parent == own:
        rule = K.CANCEL_OLDEST  # an exit never gives way to the rest of its own entry
    if rule == K.DECREMENT:
        lots = min(resting(m, slot).leaves, resting(m, own).leaves)
        _shrink(m, own, lots)
        _shrink(m, slot, lots)
        return
    if rule != K.CANCEL_NEWEST:
        withdraw(m, own, K.CANCELLED)
    if rule != K.CANCEL_OLDEST:
        withdraw(m, slot, K.CANCELLED)


@part("int64(int64, int64)")
def sweep(m, slot):
    """An order takes what it can, from the touch outward; returns the last price it got, or 0.

    Fills, and withdraws it or own orders that it would meet. What it leaves is the caller's to rest
    or to end.
    """
    h = engine_at(m)
    o, r = order(m, slot), resting(m, slot)
    i, side, limit = o.instrument, o.side, r.price
    behind, last = L.NO_PRICE, 0
    while r.leaves > 0:
        tick, lots = _offer(m, i, side, behind)
        reach = tick != L.NO_PRICE and (limit == 0 or (limit - tick) * side >= 0)
        own = best_own(m, i, -side)
        if own >= 0:
            price = resting(m, own).price
            within = limit > 0 and (limit - price) * side >= 0
            nearer = reach and (tick - price) * side >= 0
            if nearer or (within and not reach):
                _prevent_self_trade(m, slot, own)
                continue
        if not reach:
            break
        got = min(r.leaves, lots)
        if got > 0 and o.exec_flags & REDUCES:
            got = min(got, reducible_there(m, slot))
            if got == 0:
                withdraw(m, slot, K.CANCELLED)
                break
        if got > 0:
            last = tick
            if venue(m, instrument(m, i).venue).depth == K.L1:
                last = slipped(m, i, side, tick, got, 0 if lots == ALL else lots, limit)
            execute(m, slot, got, last, h.now, K.TAKER)
            if lots != ALL:
                _take(m, i, side, tick, got)
        behind = tick
    return last


@part("int64(int64, int64)")
def end_or_rest(m, slot):
    """Whether an order that has taken what it could may rest; one that may not is ended."""
    o = order(m, slot)
    if resting(m, slot).leaves == 0:
        return False
    if o.tif == K.IOC or o.tif == K.FOK:
        withdraw(m, slot, K.EXPIRED)
        return False
    return True


@part("void(int64, int64, int64)")
def become_limit(m, slot, price):
    """What a market-to-limit order leaves stays at the price that it got, ticks.

    There it may meet an own order, and one gives way.
    """
    resting(m, slot).price = price
    tell(m, slot, K.PENDING_UPDATE, 0, price, 0)
    redraw(m, order(m, slot).instrument)
    join_queue(m, slot)
    sweep(m, slot)


@part("int64(int64, int64)")
def trade_now(m, slot):
    """An order takes what it may at once; whether any of it is left, to rest or to wait."""
    o, r = order(m, slot), resting(m, slot)
    x = exchange(m, o.instrument)
    if o.exec_flags & K.POST_ONLY and would_take(m, slot):
        withdraw(m, slot, K.CANCELLED)
        return False
    seen = x.quoted == 1 or x.bid > 0 or x.ask > 0
    if seen and o.tif == K.FOK and available(m, slot) < r.leaves:
        withdraw(m, slot, K.EXPIRED)
        return False
    last = sweep(m, slot)
    if o.type == K.MARKET_TO_LIMIT and last > 0 and r.leaves > 0 and r.price == 0:
        become_limit(m, slot, last)
    if seen:
        return end_or_rest(m, slot)
    return r.leaves > 0


@part("int64(int64, int64)")
def market_crossed(m, i):
    """The market has come through own limits: they fill at their prices, as makers, best first.

    As many lots as the market shows at the prices that came through.
    """
    x = exchange(m, i)
    for side in (1, -1):
        behind = L.NO_PRICE
        while True:
            own = best_own(m, i, side)
            if own < 0:
                break
            r = resting(m, own)
            tick, lots = _offer(m, i, side, behind)
            if tick == L.NO_PRICE or (r.price - tick) * side < 0:
                break
            if lots <= 0:
                behind = tick
                continue
            got = min(r.leaves, lots)
            if order(m, own).exec_flags & REDUCES:
                got = min(got, reducible_there(m, own))
            if got == 0:
                withdraw(m, own, K.CANCELLED)
                continue
            execute(m, own, got, r.price, engine_at(m).now, K.MAKER)
            if order(m, own).display > 0 and r.leaves > 0 and r.shown == 0:
                r.shown = min(order(m, own).display, r.leaves)
            if lots != ALL:
                _take(m, i, side, tick, got)
    return x.count


@part("void(int64, int64)")
def eager_orders(m, i):
    """Market orders and the like that still wait for somebody to trade with try again."""
    x = exchange(m, i)
    if x.eager == 0:
        return
    slot = x.head
    for _ in range(x.count * x.count + 1):  # it may begin anew as often as one leaves
        if slot < 0:
            return
        following = resting(m, slot).next
        if resting(m, slot).state == L.IN_BOOK and is_eager(m, slot):
            trade_now(m, slot)
        # What it filled may have taken others out: where the next one is gone, from the start.
        slot = following
        if slot >= 0 and resting(m, slot).state == L.NOT_THERE:
            slot = x.head
