"""What a user reads when a strategy can't run: the line, what it was, what to write instead."""

from __future__ import annotations

import math
import random
import re
from typing import Any

import numpy as np
import pytest
from market import stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.errors import ConfigError, StrategyError
from alphaforge.research.backtest import backtest
from alphaforge.strategy.compile import compiled_entry

IN_PYTHON = "or run it with mode='python'."


def line_of(function: Any, marker: str) -> int:
    import inspect

    lines, first = inspect.getsourcelines(function)
    return first + next(n for n, text in enumerate(lines) if marker in text)


class WithDict(af.Strategy):
    def on_bar(self, ctx, bar):
        x = {"a": 1}  # here
        ctx.buy(0, x["a"])


class WithList(af.Strategy):
    def on_bar(self, ctx, bar):
        x = [1, 2]  # here
        ctx.buy(0, x[0])


class WithComprehension(af.Strategy):
    def on_bar(self, ctx, bar):
        x = [k for k in range(3)]  # noqa: C416  here
        ctx.buy(0, x[0])


class WithPower(af.Strategy):
    x: float = 0.0

    def on_bar(self, ctx, bar):
        self.x = bar.close**2  # here


class WithPowerInPlace(af.Strategy):
    x: float = 0.0

    def on_bar(self, ctx, bar):
        self.x **= 2  # here


class WithNumpy(af.Strategy):
    x: float = 0.0

    def on_bar(self, ctx, bar):
        self.x = np.exp(bar.close)  # here


class WithMath(af.Strategy):
    x: float = 0.0

    def on_bar(self, ctx, bar):
        self.x = math.exp(bar.close)  # here


class WithPrint(af.Strategy):
    def on_bar(self, ctx, bar):
        print(bar.close)  # here


class WithText(af.Strategy):
    def on_bar(self, ctx, bar):
        x = f"{bar.close}"  # here
        ctx.buy(0, float(x))


class WithTry(af.Strategy):
    def on_bar(self, ctx, bar):
        try:  # here
            ctx.buy(0, 1)
        except ValueError:
            ctx.close(0)


class Undeclared(af.Strategy):
    def on_bar(self, ctx, bar):
        self.total = bar.close  # here


class FloatIntoInt(af.Strategy):
    count: int = 0

    def on_bar(self, ctx, bar):
        self.count = bar.close / 2.0  # here


class FloatIntoIntInHelper(af.Strategy):
    count: int = 0

    def bump(self, by: float) -> None:
        self.count = self.count + by  # here

    def on_bar(self, ctx, bar):
        self.bump(0.5)


def helper_with_dict(x):
    return {"a": x}["a"]  # here


class WithHelper(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy(0, helper_with_dict(1.0))


def endless(n):
    return n if n < 1 else endless(n - 1)


class WithRecursion(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy(0, endless(3))


POWER = "**, which rounds differently in the two modes"


@pytest.mark.parametrize(
    ("cls", "what", "instead"),
    [
        (WithDict, "a dict", "keep numbers in typed fields"),
        (WithList, "a list", "keep numbers in typed fields or an indicator's window"),
        (WithComprehension, "a list comprehension", "write a for loop over range(...)"),
        (WithPower, POWER, "x * x, or af.math.power(x, y)"),
        (WithPowerInPlace, POWER, "x * x, or af.math.power(x, y)"),
        (WithNumpy, "numpy.exp, which rounds", "af.math"),
        (WithMath, "math.exp, which rounds", "af.math.exp(x)"),
        (WithPrint, "print", "leave it out"),
        (WithText, "text formatting", "leave it out"),
        (WithTry, "try/except", "test the condition before"),
    ],
)
def test_what_is_not_supported_is_named_with_its_line(cls: Any, what: str, instead: str) -> None:
    line = line_of(cls, "here")
    with pytest.raises(StrategyError) as caught:
        compiled_entry(cls())
    text = str(caught.value)
    assert caught.value.line == line
    assert text.startswith(f"{cls.__name__}.on_bar, line {line}: `")
    assert f"` uses {what}" in text
    assert instead in text
    assert text.endswith(IN_PYTHON)


def test_an_undeclared_field_is_named() -> None:
    with pytest.raises(StrategyError) as caught:
        compiled_entry(Undeclared())
    assert caught.value.line == line_of(Undeclared, "here")
    assert "'total'" in str(caught.value)
    assert "total: float = 0.0" in str(caught.value)
    assert str(caught.value).endswith(IN_PYTHON)


@pytest.mark.parametrize("cls", [FloatIntoInt, FloatIntoIntInHelper])
def test_a_float_into_an_int_field_is_refused_in_both_modes(cls: Any, history: History) -> None:
    stored_walk(history, 20, 1)
    with pytest.raises(
        StrategyError, match=r"field 'count' is an int and is given a float"
    ) as caught:
        compiled_entry(cls())
    assert caught.value.line == line_of(cls, "here")
    with pytest.raises(StrategyError, match="is an int and was given the float") as python:
        backtest(history, cls(), ["XYZ"], "1h", mode="python")
    assert python.value.line == line_of(cls, "here")


def test_a_helper_function_is_looked_into() -> None:
    with pytest.raises(StrategyError, match=r"function.helper_with_dict, line") as caught:
        compiled_entry(WithHelper())
    assert caught.value.line == line_of(helper_with_dict, "here")


class WithAssert(af.Strategy):
    def on_bar(self, ctx, bar):
        assert bar.close > 0.0  # here


def test_an_assert_in_a_test_module_says_why() -> None:
    words = "an assert that pytest has rewritten. Compiled strategies don't support that: keep the"
    with pytest.raises(StrategyError, match=re.escape(words)) as caught:
        compiled_entry(WithAssert())
    assert caught.value.line == line_of(WithAssert.on_bar, "here")


def test_a_function_that_calls_itself_is_refused() -> None:
    with pytest.raises(StrategyError, match=r"function endless, line \d+, calls itself"):
        compiled_entry(WithRecursion())


def test_names_imported_from_math_are_refused_too() -> None:
    from alphaforge.strategy.subset import check_source

    scope: dict[str, Any] = {"exp": math.exp}
    assert "exp" in scope

    class Named(af.Strategy):
        x: float = 0.0

        def on_bar(self, ctx, bar):
            self.x = exp(bar.close)  # noqa: F821 - set below

    Named.on_bar.__globals__["exp"] = math.exp
    try:
        with pytest.raises(StrategyError, match=re.escape("uses math.exp, which rounds")):
            check_source("Named.on_bar", Named.on_bar)
    finally:
        del Named.on_bar.__globals__["exp"]


def test_a_handler_with_other_arguments_says_how_to_write_it() -> None:
    class Wrong(af.Strategy):
        def on_bar(self, bar):
            pass

    with pytest.raises(
        StrategyError,
        match=re.escape(
            f"Wrong.on_bar, line {line_of(Wrong.on_bar, 'def')}, takes (self, bar), "
            "but is called as on_bar(self, ctx, bar). Write it with these."
        ),
    ):
        compiled_entry(Wrong())


def test_no_handler_at_all() -> None:
    class Nothing(af.Strategy):
        size: float = 1.0

    with pytest.raises(StrategyError, match=r"^Nothing has no handler, so nothing would run"):
        compiled_entry(Nothing())


def test_values_that_a_field_can_not_hold() -> None:
    class Typed(af.Strategy):
        n: int = 1
        x: float = 0.0
        on: bool = False
        sma: af.SMA = af.SMA(3)

        def on_bar(self, ctx, bar):
            pass

    assert Typed(sma=9, x=2).parameters() == {"n": 1, "x": 2.0, "on": False, "sma": 9}
    for wrong in ({"n": 1.5}, {"n": True}, {"x": "1"}, {"on": 1}, {"sma": 2.0}):
        with pytest.raises(StrategyError, match=f"field '{next(iter(wrong))}' of Typed must be"):
            Typed(**wrong)
    with pytest.raises(StrategyError, match=r"Typed has no field 'smaa'\. Did you mean sma\?"):
        Typed(smaa=2)
    with pytest.raises(StrategyError, match="SMA needs a period of at least 1, not 0"):
        af.SMA(0)


class Raises(af.Strategy):
    when: int = 0
    seen: int = 0
    zero: int = 0

    def burst(self) -> None:
        self.seen = 10 // self.zero  # here

    def on_start(self, ctx):
        if self.when == 1:
            self.burst()

    def on_bar(self, ctx, bar):
        self.seen += 1
        if self.when == 2 and self.seen == 7:
            self.burst()

    def on_stop(self, ctx):
        if self.when == 3:
            self.burst()


@pytest.mark.parametrize("mode", ["compiled", "python"])
@pytest.mark.parametrize(
    ("when", "handler", "event"), [(1, "on_start", 0), (2, "on_bar", 6), (3, "on_stop", 20)]
)
def test_a_raise_names_the_line_in_both_modes(
    history: History, mode: str, when: int, handler: str, event: int
) -> None:
    stored_walk(history, 20, 1)
    line = line_of(Raises, "here")
    with pytest.raises(StrategyError) as caught:
        backtest(history, Raises(when=when), ["XYZ"], "1h", mode=mode)
    assert caught.value.line == line
    assert str(caught.value).startswith(
        f"Raises.{handler} raised ZeroDivisionError: integer division or modulo by zero "
        f"(line {line}, event {event}). "
    )
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_what_a_backtest_is_given(history: History) -> None:
    stored_walk(history, 20, 1)
    with pytest.raises(StrategyError, match=r"give an instance, not the class Raises"):
        backtest(history, Raises, ["XYZ"], "1h")  # type: ignore[arg-type] - wrong on purpose
    with pytest.raises(StrategyError, match=r"expected an af.Strategy, found int"):
        backtest(history, 3, ["XYZ"], "1h")  # type: ignore[arg-type] - wrong on purpose
    with pytest.raises(ConfigError, match=r"mode must be one of compiled, python, not 'compild'"):
        backtest(history, Raises(), ["XYZ"], "1h", mode="compild")
    with pytest.raises(ConfigError, match="needs at least one symbol"):
        backtest(history, Raises(), [], "1h")
    with pytest.raises(af.DataError, match=r"no 1m bars of XYZ, .*Stored specs: 1h"):
        backtest(history, Raises(), ["XYZ"], "1m")
    with pytest.raises(af.InstrumentError, match=r"no instrument 'XYY'\. Did you mean XYZ\?"):
        backtest(history, Raises(), ["XYY"], "1h")


class Misspelt(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buyy(bar.instrument, 1.0)  # here


class NoSuchPrice(af.Strategy):
    x: float = 0.0

    def on_bar(self, ctx, candle):
        self.x = candle.closed  # here


class WithUnknownPrice(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy(bar.instrument, 1.0, halt=3.0)  # here


class WithTextAsTif(af.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy(bar.instrument, 1.0, tif="IOC")  # here


class Swaps(af.Strategy):
    a: af.SMA = af.SMA(5)
    b: af.SMA = af.SMA(20)

    def on_bar(self, ctx, bar):
        self.b.update(bar.close)
        self.a = self.b  # here


class WithRandom(af.Strategy):
    x: float = 0.0

    def on_bar(self, ctx, bar):
        self.x = random.random()  # here


class WithSlice(af.Indicator):
    window: af.Window

    def update(self, x: float) -> None:
        self.window[0:2] = self.window[1:3]  # here


class CallsItself(af.Strategy):
    x: float = 0.0

    def down(self, x):
        return x if x < 1.0 else self.down(x - 1.0)

    def on_bar(self, ctx, bar):
        self.x = self.down(bar.close)  # here


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Misspelt, "ctx has no 'buyy'. Did you mean buy?"),
        (NoSuchPrice, "candle has no 'closed'. Did you mean close?"),
        (WithUnknownPrice, "ctx.buy takes (instrument, qty, limit=None, stop=None, touch=None"),
        (WithTextAsTif, "`: tif must be a constant such as af.IOC, not a text."),
        (Swaps, "field 'a' is an indicator and can't be given another."),
        (
            WithRandom,
            (
                "random.random, which gives other numbers in each run. Compiled strategies don't "
                "support that: draw from ctx.rng, which repeats, or"
            ),
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_line_and_the_cure(cls: Any, words: str) -> None:
    for _ in range(2):  # and the same the second time
        with pytest.raises(StrategyError, match=re.escape(words)) as caught:
            compiled_entry(cls())
        assert caught.value.line == line_of(cls, "# here")


def test_an_indicator_is_not_swapped_in_python_mode_either(history: History) -> None:
    stored_walk(history, 20, 1)
    with pytest.raises(StrategyError, match="'a' of Swaps is an indicator and can't be given"):
        backtest(history, Swaps(), ["XYZ"], "1h", mode="python")


def test_what_has_no_line_of_its_own_names_the_class() -> None:
    class User(af.Strategy):
        mine: WithSlice = WithSlice(5)

        def on_bar(self, ctx, bar):
            self.mine.update(bar.close)

    with pytest.raises(StrategyError, match=r"WithSlice\.update.*uses a slice"):
        compiled_entry(User())
    with pytest.raises(StrategyError, match="calls itself"):
        compiled_entry(CallsItself())


def test_fields_that_can_not_be() -> None:
    class Taken(af.Strategy):
        parameters: int = 1

        def on_bar(self, ctx, bar):
            pass

    class Bare(af.Strategy):
        window: af.Window

        def on_bar(self, ctx, bar):
            pass

    with pytest.raises(StrategyError, match="field named 'parameters', which every strategy"):
        Taken()
    with pytest.raises(StrategyError, match="'window' of Bare is a Window: its length is"):
        Bare()


def test_a_helper_refused_once_is_refused_in_the_same_words() -> None:
    class Twice(af.Strategy):
        x: float = 0.0

        def good(self, x):
            return x

        def wrong(self, x):
            return {"x": x}["x"]

        def on_bar(self, ctx, bar):
            self.x = self.good(self.wrong(bar.close))

    said = []
    for _ in range(2):
        with pytest.raises(StrategyError) as caught:
            compiled_entry(Twice())
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert "uses a dict" in said[0]
