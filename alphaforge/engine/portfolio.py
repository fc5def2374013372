"""Positions, cash and fees: netting, average cost, exact to the ledger unit.

At every moment ``cash + sum(cost) - sum(realised) + fees == start cash`` to the last unit, and
``equity == cash + market value``.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine.block import engine_at, fail, market, order, position
from alphaforge.engine.jit import hot, kernel
from alphaforge.engine.journal import journal_output
from alphaforge.engine.money import fee as fee_of
from alphaforge.engine.money import mul_div, notional

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


@kernel
def journal_account(m):
    """Journal the account where the next second has begun: a live session's equity curve."""
    h = engine_at(m)
    if h.live == 1 and h.now >= h.account_due:
        h.account_due = h.now - h.now % L.ACCOUNT_NS + L.ACCOUNT_NS
        journal_output(m, M.ACCOUNT_ROW, 0, 0, h.cash, h.market_value, h.fees, h.realised)


@kernel
def fill(m, slot, lots, price, ts, liquidity, trade_id):
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
    fee = fee_of(m, amount, h.maker_ppb if liquidity == K.MAKER else h.taker_ppb)
    h.cash -= amount * o.side + fee
    h.fees += fee
    h.realised += _book(m, 0, i, signed, price, fee)
    _book(m, o.strategy + 2, i, signed, price, fee)
    if abs(h.cash) > _LARGEST or abs(position(m, 0, i).cost) > _LARGEST:
        fail(m, K.FAULT_OVERFLOW)
    h.fills += 1
    o.fee += fee
    o.liquidity = liquidity
    O.remember_trade(m, slot, trade_id)
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


@kernel
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
    _pay_in_lieu(net, paid)
    h.cash += paid
    h.realised += net.realised - realised
    k.last = mul_div(m, k.last, denominator, numerator)
    slot = k.open_head
    while slot >= 0:
        o = order(m, slot)
        following = o.next
        lots = o.leaves * numerator // denominator
        if lots == 0:
            O.transition(m, slot, O.DO_CANCEL)
        else:
            grown = lots - o.leaves
            o.leaves += grown
            o.qty = o.qty * numerator // denominator
            o.price = mul_div(m, o.price, denominator, numerator)
            if o.side > 0:
                k.buying += grown
            else:
                k.selling += grown
        slot = following
    mark(m, i, adjusted)
    p = position(m, 0, i)
    journal_output(m, M.POSITION_ROW, 0, i, p.qty, p.cost, p.realised, p.fees)
