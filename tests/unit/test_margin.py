"""Cash, cross and isolated margin: every number worked out by hand.

Prices are ticks of a cent where not said otherwise, so 1,000 is 10.00 dollars; money in dollars.
"""

from __future__ import annotations

import pytest
from accounts import (
    DOLLAR,
    Account,
)
from market import (
    T0,
    check_money,
    instrument,
    quote,
    rows_of,
    slot,
    small_engine,
    submit,
    trade,
)

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.margin import free_balance
from alphaforge.strategy.compile import python_entry
from alphaforge.venue import Fees, Venue

PERPETUAL = instrument("PERP", kind="perpetual", initial_margin="0.1", maintenance_margin="0.05")
OTHER = instrument("OTHER", kind="perpetual", initial_margin="0.2", maintenance_margin="0.1")
STOCK = instrument("STOCK", initial_margin="0.5", maintenance_margin="0.25")


# --- cash ----------------------------------------------------------------------------------------


def test_cash_buys_no_more_than_there_is() -> None:
    account = Account("cash")
    account.price(1_000)
    account.order(1, 101)
    assert account.denial() == (R.FREE_BALANCE, 1_000, 1_010)
    account.order(1, 100)
    assert (account.qty(), account.free) == (100, 0)
    assert len(account.denials) == 1


def test_cash_pays_the_fee_too() -> None:
    """100 at 10.00 and a tenth of a percent: 1,001; 99 of them are 990.99."""
    account = Account("cash", fees=Fees(taker="0.001", per_unit="0.005"))
    account.price(1_000)
    account.order(1, 100)
    assert account.denial() == (R.FREE_BALANCE, 1_000, 1_001.5)
    account.order(1, 99)
    assert account.qty() == 99
    assert account.free == pytest.approx(1_000 - 990 - 0.99 - 0.495)


def test_a_rebate_buys_nothing_in_advance() -> None:
    account = Account("cash", fees=Fees(taker="-0.01"))
    account.price(1_000)
    account.order(1, 101)
    assert account.denial() == (R.FREE_BALANCE, 1_000, 1_010)


def test_cash_reserves_what_works_at_its_own_price() -> None:
    account = Account("cash")
    account.price(1_000)
    first = account.order(1, 50, 900)
    assert account.free == 550
    account.order(1, 20, stop=1_100, type=K.STOP_MARKET)
    assert account.free == 330
    account.order(1, 34, 1_000)
    assert account.denial() == (R.FREE_BALANCE, 330, 340)
    account.order(1, 41, 800)  # 328: exactly what is needed and no more
    assert account.free == 2
    account.step(slot(M.CANCEL, 0, a=first))
    assert account.free == 452


def test_a_market_order_is_valued_at_the_ask_where_that_is_above_the_mark() -> None:
    account = Account("cash")
    account.step(quote(0, 900, 1_000, 10**6))
    account.mark(950)
    account.order(1, 101)
    assert account.denial() == (R.FREE_BALANCE, 1_000, 1_010)
    account.order(1, 100)
    assert account.free == 0


def test_a_sale_below_the_bid_is_valued_at_the_bid_that_it_fills_at() -> None:
    """A tenth of 10.00 each: 1,000 lots are all there is, whatever less they would take."""
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(-1, 1_001, 1)
    assert account.denial() == (R.FREE_BALANCE, 1_000, 1_001)
    account.order(-1, 10, 1_200)
    assert account.free == 988  # above the bid at its own price
    account.change(account.ids, qty=1_001, price=1)
    assert account.denials[1:] == [(R.FREE_BALANCE, 988, 1_001 - 12)]
    account.order(-1, 988, 1)
    assert (account.qty(), account.free) == (-988, 0)


def test_an_inverse_purchase_above_the_ask_is_valued_at_the_ask() -> None:
    """A contract is worth the less coin the higher its price is."""
    inverse = instrument("INV", "1", lot="1", kind="perpetual", inverse=True, initial_margin="0.1")
    account = Account("cross", inverse, cash=1)
    account.price(1_000)
    account.order(1, 10_001, 2_000)
    rule, limit, value = account.denial()
    assert (rule, limit) == (R.FREE_BALANCE, 1)
    assert value == pytest.approx(1.0001)
    account.order(1, 10_000, 2_000)
    assert (account.qty(), account.free) == (10_000, 0)


def test_what_waits_for_its_trigger_is_valued_at_it_and_not_at_todays_bid() -> None:
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(-1, 100, stop=900, type=K.STOP_MARKET)
    assert account.free == 910
    account.order(-1, 100, 890, stop=900, type=K.STOP_LIMIT)
    assert account.free == 820
    stopped = account.order(-1, 100, stop=800, type=K.STOP_MARKET)
    assert account.free == 740
    account.change(stopped, stop=950)  # valued at the trigger it is to have
    assert account.free == 725


def test_the_largest_order_is_counted_at_what_it_fills_at() -> None:
    account = Account("none")
    account.engine.header["max_notional"] = 100 * DOLLAR
    account.price(1_000)
    account.order(-1, 11, 1)
    assert account.denial() == (R.MAX_NOTIONAL, 100, 110)
    account.order(-1, 10, 1)
    assert account.qty() == -10


def test_what_closes_first_is_the_cheapest() -> None:
    """Of 20 sales at 12.00 and 8.00 the ten that close may be those at 8.00: 120 are opened."""
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(1, 10)
    assert account.free == 990
    account.order(-1, 10, 1_200)
    assert account.free == 990
    account.order(-1, 10, stop=800, type=K.STOP_MARKET)
    assert account.free == 988
    account.price(800)
    account.step(trade(0, 800))
    assert (account.qty(), account.free) == (0, 980 - 12)


def test_cash_sells_only_what_it_holds() -> None:
    account = Account("cash")
    account.price(1_000)
    account.order(-1, 1)
    assert account.denials == [(R.SHORT_SALE, 0, 1)]
    account.order(1, 10)
    account.order(-1, 6, 1_100)
    account.order(-1, 5, 1_100)  # four are left
    assert account.denials[1:] == [(R.SHORT_SALE, 4, 5)]
    account.order(-1, 4)
    assert (account.qty(), account.free) == (6, 940)


def test_what_is_bought_on_the_way_cant_be_sold_yet() -> None:
    account = Account("cash")
    account.price(1_000)
    account.order(1, 10, 900)
    account.order(-1, 5)
    assert account.denial() == (R.SHORT_SALE, 0, 5)


def test_what_is_paid_for_cant_be_spent_again_beside_contracts() -> None:
    """All cash in a stock: its value is no margin for a perpetual in a cash account."""
    account = Account("cash", instrument("XYZ"), PERPETUAL)
    for i in (0, 1):
        account.price(1_000, i)
    account.order(1, 100)
    assert account.free == 0
    account.order(1, 1, i=1)
    assert account.denial() == (R.FREE_BALANCE, 0, 1)


def test_a_bracket_works_in_a_cash_account() -> None:
    """Its exits give back what the entry took: they need nothing, before and after."""

    class Bracket(af.Strategy):
        done: int = 0

        def on_quote(self, ctx, quote):
            if self.done == 0:
                self.done = 1
                ctx.bracket(quote.instrument, 100.0, take=11.0, stop=9.0)

    account = Account("cash")
    account.engine.add_strategy(python_entry(Bracket()), ["XYZ"])
    account.price(1_000)
    assert (account.denials, account.qty(), account.open_orders) == ([], 100, 2)
    account.price(1_100)
    assert (account.qty(), account.free, account.open_orders) == (0, 1_100, 0)


def test_of_linked_orders_one_is_reserved() -> None:
    """Two exits linked as OCO sell the ten lots once; two purchases take the larger amount."""
    account = Account("cash")
    account.price(1_000)
    account.order(1, 10)
    first = account.order(-1, 10, 1_200)
    account.order(-1, 10, stop=800, type=K.STOP_MARKET, peer=first, link=K.OCO)
    assert account.denials == []
    assert account.open_orders == 2
    account.step(slot(M.CANCEL_ALL, 0, a=-1))
    first = account.order(1, 90, 950)  # 855 of 900
    account.order(1, 80, stop=1_100, type=K.STOP_MARKET, peer=first, link=K.OCO)
    assert account.denials == []  # 880: but not both
    assert account.free == 45
    third = account.order(1, 91, 990, peer=first, link=K.OCO)
    assert account.denial()[::2] == (R.FREE_BALANCE, 45.9)  # what it takes more than the first
    assert third


def test_an_algorithms_children_are_reserved_once() -> None:
    account = Account("cash")
    account.price(1_000)
    account.order(1, 100, 1_000, type=K.ICEBERG, display=10)
    for _ in range(12):
        account.price(1_000)
    assert account.denials == []
    assert (account.qty(), account.free) == (100, 0)


def test_cumulative_over_the_orders_of_one_event() -> None:
    """Five of 250 in one event with 1,000: four pass, in the order in which they were asked."""

    class Five(af.Strategy):
        done: int = 0

        def on_quote(self, ctx, quote):
            if self.done == 0:
                self.done = 1
                for _ in range(5):
                    ctx.buy(quote.instrument, 25.0, limit=10.0)

    for late in (af.Latency(), af.Latency(entry="5ms", response="5ms")):
        account = Account("cash", latency=late)
        account.engine.add_strategy(python_entry(Five()), ["XYZ"])
        account.price(1_100)
        assert account.denial() == (R.FREE_BALANCE, 0, 250)
        assert account.open_orders == 4


def test_a_change_is_checked_as_an_order_is() -> None:
    account = Account("cash")
    account.price(1_000)
    mine = account.order(1, 100, 900)
    account.change(mine, price=950)
    account.change(mine, qty=111)  # 1,054.50: 104.50 more than the 950 that it takes now
    assert account.denial() == (R.FREE_BALANCE, 50, 104.5)
    account.change(mine, qty=105)
    assert account.free == 2.5
    account.change(mine, price=500)
    assert account.free == 475
    account.price(500)
    assert account.qty() == 105
    sale = account.order(-1, 50, 600)
    account.change(sale, qty=106)
    assert account.denials[1:] == [(R.SHORT_SALE, 105, 106)]
    account.change(sale, qty=105)
    assert len(account.denials) == 2


# --- cross ---------------------------------------------------------------------------------------


def test_cross_asks_for_the_initial_margin_to_open_and_for_nothing_to_close() -> None:
    """1,000 carries 10,000 of notional at ten percent: 1,000 lots at 10.00."""
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(1, 1_001)
    assert account.denial() == (R.FREE_BALANCE, 1_000, 1_001)
    account.order(1, 1_000)
    assert account.free == 0
    account.order(-1, 400, 1_100)  # closes: takes nothing
    account.order(-1, 600, 1_200)
    assert (account.open_orders, account.free) == (2, 0)
    assert len(account.denials) == 1


def test_what_is_gained_is_free_and_what_is_lost_is_not() -> None:
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(1, 500)
    assert account.free == 500
    account.mark(1_020)  # +100 gained, 510 held
    assert account.free == 590
    account.mark(980)
    assert account.free == 1_000 - 100 - 490


def test_working_orders_hold_the_larger_side() -> None:
    """Long 100: purchases of 50 would make 150, sales of 300 would make a short 200."""
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(1, 100)
    assert account.free == 900
    account.order(1, 50, 800)
    assert account.free == 900 - 40
    account.order(-1, 300, 1_200)  # 200 of them open, at 12.00: 240 instead of 140
    assert account.free == 1_000 - 240
    account.order(1, 125, 800)  # 100 + 40 + 100 of margin: no more than is held already
    assert account.free == 760
    account.order(-1, 10, 1_200)
    assert account.free == 748


def test_a_reversal_needs_the_margin_of_what_it_opens_beyond_what_it_frees() -> None:
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(1, 1_000)
    account.order(-1, 2_001)  # would be short 1,001
    assert account.denial() == (R.FREE_BALANCE, 0, 1)
    account.order(-1, 2_000)
    assert (account.qty(), account.free) == (-1_000, 0)


def test_all_positions_share_the_balance() -> None:
    account = Account("cross", PERPETUAL, OTHER)
    for i in (0, 1):
        account.price(1_000, i)
    account.order(1, 600)
    account.order(-1, 201, i=1)
    assert account.denial() == (R.FREE_BALANCE, 400, 402)
    account.order(-1, 200, i=1)
    assert account.free == 0
    account.mark(900, 1)  # the short gains 200, and holds 360
    assert account.free == 240


def test_reduce_only_takes_nothing() -> None:
    account = Account("cross", PERPETUAL)
    account.price(1_000)
    account.order(1, 1_000)
    account.mark(990)  # free is below 0 now
    for _ in range(2):
        account.order(-1, 1_000, 1_100, exec_flags=K.REDUCE_ONLY)
    assert (account.denials, account.open_orders) == ([], 2)
    # A third sale that isn't reduce only may open 1,000 at 11.00 once another has filled. What
    # works holds 1,100 already, of 900.
    account.order(-1, 1_000, 1_100)
    assert account.denial() == (R.FREE_BALANCE, -200, 1_100)


def test_a_stock_on_margin_borrows_the_rest() -> None:
    """Half of it is asked for: 2,000 of stock with 1,000 of cash."""
    account = Account("cross", STOCK)
    account.price(1_000)
    account.order(1, 201)
    assert account.denial() == (R.FREE_BALANCE, 1_000, 1_005)
    account.order(1, 200)
    assert (int(account.engine.header["cash"]) / DOLLAR, account.free) == (-1_000, 0)


def test_a_venue_without_margin_holds_nothing() -> None:
    account = Account("none", PERPETUAL)
    account.price(1_000)
    account.order(1, 10**6)
    assert (account.qty(), account.denials) == (10**6, [])


def test_inverse_contracts_are_margined_in_coins() -> None:
    """100 USD a contract at 50,000: 0.002 BTC, a tenth of it held; half a coin carries 2,500."""
    traded = instrument(
        "INV", "0.5", multiplier="100", currency="BTC", kind="perpetual", inverse=True,
        initial_margin="0.1", maintenance_margin="0.05",
    )  # fmt: skip
    engine = small_engine(
        traded, currency="BTC", cash=0.5, fees=Fees(), model=Venue(margin="cross")
    )
    engine.step(quote(T0, 100_000, 100_000, 10**6))
    engine.step(submit(T0 + 1, K.HOST_ID, 1, 2_501))
    row = rows_of(engine, M.DENIAL_ROW)[0]
    assert (row["b"], row["c"]) == (5 * 10**11, 50_020 * 10**7)
    engine.step(submit(T0 + 2, K.HOST_ID + 1, 1, 2_500))
    assert free_balance(engine.address) == 0
    # Long 5 BTC worth at 50,000; at 45,454.5 it is worth 5.5: -0.5 leaves nothing; maintenance
    # 5 % of x against 5.5 - x: x = 5.5 / 1.05 coins, at 47,727.27.
    for ticks, held in ((95_456, 2_500), (95_454, 0)):
        engine.step(quote(T0 + 3, ticks, ticks, 10**6))
        engine.step(slot(M.MARK, T0 + 4, a=ticks))
        assert L.pool(engine.block, "positions")[0]["qty"] == held
        check_money(engine)


# --- isolated ------------------------------------------------------------------------------------


def test_isolated_margin_is_the_positions_own() -> None:
    """What one gains isn't free for the other, and what it loses beyond its margin isn't asked."""
    account = Account("isolated", PERPETUAL, OTHER)
    for i in (0, 1):
        account.price(1_000, i)
    account.order(1, 500)  # 500 of margin
    assert account.free == 500
    account.mark(1_100)
    assert account.free == 500
    account.order(1, 251, i=1)
    assert account.denial() == (R.FREE_BALANCE, 500, 502)
    account.order(1, 250, i=1)
    assert account.free == 0
    account.order(-1, 500)  # closing needs none, and gives back
    assert account.free == 500


def test_an_isolated_stock_borrows_the_rest_of_its_cost() -> None:
    account = Account("isolated", STOCK)
    account.price(1_000)
    account.order(1, 200)
    assert account.free == 0
    account.order(-1, 100)
    assert account.free == 500


def test_a_reversal_of_an_isolated_position_pays_for_its_loss_first() -> None:
    """Long 500 at 10.00 has lost 200 of its 500: short 500 more needs the other 500 and the 200."""
    account = Account("isolated", PERPETUAL)
    account.price(1_000)
    account.order(1, 500)
    account.price(960)
    account.order(-1, 1_317)  # short 817 at 9.60: 784.32, and 200 lost, less the 500 that it frees
    assert account.denials == []
    assert (account.qty(), account.free) == (-817, 15.68)
    account = Account("isolated", PERPETUAL)
    account.price(1_000)
    account.order(1, 500)
    account.price(960)
    account.order(-1, 1_334)
    assert account.denial() == (R.FREE_BALANCE, 500, 0.96 * 834 + 200 - 500)
