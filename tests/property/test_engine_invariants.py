"""Random markets and random orders: money is conserved, and the pools tell one story."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market import (
    FEES,
    HOUR,
    T0,
    bar,
    check_journal_of_orders,
    check_money,
    check_orders,
    instrument,
    quote,
    replace,
    report,
    rows_of,
    slot,
    small_engine,
    submit,
    trade,
)

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.strategy.compile import compiled_entry

INSTRUMENTS = (
    instrument("AAA", "0.01"),
    instrument("BBB", "0.25", multiplier="50"),  # a future's point value
    instrument("CCC", "0.0001", lot="0.001"),  # half a ledger unit and less: rounding every time
)
prices = st.integers(90, 110)
lots = st.integers(1, 40)
sides = st.sampled_from([1, -1])
which = st.integers(0, 2)
tifs = st.sampled_from([K.GTC, K.IOC])

event = st.one_of(
    st.tuples(st.just("trade"), which, prices, lots, sides),
    st.tuples(st.just("quote"), which, prices, st.integers(0, 5), lots),
    st.tuples(st.just("bar"), which, prices, prices, st.integers(0, 9), st.integers(0, 9)),
)
order = st.one_of(
    st.tuples(st.just("market"), which, sides, lots, tifs),
    st.tuples(st.just("limit"), which, sides, lots, tifs, prices),
    st.tuples(st.just("limit"), which, sides, lots, tifs, prices),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("replace"), st.integers(0, 30), prices),
    st.tuples(st.just("cancel_all"), st.integers(-1, 2)),
    st.tuples(st.just("limits"), st.integers(0, 60), st.integers(0, 10**9), st.integers(0, 5)),
    st.tuples(st.just("state"), st.integers(0, 2)),
    st.tuples(st.just("flatten"), which),
    st.tuples(st.just("kill"), st.integers(0, 1)),
)


split = st.tuples(st.just("split"), which, st.sampled_from([(2, 1), (3, 2), (1, 4), (7, 1)]))


class Driver:
    """Turns drawn operations into messages; host ids in the order in which they were given."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.ts, self.ids = engine, T0, K.HOST_ID
        self.known: list[int] = []

    def do(self, operation: tuple[Any, ...]) -> int:
        self.ts += 137_000_000
        return self.engine.step(getattr(self, operation[0])(*operation[1:]))

    def next_id(self) -> int:
        self.ids += 1
        self.known.append(self.ids)
        return self.ids

    def pick(self, n: int) -> int:
        return self.known[-1 - n % len(self.known)] if self.known else 12_345

    def trade(self, i: int, tick: int, size: int, side: int) -> Any:
        return trade(self.ts, tick, size, side, i)

    def quote(self, i: int, bid: int, spread: int, size: int) -> Any:
        return quote(self.ts, bid, bid + 1 + spread, size, i)

    def bar(self, i: int, opening: int, close: int, up: int, down: int) -> Any:
        self.ts += HOUR
        high, low = max(opening, close) + up, min(opening, close) - down
        return bar(self.ts, (opening, high, low, close), i)

    def market(self, i: int, side: int, size: int, tif: int) -> Any:
        return submit(self.ts, self.next_id(), side, size, 0, tif, i)

    def limit(self, i: int, side: int, size: int, tif: int, price: int) -> Any:
        return submit(self.ts, self.next_id(), side, size, price, tif, i)

    def cancel(self, n: int) -> Any:
        return slot(M.CANCEL, self.ts, a=self.pick(n))

    def replace(self, n: int, price: int) -> Any:
        return replace(self.ts, self.pick(n), price=price)

    def cancel_all(self, i: int) -> Any:
        return slot(M.CANCEL_ALL, self.ts, a=i)

    def split(self, i: int, ratio: tuple[int, int]) -> Any:
        return slot(M.ACTION, self.ts, i, a=ratio[0], b=ratio[1])

    def limits(self, position: int, notional: int, rate: int) -> Any:
        index, value = [(0, position), (1, notional), (2, rate)][self.ts % 3]
        return slot(M.LIMIT, self.ts, self.ts % 2, a=index, b=value)

    def state(self, trading: int) -> Any:
        return slot(M.STATE, self.ts, a=trading)

    def flatten(self, i: int) -> Any:
        return slot(M.FLATTEN, self.ts, a=i)

    def kill(self, and_flatten: int) -> Any:
        return slot(M.KILL, self.ts, a=and_flatten)


def check_all(engine: Engine, split: bool = False) -> None:
    check_money(engine)
    check_orders(engine)
    if not split:  # a split changes quantities, and no row says from what
        check_journal_of_orders(rows_of(engine))
    assert engine.fault == K.FAULT_NONE


@settings(max_examples=120, deadline=None)
@given(
    st.one_of(
        st.lists(st.one_of(event, event, order), min_size=10, max_size=80),
        st.lists(st.one_of(event, event, order, split), min_size=10, max_size=80),
    )
)
def test_host_orders_in_random_markets(operations: list[tuple[Any, ...]]) -> None:
    engine = small_engine(*INSTRUMENTS, fees=FEES)
    driver = Driver(engine)
    for operation in operations:
        driver.do(operation)
        check_money(engine)
        check_orders(engine)
    check_all(engine, any(operation[0] == "split" for operation in operations))


class Noise(af.Strategy):
    """Trades without reason but the same way every time: a generator in its fields."""

    seed: int = 1
    last: int = 0

    def draw(self, n: int) -> int:
        self.seed = (self.seed * 16_807) % 2_147_483_647
        return self.seed % n

    def trade(self, ctx, i: int, price: float) -> int:
        what = self.draw(7)
        qty = 1.0 + self.draw(20)
        if what == 0:
            ctx.target(i, qty - 10.0)
        elif what == 1:
            ctx.cancel(self.last)
        elif what == 2:
            ctx.replace(self.last, price * (0.9 + 0.01 * self.draw(20)))
        elif what == 3:
            ctx.cancel_all(i)
        elif what == 4:
            self.last = ctx.sell(i, qty, limit=price * (0.95 + 0.01 * self.draw(10)))
        elif what == 5:
            self.last = ctx.buy(i, qty, limit=price * (0.95 + 0.01 * self.draw(10)), tif=af.IOC)
        else:
            self.last = ctx.buy(i, qty)
        return what

    def on_trade(self, ctx, trade):
        self.trade(ctx, trade.instrument, trade.price)

    def on_quote(self, ctx, quote):
        self.trade(ctx, quote.instrument, quote.bid)

    def on_bar(self, ctx, bar):
        self.trade(ctx, bar.instrument, bar.close)

    def on_fill(self, ctx, fill):
        if self.draw(3) == 0:
            ctx.timer(self.draw(10) * 100_000_000, id=3)

    def on_timer(self, ctx, timer):
        ctx.cancel_all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(event, event, event, order), min_size=10, max_size=60),
    st.integers(1, 10**6),
)
def test_two_strategies_and_a_host(operations: list[tuple[Any, ...]], seed: int) -> None:
    engine = small_engine(*INSTRUMENTS, fees=FEES)
    for k in (0, 1):
        engine.add_strategy(compiled_entry(Noise(seed=seed + k)), ["AAA", "BBB", "CCC"][k:])
    driver = Driver(engine)
    for operation in operations:
        fault = driver.do(operation)
        check_money(engine)
        if fault:  # the small pools can fill up: that is a fault, and no money is lost by it
            assert fault in (K.FAULT_ORDERS_FULL, K.FAULT_TIMERS_FULL)
            return
        check_orders(engine)
    check_all(engine, any(operation[0] == "split" for operation in operations))


statuses = st.sampled_from(
    [K.ACCEPTED, K.REJECTED, K.CANCELLED, K.EXPIRED, K.FILLED, K.FILLED, K.FILLED]
)
reported = st.one_of(
    st.tuples(st.just("limit"), which, sides, lots, tifs, prices),
    st.tuples(st.just("market"), which, sides, lots, tifs),
    st.tuples(st.just("cancel"), st.integers(0, 8)),
    st.tuples(st.just("replace"), st.integers(0, 8), prices),
    st.tuples(
        st.just("report"),
        st.integers(0, 8),
        statuses,
        st.integers(-2, 45),
        prices,
        st.integers(0, 7),
    ),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(reported, min_size=10, max_size=80))
def test_a_venue_that_reports_anything_at_all(operations: list[tuple[Any, ...]]) -> None:
    """Late, doubled, too large and unknown reports are counted; none breaks the books."""
    from alphaforge.engine.ring import Ring

    engine = small_engine(*INSTRUMENTS, venue=K.VENUE_EXTERNAL, fees=FEES)
    out = Ring(1 << 10)
    engine.header["out"] = out.address
    driver = Driver(engine)
    trades: dict[int, set[int]] = {}

    def say(n: int, status: int, qty: int, price: int, trade_id: int) -> Any:
        trades.setdefault(driver.pick(n), set()).add(trade_id)
        fields = {"qty": qty, "price": price, "trade_id": trade_id}
        return report(driver.ts, driver.pick(n), status, **fields)

    driver.report = say  # type: ignore[attr-defined] - in place of the method
    for operation in operations:
        driver.do(operation)
        check_money(engine)
        check_orders(engine)
    rows = rows_of(engine)
    check_journal_of_orders(rows, priced=False)
    fills = rows[rows["kind"] == M.FILL_ROW]
    assert int(engine.header["fills"]) == len(fills)
    for key in set(fills["a"].tolist()):
        orders = rows[(rows["kind"] == M.ORDER_ROW) & (rows["a"] == key)]
        filled = abs(int(fills["b"][fills["a"] == key].sum()))
        assert filled + abs(int(orders["b"][-1])) == abs(int(orders["b"][0]))
        assert int((fills["a"] == key).sum()) <= len(trades[key]), "a trade was booked twice"


def test_slots_are_reused_longest_closed_first_and_ids_found_until_then() -> None:
    from alphaforge.engine.order_index import find_order

    engine = small_engine()
    engine.step(quote(T0, 100, 101, lots=10**6))
    size = L.pool(engine.block, "orders").size
    count = 5 * size
    for n in range(count):
        engine.step(submit(T0 + n, K.HOST_ID + n, 1 if n % 2 else -1, 1))
        newest = K.HOST_ID + n
        assert find_order(engine.address, newest) >= 0
        assert find_order(engine.address, newest - size) == -1
        assert n < size or find_order(engine.address, newest - size + 1) >= 0
    check_all(engine)
    assert int(engine.header["fills"]) == count


def test_more_open_orders_than_the_pool_holds_is_a_fault_and_not_a_crash() -> None:
    engine = small_engine()
    size = L.pool(engine.block, "orders").size
    engine.step(quote(T0, 100, 101))
    for n in range(size):
        assert engine.step(submit(T0 + n, K.HOST_ID + n, 1, 1, 50)) == K.FAULT_NONE
    assert engine.step(submit(T0 + size, K.HOST_ID + size, 1, 1, 50)) == K.FAULT_ORDERS_FULL
    assert int(engine.header["open_orders"]) == size
    check_orders(engine)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 450_000_000), min_size=5, max_size=120), st.integers(1, 6))
def test_the_order_rate_is_exact(gaps: list[int], most: int) -> None:
    """At most ``most`` orders in any second, counted by hand from those let through."""
    engine = small_engine()
    engine.step(quote(T0, 100, 101))
    engine.step(slot(M.LIMIT, T0, a=2, b=most))
    ts, passed = T0, []
    for n, gap in enumerate(gaps):
        ts += gap
        denied = int(engine.header["denied"])
        engine.step(submit(ts, K.HOST_ID + n, 1, 1))
        allowed = sum(1 for at in passed if at > ts - 1_000_000_000) < most
        assert (int(engine.header["denied"]) == denied) == allowed
        if allowed:
            passed.append(ts)


@pytest.mark.parametrize(("numerator", "denominator"), [(1, 2), (2, 3), (1, 10), (3, 1)])
def test_after_a_split_the_owners_still_make_the_net(numerator: int, denominator: int) -> None:
    engine = small_engine(instrument("AAA"))

    class Odd(af.Strategy):
        qty: float = 3.0
        done: int = 0

        def on_quote(self, ctx, quote):
            if self.done == 0:
                ctx.buy(quote.instrument, self.qty)
                self.done = 1

    for k in (0, 1):
        engine.add_strategy(compiled_entry(Odd(qty=3.0 + 2 * k)), ["AAA"])
    engine.step(quote(T0, 100, 102, lots=1000))
    engine.step(submit(T0 + 1, K.HOST_ID, -1, 1))
    engine.step(slot(M.ACTION, T0 + 2, a=numerator, b=denominator))
    check_money(engine)
    for n, side in enumerate((1, -1)):
        engine.step(submit(T0 + 3 + n, K.HOST_ID + 1 + n, side, 1))
        check_money(engine)
    engine.step(slot(M.FLATTEN, T0 + 9))
    check_money(engine)
    net = L.pool(engine.block, "positions")[0]
    assert (int(net["qty"]), int(net["cost"])) == (0, 0)
