"""Price levels: a window around the touch on each side of each book, and ``far`` beyond it.

A level lives at slot ``tick & (levels_n - 1)`` of its row while the window covers its tick, and a
bit says whether it holds lots: the next best price is found 64 ticks at a time. The window follows
the best price, but only once that has left its middle half, so it moves every ``levels_n / 4``
ticks at the earliest. Levels that it leaves go to the table in ``far``, those that it reaches come
back: none is lost. Choose ``levels`` so that what is traded on lies in the window, since what looks
into ``far`` for the next price reads that table.

``m`` is the block's address, ``b`` a book's index, ``side`` +1 the bids and -1 the asks.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.atomic import (
    copy_bytes,
    leading_zeros,
    load_i8,
    store_i8,
    trailing_zeros,
)
from alphaforge.engine.block import book, engine_at, level_at
from alphaforge.engine.far import (
    clear_far,
    delete_far,
    far_level,
    far_room,
    find_far,
    insert_far,
    next_far,
)
from alphaforge.engine.jit import hot, kernel
from alphaforge.engine.journal import journal_output


@hot
def row_of(b, side):
    """The row of a book's side: bids first."""
    return 2 * b + (1 if side < 0 else 0)


@hot
def best_of(m, b, side):
    """The best price of a side, ticks; NO_PRICE where it is empty."""
    k = book(m, b)
    return k.best_bid if side > 0 else k.best_ask


@hot
def _base(m, b, side):
    k = book(m, b)
    return k.bid_base if side > 0 else k.ask_base


@hot
def _far_count(m, b, side):
    k = book(m, b)
    return k.bid_far if side > 0 else k.ask_far


@hot
def _count_far(m, b, side, change):
    k = book(m, b)
    if side > 0:
        k.bid_far += change
    else:
        k.ask_far += change


@hot
def _set_best(m, b, side, tick):
    k = book(m, b)
    if side > 0:
        k.best_bid = tick
    else:
        k.best_ask = tick


@hot
def _slot(m, row, tick):
    """The address of the LEVEL that a tick has in the window of its row."""
    h = engine_at(m)
    n = h.levels_n
    return m + h.levels_at + (row * n + (tick & (n - 1))) * L.LEVEL_BYTES


@hot
def _word(m, row, slot):
    """The address of the word that holds a slot's bit."""
    h = engine_at(m)
    return m + h.bits_at + ((row * h.levels_n + slot) >> 6) * 8


@hot
def _flip(m, row, tick):
    slot = tick & (engine_at(m).levels_n - 1)
    word = _word(m, row, slot)
    store_i8(word, load_i8(word) ^ (1 << (slot & 63)))


@kernel
def lowest_in(m, row, first, last):
    """The lowest tick with lots in ``[first, last)`` of a row's window, or NO_PRICE.

    The range is at most a window long. Cost: a word, 64 ticks, about 1 ns.
    """
    mask = engine_at(m).levels_n - 1
    tick = first
    while tick < last:
        slot = tick & mask
        # What an arithmetic shift brings in from above is never the lowest bit.
        zeros = trailing_zeros(load_i8(_word(m, row, slot)) >> (slot & 63))
        if zeros < 64:
            return tick + zeros if tick + zeros < last else L.NO_PRICE
        tick += 64 - (slot & 63)
    return L.NO_PRICE


@kernel
def highest_in(m, row, first, last):
    """The highest tick with lots in ``[first, last)`` of a row's window, or NO_PRICE."""
    mask = engine_at(m).levels_n - 1
    tick = last - 1
    while tick >= first:
        slot = tick & mask
        zeros = leading_zeros(load_i8(_word(m, row, slot)) << (63 - (slot & 63)))
        if zeros < 64:
            return tick - zeros if tick - zeros >= first else L.NO_PRICE
        tick -= (slot & 63) + 1
    return L.NO_PRICE


@hot
def level_address(m, b, side, tick):
    """The address of a tick's LEVEL, or 0 where nothing is kept of it.

    Good until the next level is set. In the window it may hold no lots.
    """
    away = tick - _base(m, b, side)
    row = row_of(b, side)
    if 0 <= away < engine_at(m).levels_n:
        return _slot(m, row, tick)
    if _far_count(m, b, side) == 0:
        return 0
    at = find_far(m, row, tick)
    return far_level(m, at) if at >= 0 else 0


@kernel
def lots_at(m, b, side, tick):
    """Lots of a level, 0 where there is none."""
    at = level_address(m, b, side, tick)
    return level_at(at).lot if at != 0 else 0


@kernel
def taken_at(m, b, side, tick):
    """Lots of a level that we consumed since the market last told of it."""
    at = level_address(m, b, side, tick)
    return level_at(at).taken if at != 0 else 0


@kernel
def take(m, b, side, tick, lots):
    """Note that we consumed lots of a level; nothing where the level holds none."""
    at = level_address(m, b, side, tick)
    if at != 0 and level_at(at).lot > 0:
        level_at(at).taken += lots


@kernel
def next_level(m, b, side, tick):
    """The next tick with lots strictly behind ``tick``, seen from the touch, or NO_PRICE.

    Cost: about 2 ns where it is in the window near by, a read of ``far`` where it isn't.
    """
    base = _base(m, b, side)
    if base == L.NO_PRICE:
        return L.NO_PRICE
    row = row_of(b, side)
    end = base + engine_at(m).levels_n
    if side > 0:
        found = highest_in(m, row, base, min(tick, end))
        nearest = tick <= end
    else:
        found = lowest_in(m, row, max(tick + 1, base), end)
        nearest = tick >= base - 1
    count = _far_count(m, b, side)
    # Between a tick that the window covers and what was found in it there is nothing else.
    if count == 0 or (nearest and found != L.NO_PRICE):
        return found
    other = next_far(m, row, side, tick, count)
    if found == L.NO_PRICE or (other != L.NO_PRICE and (other - found) * side > 0):
        return other
    return found


@hot
def _empty(at):
    level = level_at(at)
    level.lot = level.taken = 0
    level.head = level.tail = -1
    level.orders = 0


@kernel
def _leave_window(m, b, side, first, last):
    """Move the window's levels in ``[first, last)`` to ``far``; False, and none, without room."""
    row = row_of(b, side)
    count = 0
    tick = lowest_in(m, row, first, last)
    while tick != L.NO_PRICE:
        count += 1
        tick = lowest_in(m, row, tick + 1, last)
    if count > far_room(m):
        return False
    tick = lowest_in(m, row, first, last)
    while tick != L.NO_PRICE:
        at = far_level(m, insert_far(m, row, tick))
        copy_bytes(at, _slot(m, row, tick), L.LEVEL_BYTES)
        _empty(_slot(m, row, tick))
        _flip(m, row, tick)
        tick = lowest_in(m, row, tick + 1, last)
    _count_far(m, b, side, count)
    return True


@kernel
def _enter_window(m, b, side, first, last):
    """Move levels in ``[first, last)`` from ``far`` to the window, which covers them by now."""
    row = row_of(b, side)
    left = _far_count(m, b, side)
    tick = first
    while tick < last and left > 0:
        found = find_far(m, row, tick)
        if found >= 0:
            copy_bytes(_slot(m, row, tick), far_level(m, found), L.LEVEL_BYTES)
            _flip(m, row, tick)
            delete_far(m, found)
            left -= 1
        tick += 1
    _count_far(m, b, side, left - _far_count(m, b, side))


@kernel
def _move_window(m, b, side, tick):
    """Centre a side's window on a tick.

    Where ``far`` can't take what would leave, the window stays: slower, and as right. Cost: some
    4 us for a whole window of 1,024 ticks where ``far`` holds levels of this side.
    """
    n = engine_at(m).levels_n
    k = book(m, b)
    old = _base(m, b, side)
    new = tick - n // 2
    if best_of(m, b, side) == L.NO_PRICE:
        old = new  # nothing to move
    first = max(old, new + n) if new < old else old
    last = old + n if new < old else min(new, old + n)
    if not _leave_window(m, b, side, first, last):
        return
    if side > 0:
        k.bid_base = new
    else:
        k.ask_base = new
    if new > old:
        _enter_window(m, b, side, max(new, old + n), new + n)
    elif new < old:
        _enter_window(m, b, side, new, min(new + n, old))


@hot
def _follow(m, b, side, tick):
    """Move the window where a best price at ``tick`` has left its middle half."""
    n = engine_at(m).levels_n
    away = tick - _base(m, b, side)
    if away < n // 4 or away >= n - n // 4:
        _move_window(m, b, side, tick)


@kernel
def mark_stale(m, b, state, expected, found):
    """A book isn't to be trusted any more: count it and journal why."""
    k = book(m, b)
    k.state = k.told = state
    engine_at(m).book_faults += 1
    journal_output(m, M.BOOK_ROW, state, k.instrument, expected, found, k.left_out, b)


@kernel
def _put_far(m, b, side, tick, lots):
    """Set a level outside of the window: its lots before, or -1 where ``far`` is full."""
    row = row_of(b, side)
    at = find_far(m, row, tick) if _far_count(m, b, side) > 0 else -1
    if at < 0 and lots == 0:
        return 0
    if at < 0:
        if far_room(m) <= 0:
            mark_stale(m, b, K.BOOK_FULL, engine_at(m).far_used, tick)
            return -1
        at = insert_far(m, row, tick)
        _count_far(m, b, side, 1)
    level = level_at(far_level(m, at))
    before = level.lot
    level.lot = lots
    level.taken = 0
    if lots == 0:
        delete_far(m, at)
        _count_far(m, b, side, -1)
    return before


@hot
def _put(m, b, side, tick, lots):
    """Set a level wherever it belongs: its lots before, or -1 where ``far`` is full."""
    away = tick - _base(m, b, side)
    if away < 0 or away >= engine_at(m).levels_n:
        return _put_far(m, b, side, tick, lots)
    row = row_of(b, side)
    level = level_at(_slot(m, row, tick))
    before = level.lot
    level.lot = lots
    level.taken = 0
    if lots == 0:
        level.orders = 0
    if (before > 0) != (lots > 0):
        _flip(m, row, tick)
    return before


@kernel
def set_level(m, b, side, tick, lots):
    """Set one level's total and keep the best price.

    Parameters
    ----------
    m, b, side : int
        The block, the book, +1 for bids and -1 for asks.
    tick : int
        Price, between -2**61 and 2**61.
    lots : int
        The level's new total, not negative; 0 removes it.

    Returns
    -------
    int
        Its lots before, 0 where it wasn't there; -1 where there was no room for it, which marks
        the book stale.

    Notes
    -----
    Mutates the level, what was ``taken`` of it (fresh data: 0), the best price, the window.
    Whether the book is crossed is for the end of a frame to see. Cost: some 10 ns in the window.
    """
    if engine_at(m).levels_n == 0:
        return 0
    best = best_of(m, b, side)
    better = lots > 0 and (best == L.NO_PRICE or (tick - best) * side > 0)
    if better:
        _follow(m, b, side, tick)
    before = _put(m, b, side, tick, lots)
    if before < 0:
        return before
    book(m, b).seen = 1
    if better:
        _set_best(m, b, side, tick)
    elif lots == 0 and tick == best:
        best = next_level(m, b, side, tick)
        _set_best(m, b, side, best)
        if best != L.NO_PRICE:
            _follow(m, b, side, best)
    return before


@kernel
def clear_levels(m, b):
    """Remove all levels of a book, in its windows and in ``far``. About 3 ns a level."""
    for side in (1, -1):
        row = row_of(b, side)
        first = _base(m, b, side)
        last = first + engine_at(m).levels_n
        tick = lowest_in(m, row, first, last)
        while tick != L.NO_PRICE:
            _empty(_slot(m, row, tick))
            _flip(m, row, tick)
            tick = lowest_in(m, row, tick + 1, last)
        clear_far(m, row, _far_count(m, b, side))
        _count_far(m, b, side, -_far_count(m, b, side))
        _set_best(m, b, side, L.NO_PRICE)
