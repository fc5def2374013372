"""What a start costs: importing, compiling the kernels, loading them from the cache."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from first_light import ROOT, first_light

from alphaforge.cli import find_chromium


def _python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_import(benchmark, line):
    code = "import time; t = time.perf_counter(); import alphaforge; print(time.perf_counter() - t)"
    took = benchmark.pedantic(lambda: float(_python(code)), rounds=3)
    line("import alphaforge", f"{took * 1e3:.1f} ms", "1 s", took <= 1)


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium: nothing to see the chart in")
def test_first_light(benchmark, line):
    answers, moves = benchmark.pedantic(lambda: first_light(ROOT), rounds=1)
    how = f"JupyterLab answers after {answers:.1f} s, then all cells are run"
    line("make lab, the second time, to a moving chart", f"{moves:.1f} s", "15 s", moves <= 15, how)


def test_kernels(benchmark, line, tmp_path):
    code = "from alphaforge.engine.jit import warm; print(warm())"
    cold = float(_python(code, ALPHAFORGE_CACHE_DIR=str(tmp_path)))
    line("compile all kernels, first time", f"{cold:.0f} s", "90 s", cold <= 90)
    again = benchmark.pedantic(
        lambda: float(_python(code, ALPHAFORGE_CACHE_DIR=str(tmp_path))), rounds=3
    )
    line("load them from the cache", f"{again:.2f} s", "1 s", again <= 1)
    assert re.match(r"[0-9a-f]{16}$", next((tmp_path / "kernels").iterdir()).name)
