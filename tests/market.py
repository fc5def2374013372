"""Engines, messages and made-up data for tests: what a test says of a market in one line."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from alphaforge.data.history import History
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.engine.orders import TRANSITIONS
from alphaforge.instrument import Instrument
from alphaforge.units import ledger_digits
from alphaforge.venue import Fees, Venue

MINUTE = 60_000_000_000
HOUR = 3_600_000_000_000
DAY = 24 * HOUR
T0 = 1_700_000_000_000_000_000 // DAY * DAY
SMALL = L.Capacities(
    instruments=3, strategies=3, orders=64, builders=8, timers=16, alerts=16, levels=64, arena=4096
)
FEES = Fees(taker="0.00075", maker="-0.0001")
CODES = {name: code for code, name in K.STATUS_NAMES.items()}


def instrument(symbol: str = "XYZ", tick: str = "0.01", **fields: Any) -> Instrument:
    return Instrument(symbol, tick, **fields)


def small_engine(
    *instruments: Instrument,
    venue: int = K.VENUE_INTERNAL,
    fees: Fees = FEES,
    model: Venue | None = None,
    **keywords: Any,
) -> Engine:
    """An engine of few slots, so that every limit is near; ``model`` is how its venue fills."""
    keywords.setdefault("capacities", SMALL)
    keywords.setdefault("journal_rows", 1 << 13)
    engine = Engine(fees=fees, venue=model, **keywords)
    for each in instruments or (instrument(),):
        engine.add_instrument(each, venue)
    return engine


# --- messages ------------------------------------------------------------------------------------


def slot(kind: int, ts: int = T0, i: int = 0, code: int = 0, **payload: int) -> Any:
    message = np.zeros(1, M.SLOT)
    message["kind"], message["ts"], message["instrument"], message["code"] = kind, ts, i, code
    for name, value in payload.items():
        message[name] = value
    return message


def trade(ts: int, tick: int, lots: int = 1, side: int = 1, i: int = 0) -> Any:
    return slot(M.TRADE, ts, i, a=tick, b=lots, d=side)


def quote(ts: int, bid: int, ask: int, lots: int = 10, i: int = 0) -> Any:
    return slot(M.QUOTE, ts, i, a=bid, b=lots, c=ask, d=lots)


def bar(ts: int, prices: tuple[int, int, int, int], i: int = 0, length: int = HOUR) -> Any:
    message = np.zeros(1, M.BAR_SLOTS)
    message["kind"], message["ts"], message["instrument"] = M.BAR, ts, i
    message["ts_open"], message["interval"] = ts - length, length
    for name, value in zip(("open", "high", "low", "close"), prices, strict=True):
        message[name] = value
    return message


def submit(
    ts: int,
    order_id: int,
    side: int,
    lots: int,
    limit: int = 0,
    tif: int = K.GTC,
    i: int = 0,
    **fields: int,
) -> Any:
    """A SUBMIT command; ``fields`` are others of SUBMIT_SLOTS."""
    message = np.zeros(1, M.SUBMIT_SLOTS)
    message["kind"], message["ts"], message["instrument"] = M.SUBMIT, ts, i
    message["order_id"], message["side"], message["qty"] = order_id, side, lots
    message["tif"] = tif
    if limit:
        message["type"], message["price"] = K.LIMIT_ORDER, limit
    for name, value in fields.items():
        message[name] = value
    return message


def replace(ts: int, order_id: int, i: int = 0, **fields: int) -> Any:
    """A REPLACE command: ``qty``, ``price``, ``stop``."""
    message = np.zeros(1, M.SUBMIT_SLOTS)
    message["kind"], message["ts"], message["instrument"] = M.REPLACE, ts, i
    message["order_id"] = order_id
    for name, value in fields.items():
        message[name] = value
    return message


def report(ts: int, order_id: int, status: int, i: int = 0, **fields: int) -> Any:
    message = np.zeros(1, M.ORDER_SLOTS)
    message["kind"], message["ts"], message["instrument"] = M.REPORT, ts, i
    message["order_id"], message["code"] = order_id, status
    for name, value in fields.items():
        message[name] = value
    return message


def rows_of(engine: Engine, kind: int | None = None) -> Any:
    """Every row that the journal still has, or those of one kind."""
    rows = engine.journal.reader().read(1 << 20)
    return rows if kind is None else rows[rows["kind"] == kind]


# --- made-up data --------------------------------------------------------------------------------


def walk(count: int, seed: int, tick: str = "0.0001", step: int = 5_000) -> pd.DataFrame:
    """Hourly bars of a random walk on a tick, index the close times."""
    random = np.random.default_rng(seed)
    size = Fraction(tick)
    close = 1_000_000 + np.cumsum(random.integers(-step, step + 1, count))
    close = np.abs(close) + 10_000
    opening = np.concatenate([[close[0]], close[:-1] + random.integers(-200, 201, count - 1)])
    high = np.maximum(opening, close) + random.integers(0, step, count)
    low = np.minimum(opening, close) - random.integers(0, step, count)
    low = np.maximum(low, 1)
    ticks = {"open": opening, "high": high, "low": low, "close": close}
    frame = pd.DataFrame({k: v * size.numerator / size.denominator for k, v in ticks.items()})
    frame["volume"] = random.integers(1, 1_000, count).astype(float)
    frame.index = pd.to_datetime(T0 + HOUR * np.arange(1, count + 1), utc=True)
    return frame


def stored_walk(history: History, count: int, seed: int, symbol: str = "XYZ") -> str:
    """A random walk in the history, as hourly bars of a new symbol; the symbol."""
    history.add_instrument(instrument(symbol, "0.0001"))
    history.write_bars(symbol, "1h", walk(count, seed))
    return symbol


# --- what must always hold -----------------------------------------------------------------------


def half_even(value: Fraction) -> int:
    return round(value)  # Python's rounding of a Fraction is half to even


def worth_of(instrument: Instrument, ticks: int, lots: int) -> int:
    """Ledger units of lots at a price, from the instrument's own words: exact, rounded once.

    Inverse contracts are worth coins for a fixed amount of the quote currency; minus, so that who
    is long gains when they get fewer.
    """
    price, qty = ticks * Fraction(instrument.tick), lots * Fraction(instrument.lot)
    units = 10 ** ledger_digits(instrument.currency)
    if not instrument.inverse:
        return half_even(price * qty * Fraction(instrument.multiplier) * units)
    return -half_even(qty * Fraction(instrument.multiplier) / price * units) if ticks else 0


def check_money(engine: Engine, valued: bool = True) -> None:
    """Cash, positions and fees balance to the last ledger unit, whatever happened.

    ``valued`` False leaves out the market value, which an overflow can't hold.
    """
    header = engine.header
    count = len(engine.instruments)
    width = int(header["instruments_n"])
    positions = L.pool(engine.block, "positions").reshape(-1, width)[:, :count]
    markets = L.pool(engine.block, "markets")[:count]
    net, owners = positions[0], positions[1:]
    start, cash, fees = (int(header[name]) for name in ("start_cash", "cash", "fees"))
    assert cash + int(net["cost"].sum()) - int(net["realised"].sum()) + fees == start
    assert int(net["fees"].sum()) == fees == int(owners["fees"].sum())
    assert int(net["realised"].sum()) == int(header["realised"])
    for name in ("qty", "bought", "sold"):
        assert owners[name].sum(axis=0).tolist() == net[name].tolist(), name
    held = owners["cost"].sum(axis=0) - owners["realised"].sum(axis=0)
    assert held.tolist() == (net["cost"] - net["realised"]).tolist()
    margined = [int(net["cost"][i]) for i, each in enumerate(engine.instruments) if each.margined]
    assert int(header["margined"]) == sum(margined)
    value = 0
    for i, each in enumerate(engine.instruments if valued else []):
        worth = worth_of(each, int(markets["mark"][i]), int(net["qty"][i]))
        assert int(markets["value"][i]) == worth
        value += worth
    assert not valued or int(header["market_value"]) == value


def check_orders(engine: Engine) -> None:
    """The pool, the lists, the free list and the index tell one story."""
    header, orders = engine.header, L.pool(engine.block, "orders")
    markets = L.pool(engine.block, "markets")
    working: set[int] = set()
    for i in range(len(engine.instruments)):
        at, before, sums = int(markets[i]["open_head"]), -1, {1: 0, -1: 0}
        while at >= 0:
            order = orders[at]
            assert at not in working
            assert order["open"] == 1
            assert order["instrument"] == i
            assert order["status"] >= K.EMULATED
            assert order["status"] not in K.CLOSED_STATUSES
            assert order["prev"] == before
            assert 0 < order["leaves"] <= order["qty"]
            if order["counted"]:
                sums[int(order["side"])] += int(order["leaves"])
            working.add(at)
            before, at = at, int(order["next"])
        assert markets[i]["open_tail"] == before
        assert (sums[1], sums[-1]) == (int(markets[i]["buying"]), int(markets[i]["selling"]))
    assert len(working) == int(header["open_orders"])
    assert working == set(np.flatnonzero(orders["open"] == 1).tolist())
    free = free_slots(orders, int(header["free_head"]), int(header["free_tail"]))
    assert not working & free
    assert len(working) + len(free) == orders.size  # between events none is only initialized
    closed = {CODES[s] for s in ("free", "denied", "rejected", "cancelled", "expired", "filled")}
    assert all(int(orders[k]["status"]) in closed for k in free)
    _check_index(engine, orders)


def free_slots(orders: Any, head: int, tail: int) -> set[int]:
    free: set[int] = set()
    at, last = head, -1
    while at >= 0:
        assert at not in free
        free.add(at)
        last, at = at, int(orders[at]["next"])
    assert last == tail
    return free


def _check_index(engine: Engine, orders: Any) -> None:
    from alphaforge.engine.order_index import find_order

    index = L.pool(engine.block, "index")
    used = np.flatnonzero(orders["id"] != 0)
    assert int((index["id"] != 0).sum()) == used.size
    for k in used.tolist():
        assert find_order(engine.address, int(orders[k]["id"])) == k


def check_journal_of_orders(rows: Any, priced: bool = True) -> None:
    """From the journal alone: legal steps, filled + leaves == quantity, no fill past its limit.

    ``priced`` False allows the last, which a venue outside may do.
    """
    status: dict[int, str] = {}
    qty: dict[int, int] = {}
    leaves: dict[int, int] = {}
    filled: dict[int, int] = {}
    limit: dict[int, int] = {}
    fills = rows["kind"] == M.FILL_ROW
    next_fills = np.append(fills[1:], False) & (np.append(rows["a"][1:], 0) == rows["a"])
    for row, fills_next in zip(rows, next_fills, strict=True):
        key = int(row["a"])
        if row["kind"] == M.ORDER_ROW:
            new = K.STATUS_NAMES[int(row["code"])]
            if new == "initialized":
                assert key not in status, "an id used twice"
                qty[key], filled[key] = int(row["b"]), 0
            else:
                assert new in TRANSITIONS[status[key]].values(), (status[key], new)
            status[key], leaves[key], limit[key] = new, int(row["b"]), int(row["c"])
            if not fills_next:  # no fill, so the quantity itself may have been changed
                qty[key] = filled[key] + leaves[key]
        elif row["kind"] == M.FILL_ROW:
            lots, price = int(row["b"]), int(row["c"])
            filled[key] += lots
            assert lots * leaves[key] >= 0
            assert filled[key] + leaves[key] == qty[key]
            if priced and limit[key]:
                assert (limit[key] - price) * lots >= 0, "a fill through its limit"
