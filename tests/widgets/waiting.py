"""Waiting for a condition: never a sleep of a guessed length."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE_S = 20.0


def until(condition: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> object:
    """Wait until ``condition()`` is true and return its value; fail with ``what`` otherwise."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {deadline_s:g} s: {what}")
