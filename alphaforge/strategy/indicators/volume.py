"""What volume says of a price.

Bars without volume count as they are; where a sum of volumes divides and is 0, the value is NaN.
"""

from __future__ import annotations

import math

from alphaforge.strategy.indicators.averages import EMA
from alphaforge.strategy.indicators.base import AfterChange, Indicator, rising, share
from alphaforge.strategy.indicators.statistics import RollingSum


def money_flow(high: float, low: float, close: float, volume: float) -> float:
    """Volume by where the close lies, from -1 at the low to 1 at the high (Chaikin)."""
    return share((close - low) - (high - close), high - low, 0.0) * volume


class OBV(Indicator):
    """On-balance volume (Granville 1963): volume added where the close rose, taken where it fell.

    It starts with the first bar's volume. Ready after 1 bar; O(1) an update. A bar that isn't
    finite is left out. In volume.
    """

    last: float = 0.0

    def __init__(self) -> None:
        super().__init__(1)

    def update(self, close: float, volume: float) -> None:
        """Take the next bar."""
        if not math.isfinite(close + volume):
            return
        if self.count == 0:
            self.value = volume
        elif close > self.last:
            self.value += volume
        elif close < self.last:
            self.value -= volume
        self.last = close
        self.count += 1


class AccumulationDistribution(Indicator):
    """Accumulation and distribution (Chaikin): volume, by where closes lay in their bars, summed.

    All of it at the high, less all of it at the low, nothing where the bar has no range. Ready
    after 1 bar; O(1) an update. A bar that isn't finite is left out. In volume.
    """

    def __init__(self) -> None:
        super().__init__(1)

    def update(self, high: float, low: float, close: float, volume: float) -> None:
        """Take the next bar."""
        if not math.isfinite(high + low + close + volume):
            return
        if self.count == 0:
            self.value = 0.0
        self.value += money_flow(high, low, close, volume)
        self.count += 1


class ChaikinOscillator(Indicator):
    """Chaikin oscillator: fast EMA less slow EMA of accumulation and distribution.

    Both averages start at the first bar. Ready after ``slow``; O(1) an update. A bar that isn't
    finite is left out. In volume.

    Parameters
    ----------
    fast, slow : int
        Periods of the EMAs; at least 1, ``fast < slow``.
    """

    line: AccumulationDistribution = AccumulationDistribution()
    fast: EMA = EMA(1)
    slow: EMA = EMA(1)

    def __init__(self, fast: int = 3, slow: int = 10) -> None:
        rising(type(self), fast=fast, slow=slow)
        super().__init__(slow)
        self.fast, self.slow = EMA(fast), EMA(slow)

    def update(self, high: float, low: float, close: float, volume: float) -> None:
        """Take the next bar."""
        if not math.isfinite(high + low + close + volume):
            return
        self.count += 1
        self.line.update(high, low, close, volume)
        self.fast.update(self.line.value)
        self.slow.update(self.line.value)
        if self.slow.ready:
            self.value = self.fast.value - self.slow.value


class ChaikinMoneyFlow(Indicator):
    """Chaikin money flow: accumulation and distribution over the volume of ``period`` bars.

    Ready after ``period``; NaN where there was no volume; O(1) an update. A NaN shows until it has
    left the window. -1 to 1.

    Parameters
    ----------
    period : int
        At least 1.
    """

    flow: RollingSum = RollingSum(1)
    volume: RollingSum = RollingSum(1)

    def __init__(self, period: int = 20) -> None:
        super().__init__(period)
        self.flow, self.volume = RollingSum(period), RollingSum(period)

    def update(self, high: float, low: float, close: float, volume: float) -> None:
        """Take the next bar."""
        self.count += 1
        self.flow.update(money_flow(high, low, close, volume))
        self.volume.update(volume)
        if self.count >= self.period:
            self.value = share(self.flow.total, self.volume.total, math.nan)


class MFI(AfterChange):
    """Money flow index (Quong and Soudack 1989, TASC 7:3): an RSI of typical prices by volume.

    Typical price times volume where it rose, in percent of where it rose or fell, over ``period``
    changes. Ready after ``period + 1``; 50 where nothing rose or fell; O(1) an update. A NaN shows
    until it has left the window. 0 to 100.

    Parameters
    ----------
    period : int
        At least 1.
    """

    last: float = 0.0
    rose: RollingSum = RollingSum(1)
    fell: RollingSum = RollingSum(1)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self.rose, self.fell = RollingSum(period), RollingSum(period)

    def update(self, high: float, low: float, close: float, volume: float) -> None:
        """Take the next bar."""
        typical = (high + low + close) / 3.0
        if self.count > 0:
            change = typical - self.last
            flow = typical * volume + 0.0 * change  # a NaN on either side is one in both sums
            self.rose.update(0.0 if change <= 0.0 else flow)
            self.fell.update(0.0 if change >= 0.0 else flow)
        self.last = typical
        self.count += 1
        if self.count > self.period:
            rose = self.rose.total
            self.value = 100.0 * share(rose, rose + self.fell.total, 0.5)


class VWAP(Indicator):
    """Volume-weighted average price since the start, or since ``reset()``.

    Of typical prices, (high + low + close) / 3; for trades give the price three times. Ready once
    there was volume; O(1) an update. A bar that isn't finite is left out. In price.
    """

    paid: float = 0.0
    volume: float = 0.0

    def __init__(self) -> None:
        super().__init__(1)

    @property
    def ready(self) -> bool:
        """True once there was volume."""
        return self.volume > 0.0

    def reset(self) -> None:
        """Begin a new session."""
        self.paid = self.volume = 0.0
        self.value = math.nan
        self.count = 0

    def update(self, high: float, low: float, close: float, volume: float) -> None:
        """Take the next bar."""
        if not math.isfinite(high + low + close + volume):
            return
        self.count += 1
        self.paid += (high + low + close) / 3.0 * volume
        self.volume += volume
        if self.volume > 0.0:
            self.value = self.paid / self.volume


class ForceIndex(AfterChange):
    """Elder's force index (Elder 1993, *Trading for a Living*): EMA of change times volume.

    Ready after ``period + 1``; O(1) an update. A bar that isn't finite is left out. In price times
    volume.

    Parameters
    ----------
    period : int
        Of the EMA; at least 1.
    """

    last: float = 0.0
    force: EMA = EMA(1)

    def __init__(self, period: int = 13) -> None:
        super().__init__(period)
        self.force = EMA(period)

    def update(self, close: float, volume: float) -> None:
        """Take the next bar."""
        if not math.isfinite(close + volume):
            return
        if self.count > 0:
            self.force.update((close - self.last) * volume)
        self.last = close
        self.count += 1
        if self.count > self.period:
            self.value = self.force.value
