"""A moving-average cross, filled at the next open with fees, against a slow twin.

The twin keeps whole numbers throughout: sums of ticks instead of averages, ledger units instead of
floats. Fills and the equity of every bar must be equal to the ledger unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from market import FEES, stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine import messages as M
from alphaforge.research.backtest import backtest
from alphaforge.research.run import Run

CASH = 1_000_000.0
HALF = 0.0001 / 30 / 2


class Cross(af.Strategy):
    fast: af.SMA = af.SMA(10)
    slow: af.SMA = af.SMA(30)
    size: float = 100.0

    def on_bar(self, ctx, bar):
        self.fast.update(bar.close)
        self.slow.update(bar.close)
        if self.slow.ready:
            # Sums of ticks are whole: half a thirtieth of a tick decides as they do.
            above = self.fast.value - self.slow.value > HALF
            ctx.target(bar.instrument, self.size if above else 0.0)


class Twin:
    """Long 100 while the fast sum is the larger, else flat; one instrument, integers only."""

    def __init__(self, value: Fraction, taker: Fraction, ledger_cash: int) -> None:
        self.value, self.taker = value, taker
        self.cash, self.qty, self.working = ledger_cash, 0, 0
        self.closes: list[int] = []
        self.fills: list[tuple[int, int, int, int]] = []
        self.equity: list[int] = []

    def split(self, numerator: int, denominator: int) -> None:
        self.qty = self.qty * numerator // denominator
        self.working = self.working * numerator // denominator

    def bar(self, ts_open: int, opening: int, close: int) -> None:
        if self.working:
            amount = round(abs(self.working) * opening * self.value)
            fee = round(amount * self.taker)
            self.cash -= (amount if self.working > 0 else -amount) + fee
            self.qty += self.working
            self.fills.append((ts_open, self.working, opening, fee))
            self.working = 0
        self.equity.append(self.cash + round(self.qty * close * self.value))
        self.closes.append(close)
        if len(self.closes) >= 30:
            above = sum(self.closes[-10:]) * 3 > sum(self.closes[-30:])
            self.working = (100 if above else 0) - self.qty


def twin_of(history: History, symbol: str, spec: str) -> Twin:
    instrument = history.instrument(symbol)
    bars, actions = history.bar_columns(symbol, spec), history.action_columns(symbol)
    twin = Twin(instrument.value, Fraction(FEES.taker), int(CASH) * 10**6)
    splits = list(zip(*(actions[n].tolist() for n in actions), strict=True))
    for ts_open, opening, close in zip(
        bars["ts_open"].tolist(), bars["open"].tolist(), bars["close"].tolist(), strict=True
    ):
        while splits and splits[0][0] <= ts_open:
            _, numerator, denominator = splits.pop(0)
            twin.split(numerator, denominator)
        twin.bar(ts_open, opening, close)
    return twin


def assert_equal(run: Run, twin: Twin) -> None:
    fills = run.rows[run.rows["kind"] == M.FILL_ROW]
    assert len(twin.fills) > 50
    assert list(zip(*(fills[n].tolist() for n in ("ts", *"bcd")), strict=True)) == twin.fills
    assert run.ledger_equity.tolist() == twin.equity


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_thousand_bars(history: History, seed: int) -> None:
    symbol = stored_walk(history, 20_000, seed)
    run = backtest(history, Cross(), [symbol], "1h", cash=CASH, fees=FEES)
    assert_equal(run, twin_of(history, symbol, "1h"))


@pytest.fixture(scope="module")
def samples() -> Iterator[History]:
    made = History(":memory:")
    made.load_samples()
    yield made
    made.close()


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT", "IBM"])
def test_real_stocks_with_their_splits(samples: History, symbol: str) -> None:
    run = backtest(samples, Cross(), [symbol], "1d", cash=CASH, fees=FEES)
    assert_equal(run, twin_of(samples, symbol, "1d"))


class Hold(af.Strategy):
    """Buys once and keeps it."""

    seen: int = 0

    def on_bar(self, ctx, bar):
        self.seen += 1
        if self.seen == 1:
            ctx.buy(bar.instrument, 100)


def test_a_split_doubles_the_position_and_leaves_equity_alone(samples: History) -> None:
    run = backtest(samples, Hold(), ["AAPL"], "1d", cash=CASH)
    rows = run.rows[run.rows["kind"] == M.POSITION_ROW]
    assert rows["a"].tolist() == [100, 200, 400]
    assert len(set(rows["b"].tolist())) == 1, "a split changes no cost"
    equity, closes = run.ledger_equity, run.bars["close"]
    ts = samples.action_columns("AAPL")["ts"]
    for when, held in zip(ts.tolist(), (200, 400), strict=True):
        n = int(np.searchsorted(run.bars["ts_open"], when))
        # What equity did over the split is what the adjusted price did, and no more than that.
        moved = (int(closes[n]) * held - int(closes[n - 1]) * (held // 2)) * 100
        assert int(equity[n]) - int(equity[n - 1]) == moved
        assert abs(moved) < 0.1 * int(closes[n]) * held * 100, "no jump of a half"
