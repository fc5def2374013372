"""What messages do to a book: frames, gaps, staleness, checks at a frame's end.

A frame is a BOOK message and the DEPTH or order messages that follow it; all of them but the last
carry the MORE bit. A snapshot's frame replaces the book, any other changes it. Messages without a
frame are frames of their own. A book that isn't to be trusted says why in its ``state``, and takes
nothing in until the next snapshot.

The levels are in ``levels`` and ``far``, single orders in ``queued``; what others need of them is
named here too. ``m`` is the block's address, ``b`` a book's index, ``e`` a message's address,
``side`` +1 the bids and -1 the asks.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.block import book, engine_at, level_at, slot_at
from alphaforge.engine.checksum import book_checksum
from alphaforge.engine.jit import entry, hot, kernel, part
from alphaforge.engine.journal import journal_output
from alphaforge.engine.levels import (
    best_of,
    clear_levels,
    level_address,
    lots_at,
    mark_stale,
    next_level,
    set_level,
    take,
    taken_at,
)
from alphaforge.engine.queued import (
    add_order,
    cancel_order,
    clear_orders,
    execute_order,
    lots_ahead,
    modify_order,
)

__all__ = [
    "add_order",
    "apply_depth",
    "apply_message",
    "apply_messages",
    "apply_order",
    "begin_frame",
    "best_of",
    "cancel_order",
    "end_frame",
    "execute_order",
    "lots_ahead",
    "lots_at",
    "modify_order",
    "next_level",
    "set_level",
    "take",
    "taken_at",
]

_FAR_OUT = 2**61
"""Prices beyond this many ticks aren't prices: see ``L.NO_PRICE``."""
_CRC_BITS = 0xFFFFFFFF


@kernel
def _begin_snapshot(m, b, frame):
    k = book(m, b)
    clear_orders(m, b)
    clear_levels(m, b)
    k.state = K.BOOK_GOOD
    k.seq = frame.b
    k.filling = k.fresh = 1
    k.skip = 0
    k.checksum = frame.d
    return 1


@hot
def _leave_out(k):
    k.skip = 1
    k.left_out += 1
    return 0


@part("int64(int64, int64, int64)")
def begin_frame(m, b, e):
    """A BOOK message: a frame begins.

    Returns
    -------
    int
        1 where its messages will be applied, 0 where they are left out.

    Notes
    -----
    A frame brings the ids of its first and last change and of the change before it, each UNKNOWN
    where the exchange doesn't number. In this order:

    1. A snapshot clears the book and makes it good.
    2. While the book is stale, frames are left out.
    3. A frame that follows the last one's id is applied, even one that counts from anew (OKX).
    4. One that ends before the book's id is old and left out; so is one that ends at it and names
       the frame before, which was told twice, but for the first after a snapshot.
    5. The first frame after a snapshot must begin no later than the id after the snapshot's. Its
       id of the frame before is not looked at: it was made before the snapshot (Binance: drop
       what ends before ``lastUpdateId``; the first one applied has ``U <= lastUpdateId + 1`` and
       ``u >= lastUpdateId``: the spot rule, and with it the one for futures, ``U <= lastUpdateId``,
       since a frame that begins right after the snapshot follows it).
    6. Any other that doesn't follow is a gap: the book is stale until the next snapshot.
    """
    k = book(m, b)
    frame = slot_at(e)
    if frame.code & M.SNAPSHOT:
        return _begin_snapshot(m, b, frame)
    if k.state != K.BOOK_GOOD:
        return _leave_out(k)
    follows = frame.c < 0 or k.seq == L.UNKNOWN or frame.c == k.seq
    if k.seq != L.UNKNOWN and frame.b >= 0 and not (frame.c >= 0 and frame.c == k.seq):
        if frame.b < k.seq or (frame.b == k.seq and frame.c >= 0 and k.fresh == 0):
            return _leave_out(k)
        if k.fresh == 1:
            follows = frame.c < 0 or frame.a <= k.seq + 1
    if not follows:
        _leave_out(k)
        mark_stale(m, b, K.BOOK_GAP, k.seq, frame.a if k.fresh == 1 else frame.c)
        return 0
    k.fresh = k.skip = 0
    k.checksum = frame.d
    if frame.b >= 0:
        k.seq = frame.b
    return 1


@hot
def _takes_in(k):
    """Whether a book takes a message in; one that it doesn't is counted."""
    if k.skip == 1 or k.state != K.BOOK_GOOD:
        k.left_out += 1
        return False
    return True


@hot
def _well_formed(side, tick, lots):
    return (side == 1 or side == -1) and -_FAR_OUT < tick < _FAR_OUT and lots >= 0


@kernel
def apply_depth(m, b, e):
    """A DEPTH message: set its level, unless the book is stale or the frame is left out.

    Returns
    -------
    int
        The level's lots before; -1 where it wasn't applied. One that can't be (no side, no price, a
        book of single orders) marks the book stale.
    """
    k = book(m, b)
    d = slot_at(e)
    if not _takes_in(k):
        return -1
    if k.orders > 0 or not _well_formed(d.c, d.a, d.b):
        mark_stale(m, b, K.BOOK_MALFORMED, d.a, d.b)
        return -1
    before = set_level(m, b, d.c, d.a, d.b)
    if d.d > 0 and d.b > 0 and before >= 0:
        at = level_address(m, b, d.c, d.a)
        if at != 0:
            level_at(at).orders = d.d
    return before


@kernel
def apply_order(m, b, e):
    """An order-level message, ORDER_ADD to ORDER_EXECUTE, as ``apply_depth`` takes a DEPTH."""
    k = book(m, b)
    o = slot_at(e)
    if not _takes_in(k):
        return -1
    if engine_at(m).levels_n == 0:
        return 0
    if o.kind == M.ORDER_ADD:
        if _well_formed(o.d, o.b, o.c):
            return add_order(m, b, o.a, o.d, o.b, o.c)
    elif o.kind == M.ORDER_MODIFY:
        if _well_formed(1, o.b, o.c):
            return modify_order(m, b, o.a, o.b, o.c)
    elif o.kind == M.ORDER_CANCEL:
        return cancel_order(m, b, o.a, o.c)
    elif o.kind == M.ORDER_EXECUTE:
        return execute_order(m, b, o.a, o.c)
    mark_stale(m, b, K.BOOK_MALFORMED, o.b, o.c)
    return -1


@part("void(int64, int64)")
def _check_frame(m, b):
    """Compare a frame's checksum; journal that a book is good again."""
    k = book(m, b)
    sent = k.checksum
    k.checksum = L.UNKNOWN
    if sent != L.UNKNOWN and k.checksum_kind != K.CHECKSUM_NONE:
        sent &= _CRC_BITS  # some send it signed
        found = book_checksum(m, b)
        if found != sent:
            mark_stale(m, b, K.BOOK_CHECKSUM, sent, found)
            return
    if k.told != K.BOOK_GOOD:
        k.told = K.BOOK_GOOD
        journal_output(m, M.BOOK_ROW, K.BOOK_GOOD, k.instrument, k.seq, k.seq, k.left_out, b)


@kernel
def end_frame(m, b):
    """Look whether the book is crossed and right, after a message without the MORE bit.

    A crossed snapshot isn't trusted. A book that differences crossed or locked is counted, once a
    frame: exchanges do send such for a moment. Where the sender gave a checksum, it must be ours.
    """
    k = book(m, b)
    filling = k.filling
    k.filling = 0
    if k.skip == 1 or k.state != K.BOOK_GOOD:
        k.skip = 0
        k.checksum = L.UNKNOWN
        return
    bid, ask = k.best_bid, k.best_ask
    if bid >= ask and ask != L.NO_PRICE:
        if filling == 1:
            k.checksum = L.UNKNOWN
            mark_stale(m, b, K.BOOK_CROSSED, bid, ask)
            return
        engine_at(m).crossed += 1
    if k.checksum != L.UNKNOWN or k.told != K.BOOK_GOOD:
        _check_frame(m, b)


@kernel
def apply_message(m, b, e):
    """Any message of a book, and the end of its frame where it is the last of it.

    Returns
    -------
    int
        The lots that its level had before; -1 where it wasn't applied, 0 for a BOOK message.
    """
    message = slot_at(e)
    if message.kind == M.DEPTH:
        before = apply_depth(m, b, e)
    elif message.kind == M.BOOK:
        before = begin_frame(m, b, e) - 1
    else:
        before = apply_order(m, b, e)
    if message.code & M.MORE == 0:
        end_frame(m, b)
    return before


@entry("int64(int64, int64, int64)")
def apply_messages(m, messages, count):
    """Books alone, without an engine: apply one-slot messages in a row.

    Parameters
    ----------
    m : int
        Address of the block; its header names a journal.
    messages, count : int
        Address of SLOT records of the kinds BOOK, DEPTH and ORDER_ADD to ORDER_EXECUTE, and how
        many. Those of other kinds, and of instruments that there are no books for, are passed over.

    Returns
    -------
    int
        How many were applied.
    """
    applied = 0
    for n in range(count):
        e = messages + n * M.SLOT_BYTES
        message = slot_at(e)
        ours = M.BOOK <= message.kind <= M.ORDER_EXECUTE or message.kind == M.DEPTH
        if ours and message.instrument < engine_at(m).instruments_n:
            applied += apply_message(m, message.instrument, e) >= 0
    return applied
