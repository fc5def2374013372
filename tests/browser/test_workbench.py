"""The workbench with the real engine behind it: in JupyterLab, beside a busy cell, and served."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deadline import wait_until
from jupyter_client import BlockingKernelClient
from notebook_page import code_cell
from playwright.sync_api import Page, expect
from workbench_page import Workbench

if TYPE_CHECKING:
    from conftest import JupyterLab

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "workbench.ipynb"
STARTED = 60_000  # ms: JupyterLab's first page on a busy machine
MINUTE = 60  # bars of a second

# Follows the journal from its first row, so that the bars can be built again from the trades alone.
RECORDER = """
import threading
import numpy as np
from alphaforge.engine import messages as M

class Recorder(threading.Thread):
    def __init__(self, engine):
        super().__init__(daemon=True)
        self.reader = engine.journal.reader(0)
        self.lock = threading.Lock()
        self.trades = []

    def read(self):
        with self.lock:
            while (rows := self.reader.read()).size:
                of = (rows["kind"] == M.TRADE) & (rows["instrument"] == 0)
                self.trades.append(rows[of][["ts", "a", "b"]])
            return np.concatenate(self.trades)

    def run(self):
        while True:
            self.read()
            threading.Event().wait(0.5)

recorder = Recorder(lab.live.engine)
recorder.start()
"""

# Never lets go of the interpreter by itself.
BUSY = """
import time
print("spinning")
end, n = time.monotonic() + 60, 0
while time.monotonic() < end:
    n += 1
print("spun")
"""

ENGINE_BARS = """
import json
frame = lab.bars("BTCUSDT", "1s")
print(json.dumps([[int(ts.value) // 10**6 - 1000, *row]
                  for ts, row in zip(frame.index, frame.to_numpy().tolist())]))
"""

# By hand, one trade after another, in plain integers.
BARS_OF_THE_JOURNAL = """
import json
bars = {}
for ts, price, size in recorder.read().tolist():
    second = ts // 10**9 * 1000
    if second not in bars:
        bars[second] = [price, price, price, price, 0]
    bar = bars[second]
    bar[1], bar[2], bar[3], bar[4] = max(bar[1], price), min(bar[2], price), price, bar[4] + size
i = lab.engine.instruments[0]
up, down = i.price.numerator, i.price.denominator
lot = i.quantity
print(json.dumps({
    "missed": recorder.reader.missed + recorder.reader.damaged,
    "bars": [[ts, *(p * up / down for p in bar[:4]), bar[4] * lot.numerator / lot.denominator]
             for ts, bar in bars.items()],
}))
"""


def with_test_cells(notebook: Path, folder: Path) -> None:
    """Copy a notebook, with the recorder once the session runs and a busy cell at its end."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cells = content["cells"]
    paper = next(n for n, cell in enumerate(cells) if "lab.paper(" in "".join(cell["source"]))
    cells.insert(paper + 1, code_cell("recorder", RECORDER))
    cells.append(code_cell("busy", BUSY))
    (folder / notebook.name).write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def ask() -> Iterator[Callable[[JupyterLab, str], Any]]:
    """Run code in the only kernel of a JupyterLab; what it prints, read as JSON."""
    clients: list[BlockingKernelClient] = []

    def run(lab: JupyterLab, code: str) -> Any:
        if not clients:
            (connection,) = lab.runtime.glob("kernel-*.json")
            client = BlockingKernelClient(connection_file=str(connection))
            client.load_connection_file()
            client.start_channels()
            clients.append(client)
        printed: list[str] = []

        def take(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                printed.append(message["content"]["text"])

        reply = clients[0].execute_interactive(code, timeout=60, output_hook=take)
        assert reply["content"]["status"] == "ok", reply["content"]
        return json.loads("".join(printed))

    yield run
    for client in clients:
        client.stop_channels()


def run_all(page: Page, address: str) -> None:
    """Open a notebook and run all its cells."""
    page.goto(address)
    expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible(timeout=STARTED)
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible(
        timeout=STARTED
    )
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()


def as_bars(rows: list[list[float]]) -> dict[int, tuple[float, ...]]:
    return {int(ts): tuple(fields) for ts, *fields in rows}


@pytest.mark.timeout(600)
def test_notebook_streams_true_bars_beside_a_busy_cell_and_trades(
    page: Page, jupyter_lab: Callable[[Path], JupyterLab], ask: Callable, tmp_path: Path
) -> None:
    with_test_cells(NOTEBOOK, tmp_path)
    lab = jupyter_lab(tmp_path)
    run_all(page, lab.address("lab/tree/workbench.ipynb"))
    bench = Workbench.in_cell(page, 90)
    bench.wait_for_bars(3, 60)

    spinning = page.locator(".jp-OutputArea-output", has_text="spinning")
    expect(spinning).to_be_visible(timeout=120_000)
    start = bench.newest()
    expect(spinning.get_by_text("spun")).to_be_visible(timeout=120_000)
    # Not every second has a trade, and a second without one has no bar; the page may also be a
    # frame behind. That the bars are the right ones is what the comparison below is for.
    assert bench.newest() >= start + MINUTE * 3 // 4, "candles stood still beside the busy cell"
    bench.wait_for_bars(MINUTE, 2 * MINUTE)

    shown, engine = bench.closed_bars(), as_bars(ask(lab, ENGINE_BARS))
    assert len(shown) >= 2 * MINUTE
    assert shown == {ts: engine[ts] for ts in shown}
    journal = ask(lab, BARS_OF_THE_JOURNAL)
    assert journal["missed"] == 0
    rebuilt = as_bars(journal["bars"])
    assert len(engine) >= 500 + 2 * MINUTE
    assert engine == {ts: rebuilt[ts] for ts in engine}
    assert set(engine) == {ts for ts in rebuilt if ts <= max(engine)}

    trade_and_kill(bench)


def trade_and_kill(bench: Workbench) -> None:
    """An order from the ticket fills and moves the position; then nothing trades any more."""
    bench.buy_at_market("ETHUSDT", "1.500")
    newest = bench.tab("Fills").filter(has_text="ETHUSDT").first
    expect(newest).to_contain_text("buy")
    flatten = bench.frame.get_by_role("button", name="Flatten ETHUSDT")
    expect(bench.tab("Positions").filter(has=flatten)).to_contain_text("+1.500")
    bench.hold_kill()
    ticket = bench.frame.locator(".a-ticket")
    expect(ticket.get_by_text("Trading is halted")).to_be_visible()
    expect(ticket.get_by_role("button", name="Buy 1.500 at market")).to_be_disabled()
    expect(bench.tab("Alerts").filter(has_text="KILL_SWITCH").first).to_be_visible()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of the workbench served alone, as ``alphaforge serve`` prints it."""
    log = tmp_path / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "alphaforge", "serve", ":memory:"],
            cwd=tmp_path,
            env=os.environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )

    def address() -> str | None:
        if process.poll() is not None:
            pytest.fail(f"the server ended by itself:\n{log.read_text()}")
        found = re.search(r"http://\S+", log.read_text())
        return found.group() if found else None

    try:
        yield wait_until(address, 100, "the server's address")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        finally:
            process.kill()
    assert process.returncode == 0, log.read_text()


@pytest.mark.timeout(240)
def test_served_alone_it_trades_and_fits_a_narrow_page(served: str, page: Page) -> None:
    page.goto(f"{served}&th=dark")
    bench = Workbench(page, page.main_frame)
    wait_until(lambda: bench.newest() >= 400, 60, "the back-fill")
    bench.wait_for_bars(3, 30)
    expect(page.get_by_text("paper · SmaCross · simulated exchange")).to_be_visible()

    page.get_by_role("button", name="Switch theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    bench.wait_for_bars(1, 30)

    page.set_viewport_size({"width": 820, "height": 1180})
    lefts = page.locator(".app > .card").evaluate_all(
        "cards => cards.map(card => card.getBoundingClientRect().left)"
    )
    assert len(lefts) == 7
    assert len(set(lefts)) == 1, "not one column"
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    bench.wait_for_bars(1, 30)
