"""The bars that a strategy was shown: a ring for each instrument it watches, after its state.

At ``strategy.shown`` stands one int64 an instrument, the offset of its ring from there or 0 where
it has none; a ring is a count of the bars put in, ever, and room for ``SHOWN_BARS`` of them.
"""

from __future__ import annotations

from alphaforge.engine import layout as L
from alphaforge.engine.atomic import load_i8, store_i8
from alphaforge.engine.block import bar_at, engine_at, shown_at, strategy
from alphaforge.engine.jit import kernel, part
from alphaforge.engine.money import mul_div


@kernel
def _ring(m, k, i):
    """The address of strategy ``k``'s ring of an instrument, or 0 where none is kept."""
    at = strategy(m, k).shown
    if at == 0:
        return 0
    offset = load_i8(m + at + 8 * i)
    return m + at + offset if offset != 0 else 0


@kernel
def _place(ring, n):
    """The address of the n-th bar ever."""
    return ring + 8 + n % L.SHOWN_BARS * L.SHOWN_BYTES


@part("void(int64, int64, int64)")
def keep_shown(m, k, address):
    """Keep the bar at an address as the newest that a strategy was shown."""
    bar = bar_at(address)
    ring = _ring(m, k, bar.instrument)
    if ring == 0:
        return
    count = load_i8(ring)
    kept = shown_at(_place(ring, count))
    kept.ts = bar.ts
    kept.open = bar.open
    kept.high = bar.high
    kept.low = bar.low
    kept.close = bar.close
    kept.volume = bar.volume
    store_i8(ring, count + 1)


@kernel
def shown_back(m, k, i, back):
    """The address of the bar that a strategy was shown so many bars ago; 0 where there is none."""
    ring = _ring(m, k, i)
    if ring == 0:
        return 0
    count = load_i8(ring)
    if back < 0 or back >= min(count, L.SHOWN_BARS):
        return 0
    return _place(ring, count - 1 - back)


@part("void(int64, int64, int64, int64)")
def split_shown(m, i, numerator, denominator):
    """Put the bars of before a split on the scale of those after it, each number half to even."""
    for k in range(engine_at(m).strategies_used):
        ring = _ring(m, k, i)
        if ring != 0:
            for n in range(min(load_i8(ring), L.SHOWN_BARS)):
                bar = shown_at(_place(ring, n))
                bar.open = mul_div(m, bar.open, denominator, numerator)
                bar.high = mul_div(m, bar.high, denominator, numerator)
                bar.low = mul_div(m, bar.low, denominator, numerator)
                bar.close = mul_div(m, bar.close, denominator, numerator)
                bar.volume = mul_div(m, bar.volume, numerator, denominator)
