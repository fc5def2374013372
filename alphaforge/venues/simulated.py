"""The embedded exchange: simulated participants in a thread of their own, tradable like a real one.

It runs without the GIL beside the engine's thread and speaks to it through two rings: market data
and execution reports one way, orders the other. Everything it makes is simulated and says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np

from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.atomic import load_acquire, load_i8, load_u1, sleep_ns, view, wall_ns
from alphaforge.engine.jit import entry
from alphaforge.engine.ring import CAPACITY, READ, Ring, ring_peek, ring_pop, slots_of
from alphaforge.errors import ConfigError, VenueError, did_you_mean
from alphaforge.instrument import Instrument
from alphaforge.venues import clients, orderbook, participants

_KIND_AT = M.offset_of(M.SLOT, "kind")
_SPARE = 1 << 13  # slots that one order can need: six for each resting one that it goes through
_NAP = 1_000_000
DRIVE = np.dtype(
    [
        ("stop", "i8"),
        ("pause", "i8"),
        ("speed", "f8"),  # simulated seconds a second
        ("wall", "i8"),  # anchor: this wall time is ...
        ("clock", "i8"),  # ... this exchange time
        ("caught_up", "i8"),
        ("scratch", "i8", (2,)),
    ],
    align=True,
)
_PAUSE_AT = M.offset_of(DRIVE, "pause")
_SCRATCH_AT = M.offset_of(DRIVE, "scratch")
drive_at = view(DRIVE)

INSTRUMENTS: dict[str, tuple[Instrument, float, float, float]] = {
    symbol: (
        Instrument(
            symbol,
            tick=tick,
            lot=lot,
            currency="USDT",
            base=base,
            venue="SIM",
            kind="spot",
            simulated=True,
        ),
        price,
        mean,
        pace,
    )
    for symbol, base, tick, lot, price, mean, pace in (
        ("BTCUSDT", "BTC", "0.5", "0.001", 64_000.0, 0.6, 8.0),
        ("ETHUSDT", "ETH", "0.05", "0.001", 2_600.0, 8.0, 6.0),
        ("SOLUSDT", "SOL", "0.01", "0.01", 150.0, 60.0, 4.0),
    )
}
"""Symbol -> instrument, first price, mean order size, pace. The prices are invented."""


@entry("int64(int64, int64, int64)")
def run_exchange(x, drive, orders):
    """Follow the clock until told to stop: arrivals when due, clients' orders as they come.

    Parameters
    ----------
    x, drive : addresses of the exchange's memory and a DRIVE record
    orders : address of the ring that clients' orders come on

    Notes
    -----
    While the market-data ring has little room the exchange waits: nothing is lost. While it is
    behind its clock (a back-fill) messages carry no receive time, so they don't count as lag, and
    clients' orders wait: what is past can't be traded.
    """
    h = orderbook.exchange_at(x)
    d = drive_at(drive)
    clock = drive + _SCRATCH_AT
    capacity = load_i8(h.out + CAPACITY)
    while load_acquire(drive) == 0:
        wall = wall_ns(clock)
        if load_acquire(drive + _PAUSE_AT) == 1:
            # Time stands still: move the anchor along.
            d.clock = h.now
            d.wall = wall
        due = d.clock + int((wall - d.wall) * d.speed)
        h.stamp = wall if d.caught_up == 1 else 0
        for _ in range(64 if d.caught_up == 1 else 0):
            e = ring_peek(orders)
            if e == 0 or load_i8(h.out) + _SPARE - load_acquire(h.out + READ) > capacity:
                break
            h.now = max(h.now, due)
            clients.handle(x, e)
            ring_pop(orders, slots_of(load_u1(e + _KIND_AT)))
        worked = 0
        while worked < 256:
            if load_i8(h.out) + _SPARE - load_acquire(h.out + READ) > capacity:
                break
            soonest = min(orderbook.sim(x, participants.next_arrival(x)).next, h.next_clock)
            if soonest > due or load_acquire(drive + _PAUSE_AT) == 1:
                d.caught_up = 1
                break
            participants.advance(x)
            worked += 1
        if worked == 0:
            sleep_ns(clock, _NAP)
    return h.events


class SimulatedExchange:
    """An exchange with simulated participants.

    Parameters
    ----------
    symbols : sequence of str
        Of ``INSTRUMENTS``.
    seed : int
        The same seed gives the same flow, order for order, as long as nobody else trades.
    start : int, optional
        Exchange time to begin at, ns UTC; in the past it back-fills first. Now by default.
    speed : float
        Simulated seconds per second.
    ring_slots : int
        Room between it and the engine, a power of two.
    """

    def __init__(
        self,
        symbols: Sequence[str] = ("BTCUSDT", "ETHUSDT"),
        seed: int = 1,
        start: int | None = None,
        speed: float = 1.0,
        ring_slots: int = 1 << 15,
    ) -> None:
        for symbol in symbols:
            if symbol not in INSTRUMENTS:
                raise VenueError(
                    f"the simulated exchange has no {symbol!r}. {did_you_mean(symbol, INSTRUMENTS)}"
                )
        if not 0 <= seed < 2**63:
            raise ConfigError(f"seed must be from 0 to 2**63 - 1, not {seed}.")
        self.instruments = [INSTRUMENTS[symbol][0] for symbol in symbols]
        self.market_data = Ring(ring_slots)
        self.orders = Ring(1 << 12)
        self.start_ns = time.time_ns() if start is None else start
        self._drive = np.zeros(1, DRIVE)
        self._drive["speed"] = speed
        self._memory = _new_exchange([INSTRUMENTS[s] for s in symbols], seed, self.start_ns)
        self.header = self._memory[: orderbook.EXCHANGE.itemsize].view(orderbook.EXCHANGE)[0]
        self.header["out"] = self.market_data.address
        self.address = self._memory.ctypes.data
        self._thread: threading.Thread | None = None
        for s in range(len(symbols)):
            participants.populate(self.address, s)

    def set_index(self, symbol: str, index: int) -> None:
        """Say what index the engine gave an instrument; by default the position in ``symbols``."""
        at = [i.symbol for i in self.instruments].index(symbol)
        self._sims()["index"][at] = index

    def _sims(self) -> np.ndarray:
        start = int(self.header["sims_at"])
        return self._memory[start : start + len(self.instruments) * orderbook.SIM.itemsize].view(
            orderbook.SIM
        )

    def generate(self, count: int) -> None:
        """Let ``count`` things happen as fast as possible, without the thread.

        Raises
        ------
        VenueError
            Where the ring was too small for what they emitted; read it more often.
        """
        before = int(self.header["stalls"])
        participants.generate(self.address, count)
        if int(self.header["stalls"]) != before:
            raise VenueError(
                f"the market-data ring of {self.market_data.capacity} slots is full. "
                "Take from it between calls, or make it larger (ring_slots=...)."
            )

    def start(self) -> None:
        """Begin to follow the clock in a thread without the GIL."""
        if self._thread is not None:
            return
        drive = self._drive
        # Exchange time `start_ns` was that long ago: a start in the past is caught up with at once.
        drive["stop"], drive["wall"], drive["clock"] = 0, time.time_ns(), time.time_ns()
        self._thread = threading.Thread(target=self._run, name="alphaforge-exchange", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        # A method, so that the thread keeps the exchange's memory alive.
        run_exchange(self.address, self._drive.ctypes.data, self.orders.address)

    def stop(self) -> None:
        """Stop following the clock."""
        if self._thread is not None:
            self._drive["stop"] = 1
            self._thread.join(5.0)
            self._thread = None

    def pause(self) -> None:
        """Let its time stand still; orders are still taken."""
        self._drive["pause"] = 1

    def resume(self) -> None:
        """Let its time go on."""
        self._drive["pause"] = 0

    def clock(self) -> int:
        """Its time now, ns UTC: the wall clock's at speed 1, once it has caught up."""
        if self._thread is None:
            return self.start_ns
        drive = self._drive[0]
        gone = float(time.time_ns() - int(drive["wall"])) * float(drive["speed"])
        return int(drive["clock"]) + int(gone)

    @property
    def paused(self) -> bool:
        """Whether its time stands still."""
        return bool(self._drive["pause"][0])

    @property
    def caught_up(self) -> bool:
        """Whether it has reached the clock, after a start in the past."""
        return bool(self._drive["caught_up"][0])


def _new_exchange(
    chosen: list[tuple[Instrument, float, float, float]], seed: int, start: int
) -> np.ndarray:
    """The exchange's memory: header, order pool, per-instrument state, price levels, live lists."""
    count = len(chosen)
    orders = count * (orderbook.RESTING_PER_SIM + 1024)
    offsets, end = {}, orderbook.EXCHANGE.itemsize
    for name, size in (
        ("orders_at", orders * orderbook.RESTING.itemsize),
        ("sims_at", count * orderbook.SIM.itemsize),
        ("levels_at", count * orderbook.WINDOW * orderbook.PRICE_LEVEL.itemsize),
        ("live_at", count * orderbook.RESTING_PER_SIM * 8),
    ):
        offsets[name] = end
        end += size
    memory = np.zeros(end, np.uint8)
    header = memory[: orderbook.EXCHANGE.itemsize].view(orderbook.EXCHANGE)[0]
    for name, at in offsets.items():
        header[name] = at
    header["now"], header["instruments"], header["orders_n"] = start, count, orders
    header["next_clock"] = start + participants.CLOCK_EVERY
    header["random"] = np.random.default_rng(seed).integers(1, 4_294_944_443, 6)
    resting = orderbook.RESTING
    pool = memory[offsets["orders_at"] :][: orders * resting.itemsize].view(resting)
    pool["next"] = np.append(np.arange(1, orders), -1)
    sims = memory[offsets["sims_at"] :][: count * orderbook.SIM.itemsize].view(orderbook.SIM)
    for s, (instrument, price, mean, pace) in enumerate(chosen):
        sims["index"][s] = s
        sims["last"][s] = instrument.price_ticks(price)
        sims["best_bid"][s] = sims["best_ask"][s] = L.NO_PRICE
        sims["mean_lot"][s] = mean * instrument.quantity.denominator / instrument.quantity.numerator
        sims["pace"][s], sims["next"][s] = pace, start
    return memory
