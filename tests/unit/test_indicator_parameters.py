"""How indicators are made: what is refused and why, what a run's id knows of them."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from indicators import EVERY, fresh
from market import stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.errors import StrategyError
from alphaforge.research.backtest import backtest
from alphaforge.strategy.fields import to_bytes


@pytest.mark.parametrize("like", EVERY, ids=repr)
def test_its_parameters_make_it_again(like: af.Indicator) -> None:
    again = fresh(like)
    assert repr(again) == repr(like)
    assert to_bytes(again).tobytes() == to_bytes(like).tobytes()
    declared = inspect.signature(type(like))
    assert list(declared.parameters) == list(like.parameters()), "help shows them"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: af.WMA(0), "WMA needs a period of at least 1, not 0. Write WMA(10)."),
        (lambda: af.ATR(2.0), "ATR needs a period of at least 1, not 2.0. Write ATR(10)."),
        (lambda: af.CCI(True), "CCI needs a period of at least 1, not True. Write CCI(10)."),
        (
            lambda: af.MACD(26, 12),
            "MACD needs fast < slow, not fast=26, slow=12. Write MACD(fast=12, slow=26, signal=9).",
        ),
        (lambda: af.PPO(12, 26, 0), "PPO needs signal as an int of at least 1, not 0. Write PPO("),
        (lambda: af.MACD(12.0), "MACD needs fast as an int of at least 1, not 12.0. Write MACD("),
        (lambda: af.KAMA(10, 30, 30), "KAMA needs fast < slow, not fast=30, slow=30. Write KAMA("),
        (lambda: af.TSI(25, 0), "TSI needs short as an int of at least 1, not 0. Write TSI("),
        (
            lambda: af.Stochastic(14, 0),
            "Stochastic needs smoothing as an int of at least 1, not 0.",
        ),
        (lambda: af.StochRSI(14, "a"), "StochRSI needs lookback as an int of at least 1, not 'a'."),
        (
            lambda: af.UltimateOscillator(7, 28, 14),
            "UltimateOscillator needs short < medium < long, not short=7, medium=28, long=14.",
        ),
        (lambda: af.Ichimoku(9, 9), "Ichimoku needs short < medium < long, not short=9, medium=9"),
        (lambda: af.ChaikinOscillator(10, 3), "ChaikinOscillator needs fast < slow, not fast=10"),
        (
            lambda: af.BollingerBands(20, 0),
            "BollingerBands needs width as a number above 0, not 0. Write BollingerBands(period=",
        ),
        (lambda: af.KeltnerChannels(20, -1.0), "KeltnerChannels needs width as a number above 0"),
        (lambda: af.KeltnerChannels(atr_period=0), "KeltnerChannels needs atr_period as an int of"),
        (lambda: af.Supertrend(10, np.nan), "Supertrend needs factor as a number above 0, not nan"),
        (lambda: af.ParabolicSAR(0.3, 0.2), "ParabolicSAR needs step <= limit, not step=0.3"),
        (lambda: af.ParabolicSAR(0), "ParabolicSAR needs step as a number above 0, not 0. Write"),
        (lambda: af.RollingVolatility(1), "RollingVolatility needs period as an int of at least 2"),
        (lambda: af.RollingVolatility(5, 0), "RollingVolatility needs per_year as a number above"),
        (lambda: af.Percentile(9, 101), "Percentile needs percent from 0 to 100, not 101. Write"),
        (lambda: af.Skew(2), "Skew needs period as an int of at least 3, not 2. Write Skew(10)."),
    ],
)
def test_what_is_wrong_is_said(make: Any, says: str) -> None:
    with pytest.raises(StrategyError) as raised:
        make()
    assert str(raised.value).startswith(says)


class Sweep(af.Strategy):
    macd: af.MACD = af.MACD(12, 26, 9)
    bands: af.BollingerBands = af.BollingerBands(20, 1.5)
    sma: af.SMA = af.SMA(10)
    obv: af.OBV = af.OBV()

    def on_bar(self, ctx, bar):
        self.macd.update(bar.close)


def test_a_strategy_shows_every_parameter() -> None:
    shown = {
        "macd.fast": 12, "macd.slow": 26, "macd.signal": 9,
        "bands.period": 20, "bands.width": 1.5, "sma": 10,
    }  # fmt: skip
    assert Sweep().parameters() == shown
    assert Sweep().fresh().parameters() == shown, "a copy's too"
    assert repr(Sweep()).startswith("Sweep(macd.fast=12, macd.slow=26, macd.signal=9, bands.")


def test_an_int_sets_the_period_and_nothing_else() -> None:
    changed = Sweep(bands=30, sma=11)
    assert changed.parameters() | {"bands.period": 20, "sma": 10} == Sweep().parameters()
    assert (changed.bands.period, changed.bands.width, changed.sma.period) == (30, 1.5, 11)
    with pytest.raises(StrategyError, match=r"MACD has no single period that 9 could be. Give one"):
        Sweep(macd=9)


class Own(af.Indicator):
    """One's own, with parameters that are no fields."""

    gain: float = 1.0

    def __init__(self, length: int, strength: float = 2.0) -> None:
        super().__init__(length + 1)
        self.gain = 1.0 / strength

    def update(self, x: float) -> None:
        self.value = self.gain * x
        self.count += 1


def test_an_indicator_of_ones_own_shows_its_parameters() -> None:
    assert Own(4).parameters() == {"length": 4, "strength": 2.0}
    assert repr(Own(4, 3.0)) == "Own(length=4, strength=3.0)"
    with pytest.raises(StrategyError, match="Own has no single period"):
        Own(4).with_period(9)
    with pytest.raises(TypeError, match="length"):
        Own()


def test_other_parameters_are_another_run(history: History) -> None:
    stored_walk(history, 40, 4)
    strategies = [
        Sweep(), Sweep(macd=af.MACD(12, 30, 9)), Sweep(macd=af.MACD(12, 26, 8)),
        Sweep(bands=af.BollingerBands(20, 2.5)), Sweep(bands=21), Sweep(sma=11),
    ]  # fmt: skip
    runs = [backtest(history, each, ["XYZ"], "1h", mode="python").run_id for each in strategies]
    assert len(set(runs)) == len(runs)
    assert backtest(history, Sweep(), ["XYZ"], "1h", mode="python").run_id == runs[0]


def test_a_field_that_begins_with_what_it_cannot_hold_is_told() -> None:
    class Bare(af.Strategy):
        mean: af.SMA = 10  # type: ignore[assignment]  # as people write it
        many: int = 1
        part: float = 1.0

    with pytest.raises(StrategyError, match=r"begins with 10, which is no SMA. Write mean: SMA ="):
        Bare()

    class Sized(af.Strategy):
        many: int = 1
        part: float = 1.0

    with pytest.raises(StrategyError, match="field 'many' of Sized holds 64 bits, too few for 1"):
        Sized(many=2**70)
    with pytest.raises(StrategyError, match="field 'part' of Sized must be a float, and that int"):
        Sized(part=10**400)
    with pytest.raises(StrategyError, match="field 'part' of Sized is a number and was given the"):
        Sized().part = "10"  # type: ignore[assignment]  # Python would make a number of it
