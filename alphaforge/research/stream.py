"""Stored bars and corporate actions of several symbols as one stream of messages."""

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
        For each action among them, the index of the bar that it stands before.
    """

    events: npt.NDArray[np.uint8]
    bars: npt.NDArray[Any]
    before: npt.NDArray[np.int64]

    @property
    def start(self) -> int | None:
        """When its first bar opens, or its first message came, ns UTC; None where empty."""
        if self.bars.size:
            return int(self.bars["ts_open"][0])
        messages = self.events.view(M.SLOT) if self.events.size else None
        return int(messages["ts"][0]) if messages is not None else None

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        """The byte at which each message begins, and the end."""
        if not self.bars.size:
            return np.arange(0, self.events.size + 1, M.SLOT_BYTES)
        sizes = np.full(self.bars.size, M.BAR_SLOTS.itemsize, np.int64)
        sizes = np.insert(sizes, self.before, M.SLOT_BYTES)
        return np.concatenate([[0], np.cumsum(sizes)])


def recorded_stream(recording: Recording, latency: Latency) -> Stream:
    """A recording as a stream; where our feed is late, each message twice, as each side knows it.

    Cost: a copy of the messages, three where the feed is late.
    """
    events = recording.events.copy()
    events["instrument"] = 0
    none = np.zeros(0, np.int64)
    if latency.is_late:
        events = late_feed(events, latency)
    return Stream(events.view(np.uint8), np.zeros(0, M.BAR_SLOTS), none)


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


def event_stream(history: History, symbols: list[str], spec: str) -> Stream:
    """Load and merge.

    Cost: one copy of the bars, a second one where there are actions or several symbols.
    """
    parts = [history.bar_events(symbol, spec, index) for index, symbol in enumerate(symbols)]
    bars, actions = parts[0] if len(parts) == 1 else _merge(parts)
    if not actions.size:
        return Stream(bars.view(np.uint8), bars, np.zeros(0, np.int64))
    before = np.array([_position(bars, action) for action in actions], np.int64)
    kept = before < bars.size
    order = np.argsort(before[kept], kind="stable")
    before, actions = before[kept][order], actions[kept][order]
    raw = bars.view(np.uint8)
    pieces, done = [], 0
    for at, action in zip((before * M.BAR_SLOTS.itemsize).tolist(), actions, strict=True):
        pieces += [raw[done:at], np.frombuffer(action.tobytes(), np.uint8)]
        done = at
    pieces.append(raw[done:])
    return Stream(np.concatenate(pieces), bars, before)


def _merge(parts: list[tuple[Any, Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    bars = np.concatenate([part[0] for part in parts])
    order = np.lexsort((bars["instrument"], bars["ts"]))
    return bars[order], np.concatenate([part[1] for part in parts])


def _position(bars: npt.NDArray[Any], action: Any) -> int:
    """The first bar of the action's instrument that opens at or after it."""
    found = (bars["instrument"] == action["instrument"]) & (bars["ts_open"] >= action["ts"])
    return int(found.argmax()) if bool(found.any()) else int(bars.size)
