"""The JupyterLab extension, in JupyterLab."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.timeout(180)

TILE = ".jp-LauncherCard[title^='Open the workbench notebook']"
STARTED = 60_000  # ms: JupyterLab's first page on a busy machine


def open_lab(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=STARTED)


def test_tile_opens_the_workbench_of_the_project(
    page: Page, jupyter_lab: Callable, tmp_path: Path
) -> None:
    notebook = tmp_path / "notebooks" / "workbench.ipynb"
    notebook.parent.mkdir()
    cell = {
        "cell_type": "markdown",
        "id": "only",
        "metadata": {},
        "source": "The project's own workbench",
    }
    notebook.write_text(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    lab = jupyter_lab(tmp_path)
    open_lab(page, lab.address())
    page.locator(TILE).click()
    shown = page.locator(".jp-RenderedMarkdown", has_text="The project's own workbench")
    expect(shown).to_be_visible(timeout=STARTED)
    assert not (tmp_path / "workbench.ipynb").exists()


def test_palette_creates_a_workbench_where_there_is_none(
    page: Page, jupyter_lab: Callable, tmp_path: Path
) -> None:
    lab = jupyter_lab(tmp_path)
    open_lab(page, lab.address())
    page.keyboard.press("Control+Shift+c")
    page.locator(".lm-CommandPalette-input").fill("AlphaForge Workbench")
    page.locator(".lm-CommandPalette-item").first.click()
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(2, timeout=STARTED)

    cells = json.loads((tmp_path / "workbench.ipynb").read_text())["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "code"]
    assert "af.Lab()" in "".join(cells[1]["source"])
    assert "lab.workbench()" in "".join(cells[2]["source"])
