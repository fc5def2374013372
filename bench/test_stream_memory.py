"""Memory of a session that streams: ``alphaforge serve`` with a page open, for SOAK_MINUTES."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from chromium import launched

from alphaforge.cli import find_chromium

MINUTES = float(os.environ.get("SOAK_MINUTES", "5"))
EVERY_S = 10.0
_NEWEST = """() => {
  for (const view of Bokeh.index.query(v => v.model.name === "price"))
    return view.model.document.get_model_by_name("candles").data.index.at(-1) ?? -1
  return -1
}"""


def _address(process: subprocess.Popen[bytes], log) -> str:
    for _ in range(1200):
        found = re.search(r"http://\S+", log.read_text())
        if found:
            return found.group()
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(f"no address: {log.read_text()}")


def _soak(process: subprocess.Popen[bytes], address: str) -> tuple[np.ndarray, int]:
    """Resident megabytes of the session every ten seconds, and the candles that came meanwhile."""
    watched = psutil.Process(process.pid)
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_function(f"({_NEWEST})() >= 400", timeout=120_000)
        first = page.evaluate(_NEWEST)
        used = []
        for _ in range(int(MINUTES * 60 / EVERY_S)):
            page.wait_for_timeout(1_000 * EVERY_S)
            used.append(watched.memory_info().rss / 1e6)
            print(f"{len(used) * EVERY_S / 60:.1f} min {used[-1]:.1f} MB", flush=True)
        came = page.evaluate(_NEWEST) - first
    return np.array(used), came


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium: no page to stream to")
def test_session_memory(benchmark, line, tmp_path):
    log = tmp_path / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "alphaforge", "serve", "history.duckdb"],
            cwd=tmp_path,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        address = _address(process, log)
        used, came = benchmark.pedantic(lambda: _soak(process, address), rounds=1)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    # The first fifth fills what is bounded: the journal's ring, the tables, the page's columns.
    settled = used[used.size // 5 :]
    half = settled.size // 2
    growth = settled[half:].mean() / settled[:half].mean() - 1
    line(
        f"session memory, {MINUTES:.0f} min of streaming to a page",
        f"{growth:+.1%}",
        "flat: within 2 %",
        abs(growth) <= 0.02,
        f"{settled[0]:.0f} MB to {settled[-1]:.0f} MB after warming up, most {used.max():.0f}; "
        f"{came:,} candles came",
    )
