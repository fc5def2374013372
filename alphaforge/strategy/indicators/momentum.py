"""Momentum: how fast prices change, and how far two averages of them are apart.

Recursive ones leave out a value that isn't finite, as if the update hadn't been.
"""

from __future__ import annotations

import math

from alphaforge.strategy.indicators.averages import EMA, Thrice
from alphaforge.strategy.indicators.base import (
    AfterChange,
    Indicator,
    Windowed,
    rising,
    share,
    whole,
)


class _TwoAverages(Indicator):
    """Base of what takes a fast EMA, a slow one, and smooths what lies between."""

    OUTPUTS = ("value", "signal", "histogram")

    signal: float = math.nan
    histogram: float = math.nan
    fast: EMA = EMA(1)
    slow: EMA = EMA(1)
    smooth: EMA = EMA(1)

    def __init__(self, fast: int = 12, slow: int = 26, signal: int = 9) -> None:
        rising(type(self), fast=fast, slow=slow)
        whole(type(self), signal=signal)
        super().__init__(slow + signal - 1)
        self.fast, self.slow, self.smooth = EMA(fast), EMA(slow), EMA(signal)

    def show(self, line: float) -> None:
        """Take the next value of the line that is smoothed."""
        self.smooth.update(line)
        if self.smooth.ready:
            self.value = line
            self.signal = self.smooth.value
            self.histogram = line - self.smooth.value


class MACD(_TwoAverages):
    """Moving average convergence and divergence (Appel 1979): fast EMA less slow EMA.

    ``signal`` is an EMA of ``value``, started when the slow EMA is ready; ``histogram`` is value
    less signal. Ready after ``slow + signal - 1``; O(1) an update. What isn't finite is left out.
    In the input's unit.

    Parameters
    ----------
    fast, slow, signal : int
        Periods of the EMAs; at least 1, ``fast < slow``.
    """

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        self.count += 1
        self.fast.update(x)
        self.slow.update(x)
        if self.slow.ready:
            self.show(self.fast.value - self.slow.value)


class PPO(_TwoAverages):
    """Percentage price oscillator: MACD in percent of the slow EMA.

    ``signal`` is an EMA of ``value``, started when the slow EMA is ready; ``histogram`` is value
    less signal. Ready after ``slow + signal - 1``; O(1) an update. What isn't finite is left out;
    where the slow EMA is 0 the last value stays.

    Parameters
    ----------
    fast, slow, signal : int
        Periods of the EMAs; at least 1, ``fast < slow``.
    """

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        self.count += 1
        self.fast.update(x)
        self.slow.update(x)
        if self.slow.ready and self.slow.value != 0.0:
            self.show(100.0 * (self.fast.value - self.slow.value) / self.slow.value)


class Momentum(AfterChange, Windowed):
    """The value less the one from ``period`` updates ago.

    Ready after ``period + 1``; O(1) an update. A NaN shows until it has left the window. In the
    input's unit.

    Parameters
    ----------
    period : int
        At least 1.
    """

    def update(self, x: float) -> None:
        """Take the next value."""
        old = self.push(x)
        if self.count > self.period:
            self.value = x - old


class ROC(AfterChange, Windowed):
    """Rate of change: percent above the value from ``period`` updates ago.

    Ready after ``period + 1``; NaN where the old value is 0; O(1) an update. A NaN shows until it
    has left the window.

    Parameters
    ----------
    period : int
        At least 1.
    """

    def update(self, x: float) -> None:
        """Take the next value."""
        old = self.push(x)
        if self.count > self.period:
            self.value = 100.0 * share(x - old, old, math.nan)


class TRIX(Thrice):
    """Change of a thrice smoothed EMA from one update to the next, in percent (Hutson 1983).

    Each average starts at the first ready value of the one before. Ready after ``3 period - 1``;
    NaN where the average was 0; O(1) an update. What isn't finite is left out.

    Parameters
    ----------
    period : int
        At least 1.
    """

    @property
    def ready(self) -> bool:
        """True once the third average has a change."""
        return self.thrice.count > self.period

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        last = self.thrice.value
        self.smooth(x)
        if self.thrice.count > self.period:
            self.value = 100.0 * share(self.thrice.value - last, last, math.nan)


class TSI(Indicator):
    """True strength index (Blau 1991, TASC 9:11): changes, smoothed twice, over their size.

    Changes and their sizes go through an EMA over ``long`` and then one over ``short``, which
    starts when the first is ready. Ready after ``long + short``; O(1) an update; 0 where nothing
    moves. What isn't finite is left out. -100 to 100.

    Parameters
    ----------
    long, short : int
        Periods of the first and the second EMA; at least 1.
    """

    last: float = 0.0
    change: EMA = EMA(1)
    change_again: EMA = EMA(1)
    size: EMA = EMA(1)
    size_again: EMA = EMA(1)

    def __init__(self, long: int = 25, short: int = 13) -> None:
        whole(type(self), long=long, short=short)
        super().__init__(long + short)
        self.change, self.size = EMA(long), EMA(long)
        self.change_again, self.size_again = EMA(short), EMA(short)

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        if self.count > 0:
            self.change.update(x - self.last)
            self.size.update(abs(x - self.last))
            if self.change.ready:
                self.change_again.update(self.change.value)
                self.size_again.update(self.size.value)
        self.last = x
        self.count += 1
        if self.count >= self.period:
            self.value = 100.0 * share(self.change_again.value, self.size_again.value, 0.0)
