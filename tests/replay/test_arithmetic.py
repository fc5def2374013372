"""Ints as Python counts them and arrays of fixed length: the same in both modes."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
import pytest
from market import stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine.jit import JIT
from alphaforge.research.backtest import backtest
from alphaforge.strategy.fields import Array, from_bytes, to_bytes
from alphaforge.strategy.pipeline import StrategyCompiler

needs_jit = pytest.mark.skipif(not JIT, reason="compares compiled code with Python")
OPTIONS = {"error_model": "python", "pipeline_class": StrategyCompiler}
EDGES = [0, 1, -1, 2**63 - 1, -(2**63), 2**53, 2**53 + 1, -(2**53) - 1, 2**62, 3]


@nb.njit(**OPTIONS)
def operate(a, b, which):
    if which == 0:
        return a + b
    if which == 1:
        return a - b
    if which == 2:
        return a * b
    if which == 3:
        return a // b
    return a % b


@nb.njit(**OPTIONS)
def in_place(a, b):
    a += b
    a -= 2 * b
    a *= 3
    return a


@nb.njit(**OPTIONS)
def quotient(a, b):
    return a / b


def drawn(seed: int) -> int:
    draw = random.Random(seed)
    if draw.random() < 0.3:
        return draw.choice(EDGES)
    return draw.randrange(-(2 ** draw.randrange(1, 64)), 2 ** draw.randrange(1, 64))


def answer(function: Any, *args: Any) -> Any:
    try:
        found = function(*args)
    except (OverflowError, ZeroDivisionError) as error:
        return type(error)
    return OverflowError if isinstance(found, int) and not -(2**63) <= found < 2**63 else found


@needs_jit
def test_ints_are_pythons_or_an_error() -> None:
    seen = set()
    for n in range(20_000):
        a, b, which = drawn(2 * n), drawn(2 * n + 1), n % 5
        expected = answer(operate.py_func, a, b, which)
        found = answer(operate, a, b, which)
        assert found == expected, (a, b, which)
        assert type(found) is type(expected)
        seen.add(expected if isinstance(expected, type) else int)
    assert seen == {int, OverflowError, ZeroDivisionError}
    assert in_place(7, 2.0) == in_place.py_func(7, 2.0)
    assert in_place(7, 2) == in_place.py_func(7, 2)
    assert answer(in_place, 2**62, 0) is OverflowError


@needs_jit
def test_a_quotient_of_ints_is_rounded_once() -> None:
    twice = 0
    for n in range(20_000):
        a, b = drawn(3 * n), drawn(3 * n + 7)
        expected = answer(quotient.py_func, a, b)
        assert answer(quotient, a, b) == expected, (a, b)
        if b and float(a) / float(b) != expected:
            twice += 1
    assert twice > 50, "too easy: rounding the ints first would have done"


class Counts(af.Strategy):
    """Arrays of both kinds, negative indexes, folded constants, a quotient of nanoseconds."""

    prices: af.Array = af.Array(8)
    ups: af.Array = af.Array([1, 0, 0])
    start: af.Array = af.Array([0.5, 1.5])
    seen: int = 0
    hours: float = 0.0

    def on_bar(self, ctx, bar):
        self.prices[self.seen % len(self.prices)] = bar.close
        self.ups[-1] = self.ups[-1] + (1 if bar.close > bar.open else 0)
        self.seen += 1
        self.hours = bar.ts / (3_600 * 10**9)
        total = self.start[1]
        for price in self.prices:
            total += price
        if self.seen > 8 and total / 8.0 > bar.close:
            ctx.target(bar.instrument, float(self.ups[2] % 5))


def test_arrays_are_the_same_in_both_modes(history: History) -> None:
    stored_walk(history, 300, 8)
    compiled, python = (
        backtest(history, Counts(), ["XYZ"], "1h", mode=mode) for mode in ("compiled", "python")
    )
    assert len(compiled.fills) > 20
    assert compiled.journal_hash == python.journal_hash
    assert compiled.run_id == python.run_id
    assert to_bytes(compiled.strategy).tobytes() == to_bytes(python.strategy).tobytes()
    assert compiled.strategy.ups[0] == 1
    assert compiled.strategy.ups[2] > 0
    assert max(compiled.strategy.prices) > 50


def test_an_array_longer_than_another_is_the_same_code(history: History) -> None:
    stored_walk(history, 50, 8)
    small = backtest(history, Counts(), ["XYZ"], "1h")
    large = backtest(history, Counts(prices=np.arange(5_000.0)), ["XYZ"], "1h")
    assert large.timing["compile"] < small.timing["compile"] + 0.2
    assert large.strategy.prices[4_999] == 4_999.0
    assert large.strategy.prices[0] != 0.0
    assert small.run_id != large.run_id


def test_what_an_array_holds_comes_back_from_its_bytes() -> None:
    one, two = Counts(ups=[7, 8, 9], start=[1, 2]), Counts()
    from_bytes(two, to_bytes(one))
    assert two.ups == [7, 8, 9]
    assert two.start == [1.0, 2.0]
    assert isinstance(two.ups, Array)
    assert two.ups.kind is int
    copy = one.fresh()
    copy.ups[0] = 1
    assert one.ups[0] == 7, "a copy has its own"


OVERFLOW = "an int passed int64, as far as compiled strategies count"


class Grows(af.Strategy):
    n: int = 1

    def on_bar(self, ctx, bar):
        self.n *= 3


class Writes(af.Strategy):
    ups: af.Array = af.Array(2, int)
    at: int = 0

    def on_bar(self, ctx, bar):
        self.at += 1
        self.ups[self.at] = 1


class Divides(af.Strategy):
    n: int = 2

    def on_bar(self, ctx, bar):
        self.n -= 1
        ctx.target(bar.instrument, 6 / self.n)


@pytest.mark.parametrize("mode", ["compiled", "python"])
@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        (Grows(), f"Grows.on_bar raised OverflowError: {OVERFLOW} "),
        (Writes(), "Writes.on_bar raised IndexError: "),
        (Divides(), "Divides.on_bar raised ZeroDivisionError: division by zero "),
    ],
    ids=["overflow", "index", "division"],
)
def test_a_raise_is_the_same_in_both_modes(
    history: History, strategy: af.Strategy, said: str, mode: str
) -> None:
    stored_walk(history, 100, 8)
    with pytest.raises(af.StrategyError) as caught:
        backtest(history, strategy, ["XYZ"], "1h", mode=mode)
    assert str(caught.value).startswith(said)
    line = caught.value.line
    source = Path(__file__).read_text(encoding="utf-8").splitlines()[line - 1]
    assert any(word in source for word in ("self.n *= 3", "self.ups[self.at] = 1", "6 / self.n"))


class Compares(af.Strategy):
    """Ints beyond 2**53 with floats, both ways round."""

    edge: float = 0.0
    found: af.Array = af.Array(64, int)

    def look(self, at: int, n: int, x: float) -> None:
        bits = 0
        bits += 1 if n < x else 0
        bits += 2 if n <= x else 0
        bits += 4 if n > x else 0
        bits += 8 if n >= x else 0
        bits += 16 if n == x else 0
        bits += 32 if n != x else 0
        bits += 64 if x < n else 0
        bits += 128 if x <= n else 0
        bits += 256 if x > n else 0
        bits += 512 if x >= n else 0
        bits += 1024 if x == n else 0
        bits += 2048 if x != n else 0
        self.found[at] = bits

    def on_bar(self, ctx, bar):
        self.edge = float(bar.ts)
        most = 9_223_372_036_854_775_807
        at = 0
        for away in range(-1, 2):
            self.look(at, bar.ts + away, self.edge)
            self.look(at + 1, away, 0.5)
            self.look(at + 2, away, -0.0)
            self.look(at + 3, 2**53 + away, 2.0**53)
            self.look(at + 4, -(2**53) + away, -(2.0**53))
            self.look(at + 5, bar.ts + away, math.nan)
            self.look(at + 6, bar.ts + away, math.inf)
            self.look(at + 7, bar.ts + away, -math.inf)
            at += 8
        self.look(at, most, 2.0**63)
        self.look(at + 1, -most - 1, -(2.0**63))
        self.look(at + 2, -most, -(2.0**63))
        self.look(at + 3, most, -1e300)
        self.look(at + 4, most - 600, 2.0**63 - 1024.0)


def test_an_int_is_compared_with_a_float_as_it_is(history: History) -> None:
    """Numba rounds the int first: a time in nanoseconds is then equal to its neighbours."""
    stored_walk(history, 3, 8)
    compiled, python = (
        backtest(history, Compares(), ["XYZ"], "1h", mode=mode).strategy
        for mode in ("compiled", "python")
    )
    assert list(compiled.found) == list(python.found)
    below, above = 1 + 2 + 32 + 256 + 512 + 2048, 4 + 8 + 32 + 64 + 128 + 2048
    assert [compiled.found[n] for n in (0, 16)] == [below, above]
