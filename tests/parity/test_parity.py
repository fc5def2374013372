"""The peer's studies as AlphaForge strategies: the same fills, and the same equity at every bar.

Each decides on whole ticks, as ``peer`` does. ``README.md`` says which of AlphaForge's settings
match the peer's rules, and where the studies keep clear of what is the peer's alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import peer
import pytest
from peer import Fill, Outcome

import alphaforge as af
from alphaforge.engine import messages as M
from alphaforge.research.run import Run

FEES = af.Fees(taker="0.0002")
START = {"GOOG": "1900-01-01", "AAPL": "2005-03-01"}
LEDGER = 1e-6


class Sum(af.Indicator):
    """Sum of the last ``period`` whole numbers: exact."""

    window: af.Window

    def update(self, x: float) -> None:
        at = self.count % self.period
        if self.count == 0:
            self.value = 0.0
        self.value += x - self.window[at]
        self.window[at] = x
        self.count += 1


class Highest(af.Indicator):
    """The highest of the last ``period`` values."""

    window: af.Window

    def update(self, x: float) -> None:
        self.window[self.count % self.period] = x
        self.count += 1
        self.value = x
        for n in range(min(self.count, self.period)):
            self.value = max(self.value, self.window[n])


class Lowest(af.Indicator):
    """The lowest of the last ``period`` values."""

    window: af.Window

    def update(self, x: float) -> None:
        self.window[self.count % self.period] = x
        self.count += 1
        self.value = x
        for n in range(min(self.count, self.period)):
            self.value = min(self.value, self.window[n])


class Averages(af.Strategy):
    """Whether the average of 10 closes is above that of 50; from ``start`` (ns UTC) on."""

    start: int = 0
    fast: Sum = Sum(10)
    slow: Sum = Sum(50)
    above: bool = False
    crossed: bool = False
    tick: int = 0

    def follow(self, close: float) -> bool:
        """Take a close; whether there were enough."""
        self.tick = int(close * 10_000.0 + 0.5)
        self.fast.update(1.0 * self.tick)
        self.slow.update(1.0 * self.tick)
        was = self.above
        self.above = self.slow.ready and self.fast.value * 50.0 > self.slow.value * 10.0
        self.crossed = self.above and not was
        return self.slow.ready


class SmaCross(Averages):
    """Ten units while the average of 10 closes is above that of 50, else none."""

    def on_bar(self, ctx, bar):
        if bar.ts < self.start or not self.follow(bar.close):
            return
        if self.above:
            if ctx.position(bar.instrument).qty == 0.0:
                ctx.buy(bar.instrument, 10)
        elif ctx.position(bar.instrument).qty > 0.0:
            ctx.close(bar.instrument)


class Bracket(Averages):
    """In at the market where the averages cross upwards; out 3 % below or 6 % above that close."""

    bars: int = 0

    def on_bar(self, ctx, bar):
        if bar.ts < self.start:
            return
        self.bars += 1
        ready = self.follow(bar.close)
        if ready and self.bars > 50 and self.crossed and ctx.position(bar.instrument).qty == 0.0:
            stop = (self.tick * 97 // 100) / 10_000.0
            take = (self.tick * 106 // 100) / 10_000.0
            ctx.bracket(bar.instrument, 10, take, stop)


class Rows(af.Indicator):
    """A number for each row of the frame, given before the run."""

    window: af.Window

    def update(self) -> None:
        self.value = self.window[self.count]
        self.count += 1


class Tight(af.Strategy):
    """A bracket 1 % to either side at every bar without a position, but for rows marked."""

    start: int = 0
    marked: Rows = Rows(1)

    def on_bar(self, ctx, bar):
        if bar.ts < self.start:
            return
        self.marked.update()
        if self.marked.value == 0.0 and ctx.position(bar.instrument).qty == 0.0:
            tick = int(bar.close * 10_000.0 + 0.5)
            stop = (tick * 99 // 100) / 10_000.0
            take = (tick * 101 // 100) / 10_000.0
            ctx.bracket(bar.instrument, 10, take, stop)


class Channel(af.Strategy):
    """In by one order, out by a sell stop at the lowest low of 10; both replaced as they move."""

    start: int = 0
    high: Highest = Highest(20)
    low: Lowest = Lowest(10)
    order: int = 0
    side: int = 0
    level: float = 0.0

    def moved(self, ctx, side: int, level: float) -> int:
        """What to do for one order at a level: 0 nothing, 1 give it the level, 2 place it."""
        same = side == self.side and ctx.order(self.order).leaves > 0.0
        if same and level == self.level:
            return 0
        self.side = side
        self.level = level
        return 1 if same else 2

    def protect(self, ctx, i: int) -> None:
        what = self.moved(ctx, -1, self.low.value)
        if what == 1:
            ctx.replace(self.order, stop=self.level)
        elif what == 2:
            self.order = ctx.sell(i, 10, stop=self.level)


class Breakout(Channel):
    """A buy stop at the highest high of 20 bars; out by a sell stop at the lowest low of 10."""

    def on_bar(self, ctx, bar):
        if bar.ts < self.start:
            return
        self.high.update(bar.high)
        self.low.update(bar.low)
        if not self.high.ready:
            return
        if ctx.position(bar.instrument).qty > 0.0:
            self.protect(ctx, bar.instrument)
            return
        what = self.moved(ctx, 1, self.high.value)
        if what == 1:
            ctx.replace(self.order, stop=self.level)
        elif what == 2:
            self.order = ctx.buy(bar.instrument, 10, stop=self.level)


class Dip(Channel):
    """A buy limit 2 % below the close (whole ticks, downwards); out as ``Breakout``."""

    def on_bar(self, ctx, bar):
        if bar.ts < self.start:
            return
        self.high.update(bar.high)
        self.low.update(bar.low)
        if not self.high.ready:
            return
        if ctx.position(bar.instrument).qty > 0.0:
            self.protect(ctx, bar.instrument)
            return
        limit = (int(bar.close * 10_000.0 + 0.5) * 98 // 100) / 10_000.0
        # Cancelled and given anew, where the other studies replace: both must do.
        if self.moved(ctx, 1, limit) > 0:
            ctx.cancel(self.order)
            self.order = ctx.buy(bar.instrument, 10, limit=limit)


def quirk(bars: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Rows that ``tight`` leaves out: the first, and those whose bracket would meet a quirk.

    Where a bar opens at or beyond the target and later comes to the stop, the peer takes the stop.
    A limit that the open has passed is filled there: the position is gone before the price falls.
    """
    opening, high, low, close = (peer.ticks(bars[n]) for n in ("Open", "High", "Low", "Close"))
    found = np.zeros(close.size, np.bool_)
    found[0] = True
    for row in range(1, close.size):
        stop, target = int(close[row]) * 99 // 100, int(close[row]) * 101 // 100
        met = np.flatnonzero((high[row + 1 :] >= target) | (low[row + 1 :] <= stop))
        if met.size:
            bar = row + 1 + int(met[0])
            found[row] = opening[bar] >= target and low[bar] <= stop
    return found


class PeerTight(peer.Study):
    """A bracket 1 % to either side at every bar without a position: many bars meet both."""

    def init(self) -> None:
        super().init()
        self.left_out = quirk(self.data.df)

    def next(self) -> None:
        if self.left_out[self.row] or self.position:
            return
        close = int(self.close[self.row])
        stop, target = (peer.price(close * percent // 100) for percent in (99, 101))
        self.buy(size=peer.SIZE, sl=stop, tp=target)


PEERS: dict[str, type[peer.Strategy]] = {**peer.STRATEGIES, "tight": PeerTight}
STUDIES: dict[str, type[af.Strategy]] = {
    "sma_cross": SmaCross,
    "breakout": Breakout,
    "dip": Dip,
    "bracket": Bracket,
    "tight": Tight,
}
COUNTS = {
    ("sma_cross", "GOOG"): 41,
    ("sma_cross", "AAPL"): 48,
    ("breakout", "GOOG"): 85,
    ("breakout", "AAPL"): 86,
    ("dip", "GOOG"): 281,
    ("dip", "AAPL"): 265,
    ("bracket", "GOOG"): 40,
    ("bracket", "AAPL"): 46,
    ("tight", "GOOG"): 3477,
    ("tight", "AAPL"): 3418,
}


@pytest.fixture(scope="module")
def lab() -> Iterator[af.Lab]:
    made = af.Lab(":memory:")
    made.history.load_samples()
    yield made
    made.close()


@cache
def outcome(study: str, symbol: str) -> Outcome:
    return peer.run(peer.sample(symbol, START[symbol]), PEERS[study])


def ran(lab: af.Lab, study: str, symbol: str, path: str, mode: str) -> tuple[Run, int]:
    """The run, and the row of its bars that is the peer's row 0."""
    start = int(np.datetime64(START[symbol], "ns").astype(np.int64))
    if study == "tight":
        marked = quirk(peer.sample(symbol, START[symbol])).astype(float).tolist()
        rows = Rows(len(marked))
        rows.window[:] = marked
        strategy: af.Strategy = Tight(start=start, marked=rows)
    else:
        strategy = STUDIES[study](start=start)
    venue = af.Venue(path=path)
    run = lab.backtest(strategy, symbol, "1d", cash=peer.CASH, fees=FEES, venue=venue, mode=mode)
    return run, int(np.searchsorted(run.bars["ts"], start))


@pytest.mark.parametrize(
    ("path", "mode"), [("olhc", "compiled"), ("olhc", "python"), ("pessimistic", "compiled")]
)
@pytest.mark.parametrize("symbol", ["GOOG", "AAPL"])
@pytest.mark.parametrize("study", list(STUDIES))
def test_the_same_fills_and_the_same_equity(
    lab: af.Lab, study: str, symbol: str, path: str, mode: str
) -> None:
    theirs = outcome(study, symbol)
    run, first = ran(lab, study, symbol, path, mode)
    assert len(theirs.fills) == COUNTS[study, symbol]

    rows = run.rows[run.rows["kind"] == M.FILL_ROW]
    bars = np.searchsorted(run.bars["ts_open"], rows["ts"]) - first
    ours = [
        Fill(int(bar), 1 if lots > 0 else -1, abs(int(lots)), int(tick) / peer.TICKS)
        for bar, lots, tick in zip(bars, rows["b"], rows["c"], strict=True)
    ]
    for k, (mine, other) in enumerate(zip(ours, theirs.fills, strict=False)):
        assert mine == other, f"fill {k}"
    assert len(ours) == len(theirs.fills)

    assert (run.ledger_equity[:first] == round(peer.CASH / LEDGER)).all()
    equity = run.ledger_equity[first:] * LEDGER
    assert equity.size == theirs.equity.size
    # The peer never rounds a fee; AlphaForge does, to its ledger unit, once a fill.
    fills = np.searchsorted(np.sort(bars), np.arange(equity.size), side="right")
    assert (np.abs(equity - theirs.equity) <= LEDGER / 2 * fills + 1e-8).all()


def test_where_fees_are_whole_the_equity_is_equal_to_the_last_digit(lab: af.Lab) -> None:
    """The allowance above is the fees' rounding and nothing else."""
    theirs = peer.run(peer.sample("GOOG"), peer.STRATEGIES["dip"], commission=0.0)
    run = lab.backtest(Dip(), "GOOG", "1d", cash=peer.CASH, venue=af.Venue(path="olhc"))
    assert len(run.fills) == len(theirs.fills)
    assert run.ledger_equity.tolist() == np.rint(theirs.equity / LEDGER).astype(int).tolist()


def test_the_path_matters(lab: af.Lab) -> None:
    """High first: the target would come before the stop, and the fills be others."""
    with pytest.raises(AssertionError, match="fill"):
        test_the_same_fills_and_the_same_equity(lab, "tight", "GOOG", "ohlc", "compiled")
