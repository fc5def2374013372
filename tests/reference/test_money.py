"""Products, quotients and fees against Python's own integers and Fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from market import T0, check_money, quote, rows_of, small_engine, submit, trade

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.engine import Engine
from alphaforge.engine.money import PER_RATE, mul, mul_div, round_half_even, share

MOST = 2**63 - 1
SURE = 2**62
"""Results below this must be exact; from here to int64's end the engine may halt instead."""
wide = st.integers(-MOST, MOST)
divisors = st.one_of(st.integers(1, 2**61 - 1), st.sampled_from([1, 2, 3, 10**9, 10**15]))
ENGINE: list[Engine] = []


def engine() -> Engine:
    if not ENGINE:
        ENGINE.append(small_engine())
    ENGINE[0].clear_fault()
    return ENGINE[0]


@settings(max_examples=600, deadline=None)
@given(wide, wide)
@example(MOST, 1)
@example(-MOST, 1)
@example(2**32, 2**31)
@example(-(2**32), 2**31)
def test_mul_is_exact_or_halts(left: int, right: int) -> None:
    machine = engine()
    found = int(mul(machine.address, left, right))
    if -(2**63) <= left * right <= MOST:
        assert (found, machine.fault) == (left * right, K.FAULT_NONE)
    else:
        assert (found, machine.fault) == (0, K.FAULT_OVERFLOW)


@settings(max_examples=1500, deadline=None)
@given(wide, wide, divisors)
@example(MOST, MOST, 2**61 - 1)
@example(-MOST, MOST, 2**61 - 1)
@example(3, 1, 2)
@example(-3, 1, 2)
@example(5, 1, 2)
@example(2**40 + 1, 2**40 + 3, 2**20)
@example(-(2**40) - 1, 2**40 + 3, 2)
@example(2**62, 2, 1)
def test_mul_div_is_exact_or_halts(left: int, right: int, divisor: int) -> None:
    machine = engine()
    found = int(mul_div(machine.address, left, right, divisor))
    exact = round(Fraction(left * right, divisor))
    if abs(exact) < SURE:
        assert (found, machine.fault) == (exact, K.FAULT_NONE)
    elif abs(exact) > MOST:
        assert machine.fault == K.FAULT_OVERFLOW
    else:
        assert machine.fault == K.FAULT_OVERFLOW or found == exact


@settings(max_examples=400, deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(1, 10**9))
def test_ties_go_to_the_even_number(numerator: int, divisor: int) -> None:
    quotient, remainder = divmod(numerator, divisor)
    found = int(round_half_even(quotient, remainder, divisor))
    assert found == round(Fraction(numerator, divisor))


@settings(max_examples=400, deadline=None)
@given(st.integers(-(2**61), 2**61), st.integers(1 - PER_RATE, PER_RATE - 1))
def test_a_fee_is_a_share_of_the_amount_rounded_once(amount: int, ppb: int) -> None:
    machine = engine()
    found = int(share(machine.address, abs(amount), ppb))
    assert machine.fault == K.FAULT_NONE
    assert found == round(Fraction(abs(amount) * ppb, PER_RATE))


@pytest.mark.parametrize("price", [2**40, 2**50])
def test_an_order_whose_amount_passes_int64_is_denied_and_halts_nothing(price: int) -> None:
    machine = small_engine()
    machine.step(quote(T0, price, price + 1))
    for limit in (0, price):
        id_ = K.HOST_ID + limit
        assert machine.step(submit(T0 + 1, id_, 1, 2**40, limit)) == K.FAULT_NONE
    rows = rows_of(machine)
    denied = rows[rows["kind"] == M.DENIAL_ROW]
    assert denied["code"].tolist() == [R.MAX_NOTIONAL] * 2
    check_money(machine)


def test_a_mark_past_int64_halts_the_engine_and_never_wraps() -> None:
    machine = small_engine()
    machine.step(quote(T0, 1_000, 1_001, lots=2**40))
    assert machine.step(submit(T0 + 1, K.HOST_ID, 1, 2**33)) == K.FAULT_NONE
    fault = machine.step(quote(T0 + 2, 2**40, 2**40 + 1)) or machine.step(trade(T0 + 3, 2**40))
    assert fault == K.FAULT_OVERFLOW
    assert "passed int64" in machine.fault_text()
    assert int(machine.header["state"]) == K.HALTED
    check_money(machine, valued=False)
