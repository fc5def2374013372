"""What goes wrong in a burst: halted at the event, all kept, mended, and it goes on."""

from __future__ import annotations

import math
import traceback
from typing import Any

import pytest
from session import caught_up, fields_now

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine.jit import JIT
from alphaforge.errors import EngineHalted

MODES = ["compiled", "python"] if JIT else ["python"]
BURST, AT = 40, 17


def burst(lab: af.Lab, first: int) -> int:
    """Send events until there are enough, or the engine says that it has halted; how many."""
    for n in range(first, BURST):
        try:
            lab.custom("BTCUSDT", float(n))
        except EngineHalted:
            return n
    return BURST


# What is done wrong -> the error, its words, the line's source.
WRONG: dict[int, tuple[type[BaseException], str, str]] = {
    1: (ZeroDivisionError, "division by zero", "1.0 / (self.total * 0.0)"),
    2: (ZeroDivisionError, "modulo", "self.seen % (self.seen - self.seen)"),
    3: (OverflowError, "int64", "self.seen * 2**60"),
    4: (IndexError, "", "self.past[self.seen] = 1.0"),
    5: (ValueError, "", "math.sqrt(-self.total)"),
    6: (ValueError, "", "int(self.total * math.nan)"),
    7: (ValueError, "out of sorts", 'raise ValueError("out of sorts")'),
    8: (af.InstrumentError, "instrument 99 is unknown", "ctx.buy(99, 1.0)"),
}


class Fails(af.Strategy):
    """Adds up what it is told; once it does something wrong."""

    wrong: int = 0
    seen: int = 0
    total: float = 0.0
    past: af.Array = af.Array(4)

    def on_custom(self, ctx, event):
        self.seen += 1
        self.total += event.a
        if self.seen == 1:
            ctx.buy(event.instrument, 0.02)
        elif self.seen == 17:
            self.fail(ctx)

    def fail(self, ctx):
        if self.wrong == 1:
            self.total = 1.0 / (self.total * 0.0)
        elif self.wrong == 2:
            self.seen = self.seen % (self.seen - self.seen)
        elif self.wrong == 3:
            self.seen = self.seen * 2**60
        elif self.wrong == 4:
            self.past[self.seen] = 1.0
        elif self.wrong == 5:
            self.total = math.sqrt(-self.total)
        elif self.wrong == 6:
            self.seen = int(self.total * math.nan)
        elif self.wrong == 7:
            raise ValueError("out of sorts")
        elif self.wrong == 8:
            ctx.buy(99, 1.0)


class Mended(af.Strategy):
    wrong: int = 0
    seen: int = 0
    total: float = 0.0
    past: af.Array = af.Array(4)

    def on_custom(self, ctx, event):
        self.seen += 1
        self.total += event.a


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wrong", WRONG)
def test_it_halts_there_and_goes_on(
    lab: af.Lab, eventually: Any, mode: str, wrong: int, capsys: pytest.CaptureFixture[str]
) -> None:
    error, words, source = WRONG[wrong]
    paper = lab.paper(Fails(wrong=wrong), "BTCUSDT", "1s", mode=mode)
    caught_up(lab, eventually)
    lab.custom("BTCUSDT", 0.0)
    eventually(lambda: paper.position == 0.02, 20.0, "it holds")
    sent = burst(lab, 1)
    engine = lab.live.engine
    eventually(lambda: lab.live.error is not None, 20.0, "the halt is told")
    assert not engine.running
    assert engine.fault == K.FAULT_STRATEGY
    assert isinstance(lab.live.error, error)
    assert words in str(lab.live.error)
    lines = [entry.line or "" for entry in traceback.extract_tb(lab.live.error.__traceback__)]
    assert any(source in line for line in lines), lines
    eventually(lambda: "lab.resume() goes on" in capsys.readouterr().err, 5.0)
    own = fields_now(lab, paper)
    assert own.total == sum(range(AT)), "all up to that event, and nothing after it"
    assert own.seen == AT
    assert paper.position == 0.02
    paper.swap(Mended())
    eventually(lambda: fields_now(lab, paper).seen == sent, 10.0, "the rest of the burst")
    assert fields_now(lab, paper).total == sum(range(sent))
    assert paper.position == 0.02


class Asks(af.Strategy):
    """Asks for far too much at each event, and counts what is denied: told within the event."""

    asked: int = 0
    told: int = 0

    def on_custom(self, ctx, event):
        self.asked += 1
        ctx.buy(event.instrument, 1e9)

    def on_order(self, ctx, order):
        if order.status == af.DENIED:
            self.told += 1


@pytest.mark.parametrize("mode", MODES)
def test_what_another_asked_for_in_that_event_is_told_after_the_resume(
    lab: af.Lab, eventually: Any, mode: str
) -> None:
    other = lab.paper(Asks(), "BTCUSDT", "1s", mode=mode)
    lab.paper(Fails(wrong=7), "BTCUSDT", "1s", mode=mode)
    caught_up(lab, eventually)
    sent = burst(lab, 0)
    eventually(lambda: lab.live.error is not None, 20.0, "the halt")
    assert fields_now(lab, other).asked == AT
    assert fields_now(lab, other).told < AT
    lab.resume()
    eventually(lambda: fields_now(lab, other).asked == sent, 10.0, "the rest of the burst")
    eventually(lambda: fields_now(lab, other).told == sent, 5.0, "each order was told")
