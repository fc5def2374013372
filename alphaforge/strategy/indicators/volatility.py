"""How far prices move: ranges, deviations, and bands around a middle."""

from __future__ import annotations

import math
from typing import ClassVar

from alphaforge import math as afm
from alphaforge.strategy.indicators.averages import EMA
from alphaforge.strategy.indicators.base import (
    AfterChange,
    Indicator,
    Windowed,
    positive,
    share,
    whole,
)
from alphaforge.strategy.indicators.statistics import RollingMax, RollingMin


def true_range(high: float, low: float, last: float) -> float:
    """A bar's range, the last close counted in (Wilder 1978, section III)."""
    return max(high - low, abs(high - last), abs(low - last))


class TrueRange(Indicator):
    """True range (Wilder 1978, section III): the bar's range, the last close counted in.

    Ready after 2 bars; O(1) an update. A bar that isn't finite is left out. In price.
    """

    last: float = 0.0

    def __init__(self) -> None:
        super().__init__(2)

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        if not math.isfinite(high + low + close):
            return
        if self.count > 0:
            self.value = true_range(high, low, self.last)
        self.last = close
        self.count += 1


class ATR(AfterChange):
    """Average true range with Wilder's smoothing (Wilder 1978, section III).

    The first average is the mean of the first ``period`` ranges. Ready after ``period + 1`` bars,
    until then the mean of what there is; O(1) an update. A bar that isn't finite is left out. In
    price.

    Parameters
    ----------
    period : int
        At least 1.
    """

    last: float = 0.0

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        if not math.isfinite(high + low + close):
            return
        if self.count > 0:
            n = min(self.count, self.period)
            if n == 1:
                self.value = true_range(high, low, self.last)
            else:
                self.value += (true_range(high, low, self.last) - self.value) / n
        self.last = close
        self.count += 1


class NATR(AfterChange):
    """Average true range in percent of the close (Forman 2006, TASC 24:5).

    Ready after ``period + 1`` bars; NaN where the close is 0; O(1) an update. A bar that isn't
    finite is left out.

    Parameters
    ----------
    period : int
        At least 1.
    """

    atr: ATR = ATR(1)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.atr = ATR(period)

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        if not math.isfinite(high + low + close):
            return
        self.count += 1
        self.atr.update(high, low, close)
        if self.count > self.period:
            self.value = 100.0 * share(self.atr.value, close, math.nan)


class StandardDeviation(Windowed):
    """Standard deviation of the last ``period`` values, their number the divisor.

    Around their mean, ``middle``, in two passes, so O(period) an update, and 0 where nothing moves.
    For the deviation of a sample multiply by the root of n / (n - 1). Ready after ``period``. A NaN
    shows until it has left the window. In the input's unit.

    Parameters
    ----------
    period : int
        At least 1.
    """

    OUTPUTS = ("value", "middle")

    middle: float = math.nan

    def update(self, x: float) -> None:
        """Take the next value."""
        self.push(x)
        if self.count < self.period:
            return
        self.middle = self.mean()
        total = 0.0
        for i in range(self.period):
            d = self.window[i] - self.middle
            total += d * d
        self.value = math.sqrt(total / self.period)


class RollingVolatility(AfterChange):
    """Volatility of a price: deviation of the last ``period`` log returns, scaled to a year.

    The sample's deviation (n - 1) times the root of ``per_year``. Ready after ``period + 1``;
    O(period) an update. A NaN, or a price that isn't above 0, shows until it has left the window.
    A fraction: 0.2 is 20 % a year.

    Parameters
    ----------
    period : int
        Returns; at least 2.
    per_year : float
        Updates in a year: 252 of daily bars of a stock exchange, 8760 of hours around the clock.
    """

    per_year: float = 252.0
    last: float = 0.0
    returns: StandardDeviation = StandardDeviation(1)

    def __init__(self, period: int, per_year: float = 252.0) -> None:
        whole(type(self), 2, period=period)
        positive(type(self), per_year=per_year)
        super().__init__(period)
        self.per_year = float(per_year)
        self.returns = StandardDeviation(period)

    def update(self, x: float) -> None:
        """Take the next price."""
        if self.count > 0:
            change = math.nan
            if self.last > 0.0:
                change = afm.log(x / self.last)
            self.returns.update(change)
        self.last = x
        self.count += 1
        if self.count > self.period:
            scale = self.per_year * self.period / (self.period - 1.0)
            self.value = self.returns.value * math.sqrt(scale)


class ZScore(Indicator):
    """How many standard deviations the last value is above the mean of the last ``period``.

    The deviation is that of ``StandardDeviation``. Ready after ``period``; O(period) an update; 0
    where nothing moves. A NaN shows until it has left the window. No unit.

    Parameters
    ----------
    period : int
        At least 1.
    """

    spread: StandardDeviation = StandardDeviation(1)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.spread = StandardDeviation(period)

    def update(self, x: float) -> None:
        """Take the next value."""
        self.count += 1
        self.spread.update(x)
        if self.count >= self.period:
            self.value = share(x - self.spread.middle, self.spread.value, 0.0)


class _Bands(Indicator):
    """Base of what has an upper and a lower band; ``value`` is the middle."""

    OUTPUTS: ClassVar[tuple[str, ...]] = ("value", "upper", "lower")

    upper: float = math.nan
    lower: float = math.nan

    @property
    def middle(self) -> float:
        """What lies between the bands: ``value``."""
        return self.value


class BollingerBands(_Bands):
    """SMA with bands ``width`` standard deviations above and below (Bollinger 2002).

    The deviation's divisor is the number of values (*Bollinger on Bollinger Bands*). ``value`` or
    ``middle`` is the SMA, ``bandwidth`` is (upper - lower) / middle, NaN where that is 0. Ready
    after ``period``; O(period) an update. A NaN shows until it has left the window. In the input's
    unit, ``bandwidth`` a fraction.

    Parameters
    ----------
    period : int
        At least 1.
    width : float
        Standard deviations; above 0.
    """

    OUTPUTS = ("value", "upper", "lower", "bandwidth")

    width: float = 2.0
    bandwidth: float = math.nan
    spread: StandardDeviation = StandardDeviation(1)

    def __init__(self, period: int = 20, width: float = 2.0) -> None:
        super().__init__(period)
        positive(type(self), width=width)
        self.width = float(width)
        self.spread = StandardDeviation(period)

    def update(self, x: float) -> None:
        """Take the next value."""
        self.count += 1
        self.spread.update(x)
        if self.count >= self.period:
            far = self.width * self.spread.value
            self.value = self.spread.middle
            self.upper, self.lower = self.value + far, self.value - far
            self.bandwidth = share(2.0 * far, self.value, math.nan)


class KeltnerChannels(_Bands):
    """EMA of the close with bands ``width`` average true ranges above and below.

    Raschke's form of Keltner 1960 (*How to Make Money in Commodities*). ``value`` or ``middle`` is
    the EMA. Ready after ``period`` bars and ``atr_period + 1``; O(1) an update. A bar that isn't
    finite is left out. In price.

    Parameters
    ----------
    period : int
        Of the EMA; at least 1.
    width : float
        Average true ranges; above 0.
    atr_period : int
        Of the average true range; at least 1.
    """

    width: float = 2.0
    average: EMA = EMA(1)
    atr: ATR = ATR(1)

    def __init__(self, period: int = 20, width: float = 2.0, atr_period: int = 10) -> None:
        super().__init__(period)
        positive(type(self), width=width)
        whole(type(self), atr_period=atr_period)
        self.width = float(width)
        self.average, self.atr = EMA(period), ATR(atr_period)

    @property
    def ready(self) -> bool:
        """True once both averages are."""
        return self.average.ready and self.atr.ready

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        if not math.isfinite(high + low + close):
            return
        self.count += 1
        self.average.update(close)
        self.atr.update(high, low, close)
        if self.average.ready and self.atr.ready:
            far = self.width * self.atr.value
            self.value = self.average.value
            self.upper, self.lower = self.value + far, self.value - far


class DonchianChannels(_Bands):
    """Highest high and lowest low of the last ``period`` bars, this one counted in; the middle.

    For a breakout compare with the bands from before the update. Ready after ``period``; O(1) an
    update, O(period) where an extreme leaves. A NaN shows until it has left the window. In price.

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

    def update(self, high: float, low: float) -> None:
        """Take the next bar."""
        self.count += 1
        self.highest.update(high)
        self.lowest.update(low)
        self.upper, self.lower = self.highest.value, self.lowest.value
        self.value = 0.5 * (self.upper + self.lower)
