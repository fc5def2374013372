"""Fills: from the simulated venue to our books, with what follows for orders that hang together."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine.block import engine_at, order, resting
from alphaforge.engine.jit import part
from alphaforge.engine.links import after_fill
from alphaforge.engine.portfolio import fill
from alphaforge.engine.resting import leave_venue
from alphaforge.engine.wire import has_latency, tell_fill


@part("void(int64, int64, int64, int64, int64, int64)")
def take_in(m, slot, lots, price, ts, liquidity):
    """A fill reaches us: portfolio, journal, and the orders that this one hangs together with."""
    status = order(m, slot).status
    if status == K.CANCELLED or status == K.EXPIRED:
        engine_at(m).late_fills += 1
    fill(m, slot, lots, price, ts, liquidity)
    after_fill(m, slot, lots)


@part("void(int64, int64, int64, int64, int64, int64)")
def execute(m, slot, lots, price, ts, liquidity):
    """The simulated venue fills an order; we hear of it at once, or after its latency."""
    h = engine_at(m)
    r = resting(m, slot)
    r.leaves -= lots
    if r.shown > 0:
        r.shown = max(0, r.shown - lots)
    if r.leaves == 0:
        leave_venue(m, slot)
    h.trade_seq += 1
    if has_latency(m, slot):
        tell_fill(m, slot, lots, price, ts, liquidity, h.trade_seq)
    else:
        take_in(m, slot, lots, price, ts, liquidity)
