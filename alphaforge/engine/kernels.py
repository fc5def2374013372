"""Importing this registers every entry kernel, for ``warm`` and for the tests that count them."""

from alphaforge.engine import (  # noqa: F401 - importing is the point
    bars,
    book,
    measures,
    ring,
    snapshot,
    step,
    thread,
)
