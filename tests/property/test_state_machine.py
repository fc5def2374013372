"""Orders obey the table, all of it: each state with each event is legal, or refused and counted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from market import CODES, T0, free_slots, quote, rows_of, small_engine

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import orders as O
from alphaforge.engine.engine import Engine

STATES = [name for name in K.STATUS_NAMES.values() if name != "free"]
CLOSED = {"denied", "rejected", "cancelled", "expired", "filled"}
BEFORE_IT_WORKS = {"initialized"}
WITH_THE_ENGINE = {"emulated", "released"}


def order_in(engine: Engine, state: str) -> int:
    """A slot whose order is in a state, linked and released as that state has it."""
    slot = int(O.new_order(engine.address, 0, -1, 0))
    order = L.pool(engine.block, "orders")[slot]
    order["type"], order["qty"], order["leaves"], order["price"] = K.LIMIT_ORDER, 7, 7, 95
    if state in WITH_THE_ENGINE:
        O.transition(engine.address, slot, O.DO_EMULATE)
    elif state not in BEFORE_IT_WORKS:
        O.transition(engine.address, slot, O.DO_SUBMIT)
    if state in CLOSED:
        O.transition(engine.address, slot, O.DO_CANCEL)
    L.pool(engine.block, "orders")["status"][slot] = CODES[state]
    return slot


def free_count(engine: Engine) -> int:
    """Slots in the free list, which is walked: no slot may be in it twice."""
    header, orders = engine.header, L.pool(engine.block, "orders")
    return len(free_slots(orders, int(header["free_head"]), int(header["free_tail"])))


@pytest.mark.parametrize(("state", "event"), list(itertools.product(STATES, O.ORDER_EVENTS)))
def test_every_pair_is_legal_or_refused_and_counted(state: str, event: str) -> None:
    engine = small_engine()
    engine.step(quote(T0, 100, 101))
    slot = order_in(engine, state)
    header, order = engine.header, L.pool(engine.block, "orders")[slot]
    rows, opened = len(rows_of(engine)), int(header["open_orders"])
    free = free_count(engine)
    target = O.TRANSITIONS.get(state, {}).get(event)
    moved = O.transition(engine.address, slot, O.ORDER_EVENTS.index(event))
    if target is None:
        assert (moved, int(header["illegal"])) == (0, 1)
        assert K.STATUS_NAMES[int(order["status"])] == state
        assert len(rows_of(engine)) == rows
        return
    assert (moved, int(header["illegal"])) == (1, 0)
    assert K.STATUS_NAMES[int(order["status"])] == target
    assert len(rows_of(engine)) == rows + 1
    works = target not in CLOSED | BEFORE_IT_WORKS
    assert int(order["open"]) == works
    worked = state not in CLOSED | BEFORE_IT_WORKS
    assert int(header["open_orders"]) == opened + works - worked
    gone = target in CLOSED and state not in CLOSED
    assert free_count(engine) - free == gone, "given back once, and only on closing"


def test_the_table_is_closed() -> None:
    table = O.transition_table()
    assert table.shape == (len(K.STATUS_NAMES), len(O.ORDER_EVENTS))
    assert bool((table[K.FREE] == K.FREE).all()), "nothing happens to no order"
    assert set(np.unique(table).tolist()) <= set(K.STATUS_NAMES)
    named = {(s, e) for s, row in O.TRANSITIONS.items() for e in row}
    legal = {
        (K.STATUS_NAMES[int(s)], O.ORDER_EVENTS[int(e)])
        for s, e in zip(*np.nonzero(table), strict=True)
    }
    assert legal == named


def test_closed_states_stay_closed() -> None:
    assert {K.STATUS_NAMES[code] for code in K.CLOSED_STATUSES} == CLOSED
    for state in CLOSED:
        row = O.TRANSITIONS.get(state, {})
        assert set(row) <= {"fill", "fill_part"}, "only a late fill may follow"
        assert set(row.values()) <= CLOSED


def test_every_working_state_can_end() -> None:
    for code in range(K.SUBMITTED, K.FILLED + 1):
        if code in K.CLOSED_STATUSES:
            continue
        row = O.TRANSITIONS[K.STATUS_NAMES[code]]
        assert {"cancel", "expire", "fill", "fill_part"} <= set(row)


@pytest.mark.parametrize("code", range(len(K.STATUS_NAMES)))
def test_is_closed_agrees_with_the_table(code: int) -> None:
    assert bool(O.is_closed(code)) == (K.STATUS_NAMES[code] in CLOSED)
