"""What a strategy costs: to compile, to load from disk, and to run beside one that does nothing."""

from __future__ import annotations

import itertools
import statistics
import time

import numpy as np
import pytest
from workload import Empty, SmaCross, minute_bars

import alphaforge as af
from alphaforge.engine.engine import Engine
from alphaforge.strategy import compile as compiling
from alphaforge.strategy import kept
from alphaforge.strategy.compile import compiled_entry
from alphaforge.strategy.digest import class_digest


def test_strategy_compile(benchmark, line, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept, "load", lambda _: None)
    monkeypatch.setattr(kept, "save", lambda *_: None)
    counter = itertools.count()

    def fresh() -> float:
        offset = float(next(counter))

        class Fresh(SmaCross):
            size: float = 10.0

            def on_bar(self, ctx, bar):
                self.fast.update(bar.close + offset)
                self.slow.update(bar.close)
                if not self.slow.ready:
                    return
                want = self.size if self.fast.value > self.slow.value else 0.0
                ctx.target(bar.instrument, want)

        return compiled_entry(Fresh()).seconds

    first = fresh()
    seconds = [fresh() for _ in range(5)]
    benchmark.pedantic(fresh, rounds=1)
    took = statistics.median(seconds)
    how = f"the first of a kernel {first:.2f} s"
    line("compile a strategy", f"{took:.2f} s", "2 s", max(took, first) <= 2, how)


def test_strategy_from_disk(benchmark, line):
    compiled_entry(SmaCross())  # it is on disk now, whoever compiled it

    def load() -> float:
        compiling._COMPILED.pop(class_digest(SmaCross))
        return compiled_entry(SmaCross()).seconds

    seconds = [load() for _ in range(5)]
    benchmark.pedantic(load, rounds=1)
    took = statistics.median(seconds)
    line("load a compiled strategy from disk", f"{took * 1e3:.0f} ms", "300 ms", took <= 0.3)


def _seconds(strategy: af.Strategy, bars: np.ndarray) -> float:
    engine = Engine(fees=af.Fees("0.0002"))
    engine.add_instrument(af.Instrument("TEST", tick="0.01"))
    engine.add_strategy(compiled_entry(strategy), ["TEST"])
    equity = np.zeros(bars.size, np.int64)
    began = time.perf_counter()
    engine.run(bars, equity, lambda: None)
    return time.perf_counter() - began


def test_beside_an_empty_strategy(benchmark, line):
    bars = minute_bars()
    for strategy in (Empty(), SmaCross()):
        _seconds(strategy, bars)
    empty, cross = [], []
    for _ in range(7):  # in turn, so that what else the machine does meets both
        empty.append(_seconds(Empty(), bars))
        cross.append(_seconds(SmaCross(), bars))
    benchmark.pedantic(lambda: _seconds(SmaCross(), bars), rounds=1)
    ratio = statistics.median(c / e for c, e in zip(cross, empty, strict=True))
    rates = [bars.size / statistics.median(each) / 1e6 for each in (empty, cross)]
    line(
        "SMA cross beside a strategy that does nothing",
        f"{ratio:.2f} x",
        "1.5 x",
        ratio <= 1.5,
        f"empty {rates[0]:.1f} M bars/s, cross {rates[1]:.1f} M with its fills",
    )
