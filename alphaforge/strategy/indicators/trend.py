"""Which way prices go and how surely: direction, stops that follow, clouds and lines."""

from __future__ import annotations

import math

from alphaforge.errors import StrategyError
from alphaforge.strategy.fields import Window
from alphaforge.strategy.indicators.averages import Wilder
from alphaforge.strategy.indicators.base import (
    Indicator,
    Windowed,
    example,
    positive,
    rising,
    share,
)
from alphaforge.strategy.indicators.statistics import RollingMax, RollingMin
from alphaforge.strategy.indicators.volatility import ATR, DonchianChannels, true_range


class ADX(Indicator):
    """Average directional index (Wilder 1978, *New Concepts*, section IV), with both directions.

    ``plus`` and ``minus`` are the directional indicators, ``value`` the average of how far they
    are apart; all smoothed as Wilder does, started at the mean of the first ``period``. Ready after
    ``2 period``; O(1) an update; 0 where nothing moves. A bar that isn't finite is left out. 0 to
    100.

    Parameters
    ----------
    period : int
        At least 1.
    """

    OUTPUTS = ("value", "plus", "minus")

    plus: float = math.nan
    minus: float = math.nan
    last_high: float = 0.0
    last_low: float = 0.0
    last: float = 0.0
    up: Wilder = Wilder(1)
    down: Wilder = Wilder(1)
    width: Wilder = Wilder(1)
    strength: Wilder = Wilder(1)

    def __init__(self, period: int = 14) -> None:
        super().__init__(period)
        self.up, self.down = Wilder(period), Wilder(period)
        self.width, self.strength = Wilder(period), Wilder(period)

    @property
    def ready(self) -> bool:
        """True once the average rests on a whole period."""
        return self.strength.ready

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        if not math.isfinite(high + low + close):
            return
        if self.count > 0:
            self.move(high - self.last_high, self.last_low - low, true_range(high, low, self.last))
        self.last_high, self.last_low, self.last = high, low, close
        self.count += 1

    def move(self, up: float, down: float, width: float) -> None:
        """Take how far the high rose, how far the low fell, and the true range."""
        self.up.update(up if up > down and up > 0.0 else 0.0)
        self.down.update(down if down > up and down > 0.0 else 0.0)
        self.width.update(width)
        if not self.width.ready:
            return
        plus = 100.0 * share(self.up.value, self.width.value, 0.0)
        minus = 100.0 * share(self.down.value, self.width.value, 0.0)
        self.strength.update(100.0 * share(abs(plus - minus), plus + minus, 0.0))
        if self.strength.ready:
            self.value, self.plus, self.minus = self.strength.value, plus, minus


class Aroon(Indicator):
    """Aroon (Chande 1995, TASC 13:9): how long ago the highest high and the lowest low were.

    ``up`` and ``down`` are 100 where the extreme is this bar's and 0 where it was ``period`` bars
    ago, of equal ones the latest; ``value`` is up less down. Ready after ``period + 1``; O(1) an
    update, O(period) where an extreme leaves. A NaN shows until it has left the window.

    Parameters
    ----------
    period : int
        At least 1.
    """

    OUTPUTS = ("value", "up", "down")

    up: float = math.nan
    down: float = math.nan
    highest: RollingMax = RollingMax(1)
    lowest: RollingMin = RollingMin(1)

    def __init__(self, period: int = 25) -> None:
        super().__init__(period)
        self.highest, self.lowest = RollingMax(period + 1), RollingMin(period + 1)

    @property
    def ready(self) -> bool:
        """True once the bar from ``period`` ago is known."""
        return self.count > self.period

    def update(self, high: float, low: float) -> None:
        """Take the next bar."""
        self.count += 1
        self.highest.update(high)
        self.lowest.update(low)
        self.value = self.up = self.down = math.nan
        if not math.isnan(self.highest.value + self.lowest.value):
            self.up = 100.0 * (self.period - self.highest.age) / self.period
            self.down = 100.0 * (self.period - self.lowest.age) / self.period
            self.value = self.up - self.down


class ParabolicSAR(Indicator):
    """Parabolic stop and reverse (Wilder 1978, *New Concepts*, section II).

    ``value`` is the stop for this bar, as of the bar before, or of the new side where this bar
    reached it; ``rising`` says that it lies below. The first side is up unless the second bar's low
    fell, and by more than its high rose. Ready after 2 bars; O(1) an update. A bar that isn't
    finite is left out. In price.

    Parameters
    ----------
    step : float
        What each new extreme adds to the acceleration, and where that begins; above 0.
    limit : float
        The largest acceleration; at least ``step``.
    """

    OUTPUTS = ("value", "rising")

    rising: bool = True
    step: float = 0.02
    limit: float = 0.2
    speed: float = 0.0
    extreme: float = 0.0
    stop: float = 0.0
    last_high: float = 0.0
    last_low: float = 0.0

    def __init__(self, step: float = 0.02, limit: float = 0.2) -> None:
        positive(type(self), step=step, limit=limit)
        if limit < step:
            raise StrategyError(
                f"ParabolicSAR needs step <= limit, not step={step!r}, limit={limit!r}. "
                f"Write {example(type(self))}."
            )
        super().__init__(2)
        self.step, self.limit = float(step), float(limit)

    def update(self, high: float, low: float) -> None:
        """Take the next bar."""
        if not math.isfinite(high + low):
            return
        self.count += 1
        if self.count == 2:
            fall = self.last_low - low
            self.rising = not (fall > 0.0 and fall > high - self.last_high)
            self.stop = self.last_low if self.rising else self.last_high
            self.extreme = high if self.rising else low
            self.speed = self.step
            # The stop may not be within this bar or the one before; the first has none before it.
            self.last_high, self.last_low = high, low
        if self.count >= 2:
            self.follow(high, low)
        self.last_high, self.last_low = high, low

    def follow(self, high: float, low: float) -> None:
        """Show this bar's stop, and move it for the next."""
        reached = low <= self.stop if self.rising else high >= self.stop
        if reached:
            self.rising = not self.rising
            self.stop = self.outside(self.extreme, high, low)
            self.extreme = high if self.rising else low
            self.speed = self.step
        self.value = self.stop
        if self.rising and high > self.extreme:
            self.extreme = high
            self.speed = min(self.speed + self.step, self.limit)
        elif not self.rising and low < self.extreme:
            self.extreme = low
            self.speed = min(self.speed + self.step, self.limit)
        self.stop = self.outside(self.stop + self.speed * (self.extreme - self.stop), high, low)

    def outside(self, stop: float, high: float, low: float) -> float:
        """A stop that isn't within the last two bars."""
        if self.rising:
            return min(stop, self.last_low, low)
        return max(stop, self.last_high, high)


class Supertrend(Indicator):
    """Supertrend (Seban): a stop ``factor`` average true ranges from the middle of the bar.

    It only moves with the trend, until a close is beyond it. ``value`` is the stop, ``rising`` says
    that it lies below; it begins rising. Ready after ``period + 1``; O(1) an update. A bar that
    isn't finite is left out. In price.

    Parameters
    ----------
    period : int
        Of the average true range; at least 1.
    factor : float
        Average true ranges; above 0.
    """

    OUTPUTS = ("value", "rising")

    rising: bool = True
    factor: float = 3.0
    upper: float = math.inf
    lower: float = -math.inf
    last: float = 0.0
    atr: ATR = ATR(1)

    def __init__(self, period: int = 10, factor: float = 3.0) -> None:
        super().__init__(period)
        positive(type(self), factor=factor)
        self.factor = float(factor)
        self.atr = ATR(period)

    @property
    def ready(self) -> bool:
        """True once the average true range is."""
        return self.count > self.period

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        if not math.isfinite(high + low + close):
            return
        self.count += 1
        self.atr.update(high, low, close)
        if self.count > self.period:
            middle, far = 0.5 * (high + low), self.factor * self.atr.value
            if middle + far < self.upper or self.last > self.upper:
                self.upper = middle + far
            if middle - far > self.lower or self.last < self.lower:
                self.lower = middle - far
            if self.rising and close < self.lower:
                self.rising = False
            elif not self.rising and close > self.upper:
                self.rising = True
            self.value = self.lower if self.rising else self.upper
        self.last = close


class Ichimoku(Indicator):
    """Ichimoku (Hosoda 1969): middles of three ranges, and a cloud from two of them.

    ``conversion``, also ``value``, and ``base`` are the middles of ``short`` and ``medium`` bars;
    ``leading_a`` is the mean of both, ``leading_b`` the middle of ``long`` bars. Charts show these
    two ``medium`` bars ahead, so the cloud that lies over this bar is ``cloud_a`` and ``cloud_b``,
    their values from ``medium`` bars ago. Ready after ``long + medium``; O(1) an update, O(long)
    where an extreme leaves. A NaN shows until it has left all windows. In price.

    Parameters
    ----------
    short, medium, long : int
        Bars; at least 1, each more than the one before.
    """

    OUTPUTS = ("value", "conversion", "base", "leading_a", "leading_b", "cloud_a", "cloud_b")

    conversion: float = math.nan
    base: float = math.nan
    leading_a: float = math.nan
    leading_b: float = math.nan
    cloud_a: float = math.nan
    cloud_b: float = math.nan
    at: int = 0
    shift: int = 26
    before_a: Window
    before_b: Window
    fast: DonchianChannels = DonchianChannels(1)
    middle: DonchianChannels = DonchianChannels(1)
    slow: DonchianChannels = DonchianChannels(1)

    def __init__(self, short: int = 9, medium: int = 26, long: int = 52) -> None:
        rising(type(self), short=short, medium=medium, long=long)
        super().__init__(long + medium)
        self.shift = medium
        self.before_a, self.before_b = Window([math.nan] * medium), Window([math.nan] * medium)
        self.fast, self.middle = DonchianChannels(short), DonchianChannels(medium)
        self.slow = DonchianChannels(long)

    def update(self, high: float, low: float) -> None:
        """Take the next bar."""
        self.count += 1
        self.fast.update(high, low)
        self.middle.update(high, low)
        self.slow.update(high, low)
        cloud_a, cloud_b = self.before_a[self.at], self.before_b[self.at]
        ahead = 0.5 * (self.fast.value + self.middle.value)
        self.before_a[self.at], self.before_b[self.at] = ahead, self.slow.value
        self.at = (self.at + 1) % self.shift
        if self.count >= self.period:
            self.value = self.conversion = self.fast.value
            self.base = self.middle.value
            self.leading_a, self.leading_b = ahead, self.slow.value
            self.cloud_a, self.cloud_b = cloud_a, cloud_b


class LinearRegression(Windowed):
    """Line of least squares through the last ``period`` values (Gauss, Legendre).

    ``value`` is its end, at the newest value, ``slope`` what it rises an update, ``r2`` the share
    of the variance that it explains, 0 where nothing moves. Ready after ``period``; O(period) an
    update. A NaN shows until it has left the window. In the input's unit, ``r2`` 0 to 1.

    Parameters
    ----------
    period : int
        At least 1; through one value the line is level.
    """

    OUTPUTS = ("value", "slope", "r2")

    slope: float = math.nan
    r2: float = math.nan

    def update(self, x: float) -> None:
        """Take the next value."""
        self.push(x)
        if self.count < self.period:
            return
        n, mean = self.period, self.mean()
        middle = 0.5 * (n - 1)
        along = total = 0.0
        for i in range(n):
            d = self.window[(self.at + i) % n] - mean
            along += (i - middle) * d
            total += d * d
        self.slope = share(along, n * (n * n - 1) / 12.0, 0.0 * along)
        self.value = mean + self.slope * middle
        self.r2 = share(self.slope * along, total, 0.0)
