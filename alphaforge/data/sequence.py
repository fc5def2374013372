"""The lines of a capture as messages in the venue's sequence.

Lines come in the order of reception, and the streams of one connection overtake each other. Update
ids and trade ids say what the venue's order was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.recording import Messages, Tally, frame_gaps
from alphaforge.engine import messages as M

Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.void]


def _row(*names: str) -> np.dtype[np.void]:
    return np.dtype([(name, "i8") for name in ("line", "recv", "ts", *names)])


TRADE = _row("id", "tick", "lot", "side")
QUOTE = _row("id", "bid", "bid_lot", "ask", "ask_lot")
FRAME = _row("first", "id", "before", "whole", "start", "count", "bids")
"""Rows of int64. ``line`` counts from 1, times are ns; ``ts`` is 0 or negative where the venue gave
none: then minus the latest event time before it. A side of 0 is a trade outside the market. A frame
has ``count`` levels from ``start`` on, ``bids`` of them bids, and is ``whole`` where a snapshot."""

_DIFFERENCE, _WHOLE, _QUOTE = 0, 1, 2  # what comes first at one update id


@dataclass(frozen=True)
class Lines:
    """A capture's lines by kind, in the order of reception, and the levels of all frames."""

    trades: Rows
    quotes: Rows
    frames: Rows
    ticks: Counts
    lots: Counts

    @property
    def untimed(self) -> int:
        """Lines without a time of the venue."""
        return int((self.quotes["ts"] <= 0).sum() + (self.frames["ts"] <= 0).sum())


def sequenced(lines: Lines) -> tuple[Messages, dict[str, Tally], int]:
    """Messages in the venue's sequence, what was left out by kind, and the clocks' offset in ns.

    Costs a few sorts of the lines and one pass over the levels.
    """
    received = np.concatenate([rows["recv"] for rows in (lines.trades, lines.quotes, lines.frames)])
    said = np.concatenate([rows["ts"] for rows in (lines.trades, lines.quotes, lines.frames)])
    timed = said > 0
    offset = int((received - said)[timed].min()) if timed.any() else 0
    start = int(said[timed].min()) if timed.any() else 0
    trades, trade_tally = _trades(lines.trades)
    quotes, frames, tallies = _book(lines, start)
    events = _messages(lines, trades, quotes, frames)
    books = events[events["kind"] == M.BOOK]
    tallies["depth"] = replace(tallies["depth"], gaps=int(frame_gaps(books).sum()))
    return events, {"trade": trade_tally, **tallies}, offset


def _trades(rows: Rows) -> tuple[Rows, Tally]:
    """Trades by id, each once, with times that don't go back."""
    rows = rows[np.lexsort((rows["line"], rows["id"]))].copy()
    step = np.diff(rows["id"])
    again = np.concatenate([[False], step == 0])[: rows.size]
    market = rows["side"] != 0
    ts = np.maximum.accumulate(rows["ts"])
    tally = Tally(
        read=rows.size,
        left_out=int((~market & ~again).sum()),
        duplicates=int(again.sum()),
        gaps=int((step > 1).sum()),
        late=int(((ts > rows["ts"]) & market & ~again).sum()),
    )
    rows["ts"] = ts
    rows["line"] = np.maximum.accumulate(rows["line"])
    return rows[market & ~again], tally


def _book(lines: Lines, start: int) -> tuple[Rows, Rows, dict[str, Tally]]:
    """Quotes and frames by update id, each once, with times that don't go back.

    ``start`` is the time of what comes before any time is known.
    """
    quotes, frames = lines.quotes.copy(), lines.frames.copy()
    rank = np.concatenate([frames["whole"], np.full(quotes.size, _QUOTE)])
    id_, line, ts, recv = (
        np.concatenate([frames[name], quotes[name]]) for name in ("id", "line", "ts", "recv")
    )
    order = np.lexsort((line, rank, id_))
    same = (np.diff(id_[order]) == 0) & (np.diff(rank[order]) == 0)
    again = np.zeros(order.size, np.bool_)
    again[order[1:]] = same
    held = np.zeros(order.size, np.bool_)  # frames that the first snapshot contains
    wholes = np.flatnonzero(rank[order] == _WHOLE)
    if wholes.size:
        before = order[: wholes[0]]
        held[before[rank[before] == _DIFFERENCE]] = True
    held &= ~again
    timed = ts > 0
    unknown = np.where(ts < 0, -ts, start if start else recv)
    known = _times(np.where(timed, ts, unknown)[order], timed[order])
    late = np.zeros(order.size, np.bool_)
    late[order] = timed[order] & (known > ts[order])
    ts[order] = known
    line[order] = np.maximum.accumulate(line[order])
    for name, values in (("ts", ts), ("line", line)):
        frames[name], quotes[name] = values[: frames.size], values[frames.size :]
    tallies = _tallies(rank, again, held, late, lines.frames["count"])
    order, at = order[~(again | held)[order]], frames.size
    return quotes[order[order >= at] - at], frames[order[order < at]], tallies


def _times(ts: Counts, timed: Mask) -> Counts:
    """Times that don't go back; those that are guesses stay between the known ones."""
    if not ts.size:
        return ts
    known = np.maximum.accumulate(np.where(timed, ts, 0))
    ahead = np.where(timed, known, np.iinfo(np.int64).max)
    ceiling = np.minimum.accumulate(ahead[::-1])[::-1]
    return np.maximum.accumulate(np.minimum(ts, ceiling))


def _tallies(rank: Counts, again: Mask, held: Mask, late: Mask, counts: Counts) -> dict[str, Tally]:
    """What became of quotes, frames, snapshots and of their levels; gaps are for the caller."""
    found = {}
    kinds = (("depth", _DIFFERENCE, "level"), ("snapshot", _WHOLE, "snapshot_level"))
    for name, kind, levels in (*kinds, ("quote", _QUOTE, "")):
        mine = rank == kind
        found[name] = Tally(
            read=int(mine.sum()),
            left_out=int((mine & held).sum()),
            duplicates=int((mine & again).sum()),
            late=int((mine & late & ~again & ~held).sum()),
        )
        if levels:
            mine, left, twice = mine[: counts.size], held[: counts.size], again[: counts.size]
            found[levels] = Tally(
                read=int(counts[mine].sum()),
                left_out=int(counts[mine & left].sum()),
                duplicates=int(counts[mine & twice].sum()),
            )
    return found


def _messages(lines: Lines, trades: Rows, quotes: Rows, frames: Rows) -> Messages:
    """One array of messages, by time and within one time as the lines were received."""
    parts = (frames, quotes, trades)
    sizes = np.concatenate([frames["count"] + 1, np.ones(quotes.size + trades.size, np.int64)])
    ts, line, id_ = (np.concatenate([p[name] for p in parts]) for name in ("ts", "line", "id"))
    # At one time and line (a line was raised to that of an id before) ids decide, frames first.
    order = np.lexsort((id_, line, ts))
    at = np.zeros(order.size, np.int64)
    at[order] = np.cumsum(sizes[order]) - sizes[order]
    events = np.zeros(int(sizes.sum()), M.SLOT)
    ends = np.cumsum([p.size for p in parts])
    _put_frames(events, at[: ends[0]], frames, lines)
    _put(events, at[ends[0] : ends[1]], quotes, M.QUOTE, ("bid", "bid_lot", "ask", "ask_lot"))
    _put(events, at[ends[1] :], trades, M.TRADE, ("tick", "lot", "id", "side"))
    return events


def _put(events: Messages, at: Counts, rows: Rows, kind: int, payload: tuple[str, ...]) -> None:
    """Write one message for each row into ``events``."""
    for name, source in zip(("seq", "ts", "ts_recv"), ("id", "ts", "recv"), strict=True):
        events[name][at] = rows[source]
    events["kind"][at] = kind
    for name, source in zip("abcd", payload, strict=False):
        events[name][at] = rows[source]


def _put_frames(events: Messages, at: Counts, frames: Rows, lines: Lines) -> None:
    """Write each frame's BOOK message and its levels into ``events``."""
    count = frames["count"]
    _put(events, at, frames, M.BOOK, ("first", "id", "before"))
    events["d"][at] = -1
    events["code"][at] = np.where(count > 0, M.MORE, 0) | np.where(frames["whole"], M.SNAPSHOT, 0)
    owner = np.repeat(np.arange(frames.size), count)
    nth = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count)
    source = frames["start"][owner] + nth
    levels: Any = np.zeros(owner.size, M.SLOT)
    for name, column in (("seq", "id"), ("ts", "ts"), ("ts_recv", "recv")):
        levels[name] = frames[column][owner]
    levels["kind"] = M.DEPTH
    levels["code"] = np.where(nth < count[owner] - 1, M.MORE, 0)
    levels["a"], levels["b"] = lines.ticks[source], lines.lots[source]
    levels["c"] = np.where(nth < frames["bids"][owner], 1, -1)
    events[at[owner] + 1 + nth] = levels
