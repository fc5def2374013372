"""Indicators that work in both modes: the same lines run as Python and as machine code.

An indicator is ``ready`` after ``period`` updates (RSI and ATR after one more: they need a change).
Its period is a field, so SMA(10) and SMA(200) are one compiled type.
"""

from __future__ import annotations

from typing import TypeVar

from alphaforge.errors import StrategyError
from alphaforge.strategy.fields import Fields, Window, fields_of

Self = TypeVar("Self", bound="Indicator")


class Indicator(Fields):
    """Base of indicators. Subclasses declare fields, ``update`` and ``ready``.

    Parameters
    ----------
    period : int
        Updates that the indicator looks back over; at least 1.
    """

    period: int = 1
    count: int = 0
    value: float = float("nan")

    def __init__(self, period: int) -> None:
        if type(period) is not int or period < 1:
            raise StrategyError(
                f"{type(self).__name__} needs a period of at least 1, not {period!r}. "
                f"Write {type(self).__name__}(10)."
            )
        super().__init__(period=period)
        for name, kind in fields_of(type(self)).items():
            if kind is Window:
                object.__setattr__(self, name, Window([0.0] * period))

    def with_period(self: Self, period: int) -> Self:
        """A fresh indicator of the same kind with another period."""
        return type(self)(period)

    @property
    def ready(self) -> bool:
        """True once the value rests on a whole period."""
        return self.count >= self.period

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.period})"


class SMA(Indicator):
    """Simple moving average of the last ``period`` values; O(1) an update.

    The running sum is taken anew from the window once a period, so rounding can't pile up and a
    NaN leaves with the value that brought it.
    """

    total: float = 0.0
    at: int = 0
    window: Window

    def update(self, x: float) -> None:
        """Take the next value."""
        if self.count >= self.period:
            self.total -= self.window[self.at]
        self.window[self.at] = x
        self.total += x
        self.count += 1
        self.at += 1
        if self.at == self.period:
            self.at = 0
            fresh = 0.0
            for i in range(self.period):
                fresh += self.window[i]
            self.total = fresh
        self.value = self.total / min(self.count, self.period)


class EMA(Indicator):
    """Exponential moving average, weight 2 / (period + 1), started at the first value."""

    def update(self, x: float) -> None:
        """Take the next value."""
        if self.count == 0:
            self.value = x
        else:
            self.value += (x - self.value) * 2.0 / (self.period + 1.0)
        self.count += 1


class RSI(Indicator):
    """Relative strength index with Wilder's smoothing (Wilder 1978, *New Concepts*, section VI).

    The first average is the mean of the first ``period`` changes; 100 where nothing fell, 50 where
    nothing moved.
    """

    last: float = 0.0
    gain: float = 0.0
    loss: float = 0.0

    @property
    def ready(self) -> bool:
        """True once a whole period of changes was seen."""
        return self.count > self.period

    def update(self, x: float) -> None:
        """Take the next value."""
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


class ATR(Indicator):
    """Average true range with Wilder's smoothing (Wilder 1978, section III)."""

    last: float = 0.0

    @property
    def ready(self) -> bool:
        """True once a whole period of changes was seen."""
        return self.count > self.period

    def update(self, high: float, low: float, close: float) -> None:
        """Take the next bar."""
        if self.count > 0:
            true_range = max(high - low, abs(high - self.last), abs(low - self.last))
            n = min(self.count, self.period)
            if n == 1:
                self.value = true_range
            else:
                self.value += (true_range - self.value) / n
        self.last = close
        self.count += 1
