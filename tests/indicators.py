"""Indicators for tests: bars to feed them, what they show of these, and how it is compared."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd

import alphaforge as af

COLUMNS = {"x": "close", "y": "other", "market": "other"}
"""What an input of ``update`` is fed from; the others have their column's name."""
EARLY = (af.SMA, af.EMA, af.Wilder, af.RSI, af.ATR)
"""What shows a value before it is ready."""
EVERY: list[af.Indicator] = [
    af.SMA(9),
    af.EMA(9),
    af.Wilder(9),
    af.WMA(9),
    af.DEMA(9),
    af.TEMA(9),
    af.TRIMA(9),
    af.TRIMA(8),
    af.KAMA(9),
    af.HMA(9),
    af.VWMA(9),
    af.MACD(5, 13, 4),
    af.PPO(5, 13, 4),
    af.Momentum(9),
    af.ROC(9),
    af.RSI(9),
    af.Stochastic(9, 3, 4),
    af.StochRSI(9, 7, 3, 4),
    af.WilliamsR(9),
    af.CCI(9),
    af.CMO(9),
    af.UltimateOscillator(3, 6, 12),
    af.TRIX(9),
    af.TSI(9, 5),
    af.ADX(9),
    af.Aroon(9),
    af.ParabolicSAR(),
    af.Supertrend(9, 2.0),
    af.Ichimoku(4, 9, 15),
    af.LinearRegression(9),
    af.TrueRange(),
    af.ATR(9),
    af.NATR(9),
    af.StandardDeviation(9),
    af.RollingVolatility(9),
    af.ZScore(9),
    af.BollingerBands(9, 1.5),
    af.KeltnerChannels(9, 1.5, 6),
    af.DonchianChannels(9),
    af.OBV(),
    af.AccumulationDistribution(),
    af.ChaikinOscillator(4, 9),
    af.ChaikinMoneyFlow(9),
    af.MFI(9),
    af.VWAP(),
    af.ForceIndex(9),
    af.RollingSum(9),
    af.RollingMax(9),
    af.RollingMin(9),
    af.Percentile(9, 30.0),
    af.RollingMedian(9),
    af.Skew(9),
    af.Correlation(9),
    af.Beta(9),
]
"""One of each, with parameters of its own."""


def bars(count: int = 1_500, seed: int = 21, flat: int = 0) -> pd.DataFrame:
    """A random walk's bars; ``flat`` bars of its first price and no move come first.

    On those, averages that start at a first value and those that start at a mean agree.
    """
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, count)))
    up, down = random.random((2, count))
    frame = pd.DataFrame({"high": close + up, "low": close - down, "close": close})
    frame["volume"] = random.integers(1, 1_000, count).astype(float)
    frame["other"] = 50 * np.exp(np.cumsum(random.normal(0, 0.01, count)))
    if flat:
        still = pd.DataFrame({"high": 100.0, "low": 100.0, "close": 100.0}, range(flat))
        frame = pd.concat([still.assign(volume=7.0, other=50.0), frame], ignore_index=True)
    return frame


def fresh(like: af.Indicator) -> af.Indicator:
    """A new one with the same parameters."""
    return type(like)(**like.parameters())


def inputs(indicator: af.Indicator) -> list[str]:
    """The columns that an indicator is fed from."""
    names = inspect.signature(type(indicator).update).parameters
    return [COLUMNS.get(name, name) for name in list(names)[1:]]


def show(indicator: af.Indicator, frame: pd.DataFrame) -> pd.DataFrame:
    """What an indicator shows after each bar: its outputs, and whether it is ready."""
    rows = []
    for row in frame[inputs(indicator)].itertuples(index=False):
        indicator.update(*row)
        rows.append([*(getattr(indicator, name) for name in indicator.OUTPUTS), indicator.ready])
    return pd.DataFrame(rows, columns=[*indicator.OUTPUTS, "ready"])


def warm_up(shown: pd.DataFrame) -> int:
    """The first row that is ready; from there on all are."""
    first = int(np.argmax(shown["ready"]))
    assert shown["ready"][first:].all()
    return first


def check(
    indicator: af.Indicator, frame: pd.DataFrame, ready: int, scale: float = 1.0, **expected: Any
) -> None:
    """Hold an indicator's outputs to what others say, from its first ready row on.

    ``scale`` is how large the numbers are that it takes from each other: where little is left, the
    last bits of those are what remains.
    """
    shown = show(indicator, frame)
    assert warm_up(shown) == ready
    assert set(expected) <= set(indicator.OUTPUTS)
    for name, wanted in expected.items():
        found = shown[name].to_numpy(float)
        np.testing.assert_allclose(
            found[ready:], np.asarray(wanted, float)[ready:], rtol=1e-9, atol=1e-12 * scale
        )
        if not isinstance(indicator, EARLY):
            assert np.isnan(found[:ready]).all() or name in ("rising", "age")


def wilder(x: Any, period: int) -> Any:
    """Wilder's average by pandas: from the mean of the first values on, weight 1 / period."""
    series = pd.Series(x, dtype=float)
    started = series[period - 1 :].copy()
    started.iloc[0] = series[:period].mean()
    return started.ewm(alpha=1 / period, adjust=False).mean().reindex(series.index).to_numpy()
