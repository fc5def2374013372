"""Events of one's own as messages: a frame with times, kinds and up to four numbers a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.check import time_text
from alphaforge.engine import messages as M
from alphaforge.errors import DataError, did_you_mean

_NUMBERS = "abcd"
_KINDS = 256


def custom_events(frame: Any, symbols: list[str]) -> npt.NDArray[Any]:
    """A frame of custom events as CUSTOM messages, in its order.

    Parameters
    ----------
    frame : DataFrame
        Index the time when each was known, of a zone, ascending; equal times keep their order.
        Columns ``instrument`` (a symbol; needed where the run has several), ``kind`` (0 to 255, 0
        where there is none), and up to four columns of numbers, whatever they are called: they
        become ``a`` to ``d`` in their order. NaN is a number here; what isn't given is 0.
    symbols : list of str
        Of the run.

    Raises
    ------
    DataError
        For times without a zone or out of order, unknown symbols, other kinds, and columns that are
        too many or no numbers.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"custom events must be a DataFrame, not {type(frame).__name__}. "
            "Make one with pandas.DataFrame(...), index the times, UTC."
        )
    ts = _times(frame.index)
    events = np.zeros(ts.size, M.SLOT)
    events["seq"], events["ts"], events["kind"] = np.arange(ts.size), ts, M.CUSTOM
    names = [str(column) for column in frame.columns]
    numbers = [n for n, name in enumerate(names) if name not in ("instrument", "kind")]
    if len(numbers) > len(_NUMBERS):
        raise DataError(
            f"custom events carry up to four numbers, and this frame has {len(numbers)} columns: "
            f"{', '.join(names[n] for n in numbers)}. Keep four, or send two kinds of events."
        )
    events["instrument"] = _instruments(frame, names, symbols)
    if "kind" in names:
        events["code"] = _kinds(frame.iloc[:, names.index("kind")])
    for letter, n in zip(_NUMBERS, numbers, strict=False):
        events[letter] = _floats(frame.iloc[:, n], names[n]).view(np.int64)
    return events


def _times(index: Any) -> npt.NDArray[np.int64]:
    import pandas as pd

    if not isinstance(index, pd.DatetimeIndex):
        raise DataError(
            "custom events need their times as the index, and it is of "
            f"{index.dtype}. Convert them: frame.index = pandas.to_datetime(times, utc=True)."
        )
    if index.tz is None:
        raise DataError(
            "the times of custom events have no zone. Say which: frame.tz_localize('UTC')."
        )
    if index.hasnans:
        raise DataError("a time of custom events is missing (NaT). Drop those rows.")
    ts = np.ascontiguousarray(index.tz_convert("UTC").as_unit("ns").asi8)
    wrong = np.flatnonzero(np.diff(ts) < 0)
    if wrong.size:
        n = int(wrong[0]) + 1
        raise DataError(
            f"custom events must be sorted by time; row {n} ({time_text(ts[n])}) is before the row "
            "above it. Sort them: frame.sort_index()."
        )
    return ts


def _instruments(frame: Any, names: list[str], symbols: list[str]) -> Any:
    if "instrument" not in names:
        if len(symbols) == 1:
            return 0
        raise DataError(
            f"custom events of a run on {', '.join(symbols)} need a column 'instrument' with the "
            "symbol of each row. Add it."
        )
    given = frame.iloc[:, names.index("instrument")].tolist()
    known = {symbol: n for n, symbol in enumerate(symbols)}
    for n, symbol in enumerate(given):
        if symbol not in known:
            raise DataError(
                f"row {n} of the custom events is of {symbol!r}, which isn't in this run. "
                f"{did_you_mean(str(symbol), known)}"
            )
    return [known[symbol] for symbol in given]


def _kinds(column: Any) -> npt.NDArray[np.uint8]:
    values = _floats(column, "kind")
    wrong = np.flatnonzero(~((values >= 0) & (values < _KINDS) & (values == np.floor(values))))
    if wrong.size:
        n = int(wrong[0])
        raise DataError(
            f"the kind of a custom event is a whole number from 0 to {_KINDS - 1}, and row {n} has "
            f"{values[n]:g}. Give another."
        )
    return values.astype(np.uint8)


def _floats(column: Any, name: str) -> npt.NDArray[np.float64]:
    if column.dtype.kind in "iuf" or str(column.dtype) in ("Int64", "Float64"):
        return np.ascontiguousarray(column.to_numpy(np.float64, na_value=np.nan))
    raise DataError(
        f"column {name!r} of the custom events isn't numeric ({column.dtype}). Convert it first."
    )
