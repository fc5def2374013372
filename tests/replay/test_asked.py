"""What a strategy may ask beside orders: the same in both modes, bit for bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from market import FEES, HOUR, T0, quote, rows_of, slot, small_engine, stored_walk, trade
from modes import ROOM, XYZ, bars_of, equal, looks, notes, shown

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.research.backtest import backtest
from alphaforge.research.run import Run
from alphaforge.strategy.compile import python_entry
from alphaforge.strategy.fields import to_bytes

# --- books ----------------------------------------------------------------------------------------


class Looks(af.Strategy):
    def on_quote(self, ctx, quote):
        self.note(ctx, quote.instrument)

    def on_book(self, ctx, book):
        self.note(ctx, book.instrument)

    def note(self, ctx, i):
        for levels in range(1, 4):
            depth = ctx.depth(i, levels)
            ctx.record("bid qty", depth.bid_qty)
            ctx.record("ask qty", depth.ask_qty)
            ctx.record("bid", depth.bid_price)
            ctx.record("ask", depth.ask_price)
        for n in range(3):
            bid = ctx.level(i, af.BUY, n)
            ask = ctx.level(instrument=i, side=af.SELL, n=n)
            ctx.record("level bid", bid.price)
            ctx.record("level bid qty", bid.qty)
            ctx.record("level ask", ask.price)
            ctx.record("level ask qty", ask.qty)


def level(ts: int, side: int, tick: int, lots: int, more: bool = True) -> Any:
    return slot(M.DEPTH, ts, code=M.MORE if more else 0, a=tick, b=lots, c=side)


def test_depth_and_levels_of_a_book() -> None:
    model = af.Venue(depth="L2")
    messages = [
        slot(M.BOOK, T0 + 1, code=M.MORE | M.SNAPSHOT, a=1, b=1, c=-1, d=-1),
        level(T0 + 1, 1, 100, 4),
        level(T0 + 1, 1, 98, 12),
        level(T0 + 1, 1, 97, 2),
        level(T0 + 1, -1, 101, 6, more=False),
    ]
    _, rows, _ = equal(Looks(), messages, model=model)
    found = looks(rows)
    assert found["bid qty"] == [2.0, 8.0, 9.0]
    assert found["ask qty"] == [3.0, 3.0, 3.0]
    assert found["bid"] == [1.0, (100 * 4 + 98 * 12) / 16 / 100, (400 + 98 * 12 + 194) / 18 / 100]
    assert found["ask"] == [1.01, 1.01, 1.01]
    assert found["level bid"] == [1.0, 0.98, 0.97]
    assert found["level bid qty"] == [2.0, 6.0, 1.0]
    assert found["level ask qty"] == [3.0, 0.0, 0.0]
    assert found["level ask"][0] == 1.01
    assert np.isnan(found["level ask"][1:]).all()


def test_depth_and_levels_where_quotes_are_all_there_is() -> None:
    _, rows, _ = equal(Looks(), [quote(T0 + 1, 100, 102, lots=8), quote(T0 + 2, 0, 103, lots=4)])
    found = looks(rows)
    assert found["bid qty"] == [4.0, 4.0, 4.0, 0.0, 0.0, 0.0]
    assert found["ask"] == [1.02] * 3 + [1.03] * 3
    assert found["bid"][:3] == [1.0] * 3
    assert np.isnan(found["bid"][3:]).all()
    assert found["level bid qty"] == [4.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert found["level ask"][0] == 1.02
    assert np.isnan(found["level ask"][1:3]).all()


# --- looking back ---------------------------------------------------------------------------------


class Back(af.Strategy):
    """Adds up what it is shown again, and says where it differs from what it was called with."""

    at: int = 0
    wrong: int = 0
    oldest: float = 0.0
    volume: float = 0.0

    def on_bar(self, ctx, bar):
        newest = ctx.bar(bar.instrument)
        same = newest.close == bar.close and newest.open == bar.open and newest.ts == bar.ts
        if not same or newest.high != bar.high or newest.low != bar.low:
            self.wrong += 1
        if newest.volume != bar.volume:
            self.wrong += 1
        self.oldest = ctx.bar(bar.instrument, 999).close
        self.at = ctx.bar(bar.instrument, back=1000).ts

    def on_action(self, ctx, action):
        for back in range(3):
            kept = ctx.bar(action.instrument, back)
            ctx.record("open", kept.open)
            ctx.record("high", kept.high)
            ctx.record("low", kept.low)
            ctx.record("close", kept.close)
            ctx.record("volume", kept.volume)
        ctx.record("last", ctx.last(action.instrument))


def test_a_thousand_bars_are_kept() -> None:
    own, _, engine = equal(Back(), bars_of(1_200))
    assert own.wrong == 0
    assert own.at == 0, "one more than a thousand ago there is none"
    assert own.oldest == (1003 + 1_199 - 999) / 100
    record = L.pool(engine.block, "strategies")[0]
    assert int(record["shown_bytes"]) == 8 * 3 + 8 + 1000 * 48


def test_bars_are_kept_by_instrument() -> None:
    first, second = bars_of(3), bars_of(3, 1)
    messages = [each for pair in zip(first, second, strict=True) for each in pair]
    own, rows, _ = equal(
        Back(), [*messages, slot(M.ACTION, T0 + 3 * HOUR, 1, a=1, b=1)], ("XYZ", "ABC")
    )
    assert own.wrong == 0
    assert [v for name, v in notes(rows) if name == "close"] == [10.05, 10.04, 10.03]
    assert [v for name, v in notes(rows) if name == "volume"] == [13.0, 12.0, 11.0]


def test_bars_of_before_a_split_are_on_the_scale_of_those_after_it() -> None:
    """Three for two: prices times 2/3, volumes times 3/2, half to even, as ``ctx.last`` is."""
    _, rows, _ = equal(Back(), [*bars_of(2), slot(M.ACTION, T0 + 2 * HOUR, a=3, b=2)])
    found = looks(rows)
    assert found["open"][:2] == [6.67, 6.67]  # 1001, 1000 -> 667.3, 666.7
    assert found["high"][:2] == [6.72, 6.71]  # 1008, 1007 -> 672, 671.3
    assert found["low"][:2] == [6.61, 6.60]
    assert found["close"][:2] == [6.69, 6.69]  # 1004, 1003 -> 669.3, 668.7
    assert found["volume"][:2] == [9.0, 8.0]  # lots 12, 11 -> 18, 16.5: to the even 16
    assert found["last"] == [found["close"][0]]
    assert np.isnan(found["close"][2])
    assert found["volume"][2] == 0.0


def test_one_who_never_looks_back_keeps_nothing() -> None:
    engine = small_engine(XYZ)
    engine.add_strategy(python_entry(Draws()), ["XYZ"])
    record = L.pool(engine.block, "strategies")[0]
    assert (int(record["shown"]), int(record["shown_bytes"])) == (0, 0)


def test_a_slot_is_anothers_only_where_there_is_room_for_its_bars() -> None:
    engine = small_engine(XYZ, capacities=ROOM)
    assert engine.add_strategy(python_entry(Draws()), ["XYZ"]) == 0
    engine.step(slot(M.DETACH, T0, a=0))
    assert engine.add_strategy(python_entry(Back()), ["XYZ"]) == 1, "it keeps bars"
    for message in bars_of(3):
        engine.step(message)
    engine.step(slot(M.DETACH, T0 + 3 * HOUR, a=1))

    class Empty(af.Strategy):
        def on_trade(self, ctx, trade):
            ctx.record("ts", ctx.bar(trade.instrument).ts)

    assert engine.add_strategy(python_entry(Empty()), ["XYZ"]) == 1
    assert engine.add_strategy(python_entry(Draws()), ["XYZ"]) == 0
    engine.step(trade(T0 + 4 * HOUR, 100))
    assert looks(rows_of(engine))["ts"] == [0.0], "no bar of the one before it is left"


def slope(ctx: Any, i: int) -> float:
    return ctx.bar(i, 0).close - ctx.bar(i, 2).close


class ByHelper(af.Strategy):
    slope: float = 0.0

    def on_bar(self, ctx, bar):
        self.slope = slope(ctx, bar.instrument)


def test_a_plain_function_may_look_back() -> None:
    assert equal(ByHelper(), bars_of(5))[0].slope == 10.07 - 10.05


# --- random numbers -------------------------------------------------------------------------------


class Draws(af.Strategy):
    total: float = 0.0
    count: int = 0

    def on_bar(self, ctx, bar):
        for _ in range(50):
            ctx.record("normal", ctx.rng.normal())
            ctx.record("uniform", ctx.rng.uniform())
            ctx.record("integer", ctx.rng.integers(n=6))
            self.count += ctx.rng.integers(1)
        self.total += ctx.rng.normal()


def test_random_numbers_are_the_same_in_both_modes_and_spread_as_they_should() -> None:
    _, rows, engine = equal(Draws(), bars_of(40))
    found = looks(rows)
    normal, uniform = np.array(found["normal"]), np.array(found["uniform"])
    assert abs(normal.mean()) < 0.07
    assert abs(normal.std() - 1.0) < 0.05
    assert abs((np.abs(normal) < 1.0).mean() - 0.6827) < 0.04
    assert 0.0 < uniform.min() < 0.01
    assert 0.99 < uniform.max() <= 1.0
    assert abs(uniform.mean() - 0.5) < 0.02
    values, counts = np.unique(found["integer"], return_counts=True)
    assert values.tolist() == [0, 1, 2, 3, 4, 5]
    assert counts.min() > 270
    assert int(L.pool(engine.block, "strategies")[0]["draws"]) == 40 * (50 * 5 + 2)


def test_splitmix64_is_what_its_authors_published() -> None:
    """Seed 1234567 gives 6457827717110365317, 3203168211198807973, ... (Rosetta Code's check)."""
    from alphaforge.engine.wire import uniform

    for n, word in enumerate((6457827717110365317, 3203168211198807973), 1):
        assert uniform(1234567, n) == ((word & (2**53 - 1)) + 1) / 2.0**53


def test_a_seed_is_part_of_a_run(history: History) -> None:
    stored_walk(history, 30, 8)
    runs = [
        backtest(history, Draws(), ["XYZ"], "1h", mode=mode, seed=seed)
        for mode, seed in (("compiled", 0), ("python", 0), ("compiled", 1))
    ]
    assert runs[0].journal_hash == runs[1].journal_hash != runs[2].journal_hash
    assert runs[0].run_id == runs[1].run_id != runs[2].run_id
    assert runs[0].strategy.total == runs[1].strategy.total != runs[2].strategy.total
    with pytest.raises(af.ConfigError, match=r"^seed must be a whole number from 0, not -1\."):
        backtest(history, Draws(), ["XYZ"], "1h", seed=-1)


# --- records and logs -----------------------------------------------------------------------------

NAME = "by a constant"


class Writes(af.Strategy):
    n: int = 0

    def on_start(self, ctx):
        ctx.log("begins")

    def on_bar(self, ctx, bar):
        self.n += 1
        ctx.record("close", bar.close)
        if self.n % 2 == 0:
            ctx.record("n", self.n)
            ctx.record(name=NAME, value=self.n > 3)
        if self.n == 3:
            ctx.record("close", -1.0)
            ctx.log("third", bar.close)

    def on_stop(self, ctx):
        ctx.record("missing", -ctx.bid(0))


def both(history: History, strategy: af.Strategy, **keywords: Any) -> Run:
    runs = [
        backtest(history, strategy, ["XYZ"], "1h", fees=FEES, mode=mode, **keywords)
        for mode in ("compiled", "python")
    ]
    assert runs[0].rows.tobytes() == runs[1].rows.tobytes()
    assert runs[0].run_id == runs[1].run_id
    assert to_bytes(runs[0].strategy).tobytes() == to_bytes(runs[1].strategy).tobytes()
    return runs[0]


def test_what_was_recorded_is_a_table(history: History) -> None:
    stored_walk(history, 5, 8)
    run = both(history, Writes())
    table, bars = run.recorded, history.bars("XYZ", "1h")
    assert table.columns.tolist() == ["close", "n", NAME, "missing"]
    assert str(table.index.tz) == "UTC"
    assert table.index.name == "ts"
    stamps = bars.index.tolist()
    assert table.index.tolist() == [*stamps[:3], stamps[2], *stamps[3:]]
    close = bars["close"].tolist()
    assert table["close"].tolist() == [*close[:3], -1.0, *close[3:]]
    assert table["n"].dropna().tolist() == [2.0, 4.0]
    assert table[NAME].dropna().tolist() == [0.0, 1.0]
    assert table["missing"].isna().all()
    missing = run.rows[run.rows["kind"] == M.METRIC_ROW][-1]
    assert int(missing["c"]) == 0x7FF8 << 48, "one NaN, whatever sign it had"
    log = run.log
    assert log["text"].tolist() == ["begins", "third"]
    assert log["value"].tolist()[1] == close[2]
    assert math.isnan(log["value"][0])
    assert log["ts"].tolist()[1] == stamps[2]


def test_a_run_that_records_nothing_has_empty_tables(history: History) -> None:
    stored_walk(history, 5, 8)
    run = backtest(history, ByHelper(), ["XYZ"], "1h")
    assert len(run.recorded) == len(run.log) == 0
    assert run.recorded.index.name == "ts"
    assert run.log.columns.tolist() == ["ts", "text", "value"]


def test_too_much_recorded_in_one_event_halts_and_says_how_much_there_is_room_for(
    history: History,
) -> None:
    class Flood(af.Strategy):
        def on_bar(self, ctx, bar):
            for _ in range(9_000):
                ctx.record("x", 1.0)

    stored_walk(history, 5, 8)
    words = r"more values recorded and logged in one event than its room in the journal \(8,192\)"
    for mode in ("compiled", "python"):
        with pytest.raises(af.EngineHalted, match=words):
            backtest(history, Flood(), ["XYZ"], "1h", mode=mode)


def test_as_much_as_there_is_room_for_loses_no_row(history: History) -> None:
    class Full(af.Strategy):
        def on_bar(self, ctx, bar):
            for _ in range(8_192):
                ctx.record("x", 1.0)

    stored_walk(history, 60, 8)
    run = backtest(history, Full(), ["XYZ"], "1h")
    assert run.rows["seq"].tolist() == list(range(60 * 8_192))


class Lent(af.Strategy):
    """Gives its ``ctx`` to what isn't a plain function of its cell."""

    before: float = 0.0

    def on_bar(self, ctx, bar):
        self.before = LENDERS["previous"](ctx, bar)


LENDERS = {"previous": lambda ctx, bar: ctx.bar(bar.instrument, 1).close}


def test_in_python_mode_whatever_is_given_ctx_may_look_back() -> None:
    assert shown(Lent(), bars_of(3), "python", ("XYZ",))[0].before == (1003 + 1) / 100


class Elsewhere(af.Strategy):
    """Trades the first instrument, whatever it is on: on paper that is the exchange's first."""

    own: int = 0
    other: int = 0
    denied: int = 0
    filled: float = 0.0

    def on_bar(self, ctx, bar):
        if self.other == 0:
            self.other = ctx.buy(0, 1.0)
            self.own = ctx.buy(bar.instrument, 1.0)
        self.filled = ctx.order(self.own).filled

    def on_order(self, ctx, order):
        if order.status == af.DENIED:
            self.denied = order.order_id


def test_a_strategy_trades_only_what_it_is_on() -> None:
    own, _, _ = equal(Elsewhere(), [*bars_of(1), *bars_of(4, 1)], ("ABC",))
    assert own.denied == own.other
    assert own.filled == 1.0
