"""Collects what the benchmarks measure and prints it as one table, kept in docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

TABLE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_LINES: list[Line] = []


@dataclass
class Line:
    """One measured thing beside what it has to reach."""

    what: str
    measured: str
    target: str
    reached: bool
    how: str


@pytest.fixture
def line():
    """Add a line to the table."""

    def add(what: str, measured: str, target: str, reached: bool, how: str = "") -> None:
        _LINES.append(Line(what, measured, target, reached, how))

    return add


def pytest_terminal_summary(terminalreporter) -> None:
    if not _LINES:
        return
    head = ["What", "Measured", "Target", "", "How"]
    rows = [[x.what, x.measured, x.target, "✓" if x.reached else "✗", x.how] for x in _LINES]
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    about = (  # read beside every figure
        f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())} · {os.cpu_count()} cores · "
        f"{platform.machine()} · Python {platform.python_version()} · load {load}"
    )
    text = ["# Benchmarks", "", f"Printed by `make bench`. {about}.", ""]
    text += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    text += ["| " + " | ".join(row) + " |" for row in rows]
    text += [
        "",
        "One run on a shared machine: read ratios, not the absolute figures. Speeds are of one",
        "core, warm, journal on, medians; the limit is a plain numba loop without any engine.",
        "",
    ]
    if terminalreporter.config.args == ["bench"]:  # a part alone would lose the rest
        TABLE.write_text("\n".join(text))
    terminalreporter.write_line("")
    for part in text:
        terminalreporter.write_line(part)
