"""What a window of values says: sum, extremes, order, and how two series go together."""

from __future__ import annotations

import math

from alphaforge.errors import StrategyError
from alphaforge.strategy.fields import Window
from alphaforge.strategy.indicators.base import Indicator, Summed, Windowed, example, share, whole


class RollingSum(Summed):
    """Sum of the last ``period`` values; ready after ``period``; O(1) an update.

    Taken anew once a period, as SMA's is, and exactly 0 where all values are: what
    divides by it can tell. A NaN shows until it has left the window; the unit is the input's.

    Parameters
    ----------
    period : int
        At least 1.
    """

    filled: int = 0

    def update(self, x: float) -> None:
        """Take the next value."""
        old = self.add(x)
        self.filled += (1 if x != 0.0 else 0) - (1 if old != 0.0 else 0)
        if self.filled == 0:
            self.total = 0.0
        if self.count >= self.period:
            self.value = self.total


class _Extreme(Windowed):
    """The largest of a window, and how many updates ago it was; of equal ones the latest."""

    best: float = -math.inf
    age: int = 0

    def track(self, y: float) -> None:
        """Take the next value; look at the whole window only where the largest has left it."""
        self.push(y)
        self.age += 1
        if y >= self.best:
            self.best = y
            self.age = 0
        elif self.age >= self.period or math.isnan(y):
            self.look()

    def look(self) -> None:
        """The largest, from the window alone; NaN where there is one."""
        n = min(self.count, self.period)
        self.best = -math.inf
        for k in range(n):
            y = self.window[(self.at - n + k) % self.period]
            if not y < self.best:
                self.best = y
                self.age = n - 1 - k
            if math.isnan(y):
                break


class RollingMax(_Extreme):
    """Largest of the last ``period`` values; ready after ``period``.

    O(1) an update, O(period) where the largest leaves. ``age`` is how many updates ago it was, of
    equal ones the latest. A NaN shows until it has left the window; the unit is the input's.

    Parameters
    ----------
    period : int
        At least 1.
    """

    OUTPUTS = ("value", "age")

    def update(self, x: float) -> None:
        """Take the next value."""
        self.track(x)
        if self.count >= self.period:
            self.value = self.best


class RollingMin(_Extreme):
    """Smallest of the last ``period`` values; ready after ``period``.

    O(1) an update, O(period) where the smallest leaves. ``age`` is how many updates ago it was, of
    equal ones the latest. A NaN shows until it has left the window; the unit is the input's.

    Parameters
    ----------
    period : int
        At least 1.
    """

    OUTPUTS = ("value", "age")

    def update(self, x: float) -> None:
        """Take the next value."""
        self.track(-x)
        if self.count >= self.period:
            self.value = -self.best


class Percentile(Windowed):
    """Percentile of the last ``period`` values; ready after ``period``; O(period) an update.

    Between two values it is interpolated, as NumPy's default does (Hyndman and Fan 1996, *Sample
    quantiles in statistical packages*, definition 7). The values are also kept in order. A NaN
    shows until it has left the window; the unit is the input's.

    Parameters
    ----------
    period : int
        At least 1.
    percent : float
        From 0 (the smallest) to 100 (the largest).
    """

    percent: float = 50.0
    held: int = 0
    ordered: Window

    def __init__(self, period: int, percent: float = 50.0) -> None:
        super().__init__(period)
        if type(percent) not in (int, float) or not 0.0 <= percent <= 100.0:
            raise StrategyError(
                f"{type(self).__name__} needs percent from 0 to 100, not {percent!r}. "
                f"Write {example(type(self))}."
            )
        self.percent = float(percent)

    def update(self, x: float) -> None:
        """Take the next value."""
        full = self.count >= self.period
        old = self.push(x)
        if full and not math.isnan(old):
            self.drop(old)
        if not math.isnan(x):
            self.insert(x)
        self.value = math.nan
        if self.held == self.period:
            place = (self.period - 1) * self.percent / 100.0
            below = int(place)
            low = self.ordered[below]
            high = self.ordered[min(below + 1, self.period - 1)]
            self.value = low + (high - low) * (place - below)

    def drop(self, x: float) -> None:
        """Take a value out of the ordered ones."""
        i = 0
        while self.ordered[i] != x:
            i += 1
        self.held -= 1
        while i < self.held:
            self.ordered[i] = self.ordered[i + 1]
            i += 1

    def insert(self, x: float) -> None:
        """Put a value among the ordered ones."""
        i = self.held
        while i > 0 and self.ordered[i - 1] > x:
            self.ordered[i] = self.ordered[i - 1]
            i -= 1
        self.ordered[i] = x
        self.held += 1


class RollingMedian(Percentile):
    """Median of the last ``period`` values; ready after ``period``; O(period) an update.

    Of an even number of values it is the middle of the two inner ones. A NaN shows until it has
    left the window; the unit is the input's.

    Parameters
    ----------
    period : int
        At least 1.
    """

    def __init__(self, period: int) -> None:
        super().__init__(period, 50.0)


class Skew(Windowed):
    """Skewness of the last ``period`` values, adjusted for the sample; O(period) an update.

    G1 of Joanes and Gill 1998 (*Comparing measures of sample skewness and kurtosis*). Ready after
    ``period``; 0 where nothing moves. A NaN shows until it has left the window; no unit.

    Parameters
    ----------
    period : int
        At least 3.
    """

    def __init__(self, period: int) -> None:
        whole(type(self), 3, period=period)
        super().__init__(period)

    def update(self, x: float) -> None:
        """Take the next value."""
        self.push(x)
        if self.count < self.period:
            return
        n, mean = float(self.period), self.mean()
        second = third = 0.0
        for i in range(self.period):
            d = self.window[i] - mean
            second += d * d
            third += d * d * d
        second /= n
        adjusted = math.sqrt(n * (n - 1.0)) / (n - 2.0)
        self.value = adjusted * share(third / n, second * math.sqrt(second), 0.0)


class _Pair(Indicator):
    """Two windows, filled together."""

    at: int = 0
    window: Window
    other: Window
    squares: float = 0.0
    others: float = 0.0
    products: float = 0.0

    def keep(self, x: float, y: float) -> None:
        """Keep one value of each; sums of squares and products around the means, once full."""
        self.window[self.at], self.other[self.at] = x, y
        self.at = (self.at + 1) % self.period
        self.count += 1
        n = self.period
        x0, y0 = self.window[0], self.other[0]
        mean_x = mean_y = 0.0
        for i in range(n):
            mean_x += self.window[i] - x0
            mean_y += self.other[i] - y0
        mean_x, mean_y = x0 + mean_x / n, y0 + mean_y / n
        self.squares = self.others = self.products = 0.0
        for i in range(n):
            dx, dy = self.window[i] - mean_x, self.other[i] - mean_y
            self.squares += dx * dx
            self.others += dy * dy
            self.products += dx * dy


class Correlation(_Pair):
    """Pearson's correlation of two series over ``period`` pairs; O(period) an update.

    Ready after ``period``; 0 where one of them doesn't move. A NaN shows until it has left the
    window; no unit, -1 to 1.

    Parameters
    ----------
    period : int
        At least 1; over a single pair nothing moves.
    """

    def update(self, x: float, y: float) -> None:
        """Take the next value of each."""
        self.keep(x, y)
        if self.count >= self.period:
            size = math.sqrt(self.squares) * math.sqrt(self.others)
            self.value = share(self.products, size, 0.0)


class Beta(_Pair):
    """How far a price's returns go with a market's: their covariance by the market's variance.

    Sharpe 1963 (*A simplified model for portfolio analysis*), on returns over one update. Ready
    after ``period`` returns, so ``period + 1`` updates; O(period) an update; 0 where the market
    doesn't move. A NaN, or a price of 0, shows until it has left the window; no unit.

    Parameters
    ----------
    period : int
        Returns; at least 1; over a single one nothing moves.
    """

    last: float = 0.0
    last_market: float = 0.0
    seen: bool = False

    @property
    def ready(self) -> bool:
        """True once a whole period of returns was seen."""
        return self.count >= self.period

    def update(self, x: float, market: float) -> None:
        """Take the next price of each."""
        if self.seen:
            self.keep(
                share(x - self.last, self.last, math.nan),
                share(market - self.last_market, self.last_market, math.nan),
            )
            if self.count >= self.period:
                self.value = share(self.products, self.others, 0.0)
        self.seen = True
        self.last, self.last_market = x, market
