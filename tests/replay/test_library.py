"""The example strategies: both modes equal, and each does what its words say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import HOUR, T0, instrument, rows_of, small_engine, trade, walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine.jit import JIT
from alphaforge.research.backtest import backtest
from alphaforge.strategy.compile import python_entry
from alphaforge.strategy.library import (
    Breakout,
    BuyAndHold,
    MarketMaker,
    MeanReversion,
    Pairs,
    Rotation,
    Schedule,
    SmaCross,
)
from alphaforge.units import SECOND

SYMBOLS = ["AAA", "BBB", "CCC"]
OF_BARS: list[tuple[af.Strategy, int]] = [
    (BuyAndHold(size=10), 1),
    (SmaCross(fast=5, slow=20, size=10), 1),
    (MeanReversion(size=10), 1),
    (Breakout(size=10), 1),
    (Pairs(size=10, score=20, entry=1.5), 2),
    (Rotation(size=10, period=20, every=5), 3),
    (Schedule(total=40, every_s=7200), 1),
]


def name_of(value: Any) -> str:
    return type(value).__name__ if isinstance(value, af.Strategy) else ""


def bars(close: Any) -> pd.DataFrame:
    """Hourly bars that open where the one before closed."""
    close = np.round(np.asarray(close, float), 2)
    opening = np.concatenate([close[:1], close[:-1]])
    frame = pd.DataFrame({"open": opening, "high": np.maximum(opening, close) + 0.01})
    frame["low"], frame["close"] = np.minimum(opening, close) - 0.01, close
    frame["volume"] = 1_000.0
    frame.index = pd.to_datetime(T0 + HOUR * np.arange(1, close.size + 1), utc=True)
    return frame.round(2).set_index(frame.index)


def run(history: History, strategy: af.Strategy, *closes: Any, mode: str = "") -> Any:
    names = SYMBOLS[: len(closes)]
    for name, close in zip(names, closes, strict=True):
        history.add_instrument(instrument(name))
        history.write_bars(name, "1h", bars(close))
    return backtest(history, strategy, names, "1h", mode=mode or ("compiled" if JIT else "python"))


@pytest.mark.skipif(not JIT, reason="compares compiled code with Python")
@pytest.mark.parametrize(("strategy", "count"), OF_BARS, ids=name_of)
def test_both_modes_are_equal_on_bars(strategy: af.Strategy, count: int) -> None:
    frames = {name: walk(600, seed) for seed, name in enumerate(SYMBOLS[:count])}
    found = strategy.check(frames)
    assert found, repr(found)
    assert not found.raised
    assert found.rows > (5 if isinstance(strategy, BuyAndHold) else 10)


@pytest.mark.skipif(not JIT, reason="compares compiled code with Python")
def test_both_modes_are_equal_on_quotes() -> None:
    recording = af.simulate("BTCUSDT", over="2m", seed=3)
    found = MarketMaker().check(recording)
    assert found, repr(found)
    assert not found.raised
    assert found.rows > 200


def position_over_time(run: Any, symbol: str) -> list[float]:
    fills = run.fills[run.fills["instrument"] == symbol]
    return [float(q) for q in (fills["side"] * fills["qty"]).cumsum()]


def test_buy_and_hold_buys_once(history: History) -> None:
    found = run(history, BuyAndHold(size=10), np.linspace(100, 50, 50))
    assert position_over_time(found, "AAA") == [10.0]
    assert found.equity.iloc[-1] < 1_000_000, "it loses as the price does"


def test_trend_and_breakout_ride_a_trend_and_pay_in_a_saw(history: History) -> None:
    trend = 100 + np.concatenate([np.zeros(60), np.linspace(0, 100, 200), np.linspace(100, 60, 60)])
    saw = 100 + 5 * np.sign(np.sin(np.arange(320) / 7.0)) + 0.01 * (np.arange(320) % 3)
    for n, strategy in enumerate([SmaCross(fast=5, slow=20, size=10), Breakout(size=10)]):
        found = run(history, strategy, trend)
        assert found.equity.iloc[-1] > 1_000_300, n
        assert position_over_time(found, "AAA")[-1] == 0.0
        assert run(history, strategy, saw).equity.iloc[-1] < 1_000_000, n


def test_mean_reversion_buys_a_dip_and_gives_up_in_a_fall(history: History) -> None:
    quiet = 100 + 0.2 * np.sin(np.arange(60))
    dip = np.concatenate([quiet, [96.0, 97.0, 99.0, 100.0, 101.0], quiet])
    found = run(history, MeanReversion(size=10), dip)
    assert position_over_time(found, "AAA")[:2] == [10.0, 0.0]
    assert found.equity.iloc[-1] > 1_000_000
    fall = np.concatenate([quiet, 99 - 0.4 * np.arange(100.0)])
    assert run(history, MeanReversion(size=10), fall).equity.iloc[-1] < 1_000_000


def test_pairs_hold_both_legs_and_leave_both(history: History) -> None:
    base = 100 + np.cumsum(np.random.default_rng(1).normal(0, 0.2, 200))
    other = base * 2.0
    noise = 0.05 * np.sin(np.arange(200))
    first = base + noise
    first[120:126] += 4.0  # dear for a while
    found = run(history, Pairs(size=10, score=30), first, other)
    one, two = position_over_time(found, "AAA"), position_over_time(found, "BBB")
    assert one[0] == -10.0
    assert 4.0 <= two[0] <= 6.0, "half as many of what costs twice as much"
    assert (one[1], two[1]) == (0.0, 0.0)
    assert found.equity.iloc[-1] > 1_000_000


def test_rotation_holds_what_rose_most_or_nothing(history: History) -> None:
    steps = np.arange(120.0)
    up, more, down = 100 + 0.1 * steps, 100 + 0.3 * steps, 100 - 0.2 * steps
    found = run(history, Rotation(size=10, period=20, every=5), up, more, down)
    assert position_over_time(found, "BBB") == [10.0]
    assert not position_over_time(found, "AAA")
    fallen = run(history, Rotation(size=10, period=20, every=5), down, down - 1, down - 2)
    assert len(fallen.fills) == 0, "all fell: nothing is held"


@pytest.mark.parametrize("total", [40.0, -40.0])
def test_a_schedule_trades_it_all_in_parts(history: History, total: float) -> None:
    flat = 100 + 0.05 * np.sin(np.arange(200))
    found = run(history, Schedule(total=total, every_s=7_200), flat)
    held = position_over_time(found, "AAA")
    assert held[-1] == total
    assert len(held) >= 10
    assert np.all(np.diff(np.abs(held)) > 0), "never more than is due"


def test_a_schedule_begins_when_orders_are_taken() -> None:
    """A session's past counts no part as sent: all would cross at once when it is over."""
    engine, own = small_engine(live=True), Schedule(total=4, parts=4, every_s=10)
    engine.header["now"] = T0
    engine.add_strategy(python_entry(own), ["XYZ"], live_from=T0 + 55 * SECOND)
    for second in range(1, 66):
        assert engine.step(trade(T0 + second * SECOND, 100)) == 0
    assert own.sent == 1
    new = rows_of(engine, M.ORDER_ROW)
    new = new[new["code"] == K.INITIALIZED]
    assert new["ts"].tolist() == [T0 + 60 * SECOND], "a timer that is due when they are taken"
    assert new["b"].tolist() == [1], "one part"


def test_a_market_maker_is_filled_on_both_sides_and_stays_small() -> None:
    recording = af.simulate("BTCUSDT", over="5m", seed=3)
    with_history = History(":memory:")
    found = backtest(with_history, MarketMaker(), recording, mode="compiled" if JIT else "python")
    with_history.close()
    held = position_over_time(found, "BTCUSDT")
    assert len(held) > 20
    assert {1, -1} == set(found.fills["side"])
    assert max(abs(q) for q in held) <= 0.05 + 0.01 + 1e-9
    assert set(found.fills["liquidity"]) == {"maker"}
    assert not (found.orders["status"] == "accepted").any(), "no quote is left behind"
