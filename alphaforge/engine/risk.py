"""Pre-trade checks, limits, alerts and the kill switch.

Every check has a code with its numbers: what the limit is, what the order would make. Cancels are
never blocked.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine.block import (
    alert,
    engine_at,
    instrument,
    market,
    order,
    position,
    rate_time,
    set_rate_time,
)
from alphaforge.engine.jit import entry, hot, kernel
from alphaforge.engine.journal import journal_output
from alphaforge.engine.money import notional, notional_fits

(
    PASSED,
    TRADING_STATE,
    REDUCING_ONLY,
    QUANTITY_MIN,
    QUANTITY_MAX,
    PRICE_POSITIVE,
    NO_PRICE_YET,
    MAX_NOTIONAL,
    MAX_POSITION,
    ORDER_RATE,
    DUPLICATE_ID,
    ENGINE_HALTED,
    KILL_SWITCH,
    TIME_IN_FORCE,
) = range(14)

RULES: dict[int, tuple[str, str]] = {
    TRADING_STATE: ("TRADING_HALTED", "trading is halted: arm it first"),
    REDUCING_ONLY: (
        "REDUCING_ONLY",
        "trading is reducing: the order would not reduce the position",
    ),
    QUANTITY_MIN: ("QUANTITY_MIN", "quantity below the instrument's minimum, in lots"),
    QUANTITY_MAX: ("QUANTITY_MAX", "quantity above the instrument's maximum, in lots"),
    PRICE_POSITIVE: ("PRICE_NOT_POSITIVE", "a limit order needs a positive price on its tick"),
    NO_PRICE_YET: ("NO_PRICE_YET", "no price was seen yet, so the notional can't be checked"),
    MAX_NOTIONAL: ("MAX_NOTIONAL", "notional of the order above the limit, in ledger units"),
    MAX_POSITION: (
        "MAX_POSITION",
        "position with all working orders filled above the limit, in lots",
    ),
    ORDER_RATE: ("ORDER_RATE", "more orders than the limit within the window"),
    DUPLICATE_ID: ("DUPLICATE_ID", "an order with this id is known already"),
    ENGINE_HALTED: ("ENGINE_HALTED", "the engine halted in the event that asked for this order"),
    KILL_SWITCH: ("KILL_SWITCH", "the kill switch was pressed"),
    TIME_IN_FORCE: ("TIME_IN_FORCE", "a time in force that isn't af.GTC or af.IOC"),
}
"""Code -> name and meaning."""

CHECKS = (*range(TRADING_STATE, ORDER_RATE + 1), TIME_IN_FORCE)
"""What ``check`` runs; the other codes are other reasons to deny."""

_MOST = 2**63 - 1  # said of an amount that passes int64

LIMIT_POSITION, LIMIT_NOTIONAL, LIMIT_RATE = range(3)
LIMIT_NAMES = ("max_position", "max_notional", "max_order_rate")


@kernel
def _deny(m, slot, rule, limit, value):
    o = order(m, slot)
    o.deny_code = rule
    o.deny_limit = limit
    o.deny_value = value
    return rule


@hot
def _added(left, right):
    """Their sum, or the most that int64 holds; ``right`` is positive."""
    return left + right if left <= _MOST - right else _MOST


@kernel
def check(m, slot):
    """Run every check on an order; ``PASSED``, or the code, with its numbers left in the order."""
    h = engine_at(m)
    o = order(m, slot)
    if h.trading == K.TRADING_HALTED:
        return _deny(m, slot, TRADING_STATE, 0, h.trading)
    net = position(m, 0, o.instrument).qty
    k = market(m, o.instrument)
    if h.trading == K.TRADING_REDUCING:
        closing = _added(k.buying if o.side > 0 else k.selling, o.qty)
        if net * o.side >= 0 or closing > abs(net):
            return _deny(m, slot, REDUCING_ONLY, abs(net), closing)
    record = instrument(m, o.instrument)
    if o.tif > K.IOC:
        return _deny(m, slot, TIME_IN_FORCE, K.IOC, o.tif)
    if o.qty < record.min_lot:
        return _deny(m, slot, QUANTITY_MIN, record.min_lot, o.qty)
    if record.max_lot > 0 and o.qty > record.max_lot:
        return _deny(m, slot, QUANTITY_MAX, record.max_lot, o.qty)
    if o.type == K.LIMIT_ORDER and o.price <= 0:
        return _deny(m, slot, PRICE_POSITIVE, 1, o.price)
    price = o.price if o.type == K.LIMIT_ORDER else k.mark
    if not notional_fits(m, o.instrument, price, o.qty):
        return _deny(m, slot, MAX_NOTIONAL, h.max_notional, _MOST)
    if h.max_notional > 0:
        if price <= 0:
            return _deny(m, slot, NO_PRICE_YET, 0, 0)
        amount = notional(m, o.instrument, price, o.qty)
        if amount > h.max_notional:
            return _deny(m, slot, MAX_NOTIONAL, h.max_notional, amount)
    if record.max_position > 0:
        # What the position would be if every working order on this side filled, and this one.
        held = net * o.side + (k.buying if o.side > 0 else k.selling)
        if held > record.max_position - o.qty:
            return _deny(m, slot, MAX_POSITION, record.max_position, _added(held, o.qty))
    full = h.max_rate > 0 and h.rate_head >= h.max_rate
    if full and rate_time(m, h.rate_head - h.max_rate) > h.now - h.rate_ns:
        return _deny(m, slot, ORDER_RATE, h.max_rate, h.max_rate + 1)
    return PASSED


@kernel
def check_price(m, slot, price):
    """The checks that another limit price of a working order has to pass."""
    h = engine_at(m)
    o = order(m, slot)
    if h.trading == K.TRADING_HALTED:
        return _deny(m, slot, TRADING_STATE, 0, h.trading)
    if price <= 0:
        return _deny(m, slot, PRICE_POSITIVE, 1, price)
    if not notional_fits(m, o.instrument, price, o.leaves):
        return _deny(m, slot, MAX_NOTIONAL, h.max_notional, _MOST)
    if h.max_notional > 0:
        amount = notional(m, o.instrument, price, o.leaves)
        if amount > h.max_notional:
            return _deny(m, slot, MAX_NOTIONAL, h.max_notional, amount)
    return PASSED


@entry("int64(int64, int64, int64, int64, int64, int64)")
def what_if(m, i, side, type_, qty, price):
    """What the checks would say to an order, on a copy of the block.

    Mutates the copy's last order slot, where the denial's numbers are left.
    """
    slot = engine_at(m).orders_n - 1
    o = order(m, slot)
    o.instrument = i
    o.side = side
    o.type = type_
    o.qty = qty
    o.price = price
    o.deny_limit = 0
    o.deny_value = 0
    return check(m, slot)


@kernel
def count_order(m):
    """Count an approved order against the rate limit."""
    h = engine_at(m)
    set_rate_time(m, h.rate_head, h.now)
    h.rate_head += 1
    h.orders += 1


@kernel
def raise_alert(m, rule, severity, i, limit, value):
    """Raise an alert, or count it again where the same rule and instrument stand unacknowledged."""
    h = engine_at(m)
    first = max(0, h.alert_seq - h.alerts_n)
    for n in range(h.alert_seq - 1, first - 1, -1):
        a = alert(m, n % h.alerts_n)
        if a.rule == rule and a.instrument == i and a.acknowledged == 0:
            a.ts_last = h.now
            a.count += 1
            a.limit = limit
            a.value = value
            return
        if h.alert_seq - n > 16:
            break
    a = alert(m, h.alert_seq % h.alerts_n)
    h.alert_seq += 1
    a.id = h.alert_seq
    a.ts = h.now
    a.ts_last = h.now
    a.rule = rule
    a.severity = severity
    a.instrument = i
    a.limit = limit
    a.value = value
    a.count = 1
    a.acknowledged = 0
    journal_output(m, M.ALERT_ROW, rule, max(i, 0), a.id, limit, value, 1)


@kernel
def acknowledge(m, alert_id):
    """Mark an alert as seen; 0 where there is none of that id any more."""
    h = engine_at(m)
    if alert_id <= 0 or alert_id > h.alert_seq or alert_id <= h.alert_seq - h.alerts_n:
        return 0
    alert(m, (alert_id - 1) % h.alerts_n).acknowledged = 1
    return 1


@kernel
def set_limit(m, which, i, value):
    """Change a limit from this event on; 0 lifts it."""
    if which == LIMIT_POSITION:
        instrument(m, i).max_position = value
    elif which == LIMIT_NOTIONAL:
        engine_at(m).max_notional = value
    elif which == LIMIT_RATE:
        engine_at(m).max_rate = min(value, engine_at(m).rates_n)
