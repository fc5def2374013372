"""A live session: one engine in its thread, the simulated exchange, the journal's reader."""

from __future__ import annotations

import itertools
import sys
import threading
import time
import traceback
from typing import Any

import numpy as np

from alphaforge.config import Settings
from alphaforge.data.history import History
from alphaforge.engine import layout as L
from alphaforge.engine.engine import Engine
from alphaforge.engine.journal import Journal
from alphaforge.engine.risk import LIMIT_NAMES, LIMIT_NOTIONAL, LIMIT_POSITION, LIMIT_RATE
from alphaforge.errors import EngineHalted, OrderError
from alphaforge.feed import Feed
from alphaforge.instrument import Fees
from alphaforge.order import Order
from alphaforge.strategy.base import Strategy
from alphaforge.strategy.compile import Entry, compiled_entry, python_entry
from alphaforge.strategy.fields import from_bytes
from alphaforge.units import SECOND, money_to_ledger, parse_interval
from alphaforge.venues.simulated import SimulatedExchange

SPECS = ("1s", "5s", "15s", "1m")
BACKFILL_BARS = 500
CASH = 1_000_000.0
FEES = Fees(taker="0.0004", maker="0.0002")
POSITION_LIMITS = {"BTCUSDT": 2.0, "ETHUSDT": 40.0, "SOLUSDT": 500.0}
NOTIONAL_LIMIT = 250_000.0
RATE_LIMIT = 40
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
        self.session = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
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
            journal_rows=JOURNAL_ROWS,
        )
        self.builders: dict[tuple[str, int], int] = {}
        self._ids = itertools.count(L.HOST_ID)
        self._lock = threading.Lock()
        self.strategies: dict[int, tuple[Strategy, Entry]] = {}
        self.error: BaseException | None = None
        for instrument in self.exchange.instruments:
            history.add_instrument(instrument)
            self.engine.add_instrument(instrument, L.VENUE_EXTERNAL)
        for instrument in self.exchange.instruments:
            for spec in SPECS:
                self.builder(instrument.symbol, parse_interval(spec))
        self.feed = Feed(self.engine, history, self.session, self.live_from)
        self.engine.connect(self.exchange.market_data, self.exchange.orders)
        self.engine.on_end(self._ended)
        self._default_limits()
        self.engine.start(spin=settings.wait == "spin")
        self.feed.start()
        self.started = False

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

    def builder(self, symbol: str, interval_ns: int) -> int:
        """The engine's builder of a bar, added where it is missing."""
        key = (symbol, interval_ns)
        if key not in self.builders:
            self.builders[key] = self.engine.add_builder(symbol, interval_ns)
        return self.builders[key]

    # --- strategies -----------------------------------------------------------------------------

    def add(self, strategy: Strategy, symbol: str, spec: str, mode: str) -> int:
        """Put a strategy on an instrument's bars; its slot. Warmed up with what was seen so far."""
        interval = parse_interval(spec)
        self.builder(symbol, interval)
        own = strategy.fresh()
        entry = compiled_entry(own) if mode == "compiled" else python_entry(own)
        if self.started:
            entry = self._warmed(entry, symbol, interval, mode)
        slot = self.engine.add_strategy(entry, [symbol], interval, live_from=self.live_from)
        self.strategies[slot] = (own, entry)
        self.feed.strategy_names[slot] = type(strategy).__name__
        return slot

    def _warmed(self, entry: Entry, symbol: str, interval: int, mode: str) -> Entry:
        """Show a late-comer the closed bars in an engine of its own, where it can't trade."""
        series = self.feed.bars.get(self.builders[(symbol, interval)])
        if series is None or not series.count:
            return entry
        _, rows = series.since(series.count - BACKFILL_BARS, series.count)
        bars = np.zeros(rows.size, L.BAR_SLOTS)
        for name in rows.dtype.names or ():
            bars[name] = rows[name]
        bars["kind"], bars["interval"] = L.BAR, interval
        bars["instrument"] = self.engine.index(symbol)
        quiet = Engine(currency="USDT")
        for instrument in self.engine.instruments:
            quiet.add_instrument(instrument)
        quiet.add_strategy(entry, [symbol], interval, live_from=L.FOREVER)
        quiet.run(bars, np.zeros(bars.size, np.int64), lambda: None)
        if mode == "compiled":
            record = L.pool(quiet.block, "strategies")[0]
            start = int(record["state"])
            entry.state = quiet.block[start : start + int(record["bytes"])].copy()
        return entry

    def remove(self, slot: int) -> None:
        """Stop a strategy: its orders are cancelled, its position stays."""
        self.engine.command(L.DETACH, a=slot)

    # --- orders and limits ----------------------------------------------------------------------

    def submit(self, order: Order) -> int:
        """Queue an order; its id. The checks run in the engine.

        Raises
        ------
        OrderError, InstrumentError
            Where it can't be expressed.
        EngineHalted
            Where nothing would take it.
        """
        self.check_running()
        index = self.engine.index(order.symbol)
        with self._lock:
            order_id = next(self._ids)
        self.engine.send(
            order.message(self.engine.instruments[index], index, order_id, time.time_ns())
        )
        return order_id

    def cancel(self, order_id: int) -> None:
        """Ask to cancel an order."""
        self.engine.command(L.CANCEL, a=order_id)

    def replace(self, order_id: int, limit: float) -> None:
        """Ask for another limit price."""
        record = self.feed.orders.get(order_id)
        if record is None:
            raise OrderError(f"no order {order_id} in this session. See lab.sql('from orders').")
        instrument = self.engine.instruments[record.instrument]
        self.engine.command(
            L.REPLACE,
            instrument=record.instrument,
            a=order_id,
            c=instrument.price_ticks(limit, "limit price"),
        )

    def flatten(self, symbol: str) -> None:
        """Close the net position of an instrument with market orders, owner by owner."""
        index = self.engine.index(symbol)
        self.engine.command(L.CANCEL_ALL, instrument=index, a=index)
        self.engine.command(L.FLATTEN, instrument=index, a=index)

    def set_limit(self, which: int, value: float, symbol: str = "") -> None:
        """Change a limit, human units; 0 lifts it. Journalled."""
        index = self.engine.index(symbol) if symbol else 0
        if not value >= 0:
            raise OrderError(
                f"limit {LIMIT_NAMES[which]} must be 0 (none) or positive, not {value}."
            )
        if which == LIMIT_POSITION:
            units = self.engine.instruments[index].qty_lots(value) if value else 0
        elif which == LIMIT_NOTIONAL:
            units = money_to_ledger(value, self.engine.currency)
        else:
            units = int(value)
        self.engine.command(L.LIMIT, instrument=index, a=which, b=units)

    def kill(self, flatten: bool = False) -> None:
        """Cancel everything and halt trading; by choice flatten as well."""
        self.engine.command(L.KILL, a=int(flatten))

    def arm(self) -> None:
        """Let trading go on after a kill."""
        self.engine.command(L.STATE, a=L.TRADING_ACTIVE)

    def hold(self, on: bool) -> None:
        """Hold the strategies (they are shown everything, their orders aren't taken), or let go."""
        self.engine.command(L.HOLD, a=int(on))

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
        if fault == L.FAULT_STRATEGY:
            slot = int(self.engine.header["fault_strategy"])
            own, entry = self.strategies[slot]
            self.error = entry.error or self._rerun(own, slot)
            if self.error is not None:
                traceback.print_exception(self.error)
        if fault:
            print(
                f"AlphaForge: engine {self.engine.state_text()}. lab.resume() goes on.",
                file=sys.stderr,
            )

    def _rerun(self, own: Strategy, slot: int) -> BaseException | None:
        """The faulting call again in python mode, on a copy of the block from before it."""
        block = self.engine.block.copy()
        fork = Engine(currency="USDT", live=True)
        fork.block[:] = block
        record = L.pool(fork.block, "strategies")[slot]
        start = int(record["before"])
        copy = own.fresh()
        from_bytes(copy, fork.block[start : start + int(record["bytes"])])
        python = python_entry(copy)
        scratch = Journal(1 << 12)
        header: Any = fork.header
        header["journal"], header["out"], header["fault"] = scratch.address, 0, 0
        handler, event = int(header["fault_handler"]), int(header["view_event"])
        low, size = self.engine.address, self.engine.block.size
        if low <= event < low + size:  # a bar or a notice inside the block: look at the copy's
            header["view_event"] = fork.address + event - low
        header["view_instrument"] += fork.address - low
        header["view_engine"] = fork.address
        python.call(handler, 0, fork.address)
        return python.error

    def resume(self) -> None:
        """Go on after a halt; a strategy that raised stays out."""
        if self.engine.running:
            return
        raised = -1
        if self.engine.fault == L.FAULT_STRATEGY:
            raised = int(self.engine.header["fault_strategy"])
            L.pool(self.engine.block, "strategies")[raised]["handlers"] = 0
        self.engine.stop()
        self.engine.clear_fault()
        self.error = None
        if raised >= 0:
            self.remove(raised)  # its orders and timers go with it
        self.engine.start(spin=self.settings.wait == "spin")

    def close(self) -> None:
        """Stop everything and store what is left."""
        self.exchange.stop()
        self.engine.stop()
        self.feed.stop()
