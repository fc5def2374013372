"""The chart's source against the desk's bars, frame by frame, without a browser."""

from __future__ import annotations

import numpy as np
import pytest
from desk import FakeDesk

from alphaforge.widgets.axis import time_ticks
from alphaforge.widgets.chart import HELD, Chart, moving_average
from alphaforge.widgets.component import Selection
from alphaforge.widgets.desk import Ticket
from alphaforge.widgets.theme import TOKENS

FIELDS = ("ts_open_ms", "open", "high", "low", "close", "volume")


def chart_of(desk: FakeDesk, spec: str = "1s") -> Chart:
    return Chart(desk, Selection(symbol="BTCUSDT", spec=spec))


def assert_equals_desk(chart: Chart, desk: FakeDesk, spec: str = "1s") -> None:
    bars = desk.bars("BTCUSDT", spec, 0)
    rows = min(HELD, len(bars.open))
    for name in FIELDS:
        got = np.asarray(chart.source.data[name], dtype=float)
        np.testing.assert_array_equal(got, getattr(bars, name)[-rows:], err_msg=name)
    index = np.asarray(chart.source.data["index"])
    np.testing.assert_array_equal(index, np.arange(bars.first, bars.first + len(bars.open))[-rows:])
    closes = bars.close
    for period in (10, 50):
        want = moving_average(np.empty(0), closes, period)[-rows:]
        # Rows that came with the first load have no history before them.
        got = np.asarray(chart.source.data[f"sma{period}"])
        known = ~np.isnan(got)
        np.testing.assert_allclose(got[known], want[known], rtol=0, atol=1e-9)


@pytest.mark.parametrize("bars", [5, 100, HELD, 700])
def test_the_source_equals_the_desks_bars_after_every_frame(bars: int) -> None:
    desk = FakeDesk(bars=bars)
    chart = chart_of(desk)
    for _ in range(60):
        chart.update(desk.frame())
        assert_equals_desk(chart, desk)
        desk.advance(7)


def test_a_browser_that_missed_frames_catches_up(desk: FakeDesk) -> None:
    chart = chart_of(desk)
    chart.update(desk.frame())
    desk.advance(950)  # 95 bars
    chart.update(desk.frame())
    assert_equals_desk(chart, desk)


def test_missing_more_bars_than_are_held_reloads(desk: FakeDesk) -> None:
    chart = chart_of(desk)
    chart.update(desk.frame())
    desk.advance(10 * (HELD + 50))
    chart.update(desk.frame())
    assert_equals_desk(chart, desk)
    assert len(chart.source.data["open"]) == HELD


def test_only_the_cells_that_changed_are_patched(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.advance(1)
    chart = chart_of(desk)
    chart.update(desk.frame())
    patches: list[dict[str, object]] = []
    monkeypatch.setattr(type(chart.source), "patch", lambda _, cells: patches.append(cells))
    chart.update(desk.frame())
    assert patches == []
    desk.advance(1, step_ms=1)
    chart.update(desk.frame())
    assert len(patches) == 1
    assert "volume" in patches[0]
    assert "open" not in patches[0]
    assert "ts_open_ms" not in patches[0]


def test_fills_stand_on_the_bar_they_happened_in(desk: FakeDesk) -> None:
    chart = chart_of(desk, "1m")
    chart.update(desk.frame())
    marks = chart.marks.data
    bars = desk.bars("BTCUSDT", "1m", 0)
    fills = [fill for fill in desk.fills(0)[1] if fill.symbol == "BTCUSDT"]
    assert len(marks["index"]) == len(fills) == 3
    for index, price, fill in zip(marks["index"], marks["price"], fills, strict=True):
        row = int(index) - bars.first
        assert bars.ts_open_ms[row] <= fill.ts_ms < bars.ts_close_ms[row]
        assert price == fill.price
    chart.update(desk.frame())
    assert len(chart.marks.data["index"]) == 3


def test_another_symbols_fills_are_marked_nowhere_and_never_twice(desk: FakeDesk) -> None:
    chart = chart_of(desk, "1m")
    chart.update(desk.frame())
    for symbol in ("ETHUSDT", "BTCUSDT", "ETHUSDT"):
        desk.submit(Ticket(symbol, 1, "market", 0.1))
        chart.update(desk.frame())
    for _ in range(3):
        chart.update(desk.frame())
    assert len(chart.marks.data["index"]) == 4


def test_another_symbol_starts_afresh(desk: FakeDesk) -> None:
    selection = Selection(symbol="BTCUSDT", spec="1s")
    chart = Chart(desk, selection)
    chart.update(desk.frame())
    selection.symbol = "ETHUSDT"
    desk.advance(30)
    chart.update(desk.frame())
    assert chart.source.data["close"][-1] == desk.markets["ETHUSDT"].price
    assert chart.head.symbol == "ETHUSDT"
    assert chart.overlay.tick == 0.05


def test_panning_away_stops_following_and_live_comes_back(desk: FakeDesk) -> None:
    chart = chart_of(desk)
    chart.update(desk.frame())
    assert chart.head.follow
    chart.x_range.update(start=100, end=200)  # what a pan sends
    assert not chart.head.follow
    desk.advance(50)
    chart.update(desk.frame())
    assert (chart.x_range.start, chart.x_range.end) == (100, 200)
    chart._to_live()
    chart.update(desk.frame())
    assert chart.head.follow
    assert chart.x_range.end > chart.source.data["index"][-1]


def test_the_view_holds_what_it_shows(desk: FakeDesk) -> None:
    chart = chart_of(desk)
    for _ in range(40):
        desk.advance(10)
        chart.update(desk.frame())
        seen = chart._visible()
        price = chart.figure.y_range
        assert price.start <= min(chart.source.data["low"][seen])
        assert price.end >= max(chart.source.data["high"][seen])


def test_every_theme_paints_up_and_down_apart(desk: FakeDesk) -> None:
    selection = Selection(symbol="BTCUSDT", spec="1s")
    chart = Chart(desk, selection)
    selection.theme = "light"
    assert chart._edge.palette == [TOKENS["light"]["dn"], TOKENS["light"]["up"]]
    assert chart._body.palette[1] == TOKENS["light"]["card"]


@pytest.mark.parametrize(
    ("engine", "reason", "words"),
    [
        ("HALTED", "ring full", "Engine halted: ring full"),
        ("STALE", "", "No market data for 12.4 s"),
        ("STARTING", "", "The engine is starting"),
    ],
)
def test_states_are_said_in_words(desk: FakeDesk, engine: str, reason: str, words: str) -> None:
    desk.engine, desk.halt_reason = engine, reason
    chart = chart_of(desk)
    chart.update(desk.frame())
    assert chart.overlay.notice[1] == words


def test_moving_average_needs_its_period() -> None:
    values = np.arange(1.0, 7.0)
    got = moving_average(np.empty(0), values, 3)
    assert np.isnan(got[:2]).all()
    np.testing.assert_allclose(got[2:], [2, 3, 4, 5])
    np.testing.assert_allclose(moving_average(values[:4], values[4:], 3), [4, 5])


def test_time_labels_stand_at_round_moments() -> None:
    minute = 60_000.0
    times = 1_772_443_800_000.0 + np.arange(120) * minute
    rows = time_ticks(times, 120)
    assert 4 <= len(rows) <= 12
    assert all((times[row] / minute) % 15 == 0 for row in rows)
