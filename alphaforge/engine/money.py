"""Exact amounts: products and quotients of int64 that never wrap, rounded half to even once."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine.atomic import mul_overflows
from alphaforge.engine.block import fail, instrument
from alphaforge.engine.jit import hot, kernel, part

_LIMIT = 2**62
_DIVISOR = 2**61  # below it ``mul_div`` may double a remainder
LARGEST = 2.0**61
"""Of one order, ledger units: some two trillion dollars."""
PER_RATE = 1_000_000_000


@hot
def mul(m, left, right):
    """``left * right``; past int64 the engine halts and the result is 0."""
    if mul_overflows(left, right):
        fail(m, K.FAULT_OVERFLOW)
        return 0
    return left * right


@kernel
def round_half_even(quotient, remainder, divisor):
    """The floor quotient and its remainder to the nearest integer, ties to even."""
    twice = 2 * remainder
    if twice > divisor or (twice == divisor and quotient & 1 == 1):
        return quotient + 1
    return quotient


@part("int64(int64, int64, int64, int64)")
def mul_div(m, left, right, divisor):
    """``left * right / divisor`` rounded half to even, through 128 bits where the product needs it.

    Notes
    -----
    ``divisor`` is positive and below 2**61. LLVM's own 128-bit division can't be resolved by the
    JIT, so the long way is schoolbook binary division in 63 steps; it is taken only where the
    product passes int64.
    """
    if not mul_overflows(left, right):
        product = left * right
        quotient = product // divisor
        return round_half_even(quotient, product - quotient * divisor, divisor)
    negative = (left < 0) != (right < 0)
    a, b = abs(left), abs(right)
    whole = a // divisor
    part = a - whole * divisor
    quotient, remainder = 0, 0
    for bit in range(62, -1, -1):
        remainder = 2 * remainder
        quotient = 2 * quotient
        if remainder >= divisor:
            remainder -= divisor
            quotient += 1
        if (b >> bit) & 1 == 1:
            remainder += part
            if remainder >= divisor:
                remainder -= divisor
                quotient += 1
        if quotient >= _LIMIT:
            fail(m, K.FAULT_OVERFLOW)
            return 0
    wholes = mul(m, whole, b)
    if wholes >= _LIMIT:
        fail(m, K.FAULT_OVERFLOW)
        return 0
    total = round_half_even(wholes + quotient, remainder, divisor)
    return -total if negative else total


@kernel
def _inverse_notional(m, i, ticks, lots):
    """Minus the coins that inverse contracts are worth at a price, so that a rise is a gain.

    A contract of one dollar is worth 1 / price coins: who is long gains what fewer coins make a
    dollar, ``lots x (1 / before - 1 / after)``, which is the change of this amount.
    """
    record = instrument(m, i)
    if ticks <= 0:
        return 0
    divisor = mul(m, record.value_den, ticks)
    if divisor <= 0 or divisor >= _DIVISOR:
        fail(m, K.FAULT_OVERFLOW)
        return 0
    return -mul_div(m, lots, record.value_num, divisor)


@hot
def notional(m, i, ticks, lots):
    """Ledger units of ``lots`` at ``ticks``, signed as their product; see ``_inverse_notional``."""
    record = instrument(m, i)
    if record.inverse == 1:
        return _inverse_notional(m, i, ticks, lots)
    if record.value_den == 1:
        return mul(m, mul(m, ticks, lots), record.value_num)
    # Not ticks x lots first: with a fine tick and lot that passes int64 where the amount doesn't.
    return mul_div(m, ticks, mul(m, lots, record.value_num), record.value_den)


@hot
def notional_fits(m, i, ticks, lots):
    """Whether ``notional`` of an order stays in the range that sums of amounts may have."""
    record = instrument(m, i)
    scaled = float(lots) * record.value_num
    if record.inverse == 1:
        divisor = float(record.value_den) * ticks
        return ticks <= 0 or (divisor < LARGEST and abs(scaled / divisor) < LARGEST)
    return abs(scaled) < LARGEST and abs(scaled * ticks / record.value_den) < LARGEST


@kernel
def share(m, amount, ppb):
    """Parts per billion of an amount, of either sign."""
    if ppb == 0:
        return 0
    return mul_div(m, amount, ppb, PER_RATE)
