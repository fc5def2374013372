"""Trends and volatility against TA-Lib, pandas and NumPy, to 1e-9."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib
from indicators import bars, check, show, wilder

import alphaforge as af

PERIODS = [2, 3, 14, 50]
FRAME = bars()
X = FRAME["close"].to_numpy()
HIGH, LOW = FRAME["high"].to_numpy(), FRAME["low"].to_numpy()
HLC = (HIGH, LOW, X)


def columns(frame: pd.DataFrame) -> tuple[Any, Any, Any]:
    high, low, close = (frame[name].to_numpy() for name in ("high", "low", "close"))
    return high, low, close


# --- trends --------------------------------------------------------------------------------------


@pytest.mark.parametrize("period", PERIODS)
def test_adx_where_both_starts_agree(period: int) -> None:
    """TA-Lib starts at a sum that it has smoothed once; of flat bars both are 0."""
    flat = bars(flat=period)
    expected = {
        "value": talib.ADX(*columns(flat), period),
        "plus": talib.PLUS_DI(*columns(flat), period),
        "minus": talib.MINUS_DI(*columns(flat), period),
    }
    check(af.ADX(period), flat, 2 * period - 1, 10, **expected)


@pytest.mark.parametrize("period", [1, *PERIODS])
def test_adx_from_its_start(period: int) -> None:
    """As published, by pandas: averages start at the mean of the first changes."""
    up, down = FRAME["high"].diff(), -FRAME["low"].diff()
    moves = [
        up.where((up > down) & (up > 0), 0.0)[1:],
        down.where((down > up) & (down > 0), 0.0)[1:],
        pd.Series(talib.TRANGE(*HLC))[1:],
    ]
    plus, minus, width = (wilder(each.to_numpy(), period) for each in moves)
    plus, minus = 100 * plus / width, 100 * minus / width
    with np.errstate(invalid="ignore"):  # neither moved
        apart = np.nan_to_num(100 * np.abs(plus - minus) / (plus + minus))
    value = wilder(apart[period - 1 :], period)
    value = np.concatenate([np.full(period, np.nan), value])
    check(af.ADX(period), FRAME, 2 * period - 1, 10,
          value=value, plus=[np.nan, *plus], minus=[np.nan, *minus])  # fmt: skip


@pytest.mark.parametrize("period", PERIODS)
def test_aroon(period: int) -> None:
    for frame in (FRAME, FRAME.round(0)):  # with extremes that are equal too
        high, low, _ = columns(frame)
        down, up = talib.AROON(high, low, period)
        check(af.Aroon(period), frame, period,
              value=talib.AROONOSC(high, low, period), up=up, down=down)  # fmt: skip


def test_aroon_of_one_bar() -> None:
    up = 100.0 * (np.diff(HIGH, prepend=np.inf) >= 0)
    down = 100.0 * (np.diff(LOW, prepend=-np.inf) <= 0)
    check(af.Aroon(1), FRAME, 1, value=up - down, up=up, down=down)


@pytest.mark.parametrize(("step", "limit"), [(0.02, 0.2), (0.1, 0.1), (0.05, 1.5)])
@pytest.mark.parametrize("seed", [21, 22, 23, 24])
def test_parabolic(step: float, limit: float, seed: int) -> None:
    frame = bars(seed=seed)
    expected = talib.SAR(frame["high"], frame["low"], step, limit)
    below = expected <= frame["low"]
    check(af.ParabolicSAR(step, limit), frame, 1, value=expected, rising=below)


def test_parabolic_begins_on_either_side() -> None:
    sides = set()
    for seed in range(40):
        frame = bars(20, seed)
        check(af.ParabolicSAR(), frame, 1, value=talib.SAR(frame["high"], frame["low"]))
        sides.add(bool(show(af.ParabolicSAR(), frame)["rising"][1]))
    assert sides == {True, False}


@pytest.mark.parametrize(("period", "factor"), [(10, 3.0), (2, 1.0), (14, 2.5), (50, 0.5)])
def test_supertrend(period: int, factor: float) -> None:
    value, trend = talib.SUPERTREND(*HLC, period, factor)
    check(af.Supertrend(period, factor), FRAME, period, value=value, rising=trend > 0)


def test_supertrend_of_one_bar() -> None:
    """TA-Lib has none: by the formula, slowly."""
    middle, far = (HIGH + LOW) / 2, talib.TRANGE(*HLC)
    upper, lower = middle + far, middle - far
    side, expected, up = 1, [np.nan], []
    for k in range(1, len(X)):
        if k > 1:
            upper[k] = upper[k] if X[k - 1] > upper[k - 1] else min(upper[k], upper[k - 1])
            lower[k] = lower[k] if X[k - 1] < lower[k - 1] else max(lower[k], lower[k - 1])
        side = -1 if X[k] < lower[k] else 1 if X[k] > upper[k] else side
        expected.append(lower[k] if side > 0 else upper[k])
        up.append(side > 0)
    check(af.Supertrend(1, 1.0), FRAME, 1, value=expected, rising=[True, *up])


@pytest.mark.parametrize("lengths", [(9, 26, 52), (1, 2, 3), (5, 30, 31)])
def test_ichimoku(lengths: tuple[int, int, int]) -> None:
    def middle(period: int) -> pd.Series[float]:
        high, low = FRAME["high"].rolling(period), FRAME["low"].rolling(period)
        return (high.max() + low.min()) / 2

    short, medium, long = lengths
    conversion, base, slow = middle(short), middle(medium), middle(long)
    ahead = (conversion + base) / 2
    check(af.Ichimoku(*lengths), FRAME, long + medium - 1,
          value=conversion, conversion=conversion, base=base, leading_a=ahead, leading_b=slow,
          cloud_a=ahead.shift(medium), cloud_b=slow.shift(medium))  # fmt: skip


@pytest.mark.parametrize("period", PERIODS)
def test_linear_regression(period: int) -> None:
    """The share that is explained by NumPy: TA-Lib's correlation has fewer digits."""
    windows = np.lib.stride_tricks.sliding_window_view(X, period)
    explained = [np.corrcoef(np.arange(period), w)[0, 1] ** 2 for w in windows]
    check(af.LinearRegression(period), FRAME, period - 1, 100, value=talib.LINEARREG(X, period),
          slope=talib.LINEARREG_SLOPE(X, period),
          r2=[np.nan] * (period - 1) + explained)  # fmt: skip


def test_a_line_through_one_value_is_level() -> None:
    zero = np.zeros(len(X))
    check(af.LinearRegression(1), FRAME, 0, value=X, slope=zero, r2=zero)


# --- volatility ----------------------------------------------------------------------------------


@pytest.mark.parametrize("period", PERIODS)
def test_true_ranges(period: int) -> None:
    check(af.TrueRange(), FRAME, 1, value=talib.TRANGE(*HLC))
    check(af.ATR(period), FRAME, period, value=talib.ATR(*HLC, period))
    check(af.NATR(period), FRAME, period, value=talib.NATR(*HLC, period))


def test_a_true_range_reaches_over_a_gap() -> None:
    for gap in (-7.0, 7.0):
        found = af.TrueRange()
        found.update(101.0, 99.0, 100.0)
        found.update(101.0 + gap, 99.0 + gap, 100.0 + gap)
        assert found.value == 8.0


def test_ranges_of_one_bar() -> None:
    width = talib.TRANGE(*HLC)
    check(af.ATR(1), FRAME, 1, value=width)
    check(af.NATR(1), FRAME, 1, value=100 * width / X)


def deviation(period: int) -> list[float]:
    """NumPy over each window; TA-Lib takes squares from each other and has fewer digits."""
    windows = np.lib.stride_tricks.sliding_window_view(X, period)
    return [np.nan] * (period - 1) + windows.std(axis=1).tolist()


@pytest.mark.parametrize("period", PERIODS)
def test_deviations(period: int) -> None:
    mean, far = talib.SMA(X, period), np.array(deviation(period))
    check(af.StandardDeviation(period), FRAME, period - 1, value=far, middle=mean)
    check(af.ZScore(period), FRAME, period - 1, 100, value=(X - mean) / far)
    for width in (2.0, 0.5):
        upper, lower = mean + width * far, mean - width * far
        check(af.BollingerBands(period, width), FRAME, period - 1, value=mean, upper=upper,
              lower=lower, bandwidth=(upper - lower) / mean)  # fmt: skip


@pytest.mark.parametrize("period", [14, 50])
def test_deviations_around_zero(period: int) -> None:
    """Where TA-Lib has its digits: on changes, whose mean is near 0."""
    moves = FRAME.diff()[1:].reset_index(drop=True)
    x = moves["close"].to_numpy()
    check(af.StandardDeviation(period), moves, period - 1, value=talib.STDDEV(x, period))
    upper, middle, lower = talib.BBANDS(x, period, 1.5, 1.5)
    check(af.BollingerBands(period, 1.5), moves, period - 1, value=middle, upper=upper, lower=lower)


def test_one_value_deviates_from_nothing() -> None:
    zero = np.zeros(len(X))
    check(af.StandardDeviation(1), FRAME, 0, value=zero, middle=X)
    check(af.ZScore(1), FRAME, 0, value=zero)
    check(af.BollingerBands(1), FRAME, 0, value=X, upper=X, lower=X, bandwidth=zero)


@pytest.mark.parametrize(("period", "per_year"), [(2, 252.0), (20, 252.0), (50, 8760)])
def test_volatility(period: int, per_year: float) -> None:
    windows = np.lib.stride_tricks.sliding_window_view(np.diff(np.log(X)), period)
    expected = windows.std(axis=1, ddof=1) * np.sqrt(per_year)
    check(af.RollingVolatility(period, per_year), FRAME, period,
          value=[np.nan] * period + expected.tolist())  # fmt: skip


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_price_that_has_no_return_shows(bad: float) -> None:
    for like in (af.RollingVolatility(4), af.ROC(4), af.Beta(4)):
        frame = bars(40)
        frame.loc[15:24, ["close", "other"]] = bad
        found = show(like, frame)["value"]
        assert np.isfinite(found[4:15]).all()
        if bad == 0.0 or isinstance(like, af.RollingVolatility):
            assert found[20:25].isna().all()
        assert np.isfinite(found[29:]).all()


@pytest.mark.parametrize(
    ("period", "width", "atr_period"), [(20, 2.0, 10), (3, 1.5, 8), (1, 0.5, 1)]
)
def test_keltner(period: int, width: float, atr_period: int) -> None:
    middle = FRAME["close"].ewm(span=period, adjust=False).mean()
    ranges = talib.TRANGE(*HLC) if atr_period == 1 else talib.ATR(*HLC, atr_period)
    ready = max(period - 1, atr_period)
    check(af.KeltnerChannels(period, width, atr_period), FRAME, ready, value=middle,
          upper=middle + width * ranges, lower=middle - width * ranges)  # fmt: skip


def test_keltner_as_others_have_it() -> None:
    """TA-Lib averages typical prices: of bars around their close both are the same."""
    flat = bars(flat=20)
    flat["low"] = 2 * flat["close"] - flat["high"]
    upper, middle, lower = talib.KC(*columns(flat), 20, 10, 2.0)
    check(af.KeltnerChannels(), flat, 19, value=middle, upper=upper, lower=lower)


@pytest.mark.parametrize("period", [1, *PERIODS])
def test_donchian(period: int) -> None:
    upper, lower = FRAME["high"].rolling(period).max(), FRAME["low"].rolling(period).min()
    check(af.DonchianChannels(period), FRAME, period - 1,
          value=(upper + lower) / 2, upper=upper, lower=lower)  # fmt: skip
    if period > 1:
        upper, middle, lower = talib.DONCHIAN(HIGH, LOW, period)
        check(af.DonchianChannels(period), FRAME, period - 1,
              value=middle, upper=upper, lower=lower)  # fmt: skip


def test_the_middle_of_bands_is_their_value() -> None:
    for bands in (af.BollingerBands(5), af.KeltnerChannels(5), af.DonchianChannels(5)):
        show(bands, FRAME[:30])
        assert bands.middle == bands.value
