"""A live session for tests that break it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import alphaforge as af

SYMBOL = "BTCUSDT"


@pytest.fixture
def lab() -> Iterator[af.Lab]:
    before = set(threading.enumerate())
    made = af.Lab(":memory:", exchange={"symbols": [SYMBOL], "seed": 2})
    yield made
    made.close()
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("alphaforge")]
    assert not left, "close leaves no thread"
