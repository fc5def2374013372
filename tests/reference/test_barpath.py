"""Own orders on stored bars against a slow twin that moves the price one tick at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from market import HOUR, T0, bar, check_money, instrument, rows_of, slot, small_engine, submit

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.venue import Fees

TOUCHED = (K.MARKET_IF_TOUCHED, K.LIMIT_IF_TOUCHED)
TRAILING = (K.TRAILING_STOP_MARKET, K.TRAILING_STOP_LIMIT)
LIMITED = (K.LIMIT_ORDER, K.STOP_LIMIT, K.LIMIT_IF_TOUCHED)
WAITS = (K.STOP_MARKET, K.STOP_LIMIT, *TOUCHED, *TRAILING)


@dataclass
class Own:
    """An order as the twin has it; ``limit`` and ``stop`` 0 where it has none."""

    id: int
    type: int
    side: int
    leaves: int
    tif: int
    limit: int = 0
    stop: int = 0
    trail: int = 0
    offset: int = 0
    bps: bool = False
    waits: bool = False
    fired: bool = False  # at the price where the market is now
    done: str = ""

    def trailed(self, price: int) -> None:
        if not self.waits or not self.trail:
            return
        away = max(1, round(price * self.trail / 10_000)) if self.bps else self.trail
        there = price + self.side * away
        if self.stop == 0 or (self.stop - there) * self.side > 0:
            self.stop = there

    def met(self, price: int) -> bool:
        if self.waits:
            rises = (self.side > 0) != (self.type in TOUCHED)
            return self.stop > 0 and (price >= self.stop if rises else price <= self.stop)
        return self.limit == 0 or (self.limit - price) * self.side >= 0


class Twin:
    """Walks open, high, low, close tick by tick; at each it asks every order, oldest first."""

    def __init__(self, path: str, slip: int, share: bool, whole: bool) -> None:
        self.path, self.slip, self.share, self.whole = path, slip, share, whole
        self.orders: list[Own] = []
        self.ended: list[Own] = []
        self.fills: list[tuple[int, int, int, int]] = []
        self.net = self.room = 0

    def end(self, o: Own, how: str) -> None:
        o.done = how
        self.orders.remove(o)
        self.ended.append(o)

    def fill(self, o: Own, price: int, taker: bool) -> None:
        got = o.leaves if self.whole else min(o.leaves, self.room)
        if o.tif == K.FOK and got < o.leaves:
            self.end(o, "expired")
            return
        self.room = max(0, self.room - got)
        if taker:
            worse = max(1, price + o.side * self.slip)
            price = worse if not o.limit or (o.limit - worse) * o.side >= 0 else o.limit
        o.leaves -= got
        self.net += o.side * got
        self.fills.append((o.id, o.side * got, price, K.TAKER if taker else K.MAKER))
        if o.leaves == 0:
            self.end(o, "filled")
        elif o.tif == K.IOC:
            self.end(o, "expired")
        elif o.type == K.MARKET_TO_LIMIT and not o.limit:
            o.limit = price

    def fire(self, o: Own, price: int) -> None:
        o.waits, o.fired = False, True
        if o.type == K.TRAILING_STOP_LIMIT:
            o.limit = max(1, o.stop + o.side * o.offset)
        self.orders.remove(o)
        self.orders.append(o)
        if o.limit and (o.limit - price) * o.side < 0 and o.tif in (K.IOC, K.FOK):
            self.end(o, "expired")

    def at(self, price: int, opening: bool) -> None:
        """The market is at a price: whoever is met has his turn until nobody is."""
        for o in self.orders:
            o.fired = False
            o.trailed(price)
        while True:
            for o in self.orders:
                if o.met(price) and (o.waits or self.room > 0):
                    break
            else:
                return
            if o.waits:
                self.fire(o, price)
            else:
                self.fill(o, price, opening or o.fired or o.limit != price)

    def high_first(self, opening: int, high: int, low: int) -> bool:
        if self.path == "pessimistic":
            if self.net == 0:
                return bool(self.orders) and self.orders[0].side > 0
            return self.net < 0
        return self.path == "ohlc" or (self.path == "adaptive" and high - opening <= opening - low)

    def bar(self, opening: int, high: int, low: int, close: int, volume: int) -> None:
        self.room = volume // 2 if self.share else 10**9
        self.at(opening, True)
        for o in [o for o in self.orders if o.tif in (K.IOC, K.FOK) and not o.waits]:
            self.end(o, "expired")
        legs = [high, low] if self.high_first(opening, high, low) else [low, high]
        price = opening
        for to in (*legs, close):
            while price != to:
                price += 1 if to > price else -1
                self.at(price, False)


prices, sides = st.integers(90, 110), st.sampled_from([1, -1])
order = st.fixed_dictionaries(
    {
        "type": st.integers(0, K.TRAILING_STOP_LIMIT),
        "side": sides,
        "qty": st.integers(1, 20),
        "tif": st.sampled_from([K.GTC, K.GTC, K.GTC, K.IOC, K.FOK]),
        "limit": prices,
        "stop": prices,
        "trail": st.integers(1, 6),
        "offset": st.integers(0, 4),
        "bps": st.booleans(),
        "started": st.booleans(),
    }
)
bars = st.tuples(
    prices, st.integers(-8, 8), st.integers(0, 8), st.integers(0, 8), st.integers(0, 15)
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("order"), order),
        st.tuples(st.just("bar"), bars),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
    ),
    min_size=4,
    max_size=40,
)


def own_of(d: dict[str, Any], order_id: int, one_side: int) -> Own:
    """An order that can't meet another own one: one side only, or limits that don't cross."""
    side, kind = one_side or d["side"], d["type"]
    if not one_side and kind in (K.MARKET_TO_LIMIT, K.TRAILING_STOP_LIMIT):
        kind = K.MARKET_ORDER
    o = Own(order_id, kind, side, d["qty"], d["tif"])
    if kind in LIMITED:
        o.limit = d["limit"]
        if not one_side:
            o.limit = min(o.limit, 100) if side > 0 else max(o.limit, 101)
    if kind in WAITS:
        o.waits = True
        o.stop = d["stop"]
    if kind in TRAILING:
        o.bps = d["bps"]
        o.trail = d["trail"] * (100 if o.bps else 1)
        o.stop = d["stop"] if d["started"] else 0
    if kind == K.TRAILING_STOP_LIMIT:
        o.offset = d["offset"]
    return o


def message(o: Own, ts: int) -> Any:
    unit = K.TRAIL_BPS if o.bps else K.TRAIL_TICKS
    terms = {"type": o.type, "tif": o.tif, "price": o.limit, "stop": o.stop, "unit": unit}
    return submit(ts, o.id, o.side, o.leaves, **terms, trail=o.trail, offset=o.offset)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["ohlc", "olhc", "adaptive", "pessimistic"]),
    st.sampled_from([0, 2]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, -1, 0]),
    steps,
)
def test_bars_equal_the_slow_twin(
    path: str, slip: int, share: bool, whole: bool, one_side: int, operations: list[Any]
) -> None:
    venue = af.Venue(
        path=path,
        slippage=af.TickSlippage(slip) if slip else af.NoSlippage(),
        volume_share="0.5" if share else "0",
        partial=not whole,
    )
    engine = small_engine(instrument(), fees=Fees(), model=venue)
    twin = Twin(path, slip, share, whole)
    ts, ids = T0, K.HOST_ID
    last = 100
    engine.step(bar(ts, (last, last, last, last)))
    for kind, what in operations:
        ts += 1
        if kind == "order":
            ids += 1
            o = own_of(what, ids, one_side)
            engine.step(message(o, ts))
            o.trailed(last)
            twin.orders.append(o)
        elif kind == "cancel":
            if twin.orders:
                o = twin.orders[what % len(twin.orders)]
                engine.step(slot(M.CANCEL, ts, a=o.id))
                twin.end(o, "cancelled")
        else:
            opening, to, up, down, volume = what
            close = opening + to
            high, low = max(opening, close) + up, min(opening, close) - down
            ts += HOUR
            each = bar(ts, (opening, high, low, close))
            each["volume"] = 2 * volume
            engine.step(each)
            twin.bar(opening, high, low, close, 2 * volume)
            last = close
        check_money(engine)
    rows = rows_of(engine, M.FILL_ROW)
    found = [tuple(int(row[n]) for n in ("a", "b", "c", "code")) for row in rows]
    assert found == twin.fills
    orders = L.pool(engine.block, "orders")
    statuses = {int(o["id"]): K.STATUS_NAMES[int(o["status"])] for o in orders if o["id"]}
    assert {o.id: statuses[o.id] for o in twin.ended} == {o.id: o.done for o in twin.ended}
    leaves = {int(o["id"]): int(o["leaves"]) for o in orders if o["open"] == 1}
    assert leaves == {o.id: o.leaves for o in twin.orders}
