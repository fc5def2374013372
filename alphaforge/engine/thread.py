"""The kernel thread: polls its rings without the GIL, so that a busy cell can't stall it.

Two ways to wait. ``balanced`` spins while events come and backs off to sleeps of 2 ms when it is
quiet: under 2 % of a core idle, the first event after quiet within 3 ms. ``spin`` never sleeps and
owns a core.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.atomic import (
    load_acquire,
    load_i8,
    load_u1,
    sleep_ns,
    store_i8,
    view,
    wall_ns,
)
from alphaforge.engine.block import engine_at, slot_at
from alphaforge.engine.jit import entry, kernel
from alphaforge.engine.ring import ring_peek, ring_pop, slots_of
from alphaforge.engine.snapshot import publish
from alphaforge.engine.step import step
from alphaforge.engine.watchdog import watched
from alphaforge.errors import EngineHalted

_KIND_AT = M.offset_of(M.SLOT, "kind")
_EAGER_POLLS = 200
_FIRST_NAP = 50_000
_LONGEST_NAP = 2_000_000
_BURST = 256
control_at = view(L.CONTROL)


@kernel
def lag_bucket(ns):
    """Index of a lag in the histogram: eight buckets an octave, exact below 8 ns."""
    value = max(ns, 0)
    if value < 8:
        return value
    octave = 3
    while value >> (octave + 1) > 0:
        octave += 1
    return min((octave - 2) * 8 + ((value >> (octave - 3)) & 7), L.LAG_BUCKETS - 1)


@kernel
def _count_lag(m, ns):
    h = engine_at(m)
    at = m + h.lags_at + 8 * lag_bucket(ns)
    store_i8(at, load_i8(at) + 1)
    h.lag_max = max(h.lag_max, ns)


@kernel
def _wake(m, now):
    """The live clock passed a timer: an input like any other, so that a replay fires it again."""
    h = engine_at(m)
    at = m + h.scratch_at + 128
    s = slot_at(at)
    s.seq = 0
    s.ts = now
    s.ts_recv = now
    s.kind = M.WAKE
    s.code = 0
    s.instrument = 0
    s.a = 0
    s.b = 0
    s.c = 0
    s.d = 0
    step(m, at)


@kernel
def poll(m, rings, count, clock):
    """Process up to a burst of messages of each ring, in order; how many."""
    h = engine_at(m)
    done = 0
    for r in range(count):
        ring = load_i8(rings + 8 * r)
        for _ in range(_BURST):
            e = ring_peek(ring)
            if e == 0 or h.state != K.RUNNING:
                break
            received = slot_at(e).ts_recv
            slots = slots_of(load_u1(e + _KIND_AT))
            if received > 0:
                _count_lag(m, wall_ns(clock) - received)
                h.last_recv = received
            step(m, e)
            ring_pop(ring, slots)
            done += 1
    return done


@entry("int64(int64, int64, int64, int64, int64)")
def run_thread(m, control, board, rings, count):
    """Poll until told to stop or the engine halts.

    Parameters
    ----------
    m, control, board : addresses of the block, a CONTROL record, the snapshot board
    rings, count : address of int64 ring addresses, in the order in which they are polled

    Returns
    -------
    int
        The fault, 0 where it was told to stop.
    """
    h = engine_at(m)
    c = control_at(control)
    clock = m + h.scratch_at + 384
    idle = 0
    nap = _FIRST_NAP
    while load_acquire(control) == 0 and h.state == K.RUNNING:
        publish(m, board)
        c.loops += 1
        if poll(m, rings, count, clock) > 0:
            idle = 0
            nap = _FIRST_NAP
            continue
        if h.wall_clock == 1 and h.next_due < L.FOREVER and h.now >= h.live_from:
            now = wall_ns(clock)
            if now >= h.next_due:
                _wake(m, now)
        idle += 1
        if c.spin == 0 and idle > _EAGER_POLLS:
            sleep_ns(clock, nap)
            c.sleeps += 1
            nap = min(nap * 2, _LONGEST_NAP)
    publish(m, board)
    return h.fault


class EngineThread:
    """Runs ``run_thread`` in a Python thread that holds no GIL while it polls.

    Parameters
    ----------
    header : ENGINE record
        The block's.
    board : int
        Address of its snapshot board.
    rings : list of int
        Ring addresses, in the order in which they are polled: commands first.
    spin : bool
        True for the ``spin`` wait mode.
    on_end : callable
        Called with the fault code when the loop ends.
    """

    def __init__(
        self, header: Any, board: int, rings: list[int], spin: bool, on_end: Callable[[int], None]
    ) -> None:
        self._header = header
        self.control = np.zeros(1, L.CONTROL)
        self.control["spin"] = int(spin)
        self._rings = np.array(rings, np.int64)
        self._arguments = (
            header["view_engine"],
            self.control.ctypes.data,
            board,
            self._rings.ctypes.data,
            len(rings),
        )
        self._on_end = on_end
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alphaforge-engine", daemon=True)

    def start(self) -> None:
        """Begin polling."""
        self._thread.start()

    def _run(self) -> None:
        with watched(self._header, python=True):
            fault = int(run_thread(*self._arguments))
        self._ended.set()
        self._on_end(fault)

    @property
    def alive(self) -> bool:
        """Whether the loop may still touch the block."""
        return not self._ended.is_set()

    def stop(self, deadline: float = 5.0) -> None:
        """Ask the loop to end and wait for it.

        Raises
        ------
        EngineHalted
            Where it doesn't end: a handler that loops for ever, most likely. Nothing but it may
            touch the block then.
        """
        self.control["stop"] = 1
        if not self._ended.wait(deadline):
            raise EngineHalted(
                f"the engine didn't stop within {deadline:g} s: is a handler looping for ever? "
                "Interrupt the kernel, or restart it."
            )
        if self._thread is not threading.current_thread():
            self._thread.join(deadline)
