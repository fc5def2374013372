"""The Python face of one engine: its block, its journal, its thread, its doors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.define import define_now
from alphaforge.engine.journal import Journal
from alphaforge.engine.prepared import instrument_record, room_for_bars, stream_of
from alphaforge.engine.ring import Ring, whole_messages
from alphaforge.engine.snapshot import Board, Snapshot, publish_now
from alphaforge.engine.step import call_now, run_events, step_one
from alphaforge.engine.thread import EngineThread
from alphaforge.engine.watchdog import LIMIT_S, watched
from alphaforge.errors import ConfigError, EngineHalted, InstrumentError, did_you_mean
from alphaforge.instrument import Instrument
from alphaforge.latency import RecordedLatency
from alphaforge.units import ledger_digits, money_to_ledger
from alphaforge.venue import Fees, Venue, fee_per_lot

COMMAND_SLOTS = 1 << 12


class StrategyEntry(Protocol):
    """What the engine needs of a strategy: see ``alphaforge.strategy.compile.Entry``."""

    address: int
    handlers: int
    state: npt.NDArray[np.uint8]
    error: BaseException | None
    looks_back: bool
    shown: npt.NDArray[np.uint8] | None
    draws: int


class Engine:
    """One block, run from arrays or by its own thread.

    Parameters
    ----------
    currency : str
        Of the account.
    cash : float
        To start with.
    fees : Fees
        Rates on every fill.
    live : bool
        True journals every input, keeps lags and ids; False is a backtest.
    live_from : int
        Events before this time, ns UTC, are a back-fill: commands and timers keep to their time.
    capacities : Capacities
        How much the block holds.
    journal_rows : int
        Rows that the journal keeps, a power of two.
    clock : callable
        What commands are stamped with, ns UTC: the venue's time where it isn't the wall clock's.
    on_wall_clock : bool
        True lets timers fire by the wall clock when no event comes.
    venue : Venue
        How orders are filled inside; a plain one by default.
    """

    def __init__(
        self,
        currency: str = "USD",
        cash: float = 1_000_000.0,
        fees: Fees | None = None,
        live: bool = False,
        live_from: int = 0,
        capacities: L.Capacities | None = None,
        journal_rows: int = 1 << 18,
        clock: Callable[[], int] = time.time_ns,
        on_wall_clock: bool = False,
        venue: Venue | None = None,
    ) -> None:
        self.clock = clock
        self.capacities = capacities or L.Capacities()
        self.block = L.new_block(self.capacities)
        self.address = self.block.ctypes.data
        self.header: Any = self.block[: L.ENGINE.itemsize].view(L.ENGINE)[0]
        self.journal = Journal(journal_rows)
        self.board = Board(int(self.header["bytes"]))
        self.commands = Ring(COMMAND_SLOTS)
        self.instruments: list[Instrument] = []
        self.currency = currency
        self.live = live
        self._rings: list[Ring] = [self.commands]
        self._thread: EngineThread | None = None
        self._lock = threading.Lock()
        self._defining = threading.Lock()
        self._kept: list[Any] = []
        self._on_end: list[Callable[[int], None]] = []
        self.header["live_from"], self.header["wall_clock"] = live_from, int(on_wall_clock)
        self._set_account(cash, fees or Fees())
        self.add_venue(venue or Venue())
        self._add_gateway()

    def _set_account(self, cash: float, fees: Fees) -> None:
        start = money_to_ledger(cash, self.currency)
        if start <= 0:
            raise ConfigError(f"starting cash must be positive, not {cash}.")
        header = self.header
        header["cash"] = header["start_cash"] = header["peak"] = start
        header["ledger"] = 10 ** ledger_digits(self.currency)
        header["journal"] = self.journal.address
        header["view_engine"] = self.address
        header["live"] = int(self.live)
        header["state"] = K.RUNNING
        header["settle_rows"] = self.capacities.settle_rows
        if self.live:
            header["account_due"] = 1  # once there is a time
        self.fees = fees
        self._tiers = self._fill_table("tiers", 0, fees.tier_rows(self.currency))
        self._latencies = 0

    # --- what is in it --------------------------------------------------------------------------

    def index(self, symbol: str) -> int:
        """The index that events carry for a symbol.

        Raises
        ------
        InstrumentError
            With the nearest known symbol.
        """
        for i, instrument in enumerate(self.instruments):
            if instrument.symbol == symbol:
                return i
        known = [instrument.symbol for instrument in self.instruments]
        raise InstrumentError(
            f"no instrument {symbol!r} in this engine. {did_you_mean(symbol, known)}"
        )

    def add_venue(self, venue: Venue) -> int:
        """Add a simulated venue; the index that ``add_instrument`` takes."""
        record = venue.record(self.currency, self.fees)
        record["tier_count"] = self._tiers
        rows = venue.latency.rows if isinstance(venue.latency, RecordedLatency) else ()
        record["latency_first"], record["latency_count"] = self._latencies, len(rows)
        self._latencies = self._fill_table("latencies", self._latencies, list(rows))
        return self._define(K.DEFINE_VENUE, record, "venues")

    def _fill_table(self, name: str, start: int, rows: list[tuple[int, int, int]]) -> int:
        """Put rows into one of the block's tables; where the next ones begin."""
        table = L.pool(self.block, name)
        if start + len(rows) > table.size:
            raise ConfigError(
                f"this engine has room for {table.size} {name}, not for {start + len(rows)}. "
                f"Give it larger capacities: Capacities({name}=...)."
            )
        table[start : start + len(rows)] = rows
        return start + len(rows)

    def _add_gateway(self) -> None:
        """The venue outside: it knows plain orders, the engine does the rest."""
        record = Venue().record(self.currency, self.fees)
        record["tier_count"] = self._tiers
        record["outside"] = 1
        record["types"] = 1 << K.MARKET_ORDER | 1 << K.LIMIT_ORDER
        record["tifs"] = 1 << K.GTC | 1 << K.IOC | 1 << K.GTD | 1 << K.DAY
        record["exec_flags"] = K.POST_ONLY | K.REDUCE_ONLY | K.CLOSE_POSITION | K.EMULATED_HERE
        self._define(K.DEFINE_VENUE, record, "venues")

    def add_instrument(self, instrument: Instrument, venue: int = K.VENUE_INTERNAL) -> int:
        """Add an instrument; its index. ``venue`` says who fills its orders.

        Raises
        ------
        InstrumentError
            Where its money is counted in other units than the account's.
        """
        if ledger_digits(instrument.currency) != ledger_digits(self.currency):
            raise InstrumentError(
                f"{instrument.symbol} is settled in {instrument.currency}, and the account is in "
                f"{self.currency}. Run it in an account of its own currency."
            )
        record = instrument_record(instrument, self.currency)
        record["venue"] = venue
        each = fee_per_lot(self.fees, instrument.quantity, self.currency)
        record["fee_num"], record["fee_den"] = each.numerator, each.denominator
        self._define(K.DEFINE_INSTRUMENT, record, "instruments")
        self.instruments.append(instrument)
        return len(self.instruments) - 1

    def add_builder(self, symbol: str, interval_ns: int) -> int:
        """Build time bars of an instrument from its trades; the builder's index."""
        record = np.zeros(1, L.BUILDER)
        record["instrument"], record["interval"], record["next"] = (
            self.index(symbol),
            interval_ns,
            -1,
        )
        return self._define(K.DEFINE_BUILDER, record, "builders")

    def add_strategy(
        self,
        entry: StrategyEntry,
        symbols: Sequence[str],
        interval_ns: int = 0,
        live_from: int = 0,
        started: bool = False,
        seed: int = 0,
    ) -> int:
        """Add a strategy that trades some instruments; its slot.

        Parameters
        ----------
        interval_ns : int
            The bars it gets; 0 gives it every bar.
        live_from : int
            Until this time, ns UTC, its orders aren't taken: it is warming up.
        started : bool
            It was warmed up in another engine of these capacities, and ``on_start`` ran there.
        seed : int
            Of its ``ctx.rng``.
        """
        watch = np.zeros(self.capacities.instruments, np.uint8)
        watch[[self.index(symbol) for symbol in symbols]] = 1
        shown = entry.shown
        if shown is None:
            shown = room_for_bars(watch) if entry.looks_back else np.zeros(0, np.uint8)
        head = np.zeros(1, L.STRATEGY)
        head["entry"], head["handlers"] = entry.address, entry.handlers
        head["interval"], head["live_from"], head["running"] = interval_ns, live_from, 1
        head["started"], head["shown_bytes"] = int(started), shown.size
        head["seed"], head["draws"] = stream_of(seed), entry.draws
        record = np.concatenate([head.view(np.uint8), entry.state, shown])
        running = self.running
        k = self._define(K.DEFINE_STRATEGY, record, "strategies", entry.state.size, watch, entry)
        if self.live and not running and not started:
            self.call(k, K.ON_START)
        return k

    def swap_strategy(self, strategy: int, entry: StrategyEntry, carry: int, digest: int) -> None:
        """Give a running strategy other code, at an event boundary; what it holds stays.

        Parameters
        ----------
        carry : int
            Address of ``int64 (int64 slot, int64 old state, int64 new state)``, called at the
            boundary to fill the new state; where it doesn't give 0 all stays as it was.
        digest : int
            Of the new code, for the journal.
        """
        watches = L.pool(self.block, "watches")[strategy * self.capacities.instruments :]
        watch = watches[: self.capacities.instruments].copy()
        shown = room_for_bars(watch) if entry.looks_back else np.zeros(0, np.uint8)
        head = np.zeros(1, L.SWAP)
        head["strategy"], head["carry"], head["digest"] = strategy, carry, digest
        head["entry"], head["handlers"] = entry.address, entry.handlers
        head["shown_bytes"] = shown.size
        record = np.concatenate([head.view(np.uint8), entry.state, shown])
        self._define(K.DEFINE_SWAP, record, "strategies", entry.state.size, None, entry)

    def add_timer(self, strategy: int, due: int, timer_id: int) -> None:
        """Set a timer of a strategy, due at a time in ns UTC."""
        record = np.zeros(1, L.TIMER)
        record["strategy"], record["due"], record["id"] = strategy, due, timer_id
        self._define(K.DEFINE_TIMER, record, "timers")

    def _define(
        self,
        what: int,
        record: Any,
        pool: str,
        size: int = 0,
        watch: Any = None,
        keep: Any = None,
    ) -> int:
        watch_at = 0 if watch is None else watch.ctypes.data
        with self._defining:
            self._kept.append((record, watch, keep))  # the thread may copy from it later
            if self.running:
                before = int(self.header["defines"])
                self.command(M.DEFINE, code=what, a=record.ctypes.data, b=size, c=watch_at)
                done = f"taking in one of its {pool}"
                self._await(lambda: int(self.header["defines"]) > before, done)
                k = int(self.header["defined"])
            else:
                k = int(define_now(self.address, what, record.ctypes.data, size, watch_at))
        if k < 0:
            raise ConfigError(
                f"this engine is full: no room for another of its {pool}. "
                "Stop one that isn't needed, or give the engine larger capacities "
                "(alphaforge.engine.layout.Capacities)."
            )
        return k

    def call(self, strategy: int, handler: int) -> None:
        """Call ``on_start`` or ``on_stop`` of a strategy while no thread runs."""
        if (int(L.pool(self.block, "strategies")[strategy]["handlers"]) >> handler) & 1:
            with watched(self.header, python=False):
                call_now(self.address, strategy, handler)

    # --- from arrays ----------------------------------------------------------------------------

    def run(
        self, events: npt.NDArray[Any], equity: npt.NDArray[np.int64], drain: Callable[[], None]
    ) -> int:
        """Process an array of messages.

        Parameters
        ----------
        events : array of whole messages (SLOT or BAR_SLOTS records)
        equity : int64, one for each bar among them; ledger units
        drain : callable
            Called when the journal fills up, and at the end: read it.

        Returns
        -------
        int
            Bytes processed; less than ``events.nbytes`` where the engine halted.
        """
        offset = 0
        room = self.journal.ring.capacity - self.capacities.event_rows
        if room <= 0:
            raise ConfigError(
                f"a journal of {self.journal.ring.capacity:,} rows is too small to run an array: "
                f"one event may write {self.capacities.event_rows:,}. Give journal_rows more."
            )
        with watched(self.header, python=False):
            while offset < events.nbytes and int(self.header["state"]) == K.RUNNING:
                bars = int(self.header["bars"])
                offset = int(
                    run_events(
                        self.address,
                        events.ctypes.data,
                        offset,
                        events.nbytes,
                        equity.ctypes.data + 8 * bars,
                        room,
                    )
                )
                drain()
        return offset

    def step(self, message: npt.NDArray[Any]) -> int:
        """Process one message; the fault, 0 where there is none."""
        return int(step_one(self.address, message.ctypes.data))

    # --- by its own thread ----------------------------------------------------------------------

    def connect(self, market_data: Ring, orders: Ring | None = None) -> None:
        """Give the engine a ring of events to poll, and a ring to put orders on."""
        self._rings.append(market_data)
        if orders is not None:
            self._kept.append(orders)
            self.header["out"] = orders.address

    def start(self, spin: bool = False) -> None:
        """Start the kernel thread."""
        if self.running:
            return
        rings = [ring.address for ring in self._rings]
        self._thread = EngineThread(self.header, self.board.address, rings, spin, self._ended)
        self._thread.start()

    def stop(self) -> None:
        """Stop the kernel thread at an event boundary; the state is kept."""
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    @property
    def running(self) -> bool:
        """Whether the kernel thread is polling."""
        return self._thread is not None and self._thread.alive

    @property
    def rings(self) -> list[Ring]:
        """The rings it polls, in order: commands first."""
        return list(self._rings)

    def on_end(self, callback: Callable[[int], None]) -> None:
        """Be told, with the fault code, when the kernel thread ends."""
        self._on_end.append(callback)

    def _ended(self, fault: int) -> None:
        with self._lock:  # what was sent while the thread was ending must be heard too
            for message in whole_messages(self.commands.take(COMMAND_SLOTS)):
                self._hear(message)
        for callback in self._on_end:
            callback(fault)

    def command(self, kind: int, code: int = 0, instrument: int = 0, **payload: int) -> None:
        """Ask the engine for something: ``a``, ``b``, ``c``, ``d`` as the kind needs them.

        Raises
        ------
        EngineHalted
            Where the command ring is full: the engine isn't reading it.
        """
        message = np.zeros(1, M.SLOT)
        row = message[0]
        row["ts"], row["ts_recv"] = self.clock(), time.time_ns()
        row["kind"], row["code"], row["instrument"] = kind, code, instrument
        for name, value in payload.items():
            row[name] = value
        self.send(message)

    def send(self, *messages: npt.NDArray[Any]) -> None:
        """Put whole messages on the command ring; processed at once where no thread runs.

        Raises
        ------
        EngineHalted
            Where the command ring is full: the engine isn't reading it.
        """
        with self._lock:
            for message in messages:
                if not self.running:
                    self._hear(message)
                else:
                    self._push(message)

    def _hear(self, message: npt.NDArray[Any]) -> None:
        """Process a message while no thread runs: a kill must be heard, an event waits for it."""
        if self.fault and int(message["kind"][0]) == M.CUSTOM:
            self._push(message)
        else:
            self.step(message)

    def _push(self, message: npt.NDArray[Any]) -> None:
        if not self.commands.push(message):
            raise EngineHalted(
                f"the command ring is full ({COMMAND_SLOTS} slots): the engine is not "
                f"reading it ({self.state_text()}). See lab.engine.error, or lab.resume()."
            )

    def snapshot(self, max_age: float = 0.05) -> Snapshot:
        """A consistent picture, at most ``max_age`` seconds old."""
        if self.running:
            return self.board.read(max_age)
        return self.board.read(0.0, lambda: publish_now(self.address, self.board.address))

    # --- faults ---------------------------------------------------------------------------------

    @property
    def fault(self) -> int:
        """Why it halted, 0 where it didn't."""
        return int(self.header["fault"])

    def fault_text(self) -> str:
        """Why it halted, in words."""
        header = self.header
        text = K.FAULT_TEXT[self.fault]
        if self.fault in K.FAULT_ROOM:
            text += f" ({int(header[K.FAULT_ROOM[self.fault]]):,})"
        if self.fault == K.FAULT_STRATEGY:
            text += f" ({K.HANDLER_NAMES[int(header['fault_handler'])]})"
        return f"{text}, in event {int(header['fault_event']):,}"

    def state_text(self) -> str:
        """Its state and, where halted, why."""
        if self.fault:
            return f"halted: {self.fault_text()}"
        return "running" if self.running else K.ENGINE_STATE_NAMES[int(self.header["state"])]

    def clear_fault(self) -> None:
        """Forget the fault so that the engine may go on; what it knew is kept."""
        self.header["fault"] = K.FAULT_NONE
        self.header["state"] = K.RUNNING

    def _await(self, done: Callable[[], bool], what: str, deadline: float = LIMIT_S + 5.0) -> None:
        began = time.monotonic()
        while not done():
            if not self.running:
                raise EngineHalted(f"the engine ended while {what}: {self.state_text()}.")
            if time.monotonic() - began > deadline:
                raise EngineHalted(f"the engine didn't answer within {deadline:g} s while {what}.")
            time.sleep(0.0005)
