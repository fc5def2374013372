"""``ctx`` and events inside compiled handlers: the compiled twins of ``context`` and ``events``."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.atomic import load_i8, view
from alphaforge.engine.block import (
    alert_notice_at,
    bar_at,
    custom_at,
    engine_at,
    instrument_at,
    notice_at,
    slot_at,
)
from alphaforge.engine.messages import offset_of
from alphaforge.strategy import actions as C
from alphaforge.strategy import draws, market, notes
from alphaforge.strategy.context import Context, Random
from alphaforge.strategy.given import check_types
from alphaforge.strategy.records import (
    Obj,
    add_attribute,
    add_method,
    add_named,
    address_of,
    inner,
    obj,
)

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
    K.ON_BOOK: _type("book"),
    K.ON_ALERT: _type("alert"),
    K.ON_ACTION: _type("action"),
    K.ON_CUSTOM: _type("custom"),
}
_RANDOM = np.dtype([("draws_", "i8")], align=True)
RANDOM = obj(_RANDOM, "random")
"""``ctx.rng``: the block's address too."""
ctx_at = view(np.dtype([("now_", "i8")]), CTX)
EVENT_AT = {handler: view(_VIEW, type_) for handler, type_ in EVENTS.items()}


@inner
def _price(shown, ticks):
    record = instrument_at(shown.instrument_)
    return C.human(ticks, record.price_num, record.price_den)


@inner
def _qty(shown, lots):
    record = instrument_at(shown.instrument_)
    return C.human(lots, record.lot_num, record.lot_den)


@inner
def _amount(shown, rule, count):
    record = instrument_at(shown.instrument_)
    if (R.LOTS_BITS >> rule) & 1:
        return C.human(count, record.lot_num, record.lot_den)
    if (R.MONEY_BITS >> rule) & 1:
        return count / engine_at(shown.engine_).ledger
    return float(count)


ATTRIBUTES: dict[int, list[str]] = {}
"""Handler code -> what its event has."""


_RECORDS: dict[int, Any] = {
    K.ON_BAR: bar_at,
    K.ON_FILL: notice_at,
    K.ON_ORDER: notice_at,
    K.ON_ALERT: alert_notice_at,
    K.ON_CUSTOM: custom_at,
}
"""What lies at the address that a handler is shown; elsewhere a slot."""


def _attributes(handler: int, source: dict[str, str]) -> None:
    """Hang attributes given as expressions of the record ``e`` behind the view ``v``."""
    at = _RECORDS.get(handler, slot_at)
    scope: dict[str, Any] = {
        "_price": _price,
        "_qty": _qty,
        "_amount": _amount,
        "at": at,
        "engine_at": engine_at,
        "load_i8": load_i8,
    }
    ATTRIBUTES[handler] = list(source)
    for name, expression in source.items():
        made: dict[str, Any] = {}
        exec(f"def get(v):\n    e = at(v.event_)\n    return {expression}", scope, made)
        add_attribute(EVENTS[handler], name, inner(made["get"]))


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
_attributes(K.ON_BOOK, {**_BOTH, "seq": "e.seq"})
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


_attributes(
    K.ON_ALERT,
    {
        **_BOTH,
        **{name: f"e.{name}" for name in ("id", "rule", "severity", "count")},
        "limit": "_amount(v, e.rule, e.limit)",
        "value": "_amount(v, e.rule, e.value)",
    },
)
_attributes(
    K.ON_ACTION,
    {**_BOTH, "kind": "e.c", "numerator": "e.a", "denominator": "e.b", "ratio": "e.a / e.b"},
)
_attributes(K.ON_CUSTOM, {**_BOTH, "kind": "int(e.code)", **{n: f"e.{n}" for n in "abcd"}})


@inner
def _at(ctx, instrument):
    """The block's address; what isn't an instrument raises, and Python then says it in words."""
    m = address_of(ctx)
    if instrument < 0 or instrument >= engine_at(m).instruments_used:
        raise IndexError("no such instrument")
    return m


@inner
def _least(value, least):
    """A number that isn't below the least, else a raise, which Python then says in words."""
    if value < least:
        raise ValueError("too small")
    return value


@inner
def _given(value):
    """What kernels are told of a price that may be left out."""
    return math.nan if value is None else C.given(1.0 * value)


@inner
def _number(value):
    """A float64 of whatever number it is, so that each kernel is compiled for one type."""
    return 1.0 * value


def _sending(side: int) -> Any:
    def send(
        ctx,
        instrument,
        qty,
        limit,
        stop,
        touch,
        trail,
        trail_limit,
        trail_unit,
        trigger,
        tif,
        expire_ns,
        display,
        post_only,
        reduce_only,
        close_position,
        to_limit,
        emulate,
        stp,
        tag,
    ):
        return C.submit(
            _at(ctx, instrument),
            instrument,
            side,
            _number(qty),
            _given(limit),
            _given(stop),
            _given(touch),
            _given(trail),
            _given(trail_limit),
            trail_unit,
            trigger,
            tif,
            expire_ns,
            _given(display),
            C.flags_of(post_only, reduce_only, close_position, to_limit, emulate),
            stp,
            tag,
        )

    return send


def _bracket(ctx, instrument, qty, take, stop, limit, tif, tag):
    return C.bracket(
        _at(ctx, instrument),
        instrument,
        _number(qty),
        _given(limit),
        _number(take),
        _number(stop),
        tif,
        tag,
    )


def _link(ctx, first, second, kind):
    return C.link(address_of(ctx), first, second, kind) == 1


def _twap(ctx, instrument, qty, over_ns, slices, limit, tag):
    m = _at(ctx, instrument)
    given = _given(limit)
    return C.algorithm(
        m, instrument, K.TWAP, _number(qty), given, slices, over_ns, math.nan, 0, tag
    )


def _vwap(ctx, instrument, qty, over_ns, slices, limit, tag):
    m = _at(ctx, instrument)
    given = _given(limit)
    return C.algorithm(
        m, instrument, K.VWAP, _number(qty), given, slices, over_ns, math.nan, 0, tag
    )


def _pov(ctx, instrument, qty, share, limit, smallest, over_ns, tag):
    m, number, least = _at(ctx, instrument), C.parts_of(_number(share)), _given(smallest)
    return C.algorithm(
        m, instrument, K.POV, _number(qty), _given(limit), number, over_ns, least, 0, tag
    )


def _iceberg(ctx, instrument, qty, limit, display, over_ns, tag):
    m = _at(ctx, instrument)
    return C.algorithm(
        m, instrument, K.ICEBERG, _number(qty), _number(limit), 0, over_ns, _number(display), 0, tag
    )


def _chase(ctx, instrument, qty, limit, behind, over_ns, post_only, tag):
    m, flags, none = _at(ctx, instrument), K.POST_ONLY if post_only else 0, math.nan
    given = _given(limit)
    return C.algorithm(
        m, instrument, K.CHASE, _number(qty), given, behind, over_ns, none, flags, tag
    )


def _target(ctx, instrument, qty):
    return C.target(_at(ctx, instrument), instrument, _number(qty))


def _close(ctx, instrument):
    return C.target(_at(ctx, instrument), instrument, 0.0)


def _cancel(ctx, order_id):
    C.cancel(address_of(ctx), order_id)


def _cancel_all(ctx, instrument):
    C.cancel_all(address_of(ctx) if instrument == -1 else _at(ctx, instrument), instrument)


def _replace(ctx, order_id, limit, qty, stop):
    C.replace(address_of(ctx), order_id, _given(limit), _given(qty), _given(stop))


def _position(ctx, instrument):
    qty, average, unrealised, realised = C.position_of(_at(ctx, instrument), instrument)
    return C.PositionView(qty, average, unrealised, realised)


def _order(ctx, order_id):
    status, leaves, filled, price, stop, ahead = C.order_of(address_of(ctx), order_id)
    return C.OrderView(status, leaves, filled, price, stop, ahead)


def _cash(ctx):
    return C.cash(address_of(ctx))


def _equity(ctx):
    return C.equity(address_of(ctx))


def _last(ctx, instrument):
    return C.price_of(_at(ctx, instrument), instrument, 0)


def _bid(ctx, instrument):
    return C.price_of(_at(ctx, instrument), instrument, 1)


def _ask(ctx, instrument):
    return C.price_of(_at(ctx, instrument), instrument, 2)


def _mid(ctx, instrument):
    return C.price_of(_at(ctx, instrument), instrument, 3)


def _now(ctx):
    return C.now(address_of(ctx))


def _timer(ctx, after_ns, id):  # noqa: A002 - the user's keyword
    C.timer(address_of(ctx), _least(after_ns, 0), id)


def _depth(ctx, instrument, levels):
    m = _at(ctx, instrument)
    bids, asks, bid, ask = market.depth_of(m, instrument, _least(levels, 1))
    return market.DepthView(bids, asks, bid, ask)


def _level(ctx, instrument, side, n):
    m = _at(ctx, instrument)
    if side != 1 and side != -1:
        raise ValueError("no such side")
    price, qty = market.level_of(m, instrument, side, _least(n, 0))
    return market.LevelView(price, qty)


def _bar(ctx, instrument, back):
    m = _at(ctx, instrument)
    ts, first, high, low, last, volume = market.bar_of(m, instrument, _least(back, 0))
    return market.BarView(ts, first, high, low, last, volume)


def _record(ctx, name, value):
    notes.note(address_of(ctx), M.METRIC_ROW, name, _number(value))


def _log(ctx, text, value):
    notes.note(address_of(ctx), M.LOG_ROW, text, _number(value))


def _uniform(rng):
    return draws.draw_uniform(address_of(rng))


def _normal(rng):
    return draws.draw_normal(address_of(rng))


def _integers(rng, n):
    return draws.draw_integer(address_of(rng), _least(n, 1))


CONTEXT_METHODS: dict[str, Any] = {
    "buy": _sending(K.BUY),
    "sell": _sending(K.SELL),
    "bracket": _bracket,
    "link": _link,
    "twap": _twap,
    "vwap": _vwap,
    "pov": _pov,
    "iceberg": _iceberg,
    "chase": _chase,
    "target": _target,
    "close": _close,
    "cancel": _cancel,
    "cancel_all": _cancel_all,
    "replace": _replace,
    "position": _position,
    "order": _order,
    "cash": _cash,
    "equity": _equity,
    "last": _last,
    "bid": _bid,
    "ask": _ask,
    "mid": _mid,
    "depth": _depth,
    "level": _level,
    "bar": _bar,
    "record": _record,
    "log": _log,
    "now": _now,
    "timer": _timer,
}
"""Name -> function; called as ``Context`` declares it, with every argument."""

RANDOM_METHODS: dict[str, Any] = {"uniform": _uniform, "normal": _normal, "integers": _integers}
"""The same of ``ctx.rng``."""
_NAMED = ("record", "log")


def _hang(type_: Obj, owner: type, call: str, methods: dict[str, Any]) -> None:
    """Hang methods on a type as a class of Python mode declares them."""
    for name, function in methods.items():
        declared = vars(owner)[name]
        check = functools.partial(check_types, call + name, declared.__annotations__)
        compiled = inner(function)
        if name in _NAMED:
            add_named(type_, declared, compiled, notes.id_of, check)
        else:
            add_method(type_, declared, compiled, check)


_hang(CTX, Context, "ctx.", CONTEXT_METHODS)
_hang(RANDOM, Random, "ctx.rng.", RANDOM_METHODS)
_random_at = view(_RANDOM, RANDOM)


@inner
def _rng(ctx):
    return _random_at(address_of(ctx))


add_attribute(CTX, "rng", _rng)
