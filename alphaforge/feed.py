"""Follows the journal of a live session: closed bars, orders and fills for whoever reads them.

One thread reads rows as they come, keeps bounded tables, wakes those who wait for an order or a
bar, and hands rows to the history in batches. It never touches the block.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.history import History
from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.engine.journal import JournalReader
from alphaforge.research.tables import denial_text
from alphaforge.strategy.notes import text_of

log = logging.getLogger(__name__)
KEPT = 1 << 14  # bars of a builder, fills, seconds of equity
ORDERS_KEPT = 1 << 13
_POLL_S = 0.02
_FLUSH_S = 5.0
BAR = np.dtype(
    [(name, "i8") for name in ("ts_open", "ts", "open", "high", "low", "close", "volume", "trades")]
)


EQUITY = np.dtype([("ts", "i8"), ("equity", "i8"), ("peak", "i8")])


class Series:
    """The newest ``KEPT`` records of one kind, numbered from the session's first.

    Parameters
    ----------
    record : dtype
        ``BAR``, the closed bars of one builder, or ``EQUITY``.

    Attributes
    ----------
    count : int
        One more than the newest record's number.
    """

    def __init__(self, record: np.dtype[Any]) -> None:
        self._rows = np.zeros(KEPT, record)
        self._first = 0
        self.count = 0

    def add(self, number: int, row: tuple[int, ...]) -> None:
        """Append one record; where rows were missed before it, begin anew with it."""
        if number != self.count:
            self._first = number
        self._rows[number % KEPT] = row
        self.count = number + 1

    def since(self, start: int, stop: int) -> tuple[int, npt.NDArray[Any]]:
        """Records ``start`` to ``stop`` (or from the oldest kept on), and the first's number."""
        start = max(start, stop - KEPT, self._first)
        return start, self._rows[np.arange(start, max(stop, start)) % KEPT]


@dataclass
class OrderRecord:
    """The newest that the journal says of one order. Integers as in the engine."""

    order_id: int
    instrument: int
    strategy: int
    side: int
    qty: int
    price: int
    ts: int
    leaves: int = 0
    status: int = K.INITIALIZED
    reason: str = ""
    denial: tuple[int, int, int] = (0, 0, 0)  # rule, limit, value
    ts_last: int = 0
    type: int = K.MARKET_ORDER
    stop: int = 0  # trigger price, ticks
    parent: int = 0


@dataclass(frozen=True)
class FillRecord:
    """One execution. Integers as in the engine."""

    order_id: int
    instrument: int
    ts: int
    qty: int
    price: int
    fee: int
    liquidity: int


@dataclass(frozen=True)
class NoteRecord:
    """A value that a strategy recorded, or a line that it logged."""

    logged: bool
    strategy: int
    ts: int
    text: str
    value: float


@dataclass(eq=False)
class _Waiter:
    order_id: int
    statuses: tuple[int, ...]
    future: asyncio.Future[OrderRecord]
    loop: asyncio.AbstractEventLoop = field(repr=False)


class Feed:
    """The journal reader of one session.

    Parameters
    ----------
    engine : Engine
    history : History
        Where rows go in batches.
    session : str
        The name that stored rows carry.
    live_from : int
        When the session begins, after its back-fill, ns UTC: its equity curve begins there.
    """

    def __init__(self, engine: Engine, history: History, session: str, live_from: int) -> None:
        self._engine = engine
        self._history = history
        self._session = session
        self._live_from = live_from
        self.reader: JournalReader = engine.journal.reader()
        self.bars: dict[int, Series] = {}
        self.equity = Series(EQUITY)
        self.orders: dict[int, OrderRecord] = {}
        self.fills: deque[FillRecord] = deque(maxlen=KEPT)
        self.fill_count = 0
        self.strategy_names: dict[int, str] = {-1: "host"}
        self._changed: set[int] = set()
        self._unsaved_fills: list[FillRecord] = []
        self._unsaved_notes: list[NoteRecord] = []
        self._unsaved_rows: list[npt.NDArray[Any]] = []
        self._waiters: list[_Waiter] = []
        self._listeners: list[Callable[[], None]] = []
        self._half: tuple[Any, ...] | None = None
        self._lock = threading.Lock()
        self._storing = threading.Lock()  # taken before `_lock` where both are
        self._peak = 0
        self._told = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alphaforge-journal", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        # Storing needs it, at the interpreter's end too, when nothing can be imported any more.
        import pandas  # noqa: F401, ICN001 - see above

        self._thread.start()

    def stop(self) -> None:
        """Read what is left, store it, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10.0)
        self.catch_up()
        self.flush()
        for waiter in list(self._waiters):
            with contextlib.suppress(RuntimeError):
                waiter.loop.call_soon_threadsafe(waiter.future.cancel)

    def _run(self) -> None:
        waited = 0.0
        while not self._stop.wait(_POLL_S):
            try:
                self.catch_up()
            except Exception:  # one bad row must not end the charts and the storing
                log.exception("a part of the journal could not be followed")
            waited += _POLL_S
            if waited >= _FLUSH_S:
                self._try_to_flush()
                waited = 0.0

    def _try_to_flush(self) -> None:
        """Flush; where the disk is full, say so once and go on reading: nothing is dropped."""
        try:
            self.flush()
            self._told = False
        except Exception as error:
            if not self._told:
                print(
                    f"AlphaForge: orders and fills can't be stored now ({error}). They are kept in "
                    "memory and tried again; is the disk full?",
                    file=sys.stderr,
                )
            self._told = True

    def catch_up(self) -> None:
        """Read every row there is now."""
        with self._lock:
            missed = self.reader.missed
            rows = self.reader.read()
            while rows.size:
                if self.reader.missed != missed:
                    self._half, missed = None, self.reader.missed  # its other half is gone
                self._take(rows)
                rows = self.reader.read()
            listeners = list(self._listeners)
            crowded = len(self.orders) > ORDERS_KEPT
        if crowded:
            self._try_to_flush()
            self._forget()
        for listener in listeners:
            listener()

    def _take(self, rows: npt.NDArray[Any]) -> None:
        outputs = rows[rows["kind"] >= M.FIRST_OUTPUT]
        if not outputs.size:
            return
        self._unsaved_rows.append(outputs)
        for row in outputs:
            kind = int(row["kind"])
            if kind == M.BAR_ROW:
                prices = (int(row[n]) for n in "abcd")
                self._half = (int(row["code"]), int(row["ts_recv"]), int(row["ts"]), *prices)
            elif kind == M.MORE_ROW and self._half is not None:
                builder, *bar = self._half
                self.bars.setdefault(builder, Series(BAR)).add(
                    int(row["ts_recv"]), (*bar, int(row["a"]), int(row["d"]))
                )
                self._half = None
            elif kind == M.ORDER_ROW:
                self._order(row)
            elif kind == M.FILL_ROW:
                self._fill(row)
            elif kind == M.TERMS_ROW:
                self._terms(row)
            elif kind == M.DENIAL_ROW:
                self._denial(row)
            elif kind == M.ACCOUNT_ROW:
                self._account(row)
            elif kind in (M.METRIC_ROW, M.LOG_ROW):
                self._note(row)

    def _terms(self, row: Any) -> None:
        record = self.orders.get(int(row["a"]))
        if record is not None:
            record.type = int(row["code"])
            record.stop = int(row["c"]) if record.type < K.TRAILING_STOP_MARKET else 0
            record.parent = int(row["d"]) & (2**32 - 1)

    def _order(self, row: Any) -> None:
        order_id, leaves, code = int(row["a"]), int(row["b"]), int(row["code"])
        record = self.orders.get(order_id)
        if record is None:
            side = 1 if leaves > 0 else -1
            record = OrderRecord(
                order_id,
                int(row["instrument"]),
                int(row["d"]),
                side,
                abs(leaves),
                int(row["c"]),
                int(row["ts"]),
            )
            record.type = K.LIMIT_ORDER if record.price > 0 else K.MARKET_ORDER
            self.orders[order_id] = record
        record.leaves, record.status, record.ts_last = abs(leaves), code, int(row["ts"])
        record.price = int(row["c"])
        self._changed.add(order_id)
        self._wake(record)

    def _forget(self) -> None:
        """Drop the oldest closed orders that the history has."""
        with self._lock:
            stored = (
                k
                for k, o in self.orders.items()
                if o.status in K.CLOSED_STATUSES and k not in self._changed
            )
            for order_id in list(itertools.islice(stored, ORDERS_KEPT // 2)):
                del self.orders[order_id]

    def _fill(self, row: Any) -> None:
        fill = FillRecord(*(int(row[n]) for n in ("a", "instrument", "ts", "b", "c", "d", "code")))
        self.fills.append(fill)
        self.fill_count += 1
        self._unsaved_fills.append(fill)

    def _denial(self, row: Any) -> None:
        record = self.orders.get(int(row["a"]))
        if record is not None:
            instrument = self._engine.instruments[int(row["instrument"])]
            record.reason = denial_text(row, instrument)
            record.denial = int(row["code"]), int(row["b"]), int(row["c"])
            self._changed.add(record.order_id)

    def _note(self, row: Any) -> None:
        value, text = float(row["c"].view(np.float64)), text_of(int(row["b"]))
        logged = int(row["kind"]) == M.LOG_ROW
        self._unsaved_notes.append(NoteRecord(logged, int(row["a"]), int(row["ts"]), text, value))

    def _account(self, row: Any) -> None:
        if int(row["ts"]) < self._live_from:
            return
        equity = int(row["a"]) + int(row["b"])
        self._peak = max(self._peak, equity)
        self.equity.add(self.equity.count, (int(row["ts"]), equity, self._peak))

    def fills_since(self, start: int) -> tuple[int, list[FillRecord]]:
        """How many fills there were, ever, and those from number ``start`` on that are kept."""
        with self._lock:
            kept = min(self.fill_count - start, len(self.fills))
            newest = list(itertools.islice(reversed(self.fills), max(kept, 0)))
            return self.fill_count, newest[::-1]

    # --- waiting --------------------------------------------------------------------------------

    def _wake(self, record: OrderRecord) -> None:
        for waiter in [w for w in self._waiters if w.order_id == record.order_id]:
            if record.status in waiter.statuses:
                self._waiters.remove(waiter)
                with contextlib.suppress(RuntimeError):  # the loop that waited has ended
                    waiter.loop.call_soon_threadsafe(_resolve, waiter.future, replace(record))

    def wait_for(self, order_id: int, statuses: tuple[int, ...]) -> asyncio.Future[OrderRecord]:
        """A future of the order once it has one of the statuses."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[OrderRecord] = loop.create_future()
        with self._lock:
            record = self.orders.get(order_id)
            if record is not None and record.status in statuses:
                future.set_result(replace(record))
                return future
            waiter = _Waiter(order_id, statuses, future, loop)
            self._waiters.append(waiter)
        future.add_done_callback(lambda _: self._forget_waiter(waiter))  # timed out, most likely
        return future

    def _forget_waiter(self, waiter: _Waiter) -> None:
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def answer(self, order_id: int, seconds: float) -> OrderRecord | None:
        """A new order once the engine has answered; None where it takes longer than ``seconds``."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.catch_up()
            record = self.orders.get(order_id)
            if record is not None and record.status != K.INITIALIZED:
                return record
            time.sleep(0.001)
        return None

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Be called (in the reader's thread) after each reading; the result ends it."""
        with self._lock:
            self._listeners.append(callback)
        return lambda: self._unlisten(callback)

    def _unlisten(self, callback: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.remove(callback)

    # --- storing --------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what is new to the history, in batches; readers of the tables don't wait for it."""
        with self._storing:
            with self._lock:
                orders = [replace(self.orders[k]) for k in sorted(self._changed)]
                fills, rows = self._unsaved_fills, self._unsaved_rows
                notes, self._unsaved_notes = self._unsaved_notes, []
                self._changed, self._unsaved_fills, self._unsaved_rows = set(), [], []
            try:
                with self._history.transaction():
                    if orders:
                        self._store_orders(orders)
                    if fills:
                        self._store_fills(fills)
                    if notes:
                        self._store_notes(notes)
                    if rows:
                        self._store_rows(np.concatenate(rows))
            except BaseException:
                with self._lock:  # nothing was stored: all of it goes with the next flush
                    self._changed |= {order.order_id for order in orders}
                    self._unsaved_fills[:0] = fills
                    self._unsaved_notes[:0] = notes
                    self._unsaved_rows[:0] = rows
                raise

    def _id(self, instrument: int) -> int:
        return self._history.session_id(self._engine.instruments[instrument])

    def _store_orders(self, orders: list[OrderRecord]) -> None:
        ids = [o.order_id for o in orders]
        self._history.execute(
            "DELETE FROM store.orders WHERE session = ? AND list_contains(?, order_id)",
            [self._session, ids],
        )
        self._history.append(
            "orders",
            {
                "session": np.array([self._session] * len(orders), object),
                "order_id": np.array(ids, np.int64),
                "instrument": np.array([self._id(o.instrument) for o in orders], np.int32),
                "strategy": np.array(
                    [self.strategy_names.get(o.strategy, "") for o in orders], object
                ),
                "side": np.array([o.side for o in orders], np.int8),
                "type": np.array([K.TYPE_NAMES.get(o.type, str(o.type)) for o in orders], object),
                "qty": np.array([o.qty for o in orders], np.int64),
                "leaves": np.array([o.leaves for o in orders], np.int64),
                "price": np.array([o.price for o in orders], np.int64),
                "stop": np.array([o.stop for o in orders], np.int64),
                "parent": np.array([o.parent for o in orders], np.int64),
                "status": np.array([K.STATUS_NAMES[o.status] for o in orders], object),
                "reason": np.array([o.reason for o in orders], object),
                "ts": np.array([o.ts for o in orders], np.int64),
                "ts_last": np.array([o.ts_last for o in orders], np.int64),
            },
        )

    def _store_fills(self, fills: list[FillRecord]) -> None:
        self._history.append(
            "fills",
            {
                "session": np.array([self._session] * len(fills), object),
                "order_id": np.array([f.order_id for f in fills], np.int64),
                "instrument": np.array([self._id(f.instrument) for f in fills], np.int32),
                "ts": np.array([f.ts for f in fills], np.int64),
                "qty": np.array([f.qty for f in fills], np.int64),
                "price": np.array([f.price for f in fills], np.int64),
                "fee": np.array([f.fee for f in fills], np.int64),
                "liquidity": np.array(["maker" if f.liquidity else "taker" for f in fills], object),
            },
        )

    def _store_notes(self, notes: list[NoteRecord]) -> None:
        names = [self.strategy_names.get(n.strategy, "") for n in notes]
        self._history.append(
            "notes",
            {
                "session": np.array([self._session] * len(notes), object),
                "strategy": np.array(names, object),
                "logged": np.array([n.logged for n in notes], bool),
                "ts": np.array([n.ts for n in notes], np.int64),
                "text": np.array([n.text for n in notes], object),
                "value": np.array([n.value for n in notes], np.float64),
            },
        )

    def _store_rows(self, rows: npt.NDArray[Any]) -> None:
        columns = {name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()}
        columns["session"] = np.array([self._session] * rows.size, object)
        self._history.append("journal", columns)


def _resolve(future: asyncio.Future[OrderRecord], record: OrderRecord) -> None:
    if not future.done():
        future.set_result(record)
