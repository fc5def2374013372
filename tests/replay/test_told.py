"""What a strategy is told beside bars and orders: the same in both modes."""

from __future__ import annotations

import math

from market import T0, slot, small_engine, trade
from modes import ABC, ROOM, XYZ, custom, equal, notes

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.risk import LIMIT_NOTIONAL, LIMIT_POSITION
from alphaforge.strategy.compile import python_entry

# --- alerts ---------------------------------------------------------------------------------------


class Alarmed(af.Strategy):
    """Wants more than it may have at every trade."""

    told: int = 0

    def on_trade(self, ctx, trade):
        ctx.buy(trade.instrument, 3)

    def on_order(self, ctx, order):
        ctx.record("order", order.status)

    def on_alert(self, ctx, alert):
        self.told += 1
        ctx.record("alert", alert.rule)
        ctx.record("severity", alert.severity)
        ctx.record("instrument", alert.instrument)
        ctx.record("limit", alert.limit)
        ctx.record("value", alert.value)
        ctx.record("count", alert.count)
        ctx.record("late", ctx.now() - alert.ts)
        ctx.record("id", alert.id)


def test_an_alert_is_told_once_until_it_is_seen() -> None:
    messages = [
        slot(M.LIMIT, T0, 0, a=LIMIT_POSITION, b=4),
        trade(T0 + 1, 100),
        trade(T0 + 2, 100),
        slot(M.ACKNOWLEDGE, T0 + 3, a=1),
        trade(T0 + 4, 100),
    ]
    own, rows, _ = equal(Alarmed(), messages, live=True)
    assert own.told == 2
    first = {"severity": K.WARNING, "instrument": 0, "limit": 2.0, "value": 3.0, "count": 1}
    wanted = [
        ("order", K.DENIED),
        ("alert", R.MAX_POSITION),
        *first.items(),
        ("late", 0),
        ("id", 1),
    ]
    again = [(name, 2 if name == "id" else value) for name, value in wanted]
    assert notes(rows) == [*wanted, ("order", K.DENIED), *again]


def test_an_alert_about_money_says_it_in_money() -> None:
    messages = [slot(M.LIMIT, T0, a=LIMIT_NOTIONAL, b=2_500_000), trade(T0 + 1, 100)]
    _, rows, _ = equal(Alarmed(), messages, live=True)
    said = dict(notes(rows))
    assert (said["alert"], said["limit"], said["value"]) == (R.MAX_NOTIONAL, 2.5, 3.0)


def test_an_alert_without_an_instrument_is_told_to_all() -> None:
    own, rows, _ = equal(Alarmed(), [trade(T0 + 1, 100, i=1), slot(M.KILL, T0 + 2)])
    assert own.told == 1
    said = dict(notes(rows))
    assert (said["alert"], said["instrument"]) == (R.KILL_SWITCH, -1)
    assert (said["limit"], said["value"], said["severity"]) == (0.0, 0.0, K.CRITICAL)


def test_an_alert_is_told_to_those_on_its_instrument_alone() -> None:
    messages = [
        slot(M.LIMIT, T0, 0, a=LIMIT_POSITION, b=4),
        slot(M.LIMIT, T0, 1, a=LIMIT_POSITION, b=4),
    ]
    engine = small_engine(XYZ, ABC, capacities=ROOM, live=True)
    on = [Alarmed(), Alarmed(), Alarmed()]
    for own, symbols in zip(on, (["XYZ"], ["ABC"], ["XYZ", "ABC"]), strict=True):
        engine.add_strategy(python_entry(own), symbols)
    L.pool(engine.block, "strategies")["handlers"][2] &= ~(1 << K.ON_TRADE)
    for message in [*messages, trade(T0 + 1, 100)]:
        assert engine.step(message) == K.FAULT_NONE
    assert [own.told for own in on] == [1, 0, 1]
    engine.step(slot(M.DETACH, T0 + 2, a=0))
    engine.step(slot(M.KILL, T0 + 3))
    assert [own.told for own in on] == [1, 1, 2], "a stopped one is told nothing"


# --- corporate actions ----------------------------------------------------------------------------


class Splits(af.Strategy):
    before: float = 0.0
    after: float = 0.0
    ratio: float = 0.0
    parts: int = 0

    def on_trade(self, ctx, trade):
        ctx.buy(trade.instrument, 2)
        self.before = ctx.last(trade.instrument)

    def on_action(self, ctx, action):
        self.after = ctx.last(action.instrument)
        self.ratio = action.ratio
        self.parts += action.numerator * 100 + action.denominator * 10 + action.instrument
        if action.kind == af.SPLIT:
            ctx.record("held", ctx.position(action.instrument).qty)
            ctx.record("late", ctx.now() - action.ts)
            ctx.close(action.instrument)


def test_an_action_is_told_after_it_was_applied() -> None:
    messages = [
        trade(T0 + 1, 300, lots=100),
        trade(T0 + 2, 300, lots=100),
        slot(M.ACTION, T0 + 3, a=3, b=2),
        slot(M.ACTION, T0 + 4, i=1, a=2, b=1),
        trade(T0 + 5, 200, lots=100),
    ]
    own, rows, _ = equal(Splits(), messages)
    assert (own.before, own.after, own.ratio, own.parts) == (2.0, 2.0, 1.5, 320)
    assert notes(rows) == [("held", 3.0), ("late", 0.0)]
    assert (rows["kind"] == M.FILL_ROW).sum() == 3


# --- events of one's own --------------------------------------------------------------------------


class Sent(af.Strategy):
    total: float = 0.0
    kinds: int = 0
    nans: int = 0

    def on_custom(self, ctx, event):
        self.total = event.a + 10.0 * event.b + 100.0 * event.c
        self.kinds += event.kind
        if math.isnan(event.d):
            self.nans += 1
        ctx.record("custom", event.ts - ctx.now())
        ctx.record("a", event.a)


def test_a_custom_event_is_shown_with_its_numbers() -> None:
    messages = [
        custom(T0 + 1, 1.5, 2.0, 3.0, math.nan, kind=255),  # every bit: none of them means a thing
        custom(T0 + 2, -0.0, kind=M.VENUE_ONLY),
        custom(T0 + 3, 7.0, i=1),
    ]
    own, rows, _ = equal(Sent(), messages)
    assert (own.total, own.kinds, own.nans) == (0.0, 257, 1)
    assert notes(rows) == [("custom", 0.0), ("a", 1.5), ("custom", 0.0), ("a", -0.0)]
    assert equal(Sent(), messages[:1])[0].total == 321.5
