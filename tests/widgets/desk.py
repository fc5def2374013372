"""A test double of the desk: a small market that moves only when it is told to.

Nothing here is an engine.  ``advance(n)`` makes n deterministic ticks; :meth:`run` calls it from a
thread for the browser test.  Orders fill when the price crosses them, which is all a widget needs.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np

from alphaforge.widgets.desk import (
    Alert,
    Bars,
    Depth,
    Equity,
    Fill,
    Frame,
    Limit,
    Position,
    Quote,
    SymbolInfo,
    Ticket,
    WhatIf,
    WorkingOrder,
)

T0 = 1_772_443_800_000.0  # 2026-03-02 09:30 UTC
SPECS = {"1s": 1.0, "5s": 5.0, "1m": 60.0}
NAMES = ("ts_open_ms", "ts_close_ms", "open", "high", "low", "close", "volume")


class Market:
    """One instrument: a random walk on the tick, and the bars it makes."""

    def __init__(self, info: SymbolInfo, price: float, seed: int, bars: int) -> None:
        self.info = info
        self.rng = np.random.default_rng(seed)
        self.start = self.price = price
        self.rising = True
        self.bars: dict[str, list[list[float]]] = {spec: [] for spec in info.specs}
        self.sizes = self.rng.random((2, 24)) * 9 + 0.4
        for spec in info.specs:
            self._backfill(spec, bars)

    def _backfill(self, spec: str, count: int) -> None:
        length = SPECS[spec] * 1e3
        price = self.start - self.info.tick * 100
        for i in range(count):
            opened = price
            drift = np.sin(i / 15) * 14 + 0.4
            price = self.snap(price + (self.rng.normal() * 24 + drift) * self.info.tick)
            top = max(opened, price) + self.info.tick * int(self.rng.integers(0, 24))
            bottom = min(opened, price) - self.info.tick * int(self.rng.integers(0, 24))
            at = T0 + (i - count) * length
            volume = round(float(self.rng.random() * 80 + 20), 3)
            row = [at, at + length, opened, self.snap(top), self.snap(bottom), price, volume]
            self.bars[spec].append(row)
        # End where the live price begins, so that the forming bar doesn't gap.
        shift = self.snap(self.start - price)
        for row in self.bars[spec]:
            row[2:6] = [self.snap(value + shift) for value in row[2:6]]

    def snap(self, value: float) -> float:
        """Return the nearest price on the tick."""
        return round(round(value / self.info.tick) * self.info.tick, self.info.price_decimals)

    def tick(self, ts_ms: float) -> None:
        """Make one trade."""
        step = int(self.rng.integers(-3, 4))
        self.rising = step >= 0
        self.price = self.snap(self.price + step * self.info.tick)
        size = round(float(self.rng.random()) * 2.4, 3)
        self.sizes[self.rng.integers(2), self.rng.integers(24)] = self.rng.random() * 18 + 0.4
        for spec, rows in self.bars.items():
            length = SPECS[spec] * 1e3
            opened = T0 + np.floor((ts_ms - T0) / length) * length
            if rows[-1][0] < opened:
                price = self.price
                rows.append([opened, opened + length, price, price, price, price, 0.0])
            row = rows[-1]
            row[3], row[4] = max(row[3], self.price), min(row[4], self.price)
            row[5], row[6] = self.price, round(row[6] + size, 3)


class FakeDesk:
    """See :class:`alphaforge.widgets.desk.Desk`."""

    def __init__(self, bars: int = 500, base: str = "USDT") -> None:
        specs = tuple(SPECS)
        infos = [
            SymbolInfo("BTCUSDT", 0.5, 2, 3, 0.001, "BTC", "USDT", specs),
            SymbolInfo("ETHUSDT", 0.05, 2, 2, 0.01, "ETH", "USDT", specs),
        ]
        self.name = "paper · SmaCross · simulated exchange"
        self.lock = threading.RLock()
        self.markets = {
            infos[0].symbol: Market(infos[0], 64_182.5, 11, bars),
            infos[1].symbol: Market(infos[1], 2_604.85, 12, bars),
        }
        self.ts_ms = T0
        self.ticks = 0
        self.state, self.engine, self.halt_reason = "ACTIVE", "RUNNING", ""
        self.orders: dict[int, WorkingOrder] = {}
        self.log: list[tuple[str, object]] = []
        walk = np.cumsum(np.random.default_rng(3).normal(0.05, 1.0, 600))
        self.curve = [(T0 - 1e3 * (600 - n), 1_000_000.0 + step) for n, step in enumerate(walk)]
        self._fills: list[Fill] = []
        self._next_id = 1
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.held = {
            "BTCUSDT": [0.5, 63_902.1, 3_912.75, 41.12],
            "ETHUSDT": [-4.0, 2611.4, 180.37, 9.8],
        }
        self.limit_values = {
            "gross": 100_000.0,
            "position:BTCUSDT": 2.0,
            "daily_loss": 5_000.0,
            "drawdown": 2.0,
            "order_rate": 40.0,
            "margin": 50.0,
        }
        warn = Alert(
            1, "warning", T0, T0 + 4e3, "order rate", "31 orders in the last second", 3, False
        )
        self.alert_list = [warn]
        self._base = base
        self._open("BTCUSDT", 1, 0.25, 64_136.5)
        self._open("BTCUSDT", -1, 0.5, 64_242.5)
        for back, side in ((90, 1), (55, -1), (30, 1)):
            row = self.markets["BTCUSDT"].bars["1m"][-back] if bars > 90 else None
            if row is not None:
                fill = Fill(row[0] + 10, "BTCUSDT", side, 0.25, row[5], 3.2, 0, "maker")
                self._fills.append(fill)

    # ------------------------------------------------------------------ time

    def advance(self, ticks: int = 1, step_ms: float = 100.0) -> None:
        """Let ``ticks`` trades happen."""
        with self.lock:
            for _ in range(ticks):
                self.ts_ms += step_ms
                self.ticks += 1
                if self.ticks % 10 == 0:
                    self.curve.append((self.ts_ms, self.curve[-1][1] + 0.5))
                for market in self.markets.values():
                    market.tick(self.ts_ms)
                for order in list(self.orders.values()):
                    self._match(order)

    def run(self, per_second: float = 50.0, step_ms: float = 20.0) -> FakeDesk:
        """Advance from a thread until :meth:`stop`."""

        def loop() -> None:
            while not self._stopped.wait(1 / per_second):
                self.advance(1, step_ms)

        self._thread = threading.Thread(target=loop, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop the thread of :meth:`run`."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    # ------------------------------------------------------------------ reading

    def symbols(self) -> list[SymbolInfo]:
        return [market.info for market in self.markets.values()]

    def bars(self, symbol: str, spec: str, start: int) -> Bars:
        with self.lock:
            rows = self.markets[symbol].bars[spec]
            first = min(start, len(rows) - 1)
            columns = np.array(rows[first:], dtype=np.float64).T.copy()
        return Bars(first, len(columns[0]) - 1, True, *columns)

    def fills(self, start: int) -> tuple[int, list[Fill]]:
        with self.lock:
            return len(self._fills), self._fills[start:]

    def equity(self, start: int) -> Equity:
        with self.lock:
            ts, equity = np.array(self.curve, dtype=np.float64).T
        peak = np.maximum.accumulate(equity)
        return Equity(start, ts[start:], equity[start:], peak[start:])

    def frame(self) -> Frame:
        with self.lock:
            positions = tuple(
                self._position(symbol) for symbol, held in self.held.items() if held[0]
            )
            return Frame(
                ts_ms=self.ts_ms,
                state=self.state,
                engine=self.engine,
                halt_reason=self.halt_reason,
                base=self._base,
                equity=1_000_000.0 + sum(p.realised + p.unrealised - p.fees for p in positions),
                day_pnl=sum(p.realised + p.unrealised - p.fees for p in positions),
                drawdown_pct=0.31,
                events_per_s=11_800.0,
                lag_p50_us=21.0,
                lag_p99_us=48.0,
                feed_age_ms=9.0 if self.engine != "STALE" else 12_400.0,
                quotes={symbol: self._quote(market) for symbol, market in self.markets.items()},
                book={symbol: self._depth(market) for symbol, market in self.markets.items()},
                positions=positions,
                orders=tuple(self.orders.values()),
                limits=self._limits(positions),
                alerts=tuple(self.alert_list),
                journal_rows=120_331 + self.ticks,
            )

    def _quote(self, market: Market) -> Quote:
        half = market.info.tick / 2
        price = market.price
        change = 100 * (price / market.start - 1) + 0.42
        return Quote(
            market.snap(price - half), market.snap(price + half), price, change, market.info.tick
        )

    def _depth(self, market: Market) -> Depth:
        bids = tuple(market.snap(market.price - (i + 1) * market.info.tick) for i in range(20))
        asks = tuple(market.snap(market.price + (i + 1) * market.info.tick) for i in range(20))
        own: dict[float, float] = {}
        for order in self.orders.values():
            if order.symbol == market.info.symbol and order.price is not None:
                own[order.price] = own.get(order.price, 0.0) + order.qty
        sizes = [tuple(float(round(v, 3)) for v in row[:20]) for row in market.sizes]
        return Depth(bids, sizes[0], asks, sizes[1], own)

    def _position(self, symbol: str) -> Position:
        qty, average, realised, fees = self.held[symbol]
        last = self.markets[symbol].price
        return Position(
            symbol, qty, average, last, qty * (last - average), realised, fees, qty * last
        )

    def _limits(self, positions: tuple[Position, ...]) -> tuple[Limit, ...]:
        limits = self.limit_values
        gross = sum(abs(p.exposure) for p in positions)
        return (
            Limit("gross", "Gross exposure", gross, limits["gross"], self._base),
            Limit("position:BTCUSDT", "Position BTCUSDT", self.held["BTCUSDT"][0],
                  limits["position:BTCUSDT"], "BTC"),
            Limit("daily_loss", "Daily loss", 0.0, limits["daily_loss"], self._base),
            Limit("drawdown", "Drawdown", 0.31, limits["drawdown"], "%"),
            Limit("order_rate", "Order rate", 31.0, limits["order_rate"], "/s"),
            Limit("margin", "Margin used", 16.1, limits["margin"], "%"),
        )  # fmt: skip

    # ------------------------------------------------------------------ asking

    def what_if(self, ticket: Ticket) -> WhatIf:
        with self.lock:
            price = ticket.price or self.markets[ticket.symbol].price
            after = self.held[ticket.symbol][0] + ticket.side * ticket.qty
            limit = self.limit_values.get(f"position:{ticket.symbol}")
            reason = ""
            if self.state == "HALTED":
                reason = "trading is halted: re-arm it first"
            elif limit is not None and abs(after) > limit:
                reason = f"position limit: {after:.3f} would exceed {limit:.3f}"
            return WhatIf(ticket.qty * price, after, limit, reason, 24)

    def submit(self, ticket: Ticket) -> str:
        with self.lock:
            self.log.append(("submit", ticket))
            reason = self.what_if(ticket).reason
            if not reason:
                self._match(
                    self._open(ticket.symbol, ticket.side, ticket.qty, ticket.price, ticket.tif)
                )
            return reason

    def _open(
        self, symbol: str, side: int, qty: float, price: float | None, tif: str = "GTC"
    ) -> WorkingOrder:
        kind = "market" if price is None else "limit"
        order = WorkingOrder(self._next_id, self.ts_ms, symbol, side, kind, tif, qty, 0.0, price,
                             "ACCEPTED", "manual")  # fmt: skip
        self.orders[order.id] = order
        self._next_id += 1
        return order

    def _match(self, order: WorkingOrder) -> None:
        price = self.markets[order.symbol].price
        if order.price is not None and (price - order.price) * order.side > 0:
            return
        del self.orders[order.id]
        at = order.price if order.price is not None else price
        self._fills.append(
            Fill(self.ts_ms, order.symbol, order.side, order.qty, at, 0.1, order.id, "taker")
        )
        self.held[order.symbol][0] += order.side * order.qty

    def cancel(self, order_id: int) -> None:
        with self.lock:
            self.log.append(("cancel", order_id))
            self.orders.pop(order_id, None)

    def replace(self, order_id: int, price: float) -> str:
        with self.lock:
            self.log.append(("replace", (order_id, price)))
            if order_id not in self.orders:
                return f"order {order_id} is no longer working"
            self.orders[order_id] = replace(self.orders[order_id], price=price)
            return ""

    def flatten(self, symbol: str) -> None:
        with self.lock:
            self.log.append(("flatten", symbol))
            self.held[symbol][0] = 0.0

    def kill(self) -> None:
        with self.lock:
            self.log.append(("kill", None))
            self.orders.clear()
            self.state, self.halt_reason = "HALTED", "killed by hand"

    def arm(self) -> None:
        self.log.append(("arm", None))
        self.state, self.halt_reason = "ACTIVE", ""

    def pause(self) -> None:
        self.log.append(("pause", None))
        self.engine = "PAUSED"

    def resume(self) -> None:
        self.log.append(("resume", None))
        self.engine = "RUNNING"

    def set_limit(self, key: str, value: float) -> str:
        self.log.append(("limit", (key, value)))
        if value == 0:
            return "zero would stop all trading"
        self.limit_values[key] = value
        return ""

    def acknowledge(self, alert_id: int) -> None:
        self.log.append(("acknowledge", alert_id))
        self.alert_list = [
            replace(alert, acknowledged=True) if alert.id == alert_id else alert
            for alert in self.alert_list
        ]
