"""Stored bars, corporate actions and events of one's own as one stream of messages.

A custom event stands after all market events of its time or before: it was known no sooner.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.history import History
from alphaforge.data.recording import Recording
from alphaforge.engine import messages as M
from alphaforge.latency import Latency
from alphaforge.units import parse_duration

FRAMED = (M.BOOK, M.DEPTH, M.ORDER_ADD, M.ORDER_MODIFY, M.ORDER_CANCEL, M.ORDER_EXECUTE)
"""Kinds of messages that make a frame together."""


@dataclass
class Stream:
    """Messages in the engine's order: by close time, then by the order of the symbols.

    Attributes
    ----------
    events : uint8 array
        Whole messages, one after the other.
    bars : BAR_SLOTS array
        The bars among them, in the same order.
    before : int64 array
        For each action and custom event among them, the index of the bar that it stands before.
    start : int or None
        When its first bar opens, or its first message or custom event came, ns UTC; None empty.
    """

    events: npt.NDArray[np.uint8]
    bars: npt.NDArray[Any]
    before: npt.NDArray[np.int64]
    start: int | None

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        """The byte at which each message begins, and the end."""
        if not self.bars.size:
            return np.arange(0, self.events.size + 1, M.SLOT_BYTES)
        sizes = np.full(self.bars.size, M.BAR_SLOTS.itemsize, np.int64)
        sizes = np.insert(sizes, self.before, M.SLOT_BYTES)
        return np.concatenate([[0], np.cumsum(sizes)])


def recorded_stream(
    recording: Recording, latency: Latency, custom: npt.NDArray[Any] | None = None
) -> Stream:
    """A recording as a stream; where our feed is late, each message twice, as each side knows it.

    Cost: a copy of the messages, three where the feed is late.
    """
    events = recording.events.copy()
    events["instrument"] = 0
    none = np.zeros(0, np.int64)
    if latency.is_late:
        events = late_feed(events, latency)
    if custom is not None and custom.size:
        events = np.insert(events, _between_frames(events, custom), custom)
    start = int(events["ts"][0]) if events.size else None
    return Stream(events.view(np.uint8), np.zeros(0, M.BAR_SLOTS), none, start)


def _between_frames(events: npt.NDArray[Any], custom: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """After which messages custom events stand: those of their time, and the rest of a frame."""
    at = np.searchsorted(events["ts"], custom["ts"], side="right")
    framed = np.isin(events["kind"], FRAMED) & ((events["code"] & M.MORE) != 0)
    ends = np.flatnonzero(~framed)  # after these no frame is open
    behind = np.append(ends + 1, events.size)
    return np.where(at > 0, behind[np.searchsorted(ends + 1, at)], 0)


def late_feed(events: npt.NDArray[Any], latency: Latency) -> npt.NDArray[Any]:
    """Messages as the venue knows them and, later, as we are told; merged by time.

    ``"recorded"`` tells each with the delay of its own receive time over the smallest in the
    recording: a receive clock that is off by a constant does no harm. Nothing overtakes.
    """
    if latency.feed == "recorded":
        delay = events["ts_recv"] - events["ts"]
        delay = delay - delay.min()
    else:
        delay = np.full(events.size, parse_duration(latency.feed, "feed latency"), np.int64)
    venue, local = events.copy(), events.copy()
    venue["code"] |= M.VENUE_ONLY
    local["code"] |= M.LOCAL_ONLY
    local["ts"] = np.maximum.accumulate(events["ts"] + delay)
    both = np.concatenate([venue, local])
    return both[np.argsort(both["ts"], kind="stable")]


def event_stream(
    history: History, symbols: list[str], spec: str, custom: npt.NDArray[Any] | None = None
) -> Stream:
    """Load and merge.

    Cost: one copy of the bars, a second one where there are several symbols, actions or custom
    events.
    """
    parts = [history.bar_events(symbol, spec, index) for index, symbol in enumerate(symbols)]
    bars, actions = parts[0] if len(parts) == 1 else _merge(parts)
    before = np.array([_position(bars, action) for action in actions], np.int64)
    actions, before = actions[before < bars.size], before[before < bars.size]
    if custom is not None:
        actions = np.concatenate([actions, custom])
        known = np.searchsorted(bars["ts"], custom["ts"], side="right")
        before = np.concatenate([before, known])
    times = [bars["ts_open"], np.zeros(0, np.int64) if custom is None else custom["ts"]]
    start = min((int(each[0]) for each in times if each.size), default=None)
    if not actions.size:
        return Stream(bars.view(np.uint8), bars, np.zeros(0, np.int64), start)
    order = np.lexsort((actions["ts"], before))  # of equal times actions first, as they are above
    before, actions = before[order], actions[order]
    raw, beside = bars.view(np.uint8), actions.view(np.uint8).reshape(-1, M.SLOT_BYTES)
    pieces, done = [], 0
    for at, message in zip((before * M.BAR_SLOTS.itemsize).tolist(), beside, strict=True):
        pieces += [raw[done:at], message]
        done = at
    pieces.append(raw[done:])
    return Stream(np.concatenate(pieces), bars, before, start)


def _merge(parts: list[tuple[Any, Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    bars = np.concatenate([part[0] for part in parts])
    order = np.lexsort((bars["instrument"], bars["ts"]))
    return bars[order], np.concatenate([part[1] for part in parts])


def _position(bars: npt.NDArray[Any], action: Any) -> int:
    """The first bar of the action's instrument that opens at or after it."""
    found = (bars["instrument"] == action["instrument"]) & (bars["ts_open"] >= action["ts"])
    return int(found.argmax()) if bool(found.any()) else int(bars.size)
