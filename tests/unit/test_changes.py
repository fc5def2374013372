"""Orders that are changed, triggered together or split: every number worked out by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

from market import (
    SMALL,
    T0,
    check_orders,
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
from alphaforge.engine import rules as R
from alphaforge.engine.engine import Engine
from alphaforge.engine.order_index import find_order
from alphaforge.strategy.context import Context
from alphaforge.venue import Venue

MS = 1_000_000
A, B = K.HOST_ID + 1, K.HOST_ID + 2


def go(machine: Engine, *messages: Any) -> None:
    for message in messages:
        assert machine.step(message) == K.FAULT_NONE
        check_orders(machine)


def terms(machine: Engine, order_id: int = A) -> tuple[int, int, int]:
    """(quantity, limit, trigger)."""
    o = L.pool(machine.block, "orders")[find_order(machine.address, order_id)]
    return int(o["qty"]), int(o["price"]), int(o["stop"])


def fills(machine: Engine) -> list[tuple[int, int]]:
    return [(int(r["b"]), int(r["c"])) for r in rows_of(machine, M.FILL_ROW)]


def denied(machine: Engine) -> list[int]:
    return [int(code) for code in rows_of(machine, M.DENIAL_ROW)["code"]]


# --- replaces -------------------------------------------------------------------------------------


def test_replaces_that_follow_each_other_end_with_the_last() -> None:
    machine = small_engine(model=Venue(latency=af.Latency("1ms", "1ms")))
    go(machine, quote(T0, 99, 101, 100), submit(T0 + 1, A, 1, 10, 90))
    go(machine, quote(T0 + 10 * MS, 99, 101, 99))
    go(machine, replace(T0 + 11 * MS, A, qty=8), replace(T0 + 11 * MS + 1, A, qty=6))
    go(machine, replace(T0 + 11 * MS + 2, A, price=95), replace(T0 + 11 * MS + 3, A, price=90))
    go(machine, quote(T0 + 30 * MS, 99, 101, 98))
    assert terms(machine) == (6, 90, 0)
    go(machine, replace(T0 + 31 * MS, A, price=95), replace(T0 + 31 * MS + 1, A, qty=4))
    go(machine, quote(T0 + 50 * MS, 99, 101, 97))
    assert terms(machine) == (4, 95, 0)


def test_an_emulated_stop_is_watched_where_it_was_moved_to() -> None:
    machine = small_engine()
    stop = {"type": K.STOP_MARKET, "exec_flags": K.EMULATED_HERE}
    go(machine, trade(T0, 100), submit(T0 + 1, A, 1, 1, stop=110, **stop))
    go(machine, replace(T0 + 2, A, stop=105), quote(T0 + 3, 106, 107), trade(T0 + 4, 107))
    assert fills(machine) == [(1, 107)]


def test_an_icebergs_child_moves_and_shrinks_with_it() -> None:
    machine = small_engine()
    go(machine, quote(T0, 98, 101, 100))
    go(machine, submit(T0 + 1, A, 1, 10, 99, type=K.ICEBERG, display=5))
    go(machine, quote(T0 + 2, 98, 101, 101), replace(T0 + 3, A, price=95, qty=3))
    go(machine, quote(T0 + 4, 96, 97, 100))
    assert fills(machine) == []
    go(machine, quote(T0 + 5, 94, 95, 100))
    assert sum(lots for lots, _ in fills(machine)) == 3
    assert int(machine.header["open_orders"]) == 0


def test_what_only_reduces_is_all_that_a_reducing_session_lets_change() -> None:
    machine = small_engine()
    go(machine, quote(T0, 99, 101, 10**6), submit(T0 + 1, A, 1, 1, 90))
    go(machine, slot(M.STATE, T0 + 2, a=K.TRADING_REDUCING), replace(T0 + 3, A, qty=9, price=101))
    assert denied(machine) == [R.REDUCING_ONLY]
    assert terms(machine) == (1, 90, 0)


def test_an_algorithm_that_reduces_works_while_only_reducing_is_allowed() -> None:
    machine = small_engine()
    go(machine, quote(T0, 99, 101, 10**6), submit(T0 + 1, A, 1, 10))
    go(machine, slot(M.STATE, T0 + 2, a=K.TRADING_REDUCING))
    go(machine, submit(T0 + 3, B, -1, 10, type=K.TWAP, trail=2, expire=T0 + 2 * MS))
    go(machine, *[quote(T0 + n * MS, 99, 101, 10**6 + n) for n in range(1, 4)])
    assert denied(machine) == []
    assert fills(machine) == [(10, 101), (-5, 99), (-5, 99)]


def test_a_change_meets_the_least_notional_too() -> None:
    machine = small_engine(instrument("XYZ", "1", min_notional="100"))
    go(machine, quote(T0, 99, 100), submit(T0 + 1, A, 1, 2, 90), replace(T0 + 2, A, qty=1))
    assert denied(machine) == [R.INSTRUMENT_NOTIONAL]


# --- many at once ---------------------------------------------------------------------------------


def test_every_stop_at_a_price_fires_however_many_wait_before_them() -> None:
    machine = small_engine()
    go(machine, quote(T0, 99, 101, 10**6), trade(T0, 100))
    stop = {"type": K.STOP_MARKET}
    go(machine, *[submit(T0 + 1, A + n, -1, 1, stop=10, **stop) for n in range(15)])
    go(machine, *[submit(T0 + 2, A + 50 + n, -1, 1, stop=95, **stop) for n in range(15)])
    go(machine, trade(T0 + 3, 95))
    assert len(fills(machine)) == 15


def test_a_fill_that_cancels_the_next_in_line_does_not_end_the_queues_turn() -> None:
    room = dataclasses.replace(SMALL, queued=64)
    machine = small_engine(model=Venue(depth="L3", queue=af.FifoQueue()), capacities=room)
    go(machine, slot(M.ORDER_ADD, T0, a=1, b=100, c=5, d=1))
    go(machine, slot(M.ORDER_ADD, T0, a=2, b=110, c=50, d=-1), submit(T0 + 1, A, 1, 1, 100))
    go(machine, submit(T0 + 1, B, 1, 1, 90, peer=A, link=K.OCO))
    go(machine, *[submit(T0 + 1, B + n, 1, 1, 100) for n in (1, 2)])
    go(machine, slot(M.ORDER_ADD, T0 + 2, a=3, b=100, c=50, d=1))
    go(machine, slot(M.ORDER_EXECUTE, T0 + 3, a=1, c=5))
    go(machine, slot(M.ORDER_EXECUTE, T0 + 4, a=3, c=20))
    assert fills(machine) == [(1, 100)] * 3


def test_what_shows_a_part_shows_the_next_after_taking_at_a_reopening() -> None:
    machine = small_engine(model=Venue(queue=af.FrontQueue()))
    go(machine, quote(T0, 99, 101, 10), submit(T0 + 1, A, 1, 10, 99, display=2))
    go(machine, slot(M.STATUS, T0 + 2, a=K.HALT), quote(T0 + 3, 97, 98, 3))
    go(machine, slot(M.STATUS, T0 + 4, a=K.OPEN), quote(T0 + 5, 99, 102, 10))
    go(machine, *[trade(T0 + 6 + n, 99, 10, -1) for n in range(5)])
    assert fills(machine) == [(3, 98), (2, 99), (2, 99), (2, 99), (1, 99)]


def test_a_trailing_stop_is_shown_where_it_is() -> None:
    machine = small_engine()
    go(machine, quote(T0, 9_990, 10_010, 100), trade(T0, 10_000))
    go(machine, submit(T0 + 1, A, -1, 1, type=K.TRAILING_STOP_MARKET, trail=1_000))
    go(machine, trade(T0 + 2, 10_500))
    assert Context(machine.address).order(A).stop == 95.0


# --- splits ---------------------------------------------------------------------------------------


def test_nothing_fires_or_fills_at_a_price_of_before_a_split() -> None:
    machine = small_engine()
    go(machine, quote(T0, 9_990, 10_010, 100), trade(T0, 10_000))
    go(machine, submit(T0 + 1, A, 1, 1, type=K.STOP_MARKET, stop=11_000))
    go(machine, slot(M.ACTION, T0 + 2, a=2, b=1), submit(T0 + 3, B, 1, 1))
    assert fills(machine) == [(1, 5_005)]
    go(machine, quote(T0 + 4, 4_995, 5_005, 100), trade(T0 + 5, 5_000))
    assert fills(machine) == [(1, 5_005)]
    go(machine, trade(T0 + 6, 5_500))
    assert len(fills(machine)) == 2


def test_an_emulated_stop_is_watched_where_a_split_has_put_it() -> None:
    machine = small_engine()
    stop = {"type": K.STOP_MARKET, "exec_flags": K.EMULATED_HERE, "stop": 11_000}
    go(machine, trade(T0, 10_000), submit(T0 + 1, A, 1, 1, **stop))
    go(machine, slot(M.ACTION, T0 + 2, a=2, b=1), trade(T0 + 3, 5_499), trade(T0 + 4, 5_500, 9))
    go(machine, trade(T0 + 5, 5_500, 9))
    assert [lots for lots, _ in fills(machine)] == [2]


def test_a_bracket_covers_the_lots_of_after_a_split() -> None:
    machine = small_engine()
    leave = {"parent": A, "exec_flags": K.REDUCE_ONLY, "link": K.OUO}
    go(machine, quote(T0, 9_990, 10_010, 100), submit(T0 + 1, A, 1, 10, 9_000))
    go(machine, submit(T0 + 1, B, -1, 10, 12_000, **leave))
    go(machine, submit(T0 + 1, B + 1, -1, 10, stop=8_000, type=K.STOP_MARKET, peer=B, **leave))
    go(machine, slot(M.ACTION, T0 + 2, a=2, b=1), quote(T0 + 3, 4_390, 4_400, 100))
    assert fills(machine) == [(20, 4_500)]
    assert (terms(machine, B), terms(machine, B + 1)) == ((20, 6_000, 0), (20, 0, 4_000))
