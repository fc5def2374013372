"""Who fills an order: the venue inside the engine (backtest), or the ring to one outside (live).

Inside, an order meets only what came after it: stored bars fill from the next bar's open, quotes
and trades from the moment the order arrives. Working orders are tried oldest first.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine.block import (
    bar_at,
    engine_at,
    fail,
    instrument,
    market,
    order,
    order_slots_at,
)
from alphaforge.engine.jit import kernel
from alphaforge.engine.portfolio import fill
from alphaforge.engine.ring import ring_push, slots_of


@kernel
def _next_trade_id(m):
    h = engine_at(m)
    h.trade_seq += 1
    return h.trade_seq


@kernel
def send_out(m, slot, kind):
    """Put an order, a cancel or a replace on the ring to the outside venue.

    Returns 1, or 0 and a fault where the ring is full: then nothing of it may be taken as sent.
    Cancels and replaces are one slot: what the venue needs of the order is in its first.
    """
    h = engine_at(m)
    o = order(m, slot)
    at = m + h.scratch_at
    message = order_slots_at(at)
    message.seq = h.orders
    message.ts = h.now
    message.ts_recv = 0
    message.kind = kind
    message.code = 0
    message.instrument = o.instrument
    message.check = 0
    message.order_id = o.id
    message.qty = o.leaves
    message.price = o.price
    message.side = o.side
    message.type = o.type
    message.tif = o.tif
    message.liquidity = 0
    message.trade_id = 0
    message.tag = o.tag
    message.ahead = 0
    message.venue_id = o.venue_id
    if ring_push(h.out, at, slots_of(kind)) == 0:
        fail(m, K.FAULT_RING_FULL)
        return 0
    return 1


@kernel
def submit_to_venue(m, slot):
    """Hand over an order that passed every check."""
    o = order(m, slot)
    if instrument(m, o.instrument).venue == K.VENUE_EXTERNAL:
        sent = send_out(m, slot, M.SUBMIT)
        O.transition(m, slot, O.DO_SUBMIT if sent == 1 else O.DO_DENY)
        return
    O.transition(m, slot, O.DO_SUBMIT)
    O.transition(m, slot, O.DO_ACCEPT)
    if market(m, o.instrument).quoted == 1:
        match_touch(m, slot, K.TAKER)
        if o.tif == K.IOC and o.open == 1:
            O.transition(m, slot, O.DO_EXPIRE)


@kernel
def cancel_at_venue(m, slot):
    """Cancel a working order: at once inside, by asking outside."""
    o = order(m, slot)
    if instrument(m, o.instrument).venue == K.VENUE_EXTERNAL:
        asked = o.status == K.PENDING_CANCEL or not O.allows(o.status, O.DO_ASK_CANCEL)
        if not asked and send_out(m, slot, M.CANCEL) == 1:
            O.transition(m, slot, O.DO_ASK_CANCEL)
    else:
        O.transition(m, slot, O.DO_CANCEL)


@kernel
def match_touch(m, slot, liquidity):
    """Fill an order that the touch reaches: a taker at the touch, a maker at its limit."""
    o = order(m, slot)
    k = market(m, o.instrument)
    touch = k.ask if o.side > 0 else k.bid
    if touch <= 0:
        return
    if o.type == K.MARKET_ORDER:
        fill(m, slot, o.leaves, touch, engine_at(m).now, K.TAKER, _next_trade_id(m))
    elif (o.price - touch) * o.side >= 0:
        price = touch if liquidity == K.TAKER else o.price
        fill(m, slot, o.leaves, price, engine_at(m).now, liquidity, _next_trade_id(m))


@kernel
def match_quote(m, i):
    """Try every working order of an instrument against a new quote."""
    slot = market(m, i).open_head
    while slot >= 0:
        following = order(m, slot).next
        match_touch(m, slot, K.MAKER)
        slot = following


@kernel
def match_trade(m, i, price):
    """A trade is the market where no quotes are: takers get its price, limits it passed theirs."""
    h = engine_at(m)
    quoted = market(m, i).quoted
    slot = market(m, i).open_head
    while slot >= 0:
        o = order(m, slot)
        following = o.next
        if o.type == K.MARKET_ORDER:
            if quoted == 0:
                fill(m, slot, o.leaves, price, h.now, K.TAKER, _next_trade_id(m))
        elif (o.price - price) * o.side > 0:
            fill(m, slot, o.leaves, o.price, h.now, K.MAKER, _next_trade_id(m))
        elif o.tif == K.IOC:
            O.transition(m, slot, O.DO_EXPIRE)
        slot = following


@kernel
def match_bar(m, e, known):
    """Try every working order against a stored bar: at the open first, then along its range.

    A market order, and a limit that the open already reaches, fill at the open; a limit that the
    range reaches later fills at its price. All are stamped with the bar's open time. An order that
    was given or changed after the bar opened waits for the next one: its open is the past.

    Parameters
    ----------
    known : when this instrument was last heard of before the bar, ns UTC
    """
    bar = bar_at(e)
    i = bar.instrument
    slot = market(m, i).open_head
    while slot >= 0:
        o = order(m, slot)
        following = o.next
        at_open = o.type == K.MARKET_ORDER or (o.price - bar.open) * o.side >= 0
        if o.ts_last > max(bar.ts_open, known):
            pass
        elif at_open:
            fill(m, slot, o.leaves, bar.open, bar.ts_open, K.TAKER, _next_trade_id(m))
        elif o.tif == K.IOC:
            O.transition(m, slot, O.DO_EXPIRE)
        else:
            worst = bar.low if o.side > 0 else bar.high
            if (o.price - worst) * o.side >= 0:
                fill(m, slot, o.leaves, o.price, bar.ts_open, K.MAKER, _next_trade_id(m))
        slot = following
