"""Pre-trade checks, limits, alerts and the kill switch.

Every check has a code with its numbers: what the limit is, what the order would make. Cancels are
never blocked.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.block import (
    alert,
    alert_notice_at,
    engine_at,
    fail,
    instrument,
    market,
    notice_address,
    order,
    position,
    rate_time,
    set_rate_time,
    strategy,
    submit_slots_at,
    venue,
    watches,
)
from alphaforge.engine.jit import entry, hot, kernel, part
from alphaforge.engine.journal import journal_output
from alphaforge.engine.margin import (
    backing,
    free_balance,
    is_backed,
    is_paid,
    needed,
    own_price,
    required,
    sellable,
    worst_price,
)
from alphaforge.engine.money import notional, notional_fits
from alphaforge.engine.orders import read_terms
from alphaforge.engine.terms import (
    ALGORITHMS,
    LIMITED,
    STOPPED,
    TRIGGERED,
    has,
    left_to_reduce,
    wrong_term,
)

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
def _working_beside(m, slot):
    """Lots working on an order's side beside it and its peers there: of those one alone fills."""
    o = order(m, slot)
    k = market(m, o.instrument)
    lots = k.buying if o.side > 0 else k.selling
    at = slot
    for _ in range(engine_at(m).orders_n):
        p = order(m, at)
        same = p.side == o.side and p.instrument == o.instrument
        if same and p.counted == 1 and p.open == 1:
            lots -= p.leaves
        at = p.peer
        if at == slot:
            break
    return lots


@kernel
def _check_reducing(m, slot, lots):
    """While only reducing is allowed: whether so many lots, with what works beside, only reduce."""
    o = order(m, slot)
    if engine_at(m).trading != K.TRADING_REDUCING:
        return R.PASSED
    if o.parent >= 0 and order(m, o.parent).type >= K.FIRST_ALGORITHM:
        lots = 0  # its parent counts for it
    net = position(m, 0, o.instrument).qty
    closing = _added(_working_beside(m, slot), lots)
    if net * o.side >= 0 or closing > abs(net):
        return _deny(m, slot, R.REDUCING_ONLY, abs(net), closing)
    return R.PASSED


@kernel
def _check_position(m, slot, lots):
    """The position if every working order on its side filled, and so many lots of this one."""
    o = order(m, slot)
    most = instrument(m, o.instrument).max_position
    if most == 0 or is_backed(m, slot):
        return R.PASSED
    held = position(m, 0, o.instrument).qty * o.side + _working_beside(m, slot)
    if held > most - lots:
        return _deny(m, slot, R.MAX_POSITION, most, _added(held, lots))
    return R.PASSED


@part("int64(int64, int64)")
def check(m, slot):
    """Run every check on an order; ``PASSED``, or the code, with its numbers left in the order."""
    h = engine_at(m)
    o = order(m, slot)
    if h.trading == K.TRADING_HALTED:
        return _deny(m, slot, R.TRADING_STATE, 0, h.trading)
    if o.strategy >= 0 and watches(m, o.strategy, o.instrument) == 0:
        return _deny(m, slot, R.OTHER_INSTRUMENT, 0, 0)
    if instrument(m, o.instrument).data_only == 1:
        return _deny(m, slot, R.DATA_ONLY, 0, 0)
    k = market(m, o.instrument)
    if k.liquidating == 1:  # the venue has taken the position over until it is gone
        least, found = required(m, o.instrument), backing(m, o.instrument)
        return _deny(m, slot, R.LIQUIDATION, least, found)
    rule = _check_reducing(m, slot, o.qty)
    if rule != R.PASSED:
        return rule
    record = instrument(m, o.instrument)
    if k.status == K.CLOSED_SESSION and o.tif != K.AT_OPEN:
        return _deny(m, slot, R.NOT_TRADING, 0, k.status)
    if record.expiry > 0 and h.now >= record.expiry:
        return _deny(m, slot, R.EXPIRED_INSTRUMENT, record.expiry, h.now)
    if o.qty < record.min_lot:
        return _deny(m, slot, R.QUANTITY_MIN, record.min_lot, o.qty)
    if record.max_lot > 0 and o.qty > record.max_lot:
        return _deny(m, slot, R.QUANTITY_MAX, record.max_lot, o.qty)
    rule = wrong_term(m, slot)
    if rule != R.PASSED:
        return _deny(m, slot, rule, *_numbers(m, slot, rule))
    return _check_amounts(m, slot)


@kernel
def _numbers(m, slot, rule):
    """What a term is and what it was held against, for the denial: (limit, value)."""
    o = order(m, slot)
    if rule == R.PRICE_POSITIVE:
        return 1, o.price
    if rule == R.LIMIT_PRICE:
        return 0, o.price
    if rule == R.TRIGGER_PRICE:
        return 1 if has(STOPPED, o.type) else 0, o.stop
    if rule == R.TRAIL_OFFSET or rule == R.ALGORITHM:
        return 1, o.trail
    if rule == R.LIMIT_OFFSET:
        return 0, o.offset
    if rule == R.DISPLAY_QUANTITY:
        return o.qty, o.display
    if rule == R.EXPIRE_TIME:
        return engine_at(m).now, o.expire
    if rule == R.REDUCE_ONLY:
        return left_to_reduce(m, slot), o.qty
    if rule == R.TIME_IN_FORCE or rule == R.POST_ONLY:
        return K.IOC, int(o.tif)
    return 0, int(o.type)


@kernel
def _check_margin(m, slot, lots, price, stop):
    """Whether the account can carry an order of so many lots; of one that works, what it adds."""
    o = order(m, slot)
    if venue(m, instrument(m, o.instrument).venue).margin == K.MARGIN_NONE or is_backed(m, slot):
        return R.PASSED
    if is_paid(m, o.instrument) and o.side < 0:
        most = sellable(m, slot)
        return R.PASSED if lots <= most else _deny(m, slot, R.SHORT_SALE, most, lots)
    takes = needed(m, slot, lots, price, stop)
    if takes > 0:
        free = free_balance(m)
        if takes > free:
            return _deny(m, slot, R.FREE_BALANCE, free, takes)
    return R.PASSED


@kernel
def _check_notional(m, slot, lots, price, stop):
    """The host's limit on what an order may come to, and the instrument's on what it asks for."""
    h = engine_at(m)
    i = order(m, slot).instrument
    own, worst = own_price(m, slot, price, stop), worst_price(m, slot, price, stop)
    if not (notional_fits(m, i, own, lots) and notional_fits(m, i, worst, lots)):
        return _deny(m, slot, R.MAX_NOTIONAL, h.max_notional, _MOST)
    if h.max_notional > 0:
        amount = abs(notional(m, i, worst, lots))
        if amount > h.max_notional:
            return _deny(m, slot, R.MAX_NOTIONAL, h.max_notional, amount)
    most = instrument(m, i).max_notional
    if most > 0:
        amount = abs(notional(m, i, own, lots))
        if amount > most:
            return _deny(m, slot, R.INSTRUMENT_NOTIONAL, most, amount)
    return R.PASSED


@kernel
def _check_amounts(m, slot):
    """Notional, position, margin and rate."""
    h = engine_at(m)
    o = order(m, slot)
    record = instrument(m, o.instrument)
    price = own_price(m, slot, o.price, o.stop)
    limited = h.max_notional > 0 or record.min_notional > 0 or record.max_notional > 0
    if price <= 0 and (limited or venue(m, record.venue).margin > 0):
        return _deny(m, slot, R.NO_PRICE_YET, 0, 0)
    rule = _check_notional(m, slot, o.qty, o.price, o.stop)
    if rule != R.PASSED:
        return rule
    if record.min_notional > 0:
        amount = abs(notional(m, o.instrument, price, o.qty))
        if amount < record.min_notional:
            return _deny(m, slot, R.INSTRUMENT_NOTIONAL, record.min_notional, amount)
    rule = _check_position(m, slot, o.qty)
    if rule != R.PASSED:
        return rule
    rule = _check_margin(m, slot, o.qty, o.price, o.stop)
    if rule != R.PASSED:
        return rule
    full = h.max_rate > 0 and h.rate_head >= h.max_rate
    if full and rate_time(m, h.rate_head - h.max_rate) > h.now - h.rate_ns:
        return _deny(m, slot, R.ORDER_RATE, h.max_rate, h.max_rate + 1)
    return R.PASSED


@part("int64(int64, int64, int64, int64, int64)")
def check_change(m, slot, qty, price, stop):
    """The checks that another quantity, limit or trigger price of a working order has to pass."""
    h = engine_at(m)
    o = order(m, slot)
    if h.trading == K.TRADING_HALTED:
        return _deny(m, slot, R.TRADING_STATE, 0, h.trading)
    record = instrument(m, o.instrument)
    least = max(record.min_lot, o.qty - o.leaves + 1)
    if qty < least:
        return _deny(m, slot, R.QUANTITY_MIN, least, qty)
    if record.max_lot > 0 and qty > record.max_lot:
        return _deny(m, slot, R.QUANTITY_MAX, record.max_lot, qty)
    if price != o.price and (price <= 0 or not has(LIMITED | ALGORITHMS, o.type)):
        return _deny(m, slot, R.PRICE_POSITIVE, 1, price)
    if stop != o.stop and (stop <= 0 or not has(TRIGGERED, o.type) or o.triggered == 1):
        return _deny(m, slot, R.TRIGGER_PRICE, 1, stop)
    leaves = o.leaves + qty - o.qty
    if qty > o.qty or price != o.price or stop != o.stop:
        rule = _check_reducing(m, slot, leaves)
        if rule != R.PASSED:
            return rule
    rule = _check_notional(m, slot, leaves, price, stop)
    if rule != R.PASSED:
        return rule
    least = record.min_notional
    if least > 0:
        amount = abs(notional(m, o.instrument, own_price(m, slot, price, stop), qty))
        if amount < least:
            return _deny(m, slot, R.INSTRUMENT_NOTIONAL, least, amount)
    if qty > o.qty or price != o.price or stop != o.stop:
        rule = _check_margin(m, slot, leaves, price, stop)
        if rule != R.PASSED:
            return rule
    if qty > o.qty:
        return _check_position(m, slot, leaves)
    return R.PASSED


@entry("int64(int64, int64)")
def what_if(m, e):
    """What the checks would say to the SUBMIT message at ``e``, on a copy of the block.

    Mutates the copy's last order slot, where the denial's numbers are left.
    """
    slot = engine_at(m).orders_n - 1
    o = order(m, slot)
    read_terms(m, slot, e)
    o.instrument = submit_slots_at(e).instrument
    o.strategy = -1
    o.parent = -1
    o.child = -1
    o.peer = slot
    o.counted = 1
    o.triggered = 0
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
def _tell(m, k, n):
    """Queue the n-th alert ever for a running strategy, if it handles such."""
    h = engine_at(m)
    s = strategy(m, k)
    if s.running == 0 or (s.handlers >> K.ON_ALERT) & 1 == 0:
        return
    if h.notice_head - h.notice_tail >= h.notices_n:
        fail(m, K.FAULT_QUEUE_FULL)
        return
    a = alert(m, n % h.alerts_n)
    told = alert_notice_at(notice_address(m, h.notice_head))
    told.handler = K.ON_ALERT
    told.strategy = k
    told.instrument = a.instrument
    told.rule = a.rule
    told.id = a.id
    told.ts = a.ts
    told.limit = a.limit
    told.value = a.value
    told.severity = a.severity
    told.count = a.count
    h.notice_head += 1


@part("void(int64, int64, int64, int64, int64, int64)")
def raise_alert(m, rule, severity, i, limit, value):
    """Raise an alert, or count it again where the same rule and instrument stand unacknowledged.

    When it is first raised the strategies on its instrument are told, or all where it has none.
    """
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
    for k in range(h.strategies_used):
        if i < 0 or watches(m, k, i) != 0:
            _tell(m, k, h.alert_seq - 1)


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
