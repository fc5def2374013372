"""Liquidation: when, of what, how often, and for how much.

Prices are ticks of a cent where not said otherwise, so 1,000 is 10.00 dollars; money in dollars.
"""

from __future__ import annotations

import pytest
from accounts import (
    DOLLAR,
    Account,
)
from market import (
    HOUR,
    T0,
    bar,
    check_money,
    instrument,
    quote,
    slot,
    submit,
)

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.strategy.compile import python_entry

PERPETUAL = instrument("PERP", kind="perpetual", initial_margin="0.1", maintenance_margin="0.05")
OTHER = instrument("OTHER", kind="perpetual", initial_margin="0.2", maintenance_margin="0.1")
STOCK = instrument("STOCK", initial_margin="0.5", maintenance_margin="0.25")


def liquidated(account: Account, i: int = 0) -> bool:
    return bool((account.rows(M.ALERT_ROW, R.LIQUIDATION)["instrument"] == i).any())


@pytest.mark.parametrize("margin", ["cross", "isolated"])
@pytest.mark.parametrize(
    ("side", "safe", "gone"),
    # Long 1,000 at 10.00 with 1,000: 1,000 - 1,000 x (10 - p) < 0.05 x 1,000 p below 9 / 0.95 =
    # 9.4737; short above 11 / 1.05 = 10.4762.
    [(1, 948, 947), (-1, 1_047, 1_048)],
)
def test_at_which_mark_a_position_is_liquidated(
    margin: str, side: int, safe: int, gone: int
) -> None:
    account = Account(margin, PERPETUAL)
    account.price(1_000)
    account.order(side, 1_000)
    account.mark(safe)
    assert (account.qty(), liquidated(account)) == (side * 1_000, False)
    account.step(quote(0, gone, gone, 10**6))
    assert account.qty() == side * 1_000  # a quote makes no mark where the venue sends one
    account.mark(gone)
    assert account.qty() == 0
    (alert,) = account.rows(M.ALERT_ROW, R.LIQUIDATION)
    needed, equity = 0.05 * 10 * gone, 1_000 - abs(1_000 - gone) * 10
    assert (alert["b"] / DOLLAR, alert["c"] / DOLLAR) == (needed, equity)
    (fill,) = account.rows(M.FILL_ROW)[1:]
    assert (fill["b"], fill["c"]) == (-side * 1_000, gone)


def test_isolated_stands_by_itself_and_cross_by_everything() -> None:
    """With 10,000 more in the account cross holds where isolated doesn't."""
    for margin, held in (("cross", 1_000), ("isolated", 0)):
        account = Account(margin, PERPETUAL, cash=11_000.0)
        account.price(1_000)
        account.order(1, 1_000)
        account.price(947)
        assert account.qty() == held


def test_orders_are_cancelled_and_the_fee_is_a_cash_row() -> None:
    account = Account("cross", PERPETUAL, OTHER, liquidation_fee="0.01")
    for i in (0, 1):
        account.price(1_000, i)
    account.order(1, 900)
    mine = account.order(1, 10, 500)
    other = account.order(1, 10, 500, i=1)
    account.order(-1, 900, 2_000, exec_flags=K.REDUCE_ONLY)
    account.price(930)  # 1,000 - 630 = 370 against 418.50
    assert (account.qty(), account.open_orders) == (0, 1)
    status = {int(row["a"]): K.STATUS_NAMES[int(row["code"])] for row in account.rows(M.ORDER_ROW)}
    assert (status[mine], status[other]) == ("cancelled", "accepted")
    (paid,) = account.rows(M.CASH_ROW)
    assert (paid["code"], paid["a"], paid["b"]) == (K.CASH_LIQUIDATION, -83_700_000, 10_000_000)
    assert (paid["c"], paid["d"]) == (900, 930)
    header = account.engine.header
    assert int(header["cash"]) + int(header["margined"]) == (1_000 - 630) * DOLLAR - 83_700_000


def test_it_isnt_repeated_and_the_next_position_is_unaffected() -> None:
    account = Account("cross", PERPETUAL, liquidation_fee="0.001", cash=2_000.0)
    account.price(1_000)
    account.order(1, 2_000)
    account.price(940)  # 800 against 940
    assert len(account.rows(M.ALERT_ROW, R.LIQUIDATION)) == 1
    for ticks in (930, 935, 920):
        account.price(ticks)
    assert len(account.rows(M.CASH_ROW)) == 1
    account.price(1_000)
    account.order(1, 500)
    assert account.qty() == 500
    account.price(950)
    assert account.qty() == 500
    account.price(880)  # 781.2 - 600 = 181.2 against 220: a second one, with its own fee
    assert account.qty() == 0
    assert len(account.rows(M.CASH_ROW)) == 2
    (alert,) = [a for a in L.pool(account.engine.block, "alerts") if a["id"] == 1]
    assert (alert["rule"], alert["severity"]) == (R.LIQUIDATION, K.CRITICAL)


def test_a_position_that_opens_under_water_is_liquidated_though_the_last_one_was() -> None:
    """Filled at 10.00 with the mark at 9.40: too far below at its first moment."""
    account = Account("isolated", PERPETUAL, cash=5_000.0, liquidation_fee="0.01")
    account.price(1_000)
    account.order(1, 1_000)
    account.price(940)
    assert account.qty() == 0
    account.step(quote(0, 1_000, 1_000, 10**6))
    account.order(1, 1_000)
    assert account.qty() == 0
    assert len(account.rows(M.FILL_ROW)) == 4
    assert len(account.rows(M.CASH_ROW)) == 2  # each with its own fee


def test_a_thin_market_delays_the_end_and_doesnt_stop_it() -> None:
    """300 lots are shown at a time: the closing order works on; one alert, one fee."""
    account = Account("cross", PERPETUAL, liquidation_fee="0.01")
    account.price(1_000)
    account.order(1, 1_000)
    account.price(940, lots=300)
    assert account.qty() == 700
    account.price(940, lots=300)  # nothing new is shown
    assert account.qty() == 700
    for ticks, left in ((939, 400), (940, 100), (941, 0), (940, 0)):
        account.price(ticks, lots=300)
        assert account.qty() == left
    assert len(account.rows(M.CASH_ROW)) == len(account.rows(M.ALERT_ROW, R.LIQUIDATION)) == 1
    assert account.open_orders == 0


def test_a_halt_delays_the_end() -> None:
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(1, 1_000)
    account.step(slot(M.STATUS, 0, a=K.HALT))
    account.price(900)
    assert (account.qty(), liquidated(account)) == (1_000, True)
    account.step(slot(M.STATUS, 0, a=K.OPEN))
    assert account.qty() == 0
    assert account.rows(M.FILL_ROW)[-1]["c"] == 900


def test_nobody_trades_what_is_being_liquidated() -> None:
    """The venue has the position: other orders are denied, and never make it close too much."""
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(-1, 1_000)
    account.price(1_050, lots=100)  # 500 against 525; a tenth of it finds somebody
    assert account.qty() == -900
    account.order(1, 50)
    account.order(-1, 10, 2_000)
    assert account.denials == [(R.LIQUIDATION, 472.5, 500)] * 2
    (left,) = [o for o in L.pool(account.engine.block, "orders") if o["open"] == 1]
    assert (left["side"], left["leaves"]) == (1, 900)
    account.price(1_051)
    assert (account.qty(), account.open_orders) == (0, 0)
    account.order(1, 10)
    assert account.qty() == 10


def test_a_closing_order_that_is_cancelled_comes_again() -> None:
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(1, 1_000)
    account.step(slot(M.STATUS, 0, a=K.HALT))
    account.mark(900)
    account.step(slot(M.CANCEL_ALL, 0, a=-1))
    assert account.open_orders == 1
    account.step(slot(M.STATUS, 0, a=K.OPEN))
    assert account.qty() == 0
    assert len(account.rows(M.ALERT_ROW, R.LIQUIDATION)) == 1


def test_of_positions_that_back_each_other_no_more_are_closed_than_must() -> None:
    """Both lose; without the first the second is backed, also while the first is on its way."""
    for late in (af.Latency(), af.Latency(entry="50ms", response="50ms")):
        account = Account("cross", PERPETUAL, OTHER, latency=late)
        for i in (0, 1):
            account.price(1_000, i)
        account.order(1, 600)
        account.order(1, 100, i=1)
        account.ts += 10**9
        account.price(1_000)
        account.price(900)  # 400 left against 270 + 100
        assert not liquidated(account)
        account.price(895)  # 370 against 268.50 + 100
        account.price(894)  # 364 against 268.20 + 100
        assert (liquidated(account), liquidated(account, 1)) == (True, False)
        account.ts += 10**9
        account.price(894)
        assert (account.qty(), account.qty(1)) == (0, 100)


def test_every_owner_is_closed_and_pays_for_his_part() -> None:
    class Long(af.Strategy):
        qty: float = 100.0
        done: int = 0

        def on_quote(self, ctx, quote):
            if self.done == 0:
                self.done = 1
                ctx.buy(quote.instrument, self.qty)

    account = Account("cross", PERPETUAL, liquidation_fee="0.01")
    for qty in (600.0, 300.0):
        account.engine.add_strategy(python_entry(Long(qty=qty)), ["PERP"])
    account.price(1_000)
    account.order(-1, 50)
    account.price(920)  # 1,000 - 850 x 0.80 = 320 against 391
    positions = L.pool(account.engine.block, "positions").reshape(-1, 3)[:, 0]
    assert positions["qty"].tolist()[:4] == [0, 0, 0, 0]
    assert account.rows(M.CASH_ROW)["c"].tolist() == [-50, 600, 300]
    assert account.rows(M.CASH_ROW)["a"].tolist() == [-4_600_000, -55_200_000, -27_600_000]


@pytest.mark.parametrize(
    ("low", "close", "held"), [(948, 1_000, True), (947, 1_000, False), (930, 1_000, False)]
)
def test_a_bar_liquidates_at_the_first_tick_that_is_too_low(
    low: int, close: int, held: bool
) -> None:
    """1,000 of 10.00 on 1,000: at 9.48 480 back 474, at 9.47 470 are below 473.50."""
    account = Account("cross", PERPETUAL)
    engine = account.engine
    engine.step(bar(T0 + HOUR, (1_000, 1_000, 1_000, 1_000)))
    engine.step(submit(T0 + HOUR, K.HOST_ID, 1, 1_000))
    engine.step(bar(T0 + 2 * HOUR, (1_000, 1_000, low, close)))
    assert (account.qty(), liquidated(account)) == ((1_000, False) if held else (0, True))
    if not held:
        assert account.rows(M.FILL_ROW)[-1]["c"] == 947
        assert account.free == 470
    check_money(engine)


def test_a_bar_liquidates_isolated_shorts_and_inverse_contracts_on_its_way_up() -> None:
    inverse = instrument(
        "INV", "1", lot="1", kind="perpetual", inverse=True,
        initial_margin="0.1", maintenance_margin="0.05",
    )  # fmt: skip
    for traded, cash, lots in ((PERPETUAL, 1_000, 100), (inverse, 1, 1_000)):
        account = Account("isolated", traded, cash=cash)
        engine = account.engine
        engine.step(bar(T0 + HOUR, (1_000, 1_000, 1_000, 1_000)))
        engine.step(submit(T0 + HOUR, K.HOST_ID, -1, lots))
        engine.step(bar(T0 + 2 * HOUR, (1_000, 1_000, 1_000, 1_000)))
        engine.step(bar(T0 + 3 * HOUR, (1_000, 1_100, 990, 1_000)))
        assert account.qty() == 0
        # linear: 0.1 x 1,000 - (p - 1,000) < 0.05 p; inverse: 0.1/1,000 - (1/1,000 - 1/p) < 0.05/p
        price = 1_048 if traded is PERPETUAL else 1_056
        assert account.rows(M.FILL_ROW)[-1]["c"] == price


def test_a_gap_liquidates_at_the_open_and_a_stop_before_it_saves_the_position() -> None:
    for stop in (0, 970):
        account = Account("cross", PERPETUAL)
        engine = account.engine
        engine.step(bar(T0 + HOUR, (1_000, 1_000, 1_000, 1_000)))
        engine.step(submit(T0 + HOUR, K.HOST_ID, 1, 1_000))
        engine.step(bar(T0 + 2 * HOUR, (1_000, 1_000, 1_000, 1_000)))
        if stop:
            engine.step(
                submit(T0 + 2 * HOUR, K.HOST_ID + 1, -1, 1_000, stop=stop, type=K.STOP_MARKET)
            )
            engine.step(bar(T0 + 3 * HOUR, (990, 990, 930, 940)))
        else:
            engine.step(bar(T0 + 3 * HOUR, (925, 960, 920, 950)))
        assert (account.qty(), liquidated(account)) == (0, stop == 0)
        assert account.rows(M.FILL_ROW)[-1]["c"] == (stop or 925)
        check_money(engine)


def test_cash_accounts_and_venues_without_margin_liquidate_nothing() -> None:
    for margin in ("cash", "none"):
        account = Account(margin, PERPETUAL)
        account.price(1_000)
        account.order(1, 500)
        account.price(100)
        assert account.qty() == 500
