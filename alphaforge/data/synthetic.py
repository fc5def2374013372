"""Bars of synthetic instruments: weighted sums of their legs' bars, in whole ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.check import PRICES, time_text
from alphaforge.errors import DataError
from alphaforge.instrument import Instrument

_LIMIT = 2.0**62
Columns = dict[str, npt.NDArray[Any]]
Leg = tuple[Instrument, Fraction, Columns]


def synthetic_bars(made: Instrument, legs: Sequence[Leg]) -> Columns:
    """Bars of a synthetic instrument where all of its legs have one that closes at that time.

    Parameters
    ----------
    made : Instrument
        Its tick is what the sums are counted in.
    legs : sequence of (instrument, weight, bars)
        Bars as ``History.bar_columns`` gives them.

    Returns
    -------
    int64 columns, as ``History.bar_columns`` gives them; prices may be 0 and negative

    Raises
    ------
    DataError
        Where a sum isn't a whole number of ticks (named, with the tick that fits), or passes int64.

    Notes
    -----
    Open and close are exact: the sums of the legs' opens and closes. High and low are bounds that
    the sum can't have left, not prices that it had: a leg with a positive weight adds its own high
    to the high, one with a negative weight its low, as if both had come at one moment. A bar opens
    when the last of its legs' bars does, and nothing trades in it: its volume is 0. Prices are as
    they were traded, so a split of a leg shows as a jump.
    """
    times = reduce(np.intersect1d, (bars["ts"] for _, _, bars in legs))
    rows = [np.searchsorted(bars["ts"], times) for _, _, bars in legs]
    steps = [weight * leg.price / made.price for leg, weight, _ in legs]
    common = math.lcm(*(step.denominator for step in steps))
    scales = [int(step * common) for step in steps]
    out: Columns = {
        "ts_open": reduce(
            np.maximum, (bars["ts_open"][at] for (_, _, bars), at in zip(legs, rows, strict=True))
        ),
        "ts": times,
    }
    sums = {}
    for name in PRICES:
        parts = [
            (bars[_side(name, scale)][at], scale)
            for (_, _, bars), at, scale in zip(legs, rows, scales, strict=True)
        ]
        sums[name] = _sum(made, name, parts)
    _check_tick(made, sums, common, times)
    for name, total in sums.items():
        out[name] = np.ascontiguousarray(total // common)
    out["volume"] = np.zeros(times.size, np.int64)
    return out


def _side(name: str, scale: int) -> str:
    """Which price of a leg makes a price of the sum, by the sign of its weight."""
    if scale > 0 or name not in ("high", "low"):
        return name
    return "low" if name == "high" else "high"


def _sum(
    made: Instrument, name: str, parts: Sequence[tuple[npt.NDArray[np.int64], int]]
) -> npt.NDArray[np.int64]:
    """Counts times scales, added up."""
    size = sum(np.abs(count.astype(np.float64)) * float(abs(scale)) for count, scale in parts)
    if np.any(size >= _LIMIT):
        raise DataError(
            f"{name} of {made.symbol} passes int64 in ticks of {made.tick}. "
            "Use a coarser tick, or weights of fewer digits."
        )
    return sum((count * scale for count, scale in parts), np.zeros(parts[0][0].size, np.int64))


def _check_tick(made: Instrument, sums: Columns, common: int, times: npt.NDArray[np.int64]) -> None:
    """Refuse sums, in ticks over ``common``, that are no whole ticks."""
    for name, total in sums.items():
        wrong = np.flatnonzero(total % common)
        if wrong.size:
            n = int(wrong[0])
            step = np.gcd.reduce(np.concatenate([*sums.values(), [common]]))
            value, fits = (
                f"{float(Fraction(int(count), common) * made.price):.12g}"
                for count in (total[n], step)
            )
            raise DataError(
                f"{name} of {made.symbol} at {time_text(times[n])} is {value}, off its tick "
                f"{made.tick} ({wrong.size} such bars). "
                f"A tick of {fits} fits all; nothing was rounded."
            )
