"""What live strategies are told and leave: events of one's own, several symbols, records, draws."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from session import caught_up

import alphaforge as af
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.errors import EngineHalted, StrategyError
from alphaforge.strategy.fields import from_bytes

BOTH = ["BTCUSDT", "ETHUSDT"]
MODES = pytest.mark.parametrize("mode", ["compiled", "python"])


@pytest.fixture
def lab() -> Iterator[af.Lab]:
    before = set(threading.enumerate())
    made = af.Lab(":memory:", exchange={"symbols": BOTH, "seed": 2})
    yield made
    made.close()
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("alphaforge")]
    assert not left, "close leaves no thread"


class Listens(af.Strategy):
    """Buys what it is told to, and says so."""

    def on_custom(self, ctx, event):
        ctx.record("a", event.a)
        ctx.record("kind", event.kind)
        ctx.log("bought", event.b)
        ctx.target(event.instrument, event.b)

    def on_alert(self, ctx, alert):
        ctx.record("rule", alert.rule)


@MODES
def test_custom_events_records_and_logs_of_a_session(
    lab: af.Lab, eventually: Any, mode: str
) -> None:
    paper = lab.paper(Listens(), BOTH, "1s", mode=mode)
    caught_up(lab, eventually)
    lab.custom("ETHUSDT", 0.25, 0.5, kind=200)
    eventually(lambda: paper.positions["ETHUSDT"] == 0.5, 20, "the order of the custom event")
    assert paper.positions == {"BTCUSDT": 0.0, "ETHUSDT": 0.5}
    lab.custom("BTCUSDT")
    lab.kill()
    eventually(lambda: len(lab.sql("from recorded")) == 5, 10, "five values")
    table = lab.sql("select * from recorded order by ts, name")
    assert table.columns.tolist() == ["session", "ts", "strategy", "name", "value"]
    assert set(table["session"]) == {lab.live.session}
    assert set(table["strategy"]) == {"Listens"}
    said = table.groupby("name")["value"].apply(sorted).to_dict()
    assert said == {"a": [0.0, 0.25], "kind": [0.0, 200.0], "rule": [float(af.KILL_SWITCH)]}
    log = lab.sql("select text, value, strategy from log order by ts")
    assert log.to_numpy().tolist() == [["bought", 0.5, "Listens"], ["bought", 0.0, "Listens"]]
    rows = lab.engine.journal.reader().read(1 << 21)
    inputs = rows[rows["kind"] == M.CUSTOM]
    assert inputs["code"].tolist() == [200, 0]
    assert np.ascontiguousarray(inputs["b"]).view(np.float64).tolist() == [0.5, 0.0]


def test_a_custom_event_amid_the_back_fill_does_not_move_the_time(
    lab: af.Lab, eventually: Any
) -> None:
    lab.paper(Listens(), BOTH, "1s")
    sent = 0
    while not lab.live.exchange.caught_up:
        lab.custom("BTCUSDT", 0.0, 0.0)
        sent += 1
    caught_up(lab, eventually)
    live = lab.live
    live.exchange.stop()
    eventually(lambda: live.exchange.market_data.waiting == 0, 10, "the engine's reading")
    rows = live.engine.journal.reader().read(1 << 21)
    past = rows["ts"][(rows["kind"] >= M.FIRST_OUTPUT) & (rows["ts"] < live.live_from)]
    assert sent > 1
    assert (np.diff(past) >= 0).all(), "time went back"
    assert (rows["kind"] == M.CUSTOM).sum() == sent
    assert (rows["kind"] == M.LOG_ROW).sum() == sent


def test_what_can_not_be_sent_says_why(lab: af.Lab) -> None:
    words = r"^a custom event carries up to four numbers, not 5\. Send two\.$"
    with pytest.raises(af.DataError, match=words):
        lab.custom("BTCUSDT", 1, 2, 3, 4, 5)
    with pytest.raises(af.DataError, match=r"^a custom event carries numbers, not 'x'\."):
        lab.custom("BTCUSDT", "x")  # type: ignore[arg-type] - wrong on purpose
    for kind in (256, -1, 1.5):
        with pytest.raises(af.DataError, match=rf"from 0 to 255, not {kind}\. Give another\.$"):
            lab.custom("BTCUSDT", kind=kind)  # type: ignore[arg-type] - wrong on purpose
    with pytest.raises(af.InstrumentError, match="Did you mean BTCUSDT"):
        lab.custom("BTCUSD", 1)
    with pytest.raises(af.ConfigError, match=r"needs at least one symbol\. Give 'BTCUSDT'"):
        lab.paper(Listens(), [], "1s")
    with pytest.raises(af.ConfigError, match=r"^BTCUSDT is given twice\. Give each symbol once\.$"):
        lab.paper(Listens(), [*BOTH, "BTCUSDT"], "1s")
    with pytest.raises(af.ConfigError, match=r"seed must be a whole number from 0, not 0\.5"):
        lab.paper(Listens(), BOTH, "1s", seed=0.5)  # type: ignore[arg-type] - wrong on purpose


class Sees(af.Strategy):
    """Counts what it is shown of each instrument, draws a number a bar, and looks back."""

    first: int = 0
    second: int = 0
    before: int = 0
    wrong: int = 0
    drawn: float = 0.0

    def on_bar(self, ctx, bar):
        self.drawn = ctx.rng.uniform()
        if bar.instrument == 0:
            self.first += 1
        else:
            self.second += 1
        if bar.ts < self.before or ctx.bar(bar.instrument).ts != bar.ts:
            self.wrong += 1
        seen = self.first if bar.instrument == 0 else self.second
        if ctx.bar(bar.instrument, min(seen, 1000) - 1).ts == 0:
            self.wrong += 1
        if seen < 1000 and ctx.bar(bar.instrument, seen).ts != 0:
            self.wrong += 1
        self.before = bar.ts


def state_of(lab: af.Lab, slot: int, mode: str) -> Any:
    """A strategy as it is now, between two events: the engine is stopped for it."""
    live = lab.live
    live.engine.stop()
    own = live.strategies[slot][0]
    if mode == "compiled":
        own = own.fresh()
        record = L.pool(live.engine.block, "strategies")[slot]
        start = int(record["state"])
        from_bytes(own, live.engine.block[start : start + int(record["bytes"])])
    return own, int(L.pool(live.engine.block, "strategies")[slot]["draws"])


@MODES
def test_several_symbols_are_shown_from_the_first_bar_and_to_a_late_comer(
    lab: af.Lab, eventually: Any, mode: str
) -> None:
    early = lab.paper(Sees(), BOTH, "1s", mode=mode, seed=4)
    assert early.symbols == BOTH
    assert repr(early).endswith("on BTCUSDT, ETHUSDT 1s, simulated exchange)")
    with pytest.raises(af.ConfigError, match=r"several positions\. See paper\.positions\.$"):
        _ = early.position
    caught_up(lab, eventually)
    late = lab.paper(Sees(), BOTH, "1s", mode=mode, seed=4)
    alone = lab.paper(Sees(), "ETHUSDT", "1s", mode=mode)
    assert alone.position == 0.0
    assert alone.positions == {"ETHUSDT": 0.0}
    shown = int(lab.engine.header["bars"])
    eventually(lambda: int(lab.engine.header["bars"]) > shown + 24, 30, "some seconds")
    own, draws = state_of(lab, early.slot, mode)
    again, drawn = state_of(lab, late.slot, mode)
    assert own.first > 400
    assert own.second > 400
    assert own.wrong == again.wrong == 0
    assert draws == own.first + own.second
    assert drawn == again.first + again.second, "a late comer's draws go on from its warm-up"
    assert abs(again.first - own.first) < 30


class Breaks(af.Strategy):
    """Raises at an instrument that there isn't, after it drew a number."""

    drawn: float = 0.0

    def on_custom(self, ctx, event):
        self.drawn = ctx.rng.uniform()
        ctx.record("drawn", self.drawn)
        if event.kind == 1:
            ctx.buy(7 + int(self.drawn * 1e6), 1.0)  # the line that raises


@MODES
def test_a_raise_of_ctx_halts_with_its_words_and_the_same_draw(
    lab: af.Lab, eventually: Any, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.paper(Breaks(), BOTH, "1s", mode=mode)
    caught_up(lab, eventually)
    lab.custom("BTCUSDT")
    lab.custom("BTCUSDT", kind=1)
    eventually(lambda: not lab.live.engine.running, 20, "the halt")
    eventually(lambda: lab.live.error is not None, 10)
    rows = lab.engine.journal.reader().read(1 << 21)
    drawn = np.ascontiguousarray(rows["c"][rows["kind"] == M.METRIC_ROW]).view(np.float64)
    assert drawn.size == 2
    assert isinstance(lab.live.error, af.InstrumentError)
    assert str(lab.live.error) == (
        f"instrument {7 + int(drawn[1] * 1e6)} is unknown: this run has 2, numbered 0 to 1. "
        "Use what events carry, such as bar.instrument."
    )
    eventually(lambda: "the line that raises" in capsys.readouterr().err, 5)


def test_signals_are_refused_where_their_columns_would_be_other_instruments(lab: af.Lab) -> None:
    with pytest.raises(StrategyError, match=r"counts all of its own: BTCUSDT, ETHUSDT. Give"):
        lab.paper(af.Signals(targets=[1.0, 0.0]), "ETHUSDT", "1s", mode="python")
    with pytest.raises(StrategyError, match=r"these signals are for 1 columns, and the run is of"):
        lab.paper(af.Signals(targets=[1.0, 0.0]), ["BTCUSDT", "ETHUSDT"], "1s", mode="python")


def test_nothing_is_swapped_into_a_session_that_is_closed(lab: af.Lab) -> None:
    signals = af.Signals(targets=[0.0])
    paper = lab.paper(signals, "BTCUSDT", "1s", mode="python")
    lab.close()
    with pytest.raises(EngineHalted, match="this session is closed"):
        paper.swap(signals)
