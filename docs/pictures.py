"""Takes the pictures in docs/images: the workbench in JupyterLab and served alone, light and dark.

    .venv/bin/python docs/pictures.py

Needs Chromium. Everything in the pictures is of the simulated exchange.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1440, "height": 900}
STREAM_MS = 45_000  # of streaming before a picture: some fills, some equity

sys.path.insert(0, str(ROOT / "bench"))
from chromium import ARGS  # noqa: E402  - what the benchmarks drive

from alphaforge.cli import find_chromium  # noqa: E402 - after the path


@contextlib.contextmanager
def started(arguments: list[str], folder: Path, **environment: str) -> Iterator[str]:
    """Run ``alphaforge ...`` in a folder; the address that it prints."""
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "alphaforge", *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            found = re.search(r"http://127\S+(?:token|ticket)=\S+", log.read_text())
            if found:
                break
            time.sleep(0.2)
        else:
            raise RuntimeError(log.read_text())
        yield found.group()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def trade(page: Page, frame: object) -> None:
    """A resting order from the ticket, so that the chart shows one."""
    ticket = frame.locator(".a-ticket")
    ticket.get_by_label("Quantity").fill("0.500")
    price = ticket.get_by_label("Price")
    last = float(price.input_value().replace(",", ""))
    price.fill(f"{last - 10:.2f}")
    ticket.get_by_role("button", name=re.compile("^Buy 0.500 @")).click()
    page.wait_for_timeout(STREAM_MS)


def served(browser: Browser) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        started(["serve", ":memory:"], Path(folder)) as address,
    ):
        page = browser.new_page(viewport=SIZE)
        page.goto(f"{address}&th=dark")
        page.locator(".lv").first.wait_for()
        trade(page, page)
        page.screenshot(path=IMAGES / "served-dark.png")
        page.get_by_role("tab", name="Equity").click()
        page.get_by_role("button", name="Switch theme").click()
        page.wait_for_timeout(3_000)
        page.screenshot(path=IMAGES / "served-light.png")
        page.close()


def in_lab(browser: Browser, theme: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "notebooks", Path(folder) / "notebooks",
                        ignore=shutil.ignore_patterns("*.duckdb*", ".*"))  # fmt: skip
        settings = Path(folder) / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        chosen = {"theme": f"JupyterLab {theme.title()}"}
        (settings / "themes.jupyterlab-settings").write_text(json.dumps(chosen))
        with started(
            ["lab"], Path(folder), JUPYTERLAB_SETTINGS_DIR=str(settings.parent.parent), DISPLAY=""
        ) as address:
            page = browser.new_page(viewport=SIZE)
            page.goto(address.replace("/lab?", "/lab/tree/notebooks/workbench.ipynb?"))
            page.get_by_role("button", name="Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
            page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
            page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
            frame = page.locator("iframe[title='workbench']")
            frame.wait_for(timeout=120_000)
            frame.content_frame.locator(".lv").first.wait_for(timeout=60_000)
            page.wait_for_timeout(15_000)  # the cells below have run
            frame.scroll_into_view_if_needed()
            trade(page, frame.content_frame)
            frame.scroll_into_view_if_needed()
            page.wait_for_timeout(1_000)
            page.screenshot(path=IMAGES / f"lab-{theme}.png")
            page.close()


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=[*ARGS])
        served(browser)
        for theme in ("dark", "light"):
            in_lab(browser, theme)
        browser.close()


if __name__ == "__main__":
    main()
