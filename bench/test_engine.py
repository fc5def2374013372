"""The engine's speed over stored bars, in both modes, and what a backtest costs in all."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pandas as pd
from workload import BARS, SmaCross, minute_bars, plain_loop

import alphaforge as af
from alphaforge.engine.engine import Engine
from alphaforge.strategy.compile import compiled_entry, python_entry


def _run(entry, bars) -> tuple[float, Engine]:
    engine = Engine(fees=af.Fees("0.0002"))
    engine.add_instrument(af.Instrument("TEST", tick="0.01"))
    engine.add_strategy(entry, ["TEST"])
    equity = np.zeros(bars.size, np.int64)
    began = time.perf_counter()
    engine.run(bars, equity, lambda: None)
    return time.perf_counter() - began, engine


def test_compiled_bars(benchmark, line):
    bars = minute_bars()
    compiled_entry(SmaCross())
    seconds = []

    def once() -> Engine:
        took, engine = _run(compiled_entry(SmaCross()), bars)
        seconds.append(took)
        return engine

    engine = benchmark.pedantic(once, rounds=5, warmup_rounds=1)
    assert not engine.fault
    assert int(engine.header["bars"]) == BARS
    close = bars["close"].astype(np.float64)
    plain_loop(close, 10, 50)
    began = time.perf_counter()
    plain_loop(close, 10, 50)
    limit = BARS / (time.perf_counter() - began) / 1e6
    rate = BARS / statistics.median(seconds[1:]) / 1e6
    line(
        "1 M bars, full step, SMA cross compiled",
        f"{rate:.1f} M bars/s",
        "10 M bars/s",
        rate >= 10,
        f"{int(engine.header['fills']):,} fills; limit {limit:.0f} M/s, ratio {rate / limit:.2f}",
    )


def test_python_bars(benchmark, line):
    bars = minute_bars(100_000)
    seconds = []

    def once() -> None:
        entry = python_entry(SmaCross())
        took, engine = _run(entry, bars)
        assert not engine.fault, entry.error
        seconds.append(took)

    benchmark.pedantic(once, rounds=3, warmup_rounds=1)
    rate = bars.size / statistics.median(seconds[1:]) / 1e3
    line("the same in python mode", f"{rate:.0f} K bars/s", "150 K bars/s", rate >= 150)


def test_whole_backtest(benchmark, line):
    events = minute_bars()
    index = pd.DatetimeIndex(events["ts"].astype("datetime64[ns]"), tz="UTC")
    columns = {name: events[name] / 100.0 for name in ("open", "high", "low", "close")}
    frame = pd.DataFrame({**columns, "volume": events["volume"].astype(float)}, index=index)
    with af.Lab(":memory:") as lab:
        lab.history.add_instrument(af.Instrument("TEST", tick="0.01"))
        began = time.perf_counter()
        lab.history.write_bars("TEST", "1m", frame)
        wrote = time.perf_counter() - began
        walls = []

        def once():
            start = time.perf_counter()
            run = lab.backtest(SmaCross(), "TEST", "1m", fees=af.Fees("0.0002"))
            walls.append(time.perf_counter() - start)
            return run

        run = benchmark.pedantic(once, rounds=3, warmup_rounds=1)
        share = sum(run.timing.values()) / walls[-1]
        parts = ", ".join(f"{k} {v:.2f} s" for k, v in run.timing.items())
        line(
            "the same from the history file",
            f"{walls[-1]:.2f} s in all",
            "parts add up to within 10 %",
            abs(share - 1) <= 0.1,
            f"{parts}: {share:.0%} of the wall clock; writing it took {wrote:.2f} s",
        )
