"""``strategy.check(data)``: equal, or the first event, field and row that differ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import walk

import alphaforge as af
from alphaforge.engine.jit import JIT
from alphaforge.errors import ConfigError, DataError, StrategyError
from alphaforge.research import compare as comparing
from alphaforge.strategy.library import SmaCross

pytestmark = pytest.mark.skipif(not JIT, reason="compares compiled code with Python")
SMALL = SmaCross(fast=3, slow=8, size=10)


class Spread(af.Strategy):
    """Two instruments."""

    gap: float = 0.0

    def on_bar(self, ctx, bar):
        self.gap = ctx.last(0) - ctx.last(1)
        ctx.target(0, 1.0 if self.gap > 0.0 else -1.0)


class Raises(af.Strategy):
    n: int = 3

    def on_bar(self, ctx, bar):
        self.n -= 1
        ctx.target(bar.instrument, 6.0 / self.n)


def test_equal_modes_say_so() -> None:
    found = SMALL.check(walk(200, 8))
    assert found
    assert found.events == 200
    assert repr(found) == (
        "SmaCross: Python and compiled are equal in every field and row: 200 events, "
        f"{found.rows:,} rows"
    )
    assert found.rows > 20
    assert "<pre>SmaCross" in found._repr_html_()
    both = Spread().check({"A": walk(100, 1), "B": walk(100, 2)})
    assert both
    assert both.events == 200


def test_what_both_raise_is_said() -> None:
    found = Raises().check(walk(20, 8))
    assert found
    assert repr(found).endswith("both raised ZeroDivisionError")
    assert found.events == 2


def test_a_bit_that_heals_by_itself_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SMALL.check(walk(300, 8)).events == 300
    entry = comparing.compiled_entry(SMALL)
    true = af.SMA.update

    def bent(self: Any, x: float) -> None:
        true(self, x)
        if self.count == 137 and self.period == 8:
            self.total = math.nextafter(self.total, math.inf)

    monkeypatch.setattr(comparing, "compiled_entry", lambda _: entry)
    monkeypatch.setattr(af.SMA, "update", bent)
    found = SMALL.check(walk(300, 8))
    assert not found
    assert found.first.event == 136
    assert list(found.first.fields) == ["slow.total"]
    assert "differ first at event 136, " in repr(found)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([1, 2], "check wants bars: a DataFrame with open, high, low, close and volume"),
        ({}, "check wants bars: a DataFrame"),
        (walk(1, 8), "check wants at least two bars, not 1."),
        (walk(9, 8)[::-1], "the times of the bars must rise from row to row."),
        (pd.concat([walk(9, 8)] * 2), "the times of the bars must rise from row to row."),
        (walk(9, 8).reset_index(drop=True), "check wants the bars' close times as the index"),
        (walk(9, 8)[["close"]], "check wants bars, and these have no 'open'."),
        (walk(9, 8).rename(columns=str.title), "check wants bars, and these have no 'open'. Did"),
        (walk(9, 8) * math.pi, "check can't tell the tick of prices with more than 8 decimals."),
    ],
    ids=["list", "nothing", "one", "turned", "twice", "rows", "columns", "names", "ticks"],
)
def test_data_that_cannot_be_used(data: Any, said: str) -> None:
    with pytest.raises(DataError) as caught:
        SMALL.check(data)
    assert str(caught.value).startswith(said)


def test_an_instrument_may_be_given() -> None:
    frame = walk(50, 8)
    assert SMALL.check(frame, instrument=af.Instrument("XYZ", "0.0001", lot="0.5"))
    coarse = pd.DataFrame(np.round(frame), frame.index, frame.columns)
    assert SMALL.check(coarse)


def test_an_interrupt_ends_it_and_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = comparing.compiled_entry(SMALL)

    def interrupted(self: Any, ctx: Any, bar: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(comparing, "compiled_entry", lambda _: entry)
    monkeypatch.setattr(SmaCross, "on_bar", interrupted)
    with pytest.raises(KeyboardInterrupt):
        SMALL.check(walk(20, 8))


class WithoutSuper(af.Strategy):
    fast: af.SMA = af.SMA(3)
    size: float = 1.0

    def __init__(self, size):
        self.size = size

    def on_bar(self, ctx, bar):
        self.fast.update(bar.close)


def test_an_init_that_forgets_the_base_is_refused() -> None:
    """Its indicator would be the class's: in Python mode each run goes on from the one before."""
    with pytest.raises(StrategyError, match=r"WithoutSuper has no 'fast' of its own"):
        WithoutSuper(2.0).check(walk(20, 8))


@pytest.mark.parametrize(("name", "value"), [("venue", "simulated"), ("instrument", "XYZ")])
def test_what_is_no_venue_or_instrument_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"{name} must be af.{name.title()}\(...\), not '"):
        SMALL.check(walk(20, 8), **{name: value})
