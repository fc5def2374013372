"""Linear and inverse contracts: what is paid, gained, shown and limited, worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
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
    T0,
    check_money,
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
from alphaforge.instrument import Instrument
from alphaforge.strategy.actions import position_floats
from alphaforge.strategy.context import Context
from alphaforge.units import ledger_digits
from alphaforge.venue import Fees

EACH = pytest.mark.parametrize(
    "traded", [STOCK, FINE, FUTURE, PERPETUAL, INVERSE, THIRDS], ids=lambda i: i.symbol
)


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
