"""The desk that widgets see: a live session's snapshots and journal in human units.

Reading never touches the live block, but for whether it halted; asking is a command like any other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import risk
from alphaforge.engine import rules as R
from alphaforge.engine.lags import lag_percentile
from alphaforge.engine.snapshot import Snapshot
from alphaforge.errors import AlphaForgeError
from alphaforge.feed import BAR
from alphaforge.instrument import Instrument
from alphaforge.live import Live
from alphaforge.order import Order
from alphaforge.units import ledger_digits, ledger_to_money, to_float
from alphaforge.widgets import desk as D

_LEVELS = 11
_ANSWER_S = 0.5
_STALE_MS = 2_000.0
_RATE_WINDOW_S = 1.0
_STATES = {K.TRADING_ACTIVE: "ACTIVE", K.TRADING_REDUCING: "REDUCING", K.TRADING_HALTED: "HALTED"}


class LiveDesk:
    """The widgets' view of a session.

    Parameters
    ----------
    live : callable
        Gives the session, starting it where it doesn't run yet.
    instruments : list of Instrument
        What the session trades.
    max_age : float
        Seconds for which one snapshot serves every reader.
    """

    def __init__(
        self, live: Callable[[], Live], instruments: list[Instrument], max_age: float
    ) -> None:
        self._open = live
        self._instruments = instruments
        self._max_age = max_age
        self._lock = threading.Lock()
        self._frame: D.Frame | None = None
        self._frame_at = 0.0
        self._newest, self._newest_at = 0, 0.0
        self._rates: list[tuple[float, int, npt.NDArray[Any]]] = []

    @property
    def name(self) -> str:
        """What the session is: paper, its strategies, its venue."""
        live = self._open()
        running = live.engine.snapshot(1.0).pool("strategies")["running"]
        names = [
            type(own).__name__
            for slot, (own, _) in sorted(live.strategies.items())
            if slot < running.size and running[slot]
        ]
        return " · ".join(["paper", *names, "simulated exchange"])

    def symbols(self) -> list[D.SymbolInfo]:
        """Instruments on the screen."""
        return [
            D.SymbolInfo(
                symbol=i.symbol,
                tick=float(i.price),
                price_decimals=max(i.price_decimals, 2),
                qty_decimals=i.qty_decimals,
                lot=float(i.quantity),
                base=i.base or i.symbol,
                quote=i.currency,
                specs=self._open().specs(i.symbol),
                simulated=i.simulated,
            )
            for i in self._instruments
        ]

    # --- the picture ----------------------------------------------------------------------------

    def frame(self) -> D.Frame:
        """The newest picture, shared by all readers within ``max_age``."""
        with self._lock:
            now = time.monotonic()
            if self._frame is None or now - self._frame_at > self._max_age:
                self._frame = self._picture(self._open())
                self._frame_at = now
            return self._frame

    def _picture(self, live: Live) -> D.Frame:
        snapshot = live.engine.snapshot(self._max_age)
        h = snapshot.engine
        currency = live.engine.currency
        money = int(h["ledger"])
        equity = int(h["cash"]) + int(h["market_value"])
        rate, lags = self._since(int(h["events"]), snapshot.pool("lags"))
        markets = snapshot.pool("markets")
        age = self._age_ms(int(markets["ts"].max()) if markets.size else 0)
        return D.Frame(
            ts_ms=int(h["now"]) / 1e6,
            state=_STATES[int(h["trading"])],
            engine=self._engine_state(live, age, bool(h["held"])),
            halt_reason=self._halt_reason(live, int(h["trading"])),
            base=currency,
            equity=equity / money,
            day_pnl=(equity - int(h["start_cash"])) / money,
            drawdown_pct=100.0 * (int(h["peak"]) - equity) / int(h["peak"]),
            events_per_s=rate,
            lag_p50_us=lag_percentile(lags, 0.50) / 1e3,
            lag_p99_us=lag_percentile(lags, 0.99) / 1e3,
            feed_age_ms=age,
            quotes={i.symbol: _quote(i, markets[n]) for n, i in enumerate(self._instruments)},
            book={i.symbol: _depth(i, n, snapshot) for n, i in enumerate(self._instruments)},
            positions=tuple(self._positions(snapshot, money)),
            orders=tuple(self._orders(live, snapshot)),
            limits=tuple(self._limits(snapshot, currency, money)),
            alerts=tuple(self._alerts(snapshot)),
            journal_rows=live.engine.journal.written,
            journal_gaps=live.feed.reader.missed,
        )

    def _age_ms(self, newest: int) -> float:
        """How long nothing new has come, on our clock: the exchange's may stand or run faster."""
        now = time.monotonic()
        if newest != self._newest:
            self._newest, self._newest_at = newest, now
        return 1e3 * (now - self._newest_at) if newest else float("nan")

    def _halt_reason(self, live: Live, trading: int) -> str:
        if live.engine.fault:
            return live.engine.fault_text()
        if trading == K.TRADING_HALTED:
            return "kill switch: orders cancelled, new ones refused"
        return ""

    def _engine_state(self, live: Live, age: float, held: bool) -> str:
        if live.engine.fault or not live.engine.running:
            return "HALTED"
        if not live.exchange.caught_up:
            return "STARTING"
        if held:
            return "PAUSED"
        return "STALE" if age > _STALE_MS else "RUNNING"

    def _since(self, events: int, lags: npt.NDArray[Any]) -> tuple[float, npt.NDArray[Any]]:
        """Events a second and the lag histogram over the last second."""
        now = time.monotonic()
        self._rates.append((now, events, lags.copy()))
        while len(self._rates) > 2 and now - self._rates[1][0] >= _RATE_WINDOW_S:
            self._rates.pop(0)
        then, before, old = self._rates[0]
        span = now - then
        return ((events - before) / span if span > 0 else 0.0), lags - old

    def _positions(self, snapshot: Snapshot, money: int) -> list[D.Position]:
        found = []
        for n, i in enumerate(self._instruments):
            p, k = snapshot.position(0, n), snapshot.pool("markets")[n]
            if not any(int(p[name]) for name in ("qty", "bought", "sold", "realised", "fees")):
                continue  # a closed position stays: it says what was earned
            qty, cost = int(p["qty"]), int(p["cost"])
            if i.inverse:
                ticks = -qty * i.value / cost if cost else 0
            else:
                ticks = cost / i.value / qty if qty else 0
            value = -int(k["value"]) if i.inverse else int(k["value"])
            found.append(
                D.Position(
                    symbol=i.symbol,
                    qty=float(qty * i.quantity),
                    average=float(ticks * i.price),
                    last=float(int(k["mark"]) * i.price),
                    unrealised=(int(k["value"]) - cost) / money,
                    realised=int(p["realised"]) / money,
                    fees=int(p["fees"]) / money,
                    exposure=value / money,
                )
            )
        return found

    def _orders(self, live: Live, snapshot: Snapshot) -> list[D.WorkingOrder]:
        found = []
        for o in snapshot.pool("orders"):
            i = self._instruments[int(o["instrument"])]
            price = int(o["price"]) or int(o["stop"])
            found.append(
                D.WorkingOrder(
                    id=int(o["id"]),
                    ts_ms=int(o["ts"]) / 1e6,
                    symbol=i.symbol,
                    side=int(o["side"]),
                    type=_type_text(o),
                    tif=K.TIF_NAMES[int(o["tif"])],
                    qty=float(int(o["qty"]) * i.quantity),
                    filled=float(int(o["qty"] - o["leaves"]) * i.quantity),
                    price=float(price * i.price) if price > 0 else None,
                    status=K.STATUS_NAMES[int(o["status"])],
                    strategy=live.feed.strategy_names.get(int(o["strategy"]), ""),
                )
            )
        return found

    def _limits(self, snapshot: Snapshot, currency: str, money: int) -> list[D.Limit]:
        h, records = snapshot.engine, snapshot.pool("instruments")
        found = []
        for n, i in enumerate(self._instruments):
            limit = int(records[n]["max_position"])
            if limit:
                used = abs(int(snapshot.position(0, n)["qty"]))
                lot = i.quantity
                found.append(
                    D.Limit(
                        f"max_position:{i.symbol}",
                        f"Position {i.symbol}",
                        float(used * lot),
                        float(limit * lot),
                        i.base,
                    )
                )
        if int(h["max_notional"]):
            largest = max((self._notional(o) for o in snapshot.pool("orders")), default=0.0)
            value = int(h["max_notional"]) / money
            found.append(D.Limit("max_notional", "Largest order", largest / money, value, currency))
        if int(h["max_rate"]):
            times = snapshot.pool("rates")
            used = int((times > int(h["now"]) - int(h["rate_ns"])).sum())
            found.append(
                D.Limit("max_order_rate", "Order rate", float(used), float(h["max_rate"]), "/s")
            )
        return found

    def _notional(self, o: Any) -> float:
        i = self._instruments[int(o["instrument"])]
        return float(int(o["price"]) * int(o["leaves"]) * i.value)

    def _alerts(self, snapshot: Snapshot) -> list[D.Alert]:
        rows = snapshot.pool("alerts")
        rows = rows[rows["id"] > 0]
        return [self._alert(row) for row in rows[np.argsort(-rows["ts_last"], kind="stable")][:50]]

    def _alert(self, row: Any) -> D.Alert:
        rule, where = int(row["rule"]), int(row["instrument"])
        i = self._instruments[where] if where >= 0 else None
        text = _words(rule, int(row["limit"]), int(row["value"]), i)
        return D.Alert(
            id=int(row["id"]),
            severity=K.SEVERITY_NAMES[int(row["severity"])],
            ts_ms=int(row["ts"]) / 1e6,
            last_ms=int(row["ts_last"]) / 1e6,
            rule=R.RULES[rule][0],
            text=f"{i.symbol}: {text}" if i is not None else text,
            count=int(row["count"]),
            acknowledged=bool(row["acknowledged"]),
        )

    # --- bars and fills -------------------------------------------------------------------------

    def bars(self, symbol: str, spec: str, start: int) -> D.Bars:
        """Closed bars from the journal; the forming one from the snapshot that follows on them."""
        live = self._open()
        i = live.engine.instruments[live.engine.index(symbol)]
        number = live.builders[(symbol, spec)]
        builder = live.engine.snapshot(self._max_age).pool("builders")[number]
        series = live.feed.bars.get(number)
        have = series.count if series is not None else 0
        closed = min(int(builder["closed"]), have)
        first, rows = series.since(start, closed) if series is not None else (0, np.zeros(0, BAR))
        forming = bool(builder["trades"]) and closed == int(builder["closed"])
        return _bars(i, first, rows, builder if forming else None)

    def fills(self, start: int) -> tuple[int, list[D.Fill]]:
        """The number to ask from next time, and fills ``start`` and later that are still kept."""
        total, fresh = self._open().feed.fills_since(start)
        return total, [self._fill(f) for f in fresh]

    def equity(self, start: int) -> D.Equity:
        """The account second by second, from the journal."""
        live = self._open()
        series, money = live.feed.equity, 10 ** ledger_digits(live.engine.currency)
        first, rows = series.since(start, series.count)
        equity, peak = (to_float(rows[name], 1, money) for name in ("equity", "peak"))
        return D.Equity(first, rows["ts"] / 1e6, equity, peak)

    def _fill(self, f: Any) -> D.Fill:
        i = self._instruments[f.instrument]
        return D.Fill(
            ts_ms=f.ts / 1e6,
            symbol=i.symbol,
            side=1 if f.qty > 0 else -1,
            qty=float(abs(f.qty) * i.quantity),
            price=float(f.price * i.price),
            fee=ledger_to_money(f.fee, i.currency),
            order_id=f.order_id,
            liquidity="maker" if f.liquidity else "taker",
        )

    # --- asking ---------------------------------------------------------------------------------

    def submit(self, ticket: D.Ticket) -> str:
        """Send an order; the reason why the engine denied it, as its journal has it."""
        live = self._open()
        try:
            order_id = live.submit([_order(ticket)])[0]
        except AlphaForgeError as error:
            return str(error)
        record = live.feed.answer(order_id, _ANSWER_S)
        if record is None or record.status != K.DENIED:
            return ""
        i = live.engine.instruments[record.instrument]
        rule, limit, value = record.denial
        text = _words(rule, limit, value, i)
        return text[0].upper() + text[1:]

    def what_if(self, ticket: D.Ticket) -> D.WhatIf:
        """The engine's own checks, run on a copy of its newest picture."""
        live = self._open()
        try:
            index = live.engine.index(ticket.symbol)
            i = live.engine.instruments[index]
            asked = _order(ticket).message(i, index, 1, live.engine.clock())
        except AlphaForgeError as error:
            return D.WhatIf(0.0, 0.0, None, str(error), len(R.CHECKS))
        picture = live.engine.snapshot(self._max_age).copy()
        lots, ticks = int(asked["qty"][0]), int(asked["price"][0])
        rule = int(risk.what_if(picture.address, asked.ctypes.data))
        limit = int(picture.pool("instruments")[index]["max_position"])
        price = ticks or int(picture.pool("markets")[index]["mark"])
        held = int(picture.position(0, index)["qty"])
        reason = "" if rule == R.PASSED else _denial(rule, picture, i)
        if not live.engine.running:
            reason = f"The engine is {live.engine.state_text()}"
        return D.WhatIf(
            notional=_notional(i, price, lots) / int(picture.engine["ledger"]),
            position_after=float((held + ticket.side * lots) * i.quantity),
            position_limit=float(limit * i.quantity) if limit else None,
            reason=reason,
            checks=len(R.CHECKS),
        )

    def cancel(self, order_id: int) -> None:
        """Ask to cancel a working order."""
        self._open().cancel(order_id)

    def replace(self, order_id: int, price: float) -> str:
        """Ask for another limit price, or trigger price of an order that has no limit."""
        try:
            live = self._open()
            record = live.feed.orders.get(order_id)
            stopped = record is not None and record.price == 0 and record.stop > 0
            live.replace(order_id, **{"stop" if stopped else "limit": price})
        except AlphaForgeError as error:
            return str(error)
        return ""

    def flatten(self, symbol: str) -> None:
        """Close the position at market."""
        self._open().flatten(symbol)

    def kill(self) -> None:
        """Cancel everything, halt trading."""
        self._open().kill()

    def arm(self) -> None:
        """Let trading go on."""
        self._open().arm()

    def pause(self) -> None:
        """Hold the strategies: they look, they don't trade."""
        self._open().hold(True)

    def resume(self) -> None:
        """Let the strategies trade again."""
        self._open().hold(False)

    def set_limit(self, key: str, value: float) -> str:
        """Change a limit by its key."""
        name, _, symbol = key.partition(":")
        try:
            self._open().set_limit(risk.LIMIT_NAMES.index(name), value, symbol)
        except AlphaForgeError as error:
            return str(error)
        return ""

    def acknowledge(self, alert_id: int) -> None:
        """Mark an alert as seen."""
        self._open().engine.command(M.ACKNOWLEDGE, a=alert_id)


_COLUMNS = ("open", "high", "low", "close")


def _order(ticket: D.Ticket) -> Order:
    return Order(ticket.symbol, ticket.side, ticket.qty, limit=ticket.price, tif=ticket.tif)


def _notional(i: Instrument, price: int, lots: int) -> float:
    """Ledger units of lots at a price; of inverse contracts the coins that they are worth."""
    if i.inverse:
        return float(lots * i.value / price) if price else 0.0
    return float(price * lots * i.value)


def _denial(rule: int, picture: Snapshot, i: Instrument) -> str:
    """Why the checks refused the order that they left in a picture."""
    o = L.pool(picture.block, "orders")[-1]
    text = _words(rule, int(o["deny_limit"]), int(o["deny_value"]), i)
    return text[0].upper() + text[1:]


def _words(rule: int, limit: int, value: int, i: Instrument | None) -> str:
    """What a rule says, with its numbers in human units."""
    meaning = R.RULES[rule][1]
    for unit in (", in lots", ", in ledger units"):
        meaning = meaning.removesuffix(unit)
    if i is None or (not limit and not value):
        return meaning
    if rule in R.IN_MONEY:
        digits = ledger_digits(i.currency) - 4
        amounts = [f"{ledger_to_money(n, i.currency):,.{digits}f}" for n in (value, limit)]
        return f"{meaning}: {amounts[0]} of {amounts[1]} {i.currency}"
    if rule in R.IN_LOTS:
        amounts = [f"{float(n * i.quantity):,.{i.qty_decimals}f}" for n in (value, limit)]
        return f"{meaning}: {amounts[0]} of {amounts[1]} {i.base}"
    return f"{meaning}: {value:,} of {limit:,}" if limit else meaning


def _quote(i: Instrument, k: Any) -> D.Quote:
    bid, ask, last, first = (float(int(k[n]) * i.price) for n in ("bid", "ask", "last", "first"))
    change = 100.0 * (last / first - 1.0) if first else 0.0
    return D.Quote(bid, ask, last, change, ask - bid if bid and ask else 0.0)


def _type_text(o: Any) -> str:
    """An order's type in words, and whose child it is."""
    words = K.TYPE_NAMES[int(o["type"])].replace("_", " ")
    return f"{words} of {int(o['parent_id'])}" if int(o["parent"]) >= 0 else words


def _depth(i: Instrument, n: int, snapshot: Snapshot) -> D.Depth:
    bids, asks = snapshot.depth(n, _LEVELS)
    own: dict[float, float] = {}
    for o in snapshot.pool("orders"):
        if int(o["instrument"]) == n and o["price"] > 0 and int(o["status"]) >= K.SUBMITTED:
            price = float(int(o["price"]) * i.price)
            own[price] = own.get(price, 0.0) + float(int(o["leaves"]) * i.quantity)
    return D.Depth(
        bid_price=_scaled(bids["tick"], i.price),
        bid_qty=_scaled(bids["lot"], i.quantity),
        ask_price=_scaled(asks["tick"], i.price),
        ask_qty=_scaled(asks["lot"], i.quantity),
        own=own,
    )


def _scaled(values: npt.NDArray[Any], unit: Fraction) -> tuple[float, ...]:
    return tuple((values * unit.numerator / unit.denominator).tolist())


def _bars(i: Instrument, first: int, rows: npt.NDArray[Any], builder: Any) -> D.Bars:
    def column(name: str, numerator: int, denominator: int) -> npt.NDArray[np.float64]:
        values = rows[name]
        if builder is not None:
            values = np.append(values, builder["ts_close" if name == "ts" else name])
        return (values * numerator) / float(denominator)

    price, lot = i.price, i.quantity
    return D.Bars(
        first=first,
        closed=int(rows.size),
        forming=builder is not None,
        ts_open_ms=column("ts_open", 1, 1_000_000),
        ts_close_ms=column("ts", 1, 1_000_000),
        **{name: column(name, price.numerator, price.denominator) for name in _COLUMNS},
        volume=column("volume", lot.numerator, lot.denominator),
    )
