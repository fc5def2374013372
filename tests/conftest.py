"""What tests of every folder share: waiting, and a history that is thrown away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from alphaforge.data.history import History

# A kernel's first call compiles it, on a machine of any speed: no example has a deadline.
settings.register_profile("alphaforge", deadline=None)
settings.load_profile("alphaforge")

Eventually = Callable[..., object]


@pytest.fixture
def eventually() -> Eventually:
    """Wait for a condition, never for a guessed length of time: ``eventually(condition, 5.0)``."""

    def wait(condition: Callable[[], object], deadline: float = 20.0, what: str = "") -> object:
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.002)
        raise AssertionError(f"not within {deadline:g} s: {what or condition}")

    return wait


@pytest.fixture
def history() -> Iterator[History]:
    """An empty history in memory."""
    made = History(":memory:")
    yield made
    made.close()
