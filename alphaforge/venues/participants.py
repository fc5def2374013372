"""Simulated participants: who comes to the order-by-order book, when, and with what.

The model is Cont, Stoikov and Talreja, "A stochastic model for order book dynamics" (Operations
Research 58(3), 2010): limit orders arrive at a distance of i ticks from the opposite best price at
rate lambda(i), market orders at rate mu a side, and each resting order at distance i is cancelled
at rate theta(i), all Poisson. The rates are those of their Table 1 (Sky Perfect Communications,
Tokyo), with their power law lambda(i) = k / i**alpha beyond five ticks; ``pace`` multiplies all of
them, so that a quiet stock's flow becomes a busy coin's. Sizes, which they hold at one unit, are
exponential around a mean. Clients' orders queue among theirs with price-time priority.

Random numbers are MRG32k3a (L'Ecuyer, Operations Research 47(1), 1999): exact in int64, so one seed
repeats everywhere.
"""

from __future__ import annotations

import math

import numpy as np

from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.atomic import load_i8, store_i8
from alphaforge.engine.jit import entry, kernel
from alphaforge.venues.orderbook import (
    EXCHANGE,
    cancel,
    emit,
    emit_quote,
    exchange_at,
    execute,
    live_word,
    rest,
    resting,
    sim,
)

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
_RANDOM_AT = M.offset_of(EXCHANGE, "random")


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
    n = load_i8(live_word(x, s, min(int(uniform(x) * k.live), k.live - 1)))
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
    emit_quote(x, s)
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
        emit(x, M.CLOCK, s, 0, 0, 0, 0)
        h.next_clock += CLOCK_EVERY
        return
    h.now = max(h.now, sim(x, s).next)
    arrive(x, s)


@entry("int64(int64, int64)")
def generate(x, count):
    """Let ``count`` things happen as fast as possible; room in the ring is the caller's care."""
    for _ in range(count):
        advance(x)
    return exchange_at(x).now


@entry("void(int64, int64)")
def populate(x, s):
    """Fill an empty book to about its stationary depth, and draw the first arrival."""
    k = sim(x, s)
    for i in range(DEEPEST):
        theta = _THETA[i] if i < 5 else _THETA_FAR
        for _ in range(max(1, int(_LAMBDA[i] / theta))):
            rest(x, s, 0, 1, k.last - 1 - i, _draw_lots(x, s))
            rest(x, s, 0, -1, k.last + 1 + i, _draw_lots(x, s))
    emit_quote(x, s)
    _schedule(x, s)
