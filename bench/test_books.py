"""Books alone: messages a second on one core, and what a walk and a checksum cost."""

from __future__ import annotations

import statistics
import time

import numpy as np
from book_flows import level_flow, order_flow

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.book import apply_messages
from alphaforge.engine.journal import Journal

COUNT = 1_000_000


def _apply(messages: np.ndarray, **capacities: int) -> tuple[float, np.void]:
    """Seconds that a new block took, and its book."""
    block = L.new_block(L.Capacities(instruments=2, **capacities))
    journal = Journal(1 << 10)
    block[: L.ENGINE_BYTES].view(L.ENGINE)[0]["journal"] = journal.address
    began = time.perf_counter()
    applied = apply_messages(block.ctypes.data, messages.ctypes.data, messages.size)
    took = time.perf_counter() - began
    assert applied == messages.size
    book = L.pool(block, "books")[0].copy()
    assert int(book["state"]) == K.BOOK_GOOD
    return took, book


def _rate(benchmark, messages: np.ndarray, **capacities: int) -> tuple[float, np.void]:
    """Millions a second, the median of five, and the book at the end."""
    seconds = []

    def once() -> np.void:
        took, book = _apply(messages, **capacities)
        seconds.append(took)
        return book

    book = benchmark.pedantic(once, rounds=5, warmup_rounds=1)
    return messages.size / statistics.median(seconds[1:]) / 1e6, book


def test_levels(benchmark, line):
    messages = level_flow(COUNT)
    rate, book = _rate(benchmark, messages, far=1 << 14)
    touched = np.ptp(messages["a"][messages["b"] > 0])
    line(
        "1 M price levels set, changed, removed (L2)",
        f"{rate:.1f} M/s",
        "20 M/s",
        rate >= 20,
        f"{1e3 / rate:.0f} ns each; prices over {touched:,} ticks, window 1,024, "
        f"{int(book['bid_far'] + book['ask_far']):,} levels beyond it at the end",
    )


def test_orders(benchmark, line):
    messages = order_flow(COUNT)
    rate, book = _rate(benchmark, messages, queued=1 << 16)
    line(
        "1 M order messages (L3)",
        f"{rate:.1f} M/s",
        "5 M/s",
        rate >= 5,
        f"{1e3 / rate:.0f} ns each; {int(book['orders']):,} orders waiting at the end",
    )
