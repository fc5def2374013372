"""What the host adds to a block: instruments, bar builders, timers, strategies and their slots."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.accruals import wants_accruals
from alphaforge.engine.atomic import call_entry, copy_bytes
from alphaforge.engine.block import (
    builder,
    engine_at,
    instrument,
    market,
    order,
    position,
    strategy,
    strategy_at,
    swap_at,
    timer_at,
    venue,
)
from alphaforge.engine.clock import add_timer
from alphaforge.engine.jit import entry, hot, kernel, part
from alphaforge.engine.journal import journal_output
from alphaforge.engine.portfolio import leave_to_host


@part("int64(int64, int64, int64, int64, int64)")
def define(m, what, record, size, watch_list):
    """Add an instrument, a builder, a timer or a strategy from memory that the host holds.

    Returns the new index, or -1 where its pool is full.
    """
    h = engine_at(m)
    if what == K.DEFINE_INSTRUMENT:
        if h.instruments_used >= h.instruments_n:
            return -1
        at = m + h.instruments_at + h.instruments_used * L.INSTRUMENT_BYTES
        copy_bytes(at, record, L.INSTRUMENT_BYTES)
        h.instruments_used += 1
        wants_accruals(m)
        return h.instruments_used - 1
    if what == K.DEFINE_VENUE:
        return _define_venue(m, record)
    if what == K.DEFINE_BUILDER:
        if h.builders_used >= h.builders_n:
            return -1
        at = m + h.builders_at + h.builders_used * L.BUILDER_BYTES
        copy_bytes(at, record, L.BUILDER_BYTES)
        _link_builder(m, h.builders_used)
        h.builders_used += 1
        return h.builders_used - 1
    if what == K.DEFINE_TIMER:
        t = timer_at(record)
        return add_timer(m, t.strategy, t.due, t.id)
    if what == K.DEFINE_SWAP:
        return _swap_strategy(m, record, size)
    return _define_strategy(m, record, size, watch_list)


@kernel
def _define_venue(m, record):
    """Copy a VENUE record in; what it says of margin and interest is watched from now on."""
    h = engine_at(m)
    if h.venues_used >= h.venues_n:
        return -1
    copy_bytes(m + h.venues_at + h.venues_used * L.VENUE_BYTES, record, L.VENUE_BYTES)
    if venue(m, h.venues_used).margin >= K.MARGIN_CROSS:
        h.margin_watched = 1
    h.venues_used += 1
    wants_accruals(m)
    return h.venues_used - 1


@kernel
def _link_builder(m, k):
    """Put a builder at the end of its instrument's list."""
    b = builder(m, k)
    b.next = -1
    owner = instrument(m, b.instrument)
    if owner.first_builder < 0:
        owner.first_builder = k
        return
    last = owner.first_builder
    while builder(m, last).next >= 0:
        last = builder(m, last).next
    builder(m, last).next = k


@hot
def _lines(size):
    """Bytes of the whole cache lines that hold so many."""
    return (size + L.LINE - 1) // L.LINE * L.LINE


@kernel
def _is_free(m, k, room, shown):
    """Whether a stopped strategy's slot can be another's: flat, nothing working, arena enough."""
    h = engine_at(m)
    s = strategy(m, k)
    if s.running == 1 or s.room < room or s.shown_room < shown:
        return False
    for i in range(h.instruments_used):
        if position(m, k + 2, i).qty != 0:
            return False
        slot = market(m, i).open_head
        while slot >= 0:
            if order(m, slot).strategy == k:
                return False
            slot = order(m, slot).next
    return True


@kernel
def _strategy_slot(m, room, shown):
    """A slot with so many bytes of arena: a stopped strategy's, else a new one, else -1.

    ``shown`` are those for the bars that it was shown, after its state and what that was before.
    """
    h = engine_at(m)
    for k in range(h.strategies_used):
        if _is_free(m, k, room, shown):
            leave_to_host(m, k + 2)
            return k
    if h.strategies_used >= h.strategies_n or h.arena_used + 2 * room + shown > h.arena_n:
        return -1
    k = h.strategies_used
    s = strategy(m, k)
    s.state = h.arena_at + h.arena_used
    s.room = room
    s.shown_room = shown
    h.arena_used += 2 * room + shown
    h.strategies_used += 1
    return k


@kernel
def _define_strategy(m, record, size, watch_list):
    """Copy a STRATEGY record, the state and bars after it, and its watch list into the block."""
    h = engine_at(m)
    shown = strategy_at(record).shown_bytes
    k = _strategy_slot(m, _lines(size), _lines(shown))
    if k < 0:
        return -1
    s = strategy(m, k)
    state, room, shown_room = s.state, s.room, s.shown_room
    copy_bytes(m + h.strategies_at + k * L.STRATEGY_BYTES, record, L.STRATEGY_BYTES)
    s.state = state
    s.before = state + room
    s.room = room
    s.bytes = size
    s.shown = state + 2 * room if shown > 0 else 0
    s.shown_room = shown_room
    if size > 0:
        copy_bytes(m + s.state, record + L.STRATEGY_BYTES, size)
    if shown > 0:
        copy_bytes(m + s.shown, record + L.STRATEGY_BYTES + size, shown)
    copy_bytes(m + h.watches_at + k * h.instruments_n, watch_list, h.instruments_n)
    return k


@kernel
def _swap_strategy(m, record, size):
    """Other code for a running strategy: its slot, -1 where there is no room or no way.

    Orders, positions, timers and the bars it was shown stay. The host fills the new state from the
    old one, here, between two events.
    """
    h = engine_at(m)
    w = swap_at(record)
    k = w.strategy
    if k < 0 or k >= h.strategies_used or strategy(m, k).running == 0:
        return -1
    s = strategy(m, k)
    room = _lines(size)
    shown = _lines(w.shown_bytes) if s.shown == 0 else 0
    space = max(shown, s.shown_room)
    larger = room > s.room or space > s.shown_room
    if larger and h.arena_used + 2 * room + space > h.arena_n:
        return -1
    state = record + L.SWAP_BYTES
    if call_entry(w.carry, k, m + s.state, state) != 0:
        return -1
    if larger:
        s.state = h.arena_at + h.arena_used
        s.before = s.state + room
        s.room = room
        s.shown_room = space
        h.arena_used += 2 * room + space
        if s.shown != 0:
            copy_bytes(m + s.before + room, m + s.shown, s.shown_bytes)
            s.shown = s.before + room
    if shown > 0:
        s.shown = s.state + 2 * s.room
        s.shown_bytes = w.shown_bytes
        copy_bytes(m + s.shown, state + size, w.shown_bytes)
    s.bytes = size
    if size > 0:
        copy_bytes(m + s.state, state, size)
    s.entry = w.entry
    s.handlers = w.handlers
    journal_output(m, M.SWAP_ROW, 0, 0, k, w.digest, 0, 0)
    return k


@entry("int64(int64, int64, int64, int64, int64)")
def define_now(m, what, record, size, watch_list):
    """``define`` for an engine whose thread isn't running."""
    return define(m, what, record, size, watch_list)
