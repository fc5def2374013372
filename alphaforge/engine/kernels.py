"""Importing this registers every entry kernel, for ``warm`` and for the tests that count them."""

from alphaforge.engine import bars, ring, snapshot, step, thread  # noqa: F401 - importing is the point
