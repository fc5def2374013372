"""Execution algorithms in a market of a few messages; answers worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from market import DAY, HOUR, MINUTE, T0, bar, check_money, quote, rows_of, submit, trade

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.engine import Engine
from alphaforge.venue import Venue

MS = 1_000_000
ROOM = L.Capacities(
    instruments=2, strategies=1, orders=64, levels=64, far=64, arena=4096, latencies=8
)


def engine(**assumed: Any) -> Engine:
    made = Engine(venue=Venue(**assumed), capacities=ROOM, journal_rows=1 << 17)
    made.add_instrument(af.Instrument("XYZ", tick="0.01"))
    return made


def fills(machine: Engine) -> list[tuple[int, int, int]]:
    """(lots, price, ns after T0) of every fill."""
    rows = rows_of(machine, M.FILL_ROW)
    return [(int(r["b"]), int(r["c"]), int(r["ts"]) - T0) for r in rows]


def statuses(machine: Engine, order_id: int = K.HOST_ID) -> list[str]:
    rows = rows_of(machine, M.ORDER_ROW)
    return [K.STATUS_NAMES[int(r["code"])] for r in rows[rows["a"] == order_id]]


def send(machine: Engine, *messages: Any) -> None:
    for message in messages:
        assert machine.step(message) == K.FAULT_NONE
        check_money(machine)


def worked(kind: int, messages: list[Any], **terms: Any) -> tuple[Engine, list[tuple[int, int]]]:
    """A parent of ``kind`` in a market: its children's fills as (lots, ns after it)."""
    machine = engine()
    send(machine, quote(T0, 99, 100, lots=1_000))
    send(machine, submit(T0 + 1, K.HOST_ID, 1, terms.pop("qty", 10), terms.pop("limit", 0),
                         type=kind, **terms))  # fmt: skip
    send(machine, *messages)
    rows = rows_of(machine, M.FILL_ROW)
    return machine, [(int(r["b"]), int(r["ts"]) - T0 - 1) for r in rows]


def quotes(*times: int, ask: int = 100) -> list[Any]:
    return [quote(T0 + 1 + at, 99, ask, lots=1_000 + n) for n, at in enumerate(times)]


def test_twap_gives_equal_slices_at_equal_times() -> None:
    machine, slices = worked(K.TWAP, quotes(5, 100, 205, 295, 310, 500), expire=T0 + 401, trail=4)
    assert slices == [(2, 0), (3, 100), (3, 200), (2, 300)]
    assert statuses(machine)[-1] == "filled"
    terms = rows_of(machine, M.TERMS_ROW)
    assert terms["code"][0] == K.TWAP
    assert ((terms["d"][1:] & (2**32 - 1)) == K.HOST_ID).all(), "children name their parent"


def test_pov_follows_its_share_of_what_trades() -> None:
    trades = [trade(T0 + 10 + n, 100, 20, 1) for n in range(6)]
    _, given = worked(K.POV, trades, trail=100_000_000, display=2)
    assert [lots for lots, _ in given] == [2, 2, 2, 2, 2]


def test_an_iceberg_shows_one_child_at_a_time() -> None:
    market = [q for n in range(5) for q in (quote(T0 + 10 + 2 * n, 97, 98, lots=3 + n),
                                            quote(T0 + 11 + 2 * n, 97, 99, lots=3))]  # fmt: skip
    machine, given = worked(K.ICEBERG, market, limit=98, display=4)
    assert [lots for lots, _ in given] == [3, 1, 3, 1, 2]
    children = {int(r["a"]) for r in rows_of(machine, M.FILL_ROW)}
    assert len(children) == 3
    assert statuses(machine)[-1] == "filled"


def test_a_chase_keeps_at_the_touch_and_takes_the_rest_in_the_end() -> None:
    moves = [quote(T0 + 10, 97, 100), quote(T0 + 20, 98, 100), quote(T0 + 60, 98, 100, lots=50)]
    machine, given = worked(K.CHASE, moves, expire=T0 + 51)
    assert given == [(10, 50)], "at the end of its time, from the touch"
    prices = rows_of(machine, M.ORDER_ROW)
    child = prices[prices["a"] != K.HOST_ID]
    assert list(dict.fromkeys(child["c"].tolist()))[:3] == [99, 97, 98]


def test_vwap_gives_as_much_as_usually_trades_at_that_time_of_day() -> None:
    """Yesterday three quarters traded in the first half hour, a quarter in the second."""
    machine = engine()
    start = T0 + 10 * HOUR
    for n, lots in enumerate((300, 100)):
        send(machine, trade(start + n * HOUR // 2 + 1, 100, lots))
    send(machine, trade(start + HOUR, 100, 1))
    later = start + DAY
    send(machine, quote(later, 99, 100, lots=1_000))
    send(machine, submit(later, K.HOST_ID, 1, 8, type=K.VWAP, trail=2, expire=later + HOUR))
    send(machine, quote(later + HOUR // 2 + 1, 99, 100, lots=999), quote(later + HOUR, 99, 100))
    assert [lots for lots, _, _ in fills(machine)] == [6, 2]


@pytest.mark.parametrize("latency", [af.Latency(), af.Latency("1ms", "1ms")])
def test_a_chase_takes_no_worse_than_its_limit_in_the_end(latency: af.Latency) -> None:
    """Four of ten are offered at the limit, the others above it: the six are given up."""
    machine = engine(latency=latency)
    send(machine, quote(T0, 99, 105, lots=50))
    chase = {"type": K.CHASE, "expire": T0 + 50 * MS}
    send(machine, submit(T0 + 1, K.HOST_ID, 1, 10, 100, **chase))
    send(machine, quote(T0 + 40 * MS, 99, 105, lots=51), quote(T0 + 45 * MS, 98, 100, lots=4))
    send(machine, *[quote(T0 + (54 + n) * MS, 98 - n, 100, lots=4) for n in range(4)])
    send(machine, *[quote(T0 + (60 + n) * MS, 98, 101, lots=50 + n) for n in range(9)])
    assert [(lots, price) for lots, price, _ in fills(machine)] == [(4, 100)]
    assert statuses(machine)[-1] == "expired"
    assert int(machine.header["open_orders"]) == 0


def test_a_chase_takes_the_rest_after_a_latency_too() -> None:
    machine = engine(latency=af.Latency("1ms", "1ms"))
    send(machine, quote(T0, 99, 100, lots=50))
    send(machine, submit(T0 + 1, K.HOST_ID, 1, 10, type=K.CHASE, expire=T0 + 20 * MS))
    send(machine, *[quote(T0 + n * 5 * MS, 99, 100, lots=50 + n) for n in range(1, 9)])
    assert [(lots, price) for lots, price, _ in fills(machine)] == [(10, 100)]
    assert statuses(machine)[-1] == "filled"


@pytest.mark.parametrize("latency", [af.Latency(), af.Latency("1ms", "1ms")])
def test_slices_with_a_limit_rest_and_add_up(latency: af.Latency) -> None:
    machine = engine(latency=latency)
    send(machine, quote(T0, 95, 105, lots=50))
    twap = {"type": K.TWAP, "trail": 4, "expire": T0 + 40 * MS}
    send(machine, submit(T0 + 1, K.HOST_ID, 1, 10, 100, **twap))
    send(machine, *[quote(T0 + n * 5 * MS, 95, 105, lots=50 + n) for n in range(1, 8)])
    assert fills(machine) == []
    send(machine, quote(T0 + 38 * MS, 95, 98, lots=50), quote(T0 + 60 * MS, 95, 99, lots=50))
    assert sorted(lots for lots, _, _ in fills(machine)) == [2, 2, 3, 3]
    assert statuses(machine)[-1] == "filled"


def traded(n: int, length: int) -> Any:
    """The n-th of many equal bars."""
    message = bar(T0 + (n + 1) * length, (100, 100, 100, 100), length=length)
    message["volume"] = 50
    return message


@pytest.mark.parametrize("start", [20, 200])
def test_vwap_gives_equal_slices_where_it_does_not_know_the_day(start: int) -> None:
    """Its hour begins in a half-hour that it saw a part of, and goes on in ones it never saw."""
    machine = engine()
    for n in range(start + 70):
        send(machine, traded(n, MINUTE))
        if n == start:
            at = T0 + (n + 1) * MINUTE
            vwap = {"type": K.VWAP, "trail": 10, "expire": at + 60 * MINUTE}
            send(machine, submit(at, K.HOST_ID, 1, 100, **vwap))
    assert [lots for lots, _, _ in fills(machine)] == [10] * 10


def test_vwap_over_more_than_a_day_gives_equal_slices() -> None:
    machine = engine()
    for n in range(200):
        send(machine, traded(n, HOUR // 2))
        if n == 60:
            at = T0 + (n + 1) * HOUR // 2
            vwap = {"type": K.VWAP, "trail": 4, "expire": at + 2 * DAY}
            send(machine, submit(at, K.HOST_ID, 1, 100, **vwap))
    assert [lots for lots, _, _ in fills(machine)] == [25] * 4


def test_an_iceberg_ends_where_its_child_meets_an_own_order() -> None:
    """Its child is cancelled by self-trade prevention, and so would be every other."""
    machine = engine()
    send(machine, quote(T0, 98, 103, lots=50), submit(T0 + 1, K.HOST_ID, 1, 5, 100))
    send(machine, submit(T0 + 2, K.HOST_ID + 1, -1, 10, 99, type=K.ICEBERG, display=2))
    send(machine, *[quote(T0 + 3 + n, 98, 103, lots=60 + n) for n in range(20)])
    assert statuses(machine, K.HOST_ID + 1)[-1] == "cancelled"
    assert int(machine.header["orders"]) == 3
    assert int(machine.header["open_orders"]) == 1


def test_a_child_that_is_denied_ends_its_parent_but_for_a_slice() -> None:
    pov, twap = {"trail": 500_000_000}, {"trail": 4, "expire": T0 + 400}
    for kind, terms in ((K.POV, pov), (K.TWAP, twap)):
        machine = engine()
        machine.header["max_notional"] = 2_000_000  # two lots
        send(machine, quote(T0, 99, 100, lots=1_000))
        send(machine, submit(T0 + 1, K.HOST_ID, 1, 2, type=kind, **terms))
        machine.header["max_notional"] = 1  # as if the price had risen
        send(machine, *[trade(T0 + 2 + 20 * n, 100, 2) for n in range(30)])
        denied = rows_of(machine, M.DENIAL_ROW)["code"].tolist()
        assert denied == [R.MAX_NOTIONAL] * (1 if kind == K.POV else len(denied))
        assert len(denied) <= 4
        assert statuses(machine)[-1] == ("cancelled" if kind == K.POV else "expired")
