"""A strategy that trades is given other code: position kept, journalled, what changed is told."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np
import pytest
from market import HOUR, T0, bar, instrument, slot, small_engine
from session import fields_now

import alphaforge as af
from alphaforge import cells, live
from alphaforge.desk import LiveDesk
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.jit import JIT
from alphaforge.errors import EngineHalted, StrategyError
from alphaforge.strategy.compile import compiled_entry
from alphaforge.strategy.fields import from_bytes
from alphaforge.swap import carry_over, swap
from alphaforge.widgets.desk import Ticket

BOTH = ["python", "compiled"] if JIT else ["python"]


class First(af.Strategy):
    """Holds a little, counts bars."""

    fast: af.SMA = af.SMA(3)
    seen: int = 0
    size: float = 0.01
    past: af.Array = af.Array(4)

    def on_bar(self, ctx, bar):
        self.seen += 1
        self.fast.update(bar.close)
        self.past[self.seen % 4] = bar.close
        ctx.target(bar.instrument, self.size)


class Second(af.Strategy):
    """The same, holding more; one field more, and it looks back."""

    fast: af.SMA = af.SMA(3)
    seen: int = 0
    size: float = 0.02
    past: af.Array = af.Array(4)
    before: float = 0.0

    def on_bar(self, ctx, bar):
        self.seen += 1
        self.fast.update(bar.close)
        self.past[self.seen % 4] = bar.close
        self.before = ctx.bar(bar.instrument, 0).close
        ctx.target(bar.instrument, self.size)


class Raises(af.Strategy):
    seen: int = 0

    def on_bar(self, ctx, bar):
        self.seen += 1
        ctx.target(bar.instrument, 0.01)
        if self.seen > 502:
            ctx.target(bar.instrument, 1 // (self.seen - self.seen))


class Mended(af.Strategy):
    seen: int = 0

    def on_bar(self, ctx, bar):
        self.seen += 1
        ctx.target(bar.instrument, 0.01)


class Broken(af.Strategy):
    def on_bar(self, ctx, bar):
        kept = {1: bar.close}
        ctx.target(bar.instrument, kept[1])


@pytest.mark.parametrize("second", BOTH)
@pytest.mark.parametrize("first", BOTH)
def test_other_code_keeps_the_position_and_the_fields(
    lab: af.Lab, eventually: Any, first: str, second: str
) -> None:
    paper = lab.paper(First(), "BTCUSDT", "1s", mode=first)
    eventually(lambda: paper.position == 0.01, 30.0, "it holds")
    seen = fields_now(lab, paper).seen
    bars = lab._live.engine.header["bars"]
    done = paper.swap(Second(), mode=second)
    assert done.kept == ["fast", "seen", "past"]
    assert done.changed == ["size was 0.01: begins with 0.02", "before is new: 0.0"]
    assert repr(done).startswith("Second runs its new code; position and orders stay, fast, seen,")
    assert paper.position == 0.01, "nothing was traded by swapping"
    eventually(lambda: paper.position == 0.02, 10.0, "the new code trades")
    now = fields_now(lab, paper)
    assert now.seen > seen
    assert min(now.past) > 0.0
    assert now.fast.ready
    assert now.before > 0.0
    assert lab._live.engine.header["bars"] >= bars
    rows = lab.sql(f"select * from journal where kind = {M.SWAP_ROW}")
    assert len(rows) == 1
    assert int(rows["a"].iloc[0]) == paper.slot
    assert paper.mode == second
    assert lab._live.engine.fault == 0


@pytest.mark.parametrize("mode", BOTH)
def test_mending_what_raised_lets_the_session_go_on(
    lab: af.Lab, eventually: Any, mode: str, capsys: Any
) -> None:
    paper = lab.paper(Raises(), "BTCUSDT", "1s", mode=mode)
    engine = lab._live.engine
    told: list[str] = []

    def halted() -> bool:
        told.append(capsys.readouterr().err)
        return "AlphaForge: engine halted" in "".join(told)

    eventually(halted, 30.0, "it raised and said so")
    words = "".join(told)
    assert isinstance(lab._live.error, ZeroDivisionError)
    assert "in on_bar" in words
    assert "Mend its cell and run it again (or paper.swap): it goes on from here." in words
    desk = LiveDesk(lambda: lab._live, lab._live.exchange.instruments, 0.0)
    assert desk.frame().halt_reason.startswith("a strategy's handler raised (on_bar)")
    refused = desk.what_if(Ticket("BTCUSDT", 1, "market", 0.01))
    assert refused.reason.startswith("The engine is halted: a strategy's handler raised")
    assert refused.position_limit == 2.0, "the rest is as it was"
    seen = fields_now(lab, paper).seen
    paper.swap(Mended())
    assert engine.running
    eventually(lambda: fields_now(lab, paper).seen > seen + 1, 10.0, "the mended code runs")
    eventually(lambda: paper.position == 0.01, 10.0, "its position is there")


class RaisesAtOnce(af.Strategy):
    def on_trade(self, ctx, trade):
        ctx.log("never", 1 // (trade.instrument - trade.instrument))


@pytest.mark.parametrize("mode", BOTH)
def test_code_that_raises_while_it_is_swapped_in_is_explained_by_its_own_lines(
    lab: af.Lab, eventually: Any, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = lab.paper(First(), "BTCUSDT", "1s", mode=mode)
    eventually(lambda: paper.position == 0.01, 30.0, "it holds")

    def slow(*given: Any) -> Any:
        done = swap(*given)
        eventually(lambda: not lab.live.engine.running, 10.0, "the new code has raised")
        return done

    monkeypatch.setattr(live, "swap", slow)
    paper.swap(RaisesAtOnce(), mode=mode)
    eventually(lambda: lab.live.error is not None, 10.0, "it is told")
    lines = [entry.line or "" for entry in traceback.extract_tb(lab.live.error.__traceback__)]
    assert any("1 // (trade.instrument - trade.instrument)" in line for line in lines), lines


@pytest.mark.skipif(not JIT, reason="nothing is compiled with the JIT off")
def test_what_cannot_be_compiled_changes_nothing(lab: af.Lab, eventually: Any) -> None:
    paper = lab.paper(First(), "BTCUSDT", "1s")
    eventually(lambda: paper.position == 0.01, 30.0, "it holds")
    with pytest.raises(StrategyError, match="uses a dict"):
        paper.swap(Broken())
    with pytest.raises(StrategyError, match="give an instance, not the class Second"):
        paper.swap(Second)  # type: ignore[arg-type]  # what somebody types
    seen = fields_now(lab, paper).seen
    eventually(lambda: fields_now(lab, paper).seen > seen, 10.0, "the old code runs on")
    paper.stop()
    eventually(lambda: L.pool(lab._live.engine.block, "strategies")[paper.slot]["running"] == 0)
    with pytest.raises(EngineHalted, match="First was stopped, so nothing can go on with Second"):
        paper.swap(Second())


def test_fields_of_another_type_are_told() -> None:
    class Old(af.Strategy):
        n: int = 0
        mean: af.SMA = af.SMA(3)
        past: af.Array = af.Array(3)
        gone: float = 1.0
        last: float = 0.0

        def on_bar(self, ctx, bar): ...

    class New(af.Strategy):
        n: float = 0.0
        mean: af.EMA = af.EMA(3)
        past: af.Array = af.Array(3, int)
        last: float = 0.0

        def on_bar(self, ctx, bar): ...

    old, new = Old(), New()
    old.n, old.last = 7, 2.5
    kept, changed = carry_over(old, Old(), new)
    assert kept == ["last"]
    assert new.last == 2.5
    assert changed == [
        "n was an int and is a float now: begins with 0.0",
        "mean was a SMA and is an EMA now: begins with EMA(3)",
        "past was an Array of floats and is an Array of ints now: begins with (0, 0, 0)",
        "gone is gone",
    ]
    other = Old(mean=5)
    assert carry_over(old, Old(), other)[1] == ["mean was SMA(3): begins with SMA(5)"]


class Shell:
    """A notebook's, as far as ``cells`` knows it."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}
        self.ran: list[Any] = []
        self.events = self

    def register(self, name: str, function: Any) -> None:
        assert name == "post_run_cell"
        self.ran.append(function)

    def run(self, body: str, size: float = 0.01) -> type:
        """The class of a cell, after what follows a cell."""
        scope: dict[str, Any] = {"af": af, "__name__": "__main__"}
        source = (
            f"class Cell(af.Strategy):\n    seen: int = 0\n    size: float = {size}\n"
            f"    def on_bar(self, ctx, bar):\n        self.seen += 1\n        {body}\n"
        )
        exec(source, scope)
        self.user_ns["Cell"] = scope["Cell"]
        for function in self.ran:
            function(None)
        return scope["Cell"]  # type: ignore[no-any-return]  # a namespace has no types


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    made = Shell()
    monkeypatch.setattr(cells, "_shell", lambda: made)
    monkeypatch.setattr(cells, "_hooked", set())
    monkeypatch.setattr(cells, "_followed", [])
    return made


TARGET = "ctx.target(bar.instrument, self.size)"


def test_a_cell_run_again_swaps(lab: af.Lab, eventually: Any, shell: Shell, capsys: Any) -> None:
    made = shell.run(TARGET)
    paper = lab.paper(made(size=0.03), "BTCUSDT", "1s", mode="python")
    assert len(shell.ran) == 1
    eventually(lambda: paper.position == 0.03, 30.0, "it holds")
    shell.run(TARGET)
    assert capsys.readouterr().out == "", "the same code is no swap"
    shell.run("ctx.target(bar.instrument, self.size * 2.0)")
    assert "AlphaForge: Cell runs its new code; position and orders stay" in capsys.readouterr().out
    eventually(lambda: np.isclose(paper.position, 0.06), 10.0, "the new code trades")
    paper.stop()
    shell.run("ctx.target(bar.instrument, 0.0)")
    assert capsys.readouterr().out == "", "what was stopped is left alone"


class Followed:
    """A running strategy that only says what it was given."""

    def __init__(self, strategy: Any) -> None:
        self.strategy, self.closed, self.given = strategy, False, []
        cells.follow(self)  # type: ignore[arg-type]  # as much of a Paper as is looked at

    def swap(self, strategy: Any) -> str:
        self.given.append(strategy)
        self.strategy = strategy
        return "swapped"


def test_a_cell_with_another_default_swaps(shell: Shell) -> None:
    made = shell.run(TARGET)
    plain, given = Followed(made()), Followed(made(size=0.03))
    shell.run(TARGET, size=0.05)
    assert [each.size for each in plain.given + given.given] == [0.05, 0.03]
    shell.run(TARGET, size=0.05)
    assert len(plain.given) == 1


def test_one_that_has_ended_hides_no_other_from_a_cell(shell: Shell) -> None:
    made = shell.run(TARGET)
    ended, on = Followed(made()), Followed(made())
    ended.closed = True
    shell.run("ctx.target(bar.instrument, 0.0)")
    assert [len(each.given) for each in (ended, on)] == [0, 1]


def test_a_class_that_cannot_be_made_is_told_and_one_of_a_function_left_alone(
    shell: Shell, capsys: Any
) -> None:
    def inside() -> Any:
        class Cell(af.Strategy):
            def on_bar(self, ctx, bar):
                ctx.target(bar.instrument, 0.0)

        Cell.__module__ = "__main__"
        return Cell()

    other, own = Followed(inside()), Followed(shell.run(TARGET)())
    shell.run("pass\n    def __init__(self, n):\n        super().__init__()")
    assert not other.given, "the cell's class is another one of that name"
    assert not own.given
    assert "Cell trades on as it was.\n" in capsys.readouterr().err


class Small(af.Strategy):
    close: float = 0.0

    def on_bar(self, ctx, bar):
        self.close = ctx.bar(0, 1).close


class Large(Small):
    more: af.Array = af.Array(500)


class Beside(af.Strategy):
    kept: af.Array = af.Array([7.0] * 500)

    def on_bar(self, ctx, bar):
        self.kept[0] = 7.0


@pytest.mark.skipif(not JIT, reason="in Python mode no field is in the arena")
def test_a_slot_whose_state_has_grown_does_not_reach_into_the_next() -> None:
    room = L.Capacities(instruments=3, strategies=3, orders=64, levels=64, arena=1 << 18)
    engine = small_engine(instrument("XYZ"), capacities=room)
    old, new = Small(), Large()
    held, entry = compiled_entry(old), compiled_entry(new)
    first = engine.add_strategy(held, ["XYZ"])
    engine.step(bar(T0 + HOUR, (100, 101, 99, 100)))
    swap(engine, first, (old, held), Small(), (new, entry))
    pool = L.pool(engine.block, "strategies")
    engine.step(bar(T0 + 2 * HOUR, (100, 101, 99, 101)))
    at = int(pool[first]["state"])
    from_bytes(new, engine.block[at : at + int(pool[first]["bytes"])].copy())
    assert new.close == 100 * float(engine.instruments[0].price), "the bars came along"
    detach = slot(M.DETACH, T0 + 3 * HOUR)
    detach["a"] = first
    engine.step(detach)
    assert engine.add_strategy(compiled_entry(Small()), ["XYZ"]) == first
    beside = engine.add_strategy(compiled_entry(Beside()), ["XYZ"])
    for n in range(4, 9):
        engine.step(bar(T0 + n * HOUR, (100, 101, 99, 100)))
    kept, at = Beside(), int(pool[beside]["state"])
    from_bytes(kept, engine.block[at : at + int(pool[beside]["bytes"])].copy())
    assert list(kept.kept) == [7.0] * 500
    parts = [(int(s["state"]), int(s["state"] + 2 * s["room"] + s["shown_room"])) for s in pool[:2]]
    assert parts[0][1] <= parts[1][0] or parts[1][1] <= parts[0][0]
