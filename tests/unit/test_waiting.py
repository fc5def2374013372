"""What waits at a venue or with the engine: its place, what it shows, what triggers it."""

from __future__ import annotations

from typing import Any

from market import (
    HOUR,
    T0,
    bar,
    check_orders,
    quote,
    rows_of,
    slot,
    small_engine,
    submit,
    trade,
)

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.strategy.context import Context
from alphaforge.venue import Venue

A, B = K.HOST_ID + 1, K.HOST_ID + 2


def go(machine: Engine, *messages: Any) -> None:
    for message in messages:
        assert machine.step(message) == K.FAULT_NONE
        check_orders(machine)


def fills(machine: Engine) -> list[tuple[int, int]]:
    return [(int(r["b"]), int(r["c"])) for r in rows_of(machine, M.FILL_ROW)]


def test_who_is_left_alone_at_a_price_is_the_first_there() -> None:
    """Ten stood before us at 99; the touch went to 98: they are gone."""
    machine = small_engine(model=Venue(queue=af.RiskAverseQueue()))
    go(machine, quote(T0, 99, 101, 10), submit(T0 + 1, A, 1, 5, 99))
    assert Context(machine.address).order(A).ahead == 10
    go(machine, quote(T0 + 2, 98, 101, 10), trade(T0 + 3, 99, 5, -1))
    assert fills(machine) == [(5, 99)]


def test_what_shows_a_part_shows_the_next_after_the_market_came_through() -> None:
    machine = small_engine(model=Venue(queue=af.FrontQueue()))
    go(machine, quote(T0, 99, 101, 10), submit(T0 + 1, A, 1, 10, 99, display=2))
    go(machine, quote(T0 + 2, 97, 98, 3), quote(T0 + 3, 99, 102, 10), trade(T0 + 4, 99, 50, -1))
    assert fills(machine) == [(3, 99), (2, 99)]


def test_a_stop_trails_by_a_tick_at_least() -> None:
    """A basis point of 1.00 is a hundredth of a tick."""
    machine = small_engine()
    go(machine, quote(T0, 99, 101, 50), trade(T0, 100))
    trailing = {"type": K.TRAILING_STOP_MARKET, "trail": 1, "unit": K.TRAIL_BPS}
    go(machine, submit(T0 + 1, A, -1, 1, **trailing), trade(T0 + 2, 100))
    assert fills(machine) == []
    go(machine, trade(T0 + 3, 99))
    assert len(fills(machine)) == 1


def test_an_emulated_stop_trails_the_best_of_a_bar_and_not_its_worst() -> None:
    machine = small_engine()
    trailing = {"type": K.TRAILING_STOP_MARKET, "trail": 5, "exec_flags": K.EMULATED_HERE}
    go(machine, bar(T0 + HOUR, (100, 100, 100, 100)), submit(T0 + HOUR, A, -1, 1, **trailing))
    go(machine, bar(T0 + 2 * HOUR, (100, 110, 98, 108)), bar(T0 + 3 * HOUR, (108, 108, 106, 107)))
    assert fills(machine) == []
    go(machine, bar(T0 + 4 * HOUR, (107, 107, 104, 106)), bar(T0 + 5 * HOUR, (103, 106, 103, 106)))
    assert fills(machine) == [(-1, 103)]


def test_on_bars_too_what_closes_the_position_is_as_large_as_that() -> None:
    machine = small_engine()
    go(machine, bar(T0 + HOUR, (100, 100, 100, 100)), submit(T0 + HOUR, A, 1, 10))
    close = {"type": K.STOP_MARKET, "stop": 95, "exec_flags": K.CLOSE_POSITION}
    go(machine, bar(T0 + 2 * HOUR, (100, 100, 100, 100)))
    go(machine, submit(T0 + 2 * HOUR, B, -1, 1, **close), bar(T0 + 3 * HOUR, (100, 100, 90, 92)))
    assert fills(machine) == [(10, 100), (-10, 95)]


def test_a_trigger_that_was_reached_in_a_halt_fires_when_it_ends() -> None:
    machine = small_engine()
    go(machine, quote(T0, 99, 101, 50), trade(T0, 100))
    stop = {"type": K.STOP_MARKET, "stop": 95, "trigger": K.BID_ASK}
    go(machine, submit(T0 + 1, A, -1, 1, **stop), slot(M.STATUS, T0 + 2, a=K.HALT))
    go(machine, quote(T0 + 3, 93, 94, 50))
    assert fills(machine) == []
    go(machine, slot(M.STATUS, T0 + 4, a=K.OPEN))
    assert fills(machine) == [(-1, 93)]
