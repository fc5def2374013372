"""The index of the order pool: client id to slot, open addressing."""

from __future__ import annotations

from alphaforge.engine.block import engine_at, key
from alphaforge.engine.jit import kernel, part

_SPREAD = 2_654_435_761  # the golden ratio of 2**32: multiplying spreads ids over the index
_LOW_BITS = 2**31 - 1


@kernel
def _home(m, order_id):
    return ((order_id & _LOW_BITS) * _SPREAD >> 16) & (engine_at(m).index_n - 1)


@part("int64(int64, int64)")
def find_order(m, order_id):
    """The slot of a client id, or -1. Closed orders are found until their slot is reused."""
    if order_id <= 0:
        return -1
    mask = engine_at(m).index_n - 1
    at = _home(m, order_id)
    while True:
        found = key(m, at)
        if found.id == order_id:
            return found.slot
        if found.id == 0:
            return -1
        at = (at + 1) & mask


@kernel
def index_add(m, order_id, slot):
    """Put an id in; it isn't there yet."""
    mask = engine_at(m).index_n - 1
    at = _home(m, order_id)
    while key(m, at).id != 0:
        at = (at + 1) & mask
    entry = key(m, at)
    entry.id = order_id
    entry.slot = slot


@kernel
def index_remove(m, order_id):
    """Take an id out and close the gap, so that no search meets a tombstone."""
    mask = engine_at(m).index_n - 1
    gap = _home(m, order_id)
    while key(m, gap).id != order_id:
        if key(m, gap).id == 0:
            return
        gap = (gap + 1) & mask
    at = (gap + 1) & mask
    while key(m, at).id != 0:
        if ((at - _home(m, key(m, at).id)) & mask) >= ((at - gap) & mask):
            key(m, gap).id = key(m, at).id
            key(m, gap).slot = key(m, at).slot
            gap = at
        at = (at + 1) & mask
    key(m, gap).id = 0
