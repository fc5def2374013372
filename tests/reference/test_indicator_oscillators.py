"""Momentum, oscillators and volume against TA-Lib and pandas, to 1e-9."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib
from indicators import bars, check, show

import alphaforge as af

PERIODS = [2, 3, 14, 50]
FRAME = bars()
X = FRAME["close"].to_numpy()
HLC = tuple(FRAME[name].to_numpy() for name in ("high", "low", "close"))
VOLUME = FRAME["volume"].to_numpy()
TYPICAL = (FRAME["high"] + FRAME["low"] + FRAME["close"]) / 3


def ema(series: Any, period: int) -> pd.Series[float]:
    return pd.Series(series).ewm(span=period, adjust=False).mean()


# --- momentum ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (2, 3, 2), (5, 40, 21)])
def test_macd(fast: int, slow: int, signal: int) -> None:
    line = ema(X, fast) - ema(X, slow)
    smooth = ema(line[slow - 1 :], signal).reindex(line.index)
    ready = slow + signal - 2
    check(af.MACD(fast, slow, signal), FRAME, ready, 10,
          value=line, signal=smooth, histogram=line - smooth)  # fmt: skip
    flat = bars(flat=ready + 1)
    value, smooth, histogram = talib.MACD(flat["close"].to_numpy(), fast, slow, signal)
    check(af.MACD(fast, slow, signal), flat, ready, 10,
          value=value, signal=smooth, histogram=histogram)  # fmt: skip


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (2, 3, 2)])
def test_ppo(fast: int, slow: int, signal: int) -> None:
    line = 100 * (ema(X, fast) / ema(X, slow) - 1)
    smooth = ema(line[slow - 1 :], signal).reindex(line.index)
    ready = slow + signal - 2
    check(af.PPO(fast, slow, signal), FRAME, ready, 10,
          value=line, signal=smooth, histogram=line - smooth)  # fmt: skip
    flat = bars(flat=ready + 1)
    value = talib.PPO(flat["close"].to_numpy(), fast, slow, matype=1)
    check(af.PPO(fast, slow, signal), flat, ready, 10, value=value)


@pytest.mark.parametrize("period", [1, *PERIODS])
def test_momentum_and_rate_of_change(period: int) -> None:
    check(af.Momentum(period), FRAME, period, value=talib.MOM(X, period))
    check(af.ROC(period), FRAME, period, 100, value=talib.ROC(X, period))


@pytest.mark.parametrize("period", [1, *PERIODS])
def test_trix(period: int) -> None:
    series = pd.Series(X)
    for _ in range(3):
        series = series.ewm(span=period, adjust=False).mean()[period - 1 :]
    expected = (100 * series.pct_change()).reindex(range(len(X)))
    check(af.TRIX(period), FRAME, 3 * period - 2, 10, value=expected)
    flat = bars(flat=3 * period)
    check(af.TRIX(period), flat, 3 * period - 2, 10,
          value=talib.TRIX(flat["close"].to_numpy(), period))  # fmt: skip


@pytest.mark.parametrize(("long", "short"), [(25, 13), (2, 3), (1, 1), (7, 20)])
def test_tsi(long: int, short: int) -> None:
    change = pd.Series(X).diff()[1:]
    parts = [ema(ema(c, long)[long - 1 :], short) for c in (change, change.abs())]
    expected = (100 * parts[0] / parts[1]).reindex(range(len(X)))
    check(af.TSI(long, short), FRAME, long + short - 1, 10, value=expected)
    if min(long, short) > 1:
        flat = bars(flat=long + short)
        found = talib.TSI(flat["close"].to_numpy(), long, short)
        found[: long + short] = 0.0  # where nothing moved yet
        check(af.TSI(long, short), flat, long + short - 1, 10, value=found)


# --- oscillators ---------------------------------------------------------------------------------


@pytest.mark.parametrize("period", PERIODS)
def test_rsi(period: int) -> None:
    check(af.RSI(period), FRAME, period, value=talib.RSI(X, period))


@pytest.mark.parametrize(("period", "smoothing", "signal"), [(14, 3, 3), (5, 1, 4), (1, 1, 1)])
def test_stochastic(period: int, smoothing: int, signal: int) -> None:
    k, d = talib.STOCH(*HLC, period, smoothing, 0, signal, 0)
    check(af.Stochastic(period, smoothing, signal), FRAME, period + smoothing + signal - 3,
          100, value=k, k=k, d=d)  # fmt: skip


@pytest.mark.parametrize(
    ("period", "lookback", "signal"), [(14, 14, 3), (5, 9, 1), (2, 3, 2), (3, 1, 1)]
)
def test_stochastic_of_rsi(period: int, lookback: int, signal: int) -> None:
    raw, once = talib.STOCHRSI(X, period, lookback, signal)
    raw[period : period + lookback + signal - 2] = np.nan
    ready = period + lookback + signal - 2
    if lookback > 1:  # of one update there is no range, which is 50 here and 0 there
        check(af.StochRSI(period, lookback, 1, signal), FRAME, ready, 100, value=raw, k=raw, d=once)
        k, d = once, talib.SMA(once, 4)
        check(af.StochRSI(period, lookback, signal, 4), FRAME, ready + 3, 100, value=k, k=k, d=d)
    else:
        check(af.StochRSI(period, 1, 1, 1), FRAME, period, value=np.full(len(X), 50.0))


@pytest.mark.parametrize("period", [1, *PERIODS])
def test_williams(period: int) -> None:
    high = FRAME["high"].rolling(period).max()
    low = FRAME["low"].rolling(period).min()
    check(af.WilliamsR(period), FRAME, period - 1, 100, value=-100 * (high - X) / (high - low))
    if period > 1:
        check(af.WilliamsR(period), FRAME, period - 1, 100, value=talib.WILLR(*HLC, period))


@pytest.mark.parametrize("period", PERIODS)
def test_cci(period: int) -> None:
    check(af.CCI(period), FRAME, period - 1, 1_000, value=talib.CCI(*HLC, period))


@pytest.mark.parametrize("period", PERIODS)
def test_cmo(period: int) -> None:
    check(af.CMO(period), FRAME, period, 100, value=talib.CMOU(X, period))
    change = FRAME["close"].diff()
    size = change.abs().rolling(period).sum()
    check(af.CMO(period), FRAME, period, 100, value=100 * change.rolling(period).sum() / size)


@pytest.mark.parametrize("lengths", [(7, 14, 28), (1, 2, 3), (3, 20, 60)])
def test_ultimate_oscillator(lengths: tuple[int, int, int]) -> None:
    expected = talib.ULTOSC(*HLC, *lengths)
    check(af.UltimateOscillator(*lengths), FRAME, lengths[2], 100, value=expected)


def test_oscillators_over_one_bar() -> None:
    sign = np.sign(FRAME["close"].diff())
    check(af.RSI(1), FRAME, 1, value=50 + 50 * sign)
    check(af.CMO(1), FRAME, 1, value=100 * sign)
    check(af.CCI(1), FRAME, 0, value=np.zeros(len(X)))
    rise = np.sign(TYPICAL.diff())
    check(af.MFI(1), FRAME, 1, value=50 + 50 * rise)


# --- volume --------------------------------------------------------------------------------------


def test_on_balance_volume() -> None:
    check(af.OBV(), FRAME, 0, value=talib.OBV(X, VOLUME))


def test_accumulation_and_distribution() -> None:
    check(af.AccumulationDistribution(), FRAME, 0, 1e4, value=talib.AD(*HLC, VOLUME))


@pytest.mark.parametrize(("fast", "slow"), [(3, 10), (2, 3), (20, 50)])
def test_chaikin_oscillator(fast: int, slow: int) -> None:
    expected = talib.ADOSC(*HLC, VOLUME, fast, slow)
    check(af.ChaikinOscillator(fast, slow), FRAME, slow - 1, 1e4, value=expected)


@pytest.mark.parametrize("period", PERIODS)
def test_money_flows(period: int) -> None:
    check(af.MFI(period), FRAME, period, value=talib.MFI(*HLC, VOLUME, period))
    expected = talib.CMF(*HLC, VOLUME, period)
    check(af.ChaikinMoneyFlow(period), FRAME, period - 1, 10, value=expected)


def test_money_flow_of_one_bar() -> None:
    high, low, close = HLC
    expected = (2 * close - high - low) / (high - low)
    check(af.ChaikinMoneyFlow(1), FRAME, 0, 10, value=expected)


@pytest.mark.parametrize("period", [1, *PERIODS])
def test_force_index(period: int) -> None:
    force = FRAME["close"].diff()[1:] * FRAME["volume"][1:]
    expected = ema(force, period).reindex(FRAME.index)
    check(af.ForceIndex(period), FRAME, period, 1e4, value=expected)
    if period > 1:
        flat = bars(flat=period + 1)
        found = talib.EFI(flat["close"].to_numpy(), flat["volume"].to_numpy(), period)
        check(af.ForceIndex(period), flat, period, 1e4, value=found)


def test_vwap_of_sessions() -> None:
    expected = (TYPICAL * VOLUME).cumsum() / FRAME["volume"].cumsum()
    check(af.VWAP(), FRAME, 0, value=expected)
    check(af.VWAP(), FRAME, 0, value=talib.VWAP(*HLC, VOLUME))
    indicator = af.VWAP()
    show(indicator, FRAME[:700])
    indicator.reset()
    assert not indicator.ready
    assert np.isnan(indicator.value)
    later = FRAME[700:].reset_index(drop=True)
    again = show(indicator, later)["value"]
    np.testing.assert_array_equal(again, show(af.VWAP(), later)["value"])


def test_without_volume_nothing_is_weighted() -> None:
    still = FRAME[:40].assign(volume=0.0)
    for indicator in (af.VWMA(5), af.ChaikinMoneyFlow(5), af.VWAP()):
        assert show(indicator, still)["value"].isna().all()
        found = show(indicator, FRAME[:5])["value"].iloc[-1]
        assert np.isfinite(found), indicator
    # Volume that left the window leaves nothing behind, not even a rounding error.
    gone = pd.concat([FRAME[:40].assign(volume=VOLUME[:40] / 7), still], ignore_index=True)
    assert show(af.VWMA(5), gone)["value"][44:].isna().all()
    assert (show(af.MFI(5), gone)["value"][46:] == 50.0).all()
    assert (show(af.OBV(), still)["value"] == 0.0).all()
