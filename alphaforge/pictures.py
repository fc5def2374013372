"""DataFrames and Series as pictures that the widget server shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

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
    made, over_time = [], False
    for name, data in panes.items():
        if isinstance(data, pd.Series):
            data = data.to_frame(str(data.name or name))
        if not isinstance(data, pd.DataFrame) or data.empty:
            raise ConfigError(
                f"pane {name!r} needs a DataFrame or Series with rows, not {type(data).__name__}. "
                "Its index is the x axis, each column a curve."
            )
        names: tuple[str, ...] = ()
        if kind == "bars":
            names, x = tuple(str(each) for each in data.index), np.arange(float(len(data)))
        elif isinstance(data.index, pd.DatetimeIndex):
            over_time = True
            x = data.index.as_unit("ns").asi8 / 1e6
        else:
            x = data.index.to_numpy(np.float64)
        curves = tuple(
            Curve(str(column), x, data[column].to_numpy(np.float64)) for column in data.columns
        )
        made.append(Pane(name, curves, kind, names))
    return Picture(title, tuple(made), over_time, x_title)
