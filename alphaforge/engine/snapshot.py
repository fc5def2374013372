"""Published pictures of the live block: what every reader outside the engine thread reads.

A reader never copies the live block: at full speed it changes between any two bytes read. It raises
a flag; at the next event boundary the engine copies what is in use to the one of three buffers that
is neither the newest nor being read, and publishes its number with a store-release.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.atomic import copy_bytes, load_acquire, load_i8, store_i8, store_release
from alphaforge.engine.block import book, engine_at, market, order
from alphaforge.engine.jit import entry, kernel
from alphaforge.engine.measures import levels_to_arrays
from alphaforge.errors import EngineHalted

# Words of the board's head, each on a cache line of its own.
WANTED = 0  # readers add one
PUBLISHED = 64  # 1 + the newest buffer, 0 none yet
HELD = 128  # 1 + the buffer being read, 0 none
SERVED = 192  # the request count that the newest buffer answers
BUFFERS_AT = 256

DEPTH = M.record(("tick", "i8"), ("lot", "i8"))
"""One price level, as it is shown."""


@kernel
def _copy_working_orders(m, target):
    """Working orders, oldest first per instrument, packed at the start of the order pool."""
    h = engine_at(m)
    packed = 0
    for i in range(h.instruments_used):
        slot = market(m, i).open_head
        while slot >= 0:
            copy_bytes(
                target + h.orders_at + packed * L.ORDER_BYTES,
                m + h.orders_at + slot * L.ORDER_BYTES,
                L.ORDER_BYTES,
            )
            packed += 1
            slot = order(m, slot).next


@kernel
def _copy_books(m, target, first, count):
    """Books ``first`` and following, with the windows of those in which anything was ever set."""
    h = engine_at(m)
    levels, bits = 2 * h.levels_n * L.LEVEL_BYTES, 2 * h.levels_n // 8
    for b in range(first, first + count):
        at = h.books_at + b * L.BOOK_BYTES
        copy_bytes(target + at, m + at, L.BOOK_BYTES)
        if book(m, b).seen == 1:
            at = h.levels_at + b * levels
            copy_bytes(target + at, m + at, levels)
            at = h.bits_at + b * bits
            copy_bytes(target + at, m + at, bits)


@kernel
def _copy_used(m, target):
    """Copy the header and what is in use of each pool to the same offsets of ``target``."""
    h = engine_at(m)
    used = h.instruments_used
    copy_bytes(target, m, L.ENGINE_BYTES)
    copy_bytes(target + h.instruments_at, m + h.instruments_at, used * L.INSTRUMENT_BYTES)
    copy_bytes(target + h.markets_at, m + h.markets_at, used * L.MARKET_BYTES)
    _copy_books(m, target, 0, used)
    if h.delayed > 0:
        _copy_books(m, target, h.delayed, used)
    if h.far_used > 0:
        copy_bytes(target + h.far_at, m + h.far_at, h.far_n * L.FAR_BYTES)
    copy_bytes(target + h.venues_at, m + h.venues_at, h.venues_used * L.VENUE_BYTES)
    copy_bytes(target + h.positions_at, m + h.positions_at, h.positions_n * L.POSITION_BYTES)
    size = h.strategies_used * L.STRATEGY_BYTES
    copy_bytes(target + h.strategies_at, m + h.strategies_at, size)
    copy_bytes(target + h.builders_at, m + h.builders_at, h.builders_used * L.BUILDER_BYTES)
    copy_bytes(target + h.alerts_at, m + h.alerts_at, h.alerts_n * L.ALERT_BYTES)
    copy_bytes(target + h.rates_at, m + h.rates_at, h.rates_n * 8)
    copy_bytes(target + h.lags_at, m + h.lags_at, h.lags_n * 8)
    _copy_working_orders(m, target)


@kernel
def publish(m, board):
    """Answer a waiting request, at an event boundary; about 20 us, and 10 for each book."""
    wanted = load_acquire(board + WANTED)
    if wanted == load_i8(board + SERVED):
        return
    newest = load_i8(board + PUBLISHED) - 1
    held = load_acquire(board + HELD) - 1
    spare = 0
    while spare in (newest, held):
        spare += 1
    _copy_used(m, board + BUFFERS_AT + spare * engine_at(m).bytes)
    store_i8(board + PUBLISHED, spare + 1)
    store_release(board + SERVED, wanted)  # last: it is what a reader waits for


@entry("void(int64, int64)")
def publish_now(m, board):
    """``publish`` for an engine whose thread isn't running."""
    publish(m, board)


class Snapshot:
    """A consistent picture of the block: pools by name, the header by field.

    Attributes
    ----------
    engine : ENGINE record
    block : uint8 array
        Laid out as the block; working orders are packed at the start of their pool.
    """

    def __init__(self, block: npt.NDArray[np.uint8]) -> None:
        self.block = block
        self.address = block.ctypes.data
        self.engine = block[: L.ENGINE_BYTES].view(L.ENGINE)[0]

    def copy(self) -> Snapshot:
        """An independent copy, to try things on."""
        return Snapshot(self.block.copy())

    def pool(self, name: str) -> npt.NDArray[Any]:
        """One pool's records in use, as a structured array."""
        records = L.pool(self.block, name)
        if name == "orders":
            return records[: int(self.engine["open_orders"])]
        if name == "markets":
            return records[: int(self.engine["instruments_used"])]
        used = f"{name}_used"
        names = self.engine.dtype.names or ()
        return records[: int(self.engine[used])] if used in names else records

    def position(self, owner: int, instrument: int) -> Any:
        """Owner 0 is the net, 1 the host, 2 + k strategy k."""
        return self.pool("positions")[owner * int(self.engine["instruments_n"]) + instrument]

    def depth(self, instrument: int, levels: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """The best bid and ask levels of an instrument, best first: ``DEPTH`` records.

        Parameters
        ----------
        instrument : int
        levels : int
            Of each side, at most.
        """
        return self._best(instrument, 1, levels), self._best(instrument, -1, levels)

    def _best(self, instrument: int, side: int, levels: int) -> npt.NDArray[Any]:
        ticks, lots = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
        count = levels_to_arrays(self.address, instrument, side, ticks, lots)
        found = np.zeros(count, DEPTH)
        found["tick"], found["lot"] = ticks[:count], lots[:count]
        return found


class Board:
    """Where pictures are published. Many readers in this process, one engine.

    Parameters
    ----------
    size : int
        Bytes of the block.
    """

    def __init__(self, size: int) -> None:
        raw = np.zeros(BUFFERS_AT + 3 * size + L.LINE, np.uint8)
        start = -raw.ctypes.data % L.LINE
        self._memory = raw[start : start + BUFFERS_AT + 3 * size]
        self._words = self._memory[:BUFFERS_AT].view(np.int64)
        self._size = size
        self._lock = threading.Lock()
        self._last: Snapshot | None = None
        self._last_at = 0.0
        self.address = self._memory.ctypes.data

    def read(self, max_age: float, serve: Any = None, deadline: float = 2.0) -> Snapshot:
        """The newest picture, no older than ``max_age`` seconds.

        Parameters
        ----------
        serve : callable, optional
            Called once to publish, where no engine thread is there to do it.

        Raises
        ------
        EngineHalted
            Where the engine didn't answer within ``deadline`` seconds.
        """
        with self._lock:
            now = time.monotonic()
            if self._last is not None and now - self._last_at <= max_age:
                return self._last
            self._words[WANTED // 8] += 1
            wanted = int(self._words[WANTED // 8])
            if serve is not None:
                serve()
            while int(self._words[SERVED // 8]) != wanted:
                if time.monotonic() - now > deadline:
                    raise EngineHalted(
                        f"the engine published no snapshot within {deadline} s. "
                        "See lab.engine.error, or restart it with lab.resume()."
                    )
                time.sleep(0.0002)
            number = int(self._words[PUBLISHED // 8])
            self._words[HELD // 8] = number
            start = BUFFERS_AT + (number - 1) * self._size
            picture = Snapshot(self._memory[start : start + self._size].copy())
            self._words[HELD // 8] = 0
            self._last, self._last_at = picture, time.monotonic()
            return picture
