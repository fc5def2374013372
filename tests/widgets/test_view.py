"""The pump: a slow page loses frames, one broken widget does not stop the others."""

from __future__ import annotations

import pytest
from bokeh.document import Document
from desk import FakeDesk

from alphaforge.widgets.component import Pulse
from alphaforge.widgets.controls import Status
from alphaforge.widgets.desk import Frame
from alphaforge.widgets.view import IN_FLIGHT, PATIENCE_S, View


class Broken:
    every = 1
    root = None

    def update(self, frame: Frame) -> None:
        raise RuntimeError(f"no {frame.state}")


@pytest.fixture
def pulse() -> Pulse:
    return Pulse()


def test_a_busy_page_is_asked_once(desk: FakeDesk, pulse: Pulse) -> None:
    document = Document()
    view = View(desk, [], pulse, document)
    assert [view.ask(), view.ask()] == [True, False]
    assert len(document.session_callbacks) == 1


def test_a_browser_that_lags_gets_no_more_until_it_echoes(
    desk: FakeDesk, pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("alphaforge.widgets.view.time.monotonic", lambda: now)
    status = Status()
    view = View(desk, [status], pulse, Document())
    for _ in range(IN_FLIGHT):
        view.draw()
    assert not view.ask()
    assert pulse.sent == IN_FLIGHT
    pulse.seen = pulse.sent
    assert view.ask()
    for _ in range(IN_FLIGHT):
        view.draw()
    view._pending.clear()
    assert not view.ask()
    now += PATIENCE_S + 0.1
    assert view.ask()


def test_one_broken_widget_does_not_stop_the_others(
    desk: FakeDesk, pulse: Pulse, caplog: pytest.LogCaptureFixture
) -> None:
    status = Status()
    View(desk, [Broken(), status], pulse, Document()).draw()  # type: ignore[list-item] - broken on purpose
    assert status.root.beat == 1
    assert "Broken could not show a frame" in caplog.text


def test_a_component_is_updated_every_so_many_frames(desk: FakeDesk, pulse: Pulse) -> None:
    status = Status()
    view = View(desk, [status], pulse, Document())
    for _ in range(2 * status.every):
        view.draw()
    assert status.root.beat == 2
