"""Small runs of the whole step that also work with the JIT off, and the door between modes."""

from __future__ import annotations

import inspect
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from market import (
    T0,
    bar,
    check_money,
    check_orders,
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
from alphaforge.engine import rules as R
from alphaforge.engine.ring import Ring
from alphaforge.errors import ConfigError
from alphaforge.strategy.compile import python_entry
from alphaforge.strategy.context import Context

HOUR = 3_600_000_000_000


def test_a_day_in_one_engine() -> None:
    """Quotes, trades, bars, a strategy in python mode, timers, a split and the kill switch."""

    class Day(af.Strategy):
        events: int = 0

        def on_start(self, ctx):
            ctx.timer(5, id=3)

        def on_quote(self, ctx, quote):
            self.events += 1
            ctx.buy(quote.instrument, 2, limit=quote.bid - 0.01)

        def on_bar(self, ctx, bar):
            ctx.target(bar.instrument, 5)

        def on_timer(self, ctx, timer):
            self.events += 100 * timer.id

    engine = small_engine()
    engine.header["now"] = T0
    day = Day()
    engine.add_strategy(python_entry(day), ["XYZ"])
    engine.call(0, K.ON_START)
    steps = [
        quote(T0 + 10, 100, 102),
        trade(T0 + 20, 98),
        submit(T0 + 30, K.HOST_ID, -1, 3, 101),
        quote(T0 + 40, 101, 103),
        bar(T0 + HOUR, (100, 104, 97, 99)),
        slot(M.ACTION, T0 + HOUR, a=3, b=2),
        bar(T0 + 2 * HOUR, (66, 70, 60, 65)),
        slot(M.KILL, T0 + 2 * HOUR + 1, a=1),
    ]
    for message in steps:
        assert engine.step(message) == K.FAULT_NONE
        check_money(engine)
        check_orders(engine)
    assert day.events == 302
    assert int(engine.header["fills"]) >= 4
    assert int(engine.header["open_orders"]) == 0
    assert int(L.pool(engine.block, "positions")[0]["qty"]) == 0


def test_a_limit_replaced_through_the_touch_trades_at_the_touch() -> None:
    engine = small_engine()
    engine.step(quote(T0, 100, 102))
    engine.step(submit(T0 + 1, K.HOST_ID, 1, 1, 95))
    engine.step(replace(T0 + 2, K.HOST_ID, price=110))
    fills = rows_of(engine, M.FILL_ROW)
    assert fills["c"].tolist() == [102]


def test_an_ioc_limit_expires_where_only_trades_are_seen() -> None:
    engine = small_engine()
    engine.step(trade(T0, 100))
    engine.step(submit(T0 + 1, K.HOST_ID, 1, 1, 95, K.IOC))
    engine.step(trade(T0 + 2, 96))
    assert int(rows_of(engine, M.ORDER_ROW)["code"][-1]) == K.EXPIRED


def test_reducing_counts_what_works_already() -> None:
    engine = small_engine()
    engine.step(quote(T0, 100, 102))
    engine.step(submit(T0 + 1, K.HOST_ID, 1, 5))
    engine.step(slot(M.STATE, T0 + 2, a=K.TRADING_REDUCING))
    engine.step(submit(T0 + 3, K.HOST_ID + 1, -1, 4, 110))
    engine.step(submit(T0 + 4, K.HOST_ID + 2, -1, 2, 110))
    assert int(engine.header["denied"]) == 1
    engine.step(submit(T0 + 5, K.HOST_ID + 3, -1, 1, 110))
    assert int(engine.header["open_orders"]) == 2


@pytest.mark.parametrize("kind", [M.TRADE, M.QUOTE, M.DEPTH, M.ACTION, 99])
def test_an_event_of_unknown_kind_or_instrument_halts_and_touches_nothing(kind: int) -> None:
    engine = small_engine()
    before = engine.block[int(engine.header["instruments_at"]) :].copy()
    assert engine.step(slot(kind, T0, i=60_000, a=1, b=1)) == K.FAULT_EVENT
    assert bool((engine.block[int(engine.header["instruments_at"]) :] == before).all())


def test_a_full_ring_refuses_counts_and_keeps_what_it_has() -> None:
    ring = Ring(4)
    one, two = slot(M.TRADE, 1), submit(2, K.HOST_ID, 1, 1)
    assert [ring.push(m) for m in (one, two, one, one)] == [True, True, True, False]
    assert ring.dropped == 1
    assert ring.take()["kind"].tolist() == [M.TRADE, M.SUBMIT, 0, M.TRADE]
    # The next message of two doesn't fit before the end: padding fills it, unseen.
    assert [ring.push(m) for m in (one, one, one)] == [True] * 3
    ring.take()
    assert ring.push(two)
    assert len(ring.take()) == 2
    with pytest.raises(ConfigError, match="power of two of at least 4, not 6"):
        Ring(6)


def test_a_full_ring_of_orders_halts_the_engine_at_the_event_boundary() -> None:
    engine = small_engine(venue=K.VENUE_EXTERNAL)
    out = Ring(4)
    engine.header["out"] = out.address
    faults = [engine.step(submit(T0 + n, K.HOST_ID + n, 1, 1, 99)) for n in range(3)]
    assert faults == [0, 0, K.FAULT_RING_FULL]
    assert engine.fault_text() == "the ring of orders to the venue is full, in event 2"
    check_orders(engine)


def test_what_a_full_ring_refused_is_sent_when_there_is_room() -> None:
    engine = small_engine(venue=K.VENUE_EXTERNAL)
    out = Ring(4)
    engine.header["out"] = out.address
    for n in range(2):
        engine.step(submit(T0 + n, K.HOST_ID + n, 1, 1, 99))
    assert engine.step(slot(M.CANCEL, T0 + 2, a=K.HOST_ID)) == K.FAULT_RING_FULL
    statuses = {int(o["id"]): int(o["status"]) for o in L.pool(engine.block, "orders")[:2]}
    assert set(statuses.values()) == {K.SUBMITTED}, "asked for, not sent: not pending"
    assert [int(kind) for kind in out.take()["kind"][::2]] == [M.SUBMIT] * 2
    engine.clear_fault()
    engine.step(slot(M.KILL, T0 + 3))
    sent = out.take()
    assert sent["kind"].tolist() == [M.CANCEL] * 2
    assert sorted(sent["a"].tolist()) == [K.HOST_ID, K.HOST_ID + 1]
    check_orders(engine)


def test_a_trade_reported_again_is_booked_once_whatever_came_between() -> None:
    engine = small_engine(venue=K.VENUE_EXTERNAL)
    out = Ring(1 << 8)
    engine.header["out"] = out.address
    engine.step(submit(T0, K.HOST_ID, 1, 8, 99))
    for n, trade_id in enumerate((0, 1, 0, 2, 1, 2, 0)):
        engine.step(report(T0 + n, K.HOST_ID, K.FILLED, qty=2, price=99, trade_id=trade_id))
    assert int(L.pool(engine.block, "positions")[0]["qty"]) == 6
    assert int(engine.header["duplicate_fills"]) == 4


def test_a_journal_too_small_for_one_event_is_refused() -> None:
    engine = small_engine(journal_rows=1 << 8)
    with pytest.raises(ConfigError, match=r"journal of 256 rows is too small"):
        engine.run(np.zeros(1, M.SLOT), np.zeros(1, np.int64), lambda: None)


def test_a_strategy_cancels_and_moves_its_own_orders_only() -> None:
    class Meddler(af.Strategy):
        other: int = 0

        def on_quote(self, ctx, quote):
            ctx.cancel(self.other)
            ctx.replace(self.other, 0.5)

    engine = small_engine()
    engine.step(submit(T0, K.HOST_ID, 1, 1, 99))
    engine.add_strategy(python_entry(Meddler(other=K.HOST_ID)), ["XYZ"])
    engine.step(quote(T0 + 1, 100, 101))
    working = L.pool(engine.block, "orders")[0]
    assert (int(working["status"]), int(working["price"])) == (K.ACCEPTED, 99)
    assert int(engine.header["illegal"]) == 2


def test_a_target_that_is_no_number_is_denied_and_closes_nothing() -> None:
    class NoNumber(af.Strategy):
        wish: float = 2.0

        def on_quote(self, ctx, quote):
            ctx.target(quote.instrument, self.wish)
            self.wish = float("nan")

    engine = small_engine()
    engine.add_strategy(python_entry(NoNumber()), ["XYZ"])
    for n in range(3):
        engine.step(quote(T0 + n, 100, 101))
    rows = rows_of(engine)
    assert int(L.pool(engine.block, "positions")[0]["qty"]) == 2
    denied = rows[rows["kind"] == M.DENIAL_ROW]
    assert denied["code"].tolist() == [R.QUANTITY_MIN] * 2


def test_every_kernel_lies_in_a_file_that_the_cache_s_name_covers() -> None:
    from alphaforge.engine import jit

    jit._register()
    functions = [getattr(made, "py_func", made) for made, _ in jit._ENTRIES]
    files = {Path(function.__code__.co_filename) for function in functions}
    assert files <= set(jit.stamped_sources())
    assert len(files) > 5


def test_both_modes_have_the_same_context() -> None:
    """Each method of ``Context`` has a compiled function of the same parameters."""
    from alphaforge.strategy.views import CONTEXT_METHODS

    public = {n: f for n, f in vars(Context).items() if not n.startswith("_") and callable(f)}
    assert set(CONTEXT_METHODS) == set(public)
    for name, function in public.items():
        names = list(inspect.signature(function).parameters)[1:]
        assert list(inspect.signature(CONTEXT_METHODS[name]).parameters)[1:] == names, name


def test_both_modes_show_the_same_of_an_event() -> None:
    from alphaforge.strategy import views
    from alphaforge.strategy.events import SHOWN

    expected = {
        K.ON_BAR: {*views._BOTH, "open", "high", "low", "close", "volume", "buy_volume",
                   "trades", "ts_open"},
        K.ON_TRADE: {*views._BOTH, "price", "qty", "side"},
        K.ON_QUOTE: {*views._BOTH, "bid", "bid_qty", "ask", "ask_qty"},
        K.ON_ORDER: set(views._NOTICE),
        K.ON_FILL: {*views._NOTICE, "liquidity", "fee"},
        K.ON_TIMER: {"id", "due"},
    }  # fmt: skip
    for handler, names in expected.items():
        shown = {n for n in dir(SHOWN[handler]) if not n.startswith("_")}
        assert shown == names, K.HANDLER_NAMES[handler]


def test_records_are_whole_slots() -> None:
    for record, slots in ((M.SLOT, 1), (M.BAR_SLOTS, 2), (M.ORDER_SLOTS, 2)):
        assert record.itemsize == 64 * slots
    block = L.new_block(L.Capacities(instruments=2))
    assert block.ctypes.data % 64 == 0
    ends = []
    for name in L.POOLS:
        pool = L.pool(block, name)
        start = pool.ctypes.data - block.ctypes.data
        assert start % 64 == 0
        ends.append((start, start + pool.nbytes))
    ends.sort()
    assert all(one[1] <= other[0] for one, other in pairwise(ends)), "overlap"
    assert ends[-1][1] <= block.size
    assert np.dtype(L.I8).itemsize == 8
