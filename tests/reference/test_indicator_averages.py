"""Moving averages and statistics against TA-Lib, pandas and NumPy, to 1e-9."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib
from indicators import bars, check, wilder

import alphaforge as af

PERIODS = [2, 3, 14, 50]
FRAME = bars()
X = FRAME["close"].to_numpy()
VOLUME = FRAME["volume"].to_numpy()


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("kind", ["SMA", "WMA", "TRIMA"])
def test_averages_over_a_window(kind: str, period: int) -> None:
    check(getattr(af, kind)(period), FRAME, period - 1, value=getattr(talib, kind)(X, period))


@pytest.mark.parametrize("period", PERIODS)
def test_ema_from_its_first_value_and_from_where_a_mean_is_the_same(period: int) -> None:
    check(af.EMA(period), FRAME, period - 1,
          value=FRAME["close"].ewm(span=period, adjust=False).mean())  # fmt: skip
    flat = bars(flat=period)
    check(af.EMA(period), flat, period - 1, value=talib.EMA(flat["close"], period))


@pytest.mark.parametrize("period", PERIODS)
def test_wilder(period: int) -> None:
    check(af.Wilder(period), FRAME, period - 1, value=talib.RMA(X, period))
    check(af.Wilder(period), FRAME, period - 1, value=wilder(X, period))


def chain(x: Any, period: int, times: int) -> list[Any]:
    """EMAs of EMAs by pandas, each from the first ready value of the one before."""
    out, series = [], pd.Series(x)
    for _ in range(times):
        series = series.dropna().ewm(span=period, adjust=False).mean()
        series = series[period - 1 :]
        out.append(series.reindex(range(len(x))))
    return out


@pytest.mark.parametrize("period", PERIODS)
def test_dema_and_tema(period: int) -> None:
    one, two, three = chain(X, period, 3)
    check(af.DEMA(period), FRAME, 2 * period - 2, value=2 * one - two)
    check(af.TEMA(period), FRAME, 3 * period - 3, value=3 * one - 3 * two + three)
    flat = bars(flat=3 * period)
    close = flat["close"].to_numpy()
    check(af.DEMA(period), flat, 2 * period - 2, value=talib.DEMA(close, period))
    check(af.TEMA(period), flat, 3 * period - 3, value=talib.TEMA(close, period))


@pytest.mark.parametrize("period", PERIODS)
def test_kama(period: int) -> None:
    check(af.KAMA(period), FRAME, period, value=talib.KAMA(X, period))


def test_kama_of_other_speeds() -> None:
    """TA-Lib has 2 and 30 only: by the formula, slowly."""
    expected, last = [np.nan] * 10, X[9]
    for k in range(10, len(X)):
        ratio = abs(X[k] - X[k - 10]) / np.abs(np.diff(X[k - 10 : k + 1])).sum()
        weight = (ratio * (2 / 6 - 2 / 41) + 2 / 41) ** 2
        last = last + weight * (X[k] - last)
        expected.append(last)
    check(af.KAMA(10, fast=5, slow=40), FRAME, 10, value=expected)


@pytest.mark.parametrize("period", [*PERIODS, 15, 16, 17])
def test_hma(period: int) -> None:
    root = int(np.sqrt(period))
    parts = 2 * (talib.WMA(X, period // 2) if period > 3 else X) - talib.WMA(X, period)
    expected = talib.WMA(parts, root) if root > 1 else parts
    check(af.HMA(period), FRAME, period + root - 2, value=expected)


@pytest.mark.parametrize("period", PERIODS)
def test_vwma(period: int) -> None:
    check(af.VWMA(period), FRAME, period - 1, value=talib.VWMA(X, VOLUME, period))


@pytest.mark.parametrize("kind", ["SMA", "EMA", "Wilder", "WMA", "DEMA", "TEMA", "TRIMA", "HMA"])
def test_an_average_of_one_value_is_that_value(kind: str) -> None:
    check(getattr(af, kind)(1), FRAME, 0, value=X)


def test_other_averages_of_one_value() -> None:
    check(af.VWMA(1), FRAME, 0, value=X)
    whole_way = FRAME["close"].ewm(alpha=(2 / 3) ** 2, adjust=False).mean()
    check(af.KAMA(1), FRAME, 1, value=whole_way)


# --- statistics ----------------------------------------------------------------------------------


@pytest.mark.parametrize("period", [1, *PERIODS])
def test_sum_and_extremes(period: int) -> None:
    window = FRAME["close"].rolling(period)
    check(af.RollingSum(period), FRAME, period - 1, value=window.sum())
    newest = {
        "largest": window.apply(lambda w: np.argmax(w[::-1]), raw=True),
        "smallest": window.apply(lambda w: np.argmin(w[::-1]), raw=True),
    }
    check(af.RollingMax(period), FRAME, period - 1, value=window.max(), age=newest["largest"])
    check(af.RollingMin(period), FRAME, period - 1, value=window.min(), age=newest["smallest"])
    if period > 1:
        check(af.RollingSum(period), FRAME, period - 1, value=talib.SUM(X, period))
        check(af.RollingMax(period), FRAME, period - 1, value=talib.MAX(X, period))
        check(af.RollingMin(period), FRAME, period - 1, value=talib.MIN(X, period))


def test_of_equal_extremes_the_latest_counts() -> None:
    coarse = FRAME.assign(close=np.round(FRAME["close"] / 2))
    window = coarse["close"].rolling(9)
    for made, find in ((af.RollingMax(9), np.argmax), (af.RollingMin(9), np.argmin)):
        expected = window.apply(lambda w, find=find: find(w[::-1]), raw=True)
        check(made, coarse, 8, age=expected)


def test_a_sum_of_zeros_is_zero_whatever_was_before() -> None:
    """What divides by a sum, of volumes say, must be able to tell that there was none."""
    found = af.RollingSum(3)
    for x in (0.1, 0.2, 0.0, 0.0, 0.0):  # 0.1 + 0.2 - 0.1 - 0.2 isn't 0
        found.update(x)
    assert found.value == 0.0


@pytest.mark.parametrize("percent", [0, 12.5, 50.0, 99, 100])
@pytest.mark.parametrize("period", [1, *PERIODS])
def test_percentile(period: int, percent: float) -> None:
    window = FRAME["close"].rolling(period)
    check(af.Percentile(period, percent), FRAME, period - 1, value=window.quantile(percent / 100))


@pytest.mark.parametrize("period", [1, *PERIODS])
def test_median(period: int) -> None:
    check(
        af.RollingMedian(period), FRAME, period - 1, value=FRAME["close"].rolling(period).median()
    )
    coarse = FRAME.assign(close=np.round(FRAME["close"] / 5))
    check(af.RollingMedian(period), coarse, period - 1,
          value=coarse["close"].rolling(period).median())  # fmt: skip


@pytest.mark.parametrize("period", [3, 14, 50])
def test_skew(period: int) -> None:
    """Each window alone, by pandas: its rolling form keeps sums of cubes, which lose bits."""
    windows = np.lib.stride_tricks.sliding_window_view(X, period)
    expected = [np.nan] * (period - 1) + pd.DataFrame(windows).skew(axis=1).tolist()
    check(af.Skew(period), FRAME, period - 1, value=expected)


@pytest.mark.parametrize("period", PERIODS)
def test_correlation(period: int) -> None:
    pairs = FRAME[["close", "other"]].to_numpy()
    windows = np.lib.stride_tricks.sliding_window_view(pairs, period, 0)
    expected = [np.nan] * (period - 1) + [np.corrcoef(pair)[0, 1] for pair in windows]
    check(af.Correlation(period), FRAME, period - 1, value=expected)


@pytest.mark.parametrize("period", [14, 50])
def test_correlation_of_returns(period: int) -> None:
    """TA-Lib takes sums of squares from each other: of prices it has fewer than nine digits."""
    returns = FRAME.pct_change()[1:].reset_index(drop=True)
    expected = talib.CORREL(returns["close"], returns["other"], period)
    check(af.Correlation(period), returns, period - 1, value=expected)


@pytest.mark.parametrize("period", PERIODS)
def test_beta(period: int) -> None:
    if period > 2:
        other = FRAME["other"].to_numpy()
        check(af.Beta(period), FRAME, period, value=talib.BETA(other, X, period))
    both = FRAME[["close", "other"]].pct_change()
    windows = np.lib.stride_tricks.sliding_window_view(both.to_numpy()[1:], period, 0)
    found = [np.cov(x, y, ddof=0)[0, 1] / np.var(y) for x, y in windows]
    check(af.Beta(period), FRAME, period, value=[np.nan] * period + found)


def test_over_one_pair_nothing_moves() -> None:
    check(af.Correlation(1), FRAME, 0, value=np.zeros(len(X)))
    check(af.Beta(1), FRAME, 1, value=np.zeros(len(X)))
