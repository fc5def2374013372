"""Waiting for a condition: never a sleep of a guessed length."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest


def wait_until(holds: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of ``holds``; fails, naming ``what``, when the deadline passes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = holds()
        if value:
            return value
        time.sleep(0.05)
    return pytest.fail(f"{what} did not happen within {seconds:.0f} s")
