"""What comes in is checked before anything is written; a refusal names the rows and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.errors import DataError
from alphaforge.instrument import Instrument
from alphaforge.units import smallest_tick, to_count

Columns = dict[str, npt.NDArray[Any]]
PRICES = ("open", "high", "low", "close")
_SHOWN = 5


def bar_columns(frame: Any, instrument: Instrument, interval_ns: int, open_time: Any) -> Columns:
    """A frame of bars as int64 columns.

    Raises
    ------
    DataError
        For a missing column, NaN, negative, inconsistent, unsorted or duplicate rows, and for
        prices off the tick or volumes off the lot.
    """
    ts = _times(frame, "bars")
    values = {name: _column(frame, name, "bars") for name in (*PRICES, "volume")}
    for name in PRICES:
        _refuse(
            ~np.isfinite(values[name]) | (values[name] <= 0), ts, f"{name} is NaN, zero or negative"
        )
    _refuse(
        ~np.isfinite(values["volume"]) | (values["volume"] < 0), ts, "volume is NaN or negative"
    )
    top = np.maximum(values["open"], values["close"])
    bottom = np.minimum(values["open"], values["close"])
    _refuse(
        (values["high"] < top) | (values["low"] > bottom),
        ts,
        "high and low don't hold open and close",
    )
    columns: Columns = {"ts": ts}
    for name in PRICES:
        columns[name] = _ticks(values[name], name, instrument, ts, [values[p] for p in PRICES])
    columns["volume"] = _lots(values["volume"], "volume", instrument, ts)
    columns["ts_open"] = _ns(open_time) if open_time is not None else ts - interval_ns
    _refuse(columns["ts_open"] >= ts, ts, "open time is not before the close time")
    return columns


def trade_columns(frame: Any, instrument: Instrument) -> Columns:
    """A frame of trades as int64 columns ts, price, size, side."""
    ts = _times(frame, "trades", strictly=False)
    price, size = _column(frame, "price", "trades"), _column(frame, "size", "trades")
    sided = any(str(column).lower() == "side" for column in frame.columns)
    side = _column(frame, "side", "trades") if sided else np.zeros(ts.size)
    _refuse(~np.isfinite(price) | (price <= 0), ts, "price is NaN, zero or negative")
    _refuse(~np.isfinite(size) | (size <= 0), ts, "size is NaN, zero or negative")
    _refuse(~np.isin(side, (-1, 0, 1)), ts, "side is not +1, -1 or 0")
    return {
        "ts": ts,
        "price": _ticks(price, "price", instrument, ts, [price]),
        "size": _lots(size, "size", instrument, ts),
        "side": side.astype(np.int8),
    }


def _column(frame: Any, name: str, what: str) -> npt.NDArray[np.float64]:
    names = {str(column).lower(): column for column in frame.columns}
    if name not in names:
        raise DataError(
            f"{what} need a column {name!r}; found {', '.join(map(str, frame.columns))}. "
            "Rename yours."
        )
    try:
        return np.ascontiguousarray(frame[names[name]], np.float64)
    except (TypeError, ValueError):
        raise DataError(f"column {name!r} of the {what} isn't numeric. Convert it first.") from None


def _times(frame: Any, what: str, strictly: bool = True) -> npt.NDArray[np.int64]:
    index = frame.get("ts", frame.index)
    ts = _ns(index)
    step = np.diff(ts)
    wrong = np.flatnonzero(step <= 0 if strictly else step < 0)
    if wrong.size:
        n = int(wrong[0]) + 1
        same = ts[n] == ts[n - 1]
        raise DataError(
            f"{what} must be sorted by time; row {n} ({_when(ts[n])}) "
            + (
                "has the time of the row before. Drop duplicates"
                if same
                else "is before the row above it. Sort them"
            )
            + f" ({wrong.size} such rows)."
        )
    return ts


def _ns(times: Any) -> npt.NDArray[np.int64]:
    import pandas as pd

    if isinstance(times, np.ndarray) and times.dtype == np.int64:
        return times
    index = pd.DatetimeIndex(times)
    if index.hasnans:
        raise DataError("a time is missing (NaT). Drop those rows or give them times.")
    if pd.api.types.is_integer_dtype(times):
        raise DataError(
            "times are plain integers. Give datetimes: pandas.to_datetime(ns, utc=True)."
        )
    index = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    return np.ascontiguousarray(index.as_unit("ns").asi8)


def _when(ts: Any) -> str:
    return str(np.datetime64(int(ts), "ns"))[:23]


def _refuse(bad: npt.NDArray[np.bool_], ts: npt.NDArray[np.int64], what: str) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        named = ", ".join(f"{n} ({_when(ts[n])})" for n in rows[:_SHOWN].tolist())
        more = f" and {rows.size - _SHOWN} more" if rows.size > _SHOWN else ""
        raise DataError(
            f"{what} in row {named}{more}. Mend or drop these rows; nothing was written."
        )


def _ticks(
    values: npt.NDArray[np.float64],
    name: str,
    instrument: Instrument,
    ts: npt.NDArray[np.int64],
    every: Any,
) -> npt.NDArray[np.int64]:
    price = instrument.price
    counts, exact = to_count(values, price.numerator, price.denominator)
    rows = np.flatnonzero(~exact)
    if rows.size:
        fits = smallest_tick(np.concatenate(every))
        named = ", ".join(f"{n} ({_when(ts[n])}: {values[n]!r})" for n in rows[:_SHOWN].tolist())
        more = f" and {rows.size - _SHOWN} more" if rows.size > _SHOWN else ""
        hint = (
            f"The smallest tick that fits all is '{fits}'." if fits else "No decimal tick fits all."
        )
        raise DataError(
            f"{name} is off the {instrument.tick} tick of {instrument.symbol} in row "
            f"{named}{more}. "
            f"{hint} Nothing was rounded or written."
        )
    return counts


def _lots(
    values: npt.NDArray[np.float64], name: str, instrument: Instrument, ts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    lot = instrument.quantity
    counts, exact = to_count(values, lot.numerator, lot.denominator)
    rows = np.flatnonzero(~exact)
    if rows.size:
        n = int(rows[0])
        fits = smallest_tick(values)
        hint = (
            f"The smallest lot that fits all is '{fits}'." if fits else "No decimal lot fits all."
        )
        raise DataError(
            f"{name} {values[n]!r} in row {n} ({_when(ts[n])}) is not a multiple of the lot "
            f"{instrument.lot} of {instrument.symbol} ({rows.size} such rows). {hint} "
            "Nothing was written."
        )
    return counts
