"""The numbered log: rows of 64 bytes with a sequence and a checksum, many readers, never a wait.

The engine overwrites the oldest rows and never waits for a reader. A reader that fell behind is
told how many rows it missed. Kinds from ``FIRST_OUTPUT`` on are outputs; ``journal_hash`` covers
them alone, without receive times.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import messages as M
from alphaforge.engine.atomic import load_i8, store_release, wrap_add, wrap_mul
from alphaforge.engine.block import engine_at, slot_at
from alphaforge.engine.jit import kernel, part
from alphaforge.engine.ring import CAPACITY, SLOTS_AT, Ring

# Odd 64-bit constants, one for each word of a row: the golden ratio's multiples, as int64.
_K = [((0x9E3779B97F4A7C15 * (2 * k + 1)) & (2**64 - 1)) - 2**63 | 1 for k in range(8)]
_K0, _K1, _K2, _K3, _K4, _K5, _K6, _K7 = _K


@part("void(int64, int64, int64, int64, int64, int64, int64, int64, int64, int64)")
def journal_row(m, kind, code, instrument, ts, ts_recv, a, b, c, d):
    """Append one row. Mutates the journal ring that the header names; about 5 ns."""
    ring = engine_at(m).journal
    seq = load_i8(ring)
    row = slot_at(ring + SLOTS_AT + (seq & (load_i8(ring + CAPACITY) - 1)) * M.SLOT_BYTES)
    row.seq = seq
    row.ts = ts
    row.ts_recv = ts_recv
    row.kind = kind
    row.code = code
    row.instrument = instrument
    row.a = a
    row.b = b
    row.c = c
    row.d = d
    meta = np.int64(kind) | (np.int64(code) << 8) | (np.int64(instrument) << 16)
    mixed = wrap_add(wrap_mul(seq, _K0), wrap_mul(ts, _K1))
    mixed = wrap_add(mixed, wrap_add(wrap_mul(ts_recv, _K2), wrap_mul(meta, _K3)))
    mixed = wrap_add(mixed, wrap_add(wrap_mul(a, _K4), wrap_mul(b, _K5)))
    mixed = wrap_add(mixed, wrap_add(wrap_mul(c, _K6), wrap_mul(d, _K7)))
    row.check = (mixed ^ (mixed >> 32)) & 0xFFFFFFFF
    store_release(ring, seq + 1)


@kernel
def journal_output(m, kind, code, instrument, a, b, c, d):
    """Append an output row stamped with the engine's time."""
    h = engine_at(m)
    journal_row(m, kind, code, instrument, h.now, 0, a, b, c, d)


def checksums(rows: npt.NDArray[np.void]) -> npt.NDArray[np.uint32]:
    """What each row's ``check`` must be."""
    meta = rows["kind"].astype(np.int64) | (rows["code"].astype(np.int64) << 8)
    words = [
        rows["seq"],
        rows["ts"],
        rows["ts_recv"],
        meta | (rows["instrument"].astype(np.int64) << 16),
    ]
    words += [rows[name] for name in "abcd"]
    mixed = np.zeros(rows.size, np.int64)
    with np.errstate(over="ignore"):
        for word, constant in zip(words, _K, strict=True):
            mixed += word * np.int64(constant)
    folded: npt.NDArray[np.uint32] = ((mixed ^ (mixed >> 32)) & 0xFFFFFFFF).astype(np.uint32)
    return folded


class Journal:
    """The journal's memory; ``reader()`` follows it.

    Parameters
    ----------
    capacity : int
        Rows kept; a power of two.
    """

    def __init__(self, capacity: int = 1 << 17) -> None:
        self.ring = Ring(capacity)
        self.address = self.ring.address
        self._rows = self.ring.memory[SLOTS_AT:].view(M.SLOT)
        self._words = self.ring.memory[:SLOTS_AT].view(np.int64)

    @property
    def written(self) -> int:
        """Rows written, ever: the next row's sequence."""
        return int(self._words[0])

    def reader(self, start: int = 0) -> JournalReader:
        """A reader that begins at a sequence."""
        return JournalReader(self, start)

    def copy(self, start: int, stop: int) -> npt.NDArray[np.void]:
        """Rows ``start`` to ``stop``, copied; they may be overwritten while this runs."""
        capacity = self._rows.size
        first, last = start % capacity, stop % capacity
        if stop - start > 0 and last <= first:
            return np.concatenate([self._rows[first:], self._rows[:last]])
        return self._rows[first:last].copy()


class JournalReader:
    """Follows a journal; counts what it missed and what failed its checksum.

    Attributes
    ----------
    next : int
        The sequence to read next.
    missed : int
        Rows overwritten before they were read.
    damaged : int
        Rows whose sequence or checksum was wrong.
    """

    def __init__(self, journal: Journal, start: int) -> None:
        self._journal = journal
        self.next = start
        self.missed = 0
        self.damaged = 0

    def read(self, most: int = 1 << 16) -> npt.NDArray[np.void]:
        """New rows, oldest first, at most ``most``; empty where there are none."""
        journal = self._journal
        capacity = journal.ring.capacity
        while True:
            written = journal.written
            # The oldest rows are about to be overwritten: keep clear of the writer.
            oldest = max(0, written - capacity + capacity // 16)
            if self.next < oldest:
                self.missed += oldest - self.next
                self.next = oldest
            stop = min(written, self.next + most)
            rows = journal.copy(self.next, stop)
            # Where the writer lapped us while we copied, the copy is void: again, from further on.
            if not rows.size or self.next > journal.written - capacity:
                break
        good = (rows["seq"] == np.arange(self.next, stop)) & (rows["check"] == checksums(rows))
        self.damaged += int(rows.size - good.sum())
        self.next = stop
        return rows if bool(good.all()) else rows[good]


class JournalHash:
    """SHA-256 over outputs in order, without receive times; any batch size gives the same.

    Parameters
    ----------
    inputs : bytes
        A digest of what the run was fed, so that one changed bar changes the hash.
    """

    def __init__(self, inputs: bytes = b"") -> None:
        self._digest: Any = hashlib.sha256(inputs)

    def update(self, rows: npt.NDArray[np.void]) -> None:
        """Take rows in; inputs among them are left out."""
        outputs = rows[rows["kind"] >= M.FIRST_OUTPUT].copy()
        if outputs.size:
            # Sequence, receive time and checksum differ between a replay and its original.
            bars = outputs["kind"] == M.BAR_ROW
            outputs["seq"], outputs["check"] = 0, 0
            outputs["ts_recv"] = np.where(bars, outputs["ts_recv"], 0)
            self._digest.update(outputs.tobytes())

    def hexdigest(self) -> str:
        """64 hex digits."""
        return str(self._digest.hexdigest())
