"""A recording of the embedded exchange: seeded order flow, made as fast as the machine can."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.recording import KINDS, Recording, Report, Tally, message_counts
from alphaforge.engine import messages as M
from alphaforge.errors import ConfigError
from alphaforge.units import parse_duration, to_ns
from alphaforge.venues.simulated import SimulatedExchange

_STEP = 500
_KEPT = (M.TRADE, M.QUOTE, M.DEPTH)
_END = 2**63


def simulate(
    symbol: str = "BTCUSDT",
    over: str = "10m",
    seed: int = 1,
    start: str = "2026-01-02 14:30",
) -> Recording:
    """A simulated market as a recording: trades, best quotes and price levels.

    Parameters
    ----------
    symbol : str
        Of the embedded exchange; its prices are invented, its instrument says ``simulated``.
    over : str
        How long, e.g. ``"10m"``.
    seed : int
        The same seed gives the same market.
    start : str
        When it begins, UTC.

    Raises
    ------
    VenueError, ConfigError
        For an unknown symbol, and what is no duration or seed.

    Notes
    -----
    Cost: about a second an hour of market. Its receive times are its event times: feeds are on
    time. The first frame is a snapshot, the ids of those that follow count from it.
    """
    began = to_ns(start)
    length = parse_duration(over, "over")
    whole: Any = seed
    if not isinstance(whole, (int, np.integer)) or isinstance(whole, bool):
        raise ConfigError(f"seed must be a whole number from 0, not {seed!r}. Give an int.")
    if length == 0 or began + length >= _END:
        raise ConfigError(
            f"over must be longer than 0 and end before the year 2262, not {over!r}. "
            "Give one like '10m'."
        )
    end = began + length
    exchange = SimulatedExchange((symbol,), seed=seed, start=began, ring_slots=1 << 17)
    parts = []
    while int(exchange.header["now"]) < end:
        parts.append(exchange.market_data.take())
        exchange.generate(_STEP)
    parts.append(exchange.market_data.take())
    events = np.concatenate(parts)
    kept = np.isin(events["kind"], _KEPT) & (events["ts"] < end)
    events = _in_frames(events[kept])
    events["ts_recv"] = events["ts"]
    events["seq"] = np.arange(events.size)
    counted = zip(KINDS, message_counts(events), strict=True)
    tallies = {name: Tally(read=count) for name, count in counted}
    report = Report(files=(f"simulated, seed {seed}",), tallies=tallies)
    return Recording(exchange.instruments[0], events, report)


def _in_frames(events: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What happened at one time in the order in which venues tell it: trades, book, best quote.

    The changes of the book at one time are a frame: nobody sees it half changed.
    """
    place = np.select([events["kind"] == M.TRADE, events["kind"] == M.DEPTH], [0, 1], 2)
    events = events[np.lexsort((place, events["ts"]))].copy()
    depth = np.flatnonzero(events["kind"] == M.DEPTH)
    goes_on = events["ts"][depth[:-1]] == events["ts"][depth[1:]]
    events["code"][depth[:-1]] = np.where(goes_on, M.MORE, 0)
    first = depth[np.concatenate([[True], ~goes_on])] if depth.size else depth
    heads = np.zeros(first.size, events.dtype)
    for name in ("ts", "instrument"):
        heads[name] = events[name][first]
    heads["kind"], heads["code"] = M.BOOK, M.MORE
    heads["code"][:1] |= M.SNAPSHOT
    heads["a"] = heads["b"] = np.arange(1, first.size + 1)
    heads["c"], heads["d"] = heads["b"] - 1, -1
    heads["c"][:1] = -1
    return np.insert(events, first, heads)
