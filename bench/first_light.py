"""Seconds from ``make lab`` to a moving chart, as a person sees it.

    .venv/bin/python bench/first_light.py [tree]

The tree may be a fresh clone: then the set-up is in it. A browser is open already, as a person's
is; all cells are run at once, and the chart moves when its newest candle has changed twice.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from chromium import launched
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 900
_CANDLES = """() => {
  if (typeof Bokeh === "undefined") return null
  for (const view of Bokeh.index.query(v => v.model.name === "price")) {
    const {index, close, volume} = view.model.document.get_model_by_name("candles").data
    return index.length ? [index.at(-1), close.at(-1), volume.at(-1)].join(" ") : null
  }
  return null
}"""


def first_light(tree: Path) -> tuple[float, float]:
    """Seconds until JupyterLab answers, and until the chart moves, both from ``make lab``."""
    port, token = free_port(), secrets.token_hex(8)
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        began = time.monotonic()
        process = subprocess.Popen(
            ["make", "lab", f"PORT={port}"],
            cwd=tree,
            env={**os.environ, "JUPYTER_TOKEN": token},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/api", process)
            answers = time.monotonic() - began
            run_all(
                page, f"http://127.0.0.1:{port}/lab/tree/notebooks/workbench.ipynb?token={token}"
            )
            wait_until_it_moves(page)
            return answers, time.monotonic() - began
        finally:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(10 * DEADLINE_S):
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                raise RuntimeError("make lab ended by itself") from None
            time.sleep(0.1)
    raise RuntimeError(f"make lab didn't answer within {DEADLINE_S} s")


def run_all(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()


def wait_until_it_moves(page: Page) -> None:
    """Until the newest candle has changed twice in the workbench's frame."""
    frame = page.locator("iframe[title='workbench']")
    frame.wait_for(timeout=120_000)
    frame.content_frame.locator(".lv").first.wait_for(timeout=60_000)
    inside = frame.element_handle().content_frame()
    seen: list[str] = []
    for _ in range(1200):
        now = inside.evaluate(_CANDLES)
        if now is not None and now not in seen[-1:]:
            seen.append(now)
        if len(seen) == 3:
            return
        page.wait_for_timeout(50)
    raise TimeoutError("the chart does not move")


if __name__ == "__main__":
    answers, moves = first_light(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
    print(f"JupyterLab answers after {answers:.0f} s, the chart moves after {moves:.0f} s")
