"""A notebook in JupyterLab from outside: its cells, their editors and outputs, the debugger."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deadline import wait_until
from playwright.sync_api import Locator, Page, expect

STARTED = 60_000  # ms: JupyterLab's first page on a busy machine
RAN = 60_000  # ms: a cell that compiles something


def code_cell(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source.strip(),
    }


def write_notebook(path: Path, **cells: str) -> None:
    """A notebook of code cells: what each is called here, and its source."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    content = {
        "cells": [code_cell(name, source) for name, source in cells.items()],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(content), encoding="utf-8")


@dataclass(frozen=True)
class Notebook:
    """A notebook that a page shows; its cells by the names they were written with."""

    page: Page
    names: tuple[str, ...]

    @classmethod
    def at(cls, page: Page, address: str, names: tuple[str, ...] = ()) -> Notebook:
        """Open a notebook and wait for its kernel."""
        page.goto(address)
        expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible(timeout=STARTED)
        idle = page.get_by_role("button", name="Python 3 (ipykernel) | Idle")
        expect(idle).to_be_visible(timeout=STARTED)
        return cls(page, names)

    def cell(self, name: str) -> Locator:
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(self.names.index(name))

    def output(self, name: str) -> Locator:
        return self.cell(name).locator(".jp-OutputArea-output")

    def start(self, name: str) -> None:
        """Run a cell as a person does."""
        self.cell(name).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def run(self, name: str) -> str:
        """Run a cell and wait for its end; what it shows last."""
        prompt = self.cell(name).locator(".jp-InputArea-prompt")
        before = prompt.inner_text()
        self.start(name)
        expect(prompt).not_to_have_text(before, timeout=RAN)
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=RAN)
        shown = self.output(name).all_inner_texts()
        return shown[-1] if shown else ""

    def line(self, name: str, number: int) -> Locator:
        return self.cell(name).locator(".cm-content .cm-line").nth(number - 1)

    def retype(self, name: str, number: int, text: str) -> None:
        """Type another line in place of one, with its indentation kept."""
        self.line(name, number).click()
        for key in ("End", "Shift+Home"):
            self.page.keyboard.press(key)
        self.page.keyboard.type(text)
        expect(self.line(name, number)).to_have_text(re.compile(rf"^\s*{re.escape(text)}$"))

    # --- JupyterLab's debugger ------------------------------------------------------------------

    def enable_debugger(self) -> None:
        self.page.get_by_role("button", name="Enable Debugger").click()
        expect(self.page.get_by_role("button", name="Disable Debugger")).to_be_visible()
        expect(self.page.locator(".jp-DebuggerCallstack")).to_be_visible(timeout=STARTED)

    def toggle_breakpoint(self, name: str, number: int) -> None:
        """Click in the gutter beside a line: a breakpoint is set, or taken away again."""
        gutter = self.cell(name).locator(".cm-gutter.cm-breakpoint-gutter")
        expect(gutter).to_be_visible(timeout=STARTED)
        line = self.line(name, number)
        line.scroll_into_view_if_needed()
        across, down = gutter.bounding_box(), line.bounding_box()
        assert across is not None
        assert down is not None
        self.page.mouse.click(across["x"] + across["width"] / 2, down["y"] + down["height"] / 2)

    @property
    def breakpoints(self) -> Locator:
        """Those of the debugger's panel."""
        return self.page.locator(".jp-DebuggerBreakpoint")

    @property
    def frames(self) -> Locator:
        """The stack where it stands, innermost first; nothing while it runs."""
        return self.page.locator(".jp-DebuggerCallstack-body li")

    def press(self, button: str) -> None:
        """One of the debugger's buttons, such as ``Next``."""
        bar = self.page.get_by_role("toolbar", name="Callstack panel toolbar")
        bar.get_by_role("button", name=re.compile(f"^{button}")).click()

    def wait_for_variable(self, path: tuple[str, str], value: str) -> None:
        """Wait until the variables panel shows a value, such as that of ``("bar", "close")``."""
        outer, inner = path
        holder = self._variable(self.page.locator(".jp-DebuggerVariables"), outer)
        detail = self._variable(holder, inner).locator(":scope > .jp-DebuggerVariables-detail")

        def shows() -> bool:
            # Every stop draws the panel anew: what was open may be closed again.
            if holder.count() and holder.get_attribute("aria-expanded") != "true":
                holder.locator(":scope > .jp-DebuggerVariables-name").click()
            return detail.all_inner_texts() == [value]

        wait_until(shows, 30, f"{outer}.{inner} = {value}")

    @staticmethod
    def _variable(inside: Locator, name: str) -> Locator:
        label = inside.page.locator(
            ":scope > .jp-DebuggerVariables-name", has_text=re.compile(f"^{name}$")
        )
        return inside.locator("jp-tree-item").filter(has=label).first
