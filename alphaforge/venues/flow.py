"""Simulated participants on an order-by-order book, in numba.

The model is Cont, Stoikov and Talreja, "A stochastic model for order book dynamics" (Operations
Research 58(3), 2010): limit orders arrive at a distance of i ticks from the opposite best price at
rate lambda(i), market orders at rate mu a side, and each resting order at distance i is cancelled
at rate theta(i), all Poisson. The rates are those of their Table 1 (Sky Perfect Communications,
Tokyo), with their power law lambda(i) = k / i**alpha beyond five ticks; ``pace`` multiplies all of
them, so that a quiet stock's flow becomes a busy coin's. Sizes, which they hold at one unit, are
exponential around a mean. Own orders queue among the others with price-time priority and are
filled in part.

Random numbers are MRG32k3a (L'Ecuyer, Operations Research 47(1), 1999): exact in int64, so one seed
repeats everywhere.
"""

from __future__ import annotations

import math

import numpy as np

from alphaforge.engine import layout as L
from alphaforge.engine.atomic import load_i8, store_i8, view
from alphaforge.engine.block import order_slots_at, slot_at
from alphaforge.engine.jit import entry, kernel
from alphaforge.engine.ring import ring_push

LIMIT_RATES = (1.85, 1.51, 1.09, 0.88, 0.77)  # lambda(1..5), orders a second
CANCEL_RATES = (0.71, 0.81, 0.68, 0.56, 0.47)  # theta(1..5), a second and order
MARKET_RATE = 0.94  # mu, orders a second and side
POWER_K, POWER_ALPHA = 1.92, 0.52
DEEPEST = 30
"""Ticks from the opposite best price at which the farthest limit orders arrive."""

_LAMBDA = np.array([*LIMIT_RATES, *(POWER_K / i**POWER_ALPHA for i in range(6, DEEPEST + 1))])
_CUMULATIVE = np.cumsum(_LAMBDA)
_LIMIT_TOTAL = float(_CUMULATIVE[-1])
_THETA = np.array(CANCEL_RATES)
_THETA_MAX = float(_THETA.max())
_THETA_FAR = float(_THETA[-1])

_M1, _M2 = 4294967087, 4294944443
_A12, _A13, _A21, _A23 = 1403580, 810728, 527612, 1370589
_NORM = 2.328306549295727688e-10
CLOCK_EVERY = 50_000_000
SOURCE = 1
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
_RANDOM_AT = EXCHANGE.fields["random"][1]  # type: ignore[index]
_SCRATCH_AT = EXCHANGE.fields["scratch"][1]  # type: ignore[index]

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
def uniform(x):
    """A random number in (0, 1)."""
    a = x + _RANDOM_AT
    p1 = (_A12 * load_i8(a + 8) - _A13 * load_i8(a)) % _M1
    store_i8(a, load_i8(a + 8))
    store_i8(a + 8, load_i8(a + 16))
    store_i8(a + 16, p1)
    p2 = (_A21 * load_i8(a + 40) - _A23 * load_i8(a + 24)) % _M2
    store_i8(a + 24, load_i8(a + 32))
    store_i8(a + 32, load_i8(a + 40))
    store_i8(a + 40, p2)
    return (p1 - p2 if p1 > p2 else p1 - p2 + _M1) * _NORM


@kernel
def exponential(x, mean):
    """An exponential random number."""
    return -math.log(uniform(x)) * mean


@kernel
def _emit(x, kind, s, a, b, c, d):
    """Put a one-slot message on the ring; one that is full is counted as a stall."""
    h = exchange_at(x)
    message = slot_at(x + _SCRATCH_AT)
    h.seq += 1
    message.seq = h.seq
    message.ts = h.now
    message.ts_recv = h.stamp
    message.kind = kind
    message.code = SOURCE
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
    message.kind = L.REPORT
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
    _emit(x, L.DEPTH, s, tick, here.lot, side, here.count)


@kernel
def _emit_quote(x, s):
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
    _emit(x, L.QUOTE, s, k.best_bid, bid_lot, k.best_ask, ask_lot)


@kernel
def _live_word(x, s, place):
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
        store_i8(_live_word(x, s, k.live), n)
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
        moved = load_i8(_live_word(x, o.sim, k.live))
        store_i8(_live_word(x, o.sim, o.place), moved)
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
        _emit(x, L.TRADE, s, best, traded, h.trade_seq, side)
        _emit_level(x, s, -side, best)
        if other != 0:
            report(x, other, s, L.FILLED, traded, best, -side, L.MAKER, h.trade_seq, 0)
        if own_id != 0:
            report(x, own_id, s, L.FILLED, traded, best, side, L.TAKER, h.trade_seq, 0)
    return lots


@kernel
def _distance(x, s, side, tick):
    """Ticks from the opposite best price, at least 1."""
    k = sim(x, s)
    other = k.best_ask if side > 0 else k.best_bid
    if other == L.NO_PRICE:
        other = k.last
    return max(1, (other - tick) * side)


@kernel
def _draw_lots(x, s):
    return 1 + int(exponential(x, sim(x, s).mean_lot))


@kernel
def _arrive_limit(x, s):
    k = sim(x, s)
    side = 1 if uniform(x) < 0.5 else -1
    at = uniform(x) * _LIMIT_TOTAL
    i = 0
    while _CUMULATIVE[i] < at:
        i += 1
    other = k.best_ask if side > 0 else k.best_bid
    if other == L.NO_PRICE:
        other = k.last + side
    tick = other - side * (i + 1)
    if tick > 0:
        rest(x, s, 0, side, tick, _draw_lots(x, s))


@kernel
def _arrive_cancel(x, s):
    """A random resting order is cancelled with the odds of its distance; others' orders only."""
    k = sim(x, s)
    n = load_i8(_live_word(x, s, min(int(uniform(x) * k.live), k.live - 1)))
    o = resting(x, n)
    away = _distance(x, s, o.side, o.tick)
    rate = _THETA[away - 1] if away <= 5 else _THETA_FAR
    if uniform(x) * _THETA_MAX < rate:
        cancel(x, n)


@kernel
def _schedule(x, s):
    """Draw when the next order arrives: the sum of all rates, memoryless."""
    k = sim(x, s)
    rate = (2.0 * (_LIMIT_TOTAL + MARKET_RATE) + _THETA_MAX * k.live) * k.pace
    k.next = max(k.next, exchange_at(x).now) + max(1, int(exponential(x, 1e9 / rate)))


@kernel
def arrive(x, s):
    """One arrival of a simulated participant, and the draw of the next."""
    k = sim(x, s)
    limits, markets = 2.0 * _LIMIT_TOTAL, 2.0 * MARKET_RATE
    at = uniform(x) * (limits + markets + _THETA_MAX * k.live)
    if at < limits:
        _arrive_limit(x, s)
    elif at < limits + markets:
        side = 1 if uniform(x) < 0.5 else -1
        execute(x, s, side, _draw_lots(x, s), 0, 0)
    elif k.live > 0:
        _arrive_cancel(x, s)
    _emit_quote(x, s)
    exchange_at(x).events += 1
    _schedule(x, s)


@kernel
def next_arrival(x):
    """The instrument whose next order arrives first."""
    first = 0
    for s in range(1, exchange_at(x).instruments):
        if sim(x, s).next < sim(x, first).next:
            first = s
    return first


@kernel
def advance(x):
    """The next thing that happens: an arrival, or the watermark that is due before it."""
    h = exchange_at(x)
    s = next_arrival(x)
    if h.next_clock <= sim(x, s).next:
        h.now = max(h.now, h.next_clock)
        _emit(x, L.CLOCK, s, 0, 0, 0, 0)
        h.next_clock += CLOCK_EVERY
        return
    h.now = max(h.now, sim(x, s).next)
    arrive(x, s)


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
def _enter(x, s, e):
    """A client's new order: accepted, matched, and what is left rests or expires.

    A limit price so far from the market that it would share a level with a price near it (half a
    window away) is rejected.
    """
    o = order_slots_at(e)
    if o.type == L.LIMIT_ORDER and _too_far(x, s, o.price):
        report(x, o.order_id, s, L.REJECTED, 0, o.price, o.side, 0, 0, 0)
        return
    report(x, o.order_id, s, L.ACCEPTED, 0, o.price, o.side, 0, 0, 0)
    worst = o.price if o.type == L.LIMIT_ORDER else 0
    left = execute(x, s, o.side, o.qty, worst, o.order_id)
    if left > 0 and o.type == L.LIMIT_ORDER and o.tif == L.GTC:
        n = rest(x, s, o.order_id, o.side, o.price, left)
        if n < 0:
            report(x, o.order_id, s, L.CANCELLED, 0, o.price, o.side, 0, 0, 0)
    elif left > 0:
        report(x, o.order_id, s, L.EXPIRED, 0, o.price, o.side, 0, 0, 0)


@kernel
def _replace(x, s, n, e):
    """A resting order at a new price: a new place in a queue, and it may trade at once."""
    o = order_slots_at(e)
    if _too_far(x, s, o.price):
        report(x, o.order_id, s, L.ACCEPTED, 0, resting(x, n).tick, o.side, 0, 0, 0)
        return
    # Fills that were on their way when it was asked for are not there a second time.
    lots = min(o.qty, resting(x, n).lot)
    cancel(x, n)
    report(x, o.order_id, s, L.ACCEPTED, 0, o.price, o.side, 0, 0, 0)
    left = execute(x, s, o.side, lots, o.price, o.order_id)
    if left > 0:
        rest(x, s, o.order_id, o.side, o.price, left)


@kernel
def handle(x, e):
    """A message from a client: a new order, a cancel, a replace."""
    o = order_slots_at(e)
    s = _sim_of(x, o.instrument)
    if s < 0:
        report(x, o.order_id, 0, L.REJECTED, 0, o.price, o.side, 0, 0, 0)
        return
    if o.kind == L.SUBMIT:
        _enter(x, s, e)
    else:
        n = _find_own(x, o.order_id)
        if n >= 0 and o.kind == L.CANCEL:
            cancel(x, n)
            report(x, o.order_id, s, L.CANCELLED, 0, o.price, o.side, 0, 0, 0)
        elif n >= 0 and o.kind == L.REPLACE:
            _replace(x, s, n, e)
    _emit_quote(x, s)


@entry("int64(int64, int64)")
def generate(x, count):
    """Let ``count`` things happen as fast as possible; room in the ring is the caller's care."""
    for _ in range(count):
        advance(x)
    return exchange_at(x).now


@entry("void(int64, int64)")
def handle_now(x, e):
    """``handle`` from Python."""
    handle(x, e)


@entry("void(int64, int64)")
def populate(x, s):
    """Fill an empty book to about its stationary depth, and draw the first arrival."""
    k = sim(x, s)
    for i in range(DEEPEST):
        theta = _THETA[i] if i < 5 else _THETA_FAR
        for _ in range(max(1, int(_LAMBDA[i] / theta))):
            rest(x, s, 0, 1, k.last - 1 - i, _draw_lots(x, s))
            rest(x, s, 0, -1, k.last + 1 + i, _draw_lots(x, s))
    _emit_quote(x, s)
    _schedule(x, s)
