"""Bars from stored trades, through the engine's own builder, and from smaller stored bars."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.check import time_text
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.bars import bars_from_trades
from alphaforge.errors import DataError
from alphaforge.units import DAY, WEEK

_MONDAY = 4 * DAY
_RANGE = np.iinfo(np.int64)
_NONE = np.zeros(0, np.int64)
Columns = dict[str, npt.NDArray[Any]]


def bars_of_trades(
    trades: Columns, interval_ns: int, cuts: npt.NDArray[np.int64] = _NONE
) -> Columns:
    """Time bars of sorted trades: int64 columns as ``History.bar_columns`` gives them.

    The last bar is included though no later trade closed it.

    Parameters
    ----------
    cuts : int64 array, ns UTC
        Times of corporate actions, ascending: no bar holds trades of both sides of one.

    Raises
    ------
    DataError
        Where the volume of a bar passes int64.
    """
    edges = [0, *np.searchsorted(trades["ts"], cuts).tolist(), trades["ts"].size]
    limits = [_RANGE.min, *cuts.tolist(), _RANGE.max]
    parts = []
    for k, (first, last) in enumerate(itertools.pairwise(edges)):
        part = _built({name: values[first:last] for name, values in trades.items()}, interval_ns)
        part["ts_open"] = np.maximum(part["ts_open"], limits[k])
        part["ts"] = np.minimum(part["ts"], limits[k + 1])
        parts.append(part)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _built(trades: Columns, interval_ns: int) -> Columns:
    """The bars of trades between two actions."""
    count = trades["ts"].size
    builder = np.zeros(1, L.BUILDER)
    builder["interval"] = interval_ns
    out = np.zeros(count + 1, M.BAR_SLOTS)
    addresses = [trades[name].ctypes.data for name in ("ts", "price", "size", "side")]
    closed = bars_from_trades(builder.ctypes.data, count, *addresses, out.ctypes.data, out.size)
    bars = out[: int(closed) + (1 if int(builder["trades"][0]) else 0)]
    if int(builder["trades"][0]):
        for name in ("ts_open", "open", "high", "low", "close", "volume"):
            bars[name][-1] = builder[name][0]
        bars["ts"][-1] = builder["ts_close"][0]
        bars["trades"][-1] = builder["trades"][0]
    ends = np.cumsum(bars["trades"])
    _volumes(trades["size"], ends - bars["trades"], bars["ts_open"])
    return {
        name: np.ascontiguousarray(bars[name])
        for name in ("ts_open", "ts", "open", "high", "low", "close", "volume")
    }


def aggregate_bars(bars: Columns, interval_ns: int, cuts: npt.NDArray[np.int64] = _NONE) -> Columns:
    """Longer bars from shorter ones: [start, start + interval), weeks from Monday, UTC.

    Parameters
    ----------
    cuts : int64 array, ns UTC
        Times of corporate actions, ascending: a bar ends and the next begins at each. One that
        lies inside a shorter bar can't be cut at, and stays inside the longer one.

    Raises
    ------
    DataError
        Where the volume of a bar passes int64.
    """
    cuts = cuts[~held_inside(bars, cuts)]
    anchor = _MONDAY if interval_ns % WEEK == 0 else 0
    start = (bars["ts_open"] - anchor) // interval_ns * interval_ns + anchor
    part = np.searchsorted(cuts, bars["ts_open"], side="right")
    begins = np.ones(start.size, bool)
    begins[1:] = (np.diff(start) != 0) | (np.diff(part) != 0)
    first = np.flatnonzero(begins)
    last = np.append(first[1:], start.size)[: first.size] - 1
    limits = np.concatenate([[_RANGE.min], cuts, [_RANGE.max]])
    return {
        "ts_open": np.maximum(start[first], limits[part[first]]),
        "ts": np.minimum(start[first] + interval_ns, limits[part[first] + 1]),
        "open": bars["open"][first],
        "high": np.maximum.reduceat(bars["high"], first),
        "low": np.minimum.reduceat(bars["low"], first),
        "close": bars["close"][last],
        "volume": _volumes(bars["volume"], first, start[first]),
    }


def held_inside(bars: Columns, times: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which times lie strictly between the open and the close time of a bar."""
    if not bars["ts"].size:
        return np.zeros(times.size, bool)
    # The first bar that closes after the time: bars are sorted by their close.
    at = np.searchsorted(bars["ts"], times, side="right")
    opened = bars["ts_open"][np.minimum(at, bars["ts"].size - 1)]
    return (at < bars["ts"].size) & (opened < times)


def _volumes(
    lots: npt.NDArray[np.int64], first: npt.NDArray[np.int64], ts_open: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Sums of the stretches that begin at ``first``."""
    if not first.size:
        return _NONE
    sums = np.add.reduceat(lots, first)
    about = np.add.reduceat(lots, first, dtype=np.float64)
    # A sum that wrapped once is negative; one that wrapped further is far off as a float too.
    wrong = np.flatnonzero((sums < 0) | (about >= 2.0**63))
    if wrong.size:
        n = int(wrong[0])
        raise DataError(
            f"the volume of the bar that opens at {time_text(ts_open[n])} must fit int64, "
            f" and is {about[n]:.4g} lots. Use shorter bars, or a larger lot."
        )
    return sums
