"""Each model of the simulated venue in a market of a few messages; answers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from market import DAY, HOUR, T0, bar, check_money, quote, replace, rows_of, slot, submit, trade

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.strategy.compile import compiled_entry
from alphaforge.venue import Venue

MS = 1_000_000
ROOM = L.Capacities(
    instruments=2, strategies=1, orders=64, levels=64, far=64, arena=4096, latencies=8
)


def engine(**assumed: Any) -> Engine:
    made = Engine(venue=Venue(**assumed), capacities=ROOM, journal_rows=1 << 17)
    made.add_instrument(af.Instrument("XYZ", tick="0.01"))
    return made


def fills(machine: Engine) -> list[tuple[int, int, int, int]]:
    """(order's number, lots, price, ns after T0) of every fill."""
    return [
        (int(r["a"]) - K.HOST_ID, int(r["b"]), int(r["c"]), int(r["ts"]) - T0)
        for r in rows_of(machine, M.FILL_ROW)
    ]


def statuses(machine: Engine, number: int) -> list[str]:
    rows = rows_of(machine, M.ORDER_ROW)
    return [K.STATUS_NAMES[int(r["code"])] for r in rows[rows["a"] == K.HOST_ID + number]]


def depth(ts: int, side: int, tick: int, lots: int) -> Any:
    return slot(M.DEPTH, ts, a=tick, b=lots, c=side)


def send(machine: Engine, *messages: Any) -> None:
    for message in messages:
        assert machine.step(message) == K.FAULT_NONE
        check_money(machine)


# --- latency --------------------------------------------------------------------------------------


def test_an_order_meets_only_what_comes_after_it_has_arrived() -> None:
    """Sent at 1 ms it arrives at 6: the quote of 4 is the past by then, its answer comes at 9."""
    machine = engine(latency=af.Latency("5ms", "3ms"))
    send(
        machine,
        quote(T0, 99, 100),
        submit(T0 + MS, K.HOST_ID, 1, 4),
        quote(T0 + 4 * MS, 99, 101),
        quote(T0 + 8 * MS, 99, 102),
    )
    assert statuses(machine, 0) == ["initialized", "submitted"]
    send(machine, quote(T0 + 20 * MS, 99, 103))
    assert fills(machine) == [(0, 4, 101, 6 * MS)]
    rows = rows_of(machine, M.ORDER_ROW)
    assert [int(r["ts"]) - T0 for r in rows] == [MS, MS, 9 * MS, 9 * MS]


def test_a_cancel_that_comes_too_late_is_refused_and_the_fill_stands() -> None:
    machine = engine(latency=af.Latency("5ms", "5ms"))
    send(
        machine,
        quote(T0, 99, 101),
        submit(T0, K.HOST_ID, 1, 4, 100),
        quote(T0 + 12 * MS, 99, 101),
        slot(M.CANCEL, T0 + 13 * MS, a=K.HOST_ID),
        quote(T0 + 15 * MS, 98, 100),  # through the limit, before the cancel arrives at 18
        quote(T0 + 40 * MS, 98, 100),
    )
    assert fills(machine) == [(0, 4, 100, 15 * MS)]
    assert statuses(machine, 0)[-2:] == ["pending_cancel", "filled"]
    assert int(machine.header["illegal"]) == 0


def test_nothing_overtakes_and_a_seed_draws_the_same_delays() -> None:
    latency = af.DrawnLatency("10ms", "10ms", sigma=0.3, seed=3)
    arrivals = []
    for _ in range(2):
        machine = engine(latency=latency)
        send(machine, quote(T0, 99, 100, lots=10_000))
        for n in range(50):
            send(machine, submit(T0 + n * MS, K.HOST_ID + n, 1, 1))
        send(machine, quote(T0 + 10_000 * MS, 99, 100))
        arrivals.append([at for _, _, _, at in fills(machine)])
    assert arrivals[0] == arrivals[1]
    assert arrivals[0] == sorted(arrivals[0])
    assert len(set(arrivals[0])) > 5
    assert [n for n, *_ in fills(machine)] == list(range(50))


def test_recorded_delays_are_read_in_proportion_to_time() -> None:
    rows = ((T0, 2 * MS, MS), (T0 + 100 * MS, 12 * MS, MS))
    machine = engine(latency=af.RecordedLatency(rows=rows))
    send(machine, quote(T0, 99, 100, lots=100))
    for n, at in enumerate((0, 50, 100, 500)):
        send(machine, submit(T0 + at * MS, K.HOST_ID + n, 1, 1))
    send(machine, quote(T0 + 1_000 * MS, 99, 100))
    assert [at // MS for *_, at in fills(machine)] == [2, 57, 112, 512]


# --- liquidity ------------------------------------------------------------------------------------


def test_what_was_taken_is_there_again_when_the_price_is_told_anew() -> None:
    machine = engine()
    send(machine, quote(T0, 99, 100, lots=10), submit(T0 + 1, K.HOST_ID, 1, 8))
    send(machine, submit(T0 + 2, K.HOST_ID + 1, 1, 8))  # two are left
    assert fills(machine) == [(0, 8, 100, 1), (1, 2, 100, 2)]
    send(machine, quote(T0 + 3, 99, 100, lots=10))  # says nothing new
    assert len(fills(machine)) == 2
    send(machine, quote(T0 + 4, 99, 100, lots=11))
    assert fills(machine)[2:] == [(1, 6, 100, 4)]


def test_a_taker_walks_the_levels_and_stops_at_its_limit() -> None:
    machine = engine(depth="L2")
    send(machine, depth(T0, 1, 99, 5), depth(T0, -1, 100, 3), depth(T0, -1, 102, 4))
    send(machine, depth(T0, -1, 105, 50), submit(T0 + 1, K.HOST_ID, 1, 20, 104))
    assert fills(machine) == [(0, 3, 100, 1), (0, 4, 102, 1)]
    send(machine, depth(T0 + 2, -1, 103, 2))  # comes down to the rest of it
    assert fills(machine)[2:] == [(0, 2, 104, 2)]
    send(machine, slot(M.CANCEL, T0 + 3, a=K.HOST_ID))
    send(machine, submit(T0 + 3, K.HOST_ID + 1, -1, 6, tif=K.FOK))  # only five are there
    assert statuses(machine, 1)[-1] == "expired"
    send(machine, submit(T0 + 3, K.HOST_ID + 2, -1, 5, tif=K.FOK))
    assert fills(machine)[3:] == [(2, -5, 99, 3)]


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        (K.CANCEL_NEWEST, "accepted", "cancelled"),
        (K.CANCEL_OLDEST, "cancelled", "accepted"),
        (K.CANCEL_BOTH, "cancelled", "cancelled"),
        (K.DECREMENT, "cancelled", "accepted"),
    ],
)
def test_own_orders_never_trade_with_each_other(rule: int, first: str, second: str) -> None:
    machine = engine()
    send(
        machine,
        quote(T0, 90, 110),
        submit(T0 + 1, K.HOST_ID, -1, 3, 100),
        submit(T0 + 2, K.HOST_ID + 1, 1, 5, 101, stp=rule),
    )
    assert fills(machine) == []
    assert (statuses(machine, 0)[-1], statuses(machine, 1)[-1]) == (first, second)
    left = {
        int(o["id"]) - K.HOST_ID: int(o["leaves"]) for o in machine.snapshot(0.0).pool("orders")
    }
    assert (
        left
        == {
            K.CANCEL_NEWEST: {0: 3},
            K.CANCEL_OLDEST: {1: 5},
            K.CANCEL_BOTH: {},
            K.DECREMENT: {1: 2},
        }[rule]
    )


def test_an_iceberg_goes_to_the_end_of_the_queue_with_each_part_it_shows() -> None:
    machine = engine(depth="L2", queue=af.RiskAverseQueue())
    send(machine, depth(T0, 1, 99, 10), depth(T0, -1, 101, 10))
    send(machine, submit(T0 + 1, K.HOST_ID, 1, 6, 99, display=2))
    send(machine, trade(T0 + 2, 99, 11, -1))  # ten before us, one of ours
    assert fills(machine) == [(0, 1, 99, 2)]
    send(machine, trade(T0 + 3, 99, 1, -1), depth(T0 + 4, 1, 99, 7))
    assert fills(machine)[1:] == [(0, 1, 99, 3)]
    shown = L.pool(machine.block, "resting")
    ahead = [int(r["ahead"]) for r in shown if r["state"] == L.IN_BOOK]
    assert ahead == [7], "behind all that the level shows"


# --- sessions -------------------------------------------------------------------------------------


def test_nothing_fills_in_a_halt_and_everything_may_after_it() -> None:
    machine = engine()
    send(
        machine,
        quote(T0, 99, 100, lots=50),
        slot(M.STATUS, T0 + 1, a=K.HALT),
        submit(T0 + 2, K.HOST_ID, 1, 5),
        submit(T0 + 2, K.HOST_ID + 1, 1, 5, 100, tif=K.IOC),
        quote(T0 + 3, 98, 99, lots=50),
        trade(T0 + 4, 98, 5, -1),
    )
    assert fills(machine) == []
    assert statuses(machine, 1)[-1] == "expired"
    send(machine, slot(M.STATUS, T0 + 5, a=K.OPEN))
    assert fills(machine) == [(0, 5, 99, 5)]


def test_auction_orders_fill_in_theirs_and_expire_where_their_limit_forbids() -> None:
    machine = engine()
    send(machine, quote(T0, 99, 101))
    for n, (side, limit, tif) in enumerate(
        [(1, 0, K.AT_OPEN), (-1, 103, K.AT_OPEN), (1, 0, K.AT_CLOSE)]
    ):
        send(machine, submit(T0 + 1, K.HOST_ID + n, side, 2, limit, tif))
    send(machine, quote(T0 + 2, 99, 100), trade(T0 + 3, 100, 50, 1))
    assert fills(machine) == []
    send(machine, slot(M.AUCTION, T0 + 4, a=102, b=100, c=0))
    assert fills(machine) == [(0, 2, 102, 4)]
    assert statuses(machine, 1)[-1] == "expired"
    send(machine, slot(M.AUCTION, T0 + 5, a=104, b=1, c=1))
    assert fills(machine)[1:] == [(2, 1, 104, 5)], "an auction has only so many lots"


def test_orders_end_when_their_time_is_over() -> None:
    machine = engine()
    start = T0 + 10 * HOUR
    send(
        machine,
        quote(start, 99, 101),
        submit(start + 1, K.HOST_ID, 1, 1, 90, K.GTD, expire=start + 1_000),
        submit(start + 1, K.HOST_ID + 1, 1, 1, 90, K.DAY),
        quote(start + 999, 99, 101),
    )
    assert statuses(machine, 0)[-1] == "accepted"
    send(machine, quote(start + 2_000, 99, 101))
    assert statuses(machine, 0)[-1] == "expired"
    ended = rows_of(machine, M.ORDER_ROW)[-1]
    assert int(ended["ts"]) == start + 1_000
    assert statuses(machine, 1)[-1] == "accepted"
    send(machine, quote(T0 + DAY + 1, 99, 101))
    assert statuses(machine, 1)[-1] == "expired"


# --- slippage and bars ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "price"),
    [
        (af.NoSlippage(), 10_000),
        (af.TickSlippage(2.0), 10_002),
        (af.BasisPointSlippage(5.0), 10_005),
        (af.VolumeShareSlippage(0.1), 10_003),  # 10,000 x 0.1 x (5/100)^2 = 2.5
        (af.SquareRootSlippage(0.01), 10_023),  # 10,000 x 0.01 x sqrt(5/100) = 22.4
    ],
)
def test_a_taker_on_bars_pays_beyond_the_price_shown(model: Any, price: int) -> None:
    machine = engine(slippage=model)
    send(machine, bar(T0 + HOUR, (9_990, 10_000, 9_980, 9_990)))
    send(machine, submit(T0 + HOUR, K.HOST_ID, 1, 5))
    message = bar(T0 + 2 * HOUR, (10_000, 10_050, 9_950, 10_000))
    message["volume"] = 100
    send(machine, message)
    assert [(n, lots, at) for n, lots, at, _ in fills(machine)] == [(0, 5, price)]


def test_a_volume_share_spreads_an_order_over_bars() -> None:
    machine = engine(volume_share="0.1")
    send(machine, bar(T0 + HOUR, (100, 100, 100, 100)), submit(T0 + HOUR, K.HOST_ID, 1, 25))
    for n in range(3):
        message = bar(T0 + (n + 2) * HOUR, (100 + n, 110, 90, 100))
        message["volume"] = 100
        send(machine, message)
    assert [(lots, price) for _, lots, price, _ in fills(machine)] == [
        (10, 100),
        (10, 101),
        (5, 102),
    ]


@pytest.mark.parametrize(
    ("path", "first"), [("ohlc", "take"), ("olhc", "stop"), ("pessimistic", "stop")]
)
def test_a_path_says_which_exit_of_a_long_position_comes_first(path: str, first: str) -> None:
    machine = engine(path=path)
    send(machine, bar(T0 + HOUR, (100, 100, 100, 100)), submit(T0 + HOUR, K.HOST_ID, 1, 5))
    send(machine, bar(T0 + 2 * HOUR, (100, 100, 100, 100)))
    leave = {"link": K.OCO, "exec_flags": K.REDUCE_ONLY}
    send(
        machine,
        submit(T0 + 2 * HOUR, K.HOST_ID + 1, -1, 5, 110, **leave),
        submit(T0 + 2 * HOUR, K.HOST_ID + 2, -1, 5, type=K.STOP_MARKET, stop=90,
               peer=K.HOST_ID + 1, **leave),
        bar(T0 + 3 * HOUR, (100, 115, 85, 100)),
    )  # fmt: skip
    number, price = (1, 110) if first == "take" else (2, 90)
    assert [(n, lots, at) for n, lots, at, _ in fills(machine)[1:]] == [(number, -5, price)]
    assert statuses(machine, 3 - number)[-1] == "cancelled"


def test_this_close_fills_an_order_from_a_bar_at_that_bars_close() -> None:
    machine = engine(fill="this_close")
    send(machine, bar(T0 + HOUR, (100, 120, 90, 111)), submit(T0 + HOUR, K.HOST_ID, 1, 5))
    assert [(lots, price) for _, lots, price, _ in fills(machine)] == [(5, 111)]


# --- emulation, replace ---------------------------------------------------------------------------


def test_what_the_engine_emulates_ends_with_its_day_too() -> None:
    machine = engine()
    flat = (1_000, 1_000, 1_000, 1_000)
    send(machine, bar(T0 + DAY, flat, length=DAY))
    stop = {"type": K.STOP_MARKET, "stop": 1_100, "exec_flags": K.EMULATED_HERE, "tif": K.DAY}
    send(machine, submit(T0 + DAY, K.HOST_ID, 1, 10, **stop))
    send(machine, bar(T0 + 2 * DAY, flat, length=DAY), bar(T0 + 3 * DAY, flat, length=DAY))
    assert statuses(machine, 0)[-1] == "expired"


def test_an_emulated_stop_is_the_engines_until_it_triggers() -> None:
    machine = engine()
    send(
        machine,
        quote(T0, 99, 100, lots=50),
        trade(T0 + 1, 100),
        submit(T0 + 2, K.HOST_ID, 1, 3, type=K.STOP_MARKET, stop=105, exec_flags=K.EMULATED_HERE),
        trade(T0 + 3, 104),
    )
    assert statuses(machine, 0) == ["initialized", "emulated"]
    send(machine, quote(T0 + 4, 105, 106, lots=50), trade(T0 + 5, 105))
    assert statuses(machine, 0)[2:] == ["released", "submitted", "accepted", "filled"]
    assert fills(machine) == [(0, 3, 106, 5)]


def test_a_smaller_quantity_keeps_its_place_and_another_price_loses_it() -> None:
    machine = engine(depth="L2", queue=af.RiskAverseQueue())
    send(machine, depth(T0, 1, 99, 10), depth(T0, 1, 98, 30), depth(T0, -1, 101, 10))
    send(machine, submit(T0 + 1, K.HOST_ID, 1, 6, 99), trade(T0 + 2, 99, 4, -1))

    def ahead() -> list[int]:
        found = L.pool(machine.block, "resting")
        return [int(r["ahead"]) for r in found if r["state"] == L.IN_BOOK]

    assert ahead() == [6]
    send(machine, replace(T0 + 3, K.HOST_ID, qty=4))
    assert ahead() == [6]
    send(machine, replace(T0 + 4, K.HOST_ID, qty=9))
    assert ahead() == [10]
    send(machine, replace(T0 + 5, K.HOST_ID, price=98))
    assert ahead() == [30]
    assert np.isclose(int(machine.header["illegal"]), 0)


# --- linked orders --------------------------------------------------------------------------------


def test_exits_work_for_all_that_a_sweep_bought_though_one_triggers_at_once() -> None:
    machine = engine(depth="L2")
    leave = {"link": K.OUO, "exec_flags": K.REDUCE_ONLY, "parent": K.HOST_ID}
    send(
        machine,
        *[depth(T0, -1, 100 + n, 4) for n in range(3)],
        depth(T0, 1, 99, 50),
        submit(T0 + 1, K.HOST_ID, 1, 12),
        submit(T0 + 1, K.HOST_ID + 1, -1, 12, 110, **leave),
        submit(T0 + 1, K.HOST_ID + 2, -1, 12, type=K.STOP_MARKET, stop=99, trigger=K.BID_ASK,
               peer=K.HOST_ID + 1, **leave),
    )  # fmt: skip
    assert [lots for _, lots, _, _ in fills(machine)] == [4, 4, 4, -12]
    assert int(L.pool(machine.block, "positions")[0]["qty"]) == 0
    assert int(machine.header["open_orders"]) == 0


def test_an_exit_that_fills_cancels_what_is_left_of_its_entry() -> None:
    """Four of ten were bought when the stop takes them out: the other six would have no stop."""
    machine = engine()
    leave = {"link": K.OUO, "exec_flags": K.REDUCE_ONLY, "parent": K.HOST_ID}
    send(
        machine,
        quote(T0, 99, 100, lots=4),
        submit(T0 + 1, K.HOST_ID, 1, 10, 100),
        submit(T0 + 1, K.HOST_ID + 1, -1, 10, 110, **leave),
        submit(T0 + 1, K.HOST_ID + 2, -1, 10, type=K.STOP_MARKET, stop=98, peer=K.HOST_ID + 1,
               **leave),
    )  # fmt: skip
    assert fills(machine) == [(0, 4, 100, 1)]
    send(machine, quote(T0 + 2, 96, 101, lots=50), trade(T0 + 3, 97))
    assert fills(machine)[1:] == [(2, -4, 96, 3)]
    assert [statuses(machine, n)[-1] for n in range(3)] == ["cancelled", "cancelled", "filled"]
    assert int(machine.header["open_orders"]) == 0


class Bracketed(af.Strategy):
    """A bracket with exits that the test gives."""

    take: float = 0.0
    stop: float = 0.0
    id: int = 0

    def on_quote(self, ctx, quote):
        if self.id == 0:
            self.id = ctx.bracket(quote.instrument, 5.0, take=self.take, stop=self.stop)


@pytest.mark.parametrize(
    ("take", "stop", "status"),
    [(1.10, 0.90, "filled"), (float("nan"), 0.90, "denied"), (1.10, float("nan"), "denied")],
)
def test_a_bracket_is_sent_whole_or_not_at_all(take: float, stop: float, status: str) -> None:
    machine = engine()
    machine.add_strategy(compiled_entry(Bracketed(take=take, stop=stop)), ["XYZ"])
    send(machine, quote(T0, 99, 100, lots=50), quote(T0 + 1, 99, 100, lots=51))
    rows = rows_of(machine, M.ORDER_ROW)
    last = {int(r["a"]): K.STATUS_NAMES[int(r["code"])] for r in rows}
    assert last[min(last)] == status
    working = int(machine.header["open_orders"])
    assert working == (2 if status == "filled" else 0)


# --- a venue outside ------------------------------------------------------------------------------


def test_what_reduces_only_never_asks_a_venue_outside_for_more_than_is_there() -> None:
    from market import report, small_engine

    from alphaforge.engine import rules as R
    from alphaforge.engine.ring import Ring

    machine = small_engine(venue=K.VENUE_EXTERNAL)
    orders = Ring(1 << 8)
    machine.header["out"] = orders.address
    send(machine, quote(T0, 99, 100), submit(T0 + 1, K.HOST_ID, 1, 5))
    bought = {"qty": 5, "price": 100, "trade_id": 1}
    send(
        machine,
        report(T0 + 2, K.HOST_ID, K.ACCEPTED),
        report(T0 + 3, K.HOST_ID, K.FILLED, **bought),
    )
    reduce = {"exec_flags": K.REDUCE_ONLY}
    send(machine, submit(T0 + 4, K.HOST_ID + 1, -1, 3, 90, **reduce))
    send(machine, submit(T0 + 4, K.HOST_ID + 2, -1, 3, 90, **reduce))
    send(machine, submit(T0 + 4, K.HOST_ID + 3, -1, 2, 90, **reduce))
    stop = {"type": K.STOP_MARKET, "stop": 80}
    send(machine, submit(T0 + 4, K.HOST_ID + 4, -1, 5, **stop, **reduce))
    (denied,) = rows_of(machine, M.DENIAL_ROW)
    assert (denied["code"], denied["a"] - K.HOST_ID) == (R.REDUCE_ONLY, 2)
    assert (denied["b"], denied["c"]) == (2, 3)
    assert statuses(machine, 4)[-1] == "emulated"


def test_fills_that_can_not_be_are_counted_and_shown_and_never_applied() -> None:
    from market import report, small_engine

    from alphaforge.engine import rules as R
    from alphaforge.engine.ring import Ring

    machine = small_engine(venue=K.VENUE_EXTERNAL)
    orders = Ring(1 << 8)
    machine.header["out"] = orders.address
    send(machine, quote(T0, 99, 100), submit(T0 + 1, K.HOST_ID, 1, 5, 99))
    send(machine, report(T0 + 2, K.HOST_ID, K.ACCEPTED))
    fill = {"qty": 2, "price": 99, "trade_id": 7}
    send(machine, report(T0 + 3, K.HOST_ID, K.FILLED, **fill))
    send(machine, report(T0 + 4, K.HOST_ID, K.FILLED, **fill))  # told twice
    send(machine, report(T0 + 5, K.HOST_ID, K.FILLED, **{**fill, "qty": 4, "trade_id": 8}))
    send(machine, report(T0 + 6, K.HOST_ID + 9, K.FILLED, **fill))
    send(machine, report(T0 + 7, K.HOST_ID, K.CANCELLED))
    send(machine, report(T0 + 8, K.HOST_ID, K.FILLED, **{**fill, "trade_id": 9}))  # on its way
    counts = ("duplicate_fills", "over_fills", "unknown_reports", "late_fills", "fills")
    assert [int(machine.header[name]) for name in counts] == [1, 1, 1, 1, 2]
    alerts = rows_of(machine, M.ALERT_ROW)
    assert alerts["code"].tolist() == [R.OVER_FILL, R.UNKNOWN_FILL]
    assert [lots for _, lots, _, _ in fills(machine)] == [2, 2]
