"""A live session: one engine in its thread, the simulated exchange, the journal's reader."""

from __future__ import annotations

import secrets
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.config import Settings
from alphaforge.data.bars import aggregate_bars
from alphaforge.data.history import BAR_COLUMNS, History
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.engine.risk import LIMIT_NAMES, LIMIT_NOTIONAL, LIMIT_POSITION, LIMIT_RATE
from alphaforge.errors import DataError, EngineHalted, OrderError, StrategyError
from alphaforge.feed import BAR, Feed
from alphaforge.order import Order
from alphaforge.rerun import rerun_in_python
from alphaforge.strategy.base import Strategy
from alphaforge.strategy.compile import Entry, compiled_entry, python_entry
from alphaforge.strategy.signals import Signals
from alphaforge.swap import Swap, swap
from alphaforge.units import SECOND, format_interval, money_to_ledger, parse_interval
from alphaforge.venue import Fees
from alphaforge.venues.simulated import SimulatedExchange

SPECS = ("1s", "5s", "15s", "1m")
BACKFILL_BARS = 500
CASH = 1_000_000.0
FEES = Fees(taker="0.0004", maker="0.0002")
POSITION_LIMITS = {"BTCUSDT": 2.0, "ETHUSDT": 40.0, "SOLUSDT": 500.0}
NOTIONAL_LIMIT = 250_000.0
RATE_LIMIT = 40
MOST_LIMIT = 1e12
ARENA = 1 << 23  # room for what 32 strategies look back on
JOURNAL_ROWS = 1 << 20  # a back-fill writes hundreds of thousands within a second or two


class Live:
    """The running session of a lab.

    Parameters
    ----------
    history : History
    settings : Settings
        Wait mode; the exchange's symbols, seed and speed.
    interval_ns : int
        500 bars of this length are back-filled first.
    """

    def __init__(self, history: History, settings: Settings, interval_ns: int = SECOND) -> None:
        self.settings = settings
        self.session = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
        now = time.time_ns()
        start = (now // interval_ns - BACKFILL_BARS) * interval_ns
        exchange = settings.exchange
        self.exchange = SimulatedExchange(exchange.symbols, exchange.seed, start, exchange.speed)
        self.live_from = now
        self.engine = Engine(
            currency="USDT",
            cash=CASH,
            fees=FEES,
            live=True,
            live_from=self.live_from,
            capacities=L.Capacities(strategies=32, known=1 << 16, arena=ARENA),
            journal_rows=JOURNAL_ROWS,
            clock=self.exchange.clock,
            on_wall_clock=exchange.speed == 1.0,
        )
        self.engine.header["now"] = start  # for on_start, which may come before the first event
        self.builders: dict[tuple[str, str], int] = {}
        self._next_id = K.HOST_ID
        self._lock = threading.Lock()
        self._swapping = threading.Lock()
        self._adding = threading.Lock()
        self._arriving: tuple[Strategy, Entry] | None = None
        self.strategies: dict[int, tuple[Strategy, Entry]] = {}
        self._began: dict[int, Strategy] = {}
        self.error: BaseException | None = None
        for instrument in self.exchange.instruments:
            history.add_session_instrument(instrument)
            self.engine.add_instrument(instrument, K.VENUE_EXTERNAL)
        for instrument in self.exchange.instruments:
            for spec in SPECS:
                self.builder(instrument.symbol, spec)
        self.feed = Feed(self.engine, history, self.session, self.live_from)
        self.engine.connect(self.exchange.market_data, self.exchange.orders)
        self.engine.on_end(self._ended)
        self._default_limits()
        self.engine.start(spin=settings.wait == "spin")
        self.feed.start()
        self.started = False
        self.closed = False

    def begin(self) -> None:
        """Let the exchange's time begin; strategies added before see the back-fill."""
        if not self.started:
            self.started = True
            self.exchange.start()

    def _default_limits(self) -> None:
        for instrument in self.exchange.instruments:
            self.set_limit(LIMIT_POSITION, POSITION_LIMITS[instrument.symbol], instrument.symbol)
        self.set_limit(LIMIT_NOTIONAL, NOTIONAL_LIMIT)
        self.set_limit(LIMIT_RATE, RATE_LIMIT)

    def builder(self, symbol: str, spec: str) -> int:
        """The engine's builder of a bar, added where it is missing; ``60s`` is ``1m``."""
        key = (symbol, format_interval(parse_interval(spec)))
        with self._adding:
            if key not in self.builders:
                self.builders[key] = self.engine.add_builder(symbol, parse_interval(spec))
            return self.builders[key]

    def specs(self, symbol: str) -> tuple[str, ...]:
        """The bars that are built of an instrument, shortest first."""
        return tuple(
            sorted((spec for name, spec in self.builders if name == symbol), key=parse_interval)
        )

    def bar_columns(self, symbol: str, spec: str) -> dict[str, npt.NDArray[Any]]:
        """Closed bars as int64 columns, ticks and lots: as built, or made of smaller ones."""
        interval = parse_interval(spec)
        built = {parse_interval(s): n for (name, s), n in self.builders.items() if name == symbol}
        fitting = [each for each in built if interval % each == 0]
        best = max(fitting) if fitting else 0
        series = self.feed.bars.get(built[best] if best else self.builder(symbol, spec))
        rows = series.since(0, series.count)[1] if series is not None else np.zeros(0, BAR)
        columns = {name: np.ascontiguousarray(rows[name]) for name in BAR_COLUMNS}
        return columns if best in (0, interval) else aggregate_bars(columns, interval)

    # --- strategies -----------------------------------------------------------------------------

    def add(
        self, strategy: Strategy, symbols: Sequence[str], spec: str, mode: str, seed: int = 0
    ) -> int:
        """Put a strategy on instruments' bars; its slot. Warmed up with what was seen so far.

        Raises
        ------
        StrategyError
            Where it can't be compiled, or raises while it is warmed up.
        EngineHalted
            Where it raises in ``on_start``.
        """
        numbers = [self.engine.index(symbol) for symbol in symbols]
        if isinstance(strategy, Signals) and numbers != list(range(len(numbers))):
            first = [each.symbol for each in self.engine.instruments[: max(numbers) + 1]]
            raise StrategyError(
                "a column of signals goes by its instrument's number, and a session counts all of "
                f"its own: {', '.join(first)}. Give a column to each, in this order."
            )
        interval = parse_interval(spec)
        builders = [self.builder(symbol, spec) for symbol in symbols]
        own = strategy.fresh()
        entry = compiled_entry(own) if mode == "compiled" else python_entry(own)
        timers: list[tuple[int, int]] = []
        seen = self._seen(builders, interval) if self.started else np.zeros(0, M.BAR_SLOTS)
        if seen.size:
            timers = self._warm_up(own, entry, symbols, interval, seen, seed)
        with self._adding:
            self._arriving = own, entry
            slot = self.engine.add_strategy(
                entry,
                symbols,
                interval,
                live_from=self.live_from,
                started=seen.size > 0,
                seed=seed,
            )
            self.strategies[slot] = own, entry
            self._began[slot] = strategy.fresh()
            self._arriving = None
        self.feed.strategy_names[slot] = type(strategy).__name__
        if self.engine.fault:
            self.engine.stop()  # the error is there when the thread has ended
            self.check_running()
        for due, timer_id in timers:
            self.engine.add_timer(slot, due, timer_id)
        return slot

    def _seen(self, builders: list[int], interval: int) -> npt.NDArray[Any]:
        """The newest closed bars that a late-comer is shown, merged by time as they closed."""
        self.feed.catch_up()
        parts = [np.zeros(0, M.BAR_SLOTS)]
        for builder in sorted(builders):  # of equal times in this order, as they are built
            series = self.feed.bars.get(builder)
            if series is not None:
                _, rows = series.since(series.count - BACKFILL_BARS, series.count)
                bars = np.zeros(rows.size, M.BAR_SLOTS)
                for name in rows.dtype.names or ():
                    bars[name] = rows[name]
                bars["kind"], bars["interval"] = M.BAR, interval
                bars["instrument"] = L.pool(self.engine.block, "builders")[builder]["instrument"]
                parts.append(bars)
        merged = np.concatenate(parts)
        return merged[np.argsort(merged["ts"], kind="stable")]

    def _warm_up(
        self,
        own: Strategy,
        entry: Entry,
        symbols: Sequence[str],
        interval: int,
        bars: npt.NDArray[Any],
        seed: int,
    ) -> list[tuple[int, int]]:
        """Show a late-comer bars in an engine of its own, where it can't trade.

        Mutates the entry: its state, the bars it keeps, the numbers it drew. Gives the timers that
        it has set: due, id.
        """
        quiet = Engine(currency=self.engine.currency, live=True, capacities=self.engine.capacities)
        for instrument in self.engine.instruments:
            quiet.add_instrument(instrument)
        quiet.header["now"] = bars["ts_open"].min()
        quiet.add_strategy(entry, symbols, interval, live_from=L.FOREVER, seed=seed)
        quiet.run(bars, np.zeros(bars.size, np.int64), lambda: None)
        if quiet.fault:
            if isinstance(entry.error, KeyboardInterrupt):
                raise entry.error
            raise StrategyError(
                f"{type(own).__name__} raised while it was shown the last {bars.size} bars: "
                f"{quiet.fault_text()}. Mend it and call again; the session goes on."
            ) from (entry.error or rerun_in_python(quiet, own, 0))
        record = L.pool(quiet.block, "strategies")[0]
        entry.state = _part(quiet, int(record["state"]), int(record["bytes"]))
        entry.draws = int(record["draws"])
        if entry.looks_back:
            entry.shown = _part(quiet, int(record["shown"]), int(record["shown_bytes"]))
        left = L.pool(quiet.block, "timers")[: int(quiet.header["timers_used"])]
        return [(int(t["due"]), int(t["id"])) for t in left]

    def swap(self, slot: int, strategy: Strategy, mode: str) -> Swap:
        """Give the strategy in a slot other code, between two events; see ``alphaforge.swap``.

        Where it had raised and the engine halted, the session goes on with the new code.
        """
        if self.closed:
            raise EngineHalted("this session is closed. Make another: lab = af.Lab().")
        own = strategy.fresh()
        entry = compiled_entry(own) if mode == "compiled" else python_entry(own)
        if not self.engine.running:
            self.engine.stop()  # what it has to say of a fault is said first
        raised = self.engine.fault == K.FAULT_STRATEGY
        mended = raised and int(self.engine.header["fault_strategy"]) == slot
        with self._swapping:  # what raises from then on is explained by the new code
            done = swap(self.engine, slot, self.strategies[slot], self._began[slot], (own, entry))
            self.strategies[slot], self._began[slot] = (own, entry), strategy.fresh()
        if mended:
            self._go_on()
        return done

    def remove(self, slot: int) -> None:
        """Stop a strategy: its orders are cancelled, its position stays."""
        self.engine.command(M.DETACH, a=slot)

    def custom(self, symbol: str, numbers: Sequence[Any], kind: Any) -> None:
        """Send an event of now to the strategies on an instrument: their ``on_custom``.

        Raises
        ------
        DataError
            For more than four numbers, what is none, and a kind that isn't from 0 to 255.
        """
        self.check_running()
        index = self.engine.index(symbol)
        message = np.zeros(1, M.CUSTOM_SLOT)
        row = message[0]
        if len(numbers) > 4:
            raise DataError(
                f"a custom event carries up to four numbers, not {len(numbers)}. Send two."
            )
        for name, value in zip("abcd", numbers, strict=False):
            if not isinstance(value, (int, float, np.number)) or isinstance(value, bool):
                raise DataError(f"a custom event carries numbers, not {value!r}. Give floats.")
            row[name] = value
        if not isinstance(kind, (int, np.integer)) or not 0 <= kind < 256:
            raise DataError(
                f"the kind of a custom event is a whole number from 0 to 255, not {kind!r}. "
                "Give another."
            )
        row["ts"], row["ts_recv"] = max(self.engine.clock(), self.live_from), time.time_ns()
        row["kind"], row["code"], row["instrument"] = M.CUSTOM, kind, index
        self.engine.send(message)

    # --- orders and limits ----------------------------------------------------------------------

    def submit(self, orders: Sequence[Order]) -> list[int]:
        """Queue orders, one after the other with nothing between; their ids.

        The checks run in the engine.

        Raises
        ------
        OrderError, InstrumentError
            Where one can't be expressed: then none is sent.
        EngineHalted
            Where nothing would take them.
        """
        self.check_running()
        for each in orders:
            if not isinstance(each, Order):
                raise OrderError(
                    f"an order must be an af.Order, not {each!r}. "
                    "Send af.Order('BTCUSDT', 'buy', 0.1), or a list of them."
                )
        with self._lock:
            ids = list(range(self._next_id, self._next_id + len(orders)))
            self._next_id += len(orders)
        now = self.engine.clock()
        messages = []
        for n, order in enumerate(orders):
            index = self.engine.index(order.symbol)
            linked: dict[str, Any] = {}
            for name in ("parent", "peer"):
                back = getattr(order, name)
                if isinstance(back, int) and -n <= back < 0:
                    linked[name] = ids[n + back]
            order = replace(order, **linked)
            messages.append(order.message(self.engine.instruments[index], index, ids[n], now))
        self.engine.send(*messages)
        return ids

    def cancel(self, order_id: int) -> None:
        """Ask to cancel an order; one that isn't working any more is ignored.

        Raises
        ------
        OrderError
            For what is no order of this session.
        """
        if not isinstance(order_id, (int, np.integer)):
            raise OrderError(f"an order is cancelled by its id, a number, not by {order_id!r}.")
        if not self._was_given(order_id):
            raise _unknown(order_id)
        self.engine.command(M.CANCEL, a=order_id)

    def _was_given(self, order_id: int) -> bool:
        """Whether an id is that of an order of ours, of a strategy or of the engine."""
        if order_id >= K.HOST_ID:
            return order_id < self._next_id
        return 0 < order_id <= int(self.engine.header["order_seq"])

    def replace(
        self,
        order_id: int,
        limit: float | None = None,
        qty: float | None = None,
        stop: float | None = None,
    ) -> None:
        """Ask for another limit price, whole quantity or trigger price of a working order."""
        self.feed.catch_up()
        record = self.feed.orders.get(order_id)
        if record is None:
            raise _unknown(order_id)
        instrument = self.engine.instruments[record.instrument]
        message = np.zeros(1, M.SUBMIT_SLOTS)
        row = message[0]
        row["ts"] = row["ts_recv"] = self.engine.clock()
        row["kind"], row["instrument"], row["order_id"] = M.REPLACE, record.instrument, order_id
        if limit is not None:
            row["price"] = instrument.price_ticks(limit, "limit price")
        if qty is not None:
            row["qty"] = instrument.qty_lots(qty)
        if stop is not None:
            row["stop"] = instrument.price_ticks(stop, "stop price")
        self.engine.send(message)

    def flatten(self, symbol: str) -> None:
        """Close the net position of an instrument with market orders, owner by owner."""
        index = self.engine.index(symbol)
        self.engine.command(M.CANCEL_ALL, instrument=index, a=index)
        self.engine.command(M.FLATTEN, instrument=index, a=index)

    def set_limit(self, which: int, value: Any, symbol: str = "") -> None:
        """Change a limit, human units; 0 lifts it. Journalled.

        Raises
        ------
        OrderError
            For what isn't a number from 0 on, or is less than the limit can count.
        """
        index = self.engine.index(symbol) if symbol else 0
        name = LIMIT_NAMES[which]
        if not isinstance(value, (int, float, np.number)) or not 0 <= value < MOST_LIMIT:
            raise OrderError(f"limit {name} must be 0 (none) or a positive number, not {value!r}.")
        value = float(value)
        if which == LIMIT_POSITION:
            units = self.engine.instruments[index].qty_lots(value) if value else 0
        elif which == LIMIT_NOTIONAL:
            units = money_to_ledger(value, self.engine.currency)
        else:
            units = int(value)
        most = self.engine.capacities.rates
        if which == LIMIT_RATE and (units != value or units > most):
            raise OrderError(f"limit {name} must be a whole number up to {most}, not {value!r}.")
        if value and not units:
            raise OrderError(f"limit {name} of {value!r} is less than can be counted; 0 lifts it.")
        self.engine.command(M.LIMIT, instrument=index, a=which, b=units)

    def kill(self, flatten: bool = False) -> None:
        """Cancel everything and halt trading; by choice flatten as well."""
        self.engine.command(M.KILL, a=int(flatten))

    def arm(self) -> None:
        """Let trading go on after a kill."""
        self.engine.command(M.STATE, a=K.TRADING_ACTIVE)

    def hold(self, on: bool) -> None:
        """Hold the strategies (they are shown everything, their orders aren't taken), or let go."""
        self.engine.command(M.HOLD, a=int(on))

    # --- faults ---------------------------------------------------------------------------------

    def check_running(self) -> None:
        """Raise where the engine doesn't run.

        Raises
        ------
        EngineHalted
            With why, and what to do.
        """
        if not self.engine.running:
            raise EngineHalted(
                f"the engine is {self.engine.state_text()}. Its state is kept; "
                "lab.resume() goes on."
            ) from self.error

    def _ended(self, fault: int) -> None:
        """The engine's thread ended; a strategy's raise is shown with the user's line."""
        told = " lab.resume() goes on."
        if fault == K.FAULT_STRATEGY:
            slot = int(self.engine.header["fault_strategy"])
            starting = int(self.engine.header["fault_handler"]) == K.ON_START
            with self._swapping:
                own, entry = (starting and self._arriving) or self.strategies[slot]
            self.error = entry.error or rerun_in_python(self.engine, own, slot)
            if self.error is not None:
                traceback.print_exception(self.error)
            if not starting:
                told = (
                    "\nMend its cell and run it again (or paper.swap): it goes on from here. "
                    "lab.resume() goes on without it."
                )
        if fault:
            print(f"AlphaForge: engine {self.engine.state_text()}.{told}", file=sys.stderr)

    def resume(self) -> None:
        """Go on after a halt; a strategy that raised stays out."""
        if self.engine.running:
            return
        raised = -1
        if self.engine.fault == K.FAULT_STRATEGY:
            raised = int(self.engine.header["fault_strategy"])
            L.pool(self.engine.block, "strategies")[raised]["handlers"] = 0
        self.engine.stop()
        self._go_on(raised)

    def _go_on(self, raised: int = -1) -> None:
        self.engine.clear_fault()
        self.error = None
        if raised >= 0:
            self.remove(raised)  # its orders and timers go with it
        self.engine.start(spin=self.settings.wait == "spin")

    def close(self) -> None:
        """Stop everything and store what is left."""
        self.closed = True
        self.exchange.stop()
        self.engine.stop()
        self.feed.stop()


def _part(engine: Engine, start: int, size: int) -> npt.NDArray[np.uint8]:
    """A copy of a part of an engine's block."""
    return engine.block[start : start + size].copy()


def _unknown(order_id: Any) -> OrderError:
    return OrderError(f"no order {order_id} in this session. See lab.sql('from orders').")
