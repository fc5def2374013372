"""Figures, tables and warnings of a run, against plain Python."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from market import T0, stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.research.backtest import backtest
from alphaforge.research.metrics import equity_metrics

HOUR = 3_600_000_000_000


class Flips(af.Strategy):
    """Long and short in turn, never flat between."""

    side: int = 1
    size: float = 5.0

    def on_bar(self, ctx, bar):
        ctx.target(bar.instrument, self.side * self.size)
        self.side = -self.side


class Holds(af.Strategy):
    """Buys at its first bars and keeps it."""

    size: float = 100.0
    buys: int = 1
    bought: int = 0

    def on_bar(self, ctx, bar):
        if self.bought < self.buys:
            self.bought += 1
            ctx.buy(bar.instrument, self.size)


def test_bars_of_several_symbols_at_one_time_are_one_period(history: History) -> None:
    for symbol in ("XYZ", "ABC"):
        stored_walk(history, 400, 5, symbol)
    one = backtest(history, Holds(size=100.0), ["XYZ"], "1h")
    two = backtest(history, Holds(size=50.0, buys=2), ["XYZ", "ABC"], "1h")
    for name in ("return", "volatility", "sharpe", "max_drawdown", "max_drawdown_bars"):
        assert two.metrics[name] == pytest.approx(one.metrics[name], rel=1e-9), name


def test_a_hedge_has_no_volatility() -> None:
    ts = np.repeat(np.arange(1, 101) * HOUR, 2)
    half_way = np.where(np.arange(200) % 2 == 0, 900.0, 1_000.0)
    figures = equity_metrics(half_way, ts, 1_000.0)
    assert figures["volatility"] == 0.0
    assert figures["max_drawdown"] == 0.0
    assert math.isnan(figures["sharpe"])


def test_a_short_run_that_earned_much_has_no_overflow() -> None:
    ts = T0 + np.arange(600) * 1_000_000_000
    figures = equity_metrics(np.linspace(1_000.0, 1_100.0, 600), ts, 1_000.0)
    assert figures["cagr"] == math.inf
    assert figures["return"] == pytest.approx(0.1)


def test_flips_are_round_trips_and_the_last_one_is_open(history: History) -> None:
    stored_walk(history, 80, 5)
    run = backtest(history, Flips(), ["XYZ"], "1h")
    assert len(run.trades) > 60
    assert not [warning for warning in run.warnings if "round trips" in warning]
    assert any("a position is open at the end" in warning for warning in run.warnings)


def test_an_open_position_in_any_symbol_is_told(history: History) -> None:
    class First(af.Strategy):
        def on_bar(self, ctx, bar):
            if bar.instrument == 0:
                ctx.target(0, 5.0)
            else:
                ctx.target(1, 5.0 if bar.close < 100.0 else 0.0)

    for symbol in ("XYZ", "ABC"):
        stored_walk(history, 200, 5, symbol)
    run = backtest(history, First(), ["XYZ", "ABC"], "1h")
    assert any("a position is open at the end" in warning for warning in run.warnings)


def test_filled_is_what_the_fills_add_up_to_over_a_split_too(history: History) -> None:
    class Waits(af.Strategy):
        asked: int = 0

        def on_bar(self, ctx, bar):
            self.asked += 1
            if self.asked == 1:
                ctx.buy(bar.instrument, 100, limit=1.0)
                ctx.buy(bar.instrument, 30)

    stored_walk(history, 40, 5)
    history.write_action("XYZ", T0 + 20 * HOUR, 2, 1)
    run = backtest(history, Waits(), ["XYZ"], "1h")
    filled = run.fills.groupby("order_id")["qty"].sum()
    for order in run.orders.itertuples():
        assert order.filled == filled.get(order.order_id, 0.0)


def test_a_trip_s_quantity_is_the_fills_own_float(history: History) -> None:
    history.add_instrument(af.Instrument("COIN", tick="0.01", lot="0.001"))
    index = pd.date_range("2024-01-01", periods=30, freq="h", tz="UTC")
    close = 100.0 + np.arange(30) % 3
    frame = {"open": close, "high": close, "low": close, "close": close, "volume": 1.0}
    history.write_bars("COIN", "1h", pd.DataFrame(frame, index=index))
    run = backtest(history, Flips(size=0.3), ["COIN"], "1h")
    assert set(run.trades["qty"]) == {0.3}


@pytest.mark.parametrize(
    "given",
    [
        {"cash": math.nan},
        {"cash": -1.0},
        {"cash": "1000"},
        {"cash": 1e20},
        {"fees": "0.1"},
        {"mode": None},
    ],
    ids=str,
)
def test_what_can_not_be_run_says_what_it_wants(history: History, given: dict) -> None:
    stored_walk(history, 20, 1)
    (name,) = given
    with pytest.raises(af.ConfigError, match=f"{name} must be"):
        backtest(history, Holds(), ["XYZ"], "1h", **given)
    with pytest.raises(af.ConfigError, match="XYZ is given twice"):
        backtest(history, Holds(), ["XYZ", "XYZ"], "1h")
