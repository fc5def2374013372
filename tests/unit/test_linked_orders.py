"""Linked orders and what they count for: limits, margin, hedges, exits at a venue outside."""

from __future__ import annotations

from typing import Any

import pytest
from market import T0, check_orders, instrument, quote, replace, report, rows_of, slot, submit
from market import small_engine as engine

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.engine import Engine
from alphaforge.engine.margin import free_balance
from alphaforge.engine.order_index import find_order
from alphaforge.engine.ring import Ring
from alphaforge.strategy.compile import python_entry
from alphaforge.venue import Venue

A, B, C, D, E = (K.HOST_ID + n for n in range(1, 6))
PLENTY = 10**6
FUTURE = {"kind": "future", "initial_margin": "1", "maintenance_margin": "0.5"}


def go(machine: Engine, *messages: Any) -> None:
    for message in messages:
        assert machine.step(message) == K.FAULT_NONE
        check_orders(machine)


def status(machine: Engine, order_id: int) -> str:
    rows = rows_of(machine, M.ORDER_ROW)
    return K.STATUS_NAMES[int(rows[rows["a"] == order_id]["code"][-1])]


def lots(machine: Engine, order_id: int) -> tuple[int, int]:
    """Quantity and what is left of it."""
    o = L.pool(machine.block, "orders")[find_order(machine.address, order_id)]
    return int(o["qty"]), int(o["leaves"])


def qty(machine: Engine, i: int = 0) -> int:
    return int(L.pool(machine.block, "positions")[i]["qty"])


def denials(machine: Engine) -> list[tuple[int, int]]:
    return [(int(r["a"]), int(r["code"])) for r in rows_of(machine, M.DENIAL_ROW)]


def limited(lots: int, i: int = 0) -> Any:
    return slot(M.LIMIT, T0, i, a=0, b=lots)


# --- what counts ----------------------------------------------------------------------------------


def test_a_peer_meets_the_limit_on_the_position_whatever_it_is_linked_with() -> None:
    machine = engine()
    go(machine, limited(10), quote(T0, 99, 101, PLENTY), submit(T0 + 1, A, 1, 1, 50))
    go(machine, submit(T0 + 2, B, -1, 1_000, 150, peer=A, link=K.OCO))
    assert denials(machine) == [(B, R.MAX_POSITION)]


def test_of_peers_on_one_side_the_largest_counts_and_on_two_sides_each() -> None:
    machine = engine()
    go(machine, limited(10), quote(T0, 99, 101, PLENTY))
    go(machine, submit(T0 + 1, A, 1, 3, 50), submit(T0 + 1, B, 1, 8, 60, peer=A, link=K.OCO))
    go(machine, submit(T0 + 1, C, -1, 9, 150, peer=A, link=K.OCO))
    market = L.pool(machine.block, "markets")[0]
    assert (int(market["buying"]), int(market["selling"])) == (8, 9)
    go(machine, submit(T0 + 2, D, 1, 3, 40), submit(T0 + 3, E, 1, 11, 40, peer=A, link=K.OCO))
    assert denials(machine) == [(D, R.MAX_POSITION), (E, R.MAX_POSITION)]


def test_both_sides_of_a_straddle_are_held_in_margin() -> None:
    machine = engine(instrument("AAA", "1", **FUTURE), cash=1_000.0, model=Venue(margin="cross"))
    go(machine, quote(T0, 99, 101, PLENTY), submit(T0 + 1, A, 1, 1, 50))
    assert free_balance(machine.address) == 950 * 10**6
    go(machine, submit(T0 + 2, B, -1, 9, 110, peer=A, link=K.OCO))
    assert free_balance(machine.address) == 10 * 10**6  # the larger side: 9 x 110


def test_a_hedge_on_another_instrument_meets_its_margin_and_its_limit() -> None:
    for lots_, rule in ((50, R.FREE_BALANCE), (4, R.MAX_POSITION)):
        two = instrument("AAA", "1", **FUTURE), instrument("BBB", "1", **FUTURE)
        machine = engine(
            *two, cash=1_000.0 if lots_ == 50 else 10_000.0, model=Venue(margin="cross")
        )
        go(machine, quote(T0, 9, 10, PLENTY), quote(T0, 999, 1_000, PLENTY, 1))
        if lots_ == 4:
            go(machine, limited(3, 1))
        go(machine, submit(T0 + 1, A, 1, lots_, 9))
        go(machine, submit(T0 + 1, B, -1, lots_, i=1, parent=A))
        assert denials(machine) == [(B, rule)]
        assert status(machine, A) == "cancelled"


def test_an_exit_that_outlives_its_entry_can_not_be_made_larger_than_the_limit() -> None:
    machine = engine()
    go(machine, limited(10), quote(T0, 99, 101, PLENTY), submit(T0 + 1, A, 1, 1))
    go(machine, submit(T0 + 1, B, -1, 1, 120, parent=A), replace(T0 + 2, B, qty=500))
    assert denials(machine) == [(B, R.MAX_POSITION)]
    assert lots(machine, B) == (1, 1)


@pytest.mark.parametrize("side", [1, -1])
def test_a_hedge_works_once_its_parent_is_done_for_all_that_it_filled(side: int) -> None:
    for ends in ("fills", "is cancelled"):
        machine = engine(instrument("AAA"), instrument("BBB"))
        go(machine, quote(T0, 99, 101, PLENTY), quote(T0, 99, 101, PLENTY, 1))
        go(machine, submit(T0 + 1, A, 1, 10, 98))
        go(machine, submit(T0 + 1, B, side, 10, i=1, parent=A, link=K.OTO))
        go(machine, quote(T0 + 2, 97, 98, 4))
        assert (qty(machine), qty(machine, 1)) == (4, 0)
        last = quote(T0 + 3, 97, 98, 8) if ends == "fills" else slot(M.CANCEL, T0 + 3, a=A)
        go(machine, last)
        done = 10 if ends == "fills" else 4
        assert (qty(machine), qty(machine, 1)) == (done, side * done)
        assert int(machine.header["open_orders"]) == 0


def test_an_exit_that_its_venue_refuses_cancels_what_is_left_of_its_entry() -> None:
    machine = engine()
    go(machine, quote(T0, 99, 101, 100), submit(T0 + 1, A, 1, 10, 100))
    go(machine, submit(T0 + 1, B, -1, 10, 100, parent=A, exec_flags=K.POST_ONLY))
    go(machine, quote(T0 + 2, 100, 101, 4), slot(M.TRADE, T0 + 3, a=99, b=4, d=-1))
    assert (status(machine, B), status(machine, A)) == ("rejected", "cancelled")
    assert (B, R.POST_ONLY) in denials(machine)  # the reason is in the journal


def test_an_exit_works_for_as_much_as_its_entry_has_filled() -> None:
    """Four of ten were bought: of ten, and then of eight, four work until there is more."""
    machine = engine()
    go(machine, quote(T0, 99, 101, 100), submit(T0 + 1, A, 1, 10, 98), quote(T0 + 2, 97, 98, 4))
    go(machine, submit(T0 + 3, B, -1, 10, 120, parent=A))
    assert lots(machine, B) == (4, 4)
    go(machine, replace(T0 + 4, B, qty=8))
    assert lots(machine, B) == (4, 4)
    go(machine, quote(T0 + 5, 96, 97, 50))
    assert (qty(machine), lots(machine, B)) == (10, (8, 8))


def test_a_peer_that_comes_late_works_for_what_the_other_has_left() -> None:
    machine = engine()
    go(machine, quote(T0, 99, 101, 100), submit(T0 + 1, A, 1, 10))
    go(machine, submit(T0 + 2, B, -1, 10, 105), quote(T0 + 3, 106, 107, 4))
    go(machine, submit(T0 + 4, C, -1, 10, 120, peer=B, link=K.OUO))
    assert (lots(machine, B), lots(machine, C)) == ((10, 6), (6, 6))


def test_a_peer_is_not_asked_twice_for_what_is_under_way_already() -> None:
    ms = 1_000_000
    machine = engine(model=Venue(latency=af.Latency("1ms", "1ms")))
    leave = {"exec_flags": K.REDUCE_ONLY, "link": K.OUO}
    go(machine, quote(T0, 99, 101, 100), submit(T0 + 1, A, 1, 10))
    go(machine, quote(T0 + 9 * ms, 99, 101, 99), submit(T0 + 10 * ms, B, -1, 10, 105, **leave))
    go(machine, submit(T0 + 10 * ms, C, -1, 10, 120, peer=B, **leave))
    go(machine, quote(T0 + 20 * ms, 106, 107, 4), quote(T0 + 20 * ms + 1, 106, 107, 3))
    go(machine, quote(T0 + 40 * ms, 99, 101, 99))
    assert (lots(machine, B)[1], lots(machine, C)[1]) == (3, 3)


class Bracketed(af.Strategy):
    """Buys with exits of which the stop is reached already."""

    asked: int = 0

    def on_trade(self, ctx, trade):
        if self.asked == 0:
            self.asked = ctx.bracket(trade.instrument, 12.0, take=1.10, stop=0.99)


def test_an_exit_that_triggers_at_once_sells_all_that_a_sweep_bought() -> None:
    machine = engine(model=Venue(depth="L2"))
    machine.add_strategy(python_entry(Bracketed()), ["XYZ"])
    go(machine, *[slot(M.DEPTH, T0, a=100 + n, b=4, c=-1) for n in range(3)])
    go(machine, slot(M.DEPTH, T0, a=99, b=50, c=1), slot(M.TRADE, T0 + 1, a=99, b=1, d=-1))
    assert rows_of(machine, M.FILL_ROW)["b"].tolist() == [4, 4, 4, -12]
    assert int(machine.header["open_orders"]) == 0


# --- a venue outside ------------------------------------------------------------------------------


def test_at_a_venue_outside_the_stop_grows_and_the_take_waits_for_the_whole_entry() -> None:
    """The gateway is never asked for more of an order: what it must hold is sent once, whole."""
    machine = engine(venue=K.VENUE_EXTERNAL)
    orders = Ring(1 << 8)
    machine.header["out"] = orders.address
    leave = {"parent": A, "exec_flags": K.REDUCE_ONLY, "link": K.OUO}
    go(machine, quote(T0, 99, 101, 100), submit(T0 + 1, A, 1, 10, 100))
    go(machine, submit(T0 + 1, B, -1, 10, 120, **leave))
    go(machine, submit(T0 + 1, C, -1, 10, type=K.STOP_MARKET, stop=90, peer=B, **leave))
    go(machine, report(T0 + 2, A, K.ACCEPTED, price=100))
    go(machine, report(T0 + 3, A, K.FILLED, qty=5, price=100, trade_id=1))
    assert (status(machine, B), lots(machine, C)) == ("emulated", (5, 5))
    go(machine, report(T0 + 4, A, K.FILLED, qty=5, price=100, trade_id=2))
    assert (status(machine, B), lots(machine, B), lots(machine, C)) == (
        "submitted",
        (10, 10),
        (10, 10),
    )
    go(machine, report(T0 + 5, B, K.ACCEPTED, price=120))
    go(machine, report(T0 + 6, B, K.FILLED, qty=4, price=120, trade_id=3))
    assert (qty(machine), lots(machine, C)) == (6, (6, 6))


def test_a_smaller_quantity_at_a_venue_outside_is_what_it_says_works() -> None:
    machine = engine(venue=K.VENUE_EXTERNAL)
    orders = Ring(1 << 8)
    machine.header["out"] = orders.address
    go(machine, quote(T0, 99, 101, 100), submit(T0 + 1, A, 1, 10, 90))
    go(machine, report(T0 + 2, A, K.ACCEPTED, price=90), replace(T0 + 3, A, qty=6))
    assert lots(machine, A) == (10, 10)
    go(machine, report(T0 + 4, A, K.ACCEPTED, price=90, qty=6))
    assert lots(machine, A) == (6, 6)


def test_an_engine_without_a_gateway_halts_and_does_not_crash() -> None:
    machine = engine(venue=K.VENUE_EXTERNAL)
    machine.step(quote(T0, 99, 101, 100))
    assert machine.step(submit(T0 + 1, A, 1, 10)) == K.FAULT_RING_FULL
