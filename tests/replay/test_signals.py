"""Signals from arrays: the same fills as a strategy that decides the same, in both modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import FEES, instrument, stored_walk, walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine.jit import JIT
from alphaforge.errors import StrategyError
from alphaforge.research.backtest import backtest

MODES = ["compiled", "python"] if JIT else ["python"]
BARS = 300


class Above(af.Strategy):
    """Long above the average of closes."""

    mean: af.SMA = af.SMA(10)

    def on_bar(self, ctx, bar):
        self.mean.update(bar.close)
        if self.mean.ready:
            ctx.target(bar.instrument, 10.0 if bar.close > self.mean.value else 0.0)


@pytest.fixture
def closes(history: History) -> Any:
    stored_walk(history, BARS, 8)
    return walk(BARS, 8)["close"]


def run(history: History, signals: Any, mode: str = MODES[0], symbols: Any = ("XYZ",)) -> Any:
    return backtest(history, signals, list(symbols), "1h", fees=FEES, mode=mode)


def wanted(closes: Any) -> Any:
    mean = closes.rolling(10).mean()
    return (10.0 * (closes > mean)).where(mean.notna())


@pytest.mark.parametrize("mode", MODES)
def test_targets_fill_as_the_strategy_that_decides_the_same(
    history: History, closes: Any, mode: str
) -> None:
    own = run(history, Above(), mode)
    found = run(history, af.Signals(targets=wanted(closes)), mode)
    assert len(own.fills) > 20
    assert found.rows.tobytes() == own.rows.tobytes(), "the journal, row for row"
    plain = run(history, af.Signals(targets=wanted(closes).to_numpy()), mode)
    assert plain.rows.tobytes() == own.rows.tobytes(), "without times, by the order of bars"
    assert not [w for w in found.warnings if "signals" in w]
    assert found.run_id != plain.run_id


def test_entries_and_exits_hold_from_one_to_the_other(history: History, closes: Any) -> None:
    entries, exits = np.zeros(BARS, bool), np.zeros(BARS, bool)
    entries[[5, 40, 42]] = exits[[20, 60]] = True
    found = run(history, af.Signals(entries=entries, exits=exits, size=-3.0))
    assert [float(q) for q in found.fills["side"] * found.fills["qty"]] == [-3.0, 3.0, -3.0, 3.0]
    opens = walk(BARS, 8)["open"].to_numpy()
    assert found.fills["price"].tolist() == opens[[6, 21, 41, 61]].tolist(), "the next open"


@pytest.mark.parametrize("mode", MODES)
def test_several_symbols_have_a_column_each(history: History, mode: str) -> None:
    for seed, symbol in enumerate(("AAA", "BBB")):
        stored_walk(history, 60, seed, symbol)
    index = walk(60, 1).index
    frame = pd.DataFrame({"AAA": 0.0, "BBB": 0.0}, index=index)
    frame.iloc[10:20, 0] = 2.0
    frame.iloc[15:30, 1] = -4.0
    found = run(history, af.Signals(targets=frame), mode, ("AAA", "BBB"))
    trades = [
        (s, float(d * q)) for s, d, q in found.fills[["instrument", "side", "qty"]].to_numpy()
    ]
    assert trades == [("AAA", 2.0), ("BBB", -4.0), ("AAA", -2.0), ("BBB", 4.0)]
    swapped = "these signals are for BBB, AAA, and the run is of AAA, BBB. Give a column a symbol"
    with pytest.raises(StrategyError, match=swapped):
        run(history, af.Signals(targets=frame[["BBB", "AAA"]]), mode, ("AAA", "BBB"))
    with pytest.raises(StrategyError, match="these signals are for 1 columns, and the run"):
        run(history, af.Signals(targets=np.zeros(60)), mode, ("AAA", "BBB"))


def test_rows_that_meet_no_bar_are_told(history: History, closes: Any) -> None:
    late = wanted(closes)
    late.index = late.index + pd.Timedelta("1min")
    found = run(history, af.Signals(targets=late))
    assert len(found.fills) == 0
    (said,) = [w for w in found.warnings if "signals" in w]
    assert said == ("300 of 300 rows of signals met no bar: are their times the bars' close times?")
    half = run(history, af.Signals(targets=wanted(closes).iloc[::2]))
    assert len(half.fills) > 10
    assert not [w for w in half.warnings if "signals" in w]


def test_equal_in_both_modes_to_the_last_field(history: History, closes: Any) -> None:
    if not JIT:
        pytest.skip("compares compiled code with Python")
    found = af.Signals(targets=wanted(closes)).check(
        {"XYZ": walk(BARS, 8)}, instrument=instrument("XYZ", "0.0001")
    )
    assert found, repr(found)


SHAPE = (
    "targets must be numbers, a row a bar and a column a symbol, not float64 of shape (2, 2, 2). "
    "Give an array, a Series or a DataFrame."
)
BOOLS = "entries and exits must be bools of one shape, not int64 of (2, 1) and int64 of (2, 1)."
TIMES = pd.date_range("2026-01-01", periods=3, freq="h", tz="UTC")
NO_TIMES = (
    "the index of signals is of object, no times. Convert it with pandas.to_datetime(..., "
    "utc=True), or give signals.to_numpy(): the n-th row is then the n-th bar's."
)
UNLIKE = (
    "entries and exits must have the same {}. "
    "Align them: entries, exits = entries.align(exits, fill_value=False)."
)
IN, OUT = [True, False, False], [False, True, False]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "Signals wants targets=..., or entries=... and exits=...."),
        ({"entries": [True]}, "Signals wants targets=..., or entries=... and exits=...."),
        (
            {"targets": [1.0], "exits": [True]},
            "give Signals targets, or entries and exits, not both.",
        ),
        ({"targets": np.zeros((2, 2, 2))}, SHAPE),
        (
            {"targets": [1.0, np.inf]},
            "targets must be finite, or NaN for no change: found infinity.",
        ),
        ({"entries": [1, 0], "exits": [0, 1]}, BOOLS),
        (
            {"entries": [True, True], "exits": [False, True]},
            "row 1 says both to enter and to leave (1 rows do). Decide for one: entries & ~exits.",
        ),
        (
            {"targets": pd.Series([1.0, 2.0, 3.0], TIMES.tz_localize(None))},
            "signals need times of a zone, as bars have them. Write frame.tz_localize('UTC').",
        ),
        (
            {"targets": pd.Series([1.0, 2.0, 3.0], TIMES[::-1])},
            "the times of signals must rise from row to row. Sort them, once each.",
        ),
        (
            {"targets": pd.Series([1.0, 2.0], pd.DatetimeIndex([pd.NaT, TIMES[0]]))},
            "a time of signals is missing (NaT). Drop those rows.",
        ),
        (
            {"targets": pd.Series([1.0, 2.0, 3.0], TIMES.astype(object))},
            NO_TIMES,
        ),
        (
            {"entries": pd.Series(IN, TIMES), "exits": pd.Series(OUT, TIMES.shift(1))},
            UNLIKE.format("index"),
        ),
        (
            {
                "entries": pd.DataFrame({"A": IN, "B": IN}),
                "exits": pd.DataFrame({"B": OUT, "A": OUT}),
            },
            UNLIKE.format("columns"),
        ),
        (
            {"entries": IN, "exits": OUT, "size": np.inf},
            "size must be a finite number, not inf.",
        ),
        ({"entries": IN, "exits": OUT, "size": "1"}, "size must be a finite number, not '1'."),
    ],
)
def test_signals_that_cannot_be(options: Any, said: str) -> None:
    with pytest.raises(StrategyError) as caught:
        af.Signals(**options)
    assert str(caught.value) == said
