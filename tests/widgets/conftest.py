"""What every widget test shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from desk import FakeDesk


@pytest.fixture
def desk() -> FakeDesk:
    """A market that stands still until the test moves it."""
    return FakeDesk()


@pytest.fixture
def live_desk() -> Iterator[FakeDesk]:
    """A market that moves by itself, one bar a second."""
    desk = FakeDesk().run()
    yield desk
    desk.stop()
