"""The window of price levels against a dict."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from market import SMALL, T0, slot, small_engine

from alphaforge.engine import layout as L
from alphaforge.engine import messages as M

ops = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(0, SMALL.levels - 1), st.integers(0, 3)),
    max_size=150,
)


def depth(engine, count=200):
    engine.board._last = None
    bids, asks = engine.snapshot(0.0).depth(0, count)
    return [[(int(r["tick"]), int(r["lot"])) for r in side] for side in (bids, asks)]


def best(engine):
    market = L.pool(engine.block, "markets")[0]
    return int(market["best_bid"]), int(market["best_ask"])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1000), ops)
def test_levels_within_the_window_equal_a_dict(base: int, operations: list) -> None:
    """Bids and asks each within one window of ticks: nothing is dropped, best prices follow."""
    engine = small_engine()
    twin: dict[int, dict[int, int]] = {1: {}, -1: {}}
    crossed = 0
    for side, away, lots in operations:
        tick = base + 1 + away
        engine.step(slot(M.DEPTH, T0, a=tick, b=lots, c=side))
        known = twin[side].pop(tick, None) is not None
        if lots:
            twin[side][tick] = lots
        bid, ask = max(twin[1], default=L.NO_PRICE), min(twin[-1], default=L.NO_PRICE)
        assert best(engine) == (bid, ask)
        crossed += (known or lots > 0) and bool(twin[1] and twin[-1]) and bid >= ask
    assert int(engine.header["crossed"]) == crossed
    assert depth(engine) == [sorted(twin[1].items(), reverse=True), sorted(twin[-1].items())]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 3)), max_size=150))
def test_the_best_price_is_right_however_far_levels_lie(operations: list) -> None:
    """Far levels may be dropped, never invented, and the touch is the dict's while it is known."""
    engine = small_engine()
    twin: dict[int, int] = {}
    for tick, lots in operations:
        engine.step(slot(M.DEPTH, T0, a=tick, b=lots, c=1))
        twin.pop(tick, None)
        if lots:
            twin[tick] = lots
        shown = dict(depth(engine)[0])
        assert set(shown.items()) <= set(twin.items())
        touch = best(engine)[0]
        assert touch == L.NO_PRICE or touch in twin
        if lots and tick == max(twin):
            assert touch == tick


def test_removing_a_level_that_was_dropped_leaves_the_one_in_its_place() -> None:
    engine = small_engine()
    window = SMALL.levels
    engine.step(slot(M.DEPTH, T0, a=1000, b=5, c=1))
    engine.step(slot(M.DEPTH, T0, a=1000 - 2 * window + 8, b=5, c=1))
    engine.step(slot(M.DEPTH, T0, a=1000 - window + 8, b=0, c=1))  # shares its slot; never set
    engine.step(slot(M.DEPTH, T0, a=1000, b=0, c=1))
    level = L.pool(engine.block, "levels")[(8 + 1000) % window]
    assert (int(level["tick"]), int(level["lot"])) == (1000 - 2 * window + 8, 5)
