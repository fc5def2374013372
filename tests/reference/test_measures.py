"""Measures of a book beside slow twins that only know sorted lists of levels."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from booked import ASK, BID, Books
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaforge.engine import layout as L
from alphaforge.engine.book import add_order, set_level
from alphaforge.engine.jit import JIT
from alphaforge.engine.measures import (
    depth_to_price,
    depth_to_quantity,
    imbalance,
    levels_to_arrays,
    microprice,
    vwap_to_fill,
)

EXAMPLES = 150 if JIT else 25
MOST = 2**63 - 1
Levels = list[tuple[int, int]]


def best_first(side: int, levels: dict[int, int]) -> Levels:
    return sorted(levels.items(), key=lambda level: -side * level[0])


def a_book(levels: dict[int, dict[int, int]], single_orders: bool = False) -> Books:
    """Levels of both sides; as two orders each, where these are asked for."""
    books = Books(2, queued=256 if single_orders else 0)
    order_id = 0
    for side, of_side in levels.items():
        for tick, lots in of_side.items():
            if not single_orders:
                set_level(books.address, 1, side, tick, lots)
                continue
            for part in (lots - lots // 2, lots // 2):
                order_id += 1
                if part:
                    add_order(books.address, 1, order_id, side, tick, part)
    return books


def depth_twin(levels: Levels, side: int, tick: int) -> int:
    return min(MOST, sum(lots for at, lots in levels if (at - tick) * side >= 0))


def quantity_twin(levels: Levels, lots: int) -> tuple[int, int]:
    total, reached = 0, L.NO_PRICE
    for at, here in levels:
        if total >= lots:
            break
        total, reached = total + here, at
    return reached, min(MOST, total)


def fill_twin(levels: Levels, lots: int) -> tuple[int, int]:
    filled, notional = 0, 0
    for at, here in levels:
        part = min(here, lots - filled)
        if abs(notional + at * part) > MOST:
            break
        filled, notional = filled + part, notional + at * part
    return filled, notional


def imbalance_twin(bids: Levels, asks: Levels, count: int) -> Fraction:
    bid, ask = (sum(lots for _, lots in side[:count]) for side in (bids, asks))
    return Fraction(bid - ask, bid + ask) if bid + ask else Fraction(0)


small, large = st.integers(1, 50), st.one_of(st.integers(1, 10**6), st.integers(2**58, 2**61))
ticks = st.one_of(st.integers(0, 40), st.integers(0, 3_000))
far_ticks = st.one_of(ticks, st.integers(0, 2**40))


def sides(ticks_away, lots):
    half = st.dictionaries(ticks_away, lots, max_size=25)
    return st.tuples(half, half).map(
        lambda both: {
            BID: {-1 - tick: n for tick, n in both[0].items()},
            ASK: dict(both[1].items()),
        }
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    sides(ticks, small), st.booleans(), st.integers(-3_000, 3_000), st.integers(1, 900), st.data()
)
def test_measures_equal_their_twins(levels, single_orders, tick, lots, data) -> None:
    books = a_book(levels, single_orders)  # kept: the block is its
    m = books.address
    ordered = {side: best_first(side, of_side) for side, of_side in levels.items()}
    for side, expected in ordered.items():
        assert depth_to_price(m, 1, side, tick) == depth_twin(expected, side, tick)
        assert tuple(depth_to_quantity(m, 1, side, lots)) == quantity_twin(expected, lots)
        assert tuple(vwap_to_fill(m, 1, side, lots)) == fill_twin(expected, lots)
        room = data.draw(st.integers(0, 30))
        arrays = np.full(room, -7), np.full(room, -7)
        count = levels_to_arrays(m, 1, side, *arrays)
        assert list(zip(*(a[:count].tolist() for a in arrays), strict=True)) == expected[:room]
        assert all((a[count:] == -7).all() for a in arrays)
    count = data.draw(st.integers(0, 30))
    twin = imbalance_twin(ordered[BID], ordered[ASK], count)
    assert imbalance(m, 1, count) == float(twin)
    if ordered[BID] and ordered[ASK]:
        (bid, bids), (ask, asks) = ordered[BID][0], ordered[ASK][0]
        assert microprice(m, 1) == pytest.approx(
            float(Fraction(bid * asks + ask * bids, bids + asks))
        )
        assert bid <= microprice(m, 1) <= ask
    else:
        assert math.isnan(microprice(m, 1))


@settings(max_examples=EXAMPLES, deadline=None)
@given(sides(far_ticks, large), st.integers(1, 2**62))
def test_sums_near_int64_stop_and_never_wrap(levels, lots) -> None:
    books = a_book(levels)  # kept: the block is its
    m = books.address
    for side, of_side in levels.items():
        expected = best_first(side, of_side)
        assert depth_to_price(m, 1, side, -side * 2**60) == depth_twin(
            expected, side, -side * 2**60
        )
        assert tuple(depth_to_quantity(m, 1, side, lots)) == quantity_twin(expected, lots)
        assert tuple(vwap_to_fill(m, 1, side, lots)) == fill_twin(expected, lots)


def test_sums_that_pass_int64() -> None:
    five = dict.fromkeys(range(5), 2**61)
    books = a_book({BID: {-1 - 2**20 * k: n for k, n in five.items()}, ASK: five})
    m = books.address
    assert depth_to_price(m, 1, ASK, 3) == MOST
    assert depth_to_price(m, 1, ASK, 2) == 3 * 2**61
    assert tuple(depth_to_quantity(m, 1, ASK, MOST)) == (3, MOST)
    # 0 + 1 + 2 times 2**61 fits; with 3 times it, not.
    assert tuple(vwap_to_fill(m, 1, ASK, 2**62 + 2**61)) == (3 * 2**61, 3 * 2**61)
    assert tuple(vwap_to_fill(m, 1, ASK, MOST)) == (3 * 2**61, 3 * 2**61)
    # -(2**20 + 1) times 2**61 alone doesn't.
    assert tuple(vwap_to_fill(m, 1, BID, MOST)) == (2**61, -(2**61))
    for level in (-2, -3):
        set_level(m, 1, BID, level, 2**61)
    assert tuple(vwap_to_fill(m, 1, BID, MOST)) == (2**62, -3 * 2**61)


def test_what_they_say_of_a_book_that_anyone_can_add_up() -> None:
    books = a_book({BID: {100: 3, 98: 5}, ASK: {101: 1, 104: 9}})  # kept: the block is its
    m = books.address
    assert depth_to_price(m, 1, BID, 99) == 3
    assert depth_to_price(m, 1, BID, 98) == 8
    assert depth_to_price(m, 1, ASK, 100) == 0
    assert tuple(depth_to_quantity(m, 1, ASK, 1)) == (101, 1)
    assert tuple(depth_to_quantity(m, 1, ASK, 2)) == (104, 10)
    assert tuple(depth_to_quantity(m, 1, ASK, 11)) == (104, 10)
    assert imbalance(m, 1, 1) == 0.5
    assert microprice(m, 1) == 100.75
    assert tuple(vwap_to_fill(m, 1, ASK, 3)) == (3, 101 + 2 * 104)
    assert tuple(vwap_to_fill(m, 0, ASK, 3)) == (0, 0)
    assert tuple(depth_to_quantity(m, 0, ASK, 3)) == (L.NO_PRICE, 0)
    assert imbalance(m, 0, 5) == 0.0
