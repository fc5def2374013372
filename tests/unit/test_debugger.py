"""What a person sees who looks into a handler: events in words, no frames of ours."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
from market import stored_walk

import alphaforge as af
from alphaforge import debugger
from alphaforge.data.history import History
from alphaforge.engine.jit import JIT
from alphaforge.errors import StrategyError
from alphaforge.research.backtest import backtest

BOTH = ["python", "compiled"] if JIT else ["python"]


class Looks(af.Strategy):
    def on_start(self, ctx):
        ctx.timer(5, 3)

    def on_timer(self, ctx, timer):
        print(timer)

    def on_bar(self, ctx, bar):
        if ctx.position(bar.instrument).qty == 0:
            print(bar, ctx)
            ctx.buy(bar.instrument, 1)

    def on_fill(self, ctx, fill):
        print(fill)


class Raises(af.Strategy):
    def on_bar(self, ctx, bar):
        1 // 0  # noqa: B018  what raises


def test_events_are_shown_with_all_they_have(history: History, capsys: Any) -> None:
    symbol = stored_walk(history, 20, 1)
    backtest(history, Looks(), [symbol], "1h", mode="python")
    timer, bar, *_, fill = capsys.readouterr().out.splitlines()
    assert timer.startswith("TimerEvent(due=")
    assert timer.endswith("id=3)")
    assert bar.startswith("Bar(open=")
    assert ", instrument=0, ts=" in bar
    assert " Context(now=" in bar
    assert fill.startswith("Fill(order_id=1, status=")
    assert "side=1, qty=1.0" in fill
    assert "_" not in bar.replace("ts_open", "").replace("buy_volume", "")


@pytest.mark.parametrize("mode", BOTH)
def test_a_traceback_begins_in_the_handler(history: History, mode: str) -> None:
    symbol = stored_walk(history, 20, 1)
    with pytest.raises(StrategyError, match="ZeroDivisionError") as caught:
        backtest(history, Raises(), [symbol], "1h", mode=mode)
    cause = caught.value.__cause__
    assert cause is not None
    assert cause.__traceback__ is not None
    assert cause.__traceback__.tb_frame.f_code.co_name == "on_bar"


def test_the_kernels_debugger_is_told_once_to_leave_our_files_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden = ["/somewhere/else.py"]
    kernel = types.SimpleNamespace(debugger=types.SimpleNamespace(kernel_modules=hidden))
    shell = types.SimpleNamespace(kernel=kernel)
    fake = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    debugger.hide_own_frames()
    debugger.hide_own_frames()
    assert hidden == ["/somewhere/else.py", str(Path(af.__file__).parent / "**")]
    del kernel.debugger  # another kernel than ours
    debugger.hide_own_frames()
    shell = None  # type: ignore[assignment]  # IPython, imported by a script
    debugger.hide_own_frames()
