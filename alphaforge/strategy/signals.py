"""``Signals``: trade what arrays say, on the same step and fills as any strategy."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from alphaforge.errors import StrategyError
from alphaforge.strategy.base import Strategy
from alphaforge.strategy.fields import Array

_NAT = -(2**63)


class Signals(Strategy):
    """Positions decided beforehand: an array or DataFrame with a row a bar and a column a symbol.

    A row is what the bar that closes at its time decides: the order goes out at that close and
    fills as the venue fills any order (the next open by default), so a row may use its own bar's
    close and nothing later. Targets that stand as they are ask for nothing.

    Parameters
    ----------
    targets : array (bars,) or (bars, symbols), Series or DataFrame
        Signed positions, units of quantity; NaN leaves the position as it is.
    entries, exits : array, Series or DataFrame of bool
        Instead of targets: ``size`` is held from an entry to the next exit.
    size : float
        Below 0 sells short.

    Notes
    -----
    With a time index (of a zone) rows are matched by the bars' close times; without one the n-th
    row is that of the n-th time at which bars close. Columns are the run's symbols, in its order; a
    DataFrame whose columns are other names is refused by the run. ``matched`` counts rows that met
    a bar.

    Raises
    ------
    StrategyError
        For shapes that don't fit, an index that is no times, without zone or out of order, entries
        whose index or columns aren't those of the exits, entries beside targets, and rows that say
        both to enter and to leave.

    Examples
    --------
    >>> closes = lab.bars("AAPL", "1d")["close"]  # doctest: +SKIP
    >>> rising = Signals(targets=100.0 * (closes > closes.shift(20)))  # doctest: +SKIP
    >>> lab.backtest(rising, "AAPL", "1d")  # doctest: +SKIP
    """

    rows: ClassVar[int]
    columns: ClassVar[list[str] | None]
    times: Array = Array(1, int)
    wanted: Array = Array(1)
    width: int = 1
    by_time: bool = False
    row: int = -1
    matched: int = 0
    ts: int = _NAT

    def __init__(
        self, targets: Any = None, entries: Any = None, exits: Any = None, size: float = 1.0
    ) -> None:
        if targets is not None:
            if entries is not None or exits is not None:
                raise StrategyError("give Signals targets, or entries and exits, not both.")
            rows = _table(targets, "targets").astype(float)
        else:
            if entries is None or exits is None:
                raise StrategyError("Signals wants targets=..., or entries=... and exits=....")
            rows, targets = _held(entries, exits, size), entries
        times = _times(targets)
        super().__init__(
            times=times if times is not None else np.zeros(1, np.int64),
            wanted=rows.ravel(),
            width=rows.shape[1],
            by_time=times is not None,
        )
        columns = getattr(targets, "columns", None)
        object.__setattr__(self, "columns", None if columns is None else list(columns))
        object.__setattr__(self, "rows", rows.shape[0])

    def check_symbols(self, symbols: list[str]) -> None:
        """Refuse a run whose symbols aren't the columns.

        Raises
        ------
        StrategyError
        """
        columns = getattr(self, "columns", None)
        if self.width != len(symbols) or (columns is not None and columns != symbols):
            names = ", ".join(map(str, columns)) if columns is not None else f"{self.width} columns"
            raise StrategyError(
                f"these signals are for {names}, and the run is of {', '.join(symbols)}. "
                "Give a column a symbol, in the run's order."
            )

    def on_bar(self, ctx: Any, bar: Any) -> None:
        """Go to the row of this bar's time, and ask for what it wants of this instrument."""
        if self.by_time:
            while self.row + 1 < len(self.times) and self.times[self.row + 1] <= bar.ts:
                self.row += 1
            if self.row < 0 or self.times[self.row] != bar.ts:
                return
        elif bar.ts != self.ts:
            self.row += 1
        if bar.ts != self.ts:
            self.ts = bar.ts
            self.matched += 1
        at = self.row * self.width + bar.instrument
        if bar.instrument >= self.width or at >= len(self.wanted):
            return
        if not math.isnan(self.wanted[at]):
            ctx.target(bar.instrument, self.wanted[at])


def _table(values: Any, what: str) -> npt.NDArray[Any]:
    """An array of rows and columns."""
    rows = np.asarray(values)
    rows = rows.reshape(-1, 1) if rows.ndim == 1 else rows
    if rows.ndim != 2 or not rows.size or rows.dtype.kind not in "biuf":
        raise StrategyError(
            f"{what} must be numbers, a row a bar and a column a symbol, not {rows.dtype} of shape "
            f"{rows.shape}. Give an array, a Series or a DataFrame."
        )
    if rows.dtype.kind == "f" and bool(np.isinf(rows).any()):
        raise StrategyError(f"{what} must be finite, or NaN for no change: found infinity.")
    return rows


def _held(entries: Any, exits: Any, size: Any) -> npt.NDArray[np.float64]:
    """Targets of entries and exits: ``size``, 0, or NaN for no change."""
    if not isinstance(size, (int, float, np.number)) or not math.isfinite(size):
        raise StrategyError(f"size must be a finite number, not {size!r}.")
    into, out = _table(entries, "entries"), _table(exits, "exits")
    for name in ("index", "columns"):
        one: Any = getattr(entries, name, None)
        other: Any = getattr(exits, name, None)
        labelled = hasattr(one, "equals") and hasattr(other, "equals")
        if labelled and into.shape == out.shape and not one.equals(other):
            raise StrategyError(
                f"entries and exits must have the same {name}. "
                "Align them: entries, exits = entries.align(exits, fill_value=False)."
            )
    if into.shape != out.shape or into.dtype.kind != "b" or out.dtype.kind != "b":
        raise StrategyError(
            f"entries and exits must be bools of one shape, not {into.dtype} of {into.shape} and "
            f"{out.dtype} of {out.shape}."
        )
    both = np.flatnonzero((into & out).any(axis=1))
    if both.size:
        raise StrategyError(
            f"row {both[0]} says both to enter and to leave ({both.size} rows do). "
            "Decide for one: entries & ~exits."
        )
    found = np.full(into.shape, np.nan)
    found[into], found[out] = float(size), 0.0
    return found


def _times(values: Any) -> npt.NDArray[np.int64] | None:
    """The times of its rows, ns UTC; None where it has none."""
    index: Any = getattr(values, "index", None)
    if not hasattr(index, "dtype"):
        return None
    if not hasattr(index, "tz"):
        if index.dtype.kind in "iu":
            return None
        raise StrategyError(
            f"the index of signals is of {index.dtype}, no times. Convert it with "
            "pandas.to_datetime(..., utc=True), or give signals.to_numpy(): the n-th row is then "
            "the n-th bar's."
        )
    if index.hasnans:
        raise StrategyError("a time of signals is missing (NaT). Drop those rows.")
    if index.tz is None:
        raise StrategyError(
            "signals need times of a zone, as bars have them. Write frame.tz_localize('UTC')."
        )
    times: npt.NDArray[np.int64] = index.as_unit("ns").asi8
    if bool((np.diff(times) <= 0).any()):
        raise StrategyError("the times of signals must rise from row to row. Sort them, once each.")
    return times
