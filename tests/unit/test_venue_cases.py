"""Bugs of the simulated venue, once each: what a random sequence meets too seldom."""

from __future__ import annotations

from typing import Any

from market import (
    HOUR,
    T0,
    bar,
    instrument,
    quote,
    replace,
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
from alphaforge.venue import Fees

A, B, C = K.HOST_ID + 1, K.HOST_ID + 2, K.HOST_ID + 3
LATE = af.Latency(entry="50ms", response="30ms")


def there(**model: Any) -> Engine:
    return small_engine(instrument(), fees=Fees(), model=af.Venue(**model))


def fills(engine: Engine) -> list[tuple[int, int, int]]:
    rows = rows_of(engine, M.FILL_ROW)
    return [(int(r["a"]) - K.HOST_ID, int(r["b"]), int(r["c"])) for r in rows]


def status(engine: Engine, order_id: int) -> str:
    orders = L.pool(engine.block, "orders")
    return K.STATUS_NAMES[int(orders["status"][orders["id"] == order_id][0])]


def resting(engine: Engine, order_id: int) -> Any:
    orders = L.pool(engine.block, "orders")
    return L.pool(engine.block, "resting")[orders["id"] == order_id][0]


def test_pessimistic_looks_at_the_position_that_the_open_made() -> None:
    engine = there(path="pessimistic")
    engine.step(bar(T0, (100, 100, 100, 100)))
    engine.step(submit(T0, A, 1, 10))
    engine.step(submit(T0, B, -1, 10, 105, parent=A, link=K.OUO))
    engine.step(submit(T0, C, -1, 10, type=K.STOP_MARKET, stop=95, parent=A, peer=B, link=K.OUO))
    engine.step(bar(T0 + HOUR, (100, 110, 90, 100)))
    assert fills(engine) == [(1, 10, 100), (3, -10, 95)]


def test_a_stop_trails_to_the_high_before_the_price_falls() -> None:
    engine = there(path="ohlc")
    engine.step(bar(T0, (100, 100, 100, 100)))
    engine.step(submit(T0, A, -1, 5, type=K.TRAILING_STOP_MARKET, trail=4))
    engine.step(bar(T0 + HOUR, (100, 108, 101, 102)))
    assert fills(engine) == [(1, -5, 104)]


def test_fill_or_kill_waits_for_a_market_and_then_does_either() -> None:
    engine = there()
    engine.step(submit(T0, A, 1, 20, 105, tif=K.FOK))
    engine.step(quote(T0 + 1, 100, 101, lots=10))
    assert (fills(engine), status(engine, A)) == ([], "expired")


def test_reduce_only_isn_t_cancelled_because_the_touch_is_taken() -> None:
    engine = there()
    for n in (0, 1):
        engine.step(quote(T0 + n, 100, 101, lots=10 + n))
        engine.step(submit(T0 + n, A + 10 * n, -1, 10))
    engine.step(submit(T0 + 2, B, 1, 11))
    engine.step(submit(T0 + 2, C, 1, 5, exec_flags=K.REDUCE_ONLY))
    assert status(engine, C) == "accepted"
    engine.step(quote(T0 + 3, 100, 101, lots=12))
    assert status(engine, C) == "filled"


def test_reduce_only_knows_what_was_filled_and_is_on_its_way() -> None:
    engine = there(latency=LATE)
    engine.step(quote(T0, 100, 101, lots=50))
    engine.step(submit(T0, A, 1, 10))
    engine.step(quote(T0 + 10**9, 100, 101, lots=51))
    for order_id in (B, C):
        engine.step(submit(T0 + 10**9, order_id, -1, 10, exec_flags=K.REDUCE_ONLY))
    engine.step(quote(T0 + 2 * 10**9, 100, 101, lots=52))
    assert fills(engine) == [(1, 10, 101), (2, -10, 100)]


def test_one_of_two_linked_orders_that_both_could_fill_fills() -> None:
    for link in (K.OCO, K.OUO):
        engine = there()
        engine.step(submit(T0, A, 1, 10, 99))
        engine.step(submit(T0, B, 1, 10, 98, peer=A, link=link))
        engine.step(quote(T0 + 1, 90, 91, lots=100))
        assert fills(engine) == [(1, 10, 99)]
        assert status(engine, B) == "cancelled"


def test_the_first_of_a_ring_is_linked_as_the_second_says() -> None:
    engine = there()
    engine.step(submit(T0, A, 1, 10, 99))
    engine.step(submit(T0, B, 1, 10, 98, peer=A, link=K.OCO))
    engine.step(quote(T0 + 1, 90, 99, lots=4))
    assert (fills(engine), status(engine, B)) == ([(1, 4, 99)], "cancelled")


def test_a_peer_that_is_done_already_takes_the_new_one_along() -> None:
    engine = there()
    engine.step(quote(T0, 100, 101, lots=10**6))
    engine.step(submit(T0, A, 1, 5))
    engine.step(submit(T0, B, 1, 5, peer=A, link=K.OCO))
    assert (fills(engine), status(engine, B)) == ([(1, 5, 101)], "cancelled")
    for n in range(200):  # the slot of A is another's by now; its ring would have been endless
        engine.step(submit(T0 + n, C + n, 1 - 2 * (n % 2), 1))
    assert engine.fault == K.FAULT_NONE


def test_a_child_works_for_what_its_parent_filled_less_what_its_peer_did() -> None:
    engine = there(queue=af.FrontQueue())
    engine.step(quote(T0, 100, 110, lots=50))
    engine.step(submit(T0, A, 1, 10, 99))
    engine.step(submit(T0, B, -1, 10, 105, parent=A, link=K.OUO))
    engine.step(submit(T0, C, -1, 10, type=K.STOP_MARKET, stop=90, parent=A, peer=B, link=K.OUO))
    engine.step(trade(T0 + 1, 99, 4, -1))
    engine.step(trade(T0 + 2, 105, 3, 1))
    engine.step(trade(T0 + 3, 99, 6, -1))
    orders = L.pool(engine.block, "orders")
    leaves = {int(o["id"]): int(o["leaves"]) for o in orders if o["id"]}
    assert (leaves[B], leaves[C]) == (7, 7)


def test_post_only_never_takes_after_its_trigger_nor_after_a_halt() -> None:
    engine = there()
    engine.step(quote(T0, 100, 101))
    engine.step(submit(T0, A, 1, 5, type=K.STOP_LIMIT, stop=103, price=110, exec_flags=K.POST_ONLY))
    engine.step(trade(T0 + 1, 103))
    engine.step(quote(T0 + 2, 104, 105))
    assert (fills(engine), status(engine, A)) == ([], "cancelled")
    engine = there()
    engine.step(quote(T0, 100, 101))
    engine.step(slot(M.STATUS, T0, a=K.HALT))
    engine.step(quote(T0 + 1, 90, 91))
    engine.step(submit(T0 + 2, A, 1, 5, 89, exec_flags=K.POST_ONLY))
    engine.step(quote(T0 + 3, 80, 81))
    engine.step(slot(M.STATUS, T0 + 4, a=K.OPEN))
    assert (fills(engine), status(engine, A)) == ([], "cancelled")


def test_an_iceberg_that_took_shows_again_what_is_left() -> None:
    engine = there(queue=af.FrontQueue())
    engine.step(quote(T0, 100, 101, lots=5))
    engine.step(submit(T0, A, 1, 9, 101, display=3))
    assert int(resting(engine, A)["shown"]) == 3
    engine.step(quote(T0 + 1, 100, 105, lots=5))
    engine.step(trade(T0 + 2, 101, 2, -1))
    assert fills(engine) == [(1, 5, 101), (1, 2, 101)]


def test_another_quantity_doesn_t_move_a_stop_that_trails() -> None:
    engine = there()
    engine.step(quote(T0, 100, 101))
    engine.step(trade(T0, 100))
    engine.step(submit(T0, A, -1, 5, type=K.TRAILING_STOP_MARKET, trail=4, stop=90))
    engine.step(trade(T0 + 1, 120))
    engine.step(replace(T0 + 2, A, qty=4))
    assert int(resting(engine, A)["stop"]) == 116


def test_a_stop_within_a_bar_gives_way_to_an_own_order_that_it_would_meet() -> None:
    engine = there(path="ohlc", volume_share="0.5")
    engine.step(bar(T0, (100, 100, 100, 100)))
    engine.step(submit(T0, A, -1, 5, 110))
    engine.step(submit(T0, B, 1, 5, type=K.STOP_LIMIT, stop=105, price=111))
    engine.step(bar(T0 + HOUR, (100, 106, 100, 100)))  # no volume: it is triggered, not filled
    assert (status(engine, A), status(engine, B)) == ("accepted", "cancelled")


def test_cancels_move_an_order_forward_and_never_back() -> None:
    engine = there(depth="L2", queue=af.PowerQueue(1.0))
    engine.step(slot(M.DEPTH, T0, a=100, b=20, c=1))
    engine.step(slot(M.DEPTH, T0, a=110, b=20, c=-1))
    engine.step(submit(T0, A, 1, 5, 100))
    engine.step(slot(M.DEPTH, T0, a=100, b=40, c=1))
    engine.step(slot(M.DEPTH, T0, a=100, b=20, c=1))
    assert int(resting(engine, A)["ahead"]) == 10


def test_after_a_halt_every_pair_of_own_orders_that_cross_is_parted() -> None:
    engine = there()
    engine.step(quote(T0, 80, 120))
    engine.step(slot(M.STATUS, T0, a=K.HALT))
    given = [(1, 90), (1, 90), (-1, 100), (1, 105), (-1, 95), (1, 98)]
    for n, (side, limit) in enumerate(given):
        rule = K.CANCEL_OLDEST if n == 2 else K.CANCEL_NEWEST
        engine.step(submit(T0 + 1, A + n, side, 5, limit, stp=rule))
    engine.step(slot(M.STATUS, T0 + 2, a=K.OPEN))
    left = [n for n in range(6) if status(engine, A + n) == "accepted"]
    buys = [given[n][1] for n in left if given[n][0] > 0]
    sells = [given[n][1] for n in left if given[n][0] < 0]
    assert max(buys) < min(sells)
    assert left == [0, 1, 2, 4], "of two that meet the newer one gives way"
