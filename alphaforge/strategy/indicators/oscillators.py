"""Oscillators: where a price lies in what it did before, between bounds that don't move.

Of those that go from 0 to 100 the value is 50 where nothing moved, of those around 0 it is 0.
"""

from __future__ import annotations

import math

from alphaforge.strategy.indicators.averages import SMA
from alphaforge.strategy.indicators.base import (
    AfterChange,
    Indicator,
    Windowed,
    rising,
    share,
    whole,
)
from alphaforge.strategy.indicators.statistics import RollingMax, RollingMin, RollingSum
from alphaforge.strategy.indicators.volatility import true_range


class RSI(AfterChange):
    """Relative strength index with Wilder's smoothing (Wilder 1978, *New Concepts*, section VI).

    The first average is the mean of the first ``period`` changes; 100 where nothing fell, 50 where
    nothing moved. Ready after ``period + 1``, until then over what there is; O(1) an update. What
    isn't finite is left out. 0 to 100.

    Parameters
    ----------
    period : int
        At least 1.
    """

    last: float = 0.0
    gain: float = 0.0
    loss: float = 0.0

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        if self.count > 0:
            change = x - self.last
            up = change if change > 0.0 else 0.0
            down = -change if change < 0.0 else 0.0
            n = min(self.count, self.period)
            self.gain += (up - self.gain) / n
            self.loss += (down - self.loss) / n
            total = self.gain + self.loss
            if total > 0.0:
                self.value = 100.0 * self.gain / total
            else:
                self.value = 50.0
        self.last = x
        self.count += 1


class Stochastic(Indicator):
    """Stochastic oscillator (Lane 1984, TASC 2:3): where the close lies in the period's range.

    ``k``, also ``value``, is smoothed over ``smoothing`` bars (1: the fast form), ``d`` is its SMA
    over ``signal``. Ready after ``period + smoothing + signal - 2``; O(1) an update, O(period)
    where an extreme leaves. A NaN shows until it has left all windows. 0 to 100.

    Parameters
    ----------
    period, smoothing, signal : int
        Bars of the range, of the SMA that is ``k`` and of its SMA ``d``; at least 1.
    """

    OUTPUTS = ("value", "k", "d")

    k: float = math.nan
    d: float = math.nan
    highest: RollingMax = RollingMax(1)
    lowest: RollingMin = RollingMin(1)
    slow: SMA = SMA(1)
    slower: SMA = SMA(1)

    def __init__(self, period: int = 14, smoothing: int = 3, signal: int = 3) -> None:
        super().__init__(period)
        whole(type(self), smoothing=smoothing, signal=signal)
        self.highest, self.lowest = RollingMax(period), RollingMin(period)
        self.slow, self.slower = SMA(smoothing), SMA(signal)

    @property
    def ready(self) -> bool:
        """True once ``d`` rests on whole periods."""
        return self.slower.ready

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        self.count += 1
        self.highest.update(high)
        self.lowest.update(low)
        if self.count < self.period:
            return
        least = self.lowest.value
        self.slow.update(100.0 * share(close - least, self.highest.value - least, 0.5))
        if self.slow.ready:
            self.slower.update(self.slow.value)
        if self.slower.ready:
            self.value = self.k = self.slow.value
            self.d = self.slower.value


class StochRSI(Indicator):
    """Where the RSI lies in its own range (Chande and Kroll 1994, *The New Technical Trader*).

    ``k``, ``d`` and ``value`` as of ``Stochastic``, of the RSI. Ready after ``period`` and what
    that needs; O(1) an update, O(lookback) where an extreme leaves. What isn't finite is left out.
    0 to 100.

    Parameters
    ----------
    period : int
        Of the RSI; at least 1.
    lookback, smoothing, signal : int
        Updates of its range, of the SMA that is ``k`` and of its SMA ``d``; at least 1.
    """

    OUTPUTS = ("value", "k", "d")

    k: float = math.nan
    d: float = math.nan
    rsi: RSI = RSI(1)
    stochastic: Stochastic = Stochastic(1)

    def __init__(
        self, period: int = 14, lookback: int = 14, smoothing: int = 3, signal: int = 3
    ) -> None:
        super().__init__(period)
        whole(type(self), lookback=lookback, smoothing=smoothing, signal=signal)
        self.rsi = RSI(period)
        self.stochastic = Stochastic(lookback, smoothing, signal)

    @property
    def ready(self) -> bool:
        """True once ``d`` rests on whole periods."""
        return self.stochastic.ready

    def update(self, x: float) -> None:
        """Take the next value."""
        if not math.isfinite(x):
            return
        self.count += 1
        self.rsi.update(x)
        if self.rsi.ready:
            strength = self.rsi.value
            self.stochastic.update(strength, strength, strength)
            self.value = self.k = self.stochastic.k
            self.d = self.stochastic.d


class WilliamsR(Indicator):
    """Williams' %R (Williams 1973): how far the close is below the highest of ``period`` bars.

    -100 at the lowest, 0 at the highest, -50 where the range is empty. Ready after ``period``;
    O(1) an update, O(period) where an extreme leaves. A NaN shows until it has left the window.

    Parameters
    ----------
    period : int
        At least 1.
    """

    highest: RollingMax = RollingMax(1)
    lowest: RollingMin = RollingMin(1)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.highest, self.lowest = RollingMax(period), RollingMin(period)

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        self.count += 1
        self.highest.update(high)
        self.lowest.update(low)
        if self.count >= self.period:
            most = self.highest.value
            self.value = -100.0 * share(most - close, most - self.lowest.value, 0.5)


class CCI(Windowed):
    """Commodity channel index (Lambert 1980): typical price less its SMA, over 0.015 deviations.

    The deviation is the mean distance from that SMA. Ready after ``period``; O(period) an update;
    0 where nothing moves. A NaN shows until it has left the window. No unit.

    Parameters
    ----------
    period : int
        At least 1.
    """

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        typical = (high + low + close) / 3.0
        self.push(typical)
        if self.count < self.period:
            return
        mean = self.mean()
        far = 0.0
        for i in range(self.period):
            far += abs(self.window[i] - mean)
        self.value = share(typical - mean, 0.015 * far / self.period, 0.0)


class CMO(AfterChange):
    """Chande's momentum oscillator (Chande and Kroll 1994): rises less falls, in percent of both.

    Sums over the last ``period`` changes, as published; Wilder's smoothing of it, which some
    libraries have, is 2 RSI - 100. Ready after ``period + 1``; O(1) an update. A NaN shows until
    it has left the window. -100 to 100.

    Parameters
    ----------
    period : int
        At least 1.
    """

    last: float = 0.0
    up: RollingSum = RollingSum(1)
    down: RollingSum = RollingSum(1)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.up, self.down = RollingSum(period), RollingSum(period)

    def update(self, x: float) -> None:
        """Take the next value."""
        if self.count > 0:
            change = x - self.last  # a NaN is both a rise and a fall
            self.up.update(0.0 if change < 0.0 else change)
            self.down.update(0.0 if change > 0.0 else -change)
        self.last = x
        self.count += 1
        if self.count > self.period:
            up, down = self.up.total, self.down.total
            self.value = 100.0 * share(up - down, up + down, 0.0)


class UltimateOscillator(Indicator):
    """Ultimate oscillator (Williams 1985, TASC 3:4): buying pressure over three periods.

    Close less true low over the true range, summed over ``short``, ``medium`` and ``long`` bars
    and weighted 4, 2 and 1. Ready after ``long + 1``; O(1) an update. A NaN shows until it has
    left the windows. 0 to 100.

    Parameters
    ----------
    short, medium, long : int
        Bars; at least 1, each more than the one before.
    """

    last: float = 0.0
    bought_short: RollingSum = RollingSum(1)
    bought_medium: RollingSum = RollingSum(1)
    bought_long: RollingSum = RollingSum(1)
    range_short: RollingSum = RollingSum(1)
    range_medium: RollingSum = RollingSum(1)
    range_long: RollingSum = RollingSum(1)

    def __init__(self, short: int = 7, medium: int = 14, long: int = 28) -> None:
        rising(type(self), short=short, medium=medium, long=long)
        super().__init__(long + 1)
        self.bought_short, self.range_short = RollingSum(short), RollingSum(short)
        self.bought_medium, self.range_medium = RollingSum(medium), RollingSum(medium)
        self.bought_long, self.range_long = RollingSum(long), RollingSum(long)

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        if self.count > 0:
            bought = width = math.nan
            if math.isfinite(high + low + close + self.last):
                bought = close - min(low, self.last)
                width = true_range(high, low, self.last)
            self.bought_short.update(bought)
            self.bought_medium.update(bought)
            self.bought_long.update(bought)
            self.range_short.update(width)
            self.range_medium.update(width)
            self.range_long.update(width)
        self.last = close
        self.count += 1
        if self.count >= self.period:
            short = share(self.bought_short.total, self.range_short.total, 0.5)
            medium = share(self.bought_medium.total, self.range_medium.total, 0.5)
            long = share(self.bought_long.total, self.range_long.total, 0.5)
            self.value = 100.0 * (4.0 * short + 2.0 * medium + long) / 7.0
