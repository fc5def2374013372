"""``ctx`` and events inside compiled handlers: the compiled twins of ``context`` and ``events``."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.atomic import load_i8, view
from alphaforge.engine.block import bar_at, engine_at, instrument_at, notice_at, slot_at
from alphaforge.engine.messages import offset_of
from alphaforge.strategy import context as C
from alphaforge.strategy.records import Obj, add_attribute, add_method, address_of, obj

VIEW_AT = offset_of(L.ENGINE, "view_event")
_VIEW = np.dtype([("event_", "i8"), ("instrument_", "i8"), ("engine_", "i8")], align=True)

CTX = obj(np.dtype([("now_", "i8")], align=True), "ctx")
"""Its address is the block's; it shows no field, only methods."""


def _type(name: str) -> Obj:
    return obj(_VIEW, name)


EVENTS: dict[int, Obj] = {
    K.ON_BAR: _type("bar"),
    K.ON_TRADE: _type("trade"),
    K.ON_QUOTE: _type("quote"),
    K.ON_FILL: _type("fill"),
    K.ON_ORDER: _type("order"),
    K.ON_TIMER: _type("timer"),
}
ctx_at = view(np.dtype([("now_", "i8")]), CTX)
EVENT_AT = {handler: view(_VIEW, type_) for handler, type_ in EVENTS.items()}


@nb.njit(error_model="numpy")
def _price(shown, ticks):
    record = instrument_at(shown.instrument_)
    return C.human(ticks, record.price_num, record.price_den)


@nb.njit(error_model="numpy")
def _qty(shown, lots):
    record = instrument_at(shown.instrument_)
    return C.human(lots, record.lot_num, record.lot_den)


ATTRIBUTES: dict[int, list[str]] = {}
"""Handler code -> what its event has."""


def _attributes(handler: int, source: dict[str, str]) -> None:
    """Hang attributes given as expressions of the record ``e`` behind the view ``v``."""
    at = {K.ON_BAR: "bar_at", K.ON_FILL: "notice_at", K.ON_ORDER: "notice_at"}.get(
        handler, "slot_at"
    )
    scope: dict[str, Any] = {
        "_price": _price,
        "_qty": _qty,
        "bar_at": bar_at,
        "notice_at": notice_at,
        "slot_at": slot_at,
        "engine_at": engine_at,
        "load_i8": load_i8,
    }
    ATTRIBUTES[handler] = list(source)
    for name, expression in source.items():
        made: dict[str, Any] = {}
        exec(f"def get(v):\n    e = {at}(v.event_)\n    return {expression}", scope, made)
        add_attribute(EVENTS[handler], name, nb.njit(error_model="numpy")(made["get"]))


_BOTH = {"instrument": "int(e.instrument)", "ts": "e.ts"}
_attributes(
    K.ON_BAR,
    {
        **_BOTH,
        **{name: f"_price(v, e.{name})" for name in ("open", "high", "low", "close")},
        "volume": "_qty(v, e.volume)",
        "buy_volume": "_qty(v, e.buy_volume)",
        "trades": "e.trades",
        "ts_open": "e.ts_open",
    },
)
_attributes(K.ON_TRADE, {**_BOTH, "price": "_price(v, e.a)", "qty": "_qty(v, e.b)", "side": "e.d"})
_attributes(
    K.ON_QUOTE,
    {
        **_BOTH,
        "bid": "_price(v, e.a)",
        "bid_qty": "_qty(v, e.b)",
        "ask": "_price(v, e.c)",
        "ask_qty": "_qty(v, e.d)",
    },
)
_NOTICE = {
    **_BOTH,
    "order_id": "e.order_id",
    "status": "e.status",
    "price": "_price(v, e.price)",
    "leaves": "_qty(v, e.leaves)",
    "tag": "e.tag",
    "side": "1 if e.qty > 0 else -1",
    "qty": "_qty(v, abs(e.qty))",
}
_attributes(K.ON_ORDER, _NOTICE)
_attributes(
    K.ON_FILL,
    {**_NOTICE, "liquidity": "e.liquidity", "fee": "e.fee / engine_at(v.engine_).ledger"},
)
_attributes(K.ON_TIMER, {"id": "load_i8(v.event_)", "due": "load_i8(v.event_ + 8)"})


def _buy(ctx, instrument, qty, limit, tif, tag):
    if limit is None:
        return C.submit(address_of(ctx), instrument, K.BUY, K.MARKET_ORDER, qty, 0.0, tif, tag)
    return C.submit(address_of(ctx), instrument, K.BUY, K.LIMIT_ORDER, qty, limit, tif, tag)


def _sell(ctx, instrument, qty, limit, tif, tag):
    if limit is None:
        return C.submit(address_of(ctx), instrument, K.SELL, K.MARKET_ORDER, qty, 0.0, tif, tag)
    return C.submit(address_of(ctx), instrument, K.SELL, K.LIMIT_ORDER, qty, limit, tif, tag)


def _target(ctx, instrument, qty):
    return C.target(address_of(ctx), instrument, float(qty))


def _close(ctx, instrument):
    return C.target(address_of(ctx), instrument, 0.0)


def _cancel(ctx, order_id):
    C.cancel(address_of(ctx), order_id)


def _cancel_all(ctx, instrument):
    C.cancel_all(address_of(ctx), instrument)


def _replace(ctx, order_id, limit):
    C.replace(address_of(ctx), order_id, limit)


def _position(ctx, instrument):
    qty, average, unrealised, realised = C.position_of(address_of(ctx), instrument)
    return C.PositionView(qty, average, unrealised, realised)


def _order(ctx, order_id):
    status, leaves, filled, price = C.order_of(address_of(ctx), order_id)
    return C.OrderView(status, leaves, filled, price)


def _cash(ctx):
    return C.cash(address_of(ctx))


def _equity(ctx):
    return C.equity(address_of(ctx))


def _last(ctx, instrument):
    return C.price_of(address_of(ctx), instrument, 0)


def _bid(ctx, instrument):
    return C.price_of(address_of(ctx), instrument, 1)


def _ask(ctx, instrument):
    return C.price_of(address_of(ctx), instrument, 2)


def _mid(ctx, instrument):
    return C.price_of(address_of(ctx), instrument, 3)


def _now(ctx):
    return C.now(address_of(ctx))


def _timer(ctx, after_ns, id):  # noqa: A002 - the user's keyword
    C.timer(address_of(ctx), after_ns, id)


CONTEXT_METHODS: dict[str, tuple[str, str, Any]] = {
    "buy": ("instrument, qty, limit=None, tif=0, tag=0", "instrument, qty, limit, tif, tag", _buy),
    "sell": (
        "instrument, qty, limit=None, tif=0, tag=0",
        "instrument, qty, limit, tif, tag",
        _sell,
    ),
    "target": ("instrument, qty", "instrument, qty", _target),
    "close": ("instrument", "instrument", _close),
    "cancel": ("order_id", "order_id", _cancel),
    "cancel_all": ("instrument=-1", "instrument", _cancel_all),
    "replace": ("order_id, limit", "order_id, limit", _replace),
    "position": ("instrument", "instrument", _position),
    "order": ("order_id", "order_id", _order),
    "cash": ("", "", _cash),
    "equity": ("", "", _equity),
    "last": ("instrument", "instrument", _last),
    "bid": ("instrument", "instrument", _bid),
    "ask": ("instrument", "instrument", _ask),
    "mid": ("instrument", "instrument", _mid),
    "now": ("", "", _now),
    "timer": ("after_ns, id=0", "after_ns, id", _timer),
}
"""Name -> parameters with defaults, arguments passed on, function; as in ``Context``."""

for _name, (_parameters, _call, _function) in CONTEXT_METHODS.items():
    add_method(CTX, _name, _parameters, _call, nb.njit(error_model="numpy")(_function))
