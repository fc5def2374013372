"""Synthetic instruments: bars from their legs', exact, bounded, watched in a backtest, untraded."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import DAY, T0, instrument, walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.errors import DataError, InstrumentError
from alphaforge.instrument import Instrument
from alphaforge.research.backtest import backtest

LEGS = {"AAA": "1", "BBB": "-2", "CCC": "0.5"}


def daily(rows: list[tuple[float, float, float, float]], days: list[int]) -> pd.DataFrame:
    index = pd.to_datetime([T0 + DAY * n for n in days], utc=True)
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=index)
    return frame.assign(volume=100.0)


def spread(**fields: Any) -> Instrument:
    return Instrument("SPREAD", **{"tick": "0.01", "kind": "synthetic", "legs": LEGS, **fields})


@pytest.fixture
def store(history: History) -> History:
    for symbol in ("AAA", "BBB", "CCC"):
        history.add_instrument(instrument(symbol, "0.02" if symbol == "CCC" else "0.01"))
    history.write_bars(
        "AAA", "1d", daily([(10, 12, 9, 11), (11, 13, 10, 12), (12, 12, 11, 11.5)], [1, 2, 4])
    )
    history.write_bars(
        "BBB", "1d", daily([(4, 5, 3, 4.5), (4.5, 6, 4, 5.25), (5, 6, 4, 5)], [1, 2, 3])
    )
    history.write_bars("CCC", "1d", daily([(2, 3, 1, 2.5), (2.5, 2.5, 2.5, 2.5)], [1, 2]))
    return history


def test_sums_of_equal_close_times(store: History) -> None:
    """Day one: 10 - 2 x 4 + 2 / 2 = 3; at most 12 - 2 x 3 + 3 / 2, at least 9 - 2 x 5 + 1 / 2."""
    store.add_instrument(spread())
    bars = store.bars("SPREAD", "1d")
    assert bars.index.tolist() == [pd.Timestamp(T0 + DAY * n, tz="UTC") for n in (1, 2)]
    assert bars.iloc[0].tolist() == [3.0, 7.5, -0.5, 3.25, 0.0]
    assert bars.iloc[1].tolist() == [3.25, 6.25, -0.75, 2.75, 0.0]
    assert store.specs("SPREAD") == ["1d"]


def test_what_a_leg_shorter_bars_make(history: History) -> None:
    """Legs of hourly bars make a spread's daily ones, from their own daily ones."""
    for n, symbol in enumerate(("AAA", "BBB", "CCC")):
        history.add_instrument(instrument(symbol, "0.0001"))
        history.write_bars(symbol, "1h", walk(100, n))
    history.add_instrument(spread(tick="0.00005"))
    made = history.bar_columns("SPREAD", "1d")
    legs = {symbol: history.bar_columns(symbol, "1d") for symbol in LEGS}
    assert made["ts"].tolist() == legs["AAA"]["ts"].tolist()
    for name in ("open", "high", "low", "close"):
        for k in range(made["ts"].size):
            total = Fraction(0)
            for symbol, weight in LEGS.items():
                side = name
                if Fraction(weight) < 0 and name in ("high", "low"):
                    side = "low" if name == "high" else "high"
                total += Fraction(weight) * int(legs[symbol][side][k]) * Fraction("0.0001")
            assert int(made[name][k]) * Fraction("0.00005") == total
    assert (made["high"] >= np.maximum(made["open"], made["close"])).all()
    assert (made["low"] <= np.minimum(made["open"], made["close"])).all()
    hourly = history.bar_columns("SPREAD", "1h")
    day = hourly["ts"] <= made["ts"][0]
    assert hourly["close"][day].max() <= made["high"][0]
    assert hourly["close"][day].min() >= made["low"][0]


def test_a_bar_opens_when_the_last_of_its_legs_does(history: History) -> None:
    for symbol, opened in (("AAA", 0), ("BBB", 3_600)):
        history.add_instrument(instrument(symbol))
        frame = daily([(1, 1, 1, 1)], [1])
        history.write_bars(symbol, "1d", frame, np.array([T0 + opened * 10**9], np.int64))
    history.add_instrument(spread(legs={"AAA": "1", "BBB": "1"}))
    assert history.bar_columns("SPREAD", "1d")["ts_open"].tolist() == [T0 + 3_600 * 10**9]


def test_off_its_tick_is_refused_with_the_tick_that_fits(store: History) -> None:
    store.add_instrument(spread(tick="0.25", legs={"AAA": "1", "BBB": "0.3"}))
    match = r"open of SPREAD at 2023-11-15.* is 11\.2, off its tick 0\.25 .*A tick of .* fits"
    with pytest.raises(DataError, match=match) as found:
        store.bars("SPREAD", "1d")
    fits = str(found.value).split("A tick of ")[1].split(" ")[0]
    other = Instrument("OTHER", fits, kind="synthetic", legs={"AAA": "1", "BBB": "0.3"})
    store.add_instrument(other)
    assert store.bars("OTHER", "1d")["open"].iloc[0] == 11.2


def test_a_sum_past_int64_is_refused(store: History) -> None:
    store.add_instrument(spread(tick="0.000000001", legs={"AAA": "999999999999999", "BBB": "1"}))
    with pytest.raises(DataError, match="open of SPREAD passes int64 in ticks of"):
        store.bars("SPREAD", "1d")


def test_no_time_in_common_is_no_bar(store: History) -> None:
    store.add_instrument(instrument("DDD"))
    store.write_bars("DDD", "1d", daily([(1, 1, 1, 1)], [9]))
    store.add_instrument(spread(legs={"AAA": "1", "DDD": "1"}))
    assert len(store.bars("SPREAD", "1d")) == 0


@pytest.mark.parametrize(
    ("legs", "match"),
    [
        (
            {"AAA": "1", "BBC": "1"},
            r"SPREAD is made of 'BBC', which isn't known\. Did you mean",
        ),
        ({"AAA": "1", "EUR": "1"}, "SPREAD in USD can't be made of EUR, of kind spot in EUR"),
        ({"AAA": "1", "TWO": "1"}, "SPREAD in USD can't be made of TWO, of kind synthetic"),
    ],
    ids=str,
)
def test_legs_that_cant_be(store: History, legs: dict[str, str], match: str) -> None:
    store.add_instrument(instrument("EUR", currency="EUR", kind="spot"))
    store.add_instrument(Instrument("TWO", "0.01", kind="synthetic", legs={"AAA": "2"}))
    store.add_instrument(spread(legs=legs))
    with pytest.raises(InstrumentError, match=match):
        store.bars("SPREAD", "1d")


def test_a_leg_without_bars_says_which(store: History) -> None:
    store.add_instrument(spread())
    with pytest.raises(DataError, match="no 1h bars of AAA, and nothing stored"):
        store.bars("SPREAD", "1h")


def test_nothing_of_its_own_is_stored(store: History) -> None:
    store.add_instrument(spread())
    frame = daily([(1, 1, 1, 1)], [1])
    trades = pd.DataFrame({"price": [1.0], "size": [1.0]}, frame.index)
    for write in (
        lambda: store.write_bars("SPREAD", "1d", frame),
        lambda: store.write_trades("SPREAD", trades),
        lambda: store.write_action("SPREAD", T0, 2, 1),
    ):
        with pytest.raises(InstrumentError, match=r"is synthetic: .* from those of AAA, BBB"):
            write()


def test_it_is_there_again_after_opening_the_file(tmp_path: Any) -> None:
    path = str(tmp_path / "h.duckdb")
    made = History(path)
    made.add_instrument(spread())
    made.close()
    again = History(path)
    assert again.instrument("SPREAD") == spread()
    again.close()


class Watches(af.Strategy):
    """Sells the first leg when the spread is wide; also tries to trade the spread itself."""

    spread: int = 2
    seen: int = 0
    last: float = 0.0
    asked: float = 0.0

    def on_bar(self, ctx, bar):
        if bar.instrument == self.spread:
            self.seen += 1
            self.last = bar.close
            self.asked = ctx.last(self.spread)
            ctx.buy(self.spread, 1.0)
            if bar.close < 0.0:
                ctx.target(0, 10.0)


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_a_strategy_watches_it_beside_its_legs(history: History, mode: str) -> None:
    for symbol, close in (("AAA", 1.0), ("BBB", 2.0)):
        history.add_instrument(instrument(symbol))
        history.write_bars(symbol, "1d", daily([(close,) * 4] * 5, [1, 2, 3, 4, 5]))
    history.add_instrument(spread(legs={"AAA": "1", "BBB": "-1"}))
    run = backtest(history, Watches(), ["AAA", "BBB", "SPREAD"], "1d", mode=mode)
    assert (run.strategy.seen, run.strategy.last, run.strategy.asked) == (5, -1.0, -1.0)
    orders = run.orders
    denied = orders[orders["instrument"] == "SPREAD"]
    assert denied["status"].tolist() == ["denied"] * 5
    assert set(denied["reason"]) == {"DATA_ONLY: limit=0, value=0"}
    assert run.fills["instrument"].tolist() == ["AAA"]
    assert run.fills["qty"].tolist() == [10.0]
    assert not [w for w in run.warnings if "SPREAD" in w]


def test_it_can_be_the_only_one(store: History) -> None:
    store.add_instrument(spread())
    run = backtest(store, Watches(spread=0), ["SPREAD"], "1d")
    assert run.strategy.seen == 2
    assert len(run.fills) == 0
