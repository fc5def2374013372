"""What can be read off a book: depth, imbalance, microprice, the price of filling a quantity.

All of them walk the levels from the touch, some 5 ns a level in the window, and change nothing.
They see the market's lots, whatever we took of them. ``m`` is the block's address (a snapshot's
will do), ``b`` a book's index, ``side`` the book's side: +1 the bids, which a seller meets, and
-1 the asks.
"""

from __future__ import annotations

import math

from alphaforge.engine import layout as L
from alphaforge.engine.atomic import mul_overflows
from alphaforge.engine.jit import entry, hot, kernel
from alphaforge.engine.levels import best_of, lots_at, next_level

_MOST = 2**63 - 1


@hot
def _plus(total, lots):
    """A sum of lots that stops at the largest int64."""
    return total + lots if lots <= _MOST - total else _MOST


@entry("int64(int64, int64, int64, int64)")
def depth_to_price(m, b, side, tick):
    """Lots from the touch to a price, that price included.

    Parameters
    ----------
    tick : int
        Ticks; a price before the touch gives 0.

    Returns
    -------
    int
        Lots; the largest int64 where the sum passes it.
    """
    total = 0
    at = best_of(m, b, side)
    while at != L.NO_PRICE and (at - tick) * side >= 0:
        total = _plus(total, lots_at(m, b, side, at))
        at = next_level(m, b, side, at)
    return total


@entry("UniTuple(int64, 2)(int64, int64, int64, int64)")
def depth_to_quantity(m, b, side, lots):
    """How far from the touch a quantity lies.

    Parameters
    ----------
    lots : int
        The quantity looked for, positive.

    Returns
    -------
    tick : int
        The price at which it is reached, or the side's last price where it isn't; NO_PRICE where
        the side is empty.
    found : int
        Lots from the touch to there: fewer than asked for where the whole side holds fewer.
    """
    total, reached = 0, L.NO_PRICE
    at = best_of(m, b, side)
    while at != L.NO_PRICE and total < lots:
        total = _plus(total, lots_at(m, b, side, at))
        reached = at
        at = next_level(m, b, side, at)
    return reached, total


@kernel
def _best_lots(m, b, side, levels):
    total = 0.0
    at = best_of(m, b, side)
    for _ in range(levels):
        if at == L.NO_PRICE:
            break
        total += lots_at(m, b, side, at)
        at = next_level(m, b, side, at)
    return total


@entry("float64(int64, int64, int64)")
def imbalance(m, b, levels):
    """``(bid - ask) / (bid + ask)`` over the lots of the best levels of each side.

    Parameters
    ----------
    levels : int
        Levels with lots that are counted on each side, at most.

    Returns
    -------
    float
        From -1, asks only, to 1, bids only; 0 where both sides are empty.

    References
    ----------
    M. D. Gould, J. Bonart, "Queue imbalance as a one-tick-ahead price predictor in a limit order
    book", Market Microstructure and Liquidity 2 (2016), arXiv:1512.03492; there with one level.
    """
    bid, ask = _best_lots(m, b, 1, levels), _best_lots(m, b, -1, levels)
    return (bid - ask) / (bid + ask) if bid + ask > 0.0 else 0.0


@entry("float64(int64, int64)")
def microprice(m, b):
    """The mid price weighted by the lots of the other side, ticks; NaN where a side is empty.

    The more lots are bid, the nearer it is to the ask.

    References
    ----------
    The weighted mid-price of S. Stoikov, "The micro-price: a high-frequency estimator of future
    prices", Quantitative Finance 18 (2018), SSRN 2970694; what is called micro-price there is
    estimated from data and starts from this.
    """
    bid, ask = best_of(m, b, 1), best_of(m, b, -1)
    if bid == L.NO_PRICE or ask == L.NO_PRICE:
        return math.nan
    bid_lots, ask_lots = float(lots_at(m, b, 1, bid)), float(lots_at(m, b, -1, ask))
    return (bid * ask_lots + ask * bid_lots) / (bid_lots + ask_lots)


@entry("UniTuple(int64, 2)(int64, int64, int64, int64)")
def vwap_to_fill(m, b, side, lots):
    """What a market order for ``lots`` would get from a side as it stands.

    Returns
    -------
    filled : int
        Lots; fewer than asked for where the side holds fewer, or where one level more would bring
        the notional past int64.
    notional : int
        Ticks times lots of what is filled: their quotient is the volume-weighted average price.
    """
    filled, notional = 0, 0
    at = best_of(m, b, side)
    while at != L.NO_PRICE and filled < lots:
        here = min(lots_at(m, b, side, at), lots - filled)
        if mul_overflows(at, here):
            break
        value = at * here
        if (value > 0 and notional > _MOST - value) or (value < 0 and notional < -_MOST - value):
            break
        filled += here
        notional += value
        at = next_level(m, b, side, at)
    return filled, notional


@entry("int64(int64, int64, int64, int64[::1], int64[::1])")
def levels_to_arrays(m, b, side, ticks, lots):
    """Copy the best levels, best first, until the arrays are full.

    Parameters
    ----------
    ticks, lots : int64 arrays of one length
        Written from the start; what is beyond the levels found stays as it was.

    Returns
    -------
    int
        Levels copied.
    """
    count = 0
    at = best_of(m, b, side)
    while at != L.NO_PRICE and count < ticks.size:
        ticks[count] = at
        lots[count] = lots_at(m, b, side, at)
        count += 1
        at = next_level(m, b, side, at)
    return count
