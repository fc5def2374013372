"""Levels outside of their side's window: one hash table for all books, by row and tick.

Open addressing with linear probing. A level that leaves is deleted by shifting back what probed
past it, so there are no tombstones and a long session costs what a short one does. An index into
the table is good until the next insertion or deletion.
"""

from __future__ import annotations

from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.atomic import copy_bytes, wrap_add, wrap_mul
from alphaforge.engine.block import engine_at, far
from alphaforge.engine.jit import hot, kernel

_LEVEL_AT = M.offset_of(L.FAR, "lot")
"""From there on a FAR record is laid out as a LEVEL."""
_K_TICK, _K_ROW = 0x1E3779B97F4A7C15, 0x3C6EF372FE94F82B
"""Odd: multiples of the golden ratio, which spread neighbours widely."""

if L.LEVEL.descr != L.FAR.descr[2:]:
    raise TypeError("a FAR record must end as a LEVEL: a field was added to one of the two")


@hot
def far_level(m, n):
    """The address of the n-th place's LEVEL fields."""
    return m + engine_at(m).far_at + n * L.FAR_BYTES + _LEVEL_AT


@hot
def far_room(m):
    """Levels that still fit; an eighth stays empty, or looking for what isn't there gets slow."""
    h = engine_at(m)
    return h.far_n - (h.far_n >> 3) - h.far_used


@hot
def _home(m, row, tick):
    """Where a level's search begins; ``row`` as stored, plus 1."""
    mixed = wrap_add(wrap_mul(tick, _K_TICK), wrap_mul(row, _K_ROW))
    return (mixed ^ (mixed >> 32)) & (engine_at(m).far_n - 1)


@kernel
def find_far(m, row, tick):
    """The place of a level, or -1. Some 10 ns where the table is a third full."""
    mask = engine_at(m).far_n - 1
    at = _home(m, row + 1, tick)
    while far(m, at).row != 0:
        if far(m, at).row == row + 1 and far(m, at).tick == tick:
            return at
        at = (at + 1) & mask
    return -1


@kernel
def insert_far(m, row, tick):
    """An empty level at a place of its own: its index. The caller knows that there is room."""
    h = engine_at(m)
    at = _home(m, row + 1, tick)
    while far(m, at).row != 0:
        at = (at + 1) & (h.far_n - 1)
    new = far(m, at)
    new.row = row + 1
    new.tick = tick
    new.lot = new.taken = 0
    new.head = new.tail = -1
    new.orders = 0
    h.far_used += 1
    return at


@kernel
def delete_far(m, hole):
    """Empty a place and shift back what had probed past it."""
    h = engine_at(m)
    mask = h.far_n - 1
    at = (hole + 1) & mask
    while far(m, at).row != 0:
        home = _home(m, far(m, at).row, far(m, at).tick)
        if ((at - home) & mask) >= ((at - hole) & mask):
            start = m + h.far_at
            copy_bytes(start + hole * L.FAR_BYTES, start + at * L.FAR_BYTES, L.FAR_BYTES)
            hole = at
        at = (at + 1) & mask
    far(m, hole).row = 0
    h.far_used -= 1


@kernel
def next_far(m, row, side, tick, count):
    """The tick nearest behind ``tick`` among a row's ``count`` levels here, or NO_PRICE.

    Reads the table until all of them were seen: about 1 ns a place.
    """
    found = L.NO_PRICE
    at = 0
    while count > 0:
        here = far(m, at)
        if here.row == row + 1:
            count -= 1
            if (tick - here.tick) * side > 0 and (
                found == L.NO_PRICE or (here.tick - found) * side > 0
            ):
                found = here.tick
        at += 1
    return found


@kernel
def clear_far(m, row, count):
    """Delete all ``count`` levels that a row has here."""
    at = 0
    while count > 0:
        if far(m, at).row == row + 1:
            delete_far(m, at)  # what was shifted to this place is looked at next
            count -= 1
        else:
            at += 1
