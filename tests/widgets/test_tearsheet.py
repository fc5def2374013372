"""A run's plot keeps what matters when it aggregates."""

from __future__ import annotations

import numpy as np
import pytest
from desk import FakeDesk

from alphaforge.widgets import Fill, Run, WidgetServer, plot
from alphaforge.widgets.tearsheet import CANDLES, aggregate


def make_run(bars: int) -> Run:
    rng = np.random.default_rng(5)
    close = 100 + np.cumsum(rng.normal(size=bars)) * 0.1
    opened = np.concatenate([[100.0], close[:-1]])
    index = 1_772_443_800_000.0 + np.arange(bars) * 60_000.0
    return Run(
        index=index,
        open=opened,
        high=np.maximum(opened, close) + rng.random(bars),
        low=np.minimum(opened, close) - rng.random(bars),
        close=close,
        volume=rng.random(bars) * 10,
        equity=1e6 + np.cumsum(rng.normal(size=bars)),
        fills=[Fill(index[7] + 5, "X", 1, 1.0, 99.5, 0.0, 1, "taker")] if bars > 7 else [],
        title="SmaCross on X",
    )


@pytest.mark.parametrize("bars", [1, 2, 999, 1_000, 1_001, 25_003])
def test_aggregation_keeps_extremes_and_volume(bars: int) -> None:
    run = make_run(bars)
    columns, starts = aggregate(run)
    assert len(starts) <= CANDLES
    assert columns["high"].max() == run.high.max()
    assert columns["low"].min() == run.low.min()
    assert columns["volume"].sum() == pytest.approx(run.volume.sum())
    assert columns["open"][0] == run.open[0]
    assert columns["close"][-1] == run.close[-1]
    assert columns["equity"][-1] == run.equity[-1]
    worst = (run.equity / np.maximum.accumulate(run.equity) - 1).min() * 100
    assert columns["drawdown"].min() == pytest.approx(worst)


def test_a_short_run_is_shown_as_it_is() -> None:
    run = make_run(500)
    columns, _ = aggregate(run)
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(columns[name], getattr(run, name))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_panes_are_linked(theme: str) -> None:
    layout = plot(make_run(3_000), theme)
    panes = [pane for pane, *_ in layout.children]
    assert [pane.name for pane in panes] == ["price", "equity", "drawdown"]
    assert len({id(pane.x_range) for pane in panes}) == 1


def test_a_run_is_served_and_an_unknown_one_is_not() -> None:
    from test_server import enter, get

    with WidgetServer(FakeDesk(bars=50)) as server:
        server.register_run("r1", make_run(300))
        cookie, _ = enter(server)
        status, text, _ = get(server, "/run?id=r1", cookie)
        assert status == 200
        assert "SmaCross on X" in text
        assert "<title>No run r2</title>" in get(server, "/run?id=r2", cookie)[1]
