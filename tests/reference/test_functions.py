"""``af.math`` against decimal arithmetic of 50 digits, and in both modes to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, getcontext

import pytest
from market import walk

import alphaforge as af
from alphaforge.engine.jit import JIT

D = Decimal


def series(term: Callable[[int], Decimal]) -> Decimal:
    """Sum of terms until they no longer count."""
    total, n = D(0), 0
    while True:
        part = term(n)
        total += part
        n += 1
        if n > 3 and abs(part) < D(10) ** -60:
            return total


def sine(x: Decimal) -> Decimal:
    return series(lambda n: D(-1) ** n * x ** (2 * n + 1) / D(math.factorial(2 * n + 1)))


def cosine(x: Decimal) -> Decimal:
    return series(lambda n: D(-1) ** n * x ** (2 * n) / D(math.factorial(2 * n)))


def arctangent(x: Decimal) -> Decimal:
    if abs(x) > D("0.2"):  # halve the angle until the series is quick
        return 2 * arctangent(x / (1 + (1 + x * x).sqrt()))
    return series(lambda n: D(-1) ** n * x ** (2 * n + 1) / (2 * n + 1))


def error_function(x: Decimal) -> Decimal:
    pi = 16 * arctangent(D(1) / 5) - 4 * arctangent(D(1) / 239)
    terms = series(
        lambda n: D(-1) ** n * x ** (2 * n + 1) / (D(math.factorial(n)) * (2 * n + 1)),
    )
    return 2 / pi.sqrt() * terms


TRUE: dict[str, Callable[[Decimal], Decimal]] = {
    "exp": lambda x: x.exp(),
    "log": lambda x: abs(x).ln(),
    "sqrt": lambda x: abs(x).sqrt(),
    "tanh": lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    "sin": sine,
    "cos": cosine,
    "expm1": lambda x: x.exp() - 1,
    "log1p": lambda x: (1 + abs(x)).ln(),
    "atan": arctangent,
    "erf": error_function,
}
OF_POSITIVE = {"log", "sqrt", "log1p"}
POINTS = [-4.5, -1.0, -0.3, -1e-9, 1e-12, 0.1, 0.5, 0.7071, 1.5, 3.0, 4.25]


def test_every_function_is_looked_at() -> None:
    kernels = {n for n, v in vars(af.math).items() if callable(v) and n != "part"}
    assert set(TRUE) == kernels - {"power"}


@pytest.mark.parametrize("name", TRUE)
def test_against_decimals(name: str) -> None:
    getcontext().prec = 70
    for point in POINTS:
        x = abs(point) if name in OF_POSITIVE else point
        true, found = TRUE[name](D(x)), D(getattr(af.math, name)(x))
        assert abs(found - true) <= 2 * D(math.ulp(float(true))), (name, x)


def test_powers_against_decimals() -> None:
    getcontext().prec = 70
    for x in (0.1, 0.5, 1.5, 30.0):
        for y in (-2.0, -0.5, 0.0, 0.3333, 2.0, 7.5):
            true, found = D(x) ** D(y), D(af.math.power(x, y))
            assert abs(found - true) <= 2 * D(math.ulp(float(true))), (x, y)


def test_at_the_edges() -> None:
    assert math.isnan(af.math.log(-1.0))
    assert af.math.log(0.0) == -math.inf
    assert math.isnan(af.math.sqrt(-1.0))
    assert math.isnan(af.math.log1p(-1.5))
    assert af.math.log1p(-1.0) == -math.inf
    assert af.math.erf(math.inf) == 1.0
    assert af.math.atan(-math.inf) == -math.pi / 2


class Powers(af.Strategy):
    """Powers that a compiler would rather write otherwise: a square, a root, a quotient."""

    values: af.Array = af.Array(6)

    def on_bar(self, ctx, bar):
        x = bar.close * bar.close * bar.volume
        self.values[0] = af.math.power(af.math.power(x, 2.0), 2.0)
        self.values[1] = af.math.power(x, 0.5)
        self.values[2] = af.math.power(x, -1.0)
        self.values[3] = af.math.power(2.0, bar.close / 100.0)
        self.values[4] = af.math.power(x, 3.0)
        self.values[5] = af.math.exp(1.0) * af.math.log(x)


class Everything(af.Strategy):
    """Each function of each bar's move, kept in a field of its own."""

    last: float = 100.0
    values: af.Array = af.Array(12)

    def on_bar(self, ctx, bar):
        x = bar.close - self.last
        self.last = bar.close
        self.values[0] += af.math.exp(x)
        self.values[1] += af.math.log(bar.close)
        self.values[2] += af.math.power(bar.close, x)
        self.values[3] += af.math.sqrt(bar.close)
        self.values[4] += af.math.tanh(x)
        self.values[5] += af.math.sin(x)
        self.values[6] += af.math.cos(x)
        self.values[7] += af.math.expm1(x)
        self.values[8] += af.math.log1p(abs(x))
        self.values[9] += af.math.atan(x)
        self.values[10] += af.math.erf(x)
        ctx.record("erf", self.values[10])


@pytest.mark.skipif(not JIT, reason="compares compiled code with Python")
@pytest.mark.parametrize("strategy", [Everything(), Powers()], ids=["all", "powers"])
def test_both_modes_to_the_last_bit(strategy: af.Strategy) -> None:
    found = strategy.check(walk(2_000, 5))
    assert found, repr(found)
    assert found.events == 2_000
