"""Moving averages. Their unit is the input's.

Averages over a window show a NaN until it has left the window; recursive ones leave out a value
that isn't finite, as if the update hadn't been.
"""

from __future__ import annotations

import math

from alphaforge.strategy.indicators.base import Indicator, Summed, Windowed, rising
from alphaforge.strategy.indicators.statistics import RollingSum


class SMA(Summed):
    """Simple moving average of the last ``period`` values; O(1) an update.

    The running sum is taken anew once a period, so rounding can't pile up, and while it isn't
    finite, so a NaN leaves with the value that brought it. Ready after ``period``; until then the
    mean of what there is.

    Parameters
    ----------
    period : int
        At least 1.
    """

    def update(self, x: float) -> None:
        """Take the next value."""
        self.add(x)
        self.value = self.total / min(self.count, self.period)


class EMA(Indicator):
    """Exponential moving average, weight 2 / (period + 1), started at the first value.

    Ready after ``period``; O(1) an update. What isn't finite is left out.

    Parameters
    ----------
    period : int
        At least 1.
    """

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        if self.count == 0:
            self.value = x
        else:
            self.value += (x - self.value) * 2.0 / (self.period + 1.0)
        self.count += 1


class Wilder(Indicator):
    """Wilder's average, also RMA or SMMA: weight 1 / period (Wilder 1978, *New Concepts*).

    It starts with the mean of the first ``period`` values. Ready after ``period``; until then the
    mean of what there is; O(1) an update. What isn't finite is left out.

    Parameters
    ----------
    period : int
        At least 1.
    """

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        self.count += 1
        if self.count == 1:
            self.value = x
        else:
            self.value += (x - self.value) / min(self.count, self.period)


class WMA(Windowed):
    """Linearly weighted moving average: the newest weighs ``period``, the oldest 1.

    Ready after ``period``; O(1) an update: both running sums are taken anew once a period. A NaN
    shows until it has left the window.

    Parameters
    ----------
    period : int
        At least 1.
    """

    total: float = 0.0
    weighted: float = 0.0

    def update(self, x: float) -> None:
        """Take the next value."""
        self.weighted += self.period * x - self.total
        self.total -= self.push(x)
        self.total += x
        if self.at == 0 or not math.isfinite(self.weighted):
            self.total = self.weighted = 0.0
            for i in range(self.period):
                y = self.window[(self.at + i) % self.period]
                self.total += y
                self.weighted += (i + 1) * y
        if self.count >= self.period:
            self.value = self.weighted / (0.5 * self.period * (self.period + 1))


class DEMA(Indicator):
    """Double exponential moving average: 2 EMA - EMA of EMA (Mulloy 1994, TASC 12:1).

    The second average starts at the first one's first ready value. Ready after ``2 period - 1``;
    O(1) an update. What isn't finite is left out.

    Parameters
    ----------
    period : int
        At least 1.
    """

    once: EMA = EMA(1)
    twice: EMA = EMA(1)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.once, self.twice = EMA(period), EMA(period)

    @property
    def ready(self) -> bool:
        """True once the second average is."""
        return self.twice.ready

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        self.count += 1
        self.once.update(x)
        if self.once.ready:
            self.twice.update(self.once.value)
        if self.twice.ready:
            self.value = 2.0 * self.once.value - self.twice.value


class Thrice(Indicator):
    """Base of what smooths three times; each average starts at the first ready value before."""

    once: EMA = EMA(1)
    twice: EMA = EMA(1)
    thrice: EMA = EMA(1)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.once, self.twice, self.thrice = EMA(period), EMA(period), EMA(period)

    def smooth(self, x: float) -> None:
        """Take the next value into the chain."""
        self.count += 1
        self.once.update(x)
        if self.once.ready:
            self.twice.update(self.once.value)
        if self.twice.ready:
            self.thrice.update(self.twice.value)


class TEMA(Thrice):
    """Triple exponential moving average: 3 EMA - 3 EMA of EMA + its EMA (Mulloy 1994, TASC 12:2).

    Each average starts at the first ready value of the one before. Ready after ``3 period - 2``;
    O(1) an update. What isn't finite is left out.

    Parameters
    ----------
    period : int
        At least 1.
    """

    @property
    def ready(self) -> bool:
        """True once the third average is."""
        return self.thrice.ready

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        self.smooth(x)
        if self.thrice.ready:
            self.value = 3.0 * (self.once.value - self.twice.value) + self.thrice.value


class TRIMA(Indicator):
    """Triangular moving average: an SMA of an SMA, so the middle weighs most.

    Of an odd period both are over ``(period + 1) / 2``, of an even one over ``period / 2 + 1`` and
    ``period / 2``. Ready after ``period``; O(1) an update. A NaN shows until it has left both.

    Parameters
    ----------
    period : int
        At least 1.
    """

    inner: SMA = SMA(1)
    outer: SMA = SMA(1)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.inner, self.outer = SMA(period // 2 + 1), SMA((period + 1) // 2)

    def update(self, x: float) -> None:
        """Take the next value."""
        self.count += 1
        self.inner.update(x)
        if self.inner.ready:
            self.outer.update(self.inner.value)
        if self.outer.ready:
            self.value = self.outer.value


class KAMA(Windowed):
    """Kaufman's adaptive moving average (Kaufman 1995, *Smarter Trading*).

    Its weight lies between those of EMAs of ``slow`` and ``fast``, squared, by the efficiency
    ratio: how far the price came in ``period`` updates over the way it went, 1 where it didn't
    move. It starts at the price before the first ratio. Ready after ``period + 1``; O(1) an
    update. What isn't finite is left out.

    Parameters
    ----------
    period : int
        Updates of the efficiency ratio; at least 1.
    fast, slow : int
        Periods of the fastest and the slowest average; ``fast < slow``.
    """

    fast: int = 2
    slow: int = 30
    last: float = 0.0
    way: RollingSum = RollingSum(1)

    def __init__(self, period: int = 10, fast: int = 2, slow: int = 30) -> None:
        super().__init__(period)
        rising(type(self), fast=fast, slow=slow)
        self.fast, self.slow = fast, slow
        self.way = RollingSum(period)

    @property
    def ready(self) -> bool:
        """True once a whole period of changes was seen."""
        return self.count > self.period

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        if self.count > 0:
            self.way.update(abs(x - self.last))
        old = self.push(x)
        if self.count > self.period:
            if self.count == self.period + 1:
                self.value = self.last
            far, ratio = abs(x - old), 1.0
            if far < self.way.total:
                ratio = far / self.way.total
            slowest = 2.0 / (self.slow + 1.0)
            weight = slowest + ratio * (2.0 / (self.fast + 1.0) - slowest)
            self.value += weight * weight * (x - self.value)
        self.last = x


class HMA(Indicator):
    """Hull moving average: WMA over the root of the period of 2 WMA(period / 2) - WMA(period).

    Hull 2005; half and root are rounded down, to at least 1. Ready after ``period`` and the root
    less 1; O(1) an update. A NaN shows until it has left all windows.

    Parameters
    ----------
    period : int
        At least 1.
    """

    half: WMA = WMA(1)
    full: WMA = WMA(1)
    smooth: WMA = WMA(1)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.half, self.full = WMA(max(1, period // 2)), WMA(period)
        self.smooth = WMA(math.isqrt(period))

    @property
    def ready(self) -> bool:
        """True once the last average is."""
        return self.smooth.ready

    def update(self, x: float) -> None:
        """Take the next value."""
        self.count += 1
        self.half.update(x)
        self.full.update(x)
        if self.full.ready:
            self.smooth.update(2.0 * self.half.value - self.full.value)
            self.value = self.smooth.value


class VWMA(Indicator):
    """Volume-weighted moving average of the last ``period`` closes.

    Ready after ``period``; NaN where the window has no volume; O(1) an update. A NaN shows until
    it has left the window.

    Parameters
    ----------
    period : int
        At least 1.
    """

    paid: RollingSum = RollingSum(1)
    volume: RollingSum = RollingSum(1)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.paid, self.volume = RollingSum(period), RollingSum(period)

    def update(self, close: float, volume: float) -> None:
        """Take the next bar."""
        self.count += 1
        self.paid.update(close * volume)
        self.volume.update(volume)
        self.value = math.nan
        if self.count >= self.period and self.volume.total > 0.0:
            self.value = self.paid.total / self.volume.total
