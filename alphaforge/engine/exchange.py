"""The simulated venue's door: orders, replaces and cancels arrive, triggers are reached.

An order meets only what comes after it has arrived. Where the market is stored bars it waits for
the next bar; see ``barpath``.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine import rules as R
from alphaforge.engine.block import engine_at, exchange, instrument, market, order, resting, venue
from alphaforge.engine.executions import execute, take_in
from alphaforge.engine.jit import kernel, part
from alphaforge.engine.matching import (
    ALL,
    become_limit,
    end_or_rest,
    trade_now,
    withdraw,
    would_take,
)
from alphaforge.engine.queue import join_queue
from alphaforge.engine.resting import enter_venue, leave_venue, redraw, rises
from alphaforge.engine.slippage import slipped
from alphaforge.engine.terms import REDUCES, TRAILING, TRIGGERED, has
from alphaforge.engine.triggers import limit_after, might_trigger, reached, reference, trailed
from alphaforge.engine.wire import (
    arrived_cancel,
    cancel_at_venue,
    change_under_way,
    hear,
    is_here,
    landed,
    reducible_there,
    replace_outside,
    send,
    send_out,
    still,
    tell,
)

_DAY = 86_400_000_000_000


@part("void(int64, int64)")
def size_to_position(m, slot):
    """An order that closes a position is as large as the position is when it is triggered."""
    r = resting(m, slot)
    lots = reducible_there(m, slot)
    if lots == 0:
        withdraw(m, slot, K.CANCELLED)
    elif lots != r.leaves:
        change = lots - r.leaves
        r.leaves = lots
        tell(m, slot, K.PENDING_UPDATE, change, r.price, r.stop)


@part("void(int64, int64, int64, int64)")
def fill_from_bar(m, slot, price, liquidity):
    """Fill an order at a price of a stored bar, as far as the bar's volume goes."""
    o, r = order(m, slot), resting(m, slot)
    i = o.instrument
    x = exchange(m, i)
    if x.bar_volume <= 0:
        return
    whole = venue(m, instrument(m, i).venue).whole == 1
    lots = r.leaves if whole else min(r.leaves, x.bar_volume)
    if o.exec_flags & REDUCES:
        lots = min(lots, reducible_there(m, slot))
        if lots == 0:
            withdraw(m, slot, K.CANCELLED)
            return
    if o.tif == K.FOK and lots < r.leaves:
        withdraw(m, slot, K.EXPIRED)
        return
    if x.bar_volume != ALL:
        x.bar_volume = max(0, x.bar_volume - lots)
    if o.exec_flags & K.POST_ONLY:
        # It rested before the market came through it: its price, and no taker.
        price, liquidity = r.price, K.MAKER
    if liquidity == K.TAKER:
        price = slipped(m, i, o.side, price, lots, x.volume, r.price)
    execute(m, slot, lots, price, engine_at(m).now, liquidity)
    if o.tif == K.IOC and r.leaves > 0:
        withdraw(m, slot, K.EXPIRED)
    elif o.type == K.MARKET_TO_LIMIT and r.leaves > 0 and r.price == 0:
        become_limit(m, slot, price)


@part("void(int64, int64)")
def work(m, slot):
    """An order that may trade does so as far as it can, and rests or ends."""
    o, r = order(m, slot), resting(m, slot)
    x = exchange(m, o.instrument)
    v = venue(m, instrument(m, o.instrument).venue)
    if o.exec_flags & K.CLOSE_POSITION:
        size_to_position(m, slot)
        if r.leaves == 0:
            return
    if x.status == K.OPEN:
        if x.barred == 1 and v.fill_close == 1 and r.price == 0:
            fill_from_bar(m, slot, x.last, K.TAKER)
            if r.leaves == 0:
                return
        if not trade_now(m, slot):
            return
    elif not end_or_rest(m, slot):
        return
    r.shown = min(o.display, r.leaves)
    enter_venue(m, slot, L.IN_BOOK)
    if r.price > 0:
        join_queue(m, slot)


@part("void(int64, int64)")
def fire(m, slot):
    """A waiting order's trigger was reached: it may trade from now on."""
    r = resting(m, slot)
    r.price = limit_after(m, slot, r.price, r.stop)
    leave_venue(m, slot)
    tell(m, slot, K.TRIGGERED, 0, r.price, 0)
    work(m, slot)


@part("void(int64, int64)")
def arrive(m, slot):
    """An order arrives at the simulated venue."""
    h = engine_at(m)
    o, r = order(m, slot), resting(m, slot)
    x = exchange(m, o.instrument)
    r.leaves = o.leaves
    r.price = o.price
    r.stop = o.stop
    r.shown = min(o.display, o.leaves)
    r.ahead = 0
    r.traded = 0
    r.level = 0
    r.ts = h.now
    if 0 < o.expire <= h.now:
        tell(m, slot, K.EXPIRED, 0, 0, 0)
        return
    waits = has(TRIGGERED, o.type) and o.triggered == 0
    if not waits and o.exec_flags & K.POST_ONLY and would_take(m, slot):
        tell(m, slot, K.REJECTED, R.POST_ONLY, 0, 0)
        return
    tell(m, slot, K.ACCEPTED, 0, 0, 0)
    if o.tif == K.AT_OPEN or o.tif == K.AT_CLOSE:
        enter_venue(m, slot, L.IN_AUCTION)
    elif waits:
        if has(TRAILING, o.type):
            r.stop = trailed(m, slot, r.stop, reference(x, o.trigger, o.side))
        enter_venue(m, slot, L.WAITING)
        if x.barred == 0 and reached(
            r.stop, reference(x, o.trigger, o.side), rises(o.type, o.side)
        ):
            fire(m, slot)
    else:
        work(m, slot)


@part("void(int64, int64)")
def submit_to_venue(m, slot):
    """Hand over an order that passed every check."""
    o = order(m, slot)
    v = venue(m, instrument(m, o.instrument).venue)
    if v.outside == 1:
        sent = send_out(m, slot, M.SUBMIT)
        O.transition(m, slot, O.DO_SUBMIT if sent == 1 else O.DO_DENY)
        return
    O.transition(m, slot, O.DO_SUBMIT)
    if v.latency == K.LATENCY_NONE:
        arrive(m, slot)
    else:
        send(m, slot, M.SUBMIT, 0, 0, 0)


@part("void(int64, int64)")
def trigger_waiting(m, i):
    """Trail and fire what waits at the venue, after its instrument's market changed."""
    x = exchange(m, i)
    if x.count == 0 or (x.eager == 0 and not might_trigger(m, i)) or x.status != K.OPEN:
        return
    slot = x.head
    for _ in range((x.count + 1) * (x.count + 1)):  # it begins anew as often as one fires
        if slot < 0:
            return
        o, r = order(m, slot), resting(m, slot)
        following = r.next
        if r.state == L.WAITING:
            twice = reference(x, o.trigger, o.side)
            if reached(r.stop, twice, rises(o.type, o.side)):
                fire(m, slot)
                following = x.head  # what it filled may have taken others out
            elif has(TRAILING, o.type):
                r.stop = trailed(m, slot, r.stop, twice)
        slot = following


@part("void(int64, int64, int64, int64, int64)")
def arrived_replace(m, slot, change, price, stop):
    """A replace arrives: quantity by ``change`` lots, limit and trigger prices, 0 as they are.

    A smaller quantity keeps its place in the queue; another price or a larger quantity loses it.
    """
    o, r = order(m, slot), resting(m, slot)
    if r.state == L.NOT_THERE or r.leaves + change <= 0:
        tell(m, slot, K.PENDING_CANCEL, 0, 0, 0)
        return
    moved = (price > 0 and price != r.price) or change > 0
    r.leaves += change
    r.ts = engine_at(m).now
    r.shown = min(r.shown, r.leaves)
    if price > 0:
        r.price = price
    if r.state == L.WAITING:
        if stop > 0:
            r.stop = stop
        tell(m, slot, K.PENDING_UPDATE, change, r.price, r.stop)
        redraw(m, o.instrument)
        x = exchange(m, o.instrument)
        if x.barred == 0 and reached(
            r.stop, reference(x, o.trigger, o.side), rises(o.type, o.side)
        ):
            fire(m, slot)
        return
    tell(m, slot, K.PENDING_UPDATE, change, r.price, r.stop)
    if r.state == L.IN_BOOK and moved:
        leave_venue(m, slot)
        work(m, slot)


@kernel
def _replace_here(m, slot, qty, price, stop):
    """Change what is with the engine: what an algorithm has working moves with its limit."""
    o = order(m, slot)
    change, worked = qty - o.qty, o.type >= K.FIRST_ALGORITHM
    moved = price != o.price and o.type != K.CHASE  # which looks after its child itself
    child = o.child
    while worked and child >= 0:
        c = order(m, child)
        following = c.sibling
        if c.open == 1:
            if o.type == K.ICEBERG:
                over = c.leaves - (o.leaves + change)
                if over > 0:
                    O.ask_replace(m, c.strategy, c.id, c.qty - over, 0, 0)
            elif change < 0:  # they may have more working than is wanted now
                cancel_at_venue(m, child)
            if moved and c.type == K.LIMIT_ORDER:
                O.ask_replace(m, c.strategy, c.id, 0, price, 0)
        child = following
    O.resize(m, slot, qty)
    o.price = price
    o.stop = stop
    market(m, o.instrument).rising = L.NO_PRICE  # what the engine watches may be another price now
    O.transition(m, slot, O.DO_UPDATE)


@part("void(int64, int64, int64, int64, int64)")
def replace_at_venue(m, slot, qty, price, stop):
    """Change a working order's terms: at once where we can, else by asking its venue.

    0 leaves a term as it is: at the venue it may have moved, a stop that trails, or by another
    replace that is on its way.
    """
    o = order(m, slot)
    if o.held == 1 and qty > 0:
        o.wanted = qty
    if is_here(m, slot):
        _replace_here(
            m, slot, qty if qty > 0 else o.qty, price if price > 0 else o.price,
            stop if stop > 0 else o.stop,
        )  # fmt: skip
        return
    v = venue(m, instrument(m, o.instrument).venue)
    change = qty - o.qty - change_under_way(m, slot) if qty > 0 else 0
    if v.outside == 0 and v.latency == K.LATENCY_NONE:
        arrived_replace(m, slot, change, price, stop)
    elif not O.allows(o.status, O.DO_ASK_UPDATE):
        engine_at(m).illegal += 1
    elif v.outside == 1:
        replace_outside(m, slot, change, price if price > 0 else o.price)
    else:
        send(m, slot, M.REPLACE, change, price, stop)
        O.transition(m, slot, O.DO_ASK_UPDATE)


@part("void(int64)")
def land(m):
    """What is due first arrives: a request at the venue, or an answer with us."""
    h = engine_at(m)
    f = landed(m)
    h.now = max(h.now, f.due)
    if not still(m, f):
        return
    slot, qty, price, stop = f.slot, f.qty, f.price, f.stop
    if f.kind == M.SUBMIT:
        arrive(m, slot)
    elif f.kind == M.CANCEL:
        arrived_cancel(m, slot)
    elif f.kind == M.REPLACE:
        arrived_replace(m, slot, qty, price, stop)
    elif f.status == K.FILLED:
        take_in(m, slot, qty, price, f.ts, f.liquidity)
    else:
        hear(m, slot, f.status, qty, price, stop)


@part("void(int64, int64)")
def expire_order(m, slot):
    """An order's time is over: the engine's own end at once, a venue ends its own."""
    o = order(m, slot)
    v = venue(m, instrument(m, o.instrument).venue)
    if is_here(m, slot):
        O.transition(m, slot, O.DO_EXPIRE)
    elif v.outside == 1:
        cancel_at_venue(m, slot)
    elif resting(m, slot).state != L.NOT_THERE:
        withdraw(m, slot, K.EXPIRED)


@part("void(int64, int64)")
def reopen(m, i):
    """After a halt: what rests tries again, in order of arrival."""
    x = exchange(m, i)
    slot = x.head
    for _ in range(x.count * x.count + 1):  # it may begin anew as often as one leaves
        if slot < 0:
            break
        following = resting(m, slot).next
        if resting(m, slot).state == L.IN_BOOK:
            trade_now(m, slot)
            r, shows = resting(m, slot), order(m, slot).display
            if r.state == L.IN_BOOK and shows > 0 and r.shown == 0:
                r.shown = min(shows, r.leaves)
        slot = following
        if slot >= 0 and resting(m, slot).state == L.NOT_THERE:
            slot = x.head
    trigger_waiting(m, i)


@kernel
def session_end(m, i):
    """When the session that an order given now belongs to ends, ns UTC."""
    h = engine_at(m)
    k = market(m, i)
    if k.session_end > h.now:
        return k.session_end
    return (h.now // _DAY + 1) * _DAY
