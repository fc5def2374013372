"""What positions cost or earn without trading: funding, borrow, interest, rollover."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.block import engine_at, instrument, market, position, slot_at, venue
from alphaforge.engine.jit import kernel, part
from alphaforge.engine.journal import journal_output
from alphaforge.engine.margin import balance
from alphaforge.engine.money import PER_RATE, mul_div, notional, share
from alphaforge.engine.portfolio import pay

_DAY = 86_400_000_000_000
_YEAR_DAYS = 365


@part("void(int64, int64)")
def apply_funding(m, e):
    """A funding message: longs pay the rate on what they hold is worth, shorts get it.

    Each owner for itself, rounded half to even; the net is their sum. Where the feed is late our
    books hear of it when we are told.
    """
    h = engine_at(m)
    s = slot_at(e)
    if s.code & M.VENUE_ONLY:
        return
    i, rate = s.instrument, s.a
    price = s.b if s.b > 0 else market(m, i).mark
    if price <= 0:
        return
    for owner in range(1, h.strategies_used + 2):
        lots = position(m, owner, i).qty
        if lots != 0:
            worth = abs(notional(m, i, price, lots))
            due = share(m, worth if lots > 0 else -worth, rate)
            if due != 0:
                pay(m, K.CASH_FUNDING, owner, i, -due, rate, price)


@kernel
def _a_day_of(m, amount, ppb_a_year):
    return mul_div(m, amount, ppb_a_year, PER_RATE * _YEAR_DAYS)


@part("void(int64)")
def accrue_day(m):
    """A day has passed: borrow on short positions, swaps, interest on cash below zero.

    Days are UTC's, Saturdays too; rates are a year's of 365 days, positions at their marks. Each
    owner pays for what it is short itself, whoever else is long.
    """
    h = engine_at(m)
    h.next_accrual = h.now - h.now % _DAY + _DAY
    for i in range(h.instruments_used):
        record = instrument(m, i)
        price = market(m, i).mark
        for owner in range(1, h.strategies_used + 2):
            lots = position(m, owner, i).qty
            if lots < 0 and record.borrow_ppb > 0 and price > 0:
                due = _a_day_of(m, abs(notional(m, i, price, lots)), record.borrow_ppb)
                pay(m, K.CASH_BORROW, owner, i, -due, record.borrow_ppb, price)
            swap = record.long_swap if lots > 0 else record.short_swap
            if lots != 0 and swap != 0:
                got = mul_div(m, abs(lots), swap, record.swap_den)
                pay(m, K.CASH_ROLLOVER, owner, i, got, swap, price)
    _accrue_interest(m)


@kernel
def _accrue_interest(m):
    """Interest on a negative balance: a cost of the account, not of any position."""
    h = engine_at(m)
    owed = -balance(m)
    rate = venue(m, 0).interest_ppb
    if owed <= 0 or rate == 0:
        return
    due = _a_day_of(m, owed, rate)
    h.cash -= due
    h.fees += due
    h.accrued -= due
    position(m, 0, 0).fees += due
    position(m, 1, 0).fees += due
    journal_output(m, M.CASH_ROW, K.CASH_INTEREST, 0, -due, rate, 0, 0)


@kernel
def wants_accruals(m):
    """Begin to count days where anything accrues by them."""
    h = engine_at(m)
    if h.next_accrual != L.FOREVER:
        return
    found = venue(m, 0).interest_ppb != 0
    for i in range(h.instruments_used):
        record = instrument(m, i)
        if record.borrow_ppb != 0 or record.long_swap != 0 or record.short_swap != 0:
            found = True
    if found:
        h.next_accrual = 0  # the first event says which day it is
        h.next_due = 0
