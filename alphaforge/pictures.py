"""DataFrames and Series as pictures that the widget server shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphaforge.errors import ConfigError, did_you_mean
from alphaforge.widgets.picture import KINDS, Curve, Pane, Picture


def picture_of(
    panes: Mapping[str, Any], title: str = "Picture", kind: str = "line", x_title: str = ""
) -> Picture:
    """A picture of DataFrames or Series, a pane each.

    Parameters
    ----------
    panes : mapping of str to DataFrame or Series
        Title of a pane to what it shows: a column is a curve, the index its x: times or numbers.
        With ``kind="bars"`` a Series, the index its names.
    kind : str
        ``"line"``, ``"step"``, ``"points"`` or ``"bars"``.

    Raises
    ------
    ConfigError
        For an unknown kind, and for what is no DataFrame or Series.
    """
    import pandas as pd

    if kind not in KINDS:
        raise ConfigError(
            f"kind of a picture must be one of {', '.join(KINDS)}, not {kind!r}. "
            f"{did_you_mean(str(kind), KINDS)}"
        )
    given: Any = panes
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(
            f"a picture needs panes, a mapping of title to DataFrame, not {panes!r}. "
            "Give {'Equity': run.equity}."
        )
    made: list[Pane] = []
    timed: set[bool] = set()
    for name, data in panes.items():
        if isinstance(data, pd.Series):
            data = data.to_frame(name if data.name is None else data.name)
        if not isinstance(data, pd.DataFrame) or data.empty:
            raise ConfigError(
                f"pane {name!r} needs a DataFrame or Series with rows, not {type(data).__name__}. "
                "Its index is the x axis, each column a curve."
            )
        names = _names(name, data) if kind == "bars" else ()
        over_time = kind != "bars" and isinstance(data.index, pd.DatetimeIndex)
        timed.add(over_time)
        if kind == "bars":
            x = np.arange(float(len(data)))
        elif over_time:
            x = np.where(data.index.isna(), np.nan, data.index.as_unit("ns").asi8 / 1e6)
        else:
            x = _numbers(data.index, f"index of pane {name!r}")
        columns = (data.iloc[:, n] for n in range(data.shape[1]))
        curves = tuple(
            Curve(str(column.name), x, _numbers(column, f"column {column.name!r} of pane {name!r}"))
            for column in columns
        )
        made.append(Pane(str(name), curves, kind, names))
    if len(timed) > 1:
        raise ConfigError(
            "panes of a picture share their x axis, and some are over time and some over numbers. "
            "Draw two pictures."
        )
    return Picture(title, tuple(made), timed.pop(), x_title)


def _names(pane: Any, data: Any) -> tuple[str, ...]:
    """What the bars of a pane stand for."""
    names = tuple(str(each) for each in data.index)
    if data.shape[1] != 1 or len(set(names)) < len(names):
        raise ConfigError(
            f"pane {pane!r} of bars needs one column and a name for each bar, not {data.shape[1]} "
            f"columns and {len(set(names))} names of {len(names)}. Give a Series."
        )
    return names


def _numbers(values: Any, what: str) -> NDArray[np.float64]:
    try:
        if values.dtype.kind in "mM":  # NumPy would make numbers of times
            raise TypeError
        return np.asarray(values.to_numpy(np.float64, na_value=np.nan), np.float64)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{what} must be numbers, and is {values.dtype}. Convert it first."
        ) from None
