"""A live session without a browser: the real exchange thread, the real engine thread."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.errors import EngineHalted, OrderError, RiskDenied, StrategyError
from alphaforge.order import Order

SYMBOL = "BTCUSDT"


class Quiet(af.Strategy):
    """Only looks."""

    bars: int = 0

    def on_bar(self, ctx, bar):
        self.bars += 1


class Eager(af.Strategy):
    """Wants one lot more at every bar, and a timer a second later."""

    bars: int = 0
    timers: int = 0

    def on_bar(self, ctx, bar):
        self.bars += 1
        ctx.buy(bar.instrument, 0.001)
        ctx.timer(1_000_000_000, 7)

    def on_timer(self, ctx, timer):
        self.timers += 1


class Faulty(af.Strategy):
    """Divides by zero when it is told to by a fill."""

    zero: int = 0

    def on_bar(self, ctx, bar):
        ctx.target(bar.instrument, 0.01)

    def on_fill(self, ctx, fill):
        self.zero = 1 // self.zero  # the line that raises


def caught_up(lab: af.Lab, eventually: Any) -> None:
    lab.live  # noqa: B018 - starts it
    eventually(lambda: lab.live.exchange.caught_up, 30, "the back-fill")
    eventually(lambda: lab.live.exchange.market_data.waiting < 100, 30, "the engine's reading")


def price(lab: af.Lab, name: str) -> float:
    tick = lab.live.engine.snapshot(0.0).pool("markets")[0][name]
    return float(int(tick) * lab.live.engine.instruments[0].price)


def position(lab: af.Lab) -> int:
    return int(lab.live.engine.snapshot(0.0).position(0, 0)["qty"])


def test_orders_limits_kill_and_arm(lab: af.Lab, eventually: Any) -> None:
    caught_up(lab, eventually)

    async def session() -> None:
        filled = await lab.filled(lab.submit(Order(SYMBOL, "buy", 0.2)))
        assert (filled.status, filled.leaves) == (K.FILLED, 0)
        low = round(price(lab, "bid") - 500.0)
        working = lab.submit(Order(SYMBOL, "buy", 0.1, limit=float(low)))
        assert (await lab.accepted(working)).status == K.ACCEPTED
        with pytest.raises(RiskDenied, match=r"MAX_POSITION: limit=2\.000 BTC, value=2\.200 BTC"):
            await lab.accepted(lab.submit(Order(SYMBOL, "buy", 1.9)))
        lab.limits.max_position[SYMBOL] = 0.25
        with pytest.raises(RiskDenied, match=r"MAX_POSITION: limit=0\.250 BTC, value=0\.310 BTC"):
            await lab.accepted(lab.submit(Order(SYMBOL, "buy", 0.01)))
        lab.limits.max_notional = 1_000
        with pytest.raises(RiskDenied, match=r"MAX_NOTIONAL: limit=1000\.00 USDT, value=\d+\."):
            await lab.accepted(lab.submit(Order(SYMBOL, "sell", 0.1)))
        assert (lab.limits.max_notional, lab.limits.max_position[SYMBOL]) == (1_000.0, 0.25)
        lab.kill()
        eventually(lambda: lab.live.feed.orders[working].status == K.CANCELLED, 10)
        with pytest.raises(RiskDenied, match="TRADING_HALTED"):
            await lab.accepted(lab.submit(Order(SYMBOL, "sell", 0.001)))
        lab.arm()
        await lab.filled(lab.submit(Order(SYMBOL, "sell", 0.01)))

    asyncio.run(session())
    found = lab.sql("select status, count(*) n from orders group by status").set_index("status")[
        "n"
    ]
    assert found.to_dict() == {"filled": 2, "cancelled": 1, "denied": 4}
    fills = lab.sql("select sum(side * qty) q, min(fee) fee from fills")
    assert fills["q"][0] == pytest.approx(0.19)
    assert fills["fee"][0] > 0
    assert position(lab) == 190


def test_kill_can_flatten(lab: af.Lab, eventually: Any) -> None:
    caught_up(lab, eventually)
    lab.submit(Order(SYMBOL, "sell", 0.3))
    eventually(lambda: position(lab) == -300, 10)
    lab.kill(flatten=True)
    eventually(lambda: position(lab) == 0, 10)
    assert int(lab.engine.header["trading"]) == K.TRADING_HALTED


def test_two_streamed_bars_are_those_of_the_session(lab: af.Lab, eventually: Any) -> None:
    caught_up(lab, eventually)

    async def two() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async for each in lab.stream(SYMBOL, "1s"):
            found.append(each)
            if len(found) == 2:
                return found
        return found

    streamed = asyncio.run(asyncio.wait_for(two(), 30))
    bars = lab.bars(SYMBOL, "1s")
    for each in streamed:
        row = bars.loc[pd.Timestamp(each["ts"], tz="UTC")]
        assert row.to_dict() == {k: each[k] for k in ("open", "high", "low", "close", "volume")}


def test_closed_bars_equal_bars_rebuilt_from_the_journal(lab: af.Lab, eventually: Any) -> None:
    """An own reader follows the journal from its first row; bars are made of its trades by hand."""
    lab.paper(Quiet(), SYMBOL, "1s")
    reader, parts = lab.live.engine.journal.reader(0), []

    def enough() -> bool:
        parts.append(reader.read())
        series = lab.live.feed.bars.get(lab.live.builders[(SYMBOL, "1s")])
        return series is not None and series.count > 450 and lab.live.exchange.caught_up

    eventually(enough, 60)
    lab.live.exchange.stop()
    eventually(lambda: not lab.live.exchange.market_data.waiting, 10)
    lab.live.feed.catch_up()
    parts.append(reader.read(1 << 20))
    assert (reader.missed, reader.damaged) == (0, 0)
    rows = np.concatenate(parts)
    trades = rows[rows["kind"] == M.TRADE]
    live = lab.live
    for spec, interval in (("1s", 10**9), ("5s", 5 * 10**9), ("1m", 60 * 10**9)):
        series = live.feed.bars[live.builders[(SYMBOL, spec)]]
        first, bars = series.since(0, series.count)
        assert first == 0, spec
        bucket = trades["ts"] // interval
        made = []
        for start in np.unique(bucket).tolist():
            inside = trades[bucket == start]
            a = inside["a"]
            made.append((start * interval, int(a[0]), int(a.max()), int(a.min()), int(a[-1]),
                         int(inside["b"].sum())))  # fmt: skip
        names = ("ts_open", "open", "high", "low", "close", "volume")
        assert [tuple(int(bar[n]) for n in names) for bar in bars] == made[: len(bars)], spec
        assert len(made) - len(bars) <= 1


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_a_strategy_that_raises_halts_and_resume_goes_on(
    lab: af.Lab, eventually: Any, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    paper = lab.paper(Faulty(), SYMBOL, "1s", mode=mode)
    eventually(lambda: not lab.live.engine.running, 60, "the halt")
    eventually(lambda: lab.live.error is not None, 10)
    assert isinstance(lab.live.error, ZeroDivisionError)
    trace: Any = lab.live.error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    assert trace.tb_frame.f_code.co_name == "on_fill"
    assert trace.tb_lineno == Faulty.on_fill.__code__.co_firstlineno + 1
    eventually(lambda: "the line that raises" in capsys.readouterr().err, 5)
    with pytest.raises(EngineHalted, match=r"raised \(on_fill\)"):
        lab.submit(Order(SYMBOL, "buy", 0.01))
    held, events = paper.position, int(lab.engine.header["events"])
    assert held == 0.01, "its state is kept"
    lab.resume()
    eventually(lambda: int(lab.engine.header["events"]) > events + 100, 10)
    assert asyncio.run(lab.filled(lab.submit(Order(SYMBOL, "buy", 0.01)))).status == K.FILLED
    assert paper.position == held, "and it stays out"


def test_a_builder_too_many_is_refused_and_halts_nothing(lab: af.Lab, eventually: Any) -> None:
    room = lab.live.engine.capacities.builders - len(lab.live.builders)
    for n in range(room):
        lab.live.builder(SYMBOL, f"{100 + n}s")
    with pytest.raises(af.ConfigError, match="no room for another of its builders"):
        lab.live.builder(SYMBOL, "7s")
    assert lab.live.engine.running


def test_what_can_not_be_sent_says_why(lab: af.Lab) -> None:
    tick = (
        r"^limit price 101\.3 of BTCUSDT is not on its 0\.5 tick\. "
        r"Use 101\.5, or instrument\.round_price\(101\.3\)\.$"
    )
    with pytest.raises(OrderError, match=tick):
        lab.submit(Order(SYMBOL, "buy", 0.1, limit=101.3))
    with pytest.raises(OrderError, match=r"quantity 0.0001 of BTCUSDT is not a positive multiple"):
        lab.submit(Order(SYMBOL, "buy", 0.0001))
    with pytest.raises(OrderError, match=r"^side must be 'buy' or 'sell', not 'hold'"):
        lab.submit(Order(SYMBOL, "hold", 0.1))
    with pytest.raises(
        OrderError, match=r"time in force must be one of GTC, IOC, FOK, .*, not 'FKO'"
    ):
        lab.submit(Order(SYMBOL, "buy", 0.1, tif="FKO"))
    with pytest.raises(
        af.InstrumentError, match=r"no instrument 'BTCUSD' .*Did you mean BTCUSDT\?"
    ):
        lab.submit(Order("BTCUSD", "buy", 0.1))
    with pytest.raises(AttributeError, match="no limit 'max_notionl'"):
        lab.limits.max_notionl = 3
    with pytest.raises(OrderError, match=r"must be 0 \(none\) or a positive number, not -1"):
        lab.limits.max_notional = -1


def test_a_closed_lab_says_so() -> None:
    made = af.Lab(":memory:")
    made.close()
    made.close()
    with pytest.raises(EngineHalted, match=r"this lab is closed\. Make another"):
        made.submit(Order(SYMBOL, "buy", 0.1))


def test_what_a_full_disk_refused_is_stored_later_once(
    lab: af.Lab, eventually: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    caught_up(lab, eventually)
    feed = lab.live.feed
    append = type(lab.history).append

    def refuse_the_journal(history: Any, table: str, columns: Any) -> None:
        if table == "journal":
            raise OSError("No space left on device")
        append(history, table, columns)

    monkeypatch.setattr(type(lab.history), "append", refuse_the_journal)
    order = lab.submit(Order(SYMBOL, "buy", 0.2))
    eventually(lambda: position(lab) == 200, 10)
    for _ in range(2):
        feed.catch_up()
        feed._try_to_flush()
    assert capsys.readouterr().err.count("No space left on device") == 1
    assert lab.history.sql("SELECT count(*) n FROM fills")["n"][0] == 0
    monkeypatch.undo()
    fills = lab.sql(f"select * from fills where order_id = {order}")
    assert round(fills["qty"].sum(), 9) == 0.2
    rows = lab.sql("select count(*) n, count(distinct seq) d from journal")
    assert rows["n"][0] == rows["d"][0] > 0


def test_the_account_is_journalled_every_second_and_follows_from_the_fills(
    lab: af.Lab, eventually: Any
) -> None:
    caught_up(lab, eventually)
    live = lab.live
    for side, qty in (("buy", 0.4), ("sell", 0.9), ("buy", 0.5)):
        lab.submit(Order(SYMBOL, side, qty))
        eventually(lambda n=live.feed.equity.count: live.feed.equity.count > n, 10)
    value = live.engine.instruments[0].value
    cash = int(live.engine.header["start_cash"])
    rows = live.engine.journal.reader().read(1 << 21)
    seconds, fills = [], 0
    for row in rows[(rows["kind"] == M.FILL_ROW) | (rows["kind"] == M.ACCOUNT_ROW)]:
        if row["kind"] == M.FILL_ROW:
            cash -= int(row["b"]) * int(row["c"]) * value + int(row["d"])
            fills += 1
        else:
            assert int(row["a"]) == cash
            seconds.append(int(row["ts"]) // 1_000_000_000)
    assert fills >= 3
    assert len(seconds) > 500
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    _, points = live.feed.equity.since(0, live.feed.equity.count)
    assert points["ts"].min() >= live.live_from
    assert (points["peak"] >= points["equity"]).all()


def test_a_back_fill_is_shown_and_never_traded(lab: af.Lab, eventually: Any) -> None:
    session = lab.paper(Eager(), SYMBOL, "1s")
    live = lab.live

    def caught_up_beside_commands() -> bool:
        lab.limits.max_notional = 100_000  # of now, amid the past
        return live.exchange.caught_up

    eventually(caught_up_beside_commands, 30, "the back-fill")
    eventually(lambda: session.position > 0.001, 20, "trading")
    live.exchange.stop()
    eventually(lambda: live.exchange.market_data.waiting == 0, 10, "the engine's reading")
    rows = live.engine.journal.reader().read(1 << 21)
    assert int(rows["seq"][0]) == 0
    past = rows["ts"][(rows["kind"] >= M.FIRST_OUTPUT) & (rows["ts"] < live.live_from)]
    assert (np.diff(past) >= 0).all(), "time went back"
    bars = rows[rows["kind"] == M.BAR_ROW]
    orders = rows[(rows["kind"] == M.ORDER_ROW) & (rows["code"] == K.INITIALIZED)]
    assert (bars["ts"] < live.live_from).sum() >= 490
    assert 1 <= orders.size < 20
    assert (orders["ts"] >= live.live_from).all()
    timers = rows[rows["kind"] == M.TIMER_ROW]
    assert (timers["ts"] == timers["c"]).sum() > 400, "a back-fill's timers fire in its time"


class Brief(af.Strategy):
    """Puts a far limit order in at every bar and takes the one before back."""

    last: int = 0

    def on_bar(self, ctx, bar):
        if self.last > 0:
            ctx.cancel(self.last)
        self.last = ctx.buy(bar.instrument, 0.01, limit=60_000.0)


def test_cancels_and_replaces_through_the_ring_leave_every_order_known(
    lab: af.Lab, eventually: Any
) -> None:
    """Numbers up to 40 and host ids: each low byte that a second slot could be misread as."""
    caught_up(lab, eventually)
    live = lab.live
    lab.limits.max_order_rate = 0
    ids = [lab.submit(Order(SYMBOL, "buy", 0.01, limit=60_000.0)) for _ in range(40)]
    eventually(lambda: statuses(lab, ids) == {K.ACCEPTED}, 10, "working")
    for order_id in ids[::2]:
        live.replace(order_id, 60_001.0)
    eventually(lambda: {live.feed.orders[i].price for i in ids[::2]} == {120_002}, 10, "moved")
    for order_id in ids:
        live.cancel(order_id)
    eventually(lambda: statuses(lab, ids) == {K.CANCELLED}, 10, "cancelled")
    assert asyncio.run(lab.filled(lab.submit(Order(SYMBOL, "buy", 0.01)))).leaves == 0
    lab.paper(Brief(), SYMBOL, "1s")
    eventually(lambda: int(lab.engine.header["order_seq"]) >= 5, 20, "five orders")
    lab.kill()
    eventually(lambda: int(lab.engine.header["open_orders"]) == 0, 10, "none left")
    assert int(lab.engine.header["unknown_reports"]) == 0
    assert int(lab.engine.header["illegal"]) == 0


def statuses(lab: af.Lab, ids: list[int]) -> set[int]:
    lab.live.feed.catch_up()
    orders = lab.live.feed.orders
    return {orders[i].status if i in orders else 0 for i in ids}


def test_an_await_that_timed_out_ends_nothing(lab: af.Lab, eventually: Any) -> None:
    caught_up(lab, eventually)
    order = lab.submit(Order(SYMBOL, "buy", 0.01, limit=60_000.0))
    with pytest.raises(TimeoutError):
        asyncio.run(lab.filled(order, timeout=0.1))
    assert lab.live.feed._waiters == []
    lab.live.cancel(order)
    eventually(lambda: lab.live.feed.orders[order].status == K.CANCELLED, 10)
    assert asyncio.run(lab.filled(lab.submit(Order(SYMBOL, "buy", 0.01)))).leaves == 0


class Starts(af.Strategy):
    """Raises in on_start, or counts on what on_start has set."""

    raises: bool = False
    scale: float = 0.0
    seen: float = 0.0
    beats: int = 0

    def on_start(self, ctx):
        self.scale = 1.0 / (0.0 if self.raises else 2.0)
        ctx.timer(1_000_000_000, 3)

    def on_bar(self, ctx, bar):
        self.seen += 1.0 / self.scale
        ctx.target(bar.instrument, 0.001 * self.beats)

    def on_timer(self, ctx, timer):
        self.beats += 1
        ctx.timer(1_000_000_000, 3)


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_a_start_that_raises_is_told_and_the_session_goes_on(
    lab: af.Lab, eventually: Any, mode: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(EngineHalted, match=r"handler raised \(on_start\)") as raised:
        lab.paper(Starts(raises=True), SYMBOL, "1s", mode=mode)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert "ZeroDivisionError" in capsys.readouterr().err
    lab.resume()
    caught_up(lab, eventually)
    with pytest.raises(StrategyError, match="raised while it was shown the last") as late:
        lab.paper(Starts(raises=True), SYMBOL, "1s", mode=mode)
    assert isinstance(late.value.__cause__, ZeroDivisionError)
    assert lab.engine.running


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_a_late_comer_starts_before_its_warm_up_and_keeps_its_timers(
    lab: af.Lab, eventually: Any, mode: str
) -> None:
    caught_up(lab, eventually)
    eventually(lambda: len(lab.bars(SYMBOL, "1s")) >= 490, 10)
    session = lab.paper(Starts(), SYMBOL, "1s", mode=mode)
    eventually(lambda: session.position > 0.4, 20, "the warm-up's beats, and new ones")


def test_stopped_strategies_give_their_slots_back(lab: af.Lab, eventually: Any) -> None:
    caught_up(lab, eventually)
    slots = set()
    for _ in range(40):
        session = lab.paper(Quiet(), SYMBOL, "1s")
        slots.add(session.slot)
        session.stop()
        eventually(lambda s=session: stopped(lab, s.slot), 5)
    assert slots == {0}


def stopped(lab: af.Lab, slot: int) -> bool:
    return not lab.engine.snapshot(0.0).pool("strategies")["running"][slot]


def test_a_fat_finger_is_denied_with_no_limit_set_and_halts_nothing(
    lab: af.Lab, eventually: Any
) -> None:
    caught_up(lab, eventually)
    lab.limits.max_notional = 0
    lab.limits.max_position[SYMBOL] = 0
    for qty, limit in ((1e12, None), (1e15, None), (1e12, 1e11)):
        with pytest.raises(RiskDenied, match="MAX_NOTIONAL"):
            asyncio.run(lab.accepted(lab.submit(Order(SYMBOL, "buy", qty, limit=limit))))
    lab.limits.max_position[SYMBOL] = 2
    asyncio.run(lab.filled(lab.submit(Order(SYMBOL, "buy", 1.9))))
    with pytest.raises(RiskDenied, match=r"MAX_(POSITION|NOTIONAL)"):
        asyncio.run(lab.accepted(lab.submit(Order(SYMBOL, "buy", 9.2e15))))
    assert lab.engine.running
    assert position(lab) == 1_900


def test_limits_that_would_be_lifted_by_rounding_are_refused(lab: af.Lab) -> None:
    for name, value in (
        ("max_order_rate", 0.5),
        ("max_order_rate", 1e6),
        ("max_notional", 1e-9),
        ("max_notional", float("nan")),
        ("max_notional", "many"),
    ):
        with pytest.raises(OrderError, match=f"limit {name} "):
            setattr(lab.limits, name, value)
    assert lab.limits.max_order_rate == 40


def test_a_stream_ends_with_its_lab(lab: af.Lab, eventually: Any) -> None:
    caught_up(lab, eventually)

    async def follow() -> int:
        count = 0
        async for _ in lab.stream(SYMBOL, "1s"):
            count += 1
            if count == 1:
                threading.Thread(target=lab.close).start()
        return count

    assert asyncio.run(asyncio.wait_for(follow(), 30)) >= 1


def test_longer_live_bars_are_made_of_the_shorter_ones(lab: af.Lab, eventually: Any) -> None:
    caught_up(lab, eventually)
    built = len(lab.live.builders)
    lab.live.exchange.stop()
    eventually(lambda: not lab.live.exchange.market_data.waiting, 10)
    minutes, twos = lab.bars(SYMBOL, "1m"), lab.bars(SYMBOL, "2m")
    assert len(twos) >= 3
    expected = minutes.groupby(minutes.index.ceil("2min"))
    assert twos["high"].tolist() == expected["high"].max().tolist()
    assert twos["close"].tolist() == expected["close"].last().tolist()
    assert len(lab.live.builders) == built


def test_what_a_script_left_open_is_stored_at_its_end(tmp_path: Any) -> None:
    code = """
import asyncio, alphaforge as af
lab = af.Lab("left.duckdb")
asyncio.run(lab.filled(lab.submit(af.Order("BTCUSDT", "buy", 0.2)), timeout=30))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    with af.Lab(str(tmp_path / "left.duckdb")) as again:
        assert round(again.sql("select sum(qty) q from fills")["q"][0], 9) == 0.2
