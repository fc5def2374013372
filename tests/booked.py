"""Blocks that hold books and a journal, without an engine, and the messages that fill them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.book import apply_messages
from alphaforge.engine.journal import Journal

BID, ASK = 1, -1


class Books:
    """A block of few slots; ``levels`` as small as may be, so that windows move all the time."""

    def __init__(self, instruments: int = 2, **capacities: Any) -> None:
        few = {"levels": 64, "far": 1024, "orders": 16, "strategies": 1, "queue": 16, "arena": 64}
        self.block = L.new_block(L.Capacities(instruments=instruments, **{**few, **capacities}))
        self.address = self.block.ctypes.data
        self.header = self.block[: L.ENGINE_BYTES].view(L.ENGINE)[0]
        self.header["instruments_used"] = instruments
        self.journal = Journal(1 << 10)
        self.header["journal"] = self.journal.address
        for name in ("price_num", "price_den", "lot_num", "lot_den"):
            L.pool(self.block, "instruments")[name] = 1

    def __getitem__(self, b: int) -> Any:
        return L.pool(self.block, "books")[b]

    def apply(self, messages: npt.NDArray[np.void]) -> int:
        return int(apply_messages(self.address, messages.ctypes.data, messages.size))

    def rows(self) -> list[tuple[int, int, int, int, int]]:
        """What was journalled of books: state, expected, found, left out, book."""
        rows = self.journal.reader().read()
        rows = rows[rows["kind"] == M.BOOK_ROW]
        return [tuple(int(r[name]) for name in ("code", "a", "b", "c", "d")) for r in rows]


def messages(*each: tuple[int, int, dict[str, int]], i: int = 0) -> npt.NDArray[np.void]:
    """SLOT records of (kind, code, payload)."""
    out = np.zeros(len(each), M.SLOT)
    for row, (kind, code, payload) in zip(out, each, strict=True):
        row["kind"], row["code"], row["instrument"] = kind, code, i
        for name, value in payload.items():
            row[name] = value
    return out


def frame(
    levels: list[tuple[int, int, int]],
    first: int = -1,
    last: int = -1,
    before: int = -1,
    checksum: int = -1,
    snapshot: bool = False,
    i: int = 0,
) -> npt.NDArray[np.void]:
    """A BOOK message and a DEPTH message for each (side, tick, lots)."""
    head = {"a": first, "b": last, "c": before, "d": checksum}
    kinds = [(M.BOOK, M.SNAPSHOT if snapshot else 0, head)]
    kinds += [(M.DEPTH, 0, {"a": tick, "b": lots, "c": side}) for side, tick, lots in levels]
    out = messages(*kinds, i=i)
    out["code"][:-1] |= M.MORE
    return out
