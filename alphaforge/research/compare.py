"""Both modes side by side over the same data: where they first differ, and in what.

``strategy.check(data)`` calls ``compare``. Two engines are given the same events, one runs the
strategy in Python, one compiled; after each event what they journalled and every field are
compared, to the last bit. They should never differ: where they do, one of the two is not what the
user wrote, and this says which field, at which event.
"""

from __future__ import annotations

import contextlib
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.history import History
from alphaforge.data.recording import Recording
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.engine.ring import slots_of
from alphaforge.engine.watchdog import was_ended, watched
from alphaforge.errors import ConfigError, DataError, did_you_mean
from alphaforge.instrument import Instrument
from alphaforge.research.backtest import capacities_for, with_room
from alphaforge.research.stream import Stream, event_stream, recorded_stream
from alphaforge.strategy.base import Strategy, check_strategy
from alphaforge.strategy.compile import Entry, compiled_entry, python_entry
from alphaforge.strategy.fields import Fields, fields_of, from_bytes, to_bytes
from alphaforge.units import format_interval
from alphaforge.venue import Venue

MODES = ("python", "compiled")
_DECIMALS = 8


@dataclass(frozen=True)
class Difference:
    """Where the two modes first differ.

    Attributes
    ----------
    event : int
        Its number, from 0; -1 for ``on_start``.
    ts : int
        Its time, ns UTC.
    fields : dict
        Field -> its value in Python and compiled, those that differ.
    rows : tuple
        What each journalled in that event, where that differs: kind, code and payload.
    raised : tuple of str
        What each raised, empty where nothing.
    """

    event: int
    ts: int
    fields: dict[str, tuple[Any, Any]]
    rows: tuple[list[Any], list[Any]]
    raised: tuple[str, str]

    def __str__(self) -> str:
        where = "on_start" if self.event < 0 else f"event {self.event:,}"
        lines = [f"differ first at {where}, {np.datetime64(self.ts, 'ns')} UTC"]
        for name, (python, compiled) in self.fields.items():
            lines.append(f"  {name}: {python!r} in Python, {compiled!r} compiled")
        for mode, rows, raised in zip(MODES, self.rows, self.raised, strict=True):
            if self.rows[0] != self.rows[1]:
                lines.append(f"  journalled in {mode} mode: {rows or 'nothing'}")
            if any(self.raised):
                lines.append(f"  raised in {mode} mode: {raised or 'nothing'}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Comparison:
    """What comparing the two modes showed; truthy where they are equal.

    Attributes
    ----------
    events, rows : int
        Events that both were given, and journal rows that both left, up to the difference.
    first : Difference or None
    raised : str
        What both raised, at the same event, where they did.
    """

    strategy: str
    events: int
    rows: int
    first: Difference | None
    raised: str = ""

    def __bool__(self) -> bool:
        return self.first is None

    def __repr__(self) -> str:
        if self.first is not None:
            return f"{self.strategy}: Python and compiled {self.first}"
        ended = f"; both raised {self.raised}" if self.raised else ""
        return (
            f"{self.strategy}: Python and compiled are equal in every field and row: "
            f"{self.events:,} events, {self.rows:,} rows{ended}"
        )

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def compare(
    strategy: Strategy,
    data: Any,
    instrument: Instrument | None = None,
    venue: Venue | None = None,
) -> Comparison:
    """Run a strategy in both modes over the same data and compare all that they do.

    Cost: some 60 us an event, so a sample of ten thousand bars takes less than a second.

    Parameters
    ----------
    data : DataFrame, mapping of str to DataFrame, or Recording
        Bars (columns open, high, low, close, volume; index their close times, UTC) of one symbol or
        of several; or a recorded market.
    instrument : Instrument, optional
        Of one symbol's bars. By default its tick and lot are the smallest decimals in the data.
    venue : Venue, optional
        How orders are filled.

    Raises
    ------
    StrategyError
        Where it can't be compiled.
    DataError
        For bars that can't be used.
    """
    check_strategy(strategy)
    if instrument is not None and not isinstance(instrument, Instrument):
        raise ConfigError(f"instrument must be af.Instrument(...), not {instrument!r}.")
    if venue is not None and not isinstance(venue, Venue):
        raise ConfigError(f"venue must be af.Venue(...), not {venue!r}.")
    stream, instruments, interval = _stream(data, instrument, venue or Venue())
    return run_both(strategy, stream, instruments, interval, venue)


def _stream(
    data: Any, instrument: Instrument | None, venue: Venue
) -> tuple[Stream, list[Instrument], int]:
    if isinstance(data, Recording):
        return recorded_stream(data, venue.latency), [data.instrument], 0
    frames = data if isinstance(data, Mapping) else {instrument.symbol if instrument else "X": data}
    if not frames or not all(hasattr(frame, "columns") for frame in frames.values()):
        raise DataError(
            "check wants bars: a DataFrame with open, high, low, close and volume, such as "
            f"lab.bars('AAPL', '1d'), one for each symbol, or a recording, not {data!r:.60}."
        )
    for frame in frames.values():
        for name in ("open", "high", "low", "close", "volume"):
            if name not in frame.columns:
                raise DataError(
                    f"check wants bars, and these have no {name!r}. "
                    f"{did_you_mean(name, map(str, frame.columns))}"
                )
    with contextlib.closing(History(":memory:")) as history:
        interval = min(_interval(frame) for frame in frames.values())
        spec = format_interval(interval)
        for symbol, frame in frames.items():
            history.add_instrument(instrument or _instrument(symbol, frame))
            history.write_bars(symbol, spec, frame)
        stream = event_stream(history, list(frames), spec)
        return stream, [history.instrument(symbol) for symbol in frames], interval


def _interval(frame: Any) -> int:
    """The length of a frame's bars: the shortest time between two of them."""
    if len(frame) < 2:
        raise DataError(f"check wants at least two bars, not {len(frame)}.")
    import pandas as pd

    if not isinstance(frame.index, pd.DatetimeIndex):
        raise DataError(
            f"check wants the bars' close times as the index, and it is of {frame.index.dtype}. "
            "Convert them: frame.index = pandas.to_datetime(times, utc=True)."
        )
    gap = int(np.diff(pd.to_datetime(frame.index, utc=True).as_unit("ns").asi8).min())
    if gap <= 0:
        raise DataError(
            "the times of the bars must rise from row to row. Sort them, and drop what is there "
            "twice: frame[~frame.index.duplicated()].sort_index()."
        )
    return gap


def _instrument(symbol: str, frame: Any) -> Instrument:
    prices = frame[["open", "high", "low", "close"]].to_numpy(float)
    sizes = frame["volume"].to_numpy(float)
    return Instrument(symbol, _step(prices, "prices"), lot=_step(sizes, "volumes"))


def _step(values: npt.NDArray[np.float64], what: str) -> str:
    """The decimal step that all values are on, such as ``"0.01"``."""
    for decimals in range(_DECIMALS + 1):
        if np.array_equal(np.round(values, decimals), values, equal_nan=True):
            return f"{10.0**-decimals:.{decimals}f}"
    raise DataError(
        f"check can't tell the tick of {what} with more than {_DECIMALS} decimals. Round them, or "
        "give instrument=af.Instrument(...)."
    )


class _Side:
    """One mode: its engine, its entry, and what it has journalled."""

    def __init__(
        self,
        strategy: Strategy,
        mode: str,
        instruments: list[Instrument],
        interval: int,
        venue: Venue | None,
        start: int,
    ) -> None:
        self.mode = mode
        self.own = strategy.fresh()
        make: Any = compiled_entry if mode == "compiled" else python_entry
        self.entry: Entry = make(self.own)
        self.engine = Engine(
            currency=instruments[0].currency,
            venue=venue,
            capacities=with_room(
                capacities_for(venue or Venue(), None), self.entry, len(instruments)
            ),
        )
        for each in instruments:
            self.engine.add_instrument(each)
        self.engine.header["now"] = start
        self.engine.add_strategy(self.entry, [i.symbol for i in instruments], interval)
        self.taken = 0

    def rows(self) -> npt.NDArray[Any]:
        """What was journalled since the last time."""
        journal, first = self.engine.journal, self.taken
        self.taken = journal.written
        return journal.copy(first, self.taken)

    def memory(self) -> npt.NDArray[np.uint8]:
        """The strategy's fields as they are now, as the compiled record has them."""
        if self.mode == "python":
            return to_bytes(self.own)
        record = L.pool(self.engine.block, "strategies")[0]
        at = int(record["state"])
        return self.engine.block[at : at + int(record["bytes"])]

    def raised(self) -> str:
        """What its handler raised; compiled code doesn't say."""
        if not self.engine.fault:
            return ""
        if self.engine.fault != K.FAULT_STRATEGY:
            return self.engine.fault_text()
        if was_ended():
            return "EndlessLoop"
        return type(self.entry.error).__name__ if self.entry.error else "an error"


def run_both(
    strategy: Strategy,
    stream: Stream,
    instruments: list[Instrument],
    interval: int = 0,
    venue: Venue | None = None,
) -> Comparison:
    """``compare`` over a stream of events that is there already; ``interval`` 0 shows every bar."""
    start = stream.start or 0
    python, compiled = (
        _Side(strategy, mode, instruments, interval, venue, start) for mode in MODES
    )
    with watched(python.engine.header, python=True), watched(compiled.engine.header, python=False):
        return _side_by_side(type(strategy).__name__, stream, python, compiled)


def _side_by_side(name: str, stream: Stream, python: _Side, compiled: _Side) -> Comparison:
    sides, rows = (python, compiled), 0
    count = stream.offsets.size - 1
    for event, ts, step in _steps(stream):
        for side in sides:
            step(side)
        if isinstance(python.entry.error, KeyboardInterrupt):
            raise python.entry.error
        mine, theirs = python.rows(), compiled.rows()
        fields = _different(python, compiled)
        raised = python.raised(), compiled.raised()
        one_raised = bool(raised[0]) != bool(raised[1])
        if fields or one_raised or mine.tobytes() != theirs.tobytes():
            first = Difference(
                min(event, count - 1),
                ts,
                fields,
                (_shown(mine), _shown(theirs)),
                raised if one_raised else ("", ""),
            )
            return Comparison(name, max(event, 0), rows, first)
        rows += mine.size
        if raised[0]:
            return Comparison(name, max(event, 0), rows, None, raised[0])
    return Comparison(name, count, rows, None)


def _steps(stream: Stream) -> Iterator[tuple[int, int, Any]]:
    """Every event with its number and time, ``on_start`` before and ``on_stop`` after them."""
    yield -1, stream.start or 0, lambda side: side.engine.call(0, K.ON_START)
    ts = 0
    for event, at in enumerate(stream.offsets[:-1].tolist()):
        message = stream.events[at : at + M.SLOT_BYTES].view(M.SLOT)
        ts = int(message["ts"][0])
        whole = stream.events[at : at + slots_of(int(message["kind"][0])) * M.SLOT_BYTES]
        yield event, ts, lambda side, whole=whole: side.engine.step(whole)
    last = stream.offsets.size - 1
    yield last, ts, lambda side: side.engine.call(0, K.ON_STOP)


def _different(python: _Side, compiled: _Side) -> dict[str, tuple[Any, Any]]:
    memory = compiled.memory()
    if np.array_equal(python.memory(), memory):
        return {}
    from_bytes(compiled.own, memory)
    return different_fields(python.own, compiled.own)


def different_fields(one: Fields, two: Fields, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Fields of two objects of one class that differ in any bit, by name; NaN equals NaN."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in fields_of(type(one)):
        here, there = getattr(one, name), getattr(two, name)
        if isinstance(here, Fields):
            found |= different_fields(here, there, f"{prefix}{name}.")
        elif isinstance(here, list):
            for n, (a, b) in enumerate(zip(here, there, strict=True)):
                if not _same(a, b):
                    found[f"{prefix}{name}[{n}]"] = a, b
        elif not _same(here, there):
            found[prefix + name] = here, there
    return found


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, float) and isinstance(two, float):
        return (one == two and np.signbit(one) == np.signbit(two)) or (one != one and two != two)
    return bool(one == two)


def _shown(rows: npt.NDArray[Any]) -> list[Any]:
    names = ("kind", "code", "instrument", "a", "b", "c", "d")
    return [{name: int(row[name]) for name in names} for row in rows]
