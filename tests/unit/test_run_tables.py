"""What a run's tables say of its orders, its cash and its end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine import messages as M
from alphaforge.research.backtest import backtest
from alphaforge.research.tables import orders_table


def stored(history: History, closes: list[float], symbol: str = "XYZ", **terms: Any) -> None:
    """Hourly bars that open where the last one closed, and stray a cent from there."""
    history.add_instrument(af.Instrument(symbol, tick="0.01", lot="1", **terms))
    close = np.array(closes)
    opened = np.concatenate([close[:1], close[:-1]])
    top, bottom = np.maximum(opened, close) + 0.01, np.minimum(opened, close) - 0.01
    index = pd.date_range("2024-01-01 01:00", periods=close.size, freq="h", tz="UTC")
    frame = {"open": opened, "high": top.round(2), "low": bottom.round(2), "close": close}
    history.write_bars(symbol, "1h", pd.DataFrame({**frame, "volume": 1e6}, index=index))


class Does(af.Strategy):
    """What it is told at the n-th bar."""

    seen: int = 0
    first: int = 0

    def on_bar(self, ctx, bar):
        self.seen += 1
        self.act(ctx, bar)

    def act(self, ctx, bar):
        pass


def ran(history: History, strategy: af.Strategy, **given: Any) -> Any:
    return backtest(history, strategy, ["XYZ"], "1h", mode="python", **given)


# --- the end of a recording -----------------------------------------------------------------------


class BuysLate(af.Strategy):
    """Buys at a time, and sells when it is over."""

    at: int = 0
    bought: int = 0
    sells: int = 0

    def on_quote(self, ctx, quote):
        if self.bought == 0 and quote.ts >= self.at:
            self.bought = 1
            ctx.buy(quote.instrument, 0.5)

    def on_stop(self, ctx):
        if self.sells == 1:
            ctx.sell(0, 0.5)


@pytest.fixture(scope="module")
def market() -> Any:
    return af.simulate("BTCUSDT", over="5s")


@pytest.mark.parametrize("sells", [0, 1])
def test_equity_ends_where_the_recording_does(history: History, market: Any, sells: int) -> None:
    """A fill after the last whole second, and one of ``on_stop``, with their fees."""
    last = int(market.events["ts"][-1])
    late = BuysLate(at=last - last % 10**9 + 1, sells=sells)
    run = backtest(history, late, market, fees=af.Fees(taker="0.01"), cash=1e6)
    assert len(run.fills) == 1 + sells
    assert run.equity.index[-1].value == last
    assert run.equity.index.is_monotonic_increasing
    assert run.equity.index.is_unique
    assert run.metrics["final_equity"] == run.equity.iloc[-1]
    fees = run.fills["fee"].sum()
    assert fees > 100
    assert run.equity.iloc[-1] == pytest.approx(1e6 - fees, abs=fees / 10)
    again = backtest(history, late, market, fees=af.Fees(taker="0.01"), cash=1e6)
    assert again.journal_hash == run.journal_hash


def test_equity_of_bars_ends_after_on_stop(history: History) -> None:
    class Leaves(af.Strategy):
        def on_stop(self, ctx):
            ctx.buy(0, 100)

    stored(history, [100.0] * 5)
    run = ran(history, Leaves(), fill="this_close", fees=af.Fees(taker="0.01"))
    paid = run.fills["fee"].sum()
    assert run.equity.iloc[-1] == pytest.approx(1e6 - paid)
    assert (paid > 0) == (len(run.fills) > 0)


# --- orders ---------------------------------------------------------------------------------------


def test_orders_are_shown_as_they_were_last(history: History) -> None:
    class Replaces(Does):
        stop: int = 0

        def act(self, ctx, bar):
            if self.seen == 1:
                self.first = ctx.buy(bar.instrument, 10, limit=90.0)
                self.stop = ctx.buy(bar.instrument, 5, stop=150.0, limit=155.0)
            elif self.seen == 3:
                ctx.replace(self.first, limit=100.5, qty=30)
                ctx.replace(self.stop, stop=140.0, limit=141.0)

    stored(history, [100.0] * 8)
    run = ran(history, Replaces())
    filled, waits = run.orders.to_dict("records")
    assert (filled["qty"], filled["limit"], filled["filled"]) == (30, 100.5, 30)
    assert filled["status"] == "filled"
    assert run.fills["qty"].sum() == filled["qty"]
    assert (waits["stop"], waits["limit"], waits["qty"]) == (140.0, 141.0, 5)
    # What has left the engine's pool is told from the journal.
    told = orders_table(run.rows, run.instruments)
    pd.testing.assert_series_equal(told.iloc[0], run.orders.iloc[0])
    assert told["limit"][1] == 141.0


def test_a_split_shows_in_the_orders_that_it_changed(history: History) -> None:
    class Waits(Does):
        def act(self, ctx, bar):
            if self.seen == 1:
                ctx.buy(bar.instrument, 10, limit=90.0)
                ctx.sell(bar.instrument, 10, stop=40.0)

    stored(history, [100.0] * 5 + [50.0] * 5)
    history.write_action("XYZ", "2024-01-01 05:00", 2, 1)
    limit, stop = ran(history, Waits()).orders.to_dict("records")
    assert (limit["qty"], limit["limit"]) == (20, 45.0)
    assert (stop["qty"], stop["stop"]) == (20, 20.0)


@pytest.mark.parametrize("ends", [True, False])
def test_an_algorithm_shows_what_its_children_filled(history: History, ends: bool) -> None:
    class Works(Does):
        def act(self, ctx, bar):
            if self.seen == 1:
                self.first = ctx.twap(bar.instrument, 40, 4 * 3_600_000_000_000, 4)
            elif self.seen == 4 and not ends:
                ctx.cancel(self.first)

    stored(history, [100.0] * 12)
    run = ran(history, Works())
    parent, children = run.orders.iloc[0], run.orders.iloc[1:]
    assert parent["type"] == "twap"
    assert (children["parent"] == parent["order_id"]).all()
    assert parent["filled"] == children["filled"].sum() == run.fills["qty"].sum() > 0
    assert (parent["filled"] == 40) == ends
    assert parent["qty"] == 40


def test_a_bracket_s_entry_shows_its_own_fills_alone(history: History) -> None:
    class Enters(Does):
        def act(self, ctx, bar):
            if self.seen == 1:
                ctx.bracket(bar.instrument, 10, take=101.0, stop=90.0)

    stored(history, [100.0, 100.0, 100.0, 102.0, 102.0])
    run = ran(history, Enters())
    assert run.orders["filled"].tolist()[0] == 10
    assert run.fills["qty"].sum() == 20


def test_a_refused_replace_is_no_reason_of_its_order(history: History) -> None:
    class Asks(Does):
        def act(self, ctx, bar):
            if self.seen == 1:
                self.first = ctx.buy(bar.instrument, 10, limit=99.5)
                ctx.buy(bar.instrument, 10**7)
            elif self.seen == 2:
                ctx.replace(self.first, qty=10**7)

    stored(history, [100.0, 100.0, 100.0, 99.0, 98.0])
    venue = af.Venue(margin="cash")
    run = ran(history, Asks(), venue=venue, cash=10_000.0)
    filled, denied = run.orders.to_dict("records")
    refusals = run.rows[run.rows["kind"] == M.DENIAL_ROW]
    assert refusals["a"].tolist() == [denied["order_id"], filled["order_id"]]
    assert (filled["status"], filled["reason"], filled["qty"]) == ("filled", "", 10)
    assert denied["status"] == "denied"
    assert denied["reason"].startswith("FREE_BALANCE: ")


# --- liquidation, and cash without a fill ---------------------------------------------------------

MARGINS = {"kind": "perpetual", "initial_margin": "0.1", "maintenance_margin": "0.05"}


class Buys(Does):
    qty: float = 900.0

    def act(self, ctx, bar):
        if self.seen == 1:
            ctx.buy(bar.instrument, self.qty)
        elif self.seen == 4:
            ctx.buy(bar.instrument, 1)


def test_a_liquidation_has_its_reason_its_warning_and_its_fee(history: History) -> None:
    stored(history, [100.0, 100.0, 90.0, 90.0, 90.0, 90.0, 90.0], **MARGINS)
    venue = af.Venue(margin="cross", liquidation_fee="0.01")
    run = ran(history, Buys(), venue=venue, cash=10_000.0)
    assert run.orders["reason"].tolist() == ["", "LIQUIDATION", ""]
    assert run.orders["side"].tolist() == [1, -1, 1]
    (warning,) = [w for w in run.warnings if "liquidated" in w]
    # 10,000 - 900 x 6.44 = 4,204 against 5 % of 84,204: a tick above, 4,213 were enough.
    assert warning.startswith(
        "liquidated XYZ on 2024-01-01: 4,204.00 USD backed what needed 4,210.20."
    )
    flows = run.cash_flows
    assert flows.columns.tolist() == ["ts", "symbol", "kind", "amount"]
    assert flows[["symbol", "kind", "amount"]].to_numpy().tolist() == [
        ["XYZ", "liquidation", -842.04]
    ]
    assert str(flows["ts"].dtype) == "datetime64[ns, UTC]"
    assert run.metrics["cash_flows"] == -842.04


def test_borrow_and_interest_are_cash_flows(history: History) -> None:
    class Shorts(Does):
        def act(self, ctx, bar):
            if self.seen == 1:
                ctx.buy(bar.instrument, 200)

    stored(history, [100.0] * 60)
    run = ran(history, Shorts(), venue=af.Venue(interest="0.0365"), cash=10_000.0)
    flows = run.cash_flows
    assert set(flows["kind"]) == {"interest"}
    assert set(flows["symbol"]) == {""}
    assert flows["amount"].iloc[0] == pytest.approx(-1.0)  # 3.65 % a year of 10,000, a day
    assert run.metrics["cash_flows"] == flows["amount"].sum()


def test_equity_below_zero_is_warned_of_with_its_day(history: History) -> None:
    stored_walk(history, 30, 5)
    quiet = ran(history, Buys(qty=10.0))
    assert not [w for w in quiet.warnings if "fell below 0" in w or "liquidated" in w]
    assert quiet.cash_flows.empty
    assert quiet.metrics["cash_flows"] == 0.0
    stored(history, [100.0] * 30 + [10.0] * 3, "FALLS")
    run = backtest(history, Buys(), ["FALLS"], "1h", cash=10_000.0, mode="python")
    (warning,) = [w for w in run.warnings if "fell below 0" in w]
    assert warning.startswith("equity fell below 0 on 2024-01-02: ")
