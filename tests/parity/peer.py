"""Strategies as an independent library runs them: ``backtesting``, whose rules README.md tells.

What it filled and what it was worth after each bar is what AlphaForge's fills and equity are held
against. Decisions are made on whole ticks, so that both sides decide alike.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from backtesting import Backtest, Strategy

CASH = 1_000_000.0
FEE = 0.0002
SIZE = 10
TICKS = 10_000
"""Ticks in one currency unit of the samples."""

FAST, SLOW = 10, 50
HIGHS, LOWS = 20, 10

Ticks = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fill:
    """One fill: bar is the row of the frame, side +1 or -1, price in currency."""

    bar: int
    side: int
    size: int
    price: float


@dataclass(frozen=True)
class Outcome:
    """What a run did: its fills in their order, and the equity at the close of every bar."""

    fills: list[Fill]
    equity: npt.NDArray[np.float64]


def sample(symbol: str, start: str = "1900-01-01") -> pd.DataFrame:
    """Daily bars of a sample stock from a date on: ``Open High Low Close Volume``, index the date.

    The peer knows no splits: AAPL is to be had from 2005-03-01 on, GOOG whole.
    """
    with files("bokeh_sampledata").joinpath("_data/stocks.csv.gz").open("rb") as file:
        stocks = pd.read_csv(file, compression="gzip", parse_dates=["Date"])
    chosen = stocks[(stocks["Ticker"] == symbol) & (stocks["Date"] >= start)]
    columns = ["Open", "High", "Low", "Close", "Volume"]
    return chosen.sort_values("Date").set_index("Date")[columns].astype(float)


def run(bars: pd.DataFrame, strategy: type[Strategy], **settings: Any) -> Outcome:
    """Run a strategy of the peer's; what is open at the end stays open.

    Parameters
    ----------
    settings
        The peer's: ``cash``, ``commission``, ``trade_on_close``, ``finalize_trades``, ...
    """
    settings = {"cash": CASH, "commission": FEE, **settings}
    with _quiet():
        found = Backtest(bars, strategy, **settings).run()
    ended = found["_strategy"]
    fills = []
    for trade in sorted((*ended.closed_trades, *ended.trades), key=lambda each: each.entry_bar):
        side = 1 if trade.size > 0 else -1
        size = abs(int(trade.size))
        fills.append(Fill(int(trade.entry_bar), side, size, float(trade.entry_price)))
        if trade.exit_bar is not None:
            fills.append(Fill(int(trade.exit_bar), -side, size, float(trade.exit_price)))
    fills.sort(key=lambda fill: fill.bar)  # stable: within one bar a trade's entry, then its exit
    return Outcome(fills, found["_equity_curve"]["Equity"].to_numpy(np.float64))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the peer's advice: that a trade stays open, that an index is no time."""
    with warnings.catch_warnings():
        for text in ("Some trades remain open", "Data index is not datetime", "Some prices are"):
            warnings.filterwarnings("ignore", text)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


# --- what the strategies look at, in ticks ------------------------------------------------------


def ticks(prices: Any) -> Ticks:
    """Prices as whole ticks."""
    return np.rint(np.asarray(prices, np.float64) * TICKS).astype(np.int64)


def price(tick: int) -> float:
    """The float nearest to a tick, as AlphaForge has it."""
    return tick / TICKS


def rolling_sum(values: Ticks, length: int) -> Ticks:
    """Sums of the last ``length`` values; 0 where there aren't so many yet."""
    sums = np.concatenate([[0], np.cumsum(values)])
    found = np.zeros(values.size, np.int64)
    found[length - 1 :] = sums[length:] - sums[:-length]
    return found


def above(close: Ticks) -> npt.NDArray[np.bool_]:
    """Where the average of the last 10 closes is above that of 50; False before the 50th bar."""
    fast, slow = rolling_sum(close, FAST), rolling_sum(close, SLOW)
    found = fast * SLOW > slow * FAST
    found[: SLOW - 1] = False
    return found


def highest(high: Ticks, at: int) -> int:
    """The highest high of the last 20 bars, the bar ``at`` included."""
    return int(high[at + 1 - HIGHS : at + 1].max())


def lowest(low: Ticks, at: int) -> int:
    """The lowest low of the last 10 bars, the bar ``at`` included."""
    return int(low[at + 1 - LOWS : at + 1].min())


class Study(Strategy):
    """Knows the bar's row and the frame in ticks; the peer calls ``next`` from row 1 on."""

    def init(self) -> None:
        # Plain arrays, not the peer's indicators: it would skip the bars on which one isn't ready.
        frame = self.data.df
        self.high, self.low, self.close = (ticks(frame[n]) for n in ("High", "Low", "Close"))
        self.above = above(self.close)

    @property
    def row(self) -> int:
        return len(self.data) - 1

    def rest(self, side: int, tick: int, kind: str) -> None:
        """Keep one order working, stop or limit, at a price: replaced where the price changes."""
        place = self.buy if side > 0 else self.sell
        for order in self.orders:
            if getattr(order, kind) == price(tick) and order.size == side * SIZE:
                return
            order.cancel()
        place(size=SIZE, **{kind: price(tick)})


class SmaCross(Study):
    """Ten units while the average of 10 closes is above that of 50, else none."""

    def next(self) -> None:
        if self.row < SLOW - 1:
            return
        wanted = bool(self.above[self.row])
        if wanted and not self.position:
            self.buy(size=SIZE)
        elif not wanted and self.position:
            self.position.close()


class Breakout(Study):
    """A buy stop at the highest high of 20 bars; out by a sell stop at the lowest low of 10."""

    def next(self) -> None:
        if self.row < HIGHS - 1:
            return
        if self.position:
            self.rest(-1, lowest(self.low, self.row), "stop")
        else:
            self.rest(1, highest(self.high, self.row), "stop")


class Dip(Study):
    """A buy limit 2 % below the close (whole ticks, downwards); out as ``Breakout``."""

    def next(self) -> None:
        if self.row < HIGHS - 1:
            return
        if self.position:
            self.rest(-1, lowest(self.low, self.row), "stop")
        else:
            self.rest(1, int(self.close[self.row]) * 98 // 100, "limit")


class Bracket(Study):
    """In at the market where the averages cross upwards; out 3 % below or 6 % above that close."""

    below_above: ClassVar[tuple[int, int]] = (97, 106)

    def next(self) -> None:
        crossed = bool(self.above[self.row] and not self.above[self.row - 1])
        if self.row < SLOW or self.position or not crossed:
            return
        close = int(self.close[self.row])
        stop, target = (close * percent // 100 for percent in self.below_above)
        self.buy(size=SIZE, sl=price(stop), tp=price(target))


STRATEGIES: dict[str, type[Strategy]] = {
    "sma_cross": SmaCross,
    "breakout": Breakout,
    "dip": Dip,
    "bracket": Bracket,
}
