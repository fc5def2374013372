"""The equity curve: what it asks for, what it holds, how it fits its view."""

from __future__ import annotations

import numpy as np
import pytest
from desk import FakeDesk

from alphaforge.widgets.component import Selection
from alphaforge.widgets.equity import HELD, Equity
from alphaforge.widgets.theme import TOKENS


@pytest.fixture
def curve(desk: FakeDesk) -> Equity:
    made = Equity(desk, Selection(symbol="BTCUSDT", theme="dark"))
    made.update(desk.frame())
    return made


def held(curve: Equity) -> list[tuple[float, float]]:
    data = curve.source.data
    return list(zip(data["ts_ms"], data["equity"], strict=True))


def test_it_holds_the_desks_curve_and_takes_only_what_is_new(
    desk: FakeDesk, curve: Equity, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert held(curve) == desk.curve
    sent: list[int] = []
    stream = type(curve.source).stream
    monkeypatch.setattr(
        type(curve.source),
        "stream",
        lambda source, columns, rollover: (
            sent.append(len(columns["equity"])),
            stream(source, columns, rollover),
        ),
    )
    curve.update(desk.frame())
    desk.advance(30)
    curve.update(desk.frame())
    assert sent == [3]
    assert held(curve) == desk.curve
    peaks = np.maximum.accumulate([equity for _, equity in desk.curve])
    np.testing.assert_array_equal(curve.source.data["peak"], peaks)


def test_after_a_gap_it_begins_anew(desk: FakeDesk, curve: Equity) -> None:
    whole = type(desk).equity
    desk.advance(20)
    desk.equity = lambda start: whole(desk, max(start, 601))
    curve.update(desk.frame())
    assert held(curve) == desk.curve[601:]


def test_the_view_holds_every_point_and_two_hours_are_kept(desk: FakeDesk) -> None:
    desk.curve = [(1e12 + 1e3 * n, 1e6 + (n * 37 % 101)) for n in range(HELD + 50)]
    curve = Equity(desk, Selection(symbol="BTCUSDT"))
    curve.update(desk.frame())
    assert held(curve) == desk.curve[-HELD:]
    x, y = curve.figure.x_range, curve.figure.y_range
    assert (x.start, x.end) == (desk.curve[-HELD][0], desk.curve[-1][0])
    assert y.start < 1e6 < 1e6 + 100 < y.end
    assert y.end - y.start < 200


def test_it_is_painted_in_the_pages_theme(desk: FakeDesk) -> None:
    selection = Selection(symbol="BTCUSDT", theme="dark")
    curve = Equity(desk, selection)
    selection.theme = "light"
    assert curve._line.glyph.line_color == TOKENS["light"]["acc"]
    assert curve._fall.glyph.fill_color == TOKENS["light"]["dn"]
