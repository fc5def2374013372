"""What a handler may do, as kernels: both modes call the same, so they can't drift apart.

Prices and quantities are floats in human units. They are snapped by rule: quantities toward zero to
the lot, buy prices down and sell prices up to the tick (never worse for the trader than written);
what is within one part in 10^9 of a tick or lot counts as on it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine.block import (
    engine_at,
    fail,
    instrument,
    market,
    order,
    position,
    resting,
    venue,
)
from alphaforge.engine.clock import set_timer
from alphaforge.engine.commands import may_only_look, working_lots
from alphaforge.engine.contingency import hang_on
from alphaforge.engine.jit import entry, hot, kernel
from alphaforge.engine.order_index import find_order
from alphaforge.engine.triggers import ATR_UNIT

_HAIR = 1e-9
TO_LIMIT = 1 << 7
"""Among an order's flags on their way in: a market order is to become market-to-limit."""
_HUGE = 9.0e18


class PositionView(NamedTuple):
    """A strategy's position in one instrument, human units."""

    qty: float
    avg_price: float
    unrealised: float
    realised: float


class OrderView(NamedTuple):
    """One order; ``status`` is a code such as ``af.FILLED``, 0 where the id isn't known.

    ``ahead`` is what stands before it in its queue, as the venue or its model tells; NaN unknown.
    """

    status: int
    leaves: float
    filled: float
    price: float
    stop: float
    ahead: float


@hot
def human(count, numerator, denominator):
    """Ticks or lots as the float that was ingested: one correctly rounded division."""
    return (count * numerator) / denominator


@hot
def snap_lots(m, i, qty):
    """A quantity in lots, toward zero; 0 for NaN and for what int64 can't hold."""
    lots = qty * instrument(m, i).lots_per_unit
    if not abs(lots) < _HUGE:
        return 0
    nearest = round(lots)
    if abs(lots - nearest) <= _HAIR * max(1.0, abs(lots)):
        return int(nearest)
    return int(lots)


@kernel
def snap_ticks(m, i, side, price):
    """A limit price in ticks, down for a buy and up for a sell; 0 for NaN and infinity."""
    ticks = price * instrument(m, i).ticks_per_unit
    if not abs(ticks) < _HUGE:
        return 0
    nearest = round(ticks)
    if abs(ticks - nearest) <= _HAIR * max(1.0, abs(ticks)):
        return int(nearest)
    return math.floor(ticks) if side > 0 else math.ceil(ticks)


@hot
def _valid(m, i):
    """Whether an instrument index exists; one that doesn't is a fault."""
    if i >= 0 and i < engine_at(m).instruments_used:
        return True
    fail(m, K.FAULT_EVENT)
    return False


@hot
def _type_of(limit, stop, touch, trail, trail_limit):
    """The type that the prices given make; the others are NaN."""
    limited = not math.isnan(limit)
    if not math.isnan(trail):
        return K.TRAILING_STOP_MARKET if math.isnan(trail_limit) else K.TRAILING_STOP_LIMIT
    if not math.isnan(stop):
        return K.STOP_LIMIT if limited else K.STOP_MARKET
    if not math.isnan(touch):
        return K.LIMIT_IF_TOUCHED if limited else K.MARKET_IF_TOUCHED
    return K.LIMIT_ORDER if limited else K.MARKET_ORDER


@hot
def _ticks(m, i, side, price):
    """A price in ticks, 0 where none is given."""
    return 0 if math.isnan(price) else snap_ticks(m, i, side, price)


@hot
def _price_given(m, i, side, price):
    """A price in ticks, 0 where none is given; what is none, or snaps to 0, is denied."""
    return 0 if math.isnan(price) else _or_denied(snap_ticks(m, i, side, price))


@hot
def _offset(m, i, price):
    """A distance in price in ticks, 0 where none is given; what is none is denied."""
    if math.isnan(price):
        return 0
    return -1 if math.isinf(price) else snap_ticks(m, i, 1, price)


@hot
def _lots_given(m, i, qty):
    """A quantity in lots, 0 where none is given; what is none, or less than a lot, is denied."""
    return 0 if math.isnan(qty) else _or_denied(snap_lots(m, i, qty))


@hot
def _or_denied(count):
    """The checks deny what is below 0; 0 would be no price or quantity at all."""
    return count if count != 0 else -1


@hot
def _new(m, i, side, qty):
    """A new order of the running strategy, its slot; -1 while it may only look."""
    h = engine_at(m)
    owner = h.view_strategy
    if not _valid(m, i) or may_only_look(m, owner):
        return -1
    slot = O.new_order(m, 0, owner, i)
    if slot >= 0:
        lots = snap_lots(m, i, qty)
        O.plain(m, slot, side, K.MARKET_ORDER, K.GTC, lots, 0)
    return slot


@entry(
    "int64(int64, int64, int64, float64, float64, float64, float64, float64, float64, int64, "
    "int64, int64, int64, float64, int64, int64, int64)"
)
def submit(
    m,
    i,
    side,
    qty,
    limit,
    stop,
    touch,
    trail,
    trail_limit,
    unit,
    trigger,
    tif,
    expire,
    display,
    flags,
    stp,
    tag,
):
    """Queue an order of the running strategy; its id, or 0 while it may only look.

    Prices that aren't given are NaN; those that are make its type. Stops and touches are snapped
    as limits are. Prices that exclude each other are denied: two triggers, a limit's distance from
    no trailing stop.
    """
    slot = _new(m, i, side, qty)
    if slot < 0:
        return 0
    o = order(m, slot)
    o.type = _type_of(limit, stop, touch, trail, trail_limit)
    if flags & TO_LIMIT and o.type == K.MARKET_ORDER:
        o.type = K.MARKET_TO_LIMIT
    o.price = _ticks(m, i, side, limit)
    o.stop = _ticks(m, i, side, touch if math.isnan(stop) else stop)
    if not math.isnan(touch) and not (math.isnan(stop) and math.isnan(trail)):
        o.stop = -1
    o.offset = _offset(m, i, trail_limit)
    if not math.isnan(trail):
        scale = 1.0 if unit == K.TRAIL_BPS else float(ATR_UNIT)
        o.trail = snap_ticks(m, i, -1, trail) if unit == K.TRAIL_TICKS else _whole(trail * scale)
        o.unit = unit
    o.trigger = trigger
    o.tif = tif
    o.expire = expire
    o.display = _lots_given(m, i, display)
    o.exec_flags = flags & ~TO_LIMIT
    o.stp = stp
    o.tag = tag
    O.ask(m, M.SUBMIT, slot, 0, 0)
    return o.id


@hot
def _whole(number):
    """A float as the nearest int64; 0 for NaN and for what int64 can't hold."""
    return round(number) if abs(number) < _HUGE else 0


@entry("int64(int64, int64, float64, float64, float64, float64, int64, int64)")
def bracket(m, i, qty, limit, take, stop, tif, tag):
    """Queue an entry and its two exits; the entry's id. ``qty`` is signed: below 0 sells first."""
    side = K.BUY if qty > 0 else K.SELL
    parent = _new(m, i, side, abs(qty))
    if parent < 0:
        return 0
    o = order(m, parent)
    o.tag = tag
    o.tif = tif
    if not math.isnan(limit):
        o.type = K.LIMIT_ORDER
        o.price = _ticks(m, i, side, limit)
    peer = -1  # the exits are checked first: without them the entry isn't sent
    for exit_price in (take, stop):
        taking = peer < 0
        slot = _new(m, i, -side, abs(qty))
        if slot < 0:
            return o.id
        child = order(m, slot)
        child.tag = tag
        child.exec_flags = K.REDUCE_ONLY
        child.link = K.OUO
        if taking:
            child.type = K.LIMIT_ORDER
            child.price = _ticks(m, i, -side, exit_price)
        else:
            child.type = K.STOP_MARKET
            child.stop = _ticks(m, i, -side, exit_price)
        hang_on(m, slot, parent, peer)
        O.ask(m, M.SUBMIT, slot, 0, 0)
        peer = slot
    O.ask(m, M.SUBMIT, parent, 0, 0)
    return o.id


@entry("int64(int64, int64, int64, int64)")
def link(m, first, second, kind):
    """Make peers of two working or just asked for orders of the strategy; 1 where it could."""
    owner = engine_at(m).view_strategy
    a, b = find_order(m, first), find_order(m, second)
    if a < 0 or b < 0 or a == b or (kind != K.OCO and kind != K.OUO):
        return 0
    ours = order(m, a).strategy == owner and order(m, b).strategy == owner
    if not ours or O.is_closed(order(m, a).status) or O.is_closed(order(m, b).status):
        return 0
    if order(m, a).peer != a or order(m, b).peer != b:
        return 0
    order(m, a).link = kind
    order(m, b).link = kind
    hang_on(m, b, -1, a)
    return 1


@entry("int64(int64, int64, int64, float64, float64, int64, int64, float64, int64, int64)")
def algorithm(m, i, kind, qty, limit, number, over_ns, display, flags, tag):
    """Queue an order that the engine works through children; its id. ``qty`` is signed."""
    side = K.BUY if qty > 0 else K.SELL
    slot = _new(m, i, side, abs(qty))
    if slot < 0:
        return 0
    o = order(m, slot)
    o.type = kind
    o.price = _price_given(m, i, side, limit)
    o.trail = number
    o.expire = engine_at(m).now + over_ns if over_ns > 0 else 0
    o.display = _lots_given(m, i, display)
    o.exec_flags = flags
    o.tag = tag
    O.ask(m, M.SUBMIT, slot, 0, 0)
    return o.id


@entry("int64(int64, int64, float64)")
def target(m, i, qty):
    """Order the difference to a signed target position, counting what is working already."""
    h = engine_at(m)
    if not _valid(m, i):
        return 0
    owner = h.view_strategy
    if may_only_look(m, owner):
        return 0
    lots = snap_lots(m, i, qty)
    missing = lots - position(m, owner + 2, i).qty - working_lots(m, i, owner)
    if not abs(qty * instrument(m, i).lots_per_unit) < _HUGE:
        missing = 0  # NaN is no wish to be flat: an order for nothing, which the checks deny
    elif missing == 0:
        return 0
    side = K.SELL if missing < 0 else K.BUY
    slot = O.new_order(m, 0, owner, i)
    if slot < 0:
        return 0
    O.plain(m, slot, side, K.MARKET_ORDER, K.GTC, abs(missing), 0)
    O.ask(m, M.SUBMIT, slot, 0, 0)
    return order(m, slot).id


@entry("void(int64, int64)")
def cancel(m, order_id):
    """Ask to cancel an order of the strategy's own; one that isn't working is ignored."""
    O.ask(m, M.CANCEL, engine_at(m).view_strategy, order_id, 0)


@entry("void(int64, int64)")
def cancel_all(m, i):
    """Ask to cancel the strategy's working orders in an instrument; -1 for all."""
    O.ask(m, M.CANCEL_ALL, 0, i, engine_at(m).view_strategy)


@entry("void(int64, int64, float64, float64, float64)")
def replace(m, order_id, limit, qty, stop):
    """Ask for another limit price, quantity or trigger price of a working order; NaN leaves it."""
    slot = find_order(m, order_id)
    if slot >= 0:
        o = order(m, slot)
        i, side = o.instrument, o.side
        lots, price = _lots_given(m, i, qty), _price_given(m, i, side, limit)
        trigger = _price_given(m, i, side, stop)
        O.ask_replace(m, engine_at(m).view_strategy, order_id, lots, price, trigger)


@kernel
def position_floats(m, owner, i):
    """(qty, average price, unrealised, realised) of one owner, human units."""
    h = engine_at(m)
    record = instrument(m, i)
    p = position(m, owner, i)
    qty = human(p.qty, record.lot_num, record.lot_den)
    if p.qty == 0:
        return qty, 0.0, 0.0, p.realised / h.ledger
    mark = float(market(m, i).mark)
    if record.inverse == 1:  # what it cost is lots x value / price, the other way round
        ticks = -float(p.qty) * record.value_num / record.value_den / p.cost if p.cost else 0.0
        value = -float(p.qty) * record.value_num / record.value_den / mark if mark > 0 else 0.0
    else:
        ticks = p.cost * record.value_den / record.value_num / p.qty
        value = mark * p.qty * record.value_num / record.value_den
    average = ticks * record.price_num / record.price_den
    return qty, average, (value - p.cost) / h.ledger, p.realised / h.ledger


@entry("UniTuple(float64, 4)(int64, int64)")
def position_of(m, i):
    """The running strategy's position, as floats."""
    if not _valid(m, i):
        return 0.0, 0.0, 0.0, 0.0
    return position_floats(m, engine_at(m).view_strategy + 2, i)


@hot
def _ahead(m, slot):
    """Lots before an order in its queue; UNKNOWN where neither the venue nor a model tells."""
    o, r = order(m, slot), resting(m, slot)
    if venue(m, instrument(m, o.instrument).venue).outside == 1:
        return o.ahead if o.open == 1 else L.UNKNOWN
    return r.ahead if r.state == L.IN_BOOK and r.price > 0 else L.UNKNOWN


@entry("Tuple((int64, float64, float64, float64, float64, float64))(int64, int64)")
def order_of(m, order_id):
    """(status, leaves, filled, limit, trigger price, ahead), human units; zeros where unknown."""
    slot = find_order(m, order_id)
    if slot < 0:
        return 0, 0.0, 0.0, 0.0, 0.0, math.nan
    o = order(m, slot)
    record = instrument(m, o.instrument)
    before = _ahead(m, slot)
    stop = resting(m, slot).stop if resting(m, slot).state == L.WAITING else o.stop
    return (
        int(o.status),
        human(o.leaves, record.lot_num, record.lot_den),
        human(o.qty - o.leaves, record.lot_num, record.lot_den),
        human(o.price, record.price_num, record.price_den),
        human(stop, record.price_num, record.price_den),
        human(before, record.lot_num, record.lot_den) if before >= 0 else math.nan,
    )


@entry("float64(int64)")
def cash(m):
    """Cash of the account; what margined positions cost isn't paid from it."""
    h = engine_at(m)
    return (h.cash + h.margined) / h.ledger


@entry("float64(int64)")
def equity(m):
    """Cash and positions at their marks."""
    h = engine_at(m)
    return (h.cash + h.market_value) / h.ledger


@entry("float64(int64, int64, int64)")
def price_of(m, i, which):
    """Last (0), bid (1), ask (2) or mid (3); NaN where there was none yet."""
    if not _valid(m, i):
        return math.nan
    k = market(m, i)
    record = instrument(m, i)
    ticks = k.last
    if which == 1:
        ticks = k.bid
    elif which == 2:
        ticks = k.ask
    elif which == 3:
        if k.bid <= 0 or k.ask <= 0:
            return math.nan
        return human(k.bid + k.ask, record.price_num, 2 * record.price_den)
    if ticks > 0 or (record.data_only == 1 and which == 0 and k.ts > 0):
        return human(ticks, record.price_num, record.price_den)
    return math.nan


@entry("int64(int64)")
def now(m):
    """The engine's time, ns UTC."""
    return engine_at(m).now


@entry("void(int64, int64, int64)")
def timer(m, after_ns, timer_id):
    """Ask for ``on_timer`` after a while."""
    set_timer(m, engine_at(m).view_strategy, after_ns, timer_id)


@hot
def flags_of(post_only, reduce_only, close_position, to_limit, emulate):
    """An order's flags as bits."""
    flags = K.POST_ONLY if post_only else 0
    flags |= K.REDUCE_ONLY if reduce_only else 0
    flags |= K.CLOSE_POSITION if close_position else 0
    flags |= TO_LIMIT if to_limit else 0
    flags |= K.EMULATED_HERE if emulate else 0
    return flags


@hot
def given(value):
    """A price that was given, as kernels are told: NaN would be none, so it is one they deny."""
    return math.inf if math.isnan(value) else float(value)


@hot
def parts_of(share):
    """A share in parts per billion; what is none becomes what the checks deny."""
    return _whole(share * 1e9)
