"""Compiled strategies on disk: a second kernel loads them, and nothing old or broken is used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alphaforge.engine.jit import JIT

pytestmark = pytest.mark.skipif(not JIT, reason="nothing is compiled with the JIT off")

# What a notebook does: a class from a cell, with helpers, an indicator and a constant of its own.
CELL = """
import json, linecache, logging, sys
import numba.core.event as events
import alphaforge as af
from alphaforge.data.history import History
from alphaforge.research.backtest import backtest
sys.path.insert(0, {tests!r})
from market import stored_walk

compiled = []

class Count(events.Listener):
    def on_start(self, event): compiled.append(str(event.data))
    def on_end(self, event): pass

source = '''
FACTOR = {factor}
NAME = "average"

def scaled(x):
    return x * FACTOR

class Last(af.Indicator):
    window: af.Window

    def update(self, x: float) -> None:
        self.window[self.count % self.period] = x
        self.count += 1
        self.value = scaled(x)

class FromACell(af.Strategy):
    last: Last = Last(4)
    fast: af.EMA = af.EMA(5)
    size: float = 2.0

    def wanted(self, close):
        return self.size if close > self.fast.value else 0.0

    def on_bar(self, ctx, bar):
        self.last.update(bar.close)
        self.fast.update(bar.close)
        ctx.target(bar.instrument, self.wanted(self.last.value / FACTOR))
        ctx.record("close", bar.close)
        ctx.record(NAME, self.fast.value)
        if ctx.position(bar.instrument).qty > 3.0:
            ctx.sell(bar.instrument, 1.0, limit=bar.high)
'''
linecache.cache["<cell>"] = (len(source), None, source.splitlines(True), "<cell>")
exec(compile(source, "<cell>", "exec"), globals())
history = History(":memory:")
stored_walk(history, 200, 8)
with events.install_listener("numba:compile", Count()):
    run = backtest(history, FromACell(), ["XYZ"], "1h")
names = run.recorded.columns  # before Python mode makes the same
python = backtest(history, FromACell(), ["XYZ"], "1h", mode="python")
print(json.dumps({{
    "compiled": len(compiled), "seconds": run.timing["compile"], "hash": run.journal_hash,
    "python": python.journal_hash, "fills": len(run.fills), "recorded": sorted(names)}}))
"""


def kernel(cache: Path, factor: float = 1.0) -> dict[str, Any]:
    """A process of its own that runs the cell; what it says."""
    tests = str(Path(__file__).resolve().parents[1])
    environment = {**os.environ, "ALPHAFORGE_CACHE_DIR": str(cache), "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-c", CELL.format(tests=tests, factor=factor)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]  # json has no types


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache of its own that has the kernels of ours already."""
    from alphaforge.engine.jit import cache_root

    (tmp_path / "kernels").symlink_to(cache_root())
    return tmp_path


def test_a_second_kernel_does_not_compile(cache: Path) -> None:
    first = kernel(cache)
    assert first["compiled"] > 5
    second = kernel(cache)
    assert second["compiled"] == 0, "counted by Numba itself"
    assert second["recorded"] == first["recorded"] == ["average", "close"], "by name, not by id"
    assert second["hash"] == first["hash"] == first["python"] == second["python"]
    assert first["fills"] > 5
    assert second["seconds"] < first["seconds"]
    files = list(cache.glob("strategies/*/*.code"))
    assert len(files) == 1
    other = kernel(cache, factor=1.5)
    assert other["compiled"] > 0, "another constant is other code"
    assert len(list(cache.glob("strategies/*/*.code"))) == 2


def test_half_a_file_is_written_anew(cache: Path) -> None:
    whole = kernel(cache)
    (file,) = cache.glob("strategies/*/*.code")
    file.write_bytes(file.read_bytes()[:1_000])
    again = kernel(cache)
    assert again["compiled"] > 0
    assert again["hash"] == whole["hash"]
    assert kernel(cache)["compiled"] == 0
