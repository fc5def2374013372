"""Strategies that are run in both modes over the same messages: the journal and they are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from market import HOUR, T0, bar, instrument, rows_of, slot, small_engine

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.strategy.compile import compiled_entry, python_entry
from alphaforge.strategy.fields import from_bytes, to_bytes
from alphaforge.strategy.notes import text_of

ROOM = L.Capacities(
    instruments=3, strategies=3, orders=64, builders=8, timers=16, alerts=16, levels=64,
    arena=1 << 18,
)  # fmt: skip
XYZ, ABC = instrument("XYZ", lot="0.5"), instrument("ABC")


def shown(
    strategy: af.Strategy, messages: list[Any], mode: str, symbols: tuple[str, ...], **keywords: Any
) -> tuple[af.Strategy, Any, Engine]:
    """The strategy after it was shown messages, the journal's outputs, and the engine."""
    own = strategy.fresh()
    entry = compiled_entry(own) if mode == "compiled" else python_entry(own)
    keywords.setdefault("capacities", ROOM)
    engine = small_engine(XYZ, ABC, **keywords)
    k = engine.add_strategy(entry, symbols, seed=5)
    engine.header["now"] = T0
    engine.call(k, K.ON_START)
    for message in messages:
        assert engine.step(message) == K.FAULT_NONE, (engine.fault_text(), entry.error)
    if mode == "compiled":
        record = L.pool(engine.block, "strategies")[k]
        at = int(record["state"])
        from_bytes(own, engine.block[at : at + int(record["bytes"])])
    rows = rows_of(engine)
    return own, rows[rows["kind"] >= M.FIRST_OUTPUT], engine


def equal(
    strategy: af.Strategy,
    messages: list[Any],
    symbols: tuple[str, ...] = ("XYZ",),
    **keywords: Any,
) -> tuple[Any, Any, Engine]:
    """The same from both modes, or the test fails."""
    own, rows, engine = shown(strategy, messages, "compiled", symbols, **keywords)
    python, python_rows, other = shown(strategy, messages, "python", symbols, **keywords)
    assert rows.tobytes() == python_rows.tobytes()
    assert to_bytes(own).tobytes() == to_bytes(python).tobytes()
    draws = [L.pool(e.block, "strategies")[0]["draws"] for e in (engine, other)]
    assert draws[0] == draws[1]
    return own, rows, engine


def notes(rows: Any, kind: int = M.METRIC_ROW) -> list[tuple[str, float]]:
    """What was recorded, or logged, in order."""
    found = rows[rows["kind"] == kind]
    return [(text_of(int(r["b"])), float(r["c"].view(np.float64))) for r in found]


def custom(ts: int, *numbers: float, kind: int = 0, i: int = 0) -> Any:
    message = slot(M.CUSTOM, ts, i, code=kind)
    for name, value in zip("abcd", numbers, strict=False):
        message.view(M.CUSTOM_SLOT)[name] = value
    return message


def looks(rows: Any) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for name, value in notes(rows):
        found.setdefault(name, []).append(value)
    return found


def bars_of(count: int, i: int = 0) -> list[Any]:
    made = []
    for n in range(count):
        message = bar(T0 + (n + 1) * HOUR, (1000 + n, 1007 + n, 990 + n, 1003 + n), i)
        message["volume"] = 11 + n
        made.append(message)
    return made
