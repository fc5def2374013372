"""The L2 book: a window of price levels around the touch, per instrument and side.

A level lives at its tick modulo the window. Two ticks a window apart would share a slot; the one
nearer to the touch stays.
"""

from __future__ import annotations

from alphaforge.engine import layout as L
from alphaforge.engine.block import engine_at, level, market
from alphaforge.engine.jit import kernel


@kernel
def _next_best(m, i, side, tick):
    """The best price at or behind ``tick`` on one side, or NO_PRICE."""
    for away in range(engine_at(m).levels_n):
        at = tick - side * away
        found = level(m, i, side, at)
        if found.tick == at and found.lot > 0:
            return at
    return L.NO_PRICE


@kernel
def set_level(m, i, side, tick, lots):
    """Set one level's total; 0 removes it. Keeps the best prices; counts a crossed book."""
    h = engine_at(m)
    if h.levels_n == 0:
        return
    k = market(m, i)
    best = k.best_bid if side > 0 else k.best_ask
    slot = level(m, i, side, tick)
    if lots == 0 and (slot.tick != tick or slot.lot == 0):
        return  # it was dropped or never there: what shares its slot stays
    if (
        slot.tick != tick
        and slot.lot > 0
        and best != L.NO_PRICE
        and (best - tick) * side > 0  # a new best price always goes in
        and abs(tick - best) > abs(slot.tick - best)
    ):
        return
    slot.tick = tick
    slot.lot = lots
    if lots > 0 and (best == L.NO_PRICE or (tick - best) * side > 0):
        best = tick
    elif lots == 0 and tick == best:
        best = _next_best(m, i, side, tick - side)
    if side > 0:
        k.best_bid = best
    else:
        k.best_ask = best
    if k.best_bid != L.NO_PRICE and k.best_ask != L.NO_PRICE and k.best_bid >= k.best_ask:
        h.crossed += 1
