"""Accounts against a slow twin: fees, funding, borrow, swaps, interest, linear and inverse P&L.

The twin keeps an account in Fractions and rounds half to even where the engine says that it does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market import (
    DAY,
    T0,
    check_money,
    half_even,
    instrument,
    quote,
    rows_of,
    slot,
    small_engine,
    submit,
    worth_of,
)

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.engine import Engine
from alphaforge.instrument import Instrument
from alphaforge.strategy.actions import position_floats
from alphaforge.strategy.compile import python_entry
from alphaforge.strategy.context import Context
from alphaforge.units import ledger_digits
from alphaforge.venue import Fees, Venue

STOCK = instrument("STOCK", borrow_rate="0.0731", long_swap="-0.0123", short_swap="0.0045")
FINE = instrument("FINE", "0.0001", lot="0.001", borrow_rate="3.5", long_swap="-0.0000017")
FUTURE = instrument("FUT", "0.25", multiplier="50", kind="future", short_swap="-1.5")
PERPETUAL = instrument("PERP", "0.1", lot="0.001", kind="perpetual", currency="USDT")
INVERSE = instrument("INV", "0.5", lot="1", currency="BTC", kind="perpetual", inverse=True)
THIRDS = instrument(
    "THIRDS", "0.03", lot="1", multiplier="100", currency="BTC", kind="future", inverse=True
)
EACH = pytest.mark.parametrize(
    "traded", [STOCK, FINE, FUTURE, PERPETUAL, INVERSE, THIRDS], ids=lambda i: i.symbol
)
CASH = {"BTC": 3.0}


# --- the twin ------------------------------------------------------------------------------------


def rate(text: str | None) -> Fraction:
    return Fraction(text or "0")


@dataclass
class FeeTwin:
    """``Fees``, worked out from its own words."""

    fees: Fees
    traded: Instrument
    turnover: int = 0

    def fee(self, amount: int, lots: int, maker: bool) -> int:
        f, units = self.fees, Fraction(10) ** ledger_digits(self.traded.currency)
        own = f.taker if f.maker is None or not maker else f.maker
        for least, for_maker, for_taker in sorted(f.tiers, key=lambda row: Fraction(row[0])):
            if self.turnover >= Fraction(least) * units:
                own = for_maker if maker else for_taker
        self.turnover += abs(amount)
        fee = half_even(abs(amount) * rate(own))
        fee += half_even(lots * Fraction(self.traded.lot) * rate(f.per_unit) * units)
        if fee >= 0:
            fee = max(fee, half_even(rate(f.minimum) * units))
        return half_even(Fraction(fee, 10_000)) * 10_000 if f.round_to_minor else fee


@dataclass
class AccountTwin:
    """One instrument's account: netting at average cost, exact to the ledger unit."""

    traded: Instrument
    fees: Fees
    cash: int
    interest: str = "0"
    qty: int = 0
    cost: int = 0
    realised: int = 0
    paid: int = 0
    accrued: int = 0
    mark: int = 0
    model: FeeTwin = field(init=False)

    def __post_init__(self) -> None:
        self.model = FeeTwin(self.fees, self.traded)

    def worth(self, ticks: int, lots: int) -> int:
        return worth_of(self.traded, ticks, lots)

    def fill(self, lots: int, ticks: int, maker: bool = False) -> None:
        amount = self.worth(ticks, lots)
        fee = self.model.fee(amount, abs(lots), maker)
        self.cash -= amount + fee
        self.paid += fee
        if self.qty * lots >= 0:
            self.cost += amount
        else:
            closing = min(abs(lots), abs(self.qty))
            whole = closing == abs(self.qty)
            released = (
                self.cost if whole else half_even(Fraction(self.cost * closing, abs(self.qty)))
            )
            sign = 1 if lots > 0 else -1
            closed = amount if closing == abs(lots) else self.worth(ticks, sign * closing)
            self.realised += -closed - released
            self.cost += -released + amount - closed
        self.qty += lots

    def earn(self, amount: int) -> None:
        self.cash += amount
        self.realised += amount
        self.accrued += amount

    def fund(self, ppb: int) -> None:
        """Longs pay, shorts receive."""
        side = (self.qty > 0) - (self.qty < 0)
        self.earn(-half_even(Fraction(side * abs(self.worth(self.mark, self.qty)) * ppb, 10**9)))

    def night(self) -> None:
        """Borrow on what is short, swaps, then interest on a balance below zero."""
        units = Fraction(10) ** ledger_digits(self.traded.currency)
        if self.qty < 0 and self.mark:
            worth = abs(self.worth(self.mark, self.qty))
            self.earn(-half_even(worth * rate(self.traded.borrow_rate) / 365))
        swap = self.traded.long_swap if self.qty > 0 else self.traded.short_swap
        self.earn(half_even(abs(self.qty) * Fraction(self.traded.lot) * rate(swap) * units))
        owed = -self.balance
        if owed > 0:
            due = half_even(owed * rate(self.interest) / 365)
            self.cash -= due
            self.paid += due
            self.accrued -= due

    @property
    def balance(self) -> int:
        return self.cash + (self.cost if self.traded.margined else 0)


class Pair:
    """An engine and its twin, told the same."""

    def __init__(
        self, traded: Instrument, fees: Fees | None = None, cash: float = 0.0, interest: str = "0"
    ) -> None:
        cash = cash or CASH.get(traded.currency, 1_000.0)
        self.engine = small_engine(
            traded,
            fees=fees or Fees(),
            currency=traded.currency,
            cash=cash,
            model=Venue(interest=interest),
        )
        self.twin = AccountTwin(
            traded, fees or Fees(), int(self.engine.header["cash"]), interest=interest
        )
        self.ts, self.ids = T0 + 1, K.HOST_ID

    def step(self, message: Any) -> None:
        assert self.engine.step(message) == K.FAULT_NONE

    def tick(self) -> int:
        self.ts += 1_000
        return self.ts

    def price(self, ticks: int, lots: int = 10**9) -> None:
        """The market is here, and so is the mark."""
        self.step(quote(self.tick(), ticks - 1, ticks + 1, lots))
        self.step(slot(M.MARK, self.tick(), a=ticks))
        self.twin.mark = ticks

    def take(self, lots: int) -> None:
        side = 1 if lots > 0 else -1
        self.ids += 1
        self.step(submit(self.tick(), self.ids, side, abs(lots)))
        self.twin.fill(lots, self.twin.mark + side)

    def make(self, lots: int) -> None:
        """Rest ten ticks away, and let the market come through."""
        side = 1 if lots > 0 else -1
        at = self.twin.mark - 10 * side
        self.ids += 1
        self.step(submit(self.tick(), self.ids, side, abs(lots), at))
        self.step(quote(self.tick(), at - 3 * side - 1, at - 3 * side + 1, 10**9))
        self.twin.fill(lots, at, maker=True)
        self.step(quote(self.tick(), self.twin.mark - 1, self.twin.mark + 1, 10**9))

    def fund(self, ppb: int) -> None:
        self.step(slot(M.FUNDING, self.tick(), a=ppb))
        self.twin.fund(ppb)

    def nights(self, count: int) -> None:
        self.ts += count * DAY
        self.step(quote(self.ts, self.twin.mark - 1, self.twin.mark + 1, 10**9))
        for _ in range(count):
            self.twin.night()

    def check(self) -> None:
        check_money(self.engine)
        h, net = self.engine.header, L.pool(self.engine.block, "positions")[0]
        t = self.twin
        found = {name: int(net[name]) for name in ("qty", "cost", "realised")}
        assert found == {"qty": t.qty, "cost": t.cost, "realised": t.realised}
        assert (int(h["cash"]), int(h["fees"]), int(h["accrued"])) == (t.cash, t.paid, t.accrued)
        assert int(h["market_value"]) == t.worth(t.mark, t.qty)
        units = 10 ** ledger_digits(t.traded.currency)
        assert Context(self.engine.address).cash() == t.balance / units


MODELS = {
    "rates": Fees(taker="0.00075", maker="0.00012"),
    "rebate": Fees(taker="0.0004", maker="-0.00025"),
    "one rate": Fees("0.000333333"),
    "per unit": Fees(per_unit="0.0000037"),
    "minimum": Fees(taker="0.0001", maker="-0.0001", minimum="0.35"),
    "minor": Fees(taker="0.00031", per_unit="0.0013", round_to_minor=True),
    "all": Fees(
        taker="0.0005",
        maker="-0.0001",
        per_unit="0.0005",
        minimum="0.0101",
        tiers=(("5000", "0.0001", "0.0003"), ("900", "0.0002", "0.0004")),
        round_to_minor=True,
    ),
}


# --- random lives --------------------------------------------------------------------------------

sizes = st.integers(-400, 400).filter(bool)
life = st.lists(
    st.one_of(
        st.tuples(st.just("take"), sizes),
        st.tuples(st.just("take"), sizes),
        st.tuples(st.just("make"), sizes),
        st.tuples(st.just("price"), st.integers(900, 1_100)),
        st.tuples(st.just("fund"), st.integers(-3_000_000, 3_000_000)),
        st.tuples(st.just("nights"), st.integers(1, 4)),
    ),
    min_size=3,
    max_size=25,
)


@EACH
@settings(max_examples=25, deadline=None)
@given(
    operations=life,
    model=st.sampled_from(sorted(MODELS)),
    interest=st.sampled_from(["0", "0.0719"]),
)
def test_an_account_is_its_twin(
    traded: Instrument, operations: list[tuple[str, int]], model: str, interest: str
) -> None:
    pair = Pair(traded, MODELS[model], interest=interest)
    pair.price(1_000)
    for name, value in operations:
        getattr(pair, name)(value)
        pair.check()


# --- fees ----------------------------------------------------------------------------------------


def fees_of(pair: Pair) -> list[int]:
    return rows_of(pair.engine, M.FILL_ROW)["d"].tolist()


@pytest.mark.parametrize("model", MODELS)
@EACH
def test_every_fee_model(traded: Instrument, model: str) -> None:
    pair = Pair(traded, MODELS[model], cash=50.0)
    pair.price(1_000)
    for lots in (1, 7, -3, 100, -250, 33):
        pair.take(lots)
        pair.make(-lots)
        pair.check()
    assert len(fees_of(pair)) == 12


def test_fees_by_hand() -> None:
    """7 lots at 10.01: 70.07 of notional."""
    cases = [
        (Fees(taker="0.00075"), 52_552),  # 0.0525525 on the tie: to the even unit
        (Fees(taker="0.00025"), 17_518),  # 0.0175175
        (Fees(per_unit="0.005"), 35_000),
        (Fees(taker="0.001", per_unit="0.005"), 70_070 + 35_000),
        (Fees(taker="0.00075", minimum="1"), 1_000_000),
        (Fees(taker="-0.0001", minimum="1"), -7_007),
        (Fees(taker="0.00075", round_to_minor=True), 50_000),  # 5.26 cents
        (Fees(taker="-0.0001", round_to_minor=True), -10_000),  # 0.7 cents of rebate
        (Fees(taker="0.001", tiers=(("0", "0", "0.002"),)), 140_140),
    ]
    for fees, expected in cases:
        pair = Pair(instrument("XYZ"), fees)
        pair.price(1_000)
        pair.take(7)
        assert fees_of(pair) == [expected], fees


def test_an_amount_a_unit_is_rounded_for_the_fill_and_not_for_each_lot() -> None:
    """A lot costs 0.0000005 here, half a ledger unit: 10,001 of them cost 0.0050005."""
    pair = Pair(instrument("XYZ", "0.01", lot="0.0001"), Fees(per_unit="0.005"))
    pair.price(1_000)
    pair.take(10_001)
    pair.take(1)
    assert fees_of(pair) == [5_000, 0]
    pair = Pair(instrument("XYZ", "0.01", lot="0.0001", long_swap="-0.005"))
    pair.price(1_000)
    pair.take(10_003)
    pair.nights(1)
    assert pair.twin.realised == -5_002
    pair.check()


def test_tiers_count_the_turnover_before_a_fill_and_of_every_instrument() -> None:
    """Turnover 1,001 after the first fill: the second of either pays the tier's rate."""
    fees = Fees(taker="0.001", maker="0.0005", tiers=(("1000", "0.0001", "0.0002"),))
    engine = small_engine(instrument("AAA"), instrument("BBB"), fees=fees)
    for i in (0, 1):
        engine.step(quote(T0, 999, 1_001, i=i, lots=10**6))
    for n, i in enumerate((0, 1, 0)):
        engine.step(submit(T0 + 1 + n, K.HOST_ID + n, 1, 100, i=i))
    assert rows_of(engine, M.FILL_ROW)["d"].tolist() == [1_001_000, 200_200, 200_200]
    check_money(engine)


def test_a_gateway_charges_the_tiers_too() -> None:
    fees = Fees(taker="0.001", tiers=(("0", "0", "0.0002"),))
    engine = small_engine(venue=K.VENUE_EXTERNAL, fees=fees)
    from market import report

    from alphaforge.engine.ring import Ring

    out = Ring(1 << 6)
    engine.header["out"] = out.address
    engine.step(quote(T0, 999, 1_001))
    engine.step(submit(T0 + 1, K.HOST_ID, 1, 100))
    engine.step(report(T0 + 2, K.HOST_ID, K.FILLED, qty=100, price=1_001, trade_id=1))
    assert rows_of(engine, M.FILL_ROW)["d"].tolist() == [200_200]


# --- what time costs -----------------------------------------------------------------------------


class Holder(af.Strategy):
    qty: float = 1.0
    done: int = 0

    def on_quote(self, ctx, quote):
        if self.done == 0:
            self.done = 1
            if self.qty > 0:
                ctx.buy(quote.instrument, self.qty)
            else:
                ctx.sell(quote.instrument, -self.qty)


def owners(traded: Instrument, *held: float, **keywords: Any) -> Engine:
    """An engine whose strategies hold so much each, at 1,000 ticks."""
    engine = small_engine(traded, fees=Fees(), currency=traded.currency, **keywords)
    for qty in held:
        engine.add_strategy(python_entry(Holder(qty=qty)), [traded.symbol])
    engine.step(quote(T0, 1_000, 1_000, lots=10**9))
    engine.step(slot(M.MARK, T0 + 1, a=1_000))
    return engine


@pytest.mark.parametrize("traded", [PERPETUAL, INVERSE], ids=lambda i: i.symbol)
@pytest.mark.parametrize("ppb", [100_000, -75_001])
def test_funding_is_each_owners_and_sums_to_the_net(traded: Instrument, ppb: int) -> None:
    engine = owners(traded, 5.0, -8.0, 2.0)
    cash = int(engine.header["cash"])
    engine.step(slot(M.FUNDING, T0 + 2, a=ppb, b=1_003))
    held = L.pool(engine.block, "positions").reshape(-1, 3)[:, 0]
    lots = [int(Fraction(n) / Fraction(traded.lot)) for n in (5, -8, 2)]
    each = [
        -half_even(Fraction((1 if n > 0 else -1) * abs(worth_of(traded, 1_003, n)) * ppb, 10**9))
        for n in lots
    ]
    assert [int(p["realised"]) for p in held[2:]] == each
    assert int(held[0]["realised"]) == sum(each) == int(engine.header["cash"]) - cash
    assert int(engine.header["accrued"]) == sum(each)
    rows = rows_of(engine, M.CASH_ROW)
    assert rows["a"].tolist() == each
    assert rows["code"].tolist() == [K.CASH_FUNDING] * 3
    assert (rows["b"].tolist(), rows["c"].tolist()) == ([ppb] * 3, lots)
    if ppb > 0:  # longs pay, shorts receive
        assert [amount < 0 for amount in each] == [True, False, True]
    check_money(engine)


def test_funding_without_a_price_takes_the_mark_and_costs_the_flat_nothing() -> None:
    engine = owners(PERPETUAL, 5.0)
    for n, side in enumerate((-1, 1, 1)):  # the host goes short 5,000 lots, flat, long
        engine.step(submit(T0 + 2 + 2 * n, K.HOST_ID + n, side, 5_000))
        engine.step(slot(M.FUNDING, T0 + 3 + 2 * n, a=1_000_000))
    # 500 USDT of notional each, a thousandth of it; the host comes before the strategies
    due = [500_000, -500_000, -500_000, -500_000, -500_000]
    assert rows_of(engine, M.CASH_ROW)["a"].tolist() == due
    check_money(engine)


def test_funding_of_a_late_feed_is_paid_once() -> None:
    engine = owners(PERPETUAL, 5.0)
    engine.step(slot(M.FUNDING, T0 + 2, code=M.VENUE_ONLY, a=1_000_000))
    assert not len(rows_of(engine, M.CASH_ROW))
    engine.step(slot(M.FUNDING, T0 + 3, code=M.LOCAL_ONLY, a=1_000_000))
    assert rows_of(engine, M.CASH_ROW)["a"].tolist() == [-500_000]


def test_borrow_is_a_days_of_the_short_positions_value() -> None:
    """100 shorted at a mark of 10.00, 36.5 % a year: 1,000 x 0.365 / 365 = 1.00 a day."""
    engine = owners(instrument("XYZ", borrow_rate="0.365"), -100.0, 40.0)
    engine.step(quote(T0 + DAY, 1_000, 1_000))  # at midnight itself: the day isn't over
    assert not len(rows_of(engine, M.CASH_ROW))
    engine.step(quote(T0 + 3 * DAY + 1, 2_000, 2_000))  # no event for two days: three nights
    rows = rows_of(engine, M.CASH_ROW)
    assert rows["a"].tolist() == [-1_000_000] * 3
    assert rows["code"].tolist() == [K.CASH_BORROW] * 3
    assert rows["ts"].tolist() == [T0 + DAY, T0 + 2 * DAY, T0 + 3 * DAY]
    held = L.pool(engine.block, "positions").reshape(-1, 3)[:, 0]
    assert held["realised"].tolist()[:4] == [-3_000_000, 0, -3_000_000, 0]
    check_money(engine)


def test_a_position_that_is_closed_before_midnight_costs_nothing() -> None:
    engine = owners(instrument("XYZ", borrow_rate="0.365", short_swap="-1"), -100.0)
    engine.step(submit(T0 + 2, K.HOST_ID, 1, 100))  # the host's: the net is flat, the owner isn't
    engine.step(slot(M.FLATTEN, T0 + 3))
    engine.step(quote(T0 + 5 * DAY, 1_000, 1_000))
    assert not len(rows_of(engine, M.CASH_ROW))


def test_swaps_by_side_and_night() -> None:
    engine = owners(instrument("XYZ", long_swap="-0.07", short_swap="0.02"), 100.0, -30.0)
    engine.step(quote(T0 + 2 * DAY + 1, 1_000, 1_000))
    rows = rows_of(engine, M.CASH_ROW)
    assert rows["a"].tolist() == [-7_000_000, 600_000] * 2
    assert rows["code"].tolist() == [K.CASH_ROLLOVER] * 4
    check_money(engine)


def test_interest_on_a_balance_below_zero() -> None:
    """10,000 bought with 1,000: 9,000 owed at 7.3 %: 1.80 a day, and interest on the interest."""
    pair = Pair(instrument("XYZ"), cash=1_000.0, interest="0.073")
    pair.price(1_000)
    pair.take(1_000)  # at 10.01
    pair.nights(2)
    assert rows_of(pair.engine, M.CASH_ROW)["a"].tolist() == [-1_802_000, -1_802_360]
    assert int(pair.engine.header["accrued"]) == -3_604_360
    pair.check()
    pair.take(-1_000)
    pair.nights(1)
    assert len(rows_of(pair.engine, M.CASH_ROW)) == 2  # nothing is owed any more


def test_a_margined_position_isnt_owed() -> None:
    """A future's notional isn't paid: 50,000 of it with 1,000 of cash cost no interest."""
    pair = Pair(FUTURE, cash=1_000.0, interest="0.073")
    pair.price(1_000)
    pair.take(4)
    pair.nights(1)
    assert int(pair.engine.header["cash"]) < 0
    assert not len(rows_of(pair.engine, M.CASH_ROW))


# --- linear and inverse contracts ----------------------------------------------------------------


def test_cash_of_linear_contracts_moves_by_gains_and_fees_only() -> None:
    """2 contracts of 50 a point: +10 points are 1,000 when they are closed, and not before."""
    pair = Pair(FUTURE, Fees(taker="0.0001"), cash=100_000.0)
    context = Context(pair.engine.address)
    pair.price(1_000)
    pair.take(2)  # at 1,001 ticks of 0.25: 25,025 of notional
    fee = 2.5025
    assert (context.cash(), context.equity()) == (100_000 - fee, 100_000 - fee - 25)  # mark 1,000
    pair.price(1_041)
    assert (context.cash(), context.equity()) == (100_000 - fee, 100_000 - fee + 1_000)
    pair.take(-1)  # at 1,040
    pair.take(-1)
    assert context.cash() == context.equity() == pytest.approx(100_000 + 975 - fee - 2 * 1.3)
    pair.check()


def coins(traded: Instrument, lots: int, ticks: int) -> Fraction:
    """What lots are worth at a price, in the settlement coin."""
    return (
        lots * Fraction(traded.lot) * Fraction(traded.multiplier) / (ticks * Fraction(traded.tick))
    )


def test_an_inverse_contract_gains_in_coins() -> None:
    """10,000 contracts of 1 USD from 50,000 to 40,000: 0.2 - 0.25 = -0.05 BTC; short +0.05."""
    for side, gain in ((1, -0.05), (-1, 0.05)):
        pair = Pair(INVERSE)
        pair.price(100_000)
        pair.twin.fill(side * 10_000, 100_000)
        pair.step(quote(pair.tick(), 100_000, 100_000, 10**9))
        pair.step(submit(pair.tick(), K.HOST_ID, side, 10_000))
        assert Context(pair.engine.address).cash() == 3.0
        pair.price(80_000)
        pair.check()
        assert Context(pair.engine.address).equity() == pytest.approx(3.0 + gain, abs=1e-12)
        pair.step(quote(pair.tick(), 80_000, 80_000, 10**9))
        pair.step(submit(pair.tick(), K.HOST_ID + 1, -side, 10_000))
        assert Context(pair.engine.address).cash() == pytest.approx(3.0 + gain, abs=1e-12)
        check_money(pair.engine)


@pytest.mark.parametrize("traded", [INVERSE, THIRDS], ids=lambda i: i.symbol)
@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(60_000, 160_000), st.integers(-500, 500).filter(bool)),
        min_size=2,
        max_size=15,
    )
)
def test_inverse_gains_through_partial_closes_and_reversals(
    traded: Instrument, steps: list[tuple[int, int]]
) -> None:
    """Once flat, what is realised is the sum of lots x value x 1 / price of sales less purchases,
    within half a ledger unit for each amount that was rounded."""
    pair = Pair(traded)
    exact, rounded = Fraction(0), 0
    for ticks, lots in steps:
        pair.price(ticks)
        pair.take(lots)
        exact += coins(traded, lots, ticks + (1 if lots > 0 else -1))
        rounded += 3
        pair.check()
    if pair.twin.qty:
        lots = -pair.twin.qty
        pair.take(lots)
        exact += coins(traded, lots, pair.twin.mark + (1 if lots > 0 else -1))
        rounded += 3
    pair.check()
    units = 10 ** ledger_digits("BTC")
    assert pair.twin.qty == pair.twin.cost == 0
    assert abs(pair.twin.realised - exact * units) <= Fraction(rounded, 2)


@EACH
def test_the_average_price_shown(traded: Instrument) -> None:
    """Linear: the mean price by lots. Inverse: lots by what they cost in coins, a harmonic mean."""
    for side in (1, -1):
        pair = Pair(traded, cash=1_000.0)
        entries = ((100_000, 300), (80_000, 500), (125_000, 200))
        for ticks, lots in entries:
            pair.price(ticks)
            pair.take(side * lots)
        found = position_floats(pair.engine.address, 1, 0)
        prices = [(ticks + side) * Fraction(traded.tick) for ticks, _ in entries]
        weights = [lots for _, lots in entries]
        if traded.inverse:
            mean = sum(weights) / sum(w / p for w, p in zip(weights, prices, strict=True))
        else:
            mean = sum(w * p for w, p in zip(weights, prices, strict=True)) / sum(weights)
        units = 10 ** ledger_digits(traded.currency)
        assert found[0] == float(side * sum(weights) * Fraction(traded.lot))
        assert found[1] == pytest.approx(float(mean), rel=1e-9)
        unrealised = pair.twin.worth(125_000, side * 1_000) - pair.twin.cost
        assert found[2] == pytest.approx(unrealised / units, rel=1e-9)
        pair.take(-side * 400)  # a partial close leaves the average where it was
        found = position_floats(pair.engine.address, 1, 0)
        assert found[1] == pytest.approx(float(mean), rel=1e-6)
        assert found[3] == pair.twin.realised / units


def test_a_reversal_begins_a_new_average() -> None:
    pair = Pair(INVERSE)
    pair.price(100_000)
    pair.take(300)
    pair.price(80_000)
    pair.take(-500)
    found = position_floats(pair.engine.address, 1, 0)
    assert found[:2] == (-200.0, pytest.approx(79_999 * 0.5, rel=1e-9))
    pair.check()


def test_notional_limits_of_inverse_contracts_are_coins() -> None:
    """1,000 contracts at 50,000 are 0.02 BTC; at 25,000 they are 0.04."""
    traded = instrument(
        "INV", "0.5", currency="BTC", kind="perpetual", inverse=True,
        min_notional="0.001", max_notional="0.03",
    )  # fmt: skip
    engine = small_engine(traded, currency="BTC", cash=3.0, fees=Fees())
    engine.step(quote(T0, 99_999, 100_001))
    cases = [(1_000, 100_000, 0), (1_000, 50_000, 40 * 10**9), (40, 100_000, 800_000_000)]
    denied = []
    for n, (lots, ticks, value) in enumerate(cases):
        engine.step(submit(T0 + 1 + n, K.HOST_ID + n, 1, lots, ticks - 2))
        denied += [value] if value else []
    rows = rows_of(engine, M.DENIAL_ROW)
    assert rows["code"].tolist() == [R.INSTRUMENT_NOTIONAL] * 2
    assert rows["b"].tolist() == [30 * 10**9, 10**9]
    assert np.allclose(rows["c"], denied, rtol=1e-4)
    engine.step(slot(M.LIMIT, T0 + 9, a=1, b=10**10))  # 0.01 BTC an order
    engine.step(submit(T0 + 10, K.HOST_ID + 9, 1, 600, 99_990))
    last = rows_of(engine, M.DENIAL_ROW)[-1]
    assert (last["code"], last["b"]) == (R.MAX_NOTIONAL, 10**10)
    assert last["c"] == -worth_of(traded, 99_990, 600)


def test_an_inverse_price_past_what_can_be_divided_by_halts_and_never_wraps() -> None:
    """Prices of 2^61 ticks: the order is denied, a mark there halts the engine."""
    engine = small_engine(INVERSE, currency="BTC", cash=3.0, fees=Fees())
    engine.step(quote(T0, 99_999, 100_001))
    engine.step(submit(T0 + 1, K.HOST_ID, 1, 10))
    engine.step(submit(T0 + 2, K.HOST_ID + 1, 1, 10, 2**61))
    assert rows_of(engine, M.DENIAL_ROW)["code"].tolist() == [R.MAX_NOTIONAL]
    assert engine.step(slot(M.MARK, T0 + 3, a=2**61)) == K.FAULT_OVERFLOW


def test_an_instrument_of_another_currency_is_refused() -> None:
    with pytest.raises(af.InstrumentError, match="settled in BTC, and the account is in USD"):
        small_engine(INVERSE)


def test_a_split_of_a_margined_position_keeps_the_books() -> None:
    engine = owners(FUTURE, 3.0, -1.0)
    engine.step(slot(M.ACTION, T0 + 2, a=1, b=7))
    check_money(engine)
    assert L.pool(engine.block, "positions")[0]["qty"] == 0
