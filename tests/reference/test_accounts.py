"""Accounts against a slow twin: fees, funding, borrow, swaps, interest.

The twin keeps an account in Fractions and rounds half to even where the engine says that it does.
"""

from __future__ import annotations

from fractions import Fraction

import pytest
from accounts import (
    FINE,
    FUTURE,
    INVERSE,
    PERPETUAL,
    STOCK,
    THIRDS,
    Pair,
    owners,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from market import (
    DAY,
    T0,
    check_money,
    half_even,
    instrument,
    quote,
    report,
    rows_of,
    slot,
    small_engine,
    submit,
    worth_of,
)

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.ring import Ring
from alphaforge.instrument import Instrument
from alphaforge.venue import Fees

EACH = pytest.mark.parametrize(
    "traded", [STOCK, FINE, FUTURE, PERPETUAL, INVERSE, THIRDS], ids=lambda i: i.symbol
)
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

    out = Ring(1 << 6)
    engine.header["out"] = out.address
    engine.step(quote(T0, 999, 1_001))
    engine.step(submit(T0 + 1, K.HOST_ID, 1, 100))
    engine.step(report(T0 + 2, K.HOST_ID, K.FILLED, qty=100, price=1_001, trade_id=1))
    assert rows_of(engine, M.FILL_ROW)["d"].tolist() == [200_200]


# --- what time costs -----------------------------------------------------------------------------


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
