"""Order-level books, L3: the orders of others, first come first served at each price.

Orders lie in one pool for all books; a level's ``head`` and ``tail`` begin and end its queue. They
are found by book and id through an open-addressing index with backward-shift deletion. The totals
of levels go through ``set_level``, as an L2 book's do, so best prices, windows and measures are the
same. A message that doesn't fit what is known, such as a cancel of an order that nobody added,
changes nothing: the book is stale from then on.

``m`` is the block's address, ``b`` a book's index, ``side`` +1 the bids and -1 the asks.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine.atomic import wrap_mul
from alphaforge.engine.block import book, engine_at, level_at, queued, queued_key
from alphaforge.engine.jit import hot, kernel
from alphaforge.engine.levels import level_address, mark_stale, row_of, set_level, take

_K_BOOK, _K_ID = 0x3C6EF372FE94F82B, 0x1E3779B97F4A7C15

# --- the index ------------------------------------------------------------------------------------


@hot
def _key(b, order_id):
    """What stands for an order in the index: two books may use the same id."""
    return order_id ^ wrap_mul(b + 1, _K_BOOK)


@hot
def _home(m, key):
    mixed = wrap_mul(key, _K_ID)
    return (mixed ^ (mixed >> 32)) & (engine_at(m).queued_index_n - 1)


@kernel
def _place_of(m, b, order_id):
    """An order's place in the index, or -1."""
    mask = engine_at(m).queued_index_n - 1
    key = _key(b, order_id)
    at = _home(m, key)
    while queued_key(m, at).slot != 0:
        # Of two books' orders with one key the ids differ: the key is the id turned by the book.
        if queued_key(m, at).id == key and queued(m, queued_key(m, at).slot - 1).id == order_id:
            return at
        at = (at + 1) & mask
    return -1


@kernel
def find_queued(m, b, order_id):
    """The slot of an order in the pool, or -1."""
    if engine_at(m).queued_n == 0:
        return -1
    place = _place_of(m, b, order_id)
    return queued_key(m, place).slot - 1 if place >= 0 else -1


@kernel
def _add_key(m, b, order_id, slot):
    mask = engine_at(m).queued_index_n - 1
    key = _key(b, order_id)
    at = _home(m, key)
    while queued_key(m, at).slot != 0:
        at = (at + 1) & mask
    queued_key(m, at).id = key
    queued_key(m, at).slot = slot + 1


@kernel
def _delete_key(m, hole):
    """Empty a place of the index and shift back what had probed past it."""
    mask = engine_at(m).queued_index_n - 1
    at = (hole + 1) & mask
    while queued_key(m, at).slot != 0:
        home = _home(m, queued_key(m, at).id)
        if ((at - home) & mask) >= ((at - hole) & mask):
            queued_key(m, hole).id = queued_key(m, at).id
            queued_key(m, hole).slot = queued_key(m, at).slot
            hole = at
        at = (at + 1) & mask
    queued_key(m, hole).slot = 0


@hot
def _forget(m, b, place):
    """Give an order's slot back and delete its key."""
    h = engine_at(m)
    slot = queued_key(m, place).slot - 1
    _delete_key(m, place)
    queued(m, slot).next = h.queued_free
    h.queued_free = slot
    book(m, b).orders -= 1


@kernel
def clear_orders(m, b):
    """Forget all orders of a book; its levels are the caller's to clear. Reads the index once."""
    at = 0
    while book(m, b).orders > 0:
        slot = queued_key(m, at).slot - 1
        if slot >= 0 and queued(m, slot).row >> 1 == b:
            _forget(m, b, at)  # what was shifted to this place is looked at next
        else:
            at += 1


# --- queues ---------------------------------------------------------------------------------------


@hot
def _append(m, at, slot):
    """Put an order at the end of the queue of the level at an address."""
    h = engine_at(m)
    level = level_at(at)
    order = queued(m, slot)
    h.queued_seq += 1
    order.seq = h.queued_seq
    order.next = -1
    order.prev = level.tail
    if level.tail >= 0:
        queued(m, level.tail).next = slot
    else:
        level.head = slot
    level.tail = slot
    level.orders += 1


@hot
def _unlink(m, at, slot):
    """Take an order out of the queue of the level at an address."""
    level = level_at(at)
    order = queued(m, slot)
    if order.prev >= 0:
        queued(m, order.prev).next = order.next
    else:
        level.head = order.next
    if order.next >= 0:
        queued(m, order.next).prev = order.prev
    else:
        level.tail = order.prev
    level.orders -= 1


@hot
def _change(m, b, side, tick, lots):
    """Add to a level's total: its lots before, or -1 where there was no room for it.

    Lots that go are first those that we had consumed already, so what is left for us only grows
    by what is added.
    """
    at = level_address(m, b, side, tick)
    before = level_at(at).lot if at != 0 else 0
    taken = level_at(at).taken if at != 0 else 0
    done = set_level(m, b, side, tick, before + lots)
    if taken > 0:
        take(m, b, side, tick, max(0, taken + min(lots, 0)))
    return done


@hot
def _side(order):
    return -1 if order.row & 1 else 1


# --- what a market says ---------------------------------------------------------------------------


@kernel
def _refuse(m, b, order_id, lots):
    mark_stale(m, b, K.BOOK_ORDER, order_id, lots)
    return -1


@kernel
def add_order(m, b, order_id, side, tick, lots):
    """A new order at the end of its level's queue.

    Returns
    -------
    int
        Lots of the level before. -1 where the id is known already or ``lots`` isn't positive
        (BOOK_ORDER), or where the pool or ``far`` has no room (BOOK_FULL): the book is stale.

    Notes
    -----
    Mutates the level, the best price, the pool and its index. Cost: some 50 ns.
    """
    h = engine_at(m)
    if h.levels_n == 0:
        return 0  # no books are kept
    if lots <= 0 or _place_of(m, b, order_id) >= 0:
        return _refuse(m, b, order_id, lots)
    slot = h.queued_free
    if slot < 0:
        mark_stale(m, b, K.BOOK_FULL, h.queued_n, order_id)
        return -1
    before = _change(m, b, side, tick, lots)
    if before < 0:
        return -1
    order = queued(m, slot)
    h.queued_free = order.next
    order.id = order_id
    order.tick = tick
    order.lot = lots
    order.row = row_of(b, side)
    _append(m, level_address(m, b, side, tick), slot)
    _add_key(m, b, order_id, slot)
    book(m, b).orders += 1
    return before


@kernel
def _take_off(m, b, place, lots):
    """Take lots off an order, at most all: lots of its level before."""
    slot = queued_key(m, place).slot - 1
    order = queued(m, slot)
    side, tick = _side(order), order.tick
    order.lot -= lots
    if order.lot == 0:
        _unlink(m, level_address(m, b, side, tick), slot)
        _forget(m, b, place)
    return _change(m, b, side, tick, -lots)


@kernel
def cancel_order(m, b, order_id, lots):
    """Take ``lots`` off an order that keeps its place, or with 0 the whole order.

    Returns
    -------
    int
        Lots of the level before; -1 where the id is unknown or has fewer lots: the book is stale.
    """
    place = _place_of(m, b, order_id)
    if place < 0:
        return _refuse(m, b, order_id, lots)
    left = queued(m, queued_key(m, place).slot - 1).lot
    if lots < 0 or lots > left:
        return _refuse(m, b, order_id, lots)
    return _take_off(m, b, place, lots if lots > 0 else left)


@kernel
def execute_order(m, b, order_id, lots):
    """``lots`` of an order traded. Returns as ``cancel_order``; 0 lots are refused."""
    if lots == 0:
        return _refuse(m, b, order_id, lots)
    return cancel_order(m, b, order_id, lots)


@kernel
def modify_order(m, b, order_id, tick, lots):
    """An order's new price and size; 0 lots remove it.

    Another price or a larger size goes to the end of the queue, a smaller size keeps its place, as
    on CME Globex and most others. Where a replaced order always loses its place, as in Nasdaq's
    ITCH, its reader sends a cancel and an add.

    Returns
    -------
    int
        Lots of the level where it was, before. -1 where the id is unknown, or where ``far`` has no
        room for the new level: nothing is changed, and the book is stale.
    """
    place = _place_of(m, b, order_id)
    if place < 0 or lots < 0:
        return _refuse(m, b, order_id, lots)
    slot = queued_key(m, place).slot - 1
    order = queued(m, slot)
    side, old, change = _side(order), order.tick, lots - order.lot
    if (tick == old and change <= 0) or lots == 0:
        return _take_off(m, b, place, -change)
    if tick != old and _change(m, b, side, tick, lots) < 0:
        return -1
    _unlink(m, level_address(m, b, side, old), slot)
    before = _change(m, b, side, old, change if tick == old else change - lots)
    order.tick = tick
    order.lot = lots
    _append(m, level_address(m, b, side, tick), slot)
    return before


@kernel
def lots_ahead(m, b, order_id):
    """Lots queued before an order at its level; -1 where the id is unknown.

    Walks towards the front of the queue: some 2 ns an order there.
    """
    place = _place_of(m, b, order_id)
    if place < 0:
        return -1
    ahead = 0
    at = queued(m, queued_key(m, place).slot - 1).prev
    while at >= 0:
        ahead += queued(m, at).lot
        at = queued(m, at).prev
    return ahead
