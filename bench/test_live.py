"""The live engine: lag beside a busy cell, what it costs when idle, what a submit costs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import alphaforge as af
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.engine.lags import lag_percentile
from alphaforge.engine.ring import Ring

FEEDER = Path(__file__).with_name("feeder.py")
EVENTS = 2_000


def _lag(folder: Path, busy: bool) -> tuple[float, float]:
    """p50 and p99 in us from a feeder process to the engine thread, 1,000 events a second."""
    ring = Ring(1 << 12, folder / f"events-{busy}")
    engine = Engine(live=True)
    engine.add_instrument(af.Instrument("TEST", tick="0.01"))
    engine.connect(ring)
    engine.start(spin=True)
    feeder = subprocess.Popen([sys.executable, FEEDER, ring.path, str(EVENTS), "0.001"])
    total = 0
    while feeder.poll() is None:
        if busy:
            for i in range(200_000):
                total += i * i
        else:
            time.sleep(0.05)
    engine.stop()
    counts = engine.snapshot().pool("lags")
    assert int(counts.sum()) == EVENTS
    return lag_percentile(counts, 0.5) / 1e3, lag_percentile(counts, 0.99) / 1e3


def test_busy_cell(benchmark, line, tmp_path):
    idle = _lag(tmp_path, busy=False)
    busy = benchmark.pedantic(lambda: _lag(tmp_path, busy=True), rounds=1)
    line(
        "event to engine beside a busy cell, spin",
        f"p50 {busy[0]:.0f} us ({busy[0] / idle[0]:.2f} x idle)",
        "p50 within 2 x idle",
        busy[0] <= 2 * idle[0],
        f"idle p50 {idle[0]:.0f}, p99 {idle[1]:.0f}; busy p99 {busy[1]:.0f} us",
    )


def test_idle_engine(benchmark, line):
    engine = Engine(live=True)
    engine.add_instrument(af.Instrument("TEST", tick="0.01"))
    engine.start()

    def share() -> float:
        cpu, wall = time.process_time(), time.perf_counter()
        time.sleep(5)
        return (time.process_time() - cpu) / (time.perf_counter() - wall)

    used = benchmark.pedantic(share, rounds=1)
    engine.stop()
    line("idle engine, balanced", f"{used:.1%} of a core", "2 %", used <= 0.02)


def test_submit(benchmark, line):
    with af.Lab(":memory:") as lab:
        lab.live.engine.command(M.LIMIT, a=2, b=0)  # no rate limit
        order = af.Order("BTCUSDT", "buy", 0.001, limit=1_000.0)
        took = []

        def once() -> None:
            began = time.perf_counter_ns()
            lab.submit(order)
            took.append(time.perf_counter_ns() - began)

        benchmark.pedantic(once, rounds=500)
        p50 = statistics.median(took) / 1e3
        line("lab.submit, queued id", f"p50 {p50:.1f} us", "5 us, not due yet", p50 <= 5)
