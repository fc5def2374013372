"""Generated strategies leave equal journals and fields in both modes, all handlers, three symbols.

``make test`` runs some, ``make test-all`` two thousand. A failure names its seed: ``program(seed)``
is the same again.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from market import MINUTE, T0, instrument, slot
from programs import program

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.jit import JIT
from alphaforge.research import compare as comparing
from alphaforge.research.compare import Comparison
from alphaforge.strategy import indicators, kept

pytestmark = pytest.mark.skipif(not JIT, reason="compares compiled code with Python")
FEW, MANY, BATCH = 10, 2_000, 20
SYMBOLS = [instrument("XYZ"), instrument("ABC", "0.05"), instrument("DEF", "0.25", lot="0.5")]


@dataclass
class Mixed:
    """A stream of every kind of event, as ``compare`` reads one."""

    start: int
    events: Any
    offsets: Any


def mixed(seed: int, count: int = 240) -> Mixed:
    """Bars, trades, quotes, frames of a book, splits and custom events of three symbols."""
    random = np.random.default_rng(seed)
    ts, price, parts = T0, [10_000, 4_000, 800], []
    for n in range(count):
        ts += int(random.integers(1, 40)) * MINUTE // 2
        i = int(random.integers(0, 3))
        price[i] = max(50, price[i] + int(random.integers(-30, 31)))
        parts += _messages(random, ts, i, price[i], n)
    sizes = [part.nbytes for part in parts]
    events = np.concatenate([part.view(np.uint8).ravel() for part in parts])
    return Mixed(T0, events, np.concatenate([[0], np.cumsum(sizes)]))


def _messages(random: Any, ts: int, i: int, at: int, n: int) -> list[Any]:
    kind = int(random.integers(0, 20))
    lots = int(random.integers(1, 50))
    if kind < 8:
        bar = np.zeros(1, M.BAR_SLOTS)
        bar["kind"], bar["ts"], bar["instrument"] = M.BAR, ts, i
        bar["ts_open"], bar["interval"] = ts - MINUTE // 4, MINUTE
        moved = random.integers(-9, 10, 2)
        prices = [at, at + int(moved[0])]
        bar["open"], bar["close"] = prices
        bar["high"], bar["low"] = max(prices) + lots % 7, min(prices) - lots % 5
        bar["volume"], bar["trades"] = lots * 10, lots
        return [bar]
    if kind < 12:
        return [slot(M.TRADE, ts, i, a=at, b=lots, d=1 - 2 * (lots % 2))]
    if kind < 16:
        wide = int(random.integers(1, 4))
        return [slot(M.QUOTE, ts, i, a=at - wide, b=lots, c=at + wide, d=lots + 3)]
    if kind < 18:
        frame = [slot(M.BOOK, ts, i, code=M.MORE | M.SNAPSHOT, a=n, b=n, c=-1, d=-1)]
        for level in range(1, 4):
            frame.append(slot(M.DEPTH, ts, i, code=M.MORE, a=at - level, b=lots, c=1))
            frame.append(slot(M.DEPTH, ts, i, code=M.MORE, a=at + level, b=lots, c=-1))
        frame[-1]["code"] = 0
        return frame
    if kind == 18 and n % 3 == 0:
        return [slot(M.ACTION, ts, i, a=2, b=1)]
    values = random.normal(0, 2, 4).view(np.int64).tolist()
    return [slot(M.CUSTOM, ts, i, code=lots % 4, **dict(zip("abcd", values, strict=True)))]


def compared(seed: int) -> Comparison:
    strategy, _ = program(seed)
    return comparing.run_both(strategy, mixed(seed), SYMBOLS)


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "save", lambda *_: None)


def _check(seeds: range) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in seeds:
        found = compared(seed)
        assert found.first is None, f"program({seed})\n{found}\n{program(seed)[1]}"
        seen["raised" if found.raised else "ran"] += 1
        seen["rows"] += found.rows
    return seen


def test_some_programs_are_equal_in_both_modes() -> None:
    seen = _check(range(FEW))
    assert seen["ran"] > FEW // 2
    assert seen["rows"] > 20 * FEW, "too quiet to tell"


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("first", range(FEW, FEW + MANY, MANY // BATCH))
def test_two_thousand_programs_are_equal_in_both_modes(first: int) -> None:
    _check(range(first, first + MANY // BATCH))


class Ulp(af.Strategy):
    """Its average differs in the last bit where a test has bent it."""

    mean: af.EMA = af.EMA(3)
    seen: int = 0

    def on_bar(self, ctx, bar):
        self.seen += 1
        self.mean.update(bar.close)


def test_one_bit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled as it is, then bent in Python alone: from the 20th update on, by one ulp."""
    assert comparing.run_both(Ulp(), mixed(1), SYMBOLS)
    true = indicators.EMA.update

    def bent(self: Any, x: float) -> None:
        true(self, x)
        if self.count == 20:
            self.value = math.nextafter(self.value, math.inf)

    monkeypatch.setattr(comparing, "compiled_entry", _as_compiled_before(Ulp()))
    monkeypatch.setattr(indicators.EMA, "update", bent)
    found = comparing.run_both(Ulp(), mixed(1), SYMBOLS)
    assert found.first is not None
    ((name, (python, compiled)),) = found.first.fields.items()
    assert name == "mean.value"
    assert python == math.nextafter(compiled, math.inf)
    stream = mixed(1)
    kinds = [stream.events[at : at + 64].view(M.SLOT)["kind"][0] for at in stream.offsets[:-1]]
    assert sum(kind == M.BAR for kind in kinds[: found.first.event + 1]) == 20
    assert f"mean.value: {python!r} in Python, {compiled!r} compiled" in repr(found)


def _as_compiled_before(strategy: af.Strategy) -> Any:
    """The code that it was compiled to, whatever its source says now."""
    entry = comparing.compiled_entry(strategy)
    return lambda _: entry


def test_the_programs_have_every_handler() -> None:
    """Over a few programs every handler there is stands in one."""
    called: Counter[int] = Counter()
    for seed in range(20):
        strategy, _ = program(seed)
        side = comparing._Side(strategy, "python", SYMBOLS, 0, None, T0)
        mask = int(L.pool(side.engine.block, "strategies")[0]["handlers"])
        assert mask & (1 << K.ON_BAR)
        called.update(code for code in range(len(K.HANDLER_NAMES)) if mask >> code & 1)
    assert len(called) == len(K.HANDLER_NAMES)
