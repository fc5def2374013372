"""A recording of a market: every trade, quote and book change of one instrument, as messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.check import time_text
from alphaforge.engine import messages as M
from alphaforge.errors import DataError
from alphaforge.instrument import Instrument
from alphaforge.units import to_float, to_ns

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("trade", "quote", "depth", "snapshot", "level", "snapshot_level")
"""What a recording counts: depth and snapshot are frames, the levels what is in them."""

Messages = npt.NDArray[np.void]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rejected:
    """One line that could not be used."""

    file: str
    line: int  # from 1
    reason: str


@dataclass(frozen=True)
class Tally:
    """What became of the lines of one kind, or of the levels in them."""

    read: int = 0
    left_out: int = 0
    """Trades that aren't of the market (insurance fund and the like); frames and levels that the
    first snapshot already contains."""
    duplicates: int = 0
    """An id that was there before: the one received first is kept."""
    gaps: int = 0
    """Places where ids don't follow on; what was received is kept."""
    late: int = 0
    """Event times before that of an earlier id; they are raised to it."""


@dataclass(frozen=True)
class Report:
    """What was read from a capture, and what was not.

    Attributes
    ----------
    files : tuple of str
        In the order they were read.
    lines : int
        Lines of all files; blank ones count.
    tallies : mapping of str to Tally
        By ``KINDS``.
    ignored : mapping of str to int
        Lines of other streams and symbols, by stream; ``""`` counts replies of the venue.
    rejected : tuple of Rejected
        Every line that could not be used, with the reason; a cut file's last line too.
    untimed : int
        Lines for which the venue gives no time; see ``read_binance``.
    clock_offset_ns : int
        Least receive time minus event time; negative where the receive clock is behind.
    truncated : str
        The compressed files that end too early, with the line; empty where whole.
    """

    files: tuple[str, ...] = ()
    lines: int = 0
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()
    untimed: int = 0
    clock_offset_ns: int = 0
    truncated: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """What a market said about one instrument, in the order in which the venue said it.

    Parameters
    ----------
    instrument : Instrument
        Gives the messages' ticks and lots their size.
    events : array of ``messages.SLOT``, shape (n,)
        64 bytes each, ascending by ``ts``. ``ts`` is the venue's time, ``ts_recv`` the receiver's,
        both int64 ns UTC and each by its own clock. ``instrument`` is 0: whoever plays it sets it.
        A frame is one BOOK message and its DEPTH messages, side by side.
    report : Report
        What was read.
    """

    instrument: Instrument
    events: Messages
    report: Report

    def __post_init__(self) -> None:
        events: Any = self.events
        if not isinstance(events, np.ndarray) or events.dtype != M.SLOT or events.ndim != 1:
            found = getattr(events, "dtype", type(events).__name__)
            raise DataError(
                f"events must be a one-dimensional array of messages.SLOT, not {found}. "
                "Read them with read_binance(...)."
            )

    @property
    def clock_offset_ns(self) -> int:
        """Least receive time minus event time in ns: what the clocks differ, plus the least delay.

        Negative where the receive clock is behind the venue's. Neither time is changed by it.
        """
        return self.report.clock_offset_ns

    def __len__(self) -> int:
        return int(self.events.size)

    def __repr__(self) -> str:
        """Symbol, messages, first and last time: ``<Recording BTCUSDT: 9 messages, ...>``."""
        if not self.events.size:
            return f"<Recording {self.instrument.symbol}: empty>"
        first, last = time_text(self.events["ts"][0]), time_text(self.events["ts"][-1])
        rejected = len(self.report.rejected)
        return (
            f"<Recording {self.instrument.symbol}: {self.events.size:,} messages, {first} to {last}"
            + (f", {rejected:,} lines rejected" if rejected else "")
            + (", truncated" if self.report.truncated else "")
            + ">"
        )

    def frame(self) -> pd.DataFrame:
        """Counts, one row for each of ``KINDS``; int64.

        Columns ``read, left_out, duplicates, gaps, late`` as ``Tally`` has them, of the files; and
        ``messages``, how many there are in ``events``. Costs one pass over the kinds.
        """
        import pandas as pd

        columns = ("read", "left_out", "duplicates", "gaps", "late")
        tallies = [self.report.tallies.get(kind, Tally()) for kind in KINDS]
        table = {name: [getattr(tally, name) for tally in tallies] for name in columns}
        table["messages"] = message_counts(self.events)
        return pd.DataFrame(table, index=pd.Index(KINDS, name="kind"), dtype=np.int64)

    def trades(self) -> pd.DataFrame:
        """Trades in human units, as ``History.write_trades`` takes them.

        Index ``ts`` (event time, UTC, ns); columns ``price`` and ``size`` float64, ``side`` int8
        (the aggressor's: +1 bought, -1 sold, 0 unknown), ``trade_id`` int64, ``ts_recv``.
        """
        found = self.events[self.events["kind"] == M.TRADE]
        return self._table(
            found,
            price=self._prices(found["a"]),
            size=self._sizes(found["b"]),
            side=found["d"].astype(np.int8),
            trade_id=found["c"],
        )

    def quotes(self) -> pd.DataFrame:
        """Best bid and ask in human units.

        Index ``ts`` (event time, UTC, ns); columns ``bid, bid_size, ask, ask_size`` float64 (a
        side without orders has NaN and 0), ``update_id`` int64, ``ts_recv``.
        """
        found = self.events[self.events["kind"] == M.QUOTE]
        return self._table(
            found,
            bid=np.where(found["b"] > 0, self._prices(found["a"]), np.nan),
            bid_size=self._sizes(found["b"]),
            ask=np.where(found["d"] > 0, self._prices(found["c"]), np.nan),
            ask_size=self._sizes(found["d"]),
            update_id=found["seq"],
        )

    def window(self, start: Any, stop: Any) -> Recording:
        """What the venue said from ``start`` to before ``stop``; frames stay whole.

        Where the book at ``start`` is known, the window begins with a snapshot of it, at the time
        ``start`` and with the receive time of the last frame before. It is not known where no
        snapshot came before, or ids were missing since. The report stays that of the files.

        Parameters
        ----------
        start, stop : datetime, Timestamp, datetime64, ISO string or int64 ns, UTC
            Event times.

        Raises
        ------
        DataError
            For what isn't a time, and a stop before the start.

        Notes
        -----
        Copies the messages; the snapshot costs a sort of the levels since the last one.
        """
        first_ns, stop_ns = to_ns(start), to_ns(stop)
        if stop_ns < first_ns:
            raise DataError(
                f"a window must stop after its start {time_text(first_ns)}, not at "
                f"{time_text(stop_ns)}. Swap them."
            )
        first, last = np.searchsorted(self.events["ts"], (first_ns, stop_ns)).tolist()
        cut = np.concatenate([book_at(self.events[:first], first_ns), self.events[first:last]])
        return Recording(self.instrument, cut, self.report)

    def _prices(self, ticks: Counts) -> npt.NDArray[np.float64]:
        price = self.instrument.price
        return to_float(ticks, price.numerator, price.denominator)

    def _sizes(self, lots: Counts) -> npt.NDArray[np.float64]:
        quantity = self.instrument.quantity
        return to_float(lots, quantity.numerator, quantity.denominator)

    def _table(self, found: Messages, **columns: npt.NDArray[Any]) -> pd.DataFrame:
        import pandas as pd

        columns["ts_recv"] = pd.to_datetime(found["ts_recv"], utc=True)
        return pd.DataFrame(columns, index=pd.to_datetime(found["ts"], utc=True).rename("ts"))


def message_counts(events: Messages) -> list[int]:
    """How many messages of each of ``KINDS``."""
    kind = events["kind"]
    book = kind == M.BOOK
    whole = book & ((events["code"] & M.SNAPSHOT) != 0)
    level = kind == M.DEPTH
    begun = np.concatenate([[False], whole[book]])  # by frames so far; none in front of the first
    held = level & begun[np.cumsum(book)]
    wanted = (kind == M.TRADE, kind == M.QUOTE, book & ~whole, whole, level & ~held, held)
    return [int(each.sum()) for each in wanted]


def frame_gaps(books: Messages) -> npt.NDArray[np.bool_]:
    """Which BOOK messages don't follow on from the one before, by the venue's rule.

    A frame that names its predecessor (``c``) must name the last id of the frame before; one that
    doesn't (-1) must begin right after it. After a snapshot it may begin within it. A snapshot
    follows on from anything, and the first frame of all from nothing.
    """
    if not books.size:
        return np.zeros(0, np.bool_)
    last = np.concatenate([books["b"][:1], books["b"][:-1]])
    whole = (books["code"] & M.SNAPSHOT) != 0
    after_whole = np.concatenate([[False], whole[:-1]])
    named = books["c"] >= 0
    ahead = np.where(named, books["c"] > last, books["a"] > last + 1)
    apart = np.where(named, books["c"] != last, books["a"] != last + 1)
    gaps: npt.NDArray[np.bool_] = ~whole & np.where(after_whole, ahead, apart)
    gaps[0] = False
    return gaps


def book_at(events: Messages, ts: int) -> Messages:
    """The book that these messages leave, as a snapshot frame at ``ts``; empty where unknown."""
    books = np.flatnonzero(events["kind"] == M.BOOK)
    whole = np.flatnonzero((events["code"][books] & M.SNAPSHOT) != 0)
    if not whole.size or frame_gaps(events[books[whole[-1] :]]).any():
        return np.zeros(0, M.SLOT)
    since = events[books[whole[-1]] :]
    levels = since[since["kind"] == M.DEPTH][::-1]  # the latest word on a level comes first
    # Bids from the highest down, then asks from the lowest up.
    levels = levels[np.lexsort((-levels["a"] * levels["c"], -levels["c"]))]
    latest = np.ones(levels.size, np.bool_)
    latest[1:] = (np.diff(levels["a"]) != 0) | (np.diff(levels["c"]) != 0)
    left = levels[latest & (levels["b"] > 0)]
    frame = np.zeros(left.size + 1, M.SLOT)
    frame[1:] = left
    frame[0] = events[books[-1]]
    frame["ts"], frame["ts_recv"], frame["seq"] = ts, frame["ts_recv"][0], frame["b"][0]
    frame["a"][0], frame["c"][0], frame["d"][0] = frame["b"][0], -1, -1
    frame["code"] = M.MORE
    frame["code"][-1] = 0
    frame["code"][0] |= M.SNAPSHOT
    return frame
