"""A recording of the embedded exchange: seeded order flow, made as fast as the machine can."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.recording import Recording, Report, Tally
from alphaforge.engine import messages as M
from alphaforge.units import parse_duration, to_ns
from alphaforge.venues.simulated import SimulatedExchange

_STEP = 500
_KINDS = (M.TRADE, M.QUOTE, M.DEPTH)


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
    Cost: about a second an hour of market. It has no receive times: feeds are on time.
    """
    began = to_ns(start)
    end = began + parse_duration(over, "over")
    exchange = SimulatedExchange((symbol,), seed=seed, start=began, ring_slots=1 << 17)
    parts = []
    while int(exchange.header["now"]) < end:
        parts.append(exchange.market_data.take())
        exchange.generate(_STEP)
    parts.append(exchange.market_data.take())
    events = np.concatenate(parts)
    kept = np.isin(events["kind"], _KINDS) & (events["ts"] < end)
    events = _in_frames(events[kept])
    events["ts_recv"] = events["ts"]
    events["seq"] = np.arange(events.size)
    names = {M.TRADE: "trade", M.QUOTE: "quote", M.DEPTH: "level"}
    tallies = {n: Tally(read=int((events["kind"] == kind).sum())) for kind, n in names.items()}
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
    return events
