"""Random numbers that repeat: ``ctx.rng`` as kernels, the same in both modes.

A strategy's stream is splitmix64 over a counter (Steele, Lea, Flood, "Fast splittable pseudorandom
number generators", OOPSLA 2014), as a venue's drawn latencies are; its seed and how many were drawn
stand in the strategy's record. Normal numbers are made of two uniforms (Box, Muller, "A note on the
generation of random normal deviates", Annals of Mathematical Statistics 29, 1958).
"""

from __future__ import annotations

from alphaforge.engine.block import engine_at, strategy
from alphaforge.engine.jit import entry
from alphaforge.engine.wire import normal, uniform

_STEP = 2.0**-53


@entry("float64(int64)")
def draw_uniform(m):
    """The running strategy's next number in (0, 1]."""
    s = strategy(m, engine_at(m).view_strategy)
    s.draws += 1
    return uniform(s.seed, s.draws)


@entry("float64(int64)")
def draw_normal(m):
    """The running strategy's next standard normal number; takes two uniforms."""
    s = strategy(m, engine_at(m).view_strategy)
    s.draws += 2
    return normal(s.seed, s.draws)


@entry("int64(int64, int64)")
def draw_integer(m, n):
    """The running strategy's next whole number from 0 to n - 1; ``n`` from 1 to 2**53.

    No number is likelier than another by more than n / 2**53.
    """
    return min(int((draw_uniform(m) - _STEP) * n), n - 1)
