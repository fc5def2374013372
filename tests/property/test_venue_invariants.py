"""Random orders of every kind at simulated venues of every kind: what must hold after every event.

Orders of all types, times in force, flags, trailing units and contingencies, replaces and cancels,
in markets of quotes, trades, books and bars. Each rule is looked at after each event, from the
block and from the rows that the event journalled.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market import (
    HOUR,
    SMALL,
    T0,
    bar,
    check_money,
    check_orders,
    instrument,
    quote,
    slot,
    small_engine,
    submit,
    trade,
)
from market import replace as change

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.engine.terms import REDUCES

ENTRY, RESPONSE = 50_000_000, 30_000_000
STEP = 20_000_000
LATE = af.Latency(entry="50ms", response="30ms")
QUEUES = (
    af.ThroughQueue(),
    af.FrontQueue(),
    af.RiskAverseQueue(),
    af.PowerQueue(2.0),
    af.LogQueue(),
)
CAPACITIES = replace(SMALL, orders=512, queue=1024, queued=256)
TRIGGERED = (
    K.STOP_MARKET,
    K.STOP_LIMIT,
    K.MARKET_IF_TOUCHED,
    K.LIMIT_IF_TOUCHED,
    K.TRAILING_STOP_MARKET,
    K.TRAILING_STOP_LIMIT,
)
LIMITED = (K.LIMIT_ORDER, K.STOP_LIMIT, K.LIMIT_IF_TOUCHED)

prices, lots, sides = st.integers(90, 110), st.integers(1, 30), st.sampled_from([1, -1])
which = st.integers(0, 1)
shift = st.integers(-6, 6)
events = {
    "quote": st.tuples(st.just("quote"), which, prices, st.integers(0, 4), lots),
    "trade": st.tuples(st.just("trade"), which, prices, lots, st.sampled_from([1, -1, 0])),
    "depth": st.tuples(st.just("depth"), which, sides, prices, st.integers(0, 30)),
    "l3": st.tuples(st.just("l3"), which, st.integers(0, 3), sides, prices, lots),
    "bar": st.tuples(
        st.just("bar"), which, prices, shift, st.integers(0, 9), st.integers(0, 9), lots
    ),
    "mark": st.tuples(st.just("mark"), which, prices),
    "halt": st.tuples(st.just("halt"), which, st.sampled_from([K.OPEN, K.OPEN, K.HALT])),
    "auction": st.tuples(st.just("auction"), which, prices, lots, st.integers(0, 1)),
}
orders = st.fixed_dictionaries(
    {
        "i": which,
        "side": sides,
        "qty": lots,
        "type": st.integers(0, K.CHASE),
        "tif": st.sampled_from([K.GTC] * 4 + list(range(7))),
        "price": prices,
        "stop": prices,
        "trail": st.integers(1, 5),
        "offset": st.integers(0, 3),
        "unit": st.sampled_from([K.TRAIL_TICKS, K.TRAIL_TICKS, K.TRAIL_BPS, K.TRAIL_ATR]),
        "trigger": st.sampled_from([K.LAST, K.LAST, K.BID_ASK, K.MID, K.MARK]),
        "exec_flags": st.sampled_from([0, 0, 0, K.POST_ONLY, K.REDUCE_ONLY, K.CLOSE_POSITION, 8]),
        "stp": st.integers(0, 3),
        "display": st.sampled_from([0, 0, 3]),
        "link": st.sampled_from([K.NO_LINK, K.NO_LINK, K.OTO, K.OCO, K.OUO]),
        "with_": st.integers(0, 3),
        "started": st.booleans(),
    }
)
commands = st.one_of(
    st.tuples(st.just("order"), orders),
    st.tuples(st.just("order"), orders),
    st.tuples(st.just("order"), orders),
    st.tuples(st.just("bracket"), which, sides, lots, st.none() | prices, st.integers(1, 5), sides),
    st.tuples(st.just("cancel"), st.integers(0, 12)),
    st.tuples(st.just("move"), st.integers(0, 12), prices, prices, st.integers(0, 2), lots),
)
MARKETS = {
    "quotes": (["quote", "quote", "trade", "mark"], "L1"),
    "trades": (["trade"], "L1"),
    "levels": (["depth", "depth", "depth", "trade"], "L2"),
    "orders": (["l3", "l3", "l3", "trade"], "L3"),
    "bars": (["bar", "bar", "mark"], "L1"),
    "halts": (["quote", "trade", "halt", "auction"], "L1"),
}


@st.composite
def venues(draw: Any, depth: str, late: bool) -> af.Venue:
    queues = (*QUEUES, af.FifoQueue()) if depth == "L3" else QUEUES
    return af.Venue(
        depth=depth,
        latency=LATE if late else af.Latency(),
        queue=draw(st.sampled_from(queues)),
        slippage=draw(st.sampled_from([af.NoSlippage(), af.TickSlippage(2)])),
        path=draw(st.sampled_from(["ohlc", "olhc", "adaptive", "pessimistic"])),
        fill=draw(st.sampled_from(["next_open", "next_open", "this_close"])),
        volume_share=draw(st.sampled_from(["0", "0.5"])),
        partial=draw(st.booleans()),
    )


@st.composite
def runs(draw: Any, market: str, late: bool) -> tuple[af.Venue, list[tuple[Any, ...]]]:
    kinds, depth = MARKETS[market]
    event = st.one_of([events[kind] for kind in kinds])
    operations = st.lists(st.one_of(event, event, commands), min_size=10, max_size=70)
    return draw(venues(depth, late)), draw(operations)


@dataclass
class Asked:
    """What a test knows of an order that it gave."""

    ts: int
    terms: dict[str, int]
    parent: int = 0
    size: int = 0
    ring: set[int] = field(default_factory=set)
    changed: bool = False


class Driver:
    """Turns drawn operations into messages, and remembers what was asked for."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.ts, self.ids = engine, T0, K.HOST_ID
        self.asked: dict[int, Asked] = {}
        self.books: dict[int, dict[int, dict[int, int]]] = {n: {1: {}, -1: {}} for n in (0, 1)}
        self.singles: dict[int, list[tuple[int, int]]] = {0: [], 1: []}

    def do(self, operation: tuple[Any, ...]) -> None:
        self.ts += STEP
        for message in getattr(self, operation[0])(*operation[1:]):
            self.engine.step(message)

    # --- the market

    def quote(self, i: int, bid: int, spread: int, size: int) -> list[Any]:
        return [quote(self.ts, bid, bid + 1 + spread, size, i)]

    def trade(self, i: int, tick: int, size: int, side: int) -> list[Any]:
        return [trade(self.ts, tick, size, side, i)]

    def depth(self, i: int, side: int, tick: int, size: int) -> list[Any]:
        """One level; what it would cross goes first, in the same frame."""
        book = self.books[i]
        gone = [t for t in book[-side] if size and (tick - t) * side >= 0]
        frame = [(t, 0, -side) for t in gone] + [(tick, size, side)]
        for t, lot, s in frame:
            book[s].pop(t, None)
            if lot:
                book[s][t] = lot
        return [
            slot(M.DEPTH, self.ts, i, M.MORE if n + 1 < len(frame) else 0, a=t, b=lot, c=s)
            for n, (t, lot, s) in enumerate(frame)
        ]

    def l3(self, i: int, kind: int, side: int, tick: int, size: int) -> list[Any]:
        """Single orders: bids below 100, asks above, so that the book is never crossed."""
        known = self.singles[i]
        if kind < 2 or not known:
            tick = min(tick, 99) if side > 0 else max(tick, 101)
            self.ids += 1
            known.append((self.ids, size))
            return [slot(M.ORDER_ADD, self.ts, i, a=self.ids, b=tick, c=size, d=side)]
        order_id, left = known.pop(tick % len(known))
        gone = min(size, left)
        if left > gone:
            known.append((order_id, left - gone))
        return [slot((M.ORDER_CANCEL, M.ORDER_EXECUTE)[kind - 2], self.ts, i, a=order_id, c=gone)]

    def bar(self, i: int, opening: int, to: int, up: int, down: int, size: int) -> list[Any]:
        close = opening + to
        message = bar(
            self.ts + HOUR,
            (opening, max(opening, close) + up, min(opening, close) - down, close),
            i,
        )
        message["volume"] = size
        self.ts += HOUR
        return [message]

    def mark(self, i: int, tick: int) -> list[Any]:
        return [slot(M.MARK, self.ts, i, a=tick)]

    def halt(self, i: int, status: int) -> list[Any]:
        return [slot(M.STATUS, self.ts, i, a=status)]

    def auction(self, i: int, tick: int, size: int, closing: int) -> list[Any]:
        return [slot(M.AUCTION, self.ts, i, a=tick, b=size, c=closing)]

    # --- orders

    def new(self, i: int, side: int, size: int, asked: Asked, **terms: int) -> Any:
        self.ids += 1
        self.asked[self.ids] = asked
        asked.size = size
        asked.ring.add(self.ids)
        return submit(self.ts, self.ids, side, size, i=i, **terms)

    def order(self, d: dict[str, Any]) -> list[Any]:
        """Mostly an order that can be: each type with the fields that it has."""
        kind = d["type"]
        terms = {"type": kind, "tif": d["tif"], "exec_flags": d["exec_flags"], "stp": d["stp"]}
        asked = Asked(self.ts, terms)
        if kind in LIMITED:
            terms["price"] = d["price"]
        if kind in TRIGGERED:
            terms["trigger"] = d["trigger"]
            terms["stop"] = d["stop"]
        if kind in TRIGGERED[-2:]:
            terms["trail"] = d["trail"] * (300 if d["unit"] != K.TRAIL_TICKS else 1)
            terms["unit"] = d["unit"]
            terms["stop"] = d["stop"] if d["started"] else 0
        if kind == K.TRAILING_STOP_LIMIT:
            terms["offset"] = d["offset"]
        if d["display"] and kind in (K.LIMIT_ORDER, K.STOP_LIMIT, K.MARKET_TO_LIMIT):
            terms["display"] = min(d["display"], d["qty"])
        if d["tif"] == K.GTD:
            terms["expire"] = self.ts + 10 * STEP
        if kind >= K.FIRST_ALGORITHM:
            terms |= {"tif": K.GTC, "exec_flags": 0, "trail": 3, "expire": self.ts + 20 * STEP}
            terms |= {"price": d["price"]} if kind == K.ICEBERG else {}
            terms |= {"trail": 200_000_000} if kind == K.POV else {}
            terms |= {"display": min(3, d["qty"])} if kind == K.ICEBERG else {}
        known = [k for k in self.asked if self.asked[k].terms["type"] < K.FIRST_ALGORITHM]
        other = known[-1 - d["with_"] % len(known)] if known else 0
        if other and kind < K.FIRST_ALGORITHM and d["link"] == K.OTO:
            terms |= {"parent": other, "link": K.OTO}
            asked.parent = other
        elif other and kind < K.FIRST_ALGORITHM and d["link"] in (K.OCO, K.OUO):
            mate = self.asked[other]
            link = mate.terms.get("link", K.NO_LINK)  # a ring is of one kind
            terms |= {"peer": other, "link": link if link >= K.OCO else d["link"]}
            mate.terms["link"] = terms["link"]
            asked.ring = mate.ring
        return [self.new(d["i"], d["side"], d["qty"], asked, **terms)]

    def bracket(
        self, i: int, side: int, size: int, limit: int | None, away: int, link: int
    ) -> list[Any]:
        kind = K.OCO if link > 0 else K.OUO
        at = limit or 100
        entry: dict[str, int] = {"type": K.MARKET_ORDER}
        if limit:
            entry = {"type": K.LIMIT_ORDER, "price": limit}
        parent = Asked(self.ts, entry)
        messages = [self.new(i, side, size, parent, **entry)]
        first, ring = self.ids, set()
        leave = {"exec_flags": K.REDUCE_ONLY, "link": kind, "parent": first}
        take = {**leave, "type": K.LIMIT_ORDER, "price": at + side * away}
        asked = Asked(self.ts, take, first, ring)
        messages.append(self.new(i, -side, size, asked, **take))
        stop = {**leave, "type": K.STOP_MARKET, "stop": at - side * away, "peer": self.ids}
        messages.append(self.new(i, -side, size, Asked(self.ts, stop, first, ring), **stop))
        return messages

    def pick(self, n: int) -> int:
        known = list(self.asked)
        return known[-1 - n % len(known)] if known else 12_345

    def cancel(self, n: int) -> list[Any]:
        return [slot(M.CANCEL, self.ts, a=self.pick(n))]

    def move(self, n: int, price: int, stop: int, what: int, size: int) -> list[Any]:
        order_id = self.pick(n)
        if order_id in self.asked:
            self.asked[order_id].changed |= what == 2
        fields = ({"price": price}, {"stop": stop}, {"qty": size})[what]
        return [change(self.ts, order_id, **fields)]


class Watch:
    """Looks at the block and at new journal rows after each event."""

    def __init__(self, engine: Engine, driver: Driver, late: bool) -> None:
        self.engine, self.driver, self.late = engine, driver, late
        self.read = 0
        self.limit: dict[int, int] = {}
        self.first: dict[int, int] = {}
        self.filled: dict[int, int] = defaultdict(int)
        self.position = [0, 0]
        self.ahead: dict[tuple[int, int, int], int] = {}

    def look(self) -> None:
        engine = self.engine
        assert engine.fault == K.FAULT_NONE
        check_money(engine)
        check_orders(engine)
        written = engine.journal.written
        for row in engine.journal.copy(self.read, written):
            if row["kind"] == M.ORDER_ROW:
                self.limit[int(row["a"])] = int(row["c"])
            elif row["kind"] == M.FILL_ROW:
                self.fill(row)
        self.read = written
        self.pool()
        for i in (0, 1):
            self.venue(i)
        if not self.late:
            self.peers()

    def fill(self, row: Any) -> None:
        """One fill against the terms that were asked for."""
        key, size, price, ts = (int(row[n]) for n in ("a", "b", "c", "ts"))
        i, side = int(row["instrument"]), 1 if size > 0 else -1
        asked = self.driver.asked.get(key)
        before = self.position[i]
        self.position[i] += size
        self.filled[key] += abs(size)
        self.first.setdefault(key, ts)
        if limit := self.limit[key]:
            assert (limit - price) * side >= 0, "a fill through its limit"
        if asked is None:  # an algorithm's child: what it fills, its parent has filled
            orders = L.pool(self.engine.block, "orders")
            self.filled[int(orders["parent_id"][orders["id"] == key][0])] += abs(size)
            return
        flags = asked.terms.get("exec_flags", 0)
        if flags & REDUCES:
            assert before * size < 0, "reduce only, and it opened"
            assert abs(size) <= abs(before), "reduce only, and it turned the position"
        if flags & K.POST_ONLY:
            assert row["code"] == K.MAKER, "post only, and it took"
        delay = ENTRY if self.late and asked.terms["type"] < K.FIRST_ALGORITHM else 0
        assert ts >= asked.ts + delay, "filled before it could arrive"
        if asked.parent:
            there = self.first[asked.parent] + (ENTRY + RESPONSE if self.late else 0)
            assert ts >= there, "a child before its parent's fill reached us"
        if expire := asked.terms.get("expire", 0):
            assert ts <= expire + (asked.terms["type"] >= K.FIRST_ALGORITHM) * 10**18

    def pool(self) -> None:
        """Orders as we know them."""
        orders = L.pool(self.engine.block, "orders")
        for o in orders[orders["id"] != 0]:
            key = int(o["id"])
            done = int(o["qty"] - o["leaves"])
            asked = self.driver.asked.get(key)
            if self.late and asked and asked.terms["type"] >= K.FIRST_ALGORITHM:
                # A child's fill may be on its way when the parent is cancelled, which ends at once.
                assert done <= self.filled[key]
                continue
            assert done == self.filled[key], "filled + leaves == quantity"
            if asked is None:
                continue
            sized = asked.terms.get("exec_flags", 0) & K.CLOSE_POSITION == 0 and not asked.changed
            if sized and asked.parent and o["open"] == 1 and o["held"] == 0:
                assert o["qty"] <= self.filled[asked.parent], "a child beyond its parent"
            whole = not asked.changed and len(asked.ring) == 1 and not asked.parent
            shrinks = asked.terms.get("stp", 0) == K.DECREMENT
            if (
                asked.terms.get("tif") == K.FOK
                and whole
                and sized
                and not self.late
                and not shrinks
            ):
                assert done in (0, int(o["qty"])), "fill or kill did neither"

    def venue(self, i: int) -> None:
        """Own orders at the venue: the list, its bounds and counts, nothing crossed."""
        orders = L.pool(self.engine.block, "orders")
        resting = L.pool(self.engine.block, "resting")
        x = L.pool(self.engine.block, "exchanges")[i]
        at, last, found = int(x["head"]), -1, []
        while at >= 0:
            r = resting[at]
            assert r["prev"] == last
            assert r["state"] != L.NOT_THERE
            assert r["leaves"] > 0
            assert orders[at]["instrument"] == i
            if not self.late:
                assert orders[at]["open"] == 1
                assert r["leaves"] == orders[at]["leaves"]
            found.append(at)
            last, at = at, int(r["next"])
        assert last == x["tail"]
        assert len(found) == x["count"]
        there = np.flatnonzero((resting["state"] != L.NOT_THERE) & (orders["instrument"] == i))
        assert set(there.tolist()) == set(found)
        self.bounds(x, orders[found], resting[found])
        if x["status"] == K.OPEN:
            for n in found:
                self.queue(orders[n], resting[n])

    def bounds(self, x: Any, orders: Any, resting: Any) -> None:
        booked = (resting["state"] == L.IN_BOOK) & (resting["price"] > 0)
        ends = ~np.isin(orders["tif"], (K.IOC, K.FOK))
        waits = {s: resting["price"][booked & ends & (orders["side"] == s)] for s in (1, -1)}
        if waits[1].size:
            assert x["buy_low"] <= waits[1].min() <= waits[1].max() <= x["buy_high"]
        if waits[-1].size:
            assert x["sell_low"] <= waits[-1].min() <= waits[-1].max() <= x["sell_high"]
        market = (resting["state"] == L.IN_BOOK) & ((resting["price"] == 0) | ~ends)
        assert x["eager"] >= market.sum()
        # IOC and FOK aren't in a book: they wait for the first that is heard of a market.
        if waits[1].size and waits[-1].size and x["status"] == K.OPEN:
            assert waits[1].max() < waits[-1].min(), "own orders cross each other"

    def queue(self, o: Any, r: Any) -> None:
        """Others before a resting order only become fewer, while it keeps its place."""
        if r["state"] != L.IN_BOOK or o["display"] > 0:
            return
        key = (int(o["id"]), int(r["arrival"]), int(r["price"]))
        ahead = int(r["ahead"]) if r["ahead"] != L.UNKNOWN else 10**9
        assert ahead >= 0
        assert ahead <= self.ahead.get(key, 10**9), "the queue before it grew"
        self.ahead[key] = ahead

    def peers(self) -> None:
        """OCO and OUO: together no more than one order's quantity."""
        for asked in self.driver.asked.values():
            if len(asked.ring) < 2 or any(self.driver.asked[k].changed for k in asked.ring):
                continue
            flags = [self.driver.asked[k].terms.get("exec_flags", 0) for k in asked.ring]
            if any(each & K.CLOSE_POSITION for each in flags):
                continue
            filled = [self.filled[k] for k in asked.ring]
            if asked.terms.get("link") == K.OCO:
                assert sum(n > 0 for n in filled) <= 1, "one cancels the other, and both filled"
            most = max(self.driver.asked[k].size for k in asked.ring)
            assert sum(filled) <= most, "peers filled more than one order's quantity"


def drive(venue: af.Venue, operations: list[tuple[Any, ...]], late: bool) -> tuple[Engine, Watch]:
    engine = small_engine(
        instrument("AAA", "0.01"),
        instrument("BBB", "0.25", multiplier="50"),
        capacities=CAPACITIES,
        model=venue,
    )
    driver = Driver(engine)
    watch = Watch(engine, driver, late)
    for operation in operations:
        driver.do(operation)
        watch.look()
    return engine, watch


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("market", list(MARKETS))
def test_orders_of_every_kind(market: str, late: bool) -> None:
    @settings(max_examples=60, deadline=None)
    @given(runs(market, late))
    def always(run: tuple[af.Venue, list[tuple[Any, ...]]]) -> None:
        drive(*run, late)

    always()
