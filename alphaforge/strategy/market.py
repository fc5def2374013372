"""What a handler may look at beyond the touch: a book's levels, the bars that it was shown."""

from __future__ import annotations

import math
from typing import NamedTuple

from alphaforge.engine import layout as L
from alphaforge.engine.block import book, engine_at, instrument, market, shown_at
from alphaforge.engine.jit import entry, hot, kernel
from alphaforge.engine.levels import best_of, lots_at, next_level
from alphaforge.engine.shown import shown_back
from alphaforge.strategy.actions import human


class DepthView(NamedTuple):
    """Both sides' best levels: what they hold, and their prices' average weighted by it.

    0 and NaN where a side is empty.
    """

    bid_qty: float
    ask_qty: float
    bid_price: float
    ask_price: float


class LevelView(NamedTuple):
    """One level of a book; NaN and 0 where there is none."""

    price: float
    qty: float


class BarView(NamedTuple):
    """A closed bar that was shown; ``ts`` is its close time, ns UTC. 0 and NaN where none was."""

    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@hot
def _has_book(m, i):
    """Whether levels were ever told of an instrument; else its touch is all that is known."""
    return engine_at(m).levels_n > 0 and book(m, i).seen == 1


@hot
def _touch(m, i, side):
    """(price in ticks, lots) of the best quote of a side; lots 0 where there is none."""
    k = market(m, i)
    tick, lots = (k.bid, k.bid_lot) if side > 0 else (k.ask, k.ask_lot)
    return tick, lots if tick > 0 else 0


@kernel
def _side_of(m, i, side, levels):
    """(quantity, average price) of the best levels of a side, human units."""
    record = instrument(m, i)
    total, weighted = 0.0, 0.0
    if not _has_book(m, i):
        tick, lots = _touch(m, i, side)
        if levels > 0:
            total, weighted = float(lots), float(tick) * float(lots)
    else:
        at = best_of(m, i, side)
        for _ in range(levels):
            if at == L.NO_PRICE:
                break
            lots = float(lots_at(m, i, side, at))
            total += lots
            weighted += float(at) * lots
            at = next_level(m, i, side, at)
    qty = human(total, record.lot_num, record.lot_den)
    if not total > 0.0:
        return qty, math.nan
    return qty, human(weighted / total, record.price_num, record.price_den)


@entry("UniTuple(float64, 4)(int64, int64, int64)")
def depth_of(m, i, levels):
    """(bid quantity, ask quantity, average bid, average ask) of the best levels."""
    bid_qty, bid_price = _side_of(m, i, 1, levels)
    ask_qty, ask_price = _side_of(m, i, -1, levels)
    return bid_qty, ask_qty, bid_price, ask_price


@entry("UniTuple(float64, 2)(int64, int64, int64, int64)")
def level_of(m, i, side, n):
    """(price, quantity) of the n-th best level of a side, 0 the touch."""
    record = instrument(m, i)
    if (side != 1 and side != -1) or n < 0:
        return math.nan, 0.0
    if not _has_book(m, i):
        at, lots = _touch(m, i, side)
        if n > 0:
            lots = 0
    else:
        at = best_of(m, i, side)
        for _ in range(n):
            if at == L.NO_PRICE:
                break
            at = next_level(m, i, side, at)
        lots = lots_at(m, i, side, at) if at != L.NO_PRICE else 0
    if lots <= 0:
        return math.nan, 0.0
    return human(at, record.price_num, record.price_den), human(
        lots, record.lot_num, record.lot_den
    )


@entry("Tuple((int64, float64, float64, float64, float64, float64))(int64, int64, int64)")
def bar_of(m, i, back):
    """(close time, open, high, low, close, volume) of the bar shown so many bars ago."""
    at = shown_back(m, engine_at(m).view_strategy, i, back)
    if at == 0:
        return 0, math.nan, math.nan, math.nan, math.nan, 0.0
    bar, record = shown_at(at), instrument(m, i)
    return (
        int(bar.ts),
        human(bar.open, record.price_num, record.price_den),
        human(bar.high, record.price_num, record.price_den),
        human(bar.low, record.price_num, record.price_den),
        human(bar.close, record.price_num, record.price_den),
        human(bar.volume, record.lot_num, record.lot_den),
    )
