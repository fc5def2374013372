"""A strategy in a notebook's cell: JupyterLab's debugger stops in it, and an edit swaps it live."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deadline import wait_until
from notebook_page import Notebook, write_notebook
from playwright.sync_api import Locator, Page, expect
from workbench_page import Workbench

if TYPE_CHECKING:
    from conftest import JupyterLab

pytestmark = pytest.mark.timeout(240)

SOON = 20_000  # ms: what follows a click

LAB = """
import alphaforge as af
lab = af.Lab(":memory:", exchange={"symbols": ["BTCUSDT"], "seed": 2})
lab.history.load_samples()
"""

CROSS = """
class Cross(af.Strategy):
    fast: af.SMA = af.SMA(3)
    slow: af.SMA = af.SMA(8)
    seen: int = 0
    size: float = 100

    def on_bar(self, ctx, bar):
        self.seen += 1
        self.fast.update(bar.close)
        self.slow.update(bar.close)
        if self.slow.ready:
            ctx.target(bar.instrument, self.size if self.fast.value > self.slow.value else 0)
"""
SEEN, UPDATE = 8, 9  # lines of it

DEBUGGED = {
    "lab": LAB,
    "cross": CROSS,
    "plain": """
run = lab.backtest(Cross(), "AAPL", "1d", mode="python")
print(run.journal_hash, len(run.fills), *(f"{x:g}" for x in lab.bars("AAPL", "1d")["close"][:2]))
""",
    "again": """
run = lab.backtest(Cross(), "AAPL", "1d", mode="python")
print(run.journal_hash, len(run.fills))
""",
    "paper": 'paper = lab.paper(Cross(size=0.1), "BTCUSDT", "1s", mode="python")',
    "session": 'print(lab.engine.running, lab.live.error, len(lab.bars("BTCUSDT", "1s")))',
}

Start = Callable[[Path], "JupyterLab"]


def opened(page: Page, lab: JupyterLab, folder: Path, cells: dict[str, str]) -> Notebook:
    write_notebook(folder / "strategy.ipynb", **cells)
    return Notebook.at(page, lab.address("lab/tree/strategy.ipynb"), tuple(cells))


def stands_in_on_bar(notebook: Notebook, line: int, below: str = "") -> None:
    """The stack is ours alone: ``on_bar``, and the cell that runs it where one does."""
    cell = rf"on_bar\s*Cell \[\d+\]:{line}"
    wanted = [re.compile(cell)] + ([re.compile(below)] if below else [])
    expect(notebook.frames).to_have_text(wanted, timeout=SOON)


def test_a_breakpoint_in_the_cell_stops_a_backtest_and_a_live_session(
    page: Page, jupyter_lab: Start, tmp_path: Path
) -> None:
    notebook = opened(page, jupyter_lab(tmp_path), tmp_path, DEBUGGED)
    notebook.run("lab")
    notebook.run("cross")
    digest, fills, first, second = notebook.run("plain").split()
    assert int(fills) > 20

    notebook.enable_debugger()
    notebook.toggle_breakpoint("cross", SEEN)
    expect(notebook.breakpoints).to_have_count(1, timeout=SOON)
    notebook.start("again")
    stands_in_on_bar(notebook, SEEN, r"<module>\s*Cell \[\*\]:1")
    notebook.wait_for_variable(("self", "seen"), "0")
    notebook.wait_for_variable(("bar", "close"), first)
    notebook.press("Next")
    stands_in_on_bar(notebook, UPDATE, "<module>")
    notebook.wait_for_variable(("self", "seen"), "1")
    notebook.press("Continue")
    stands_in_on_bar(notebook, SEEN, "<module>")
    notebook.wait_for_variable(("bar", "close"), second)
    notebook.toggle_breakpoint("cross", SEEN)
    expect(notebook.breakpoints).to_have_count(0, timeout=SOON)
    notebook.press("Continue")
    expect(notebook.output("again").last).to_have_text(f"{digest} {fills}\n", timeout=2 * SOON)

    # The engine's own thread, which began while nobody debugged it.
    notebook.run("paper")
    notebook.toggle_breakpoint("cross", SEEN)
    stands_in_on_bar(notebook, SEEN)
    notebook.wait_for_variable(("self", "size"), "0.1")
    notebook.press("Next")
    stands_in_on_bar(notebook, UPDATE)
    notebook.press("Continue")
    stands_in_on_bar(notebook, SEEN)
    notebook.toggle_breakpoint("cross", SEEN)
    expect(notebook.breakpoints).to_have_count(0, timeout=SOON)
    notebook.press("Continue")
    expect(notebook.frames).to_have_count(0, timeout=SOON)

    def goes_on(bars: int = 500) -> bool:
        running, error, count = notebook.run("session").split()
        assert (running, error) == ("True", "None")
        return int(count) > bars

    wait_until(goes_on, 30, "the session after the breakpoint")


HOLDS = """
class Holds(af.Strategy):
    seen: int = 0

    def on_bar(self, ctx, bar):
        self.seen += 1
        ctx.record("first", bar.close)
        ctx.target(bar.instrument, 0.5)
"""
RECORDS = 6  # a line of it

SWAPPED = {
    "lab": LAB,
    "holds": HOLDS,
    "trade": 'paper = lab.paper(Holds(), "BTCUSDT", "1s")',
    "chart": "lab.workbench()",
    "ask": """
import json
count = lambda table, more="": int(lab.sql(f"select count(*) n from {table} {more}")["n"][0])
print(json.dumps({
    "running": lab.engine.running,
    "position": paper.position,
    "fills": count("fills"),
    "first": count("recorded", "where name = 'first'"),
    "second": count("recorded", "where name = 'second'"),
    "third": count("recorded", "where name = 'third'"),
}))
""",
}


def test_an_edited_cell_is_swapped_in_while_it_trades(
    page: Page, jupyter_lab: Start, tmp_path: Path
) -> None:
    notebook = opened(page, jupyter_lab(tmp_path), tmp_path, SWAPPED)
    for name in ("lab", "holds", "trade"):
        notebook.run(name)
    notebook.start("chart")
    bench = Workbench.in_cell(page, 60)

    def ask() -> dict[str, Any]:
        return json.loads(notebook.run("ask"))

    def edit(line: str) -> Locator:
        notebook.retype("holds", RECORDS, line)
        notebook.run("holds")
        return notebook.output("holds")

    wait_until(lambda: ask()["position"] == 0.5, 30, "the position")
    before = ask()
    assert before["first"] > 500
    assert before["second"] == 0
    told = edit('ctx.record("second", bar.close)')
    swapped = "AlphaForge: Holds runs its new code; position and orders stay, seen kept"
    expect(told).to_have_text(f"{swapped}\n", timeout=SOON)
    now = wait_until(lambda: (now := ask())["second"] > 1 and now, 30, "the new code")
    assert (now["position"], now["fills"]) == (before["position"], before["fills"])
    last = now["first"]
    bench.wait_for_bars(2, 30)

    told = edit('ctx.record("third", {1: bar.close}[1])')
    expect(told).to_contain_text("AlphaForge: Holds trades on as it was.", timeout=SOON)
    expect(told).to_contain_text(f"line {RECORDS}: ")
    expect(told).to_contain_text("uses a dict")
    second = ask()["second"]
    now = wait_until(lambda: (now := ask())["second"] > second and now, 30, "the old code")
    assert (now["first"], now["third"], now["position"]) == (last, 0, 0.5)

    told = edit('ctx.record("third", 1 // (self.seen - self.seen))')
    expect(told.last).to_contain_text("AlphaForge: engine halted", timeout=SOON)
    expect(told.last).to_contain_text(f"line {RECORDS}, in on_bar")
    expect(told.last).to_contain_text("ZeroDivisionError")
    expect(told.last).not_to_contain_text("compile.py")
    expect(bench.frame.locator("[data-k='state']")).to_have_text("■ HALTED · SIM", timeout=SOON)
    expect(bench.frame.locator(".a-ticket")).to_contain_text("The engine is halted", timeout=SOON)
    now = ask()
    assert (now["running"], now["third"], now["position"]) == (False, 0, 0.5)

    told = edit('ctx.record("third", 1 // self.seen)')
    expect(told).to_have_text(f"{swapped}\n", timeout=SOON)
    now = wait_until(lambda: (now := ask())["third"] > 1 and now, 30, "the mended code")
    assert (now["running"], now["position"], now["fills"]) == (True, 0.5, before["fills"])
    bench.wait_for_bars(2, 30)
