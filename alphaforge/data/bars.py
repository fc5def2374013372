"""Bars from stored trades, through the engine's own builder, and from smaller stored bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import layout as L
from alphaforge.engine.bars import bars_from_trades
from alphaforge.units import DAY, WEEK

_MONDAY = 4 * DAY
Columns = dict[str, npt.NDArray[Any]]


def bars_of_trades(trades: Columns, interval_ns: int) -> Columns:
    """Time bars of sorted trades: int64 columns as ``History.bar_columns`` gives them.

    The last bar is included though no later trade closed it.
    """
    count = trades["ts"].size
    builder = np.zeros(1, L.BUILDER)
    builder["interval"] = interval_ns
    out = np.zeros(count + 1, L.BAR_SLOTS)
    addresses = [trades[name].ctypes.data for name in ("ts", "price", "size", "side")]
    closed = bars_from_trades(builder.ctypes.data, count, *addresses, out.ctypes.data, out.size)
    bars = out[: int(closed) + (1 if int(builder["trades"][0]) else 0)]
    if int(builder["trades"][0]):
        for name in ("ts_open", "open", "high", "low", "close", "volume"):
            bars[name][-1] = builder[name][0]
        bars["ts"][-1] = builder["ts_close"][0]
    return {
        name: np.ascontiguousarray(bars[name])
        for name in ("ts_open", "ts", "open", "high", "low", "close", "volume")
    }


def aggregate_bars(bars: Columns, interval_ns: int) -> Columns:
    """Longer bars from shorter ones: [start, start + interval), weeks from Monday, UTC."""
    anchor = _MONDAY if interval_ns % WEEK == 0 else 0
    start = (bars["ts_open"] - anchor) // interval_ns * interval_ns + anchor
    first = np.flatnonzero(np.diff(start, prepend=start[:1] - 1))
    last = np.append(first[1:], start.size) - 1
    return {
        "ts_open": start[first],
        "ts": start[first] + interval_ns,
        "open": bars["open"][first],
        "high": np.maximum.reduceat(bars["high"], first),
        "low": np.minimum.reduceat(bars["low"], first),
        "close": bars["close"][last],
        "volume": np.add.reduceat(bars["volume"], first),
    }
