"""What is said of wrong numbers given to ``ctx``: in the handler, in both modes, word for word."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest
from market import SMALL, T0, rows_of, small_engine, stored_walk, trade

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.errors import EngineHalted, InstrumentError, StrategyError
from alphaforge.research.backtest import backtest
from alphaforge.strategy.compile import compiled_entry, python_entry

MODES = ("compiled", "python")
CURE = "The traceback above is yours; mend the handler and run again."


def line_of(function: Any, marker: str) -> int:
    lines, first = inspect.getsourcelines(function)
    return first + next(n for n, text in enumerate(lines) if marker in text)


# --- instruments that there aren't ----------------------------------------------------------------


class Unknown(af.Strategy):
    call: int = 0
    i: int = 7
    reached: int = 0

    def on_bar(self, ctx, bar):
        i = self.i
        self.reached += 1
        if self.call == 0:
            ctx.buy(i, 1)
        elif self.call == 1:
            ctx.sell(i, 1, limit=1.0)
        elif self.call == 2:
            ctx.bracket(i, 1, 2.0, 1.0)
        elif self.call == 3:
            ctx.twap(i, 1, 1000, 2)
        elif self.call == 4:
            ctx.vwap(i, 1, 1000, 2)
        elif self.call == 5:
            ctx.pov(i, 1, 0.1)
        elif self.call == 6:
            ctx.iceberg(i, 1, 1.0, 1.0)
        elif self.call == 7:
            ctx.chase(i, 1)
        elif self.call == 8:
            ctx.target(i, 1)
        elif self.call == 9:
            ctx.close(i)
        elif self.call == 10:
            ctx.cancel_all(i)
        elif self.call == 11:
            ctx.position(i)
        elif self.call == 12:
            ctx.last(i)
        elif self.call == 13:
            ctx.bid(i)
        elif self.call == 14:
            ctx.ask(i)
        elif self.call == 15:
            ctx.mid(i)
        elif self.call == 16:
            ctx.depth(i, 1)
        elif self.call == 17:
            ctx.level(i, af.BUY)
        elif self.call == 18:
            ctx.bar(i)
        self.reached += 100


SAID = (
    "instrument 7 is unknown: this run has 2, numbered 0 to 1. "
    "Use what events carry, such as bar.instrument."
)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("call", range(19))
def test_an_unknown_instrument_raises_at_its_line(history: History, mode: str, call: int) -> None:
    for symbol in ("XYZ", "ABC"):
        stored_walk(history, 5, 1, symbol)
    line = Unknown.on_bar.__code__.co_firstlineno + 4 + 2 * call
    with pytest.raises(StrategyError) as caught:
        backtest(history, Unknown(call=call), ["XYZ", "ABC"], "1h", mode=mode)
    said = f"Unknown.on_bar raised InstrumentError: {SAID} (line {line}, event 0). {CURE}"
    assert str(caught.value) == said
    assert caught.value.line == line
    assert isinstance(caught.value.__cause__, InstrumentError)


@pytest.mark.parametrize("entry", [compiled_entry, python_entry])
@pytest.mark.parametrize("i", [1, -1, 2**40, -(2**63)])
def test_the_rest_of_the_handler_does_not_run_and_the_state_is_kept(entry: Any, i: int) -> None:
    class Rest(af.Strategy):
        i: int = 0

        def on_trade(self, ctx, trade):
            ctx.buy(0, 1)
            ctx.buy(self.i, 1)
            ctx.buy(0, 5)

    engine = small_engine()
    engine.add_strategy(entry(Rest(i=i)), ["XYZ"])
    assert engine.step(trade(T0, 100)) == K.FAULT_STRATEGY
    assert engine.fault_text() == "a strategy's handler raised (on_trade), in event 0"
    sent = rows_of(engine, M.ORDER_ROW)
    assert sent["b"][sent["code"] == K.INITIALIZED].tolist() == [1], "what was asked before it"


def test_one_instrument_is_numbered_0(history: History) -> None:
    stored_walk(history, 5, 1)
    with pytest.raises(StrategyError, match=r"unknown: this run has 1, numbered 0\. Use what"):
        backtest(history, Unknown(), ["XYZ"], "1h", mode="python")


def test_all_is_said_as_minus_one(history: History) -> None:
    stored_walk(history, 5, 1)
    for mode in MODES:
        backtest(history, Unknown(call=10, i=-1), ["XYZ"], "1h", mode=mode)


# --- floats and texts where a number is wanted ----------------------------------------------------


class FloatInstrument(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy(0.7, 1)  # here


class TextInstrument(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy("AAPL", 1)  # here


class TextCode(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy(0, 1, tif="IOC")  # here


class FloatCode(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.sell(0, 1, stp=1.0)  # here


class TextQuantity(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy(0, qty="1")  # here


class NoQuantity(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.target(0, None)  # here


class TextPrice(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy(0, 1, limit="9")  # here


class TextFlag(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy(0, 1, post_only="yes")  # here


class FloatId(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.cancel(1.0)  # here


class FloatTime(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.timer(1e9)  # here


class FloatSlices(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.twap(0, 1, 1000, 2.5)  # here


class FloatBack(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.bar(0, bar.close)  # here


class TextRecorded(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.record("name", "value")  # here


class FloatIntegers(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.rng.integers(6.0)  # here


@pytest.mark.parametrize(
    ("cls", "wanted", "found", "kind"),
    [
        (FloatInstrument, "instrument must be a number such as bar.instrument", "0.7", "a float"),
        (TextInstrument, "instrument must be a number such as bar.instrument", "'AAPL'", "a text"),
        (TextCode, "tif must be a constant such as af.IOC", "'IOC'", "a text"),
        (FloatCode, "stp must be a constant such as af.CANCEL_OLDEST", "1.0", "a float"),
        (TextQuantity, "qty must be a number", "'1'", "a text"),
        (NoQuantity, "qty must be a number", "None", "None"),
        (TextPrice, "limit must be a number", "'9'", "a text"),
        (TextFlag, "post_only must be True or False", "'yes'", "a text"),
        (
            FloatId,
            "order_id must be the id of an order, such as ctx.buy(...) gives",
            "1.0",
            "a float",
        ),
        (FloatTime, "after_ns must be a whole number", "1000000000.0", "a float"),
        (FloatSlices, "slices must be a whole number", "2.5", "a float"),
        (FloatBack, "back must be a whole number", None, "a float"),
        (TextRecorded, "value must be a number", "'value'", "a text"),
        (FloatIntegers, "n must be a whole number", "6.0", "a float"),
    ],
)
def test_no_number_is_refused_in_both_modes(
    history: History, cls: Any, wanted: str, found: str | None, kind: str
) -> None:
    stored_walk(history, 5, 1)
    line = line_of(cls, "# here")
    source = inspect.getsourcelines(cls)[0][line - line_of(cls, "class")].strip()
    with pytest.raises(StrategyError) as compiled:
        backtest(history, cls(), ["XYZ"], "1h", mode="compiled")
    assert str(compiled.value) == (
        f"{cls.__name__}.on_bar, line {line}: `{source}`: {wanted}, not {kind}."
    )
    assert compiled.value.line == line
    if found is None:
        found = repr(float(history.bars("XYZ", "1h")["close"].iloc[0]))
    with pytest.raises(StrategyError) as python:
        backtest(history, cls(), ["XYZ"], "1h", mode="python")
    assert str(python.value) == (
        f"{cls.__name__}.on_bar raised StrategyError: {wanted}, not {found}. "
        f"(line {line}, event 0). {CURE}"
    )


class Takes(af.Strategy):
    """Numbers of every kind where numbers are wanted."""

    long: bool = True
    n: int = 2
    lots: float = 3.0

    def on_bar(self, ctx, bar):
        limit = None if self.n > 5 else bar.close
        ctx.buy(bar.instrument, self.n, limit=limit, tag=self.n, post_only=self.n > 1)
        ctx.sell(bar.instrument, self.long, limit=1_000, reduce_only=0)
        ctx.target(bar.instrument, self.lots)
        ctx.bracket(0, 1, 500, 1)
        ctx.iceberg(0, 2, 1, 1)
        ctx.record("flag", self.long)
        self.n += 1


def test_numbers_of_every_kind_are_taken_alike(history: History) -> None:
    stored_walk(history, 12, 1)
    runs = [backtest(history, Takes(), ["XYZ"], "1h", mode=mode) for mode in MODES]
    assert len(runs[0].orders) > 60
    assert runs[0].rows.tobytes() == runs[1].rows.tobytes()


def test_numpy_numbers_are_taken_in_python_mode(history: History) -> None:
    class Numpy(af.Strategy):
        def on_bar(self, ctx, bar):
            ctx.buy(np.int32(0), np.float32(2.0), limit=np.float64(bar.close), tif=np.int64(af.IOC))
            ctx.position(np.uint8(0))

    stored_walk(history, 5, 1)
    assert len(backtest(history, Numpy(), ["XYZ"], "1h", mode="python").orders) == 5


# --- numbers that can't be ------------------------------------------------------------------------


class Small(af.Strategy):
    call: int = 0
    x: int = -1

    def on_bar(self, ctx, bar):
        if self.call == 0:
            ctx.timer(self.x)
        elif self.call == 1:
            ctx.depth(0, self.x)
        elif self.call == 2:
            ctx.level(0, self.x, 0)
        elif self.call == 3:
            ctx.level(0, af.SELL, self.x)
        elif self.call == 4:
            ctx.bar(0, self.x)
        elif self.call == 5:
            ctx.rng.integers(self.x)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("call", "x", "words"),
    [
        (0, -1, "after_ns must be 0 or more, not -1."),
        (1, 0, "levels must be 1 or more, not 0."),
        (2, 0, "side must be af.BUY, the bids, or af.SELL, the asks, not 0."),
        (3, -1, "n must be 0 or more, not -1."),
        (4, -1, "back must be 0 or more, not -1."),
        (5, 0, "n must be 1 or more, not 0."),
    ],
)
def test_numbers_that_can_not_be_are_refused_in_both_modes(
    history: History, mode: str, call: int, x: int, words: str
) -> None:
    stored_walk(history, 5, 1)
    line = Small.on_bar.__code__.co_firstlineno + 2 + 2 * call
    with pytest.raises(StrategyError) as caught:
        backtest(history, Small(call=call, x=x), ["XYZ"], "1h", mode=mode)
    said = f"Small.on_bar raised StrategyError: {words} (line {line}, event 0). {CURE}"
    assert str(caught.value) == said


@pytest.mark.parametrize("entry", [compiled_entry, python_entry])
def test_a_timer_past_the_end_of_time_never_fires(entry: Any) -> None:
    class Late(af.Strategy):
        fired: int = 0

        def on_trade(self, ctx, trade):
            ctx.timer(4_611_686_018_427_387_904)

        def on_timer(self, ctx, timer):
            ctx.record("fired", timer.due)

    engine = small_engine()
    engine.add_strategy(entry(Late()), ["XYZ"])
    for n in range(3):
        assert engine.step(trade(2**62 + n, 100)) == K.FAULT_NONE
    assert rows_of(engine, M.METRIC_ROW).size == 0


# --- texts ----------------------------------------------------------------------------------------


class MadeName(af.Strategy):
    def on_bar(self, ctx, bar):
        name = "up" if bar.close > bar.open else "down"
        ctx.record(name, 1.0)  # here


class NumberAsText(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.log(3)  # here


def test_a_name_is_written_there() -> None:
    for cls, call, name in (
        (MadeName, "record(name, 1.0)", "name"),
        (NumberAsText, "log(3)", "text"),
    ):
        line = line_of(cls, "# here")
        with pytest.raises(StrategyError) as caught:
            compiled_entry(cls())
        assert str(caught.value) == (
            f"{cls.__name__}.on_bar, line {line}: `ctx.{call}  # here`: {name} must be a text that "
            "is written there, such as 'spread', not one that is made."
        )


def test_a_text_is_a_text_in_python_mode_too(history: History) -> None:
    stored_walk(history, 5, 1)
    with pytest.raises(StrategyError, match=r"text must be a text such as 'spread', not 3\. \("):
        backtest(history, NumberAsText(), ["XYZ"], "1h", mode="python")


class DrawsWithTerms(af.Strategy):
    x: float = 0.0

    def on_bar(self, ctx, bar):
        self.x = ctx.rng.normal(1.0, 2.0)  # here


class NoValue(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.record("spread")  # here


@pytest.mark.parametrize(
    ("cls", "words"),
    [(DrawsWithTerms, "ctx.rng.normal takes ()"), (NoValue, "ctx.record takes (name, value)")],
)
def test_what_a_call_takes_is_said(cls: Any, words: str) -> None:
    with pytest.raises(StrategyError) as caught:
        compiled_entry(cls())
    assert caught.value.line == line_of(cls, "# here")
    said = f"can't be compiled: {words}. Write it so."
    assert str(caught.value).endswith(said)


def test_no_such_draw_is_named() -> None:
    class Gauss(af.Strategy):
        x: int = 0

        def on_bar(self, ctx, bar):
            self.x = ctx.rng.integer(6)

    with pytest.raises(
        StrategyError, match=re.escape("rng has no 'integer'. Did you mean integers?")
    ):
        compiled_entry(Gauss())


# --- what is full ---------------------------------------------------------------------------------


class Fills(af.Strategy):
    call: int = 0

    def on_trade(self, ctx, trade):
        for _ in range(100):
            if self.call == 0:
                ctx.timer(10)
            elif self.call == 1:
                ctx.buy(0, 1, limit=0.5)
            else:
                ctx.cancel(3)


@pytest.mark.parametrize(
    ("call", "capacities", "words"),
    [
        (0, SMALL, "more timers than the pool holds (16)"),
        (1, SMALL, "more open orders than the pool holds (64)"),
    ],
)
def test_what_is_full_says_how_much_it_holds(call: int, capacities: Any, words: str) -> None:
    for entry in (compiled_entry, python_entry):
        engine = small_engine(capacities=capacities)
        engine.add_strategy(entry(Fills(call=call)), ["XYZ"])
        engine.step(trade(T0, 100))
        assert engine.fault_text() == f"{words}, in event 0"


def test_a_queue_that_is_full_says_how_much_it_holds(history: History) -> None:
    class Cancels(af.Strategy):
        def on_bar(self, ctx, bar):
            for _ in range(9_000):
                ctx.cancel(3)

    stored_walk(history, 5, 1)
    with pytest.raises(
        EngineHalted, match=r"more commands in one event than .* holds \(8,192\), in"
    ):
        backtest(history, Cancels(), ["XYZ"], "1h")
