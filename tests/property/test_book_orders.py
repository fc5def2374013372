"""Order-level books against lists: first come first served, lots ahead, totals, refusals."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from booked import ASK, BID, Books, frame, messages
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.book import (
    add_order,
    best_of,
    cancel_order,
    execute_order,
    lots_ahead,
    lots_at,
    modify_order,
    next_level,
    take,
    taken_at,
)
from alphaforge.engine.jit import JIT

EXAMPLES = 150 if JIT else 10


@dataclass
class Waiting:
    id: int
    side: int
    tick: int
    lots: int


@dataclass
class TwinBook:
    """All orders in one list, oldest first: queues are what a filter of it leaves."""

    orders: list[Waiting] = field(default_factory=list)
    faults: int = 0

    def queue(self, side: int, tick: int) -> list[Waiting]:
        return [o for o in self.orders if (o.side, o.tick) == (side, tick)]

    def lots(self, side: int, tick: int) -> int:
        return sum(o.lots for o in self.queue(side, tick))

    def find(self, order_id: int) -> Waiting | None:
        return next((o for o in self.orders if o.id == order_id), None)

    def refused(self) -> int:
        self.faults += 1
        return -1

    def add(self, order_id: int, side: int, tick: int, lots: int) -> int:
        if self.find(order_id) or lots <= 0:
            return self.refused()
        before = self.lots(side, tick)
        self.orders.append(Waiting(order_id, side, tick, lots))
        return before

    def modify(self, order_id: int, tick: int, lots: int) -> int:
        order = self.find(order_id)
        if order is None or lots < 0:
            return self.refused()
        before = self.lots(order.side, order.tick)
        if tick != order.tick or lots > order.lots or lots == 0:
            self.orders.remove(order)
            if lots:
                self.orders.append(Waiting(order_id, order.side, tick, lots))
        else:
            order.lots = lots
        return before

    def cancel(self, order_id: int, lots: int) -> int:
        order = self.find(order_id)
        if order is None or not 0 <= lots <= order.lots:
            return self.refused()
        before = self.lots(order.side, order.tick)
        order.lots -= lots or order.lots
        if order.lots == 0:
            self.orders.remove(order)
        return before

    def execute(self, order_id: int, lots: int) -> int:
        return self.cancel(order_id, lots) if lots else self.refused()


def check(books: Books, twins: list[TwinBook]) -> None:
    pool, header = L.pool(books.block, "queued"), books.header
    index = L.pool(books.block, "queued_index")
    alive = sum(len(twin.orders) for twin in twins)
    assert sorted(set(index["slot"][index["slot"] > 0].tolist())) == sorted(
        index["slot"][index["slot"] > 0].tolist()
    )
    assert int((index["slot"] > 0).sum()) == alive
    free, at = 0, int(header["queued_free"])
    while at >= 0:
        free, at = free + 1, int(pool[at]["next"])
    assert free == pool.size - alive
    for b, twin in enumerate(twins):
        assert int(books[b]["orders"]) == len(twin.orders)
        for side in (BID, ASK):
            ticks = sorted({o.tick for o in twin.orders if o.side == side}, reverse=side > 0)
            tick = int(best_of(books.address, b, side))
            for expected in ticks:
                assert tick == expected
                assert lots_at(books.address, b, side, tick) == twin.lots(side, tick)
                assert queue_of(books, b, side, tick) == [
                    (o.id, o.lots) for o in twin.queue(side, tick)
                ]
                tick = int(next_level(books.address, b, side, tick))
            assert tick == L.NO_PRICE


def queue_of(books: Books, b: int, side: int, tick: int) -> list[tuple[int, int]]:
    """A level's queue, walked both ways over the pool's links."""
    row = 2 * b + (side < 0)
    far = L.pool(books.block, "far")
    found = far[(far["row"] == row + 1) & (far["tick"] == tick)]
    width = int(books.header["levels_n"])
    level = found[0] if found.size else L.pool(books.block, "levels")[row * width + tick % width]
    pool = L.pool(books.block, "queued")
    ways = []
    for start, link in (("head", "next"), ("tail", "prev")):
        queue, at = [], int(level[start])
        while at >= 0:
            order = pool[at]
            assert (int(order["row"]), int(order["tick"])) == (row, tick)
            queue.append((int(order["id"]), int(order["lot"])))
            at = int(order[link])
        ways.append(queue)
    assert ways[0] == ways[1][::-1]
    assert int(level["orders"]) == len(ways[0])
    return ways[0]


ids = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, -1, 2**62, -(2**63), 17, 34, 51])
ticks = st.sampled_from([0, 0, 0, 1, 1, -1, 40, -40, 170, -200])
operations = st.lists(
    st.one_of(
        st.tuples(st.just("add"), ids, st.sampled_from([BID, ASK]), ticks, st.integers(0, 9)),
        st.tuples(st.just("add"), ids, st.just(BID), ticks, st.integers(1, 9)),
        st.tuples(st.just("add"), ids, st.just(BID), ticks, st.integers(1, 9)),
        st.tuples(st.just("modify"), ids, ticks, st.integers(-1, 9)),
        st.tuples(st.just("cancel"), ids, st.integers(-1, 5)),
        st.tuples(st.just("execute"), ids, st.integers(-1, 5)),
    ),
    min_size=30,
    max_size=100,
)
KERNELS = {
    "add": add_order,
    "modify": modify_order,
    "cancel": cancel_order,
    "execute": execute_order,
}


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from([0, -50_000]), st.lists(st.integers(0, 1), min_size=1), operations)
def test_orders_equal_lists(middle: int, which: list[int], given_steps: list) -> None:
    """Two books use the same ids; windows of 64 ticks move under them."""
    books, twins = Books(2, queued=32), [TwinBook(), TwinBook()]
    for n, (what, order_id, *rest) in enumerate(given_steps):
        b = which[n % len(which)]
        if what in ("add", "modify"):
            rest[-2] += middle
        done = KERNELS[what](books.address, b, order_id, *rest)
        assert done == getattr(twins[b], what)(order_id, *rest)
        order = twins[b].find(order_id)
        ahead = -1
        if order is not None:
            queue = twins[b].queue(order.side, order.tick)
            ahead = sum(o.lots for o in queue[: queue.index(order)])
        assert lots_ahead(books.address, b, order_id) == ahead
        check(books, twins)
    faults = [row for row in books.rows() if row[0] == K.BOOK_ORDER]
    assert len(faults) == int(books.header["book_faults"]) == sum(t.faults for t in twins)


@pytest.mark.parametrize("seed", range(3))
def test_a_full_index_finds_each_order_after_any_deletion(seed: int) -> None:
    """1,000 orders come and go, sixteen at a time in 32 places, their ids counted up."""
    random = np.random.default_rng(seed)
    books, twins = Books(2, queued=16), [TwinBook(), TwinBook()]
    for order_id in range(1_000 if JIT else 200):
        b = int(random.integers(2))
        if sum(len(twin.orders) for twin in twins) == 16:
            other = int(random.integers(2))
            if twins[other].orders:
                gone = twins[other].orders[int(random.integers(len(twins[other].orders)))].id
                assert cancel_order(books.address, other, gone, 0) == twins[other].cancel(gone, 0)
        if sum(len(twin.orders) for twin in twins) < 16:
            tick, lots = (int(n) for n in random.integers(1, 9, 2))
            done = add_order(books.address, b, order_id, BID, tick, lots)
            assert done == twins[b].add(order_id, BID, tick, lots)
        for which, twin in enumerate(twins):
            assert all(lots_ahead(books.address, which, o.id) >= 0 for o in twin.orders)
    check(books, twins)


def test_ids_of_two_books_that_stand_for_the_same_key_are_two_orders() -> None:
    from alphaforge.engine.queued import _key

    books = Books(2, queued=8)
    m = books.address
    other = 5 ^ int(_key(0, 0)) ^ int(_key(1, 0))
    assert _key(0, 5) == _key(1, other)
    add_order(m, 0, 5, BID, 100, 1)
    assert lots_ahead(m, 1, other) == -1
    add_order(m, 1, other, ASK, 200, 2)
    assert cancel_order(m, 1, other, 0) == 2
    assert queue_of(books, 0, BID, 100) == [(5, 1)]
    assert int(books.header["book_faults"]) == 0


# --- through messages ----------------------------------------------------------------------------


def add(order_id: int, tick: int, lots: int, side: int = BID) -> tuple[int, int, dict[str, int]]:
    return M.ORDER_ADD, 0, {"a": order_id, "b": tick, "c": lots, "d": side}


def test_the_four_messages_do_what_the_kernels_do() -> None:
    books = Books(1, queued=8)
    m = books.address
    each = [
        add(7, 100, 5),
        add(8, 100, 6),
        add(9, 100, 7),
        (M.ORDER_MODIFY, 0, {"a": 8, "b": 100, "c": 4}),  # smaller: keeps its place
        (M.ORDER_MODIFY, 0, {"a": 7, "b": 100, "c": 6}),  # larger: goes to the end
        (M.ORDER_EXECUTE, 0, {"a": 8, "c": 3}),
        (M.ORDER_CANCEL, 0, {"a": 9, "c": 2}),
    ]
    assert books.apply(messages(*each)) == len(each)
    assert queue_of(books, 0, BID, 100) == [(8, 1), (9, 5), (7, 6)]
    assert lots_ahead(m, 0, 7) == 6
    assert books.apply(messages((M.ORDER_CANCEL, 0, {"a": 9}))) == 1
    assert queue_of(books, 0, BID, 100) == [(8, 1), (7, 6)]


@pytest.mark.parametrize(
    "wrong",
    [
        (M.ORDER_CANCEL, 0, {"a": 5}),
        (M.ORDER_EXECUTE, 0, {"a": 7, "c": 6}),
        (M.ORDER_EXECUTE, 0, {"a": 7, "c": 0}),
        (M.ORDER_MODIFY, 0, {"a": 5, "b": 1, "c": 1}),
        add(7, 101, 1),
        add(8, 101, 0),
    ],
)
def test_a_message_that_fits_no_order_makes_the_book_stale(wrong: tuple) -> None:
    books = Books(1, queued=8)
    books.apply(messages(add(7, 100, 5)))
    assert books.apply(messages(wrong, add(10, 100, 1))) == 0
    assert int(books[0]["state"]) == K.BOOK_ORDER
    assert [row[0] for row in books.rows()] == [K.BOOK_ORDER]
    assert int(books[0]["left_out"]) == 1
    assert queue_of(books, 0, BID, 100) == [(7, 5)]


@pytest.mark.parametrize(
    "wrong", [add(8, 100, 1, side=0), add(8, L.NO_PRICE, 1), (M.DEPTH, 0, {"a": 9, "b": 1, "c": 1})]
)
def test_a_malformed_message_or_one_of_another_kind_of_book(wrong: tuple) -> None:
    books = Books(1, queued=8)
    books.apply(messages(add(7, 100, 5)))
    assert books.apply(messages(wrong)) == 0
    assert int(books[0]["state"]) == K.BOOK_MALFORMED
    assert queue_of(books, 0, BID, 100) == [(7, 5)]


def test_a_full_pool_is_said() -> None:
    books = Books(2, queued=3)
    books.apply(messages(*(add(n, 100 + n, 1) for n in range(3))))
    assert books.apply(messages(add(0, 7, 1), i=1)) == 0
    assert int(books[1]["state"]) == K.BOOK_FULL
    assert books.rows() == [(K.BOOK_FULL, 3, 0, 0, 1)]
    assert int(books[0]["state"]) == K.BOOK_GOOD
    check(books, [TwinBook([Waiting(n, BID, 100 + n, 1) for n in range(3)]), TwinBook()])


def test_an_order_that_finds_no_room_at_its_new_price_stays_where_it_was() -> None:
    books = Books(1, queued=16, far=8)
    for n in range(8):
        assert add_order(books.address, 0, n, BID, -1_000 * n, 2) == 0
    add_order(books.address, 0, 8, BID, 0, 3)
    assert modify_order(books.address, 0, 0, -9_500, 2) == -1
    assert int(books[0]["state"]) == K.BOOK_FULL
    orders = [Waiting(n, BID, -1_000 * n, 2) for n in range(8)]
    check(books, [TwinBook([*orders, Waiting(8, BID, 0, 3)])])


def test_a_snapshot_replaces_the_orders_of_its_book_only() -> None:
    books = Books(2, queued=64)
    for i in (0, 1):
        books.apply(messages(*(add(n, 100 - 40 * n, 1 + n) for n in range(30)), i=i))
    head = frame([], last=9, snapshot=True)
    head["code"] |= M.MORE
    new = messages(add(3, 50, 2), add(4, 60, 2, ASK))
    new["code"][0] = M.MORE
    assert books.apply(np.concatenate([head, new])) == 3
    check(
        books,
        [
            TwinBook([Waiting(3, BID, 50, 2), Waiting(4, ASK, 60, 2)]),
            TwinBook([Waiting(n, BID, 100 - 40 * n, 1 + n) for n in range(30)]),
        ],
    )


def test_what_we_took_of_a_queue_is_not_there_again() -> None:
    """Lots that go are first those that we had; what is added is there for us."""
    books = Books(1, queued=8)
    m = books.address
    for order_id, lots in ((1, 5), (2, 5)):
        add_order(m, 0, order_id, ASK, 100, lots)
    take(m, 0, ASK, 100, 4)
    execute_order(m, 0, 1, 3)
    assert (lots_at(m, 0, ASK, 100), taken_at(m, 0, ASK, 100)) == (7, 1)
    add_order(m, 0, 3, ASK, 100, 2)
    assert (lots_at(m, 0, ASK, 100), taken_at(m, 0, ASK, 100)) == (9, 1)
    cancel_order(m, 0, 2, 0)
    assert (lots_at(m, 0, ASK, 100), taken_at(m, 0, ASK, 100)) == (4, 0)
