"""Rings of 64-byte slots between one writer and one reader, in private or shared memory.

A ring is a region of memory known by its address: a 192-byte head (the writer's count, the
reader's count and the constants each on a cache line of its own), then the slots. A message is one
or more contiguous slots; where one would not fit before the end, ``PAD`` fills it. The writer
publishes with a store-release, the reader sees it with a load-acquire: no lock, no GIL.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.atomic import (
    copy_bytes,
    load_acquire,
    load_i8,
    load_u1,
    store_i8,
    store_release,
)
from alphaforge.engine.jit import entry, hot, kernel
from alphaforge.errors import ConfigError

READ = 64
CAPACITY = 128
DROPPED = 136
SLOTS_AT = 192
_KIND_AT = M.offset_of(M.SLOT, "kind")


TWO_SLOTS = (M.BAR, M.SUBMIT, M.REPLACE, M.REPORT)


@hot
def slots_of(kind):
    """How many slots a message of this kind takes: ``TWO_SLOTS`` two, all others one."""
    if kind == M.BAR or kind == M.SUBMIT or kind == M.REPLACE or kind == M.REPORT:
        return 2
    return 1


@entry("int64(int64, int64, int64)")
def ring_push(ring, message, slots):
    """Append a message; 1 where it went in, 0 where the ring was full (counted).

    Mutates the ring's head and slots. Cost: about 10 ns from a kernel.
    """
    head = load_i8(ring)
    capacity = load_i8(ring + CAPACITY)
    at = head & (capacity - 1)
    skip = capacity - at if slots > capacity - at else 0
    if head + skip + slots - load_acquire(ring + READ) > capacity:
        store_i8(ring + DROPPED, load_i8(ring + DROPPED) + 1)
        return 0
    if skip > 0:
        for k in range(skip):
            store_i8(ring + SLOTS_AT + (at + k) * M.SLOT_BYTES + _KIND_AT, M.PAD)
        at = 0
    copy_bytes(ring + SLOTS_AT + at * M.SLOT_BYTES, message, slots * M.SLOT_BYTES)
    store_release(ring, head + skip + slots)
    return 1


@kernel
def ring_peek(ring):
    """Address of the oldest unread message, or 0. The reader's side only."""
    read = load_i8(ring + READ)
    head = load_acquire(ring)
    capacity = load_i8(ring + CAPACITY)
    while read < head:
        address = ring + SLOTS_AT + (read & (capacity - 1)) * M.SLOT_BYTES
        if load_u1(address + _KIND_AT) != M.PAD:
            return address
        read += 1
        store_release(ring + READ, read)
    return 0


@kernel
def ring_pop(ring, slots):
    """Give the oldest message's slots back to the writer."""
    store_release(ring + READ, load_i8(ring + READ) + slots)


@entry("int64(int64, int64, int64)")
def ring_take(ring, target, room):
    """Move whole messages from the ring to ``target``; slots moved, at most ``room``."""
    moved = 0
    while True:
        address = ring_peek(ring)
        if address == 0:
            return moved
        slots = slots_of(load_u1(address + _KIND_AT))
        if moved + slots > room:
            return moved
        copy_bytes(target + moved * M.SLOT_BYTES, address, slots * M.SLOT_BYTES)
        ring_pop(ring, slots)
        moved += slots


def whole_messages(slots: npt.NDArray[np.void]) -> Iterator[npt.NDArray[np.void]]:
    """The messages in slots as ``Ring.take`` gives them, each an array of its slots."""
    at = 0
    while at < slots.size:
        count = 2 if int(slots["kind"][at]) in TWO_SLOTS else 1
        yield slots[at : at + count]
        at += count


class Ring:
    """A ring's memory and its counters, as Python sees them.

    Parameters
    ----------
    capacity : int
        Slots; a power of two.
    path : Path, optional
        A file to map, so that another process may be the writer or the reader. It is made with
        owner-only permissions and its blocks are allocated, so that a full disk is an error here
        and not a crash later. Without it the memory is private.
    create : bool
        False opens an existing file.
    """

    def __init__(
        self, capacity: int = 1 << 14, path: Path | None = None, create: bool = True
    ) -> None:
        if capacity < 4 or capacity & (capacity - 1):
            raise ConfigError(
                f"ring capacity must be a power of two of at least 4, not {capacity}."
            )
        self.path = path
        self.memory = _map(path, SLOTS_AT + capacity * M.SLOT_BYTES, create)
        self.address = self.memory.ctypes.data
        if create:
            self.memory[:SLOTS_AT].view(np.int64)[CAPACITY // 8] = capacity
        self.capacity = int(self.memory[:SLOTS_AT].view(np.int64)[CAPACITY // 8])

    @property
    def waiting(self) -> int:
        """Slots written and not yet read."""
        words = self.memory[:SLOTS_AT].view(np.int64)
        return int(words[0] - words[READ // 8])

    @property
    def dropped(self) -> int:
        """Messages refused because the ring was full."""
        return int(self.memory[:SLOTS_AT].view(np.int64)[DROPPED // 8])

    def push(self, message: npt.NDArray[np.void]) -> bool:
        """Append one message (a structured array of one element); False where the ring is full."""
        return bool(ring_push(self.address, message.ctypes.data, message.nbytes // M.SLOT_BYTES))

    def take(self, room: int = 4096) -> npt.NDArray[np.void]:
        """Whole messages moved out, as SLOT records; at most ``room`` slots."""
        out = np.zeros(room, M.SLOT)
        return out[: ring_take(self.address, out.ctypes.data, room)]


def _map(path: Path | None, size: int, create: bool) -> npt.NDArray[np.uint8]:
    if path is None:
        raw = np.zeros(size + L.LINE, np.uint8)
        start = -raw.ctypes.data % L.LINE
        return raw[start : start + size]
    flags = os.O_RDWR | (os.O_CREAT | os.O_EXCL if create else 0)
    file = os.open(path, flags, 0o600)
    try:
        if create:
            os.posix_fallocate(file, 0, size)
        else:
            size = os.fstat(file).st_size
        return np.frombuffer(mmap.mmap(file, size), np.uint8)
    finally:
        os.close(file)
