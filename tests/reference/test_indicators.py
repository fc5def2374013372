"""The first four indicators against pandas and NumPy, to 1e-9; NaN heals; rounding stays small."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.research.backtest import backtest

PERIODS = [1, 2, 14, 50]


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    random = np.random.default_rng(21)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 1_500)))
    up, down = random.random((2, 1_500))
    return pd.DataFrame({"high": close + up, "low": close - down, "close": close})


def values(indicator: Any, *columns: Any) -> tuple[list[float], list[bool]]:
    found, ready = [], []
    for row in zip(*(np.asarray(c).tolist() for c in columns), strict=True):
        indicator.update(*row)
        found.append(indicator.value)
        ready.append(indicator.ready)
    return found, ready


def wilder(changes: list[float], period: int) -> list[float]:
    """Wilder's average: the mean of the first values, then (old x (n - 1) + new) / n."""
    out: list[float] = []
    for n, x in enumerate(changes, 1):
        if n <= period:
            out.append(math.fsum(changes[:n]) / n)
        else:
            out.append((out[-1] * (period - 1) + x) / period)
    return out


def close_to(found: list[float], expected: Any, first: int) -> None:
    np.testing.assert_allclose(found[first:], np.asarray(expected)[first:], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("period", PERIODS)
def test_sma(prices: pd.DataFrame, period: int) -> None:
    found, ready = values(af.SMA(period), prices["close"])
    close_to(found, prices["close"].rolling(period, min_periods=1).mean(), 0)
    assert ready.index(True) == period - 1


@pytest.mark.parametrize("period", PERIODS)
def test_ema(prices: pd.DataFrame, period: int) -> None:
    found, ready = values(af.EMA(period), prices["close"])
    close_to(found, prices["close"].ewm(span=period, adjust=False).mean(), 0)
    assert ready.index(True) == period - 1


@pytest.mark.parametrize("period", PERIODS)
def test_rsi(prices: pd.DataFrame, period: int) -> None:
    found, ready = values(af.RSI(period), prices["close"])
    change = prices["close"].diff().dropna().tolist()
    up = wilder([max(c, 0.0) for c in change], period)
    down = wilder([max(-c, 0.0) for c in change], period)
    expected = [math.nan] + [
        100 - 100 / (1 + u / d) if d else 100.0 for u, d in zip(up, down, strict=True)
    ]
    close_to(found, expected, period)
    assert ready.index(True) == period
    flat = af.RSI(3)
    assert values(flat, [5.0] * 9)[0][-1] == 50.0
    assert values(af.RSI(3), range(1, 9))[0][-1] == 100.0


@pytest.mark.parametrize("period", PERIODS)
def test_atr(prices: pd.DataFrame, period: int) -> None:
    found, ready = values(af.ATR(period), prices["high"], prices["low"], prices["close"])
    before = prices["close"].shift()
    ranges = pd.concat(
        [
            prices["high"] - prices["low"],
            (prices["high"] - before).abs(),
            (prices["low"] - before).abs(),
        ],
        axis=1,
    ).max(axis=1)
    close_to(found, [math.nan, *wilder(ranges.tolist()[1:], period)], period)
    assert ready.index(True) == period


def test_a_nan_leaves_the_average_with_the_value_that_brought_it() -> None:
    series = [float(k) for k in range(1, 40)]
    series[11] = math.nan
    found, _ = values(af.SMA(4), series)
    bad = [k for k, value in enumerate(found) if math.isnan(value)]
    assert bad == [11, 12, 13, 14], "gone after a period"
    assert found[-1] == sum(series[-4:]) / 4


def test_rounding_does_not_pile_up() -> None:
    random = np.random.default_rng(2)
    series = random.normal(0, 1, 50_000) * 10.0 ** random.integers(-8, 8, 50_000)
    found, _ = values(af.SMA(20), series)
    exact = [math.fsum(series[k - 19 : k + 1]) / 20 for k in range(40_000, 50_000)]
    # An addition's error lasts at most until the sum is taken anew, a period later.
    np.testing.assert_allclose(found[40_000:], exact, atol=1e8 * 2**-52 * 40, rtol=0)


class Watch(af.Strategy):
    sma: af.SMA = af.SMA(9)
    ema: af.EMA = af.EMA(9)
    rsi: af.RSI = af.RSI(9)
    atr: af.ATR = af.ATR(9)
    mix: float = 0.0

    def on_bar(self, ctx, bar):
        self.sma.update(bar.close)
        self.ema.update(bar.close)
        self.rsi.update(bar.close)
        self.atr.update(bar.high, bar.low, bar.close)
        if self.rsi.ready:
            self.mix += self.sma.value + self.ema.value * self.rsi.value - self.atr.value


def test_both_modes_are_equal_in_every_bit(history: History) -> None:
    stored_walk(history, 800, 4)
    compiled, python = (
        backtest(history, Watch(), ["XYZ"], "1h", mode=mode).strategy
        for mode in ("compiled", "python")
    )
    for name in ("sma", "ema", "rsi", "atr"):
        one, other = getattr(compiled, name), getattr(python, name)
        assert (one.value.hex(), one.count) == (other.value.hex(), other.count)
    assert compiled.mix.hex() == python.mix.hex()
