"""What once ran one way in python mode and another compiled: the same, or refused in both."""

from __future__ import annotations

import math

import pytest
from market import FEES, stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.research.backtest import backtest
from alphaforge.research.run import Run
from alphaforge.strategy.fields import to_bytes

BARS = 600


def both(history: History, strategy: af.Strategy) -> tuple[Run, Run]:
    compiled, python = (
        backtest(history, strategy, ["XYZ"], "1h", fees=FEES, mode=mode)
        for mode in ("compiled", "python")
    )
    return compiled, python


class Slower(af.SMA):
    """A subclass with a field of its own and no window of its own."""

    seen: int = 0

    def update(self, x):
        self.seen += 1
        if self.seen % 2 == 0:
            self.value = x


class Kinds(af.Strategy):
    """Bools of ints, infinite defaults, subclasses, one indicator given to two fields."""

    a: af.SMA = af.SMA(5)
    b: af.SMA = af.SMA(5)
    slow: Slower = Slower(3)
    flag: bool = False
    best: float = 0.0
    n: int = 0

    def least(self, x, bound=float("inf")):
        return min(x, bound)

    def on_bar(self, ctx, bar):
        self.a.update(bar.close)
        self.slow.update(bar.close)
        self.n += 1
        self.flag = self.n % 4
        self.best = self.least(bar.close) + math.sqrt(abs(self.slow.value)) + int(bar.close)
        if self.flag and self.a.ready and not self.b.ready:
            ctx.target(bar.instrument, 1.0 * (self.n % 3))


def test_what_once_differed_is_the_same(history: History) -> None:
    stored_walk(history, BARS, 8)
    shared = af.SMA(5)
    compiled, python = both(history, Kinds(a=shared, b=shared))
    assert len(compiled.fills) > 20
    assert compiled.journal_hash == python.journal_hash
    assert to_bytes(compiled.strategy).tobytes() == to_bytes(python.strategy).tobytes()


@pytest.mark.parametrize("mode", ["compiled", "python"])
@pytest.mark.parametrize("what", ["sqrt", "floor", "int"])
def test_what_raises_in_python_raises_compiled(history: History, mode: str, what: str) -> None:
    stored_walk(history, 20, 1)

    class Wrong(af.Strategy):
        kind: int = 0
        bad: float = 0.0

        def on_bar(self, ctx, bar):
            if self.kind == 0:
                self.bad = math.sqrt(-bar.close)
            elif self.kind == 1:
                self.bad = math.floor(bar.close * math.nan)
            else:
                self.bad = int(bar.close * math.nan)

    kind = ["sqrt", "floor", "int"].index(what)
    with pytest.raises(af.StrategyError, match="on_bar raised ValueError"):
        backtest(history, Wrong(kind=kind), ["XYZ"], "1h", mode=mode)


def test_a_fill_is_shown_with_the_time_that_its_row_has(history: History) -> None:
    class Notes(af.Strategy):
        first: int = 0

        def on_bar(self, ctx, bar):
            ctx.target(bar.instrument, 1.0)

        def on_fill(self, ctx, fill):
            self.first = fill.ts

    stored_walk(history, 20, 1)
    for run in both(history, Notes()):
        assert run.strategy.first == int(run.fills["ts"].iloc[0].value)
        assert run.strategy.first == int(run.bars["ts_open"][1])
