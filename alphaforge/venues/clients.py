"""Clients of the simulated exchange: their orders, cancels and replaces, and the answers."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.block import order_slots_at
from alphaforge.engine.jit import entry, kernel
from alphaforge.venues.orderbook import (
    WINDOW,
    cancel,
    emit_quote,
    exchange_at,
    execute,
    report,
    rest,
    resting,
    sim,
)


@kernel
def _find_own(x, order_id):
    """The resting slot of a client's order, or -1; id 0 is everybody else's."""
    if order_id <= 0:
        return -1
    for n in range(exchange_at(x).orders_n):
        if resting(x, n).id == order_id:
            return n
    return -1


@kernel
def _sim_of(x, index):
    for s in range(exchange_at(x).instruments):
        if sim(x, s).index == index:
            return s
    return -1


@kernel
def _too_far(x, s, tick):
    """Whether a price is outside the band: levels repeat every window, so it would share one."""
    return abs(tick - sim(x, s).last) >= WINDOW // 2


@kernel
def _would_take(x, s, e):
    """Whether a message's order is post only and its price is that of an opposite order."""
    o = order_slots_at(e)
    best = sim(x, s).best_ask if o.side > 0 else sim(x, s).best_bid
    if o.exec_flags & K.POST_ONLY == 0 or best == L.NO_PRICE:
        return False
    return (o.price - best) * o.side >= 0


@kernel
def _enter(x, s, e):
    """A client's new order: accepted, matched, and what is left rests or expires.

    A limit price so far from the market that it would share a level with a price near it (half a
    window away) is rejected, and so is post only where it would take.
    """
    o = order_slots_at(e)
    if o.type == K.LIMIT_ORDER and _too_far(x, s, o.price):
        report(x, o.order_id, s, K.REJECTED, 0, o.price, o.side, 0, 0, 0)
        return
    if o.type == K.LIMIT_ORDER and _would_take(x, s, e):
        report(x, o.order_id, s, K.REJECTED, R.POST_ONLY, o.price, o.side, 0, 0, 0)
        return
    report(x, o.order_id, s, K.ACCEPTED, 0, o.price, o.side, 0, 0, 0)
    worst = o.price if o.type == K.LIMIT_ORDER else 0
    left = execute(x, s, o.side, o.qty, worst, o.order_id)
    if left > 0 and o.type == K.LIMIT_ORDER and o.tif != K.IOC:  # who sent it ends GTD and DAY
        n = rest(x, s, o.order_id, o.side, o.price, left)
        if n < 0:
            report(x, o.order_id, s, K.CANCELLED, 0, o.price, o.side, 0, 0, 0)
    elif left > 0:
        report(x, o.order_id, s, K.EXPIRED, 0, o.price, o.side, 0, 0, 0)


@kernel
def _replace(x, s, n, e):
    """A resting order at a new price: a new place in a queue, and it may trade at once.

    Post only that would is cancelled.
    """
    o = order_slots_at(e)
    if _too_far(x, s, o.price):
        report(x, o.order_id, s, K.ACCEPTED, 0, resting(x, n).tick, o.side, 0, 0, 0)
        return
    # Fills that were on their way when it was asked for are not there a second time.
    lots = min(o.qty, resting(x, n).lot)
    cancel(x, n)
    if _would_take(x, s, e):
        report(x, o.order_id, s, K.CANCELLED, 0, o.price, o.side, 0, 0, 0)
        return
    report(x, o.order_id, s, K.ACCEPTED, lots, o.price, o.side, 0, 0, 0)
    left = execute(x, s, o.side, lots, o.price, o.order_id)
    if left > 0:
        rest(x, s, o.order_id, o.side, o.price, left)


@kernel
def handle(x, e):
    """A message from a client: a new order, a cancel, a replace."""
    o = order_slots_at(e)
    s = _sim_of(x, o.instrument)
    if s < 0:
        report(x, o.order_id, 0, K.REJECTED, 0, o.price, o.side, 0, 0, 0)
        return
    if o.kind == M.SUBMIT:
        _enter(x, s, e)
    else:
        n = _find_own(x, o.order_id)
        if n >= 0 and o.kind == M.CANCEL:
            cancel(x, n)
            report(x, o.order_id, s, K.CANCELLED, 0, o.price, o.side, 0, 0, 0)
        elif n >= 0 and o.kind == M.REPLACE:
            _replace(x, s, n, e)
    emit_quote(x, s)


@entry("void(int64, int64)")
def handle_now(x, e):
    """``handle`` from Python."""
    handle(x, e)
