"""Positions, cash and fees: netting, average cost, exact to the ledger unit.

At every moment ``cash + sum(cost) - sum(realised) + fees == start cash`` to the last unit, and
``equity == cash + market value``.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine.block import engine_at, fail, instrument, market, order, position
from alphaforge.engine.fees import fee_of
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.journal import journal_output
from alphaforge.engine.money import mul_div, notional
from alphaforge.engine.resting import leave_venue, split_market, split_resting
from alphaforge.engine.shown import split_shown
from alphaforge.engine.terms import TRAILING, has

_LARGEST = 2**62  # sums of amounts stay below half of int64


@kernel
def _book(m, owner, i, lots, price, fee):
    """Add a signed fill to one owner's position; what it realised, ledger units."""
    p = position(m, owner, i)
    amount = notional(m, i, price, lots)
    realised = 0
    if p.qty == 0 or (p.qty > 0) == (lots > 0):
        p.cost += amount
    else:
        closing = min(abs(lots), abs(p.qty))
        released = p.cost if closing == abs(p.qty) else mul_div(m, p.cost, closing, abs(p.qty))
        closed = (
            amount
            if closing == abs(lots)
            else notional(m, i, price, closing if lots > 0 else -closing)
        )
        realised = -closed - released
        p.cost -= released
        p.cost += amount - closed  # what goes past zero opens the other side
    p.qty += lots
    p.realised += realised
    p.fees += fee
    if lots > 0:
        p.bought += lots
    else:
        p.sold -= lots
    return realised


@hot
def mark(m, i, price):
    """Value the net position of an instrument at a price; keeps the account's sum right."""
    k = market(m, i)
    k.mark = price
    qty = position(m, 0, i).qty
    value = 0 if qty == 0 else notional(m, i, price, qty)
    if abs(value) > _LARGEST or abs(engine_at(m).market_value) > _LARGEST:
        fail(m, K.FAULT_OVERFLOW)
        return
    if value != k.value:
        engine_at(m).market_value += value - k.value
        k.value = value


@hot
def follow_equity(m):
    """Keep the peak and the deepest drawdown, ledger units."""
    h = engine_at(m)
    equity = h.cash + h.market_value
    if equity > h.peak:
        h.peak = equity
    elif h.peak - equity > h.drawdown:
        h.drawdown = h.peak - equity


@part("void(int64)")
def journal_account(m):
    """Journal the account where its time has come: the equity curve of what has no bars."""
    h = engine_at(m)
    if h.now >= h.account_due:
        h.account_due = h.now - h.now % h.account_ns + h.account_ns
        journal_output(m, M.ACCOUNT_ROW, 0, 0, h.cash, h.market_value, h.fees, h.realised)


@part("void(int64, int64, int64, int64, int64, int64)")
def fill(m, slot, lots, price, ts, liquidity):
    """One execution walks orders -> portfolio -> journal; the caller has matched it.

    Parameters
    ----------
    lots : positive
    ts : when it happened, ns UTC; a fill at a bar's open carries the open time
    """
    h = engine_at(m)
    o = order(m, slot)
    signed = o.side * lots
    i = o.instrument
    amount = notional(m, i, price, lots)
    fee = fee_of(m, i, amount, lots, liquidity)
    h.cash -= amount * o.side + fee
    h.fees += fee
    cost = position(m, 0, i).cost
    h.realised += _book(m, 0, i, signed, price, fee)
    _book(m, o.strategy + 2, i, signed, price, fee)
    if instrument(m, i).margined == 1:
        h.margined += position(m, 0, i).cost - cost
    if abs(h.cash) > _LARGEST or abs(position(m, 0, i).cost) > _LARGEST:
        fail(m, K.FAULT_OVERFLOW)
    h.fills += 1
    o.fee += fee
    o.liquidity = liquidity
    o.filled_times += 1
    O.leave(m, slot, lots)
    O.transition(m, slot, O.DO_FILL if o.leaves == 0 else O.DO_FILL_PART)
    now = h.now
    h.now = ts
    journal_output(m, M.FILL_ROW, liquidity, i, o.id, signed, price, fee)
    O.notify(m, K.ON_FILL, slot, signed, price, fee, liquidity)
    h.now = now
    p = position(m, 0, i)
    journal_output(m, M.POSITION_ROW, 0, i, p.qty, p.cost, p.realised, p.fees)
    mark(m, i, market(m, i).mark if market(m, i).mark > 0 else price)


@part("void(int64, int64, int64, int64, int64, int64, int64)")
def pay(m, cause, owner, i, amount, rate, price):
    """Cash that a position earned without a fill: funding, borrow, interest, rollover.

    ``amount`` is received where positive, ledger units. It is realised, of the net and of the
    owner, so that cash, cost and fees go on balancing.
    """
    h = engine_at(m)
    h.cash += amount
    h.accrued += amount
    h.realised += amount
    position(m, 0, i).realised += amount
    position(m, owner, i).realised += amount
    lots = position(m, owner, i).qty
    journal_output(m, M.CASH_ROW, cause, i, amount, rate, lots, price)


@kernel
def leave_to_host(m, owner):
    """Move what a flat owner earned, paid and traded to the host: its slot becomes another's."""
    for i in range(engine_at(m).instruments_used):
        p, host = position(m, owner, i), position(m, 1, i)
        host.realised += p.realised
        host.fees += p.fees
        host.bought += p.bought
        host.sold += p.sold
        p.realised = 0
        p.fees = 0
        p.bought = 0
        p.sold = 0


@kernel
def _pay_in_lieu(p, paid):
    """Book cash for part of a lot; a position that is gone realises what it had cost."""
    p.realised += paid
    if p.qty == 0:
        p.realised -= p.cost
        p.cost = 0


@kernel
def _split_position(m, owner, i, numerator, denominator, adjusted):
    """One owner's lots times the ratio; what he is paid for the part that makes no whole lot."""
    p = position(m, owner, i)
    whole = p.qty * numerator // denominator if p.qty >= 0 else -(-p.qty * numerator // denominator)
    left = p.qty * numerator - whole * denominator
    p.qty = whole
    if left == 0:
        return 0
    paid = mul_div(m, notional(m, i, adjusted, left), 1, denominator)
    _pay_in_lieu(p, paid)
    return paid


@part("void(int64, int64, int64, int64)")
def split(m, i, numerator, denominator):
    """Apply an n:d split: every owner's lots, the marks, and working orders at their new terms.

    A fraction of a lot is paid in cash at the adjusted mark, owner by owner, and leaves the cost
    basis untouched while a position remains. The net stays the sum of the owners.
    """
    h = engine_at(m)
    k = market(m, i)
    adjusted = mul_div(m, k.mark, denominator, numerator)
    net = position(m, 0, i)
    lots, paid, realised = 0, 0, net.realised
    for owner in range(1, h.strategies_used + 2):
        paid += _split_position(m, owner, i, numerator, denominator, adjusted)
        lots += position(m, owner, i).qty
    net.qty = lots
    cost = net.cost
    _pay_in_lieu(net, paid)
    if instrument(m, i).margined == 1:
        h.margined += net.cost - cost
    h.cash += paid
    h.realised += net.realised - realised
    k.atr = mul_div(m, k.atr, denominator, numerator)
    k.rising = L.NO_PRICE  # emulated orders are looked at anew
    k.before = mul_div(m, k.before, denominator, numerator)
    split_market(m, i, numerator, denominator)
    split_shown(m, i, numerator, denominator)
    slot = k.open_head
    while slot >= 0:
        o = order(m, slot)
        following = o.next
        lots = o.leaves * numerator // denominator
        if lots == 0:
            leave_venue(m, slot)
            O.transition(m, slot, O.DO_CANCEL)
        else:
            grown = lots - o.leaves
            o.leaves += grown
            o.qty = o.qty * numerator // denominator
            o.price = mul_div(m, o.price, denominator, numerator)
            O.count(m, slot, grown)
            o.stop = mul_div(m, o.stop, denominator, numerator)
            o.offset = mul_div(m, o.offset, denominator, numerator)
            if has(TRAILING, o.type) and o.unit == K.TRAIL_TICKS:
                o.trail = max(1, mul_div(m, o.trail, denominator, numerator))
            o.display = o.display * numerator // denominator
            o.wanted = o.wanted * numerator // denominator
            split_resting(m, slot, numerator, denominator)
        slot = following
    mark(m, i, adjusted)
    p = position(m, 0, i)
    journal_output(m, M.POSITION_ROW, 0, i, p.qty, p.cost, p.realised, p.fees)
