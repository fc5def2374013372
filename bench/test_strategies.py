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
from alphaforge.engine.layout import Capacities
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


class Averages(SmaCross):
    """Its two averages alone."""

    def on_bar(self, ctx, bar):  # noqa: ARG002 - the engine's signature
        self.fast.update(bar.close)
        self.slow.update(bar.close)


class Told(af.Strategy):
    """Its positions, worked out before: the same fills, and nothing else."""

    wanted: af.Array = af.Array(1)
    seen: int = 0

    def on_bar(self, ctx, bar):
        ctx.target(bar.instrument, self.wanted[self.seen])
        self.seen += 1


def _told(bars: np.ndarray) -> Told:
    """What SmaCross wants, in whole ticks."""
    sums = np.concatenate([[0], np.cumsum(bars["close"])])
    up = 5 * (sums[50:] - sums[40:-10]) > sums[50:] - sums[:-50]
    return Told(wanted=np.concatenate([np.zeros(49), 10.0 * up]))


def _seconds(strategy: af.Strategy, bars: np.ndarray) -> tuple[float, int]:
    """How long it runs, and the cash that it ends with."""
    engine = Engine(fees=af.Fees("0.0002"), capacities=Capacities(arena=1 << 24))
    engine.add_instrument(af.Instrument("TEST", tick="0.01"))
    engine.add_strategy(compiled_entry(strategy), ["TEST"])
    equity = np.zeros(bars.size, np.int64)
    began = time.perf_counter()
    engine.run(bars, equity, lambda: None)
    return time.perf_counter() - began, int(engine.header["cash"])


def test_beside_an_empty_strategy(benchmark, line):
    bars = minute_bars()
    strategies = [Empty(), SmaCross(), Averages(), _told(bars)]
    cash = [_seconds(strategy, bars)[1] for strategy in strategies]
    assert cash[0] == cash[2] != cash[1] == cash[3], "the fills are the same"
    # In turn, so that what else the machine does meets all.
    runs = [[_seconds(strategy, bars)[0] for strategy in strategies] for _ in range(9)]
    benchmark.pedantic(lambda: _seconds(SmaCross(), bars), rounds=1)
    empty = [run[0] for run in runs]
    cross, averages, told = (
        statistics.median(run[n] / run[0] for run in runs) for n in range(1, 4)
    )
    beyond = statistics.median(run[1] / run[3] for run in runs)
    line(
        "SMA cross beside a strategy that does nothing",
        f"{cross:.2f} x",
        "1.5 x",
        cross <= 1.5,
        f"empty {bars.size / statistics.median(empty) / 1e6:.1f} M bars/s; its averages alone "
        f"{averages:.2f} x, the same fills alone {told:.2f} x",
    )
    line(
        "SMA cross beside the same fills without its averages",
        f"{beyond:.2f} x",
        "1.5 x",
        beyond <= 1.5,
    )
