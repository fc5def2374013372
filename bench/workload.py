"""The data and the strategy that the benchmarks share; deterministic."""

from __future__ import annotations

import numba as nb
import numpy as np

import alphaforge as af
from alphaforge.engine import messages as M

MINUTE = 60_000_000_000
BARS = 1_000_000


class SmaCross(af.Strategy):
    """Long ten units while the fast average is above the slow one."""

    fast: af.SMA = af.SMA(10)
    slow: af.SMA = af.SMA(50)
    size: float = 10.0

    def on_bar(self, ctx, bar):
        self.fast.update(bar.close)
        self.slow.update(bar.close)
        if not self.slow.ready:
            return
        # Means of cents that are equal may differ in the last bit: a hair more is no cross.
        up = self.fast.value > self.slow.value + 1e-9
        ctx.target(bar.instrument, self.size if up else 0.0)


class Empty(af.Strategy):
    """Is called with every bar and does nothing: what the engine itself takes."""

    def on_bar(self, ctx, bar):
        pass


def minute_bars(count: int = BARS, seed: int = 7) -> np.ndarray:
    """A seeded random walk as bar events on a 0.01 tick."""
    random = np.random.default_rng(seed)
    bars = np.zeros(count, M.BAR_SLOTS)
    close = 100_000 + np.cumsum(random.integers(-10, 11, count))
    opened = np.concatenate([[100_000], close[:-1]])
    bars["kind"], bars["interval"], bars["volume"] = M.BAR, MINUTE, 100
    bars["open"], bars["close"] = opened, close
    bars["high"] = np.maximum(opened, close) + random.integers(0, 5, count)
    bars["low"] = np.minimum(opened, close) - random.integers(0, 5, count)
    bars["ts_open"] = np.arange(count) * MINUTE
    bars["ts"] = bars["ts_open"] + MINUTE
    return bars


@nb.njit
def plain_loop(close, fast, slow):
    """The limit of the method: two running means and a cross, no orders, no account."""
    a = b = cash = 0.0
    held = 0
    for i in range(close.size):
        a += close[i]
        b += close[i]
        if i >= fast:
            a -= close[i - fast]
        if i >= slow:
            b -= close[i - slow]
            want = 1 if a / fast > b / slow else 0
            if want != held:
                cash -= (want - held) * close[i]
                held = want
    return cash
