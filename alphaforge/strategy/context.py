"""What a handler may do. Each method is one kernel that both modes call, so they can't drift apart.

Prices and quantities are floats in human units. They are snapped by rule: quantities toward zero to
the lot, buy prices down and sell prices up to the tick (never worse for the trader than written);
what is within one part in 10^9 of a tick or lot counts as on it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine.block import (
    engine_at,
    fail,
    instrument,
    market,
    order,
    position,
)
from alphaforge.engine.clock import set_timer
from alphaforge.engine.commands import ask, may_only_look, working_lots
from alphaforge.engine.jit import entry, hot, kernel

_HAIR = 1e-9
_HUGE = 9.0e18


class PositionView(NamedTuple):
    """A strategy's position in one instrument, human units."""

    qty: float
    avg_price: float
    unrealised: float
    realised: float


class OrderView(NamedTuple):
    """One order; ``status`` is a code such as ``af.FILLED``, 0 where the id isn't known."""

    status: int
    leaves: float
    filled: float
    price: float


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


@entry("int64(int64, int64, int64, int64, float64, float64, int64, int64)")
def submit(m, i, side, type_, qty, price, tif, tag):
    """Queue an order of the running strategy; its id, or 0 while it may only look."""
    h = engine_at(m)
    owner = h.view_strategy
    if not _valid(m, i) or may_only_look(m, owner):
        return 0
    lots = snap_lots(m, i, qty)
    ticks = snap_ticks(m, i, side, price) if type_ == K.LIMIT_ORDER else 0
    slot = O.new_order(m, 0, owner, i, side, type_, tif, lots, ticks, tag)
    if slot < 0:
        return 0
    ask(m, M.SUBMIT, slot, 0, 0)
    return order(m, slot).id


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
    slot = O.new_order(m, 0, owner, i, side, K.MARKET_ORDER, K.GTC, abs(missing), 0, 0)
    if slot < 0:
        return 0
    ask(m, M.SUBMIT, slot, 0, 0)
    return order(m, slot).id


@entry("void(int64, int64)")
def cancel(m, order_id):
    """Ask to cancel an order of the strategy's own; one that isn't working is ignored."""
    ask(m, M.CANCEL, engine_at(m).view_strategy, order_id, 0)


@entry("void(int64, int64)")
def cancel_all(m, i):
    """Ask to cancel the strategy's working orders in an instrument; -1 for all."""
    ask(m, M.CANCEL_ALL, 0, i, engine_at(m).view_strategy)


@entry("void(int64, int64, float64)")
def replace(m, order_id, limit):
    """Ask for another limit price for a working order."""
    slot = O.find_order(m, order_id)
    if slot >= 0:
        o = order(m, slot)
        price = snap_ticks(m, o.instrument, o.side, limit)
        ask(m, M.REPLACE, engine_at(m).view_strategy, order_id, price)


@kernel
def position_floats(m, owner, i):
    """(qty, average price, unrealised, realised) of one owner, human units."""
    h = engine_at(m)
    record = instrument(m, i)
    p = position(m, owner, i)
    qty = human(p.qty, record.lot_num, record.lot_den)
    if p.qty == 0:
        return qty, 0.0, 0.0, p.realised / h.ledger
    average = (
        p.cost * record.value_den / record.value_num / p.qty * record.price_num / record.price_den
    )
    value = float(market(m, i).mark) * p.qty * record.value_num / record.value_den
    return qty, average, (value - p.cost) / h.ledger, p.realised / h.ledger


@entry("UniTuple(float64, 4)(int64, int64)")
def position_of(m, i):
    """The running strategy's position, as floats."""
    if not _valid(m, i):
        return 0.0, 0.0, 0.0, 0.0
    return position_floats(m, engine_at(m).view_strategy + 2, i)


@entry("Tuple((int64, float64, float64, float64))(int64, int64)")
def order_of(m, order_id):
    """(status, leaves, filled, limit price) of an order, human units; zeros where unknown."""
    slot = O.find_order(m, order_id)
    if slot < 0:
        return 0, 0.0, 0.0, 0.0
    o = order(m, slot)
    record = instrument(m, o.instrument)
    return (
        int(o.status),
        human(o.leaves, record.lot_num, record.lot_den),
        human(o.qty - o.leaves, record.lot_num, record.lot_den),
        human(o.price, record.price_num, record.price_den),
    )


@entry("float64(int64)")
def cash(m):
    """Cash of the account."""
    h = engine_at(m)
    return h.cash / h.ledger


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
    return human(ticks, record.price_num, record.price_den) if ticks > 0 else math.nan


@entry("int64(int64)")
def now(m):
    """The engine's time, ns UTC."""
    return engine_at(m).now


@entry("void(int64, int64, int64)")
def timer(m, after_ns, timer_id):
    """Ask for ``on_timer`` after a while."""
    set_timer(m, engine_at(m).view_strategy, after_ns, timer_id)


class Context:
    """What a handler is given as ``ctx`` in python mode; compiled handlers get the same methods.

    Parameters
    ----------
    engine : int
        The block's address.
    """

    def __init__(self, engine: int) -> None:
        self._m = engine

    def buy(
        self, instrument: int, qty: float, limit: float | None = None, tif: int = 0, tag: int = 0
    ) -> int:
        """Buy at market, or at ``limit``; the order's id. ``tif`` is ``af.GTC`` or ``af.IOC``."""
        type_ = K.MARKET_ORDER if limit is None else K.LIMIT_ORDER
        return int(
            submit(
                self._m, instrument, K.BUY, type_, qty, 0.0 if limit is None else limit, tif, tag
            )
        )

    def sell(
        self, instrument: int, qty: float, limit: float | None = None, tif: int = 0, tag: int = 0
    ) -> int:
        """Sell at market, or at ``limit``; the order's id. ``tif`` is ``af.GTC`` or ``af.IOC``."""
        type_ = K.MARKET_ORDER if limit is None else K.LIMIT_ORDER
        return int(
            submit(
                self._m, instrument, K.SELL, type_, qty, 0.0 if limit is None else limit, tif, tag
            )
        )

    def target(self, instrument: int, qty: float) -> int:
        """Order the difference to a signed target position; 0 where there is none."""
        return int(target(self._m, instrument, qty))

    def close(self, instrument: int) -> int:
        """Order what brings the position to zero."""
        return int(target(self._m, instrument, 0.0))

    def cancel(self, order_id: int) -> None:
        """Cancel one order."""
        cancel(self._m, order_id)

    def cancel_all(self, instrument: int = -1) -> None:
        """Cancel this strategy's orders in an instrument, or all."""
        cancel_all(self._m, instrument)

    def replace(self, order_id: int, limit: float) -> None:
        """Give a working order another limit price."""
        replace(self._m, order_id, limit)

    def position(self, instrument: int) -> PositionView:
        """The strategy's own position."""
        return PositionView(*position_of(self._m, instrument))

    def order(self, order_id: int) -> OrderView:
        """One order by id."""
        return OrderView(*order_of(self._m, order_id))

    def cash(self) -> float:
        """Cash of the account."""
        return float(cash(self._m))

    def equity(self) -> float:
        """Cash and positions at their marks."""
        return float(equity(self._m))

    def last(self, instrument: int) -> float:
        """Last trade price."""
        return float(price_of(self._m, instrument, 0))

    def bid(self, instrument: int) -> float:
        """Best bid."""
        return float(price_of(self._m, instrument, 1))

    def ask(self, instrument: int) -> float:
        """Best ask."""
        return float(price_of(self._m, instrument, 2))

    def mid(self, instrument: int) -> float:
        """Middle of best bid and ask."""
        return float(price_of(self._m, instrument, 3))

    def now(self) -> int:
        """The engine's time, ns UTC."""
        return int(now(self._m))

    def timer(self, after_ns: int, id: int = 0) -> None:  # noqa: A002 - the user's keyword
        """Ask for ``on_timer`` in ``after_ns`` nanoseconds."""
        timer(self._m, after_ns, id)
