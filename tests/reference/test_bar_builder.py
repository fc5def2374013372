"""Bars three ways: a slow twin, the batch kernel, and live builders fed by ``step``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market import T0, rows_of, slot, small_engine, trade

from alphaforge.data.bars import aggregate_bars, bars_of_trades
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.bars import bars_from_trades
from alphaforge.units import parse_interval

FIELDS = ("ts_open", "ts", "open", "high", "low", "close", "volume", "notional", "buy_volume")
MONDAY = 4 * 86_400_000_000_000


def slow_bars(trades: list[tuple[int, int, int, int]], interval: int) -> list[dict[str, int]]:
    """The obvious way: group by interval, one pass a bar."""
    anchor = MONDAY if interval % (7 * 86_400_000_000_000) == 0 else 0
    groups: dict[int, list[tuple[int, int, int, int]]] = {}
    for each in trades:
        start = (each[0] - anchor) // interval * interval + anchor
        groups.setdefault(start, []).append(each)
    bars = []
    for start, inside in groups.items():
        prices = [price for _, price, _, _ in inside]
        bars.append(
            {
                "ts_open": start,
                "ts": start + interval,
                "open": prices[0],
                "high": max(prices),
                "low": min(prices),
                "close": prices[-1],
                "volume": sum(lots for _, _, lots, _ in inside),
                "notional": sum(price * lots for _, price, lots, _ in inside),
                "buy_volume": sum(lots for _, _, lots, side in inside if side > 0),
                "trades": len(inside),
            }
        )
    return bars


def made_up(count: int, seed: int) -> list[tuple[int, int, int, int]]:
    random = np.random.default_rng(seed)
    ts = T0 + np.cumsum(random.integers(0, 900_000_000, count) * random.integers(0, 3, count))
    price = 10_000 + np.cumsum(random.integers(-3, 4, count))
    lots, side = random.integers(1, 50, count), random.integers(-1, 2, count)
    return list(zip(*(column.tolist() for column in (ts, price, lots, side)), strict=True))


def batch(trades: list[tuple[int, int, int, int]], interval: int, edges: list[int]) -> Any:
    """The kernel over arrays, in pieces; the last bar is left forming."""
    builder = np.zeros(1, L.BUILDER)
    builder["interval"] = interval
    parts = []
    table = np.array(trades, np.int64).reshape(-1, 4)
    for first, last in zip([0, *edges], [*edges, len(trades)], strict=True):
        columns = [np.ascontiguousarray(table[first:last, k]) for k in range(4)]
        out = np.zeros(last - first + 1, M.BAR_SLOTS)
        closed = bars_from_trades(
            builder.ctypes.data,
            last - first,
            *(column.ctypes.data for column in columns),
            out.ctypes.data,
            out.size,
        )
        parts.append(out[: int(closed)])
    return np.concatenate(parts)


def assert_same(bars: Any, expected: list[dict[str, int]]) -> None:
    assert len(bars) == len(expected)
    for name in (*FIELDS, "trades"):
        assert [int(v) for v in bars[name]] == [bar[name] for bar in expected], name


@pytest.mark.parametrize("spec", ["1s", "5s", "250ms", "1m"])
def test_batch_equals_the_slow_twin(spec: str) -> None:
    trades = made_up(5_000, 7)
    interval = parse_interval(spec)
    assert_same(batch(trades, interval, []), slow_bars(trades, interval)[:-1])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 400), max_size=6))
def test_batch_does_not_depend_on_the_pieces(seed: int, edges: list[int]) -> None:
    trades = made_up(400, seed)
    interval = 2_000_000_000
    assert_same(batch(trades, interval, sorted(edges)), slow_bars(trades, interval)[:-1])


def test_live_builders_equal_the_slow_twin_whatever_else_arrives() -> None:
    trades = made_up(1_500, 11)
    engine = small_engine(live=True, journal_rows=1 << 14)
    intervals = [1_000_000_000, 5_000_000_000, 60_000_000_000]
    for interval in intervals:
        engine.add_builder("XYZ", interval)
    random = np.random.default_rng(5)
    for ts, price, lots, side in trades:
        if random.random() < 0.2:  # a watermark closes what ended, and changes no bar
            engine.step(slot(M.CLOCK, ts))
        engine.step(trade(ts, price, lots, side))
    rows = rows_of(engine)
    heads, tails = rows[rows["kind"] == M.BAR_ROW], rows[rows["kind"] == M.MORE_ROW]
    for k, interval in enumerate(intervals):
        head, tail = heads[heads["code"] == k], tails[tails["code"] == k]
        expected = slow_bars(trades, interval)[: len(head)]
        assert len(slow_bars(trades, interval)) - len(head) <= 1
        for names, part in (
            (("ts", "ts_open", "open", "high", "low", "close"), head),
            (("ts", "", "volume", "notional", "buy_volume", "trades"), tail),
        ):
            for name, column in zip(names, ("ts", "ts_recv", *"abcd"), strict=True):
                if name:
                    assert part[column].tolist() == [bar[name] for bar in expected], name
        assert tail["ts_recv"].tolist() == list(range(len(tail)))
    assert int(engine.header["bars"]) == len(heads)


def test_volumes_add_up_and_prices_nest() -> None:
    trades = made_up(3_000, 3)
    table = np.array(trades, np.int64)
    columns = dict(zip(("ts", "price", "size", "side"), table.T.copy(), strict=True))
    bars = bars_of_trades(columns, 10_000_000_000)
    assert bars["volume"].sum() == table[:, 2].sum()
    assert bool((bars["high"] >= np.maximum(bars["open"], bars["close"])).all())
    assert bool((bars["low"] <= np.minimum(bars["open"], bars["close"])).all())


@pytest.mark.parametrize("spec", ["1m", "15m", "1h", "1d", "1w"])
def test_longer_bars_from_shorter_ones_equal_those_from_trades(spec: str) -> None:
    random = np.random.default_rng(9)
    count = 4_000
    table = {
        "ts": T0 + np.cumsum(random.integers(0, 600_000_000_000, count)),
        "price": 5_000 + np.cumsum(random.integers(-2, 3, count)),
        "size": random.integers(1, 9, count),
        "side": random.integers(-1, 2, count),
    }
    seconds = bars_of_trades(table, 1_000_000_000)
    interval = parse_interval(spec)
    direct, stacked = bars_of_trades(table, interval), aggregate_bars(seconds, interval)
    for name in direct:
        assert direct[name].tolist() == stacked[name].tolist(), name


def test_a_late_trade_goes_into_the_open_bar_and_is_counted() -> None:
    engine = small_engine(live=True)
    engine.add_builder("XYZ", 1_000_000_000)
    engine.step(trade(T0 + 1_500_000_000, 100))
    engine.step(trade(T0 + 900_000_000, 120))
    engine.step(trade(T0 + 2_100_000_000, 110))
    head = rows_of(engine, M.BAR_ROW)
    assert int(engine.header["late_trades"]) == 1
    assert head["ts"].tolist() == [T0 + 2_000_000_000]
    assert [int(head[n][0]) for n in "abcd"] == [100, 120, 100, 120]


def test_a_trade_after_its_bar_closed_makes_no_second_bar_of_that_time() -> None:
    engine = small_engine(live=True)
    engine.add_builder("XYZ", 1_000_000_000)
    engine.step(trade(T0 + 100, 100))
    engine.step(slot(M.CLOCK, T0 + 1_000_000_000))
    engine.step(trade(T0 + 900_000_000, 120))
    engine.step(slot(M.CLOCK, T0 + 2_000_000_000))
    head = rows_of(engine, M.BAR_ROW)
    assert head["ts"].tolist() == [T0 + 1_000_000_000, T0 + 2_000_000_000]
    assert int(engine.header["late_trades"]) == 1
