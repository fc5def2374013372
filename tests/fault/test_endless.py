"""A handler that never comes back: the watchdog ends it, the engine halts, the session goes on."""

from __future__ import annotations

import threading
import traceback
from pathlib import Path
from typing import Any

import pytest
from market import stored_walk, walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine import codes as K
from alphaforge.engine import watchdog
from alphaforge.engine.jit import JIT
from alphaforge.research.backtest import backtest
from alphaforge.strategy.library import SmaCross

pytestmark = pytest.mark.skipif(not JIT, reason="without the JIT Python itself loops: interrupt it")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LIMIT_S", 0.5)
    monkeypatch.setattr("alphaforge.research.backtest._ENDLESS_S", 0.5)
    monkeypatch.setattr("alphaforge.rerun._ENDLESS_S", 0.5)


class Spins(af.Strategy):
    n: int = 0
    held: float = 0.0

    def spin(self):
        while self.n >= 3:
            self.held += 0.0  # never ends

    def on_bar(self, ctx, bar):
        self.n += 1
        ctx.target(bar.instrument, 0.01)
        self.spin()


class SpinsAtStart(af.Strategy):
    n: int = 0

    def on_start(self, ctx):
        for i in range(10**15):
            self.n = i % 7  # never ends

    def on_bar(self, ctx, bar):
        pass


def line_of(text: str, nth: int = 0) -> int:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return [n for n, line in enumerate(lines, 1) if line.strip().startswith(text)][nth]


@pytest.mark.parametrize(
    ("strategy", "handler", "event"), [(Spins(), "on_bar", 2), (SpinsAtStart(), "on_start", 0)]
)
def test_a_backtest_ends_with_the_line(
    history: History, strategy: af.Strategy, handler: str, event: int
) -> None:
    stored_walk(history, 50, 8)
    with pytest.raises(af.StrategyError) as caught:
        backtest(history, strategy, ["XYZ"], "1h")
    name = type(strategy).__name__
    assert str(caught.value).startswith(
        f"{name}.{handler} raised EndlessLoop: it didn't come back in time: a loop that never "
        "ends? (line "
    )
    assert f", event {event})" in str(caught.value)
    first = line_of("while self.n" if handler == "on_bar" else "for i in range(10**15)")
    assert caught.value.line in (first, first + 1)
    run = backtest(history, af_sma(), ["XYZ"], "1h")
    assert len(run.rows) > 0, "the next run is as good as any"
    left = [t for t in threading.enumerate() if t.name == "alphaforge-watchdog"]
    assert not left


def af_sma() -> Any:
    return SmaCross(fast=3, slow=8, size=10)


class Waits(af.Strategy):
    """Loops while it is told to, from outside."""

    n: int = 0

    def on_bar(self, ctx, bar):
        self.n += 1
        while self.n > 600:
            self.n += 0


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_a_live_session_halts_and_goes_on(
    lab: af.Lab, mode: str, eventually: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    paper = lab.paper(Waits(n=100), "BTCUSDT", "1s", mode=mode)  # 500 bars of back-fill, then one
    lab.submit(af.Order("BTCUSDT", "buy", 0.02))
    eventually(lambda: not lab._live.engine.running, 30.0, "the engine halts")
    engine = lab._live.engine
    assert engine.fault == K.FAULT_STRATEGY
    eventually(lambda: "lab.resume() goes on" in capsys.readouterr().err, 10.0)
    assert type(lab._live.error).__name__ == "EndlessLoop"
    lines = [entry.lineno for entry in _trace(lab._live.error)]
    assert set(lines) & {line_of("while self.n > 600"), line_of("self.n += 0")}
    lab.resume()
    bars = int(engine.header["bars"] + engine.header["events"])
    eventually(lambda: int(engine.header["bars"] + engine.header["events"]) > bars, 10.0)
    assert paper.position == 0.0
    again = lab.paper(af_sma(), "BTCUSDT", "1s", mode=mode)
    assert again.slot >= 0


def test_a_check_ends_in_both_modes() -> None:
    found = Spins().check(walk(50, 8))
    assert found.raised == "EndlessLoop"
    assert found.events == 2
    assert af_sma().check(walk(50, 8)), "the alarm is off again"


def _trace(error: BaseException) -> list[Any]:
    return list(traceback.extract_tb(error.__traceback__))


def test_somebody_at_a_breakpoint_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(watchdog, "raise_alarm", ended.append)
    monkeypatch.setattr(
        watchdog.ctypes.pythonapi, "PyThreadState_SetAsyncExc", lambda *_: ended.append(-1)
    )
    code = (lambda: None).__code__
    monkeypatch.setattr(watchdog, "PYTHON_ENTRIES", {code})
    each = watchdog._Watched({"calls": 1, "fault": 0}, 7, True, 0.5)
    for module, expected in (("pydevd", 0), ("bdb", 0), ("__main__", 1)):
        frames = [(code, "x"), (test_somebody_at_a_breakpoint_is_left_alone.__code__, module)]
        monkeypatch.setattr(watchdog, "_frames_of", lambda _, frames=frames: frames)
        watchdog._end(each, 1)
        assert len(ended) == expected, module
