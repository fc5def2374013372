"""Timers: due times in nanoseconds, oldest first, ties by id. Nothing here reads the wall clock."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.block import engine_at, fail, timer
from alphaforge.engine.jit import kernel

NEVER = L.FOREVER


@kernel
def add_timer(m, owner, due, timer_id):
    """Put a timer into the pool; its place, or -1 where the pool is full."""
    h = engine_at(m)
    if h.timers_used >= h.timers_n:
        return -1
    t = timer(m, h.timers_used)
    t.due = due
    t.id = timer_id
    t.strategy = owner
    h.timers_used += 1
    h.next_timer = min(h.next_timer, due)
    h.next_due = min(h.next_due, due)
    return h.timers_used - 1


@kernel
def set_timer(m, owner, after_ns, timer_id):
    """Ask for ``on_timer`` at now + ``after_ns``; a pool that is full is a fault."""
    now = engine_at(m).now
    if add_timer(m, owner, now + min(max(after_ns, 0), L.FOREVER - now), timer_id) < 0:
        fail(m, K.FAULT_TIMERS_FULL)


@kernel
def take_due(m, before):
    """Take the oldest timer due strictly before a time out of the pool.

    Returns
    -------
    tuple of int
        (due, id, strategy); due is NEVER where there is none.
    """
    h = engine_at(m)
    best = -1
    for n in range(h.timers_used):
        t = timer(m, n)
        if t.due < before:
            first = best < 0 or t.due < timer(m, best).due
            if first or (t.due == timer(m, best).due and t.id < timer(m, best).id):
                best = n
    if best < 0:
        _find_next(m)
        return NEVER, 0, 0
    t = timer(m, best)
    due, timer_id, owner = t.due, t.id, t.strategy
    h.timers_used -= 1
    # Close the gap in order, so that equal timers keep the order in which they were set.
    for n in range(best, h.timers_used):
        here, after = timer(m, n), timer(m, n + 1)
        here.due = after.due
        here.id = after.id
        here.strategy = after.strategy
    _find_next(m)
    return due, timer_id, owner


@kernel
def _find_next(m):
    h = engine_at(m)
    soonest = NEVER
    for n in range(h.timers_used):
        soonest = min(soonest, timer(m, n).due)
    h.next_timer = soonest


@kernel
def forget_timers(m, owner):
    """Drop a stopped strategy's timers."""
    h = engine_at(m)
    kept = 0
    for n in range(h.timers_used):
        t = timer(m, n)
        if t.strategy != owner:
            k = timer(m, kept)
            k.due = t.due
            k.id = t.id
            k.strategy = t.strategy
            kept += 1
    h.timers_used = kept
    _find_next(m)
