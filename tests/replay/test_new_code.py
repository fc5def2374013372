"""A cell that is run again is new code; the same cell is not compiled twice."""

from __future__ import annotations

import types
from enum import Enum
from typing import Any

import numba as nb
import numpy as np
import pytest
from market import stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.research.backtest import backtest
from alphaforge.strategy.digest import class_digest

CELL = """
class Cell(af.Strategy):
    size: float = 1.0

    def on_bar(self, ctx, bar):
        ctx.target(bar.instrument, {body})
"""


def cell(**changes: Any) -> Any:
    scope: dict[str, Any] = {"af": af, "__name__": __name__, **changes}
    exec(CELL.format(body=changes.pop("body", "self.size")), scope)
    return scope["Cell"]


def held(history: History, strategy: af.Strategy) -> float:
    return float(backtest(history, strategy, ["XYZ"], "1h").fills["qty"].iloc[0])


def test_a_cell_run_again_with_another_body_runs_the_new_code(history: History) -> None:
    stored_walk(history, 50, 8)
    assert held(history, cell()()) == 1.0
    assert held(history, cell(body="self.size * 3.0")()) == 3.0
    assert held(history, cell()()) == 1.0, "and back"


def test_a_changed_constant_helper_or_array_runs_the_new_code(history: History) -> None:
    stored_walk(history, 50, 8)
    scope: dict[str, Any] = {"K": 2.0, "W": np.array([5.0, 6.0])}
    exec("def twice(x):\n    return x * K", scope)
    for k in (2.0, 4.0):
        assert held(history, cell(body="self.size * K", K=k)()) == k
        scope["K"] = k  # the helper's own global changes, its code does not
        assert held(history, cell(body="twice(self.size)", twice=scope["twice"])()) == k
        array = scope["W"] * k
        assert held(history, cell(body="self.size * W[1]", W=array)()) == 6.0 * k


def test_an_indicator_with_another_body_runs_the_new_code(history: History) -> None:
    def make(factor: str) -> Any:
        scope: dict[str, Any] = {"af": af, "__name__": __name__}
        exec(
            "class Mine(af.Indicator):\n"
            "    def update(self, x: float) -> None:\n"
            f"        self.value = {factor}\n"
            "class User(af.Strategy):\n"
            "    mine: Mine = Mine(1)\n"
            "    def on_bar(self, ctx, bar):\n"
            "        self.mine.update(bar.close)\n"
            "        ctx.target(bar.instrument, self.mine.value)\n",
            scope,
        )
        return scope["User"]()

    stored_walk(history, 50, 8)
    assert [held(history, make(text)) for text in ("2.0", "5.0", "2.0")] == [2.0, 5.0, 2.0]


def test_factories_of_helpers_do_not_share_their_closures(history: History) -> None:
    def made(k: float) -> Any:
        def scaled(x: float) -> float:
            return x * k

        return cell(body="scaled(self.size)", scaled=scaled)

    stored_walk(history, 50, 8)
    assert [held(history, made(k)()) for k in (2.0, 7.0)] == [2.0, 7.0]


def test_a_name_that_is_also_an_attribute_is_no_helper(history: History) -> None:
    """``bar.close`` must not drag a module's function named ``close`` into the machine code."""

    def close() -> dict[str, int]:
        return {"not": 1, "compilable": 2}

    stored_walk(history, 50, 8)
    assert held(history, cell(body="self.size if bar.close > 0.0 else 0.0", close=close)()) == 1.0


def test_two_classes_with_the_same_fields_do_not_mix(history: History) -> None:
    class One(af.Strategy):
        size: float = 1.0

        def on_bar(self, ctx, bar):
            ctx.target(bar.instrument, self.size)

    class Two(af.Strategy):
        size: float = 1.0

        def on_bar(self, ctx, bar):
            ctx.target(bar.instrument, self.size + 1.0)

    stored_walk(history, 50, 8)
    assert [held(history, made()) for made in (One, Two, One)] == [1.0, 2.0, 1.0]


def other(value: float) -> Any:
    """A helper as a factory makes them: equal code, another value."""

    def helper(x: float) -> float:
        return x + value

    return helper


def test_a_changed_number_of_any_kind_or_factory_s_second_helper_runs_the_new_code(
    history: History,
) -> None:
    stored_walk(history, 30, 2)

    def made(first: Any, second: Any, scale: Any, jitted: Any) -> af.Strategy:
        class Made(af.Strategy):
            got: float = 0.0

            def on_bar(self, ctx, bar):
                self.got = first(0.0) + second(0.0) + scale + jitted(1.0)

        return Made()

    def got(*parts: Any) -> float:
        return backtest(history, made(*parts), ["XYZ"], "1h").strategy.got

    double, triple = nb.njit(lambda x: 2 * x), nb.njit(lambda x: 3 * x)
    assert got(other(1.0), other(2.0), np.int64(4), double) == 9.0
    assert got(other(1.0), other(5.0), np.int64(4), double) == 12.0
    assert got(other(1.0), other(5.0), np.int64(7), double) == 15.0
    assert got(other(1.0), other(5.0), np.int64(7), triple) == 16.0


def plus_one(x: float) -> float:
    return x + 1.0


def plus_two(x: float) -> float:
    return x + 2.0


def test_one_function_under_two_names_is_told_from_another(history: History) -> None:
    stored_walk(history, 50, 8)
    body = "first(self.size) + second(self.size) + third(self.size)"
    names = {"first": plus_one, "second": plus_two}
    assert held(history, cell(body=body, **names, third=plus_one)()) == 7.0
    assert held(history, cell(body=body, **names, third=plus_two)()) == 8.0


def test_a_changed_member_of_an_enum_or_of_a_package_s_module_runs_the_new_code(
    history: History,
) -> None:
    stored_walk(history, 50, 8)
    package, package.inner = types.ModuleType("package"), types.ModuleType("inner")  # type: ignore[attr-defined]  # as import does
    for k in (2.0, 4.0):
        side = Enum("Side", {"LONG": k})
        assert held(history, cell(body="Side.LONG.value", Side=side)()) == k
        package.inner.K = k
        assert held(history, cell(body="package.inner.K", package=package)()) == k


def test_a_handler_that_was_hidden_and_is_not_any_more_runs(history: History) -> None:
    stored_walk(history, 50, 8)
    scope: dict[str, Any] = {"af": af, "__name__": __name__}
    exec(
        "class Base(af.Strategy):\n"
        "    seen: int = 0\n"
        "    def on_bar(self, ctx, bar):\n"
        "        ctx.target(bar.instrument, 1.0)\n"
        "    def on_fill(self, ctx, fill):\n"
        "        self.seen += 1\n",
        scope,
    )
    for body, seen in (("on_fill = None", 0), ("pass", 1)):
        exec(f"class Own(Base):\n    {body}", scope)
        assert backtest(history, scope["Own"](), ["XYZ"], "1h").strategy.seen == seen


def test_what_of_ours_is_imported_changes_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    class Asks(af.Strategy):
        side: float = 0.0

        def on_bar(self, ctx, bar):
            self.side = ctx.order(af.BUY).price

    before = class_digest(Asks)
    for name in ("order", "price"):  # as an import of alphaforge.order makes one
        monkeypatch.setattr(af, name, types.ModuleType(f"alphaforge.{name}"), raising=False)
    assert class_digest(Asks) == before
    monkeypatch.delattr(af, "order")
    assert class_digest(Asks) == before
