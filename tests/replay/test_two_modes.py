"""The same strategy in python and compiled mode leaves the same journal, row for row."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from market import FEES, T0, rows_of, small_engine, stored_walk, walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.journal import JournalHash
from alphaforge.research.backtest import backtest
from alphaforge.research.run import Run
from alphaforge.strategy import compile as compiling
from alphaforge.strategy.compile import compiled_entry, python_entry
from alphaforge.strategy.fields import to_bytes
from alphaforge.venues.simulated import SimulatedExchange

BARS = 600
SCALE = 1.5


def weight(x: float, y: float) -> float:
    """A plain function of the module, which calls another and reads a constant."""
    return blend(x, y) * SCALE


def blend(x: float, y: float) -> float:
    return 0.25 * x + 0.75 * y


class Bars(af.Strategy):
    """Helper methods, af.math, a module's functions, several orders a bar, the whole context."""

    fast: af.EMA = af.EMA(5)
    slow: af.SMA = af.SMA(20)
    rsi: af.RSI = af.RSI(14)
    atr: af.ATR = af.ATR(14)
    edge: float = 0.0
    sure: bool = False
    last: int = 0
    equity: float = 0.0

    def take(self, x: float, scale: float = 2.0) -> float:
        self.edge = af.math.tanh(x * scale) + af.math.exp(-abs(x)) - af.math.log(2.0 + x * x)
        return weight(self.edge, af.math.sqrt(abs(x)))

    def on_bar(self, ctx, bar):
        i = bar.instrument
        self.fast.update(bar.close)
        self.slow.update(bar.close)
        self.rsi.update(bar.close)
        self.atr.update(bar.high, bar.low, bar.close)
        if not self.slow.ready:
            return
        self.sure = self.rsi.value > 50.0
        pull = self.take((self.fast.value - self.slow.value) / (self.atr.value + 0.01), scale=0.5)
        self.equity = ctx.equity() - ctx.cash()
        held = ctx.position(i)
        if self.sure and pull > 0.0:
            ctx.target(i, 10.0 + 5.0 * pull)
        elif held.qty > 0.0 and held.unrealised < 0.0:
            ctx.close(i)
        elif held.qty == 0.0:
            ctx.cancel_all(i)
            self.last = ctx.buy(i, 3, limit=bar.close - 0.25 * self.atr.value, tag=7)
        found = ctx.order(self.last)
        if found.status == af.ACCEPTED and found.leaves > 0.0:
            ctx.replace(self.last, found.price + 0.01)


class Arithmetic(af.Strategy):
    """Every operation that is allowed, on awkward numbers."""

    n: int = 17
    a: float = 0.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    flag: bool = False
    count: int = 0

    def on_bar(self, ctx, bar):
        x = bar.close - 100.0
        self.n = (self.n * 31 + int(bar.close * 100.0)) % 1_000_003
        m = self.n - 500_000
        self.a += x / 3.0 - x // 0.7 + x % 0.3
        self.b = max(self.b, x) - min(x, -x) + abs(m) * 1e-9
        self.c = math.sqrt(abs(x)) * math.floor(x) + float(m // 7 + m % 7)
        self.d = self.d * 0.99 + (x if m > 0 else -x)
        self.flag = not self.flag and (0.0 < x < 50.0 or math.isnan(self.c))
        if self.flag:
            self.count += 1
        for k in range(3):
            self.d += k * 1e-7
            if self.d > 1e6:
                break
        while self.n > 900_000:
            self.n -= 1000
        ctx.target(bar.instrument, float(m % 9 - 4))


class Maker(af.Strategy):
    """Quotes around the touch with keyword arguments; skews with what it holds; counts events."""

    size: float = 0.05
    bid: int = 0
    ask: int = 0
    quotes: int = 0
    updates: int = 0
    fees: float = 0.0
    bought: float = 0.0

    def on_quote(self, ctx, quote):
        self.quotes += 1
        if self.quotes % 25 != 1:
            return
        i = quote.instrument
        ctx.cancel(self.bid)
        ctx.cancel(order_id=self.ask)
        skew = ctx.position(i).qty * 2.0
        self.bid = ctx.buy(i, self.size, limit=quote.bid - skew, tif=af.GTC, tag=self.quotes)
        self.ask = ctx.sell(instrument=i, qty=self.size, limit=quote.ask - skew)
        if quote.bid_qty > 3.0 * quote.ask_qty:
            ctx.buy(i, 0.01, limit=ctx.mid(i), tif=af.IOC)

    def on_order(self, ctx, order):
        self.updates += order.status + order.tag % 3
        if order.status == af.CANCELLED and order.leaves == order.qty:
            self.updates += 100

    def on_fill(self, ctx, fill):
        self.fees += fill.fee
        self.bought += fill.side * fill.qty * (fill.price / 1000.0)
        if fill.liquidity == 1 and self.updates % 5 == 0:
            ctx.sell(fill.instrument, fill.qty) if fill.side > 0 else ctx.buy(
                fill.instrument, fill.qty
            )


class Clock(af.Strategy):
    """Timers, one of which sets the next."""

    fired: int = 0
    late: int = 0

    def on_start(self, ctx):
        ctx.timer(0, id=9)

    def on_timer(self, ctx, timer):
        self.fired += timer.id
        self.late += ctx.now() - timer.due
        if timer.id == 9:
            ctx.timer(250_000_000)
            ctx.timer(100_000_000, id=2)
        elif timer.id == 0:
            ctx.timer(400_000_000, 9)
        if ctx.bid(0) > 0.0 and ctx.position(0).qty < 1.0:
            ctx.buy(0, 0.1)
        elif ctx.last(0) < ctx.ask(0):
            ctx.close(0)

    def on_stop(self, ctx):
        ctx.cancel_all()


class Spread(af.Indicator):
    """An indicator of one's own, with a window and a helper."""

    total: float = 0.0
    window: af.Window

    def oldest(self) -> float:
        return self.window[self.count % self.period]

    def update(self, x: float) -> None:
        self.total += x - (self.oldest() if self.count >= self.period else 0.0)
        self.window[self.count % self.period] = x
        self.count += 1
        self.value = self.total / self.period


class Trades(af.Strategy):
    flow: Spread = Spread(12)
    since: int = 0

    @property
    def strong(self) -> bool:
        return self.flow.ready and abs(self.flow.value) > 0.02

    def on_trade(self, ctx, trade):
        self.flow.update(trade.side * trade.qty)
        self.since += 1
        if self.strong and self.since > 10:
            self.since = 0
            ctx.target(trade.instrument, 0.2 if self.flow.value > 0 else -0.2)


class Shared(af.Strategy):
    """One helper for events of several kinds, which share names and not layouts."""

    seen: float = 0.0

    def note(self, event) -> None:
        self.seen = self.seen * 0.9 + event.price * event.qty + event.instrument

    def on_trade(self, ctx, trade):
        self.note(trade)
        ctx.target(trade.instrument, 0.1 if int(self.seen) % 2 == 0 else -0.1)

    def on_fill(self, ctx, fill):
        self.note(fill)

    def on_order(self, ctx, order):
        self.note(order)


def local(gain: float, period: int) -> af.Strategy:
    """A class defined in a function: it closes over constants and a class of the function."""

    class Ratio(af.Indicator):
        previous: float = 1.0

        def update(self, x: float) -> None:
            self.value = x / self.previous * gain
            self.previous = x
            self.count += 1

    class Local(af.Strategy):
        ratio: Ratio = Ratio(period)

        def on_trade(self, ctx, trade):
            self.ratio.update(trade.price)
            if self.ratio.ready:
                ctx.target(trade.instrument, 0.5 if self.ratio.value > gain else 0.0)

    return Local()


@pytest.fixture(scope="module")
def stream() -> list[Any]:
    """Trades, quotes and levels of the simulated exchange, one message each."""
    made = SimulatedExchange(["BTCUSDT"], seed=4, start=T0)
    slots = [made.market_data.take(1 << 15)]
    for _ in range(4):
        made.generate(1_000)
        slots.append(made.market_data.take(1 << 15))
    return [row.reshape(1) for row in np.concatenate(slots)[2_000:]]


def streamed(strategy: af.Strategy, mode: str, stream: list[Any]) -> tuple[str, bytes, int]:
    """Journal hash, the strategy's final state, and fills of a run over a stream."""
    own = strategy.fresh()
    entry = compiled_entry(own) if mode == "compiled" else python_entry(own)
    engine = small_engine(SimulatedExchange(["BTCUSDT"]).instruments[0], currency="USDT", fees=FEES,
                          journal_rows=1 << 16)  # fmt: skip
    slot = engine.add_strategy(entry, ["BTCUSDT"])
    engine.header["now"] = T0
    engine.call(slot, K.ON_START)
    for message in stream:
        assert engine.step(message) == K.FAULT_NONE, entry.error
    engine.call(slot, K.ON_STOP)
    rows = rows_of(engine)
    digest = JournalHash()
    digest.update(rows)
    if mode == "compiled":
        record = L.pool(engine.block, "strategies")[slot]
        at = int(record["state"])
        state = engine.block[at : at + int(record["bytes"])].tobytes()
    else:
        state = to_bytes(own).tobytes()
    return digest.hexdigest(), state, int((rows["kind"] == M.FILL_ROW).sum())


@pytest.mark.parametrize(
    "make",
    [Maker, Clock, Trades, Shared, lambda: local(1.0, 3)],
    ids=["quotes", "timers", "trades", "helper", "local"],
)
def test_a_stream_leaves_the_same_journal(make: Callable[[], af.Strategy], stream: Any) -> None:
    compiled, python = (streamed(make(), mode, stream) for mode in ("compiled", "python"))
    assert compiled == python
    assert compiled[2] > 5, "too quiet to tell"
    assert streamed(make(), "compiled", stream) == compiled, "and again"


def both(history: History, strategy: af.Strategy, **keywords: Any) -> tuple[Run, Run]:
    compiled, python = (
        backtest(history, strategy, ["XYZ"], "1h", fees=FEES, mode=mode, **keywords)
        for mode in ("compiled", "python")
    )
    return compiled, python


@pytest.mark.parametrize("make", [Bars, Arithmetic], ids=["bars", "arithmetic"])
def test_bars_leave_the_same_journal(make: Any, history: History) -> None:
    stored_walk(history, BARS, 8)
    compiled, python = both(history, make())
    assert len(compiled.fills) > 20
    assert compiled.rows.tobytes() == python.rows.tobytes()
    assert compiled.journal_hash == python.journal_hash
    assert compiled.run_id == python.run_id
    assert to_bytes(compiled.strategy).tobytes() == to_bytes(python.strategy).tobytes()
    assert compiled.ledger_equity.tolist() == python.ledger_equity.tolist()


def test_one_changed_bar_changes_the_hash(history: History) -> None:
    stored_walk(history, BARS, 8)
    before = backtest(history, Bars(), ["XYZ"], "1h")
    frame = walk(BARS, 8)
    frame.iloc[400, frame.columns.get_loc("volume")] += 1  # not even looked at by the strategy
    history.write_bars("XYZ", "1h", frame)
    after = backtest(history, Bars(), ["XYZ"], "1h")
    assert before.rows.tobytes() == after.rows.tobytes()
    assert before.journal_hash != after.journal_hash
    assert before.run_id != after.run_id


@pytest.mark.parametrize("chunk", [1, 7, 256, 100_000])
def test_the_hash_does_not_depend_on_the_chunks(
    history: History, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_walk(history, BARS, 8)
    history.write_action("XYZ", T0 + 200 * 3_600_000_000_000, 2, 1)
    whole = backtest(history, Bars(), ["XYZ"], "1h")
    monkeypatch.setattr("alphaforge.research.backtest._CHUNK", chunk)
    seen: list[tuple[int, int]] = []
    parts = backtest(history, Bars(), ["XYZ"], "1h", progress=lambda *at: seen.append(at))
    assert parts.journal_hash == whole.journal_hash
    assert parts.ledger_equity.tolist() == whole.ledger_equity.tolist()
    assert seen[-1][0] == seen[-1][1]
    assert len(seen) == -(-(BARS + 1) // chunk)


def test_a_journal_smaller_than_the_run_loses_no_row(history: History) -> None:
    class Busy(af.Strategy):
        def on_bar(self, ctx, bar):
            for _ in range(60):
                ctx.buy(bar.instrument, 1, limit=0.01, tif=af.IOC)

    stored_walk(history, BARS, 8)
    run = backtest(history, Busy(), ["XYZ"], "1h")
    assert len(run.rows) > 1 << 17, "it must have gone round"
    assert run.rows["seq"].tolist() == list(range(len(run.rows)))


def test_on_bar_is_called_once_a_bar(history: History) -> None:
    calls: list[tuple[int, int]] = []

    class Count(af.Strategy):
        def on_bar(self, ctx, bar):
            calls.append((bar.instrument, bar.ts))

    for symbol in ("XYZ", "ABC"):
        stored_walk(history, BARS, 8, symbol)
    backtest(history, Count(), ["XYZ", "ABC"], "1h", mode="python")
    stamps = history.bar_columns("XYZ", "1h")["ts"].tolist()
    assert calls == [(i, ts) for ts in stamps for i in (0, 1)]


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_on_start_knows_the_time(history: History, mode: str) -> None:
    class Early(af.Strategy):
        began: int = 0
        fired: int = 0

        def on_start(self, ctx):
            self.began = ctx.now()
            ctx.timer(60_000_000_000)

        def on_timer(self, ctx, timer):
            self.fired += 1
            ctx.timer(600_000_000_000)

        def on_bar(self, ctx, bar):
            pass

    stored_walk(history, 20, 8)
    run = backtest(history, Early(), ["XYZ"], "1h", mode=mode)
    assert run.strategy.began == T0
    assert run.strategy.fired == 6 * 20, "one in ten minutes, from the first bar's open"


def test_an_order_never_fills_at_a_price_from_before_it(history: History) -> None:
    """Two symbols close together; what the first's close asks of the second waits."""

    class Pair(af.Strategy):
        done: int = 0

        def on_bar(self, ctx, bar):
            if bar.instrument == 0 and self.done == 0:
                self.done = 1
                ctx.buy(1, 1)

    for symbol in ("XYZ", "ABC"):
        stored_walk(history, 20, 8, symbol)
    run = backtest(history, Pair(), ["XYZ", "ABC"], "1h")
    bars = history.bar_columns("ABC", "1h")
    fills = run.rows[run.rows["kind"] == M.FILL_ROW]
    assert fills["ts"].tolist() == [int(bars["ts_open"][1])]
    assert fills["c"].tolist() == [int(bars["open"][1])]


def test_a_timer_inside_a_bar_does_not_fill_at_its_open(history: History) -> None:
    class Late(af.Strategy):
        def on_bar(self, ctx, bar):
            ctx.timer(1_800_000_000_000)

        def on_timer(self, ctx, timer):
            if ctx.position(0).qty == 0.0:
                ctx.buy(0, 1)

    stored_walk(history, 20, 8)
    compiled, python = both(history, Late())
    assert compiled.journal_hash == python.journal_hash
    first = compiled.rows[compiled.rows["kind"] == M.TIMER_ROW][0]
    fill = compiled.rows[compiled.rows["kind"] == M.FILL_ROW][0]
    assert int(fill["ts"]) >= int(first["ts"])


def test_other_parameters_compile_nothing(history: History) -> None:
    stored_walk(history, 300, 8)
    backtest(history, Bars(), ["XYZ"], "1h")
    known = len(compiling._COMPILED)
    for period in (7, 60):
        again = Bars(slow=period, rsi=period, edge=float(period))
        assert compiled_entry(again).seconds == 0.0
        compiled, python = both(history, again)
        assert compiled.journal_hash == python.journal_hash
    assert len(compiling._COMPILED) == known
