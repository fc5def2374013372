"""A recorded market played to a live session, event by event, with a venue that fills by model.

``PlayedExchange`` stands where the simulated exchange does and speaks through the same two rings.
Its matching is the simulated venue of backtests, and it answers before the next event: what a
session is shown and told here is what a backtest of the same recording is, to the nanosecond.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from market import submit

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.engine.ring import Ring, whole_messages
from alphaforge.live import FEES
from alphaforge.units import SECOND
from alphaforge.venues.simulated import INSTRUMENTS

SAID = {K.ACCEPTED, K.REJECTED, K.CANCELLED, K.EXPIRED}  # a fill has a row of its own


class PlayedExchange:
    """What ``Live`` wants of an exchange; ``play`` lets its time go on."""

    def __init__(
        self, symbols: Sequence[str], seed: int = 0, start: int = 0, speed: float = 1.0
    ) -> None:
        del seed, speed  # of the exchange that this one stands for
        self.instruments = [INSTRUMENTS[symbol][0] for symbol in symbols]
        self.market_data, self.orders = Ring(1 << 12), Ring(1 << 12)
        self.now = start
        self.caught_up = True
        self.venue = Engine(currency="USDT", cash=1e9, fees=FEES)
        for each in self.instruments:
            self.venue.add_instrument(each)
        self._told = self._trades = 0

    def start(self) -> None:
        """Nothing to start: the test plays."""

    def stop(self) -> None:
        """Nothing to stop."""

    def clock(self) -> int:
        """Its time, ns UTC."""
        return self.now

    def play(self, events: Any, engine: Engine) -> None:
        """Tell events of ascending time one by one; orders that they cause arrive at their time.

        At every whole second, and at the first event behind it, a watermark comes first: bars
        close and timers fire before what follows, as they do in a backtest.
        """
        for n in range(events.size):
            ts = int(events["ts"][n])
            whole = -(-max(self.now, 1) // SECOND) * SECOND
            if whole <= ts:
                for mark in range(whole, ts + 1, SECOND):
                    self._tell([_clock(mark)], engine)
                self._tell([_clock(ts)], engine)
            self.now = ts
            assert self.venue.step(events[n : n + 1]) == K.FAULT_NONE
            self._tell([*self._reports(), events[n : n + 1]], engine)

    def settle(self, engine: Engine) -> None:
        """Take the orders that are on their way, answer, and so on until none is."""
        self._tell([], engine)

    def _tell(self, messages: list[Any], engine: Engine) -> None:
        while True:
            for message in messages:
                assert self.market_data.push(message)
            self._wait(engine)
            asked = list(whole_messages(self.orders.take()))
            if not asked:
                return
            for message in asked:
                assert self.venue.step(_command(message)) == K.FAULT_NONE
            messages = self._reports()

    def _wait(self, engine: Engine) -> None:
        """Until the engine has processed all that was told: it takes a message off afterwards."""
        end = time.monotonic() + 20.0
        while self.market_data.waiting or engine.commands.waiting:
            assert engine.running, engine.state_text()
            assert time.monotonic() < end, "the engine doesn't read"
            time.sleep(0)

    def _reports(self) -> list[Any]:
        """What the venue has to say since the last time, as execution reports."""
        journal = self.venue.journal
        rows = journal.copy(self._told, journal.written)
        self._told = journal.written
        found, why = [], 0
        for row in rows:
            if row["kind"] == M.DENIAL_ROW:
                why = int(row["code"])
            said = row["kind"] == M.ORDER_ROW and int(row["code"]) in SAID
            if not said and row["kind"] != M.FILL_ROW:
                continue
            report = np.zeros(1, M.ORDER_SLOTS)
            report["kind"], report["ts"], report["order_id"] = M.REPORT, row["ts"], row["a"]
            report["instrument"], report["price"] = row["instrument"], row["c"]
            report["code"] = row["code"] if said else K.FILLED
            report["qty"] = why if said and row["code"] == K.REJECTED else 0
            if not said:
                self._trades += 1
                report["trade_id"], report["qty"] = self._trades, abs(int(row["b"]))
                report["liquidity"] = row["code"]
            found.append(report)
        return found


def _clock(ts: int) -> Any:
    message = np.zeros(1, M.SLOT)
    message["kind"], message["ts"] = M.CLOCK, ts
    return message


def _command(message: Any) -> Any:
    """What a session sent to its venue, as a command to the engine that is the venue."""
    kind, ts = int(message["kind"][0]), int(message["ts"][0])
    if kind == M.CANCEL:  # one slot: its first word is the order's id
        found = np.zeros(1, M.SLOT)
        found["kind"], found["ts"], found["a"] = M.CANCEL, ts, message["a"]
        return found
    assert kind == M.SUBMIT, "replaces aren't played"
    order = message.view(M.ORDER_SLOTS)[0]
    names = ("order_id", "side", "qty", "price", "tif", "instrument")
    return submit(ts, *(int(order[n]) for n in names), exec_flags=int(order["exec_flags"]))


def market(symbols: Sequence[str], over: str, start: int, seed: int = 5) -> Any:
    """Trades and quotes of simulated markets from ``start`` on, ns UTC, merged by time."""
    parts = []
    for index, symbol in enumerate(symbols):
        events = af.simulate(symbol, over=over, seed=seed + index).events
        events = events[np.isin(events["kind"], (M.TRADE, M.QUOTE))].copy()
        events["ts"] += start - events["ts"][0]
        events["ts_recv"], events["instrument"] = 0, index
        parts.append(events)
    merged = np.concatenate(parts)
    return merged[np.argsort(merged["ts"], kind="stable")]
