"""What comes in is checked before anything is written; a refusal names the rows and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.errors import DataError, InstrumentError, did_you_mean
from alphaforge.instrument import Instrument
from alphaforge.units import format_interval, smallest_tick, to_count

Columns = dict[str, npt.NDArray[Any]]
PRICES = ("open", "high", "low", "close")
GREEKS = ("price", "iv", "delta", "gamma", "vega", "theta", "rho", "underlying")
_RANGES = {
    "price": (0.0, np.inf),
    "iv": (0.0, np.inf),
    "delta": (-1.0, 1.0),
    "underlying": (0.0, np.inf),
}
_SHOWN = 5
_TIMES = ("datetime64", "datetime", "date", "empty")
_NO_TIMES = {
    "integer": "plain integers",
    "floating": "plain floats",
    "string": "strings",
    "boolean": "bools",
    "mixed": "tuples or a mixture",
}


def read_frame(frame: Any, what: str) -> Any:
    """A DataFrame, read from a Parquet file where a path is given.

    Raises
    ------
    DataError
        For anything else, and for a file that is missing or isn't Parquet.
    """
    import pandas as pd

    if isinstance(frame, (str, Path)):
        frame = _read_parquet(Path(frame))
    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"{what} must be a DataFrame or the path of a Parquet file, not "
            f"{type(frame).__name__}. Make one with pandas.DataFrame(...)."
        )
    return frame


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    if not path.exists():
        raise DataError(f"no file {path}. Give a DataFrame or the path of a Parquet file.")
    try:
        return pd.read_parquet(path)
    except Exception as error:  # garbage makes pandas and pyarrow raise anything
        raise DataError(
            f"{path} can't be read as Parquet: {error}. "
            "Give a DataFrame or the path of a Parquet file."
        ) from None


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
    columns["ts_open"] = (
        _opened(ts, interval_ns) if open_time is None else _open_times(open_time, ts)
    )
    _refuse(columns["ts_open"] >= ts, ts, "open time is not before the close time")
    return columns


def _opened(ts: npt.NDArray[np.int64], interval_ns: int) -> npt.NDArray[np.int64]:
    """Open times of bars that say when they close: none opens before the one before has closed.

    A session's last bar is shorter than the others, and so is a day when clocks go forward. Where
    most would be shorter, they are bars of another length; one alone, where it were half as long.
    """
    opened = ts - interval_ns
    early = opened[1:] < ts[:-1]
    apart = int(np.median(np.diff(ts))) if ts.size > 1 else interval_ns
    one = int(early.sum()) == 1 and 2 * apart >= interval_ns
    if 2 * int(early.sum()) > early.size and not one:
        n = int(np.flatnonzero(early)[0]) + 1
        raise DataError(
            f"row {n} ({time_text(ts[n])}) of bars of {format_interval(interval_ns)} opens before "
            f"the row above it closes ({int(early.sum())} such rows): they are "
            f"{format_interval(apart)} apart. Write them as {format_interval(apart)!r}, or give "
            "their open_time."
        )
    opened[1:] = np.maximum(opened[1:], ts[:-1])
    return opened


def _open_times(open_time: Any, ts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    whole = isinstance(open_time, np.ndarray) and open_time.dtype == np.int64
    opened = np.ascontiguousarray(open_time) if whole else _ns(open_time, "open_time")
    if opened.shape != ts.shape:
        raise DataError(
            f"open_time must have one time for each of the {ts.size} bars, not "
            f"{' x '.join(map(str, opened.shape))}. Give one for each, or leave it out."
        )
    _refuse(np.diff(opened, prepend=opened[:1] - 1) <= 0, ts, "open time is not after the last one")
    return opened


def trade_columns(frame: Any, instrument: Instrument) -> Columns:
    """A frame of trades as int64 columns ts, price, size, side."""
    ts = _times(frame, "trades", strictly=False)
    price, size = _column(frame, "price", "trades"), _column(frame, "size", "trades")
    sided = _named(frame, "side", "trades") is not None
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


def greek_columns(frame: Any, instrument: Instrument) -> Columns:
    """A frame of greeks as columns: ts int64, the others float64, NaN where unknown.

    Raises
    ------
    InstrumentError
        Where the instrument is no option.
    DataError
        For unknown columns, unsorted or duplicate times, and numbers that can't be.
    """
    if instrument.kind != "option":
        raise InstrumentError(
            f"{instrument.symbol} is of kind {instrument.kind}, and only options have greeks. "
            "Add it with kind='option'."
        )
    names = [str(column).lower() for column in frame.columns]
    for name in names:
        if name not in (*GREEKS, "ts"):
            raise DataError(
                f"greeks have the columns {', '.join(GREEKS)}, and no {name!r}. "
                f"{did_you_mean(name, GREEKS)}"
            )
    if not set(names) & set(GREEKS):
        raise DataError(f"greeks need at least one of the columns {', '.join(GREEKS)}. Give some.")
    ts = _times(frame, "greeks")
    columns: Columns = {"ts": ts}
    for name in GREEKS:
        given = _named(frame, name, "greeks") is not None
        values = _column(frame, name, "greeks") if given else np.full(ts.size, np.nan)
        low, high = _RANGES.get(name, (-np.inf, np.inf))
        _refuse(np.isinf(values), ts, f"{name} of {instrument.symbol} is infinite")
        outside = (values < low) | (values > high)
        _refuse(outside, ts, f"{name} of {instrument.symbol} is not from {low:g} to {high:g}")
        columns[name] = values
    return columns


def _named(frame: Any, name: str, what: str) -> Any:
    """The column of a name in capitals or not, or None."""
    found = [n for n, column in enumerate(frame.columns) if str(column).lower() == name]
    if len(found) > 1:
        raise DataError(f"{what} need one column {name!r}; found {len(found)}. Drop the others.")
    return frame.iloc[:, found[0]] if found else None


def _column(frame: Any, name: str, what: str) -> npt.NDArray[np.float64]:
    column = _named(frame, name, what)
    if column is None:
        raise DataError(
            f"{what} need a column {name!r}; found {', '.join(map(str, frame.columns))}. "
            "Rename yours."
        )
    try:
        if column.dtype.kind in "bcmM":  # NumPy would make numbers of bools and of times
            raise TypeError
        return np.ascontiguousarray(column, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(
            f"column {name!r} of the {what} isn't numeric ({column.dtype}). Convert it first."
        ) from None


def _times(frame: Any, what: str, strictly: bool = True) -> npt.NDArray[np.int64]:
    column = _named(frame, "ts", what)
    ts = _ns(frame.index if column is None else column, what)
    step = np.diff(ts)
    wrong = np.flatnonzero(step <= 0 if strictly else step < 0)
    if wrong.size:
        n = int(wrong[0]) + 1
        same = ts[n] == ts[n - 1]
        raise DataError(
            f"{what} must be sorted by time; row {n} ({time_text(ts[n])}) "
            + (
                "has the time of the row before. Drop duplicates"
                if same
                else "is before the row above it. Sort them"
            )
            + f" ({wrong.size} such rows)."
        )
    return ts


def _ns(times: Any, what: str) -> npt.NDArray[np.int64]:
    import pandas as pd

    try:
        kind = pd.api.types.infer_dtype(times)
        index = pd.DatetimeIndex(times) if kind in _TIMES else None
        if index is not None:
            index = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
            index = index.as_unit("ns")
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"times of {what} must be datetimes of one zone within the years 1677 to 2262: "
            f"{error}. Convert them: pandas.to_datetime(times, utc=True)."
        ) from None
    if index is None:
        raise DataError(
            f"times of {what} must be datetimes, and are {_NO_TIMES.get(kind, kind)}. Convert "
            "them: pandas.to_datetime(times, utc=True), with unit='s' for seconds since 1970."
        )
    if index.hasnans:
        raise DataError(f"a time of {what} is missing (NaT). Drop those rows or give them times.")
    return np.ascontiguousarray(index.asi8)


def time_text(ts: Any) -> str:
    """Nanoseconds UTC as a message shows them, to the millisecond."""
    return str(np.datetime64(int(ts), "ns"))[:23]


def _refuse(bad: npt.NDArray[np.bool_], ts: npt.NDArray[np.int64], what: str) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        named = ", ".join(f"{n} ({time_text(ts[n])})" for n in rows[:_SHOWN].tolist())
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
        named = ", ".join(
            f"{n} ({time_text(ts[n])}: {float(values[n])!r})" for n in rows[:_SHOWN].tolist()
        )
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
            f"{name} {float(values[n])!r} in row {n} ({time_text(ts[n])}) is not a multiple of "
            f"the lot {instrument.lot} of {instrument.symbol} ({rows.size} such rows). {hint} "
            "Nothing was written."
        )
    return counts
