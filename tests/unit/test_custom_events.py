"""Events of one's own in a backtest: where they stand among the bars, and frames that can't be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from captures import BTC, MS, depth, read, snapshot
from captures import T0 as CAPTURED
from captures import trade as traded
from market import FEES, HOUR, T0, stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine import messages as M
from alphaforge.errors import DataError
from alphaforge.latency import Latency
from alphaforge.research.backtest import backtest
from alphaforge.research.custom import custom_events
from alphaforge.research.run import Run
from alphaforge.research.stream import event_stream, recorded_stream
from alphaforge.strategy.fields import to_bytes


class Notes(af.Strategy):
    """Records everything that it is shown, in order."""

    bars: int = 0

    def on_start(self, ctx):
        ctx.record("start", ctx.now())

    def on_bar(self, ctx, bar):
        self.bars += 1
        ctx.record("bar", self.bars * 10 + bar.instrument)

    def on_action(self, ctx, action):
        ctx.record("split", action.ratio)

    def on_custom(self, ctx, event):
        ctx.record("now", ctx.now() - event.ts)
        ctx.record("instrument", event.instrument)
        ctx.record("kind", event.kind)
        ctx.record("a", event.a)
        ctx.record("b", event.b)
        ctx.record("c", event.c)
        ctx.record("d", event.d)


def frame(hours: list[float], **columns: Any) -> pd.DataFrame:
    """Events so many hours after the first bar opens."""
    times = pd.to_datetime([T0 + int(h * HOUR) for h in hours], utc=True)
    return pd.DataFrame(columns, index=times)


def both(history: History, symbols: list[str], custom: Any, **keywords: Any) -> Run:
    runs = [
        backtest(history, Notes(), symbols, "1h", fees=FEES, mode=mode, custom=custom, **keywords)
        for mode in ("compiled", "python")
    ]
    assert runs[0].rows.tobytes() == runs[1].rows.tobytes()
    assert runs[0].run_id == runs[1].run_id
    assert to_bytes(runs[0].strategy).tobytes() == to_bytes(runs[1].strategy).tobytes()
    return runs[0]


def order_of(run: Run, *names: str) -> list[tuple[str, float]]:
    """What was recorded under some names, in order."""
    from alphaforge.strategy.notes import text_of

    rows = run.rows[run.rows["kind"] == M.METRIC_ROW]
    said = [(text_of(int(r["b"])), float(r["c"].view(np.float64))) for r in rows]
    return [each for each in said if each[0] in names]


def test_each_stands_after_the_bars_of_its_time(history: History) -> None:
    stored_walk(history, 4, 1)
    run = both(history, ["XYZ"], frame([0.5, 1, 1, 2.5, 4, 9], x=[0, 1, 2, 3, 4, 5]))
    assert order_of(run, "bar", "a") == [
        ("a", 0.0), ("bar", 10.0), ("a", 1.0), ("a", 2.0), ("bar", 20.0), ("a", 3.0),
        ("bar", 30.0), ("bar", 40.0), ("a", 4.0), ("a", 5.0),
    ]  # fmt: skip
    assert [value for _, value in order_of(run, "now")] == [0.0] * 6
    assert len(run.equity) == 4


def test_columns_become_numbers_in_their_order(history: History) -> None:
    stored_walk(history, 3, 1)
    given = frame([1, 2], z=[1.5, math.nan], kind=[7, 255], y=[True, False], i=[3, -4])
    given["y"] = given["y"].astype(int)
    run = both(history, ["XYZ"], given)
    assert [v for _, v in order_of(run, "kind")] == [7.0, 255.0]
    first, second = (v for _, v in order_of(run, "a"))
    assert first == 1.5
    assert math.isnan(second)
    assert [v for _, v in order_of(run, "b")] == [1.0, 0.0]
    assert [v for _, v in order_of(run, "c")] == [3.0, -4.0]
    assert [v for _, v in order_of(run, "d")] == [0.0, 0.0]


def test_each_goes_to_its_instrument(history: History) -> None:
    for symbol in ("XYZ", "ABC"):
        stored_walk(history, 3, 1, symbol)
    given = frame([1, 2], instrument=["ABC", "XYZ"], a=[1, 2])
    run = both(history, ["XYZ", "ABC"], given)
    assert order_of(run, "bar", "instrument") == [
        ("bar", 10.0), ("bar", 21.0), ("instrument", 1.0), ("bar", 30.0), ("bar", 41.0),
        ("instrument", 0.0), ("bar", 50.0), ("bar", 61.0),
    ]  # fmt: skip


def test_a_split_of_the_same_time_comes_first(history: History) -> None:
    stored_walk(history, 3, 1)
    history.write_action("XYZ", T0 + HOUR, 2, 1)
    run = both(history, ["XYZ"], frame([1], a=[1]))
    assert [name for name, _ in order_of(run, "bar", "split", "a")] == [
        "bar", "split", "a", "bar", "bar",
    ]  # fmt: skip


def test_what_came_before_the_first_bar_is_when_a_run_begins(history: History) -> None:
    stored_walk(history, 3, 1)
    history.write_action("XYZ", T0 - 500 * HOUR, 2, 1)
    assert event_stream(history, ["XYZ"], "1h").start == T0, "a split begins nothing"
    run = both(history, ["XYZ"], frame([-3, 1], a=[1, 2]))
    assert order_of(run, "start")[0][1] == float(T0 - 3 * HOUR)
    assert [v for _, v in order_of(run, "now")] == [0.0, 0.0]


def test_an_order_of_a_custom_event_is_not_filled_at_a_price_from_before_it(
    history: History,
) -> None:
    class Buys(af.Strategy):
        def on_custom(self, ctx, event):
            ctx.buy(event.instrument, 1)

    stored_walk(history, 4, 1)
    run = backtest(history, Buys(), ["XYZ"], "1h", custom=frame([1.5], a=[1]))
    bars = history.bar_columns("XYZ", "1h")
    fills = run.rows[run.rows["kind"] == M.FILL_ROW]
    assert len(fills) == 1
    assert int(fills["ts"][0]) >= T0 + int(1.5 * HOUR)
    at_once = backtest(history, Buys(), ["XYZ"], "1h", custom=frame([1], a=[1]))
    fills = at_once.rows[at_once.rows["kind"] == M.FILL_ROW]
    assert int(fills["ts"][0]) == int(bars["ts_open"][1])
    assert int(fills["c"][0]) == int(bars["open"][1])


def test_they_are_part_of_a_runs_id_and_hash(history: History) -> None:
    stored_walk(history, 4, 1)

    class Deaf(af.Strategy):
        def on_bar(self, ctx, bar):
            pass

    def ran(custom: Any) -> tuple[str, str, bytes]:
        run = backtest(history, Deaf(), ["XYZ"], "1h", custom=custom)
        return run.run_id, run.journal_hash, run.rows.tobytes()

    runs = [ran(each) for each in (None, frame([1], a=[1]), frame([1], a=[2]), frame([2], a=[2]))]
    assert len({run[0] for run in runs}) == len({run[1] for run in runs}) == 4
    assert len({run[2] for run in runs}) == 1
    assert ran(frame([], a=[])) == runs[0]


def test_a_raise_is_found_again_among_them(history: History) -> None:
    class Raises(af.Strategy):
        zero: int = 0
        seen: int = 0

        def on_custom(self, ctx, event):
            self.seen += 1
            if event.a == 3.0:
                self.seen = 1 // self.zero

    stored_walk(history, 4, 1)
    custom = frame([0.5, 1, 2.5, 3], a=[1, 2, 3, 4])
    for mode in ("compiled", "python"):
        with pytest.raises(af.StrategyError, match=r"ZeroDivisionError.*event 4\)"):
            backtest(history, Raises(), ["XYZ"], "1h", mode=mode, custom=custom)


def test_none_stands_within_a_frame_of_a_recording(tmp_path: Any, history: History) -> None:
    recording = read(
        tmp_path,
        snapshot(1, 9, [["99.9", "1"], ["99.8", "2"]], [["100.0", "3"], ["100.1", "4"]]),
        depth(2, (10, 12, 9), [["99.9", "0"], ["99.7", "5"]], []),
        traded(2, 7, "100.0", "0.500", m=False),
        depth(4, (13, 15, 12), [], [["100.0", "1.5"], ["100.2", "7"]]),
    )
    times = pd.to_datetime([(CAPTURED + n) * MS for n in (0, 1, 2, 3, 9)], utc=True)
    given = pd.DataFrame({"a": range(5)}, index=times)
    history.add_instrument(BTC)
    for latency in (Latency(), Latency(feed="2ms")):
        own = custom_events(given, ["BTCUSDT"])
        events = recorded_stream(recording, latency, own).events.view(M.SLOT)
        assert (np.diff(events["ts"]) >= 0).all()
        assert (events["kind"] == M.CUSTOM).sum() == 5
        at = np.flatnonzero(events["kind"] == M.CUSTOM)
        assert (events["ts"][at + 1 - (at + 1 == events.size)] >= events["ts"][at]).all()
        for n in at[at > 0].tolist():
            before = events[n - 1]
            assert before["kind"] == M.CUSTOM or before["code"] & M.MORE == 0
    apart = recording.events.copy()
    apart["ts"] = np.arange(apart.size) * MS  # each message of a frame at a time of its own
    within = pd.DataFrame({"a": range(20)}, index=pd.to_datetime(np.arange(20) * MS, utc=True))
    stretched = recorded_stream(
        replace(recording, events=apart), Latency(), custom_events(within, ["BTCUSDT"])
    ).events.view(M.SLOT)
    at = np.flatnonzero(stretched["kind"] == M.CUSTOM)
    assert at.size == 20
    assert all(
        stretched[n - 1]["kind"] == M.CUSTOM or stretched[n - 1]["code"] & M.MORE == 0
        for n in at.tolist()
    )
    runs = [
        backtest(history, Notes(), recording, mode=mode, custom=given)
        for mode in ("compiled", "python")
    ]
    assert runs[0].rows.tobytes() == runs[1].rows.tobytes()
    assert [v for _, v in order_of(runs[0], "a")] == [0.0, 1.0, 2.0, 3.0, 4.0]


# --- frames that can't be -------------------------------------------------------------------------


def naive() -> Any:
    return frame([1], a=[1]).tz_localize(None)


def missing() -> Any:
    given = frame([1, 2], a=[1, 2])
    given.index = pd.DatetimeIndex([given.index[0], pd.NaT])
    return given


@pytest.mark.parametrize(
    ("custom", "words"),
    [
        (
            {"a": [1]},
            (
                "custom events must be a DataFrame, not dict. Make one with pandas.DataFrame(...), "
                "index the times, UTC."
            ),
        ),
        (
            pd.DataFrame({"a": [1]}),
            (
                "custom events need their times as the index, and it is of int64. Convert them: "
                "frame.index = pandas.to_datetime(times, utc=True)."
            ),
        ),
        (
            naive(),
            "the times of custom events have no zone. Say which: frame.tz_localize('UTC').",
        ),
        (missing(), "a time of custom events is missing (NaT). Drop those rows."),
        (
            frame([2, 1], a=[1, 2]),
            (
                "custom events must be sorted by time; row 1 (2023-11-14T01:00:00.000) is before "
                "the row above it. Sort them: frame.sort_index()."
            ),
        ),
        (
            frame([1], a=[1], b=[1], c=[1], d=[1], e=[1]),
            (
                "custom events carry up to four numbers, and this frame has 5 columns: a, b, c, d, "
                "e. Keep four, or send two kinds of events."
            ),
        ),
        (
            frame([1], a=["x"]),
            "column 'a' of the custom events isn't numeric (str). Convert it first.",
        ),
        (
            frame([1], a=[True]),
            "column 'a' of the custom events isn't numeric (bool). Convert it first.",
        ),
        (
            frame([1, 2], kind=[1, 256]),
            (
                "the kind of a custom event is a whole number from 0 to 255, and row 1 has 256. "
                "Give another."
            ),
        ),
        (
            frame([1], kind=[1.5]),
            (
                "the kind of a custom event is a whole number from 0 to 255, and row 0 has 1.5. "
                "Give another."
            ),
        ),
        (
            frame([1], kind=[math.nan]),
            (
                "the kind of a custom event is a whole number from 0 to 255, and row 0 has nan. "
                "Give another."
            ),
        ),
        (
            frame([1, 2], instrument=["XYZ", "XYY"]),
            "row 1 of the custom events is of 'XYY', which isn't in this run. Did you mean XYZ?",
        ),
    ],
)
def test_a_frame_that_can_not_be_is_refused(history: History, custom: Any, words: str) -> None:
    stored_walk(history, 4, 1)
    with pytest.raises(DataError) as caught:
        backtest(history, Notes(), ["XYZ"], "1h", custom=custom)
    assert str(caught.value) == words


def test_of_several_symbols_it_says_which(history: History) -> None:
    for symbol in ("XYZ", "ABC"):
        stored_walk(history, 4, 1, symbol)
    with pytest.raises(DataError) as caught:
        backtest(history, Notes(), ["XYZ", "ABC"], "1h", custom=frame([1], a=[1]))
    assert str(caught.value) == (
        "custom events of a run on XYZ, ABC need a column 'instrument' with the symbol of each "
        "row. Add it."
    )
