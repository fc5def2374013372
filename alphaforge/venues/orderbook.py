"""The simulated exchange's memory and its order-by-order book: queues, matching, what it tells.

One block, as the engine's: a header, then pools found by offset. Each price has a queue, oldest
first; an incoming order takes the best price first and the oldest order first, and fills in part.
Everything that changes the book goes out as a message.
"""

from __future__ import annotations

import numpy as np

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.atomic import load_i8, store_i8, view
from alphaforge.engine.block import order_slots_at, slot_at
from alphaforge.engine.jit import kernel
from alphaforge.engine.ring import ring_push

WINDOW = 1 << 18
"""Price levels kept around the touch; a power of two."""

EXCHANGE = np.dtype(
    [
        ("now", "i8"),  # ns UTC
        ("next_clock", "i8"),
        ("seq", "i8"),
        ("trade_seq", "i8"),
        ("order_seq", "i8"),
        ("events", "i8"),
        ("out", "i8"),  # address of the ring of market data and reports
        ("stamp", "i8"),  # receive time to put on messages; 0 while catching up
        ("stalls", "i8"),  # times the ring was full
        ("free", "i8"),  # head of the free list of orders
        ("scratch", "i8", (16,)),
        ("random", "i8", (6,)),
        ("instruments", "i8"),
        ("orders_at", "i8"),
        ("orders_n", "i8"),
        ("sims_at", "i8"),
        ("levels_at", "i8"),
        ("live_at", "i8"),
    ],
    align=True,
)
SIM = np.dtype(
    [
        ("index", "i8"),  # what messages carry
        ("next", "i8"),  # when its next order arrives
        ("best_bid", "i8"),
        ("best_ask", "i8"),
        ("last", "i8"),
        ("live", "i8"),  # resting orders of others
        ("quoted_bid", "i8"),
        ("quoted_bid_lot", "i8"),
        ("quoted_ask", "i8"),
        ("quoted_ask_lot", "i8"),
        ("mean_lot", "f8"),
        ("pace", "f8"),
    ],
    align=True,
)
RESTING = np.dtype(
    [
        ("id", "i8"),  # a client's order id, 0 for the simulated others
        ("sim", "i8"),
        ("side", "i8"),
        ("tick", "i8"),
        ("lot", "i8"),
        ("next", "i8"),
        ("prev", "i8"),
        ("place", "i8"),  # in the list of others' orders, -1 for own
    ],
    align=True,
)
PRICE_LEVEL = np.dtype([("head", "i8"), ("tail", "i8"), ("lot", "i8"), ("count", "i8")], align=True)
RESTING_PER_SIM = 4096
_SIM_BYTES = SIM.itemsize
_RESTING_BYTES = RESTING.itemsize
_LEVEL_BYTES = PRICE_LEVEL.itemsize
_SCRATCH_AT = M.offset_of(EXCHANGE, "scratch")

exchange_at = view(EXCHANGE)
sim_at = view(SIM)
resting_at = view(RESTING)
price_level_at = view(PRICE_LEVEL)


@kernel
def sim(x, s):
    """The s-th instrument's state."""
    return sim_at(x + exchange_at(x).sims_at + s * _SIM_BYTES)


@kernel
def resting(x, n):
    """The n-th slot of the order pool."""
    return resting_at(x + exchange_at(x).orders_at + n * _RESTING_BYTES)


@kernel
def price_level(x, s, tick):
    """The level of a price; prices share levels modulo the window."""
    return price_level_at(
        x + exchange_at(x).levels_at + (s * WINDOW + (tick & (WINDOW - 1))) * _LEVEL_BYTES
    )


@kernel
def emit(x, kind, s, a, b, c, d):
    """Put a one-slot message on the ring; one that is full is counted as a stall."""
    h = exchange_at(x)
    message = slot_at(x + _SCRATCH_AT)
    h.seq += 1
    message.seq = h.seq
    message.ts = h.now
    message.ts_recv = h.stamp
    message.kind = kind
    message.code = 0
    message.instrument = sim(x, s).index
    message.check = 0
    message.a = a
    message.b = b
    message.c = c
    message.d = d
    if ring_push(h.out, x + _SCRATCH_AT, 1) == 0:
        h.stalls += 1


@kernel
def report(x, order_id, s, status, lots, tick, side, liquidity, trade_id, ahead):
    """Put an execution report on the ring."""
    h = exchange_at(x)
    message = order_slots_at(x + _SCRATCH_AT)
    h.seq += 1
    message.seq = h.seq
    message.ts = h.now
    message.ts_recv = h.stamp
    message.kind = M.REPORT
    message.code = status
    message.instrument = sim(x, s).index
    message.check = 0
    message.order_id = order_id
    message.qty = lots
    message.price = tick
    message.side = side
    message.type = 0
    message.tif = 0
    message.liquidity = liquidity
    message.trade_id = trade_id
    message.tag = 0
    message.ahead = ahead
    message.venue_id = order_id
    if ring_push(h.out, x + _SCRATCH_AT, 2) == 0:
        h.stalls += 1


@kernel
def _emit_level(x, s, side, tick):
    here = price_level(x, s, tick)
    emit(x, M.DEPTH, s, tick, here.lot, side, here.count)


@kernel
def emit_quote(x, s):
    """The best prices, where they or their sizes changed and both sides are there."""
    k = sim(x, s)
    if k.best_bid == L.NO_PRICE or k.best_ask == L.NO_PRICE:
        return
    bid_lot = price_level(x, s, k.best_bid).lot
    ask_lot = price_level(x, s, k.best_ask).lot
    same = k.quoted_bid == k.best_bid and k.quoted_ask == k.best_ask
    if same and k.quoted_bid_lot == bid_lot and k.quoted_ask_lot == ask_lot:
        return
    k.quoted_bid = k.best_bid
    k.quoted_ask = k.best_ask
    k.quoted_bid_lot = bid_lot
    k.quoted_ask_lot = ask_lot
    emit(x, M.QUOTE, s, k.best_bid, bid_lot, k.best_ask, ask_lot)


@kernel
def live_word(x, s, place):
    """Address of a place in an instrument's list of simulated orders; it holds a pool slot."""
    return x + exchange_at(x).live_at + (s * RESTING_PER_SIM + place) * 8


@kernel
def rest(x, s, order_id, side, tick, lots):
    """Queue an order at its price, behind all others; its slot, -1 where the pool is full."""
    h = exchange_at(x)
    k = sim(x, s)
    if h.free < 0 or (order_id == 0 and k.live >= RESTING_PER_SIM):
        return -1
    n = h.free
    o = resting(x, n)
    h.free = o.next
    here = price_level(x, s, tick)
    o.id = order_id
    o.sim = s
    o.side = side
    o.tick = tick
    o.lot = lots
    o.next = -1
    o.prev = here.tail if here.count > 0 else -1
    o.place = -1
    if here.count > 0:
        resting(x, here.tail).next = n
    else:
        here.head = n
    here.tail = n
    here.lot += lots
    here.count += 1
    if order_id == 0:
        o.place = k.live
        store_i8(live_word(x, s, k.live), n)
        k.live += 1
    if side > 0:
        if k.best_bid == L.NO_PRICE or tick > k.best_bid:
            k.best_bid = tick
    elif k.best_ask == L.NO_PRICE or tick < k.best_ask:
        k.best_ask = tick
    _emit_level(x, s, side, tick)
    return n


@kernel
def _take_out(x, n):
    """Take an order out of its queue and give its slot back; the best price follows."""
    h = exchange_at(x)
    o = resting(x, n)
    k = sim(x, o.sim)
    here = price_level(x, o.sim, o.tick)
    if o.prev >= 0:
        resting(x, o.prev).next = o.next
    else:
        here.head = o.next
    if o.next >= 0:
        resting(x, o.next).prev = o.prev
    else:
        here.tail = o.prev
    here.lot -= o.lot
    here.count -= 1
    if o.place >= 0:
        k.live -= 1
        moved = load_i8(live_word(x, o.sim, k.live))
        store_i8(live_word(x, o.sim, o.place), moved)
        resting(x, moved).place = o.place
    if here.count == 0:
        if o.side > 0 and o.tick == k.best_bid:
            k.best_bid = _next_price(x, o.sim, o.tick, -1)
        elif o.side < 0 and o.tick == k.best_ask:
            k.best_ask = _next_price(x, o.sim, o.tick, 1)
    o.id = 0
    o.next = h.free
    h.free = n


@kernel
def _next_price(x, s, tick, step):
    """The nearest price with orders behind ``tick``, or NO_PRICE."""
    for away in range(1, WINDOW // 2):
        if price_level(x, s, tick + step * away).count > 0:
            return tick + step * away
    return L.NO_PRICE


@kernel
def cancel(x, n):
    """Cancel a resting order."""
    o = resting(x, n)
    s, side, tick = o.sim, o.side, o.tick
    _take_out(x, n)
    _emit_level(x, s, side, tick)


@kernel
def execute(x, s, side, lots, worst, own_id):
    """Match an incoming order against the book, best price first, oldest first.

    Parameters
    ----------
    side : +1 buys from the asks, -1 sells to the bids
    worst : the price beyond which it doesn't trade; ignored for a market order (0)
    own_id : a client's order id, 0 for the simulated others

    Returns
    -------
    int
        Lots left.
    """
    h = exchange_at(x)
    k = sim(x, s)
    while lots > 0:
        best = k.best_ask if side > 0 else k.best_bid
        if best == L.NO_PRICE or (worst != 0 and (best - worst) * side > 0):
            break
        n = price_level(x, s, best).head
        o = resting(x, n)
        traded = min(lots, o.lot)
        lots -= traded
        h.trade_seq += 1
        k.last = best
        other = o.id
        if o.lot == traded:
            _take_out(x, n)
        else:
            o.lot -= traded
            price_level(x, s, best).lot -= traded
        emit(x, M.TRADE, s, best, traded, h.trade_seq, side)
        _emit_level(x, s, -side, best)
        if other != 0:
            report(x, other, s, K.FILLED, traded, best, -side, K.MAKER, h.trade_seq, 0)
        if own_id != 0:
            report(x, own_id, s, K.FILLED, traded, best, side, K.TAKER, h.trade_seq, 0)
    return lots
