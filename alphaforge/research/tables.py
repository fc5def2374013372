"""Journal rows as tables that people read: orders, fills, round trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.instrument import Instrument
from alphaforge.units import ledger_digits, ledger_to_money

if TYPE_CHECKING:
    import pandas as pd

Rows = npt.NDArray[Any]


def fills_table(rows: Rows, instruments: list[Instrument]) -> pd.DataFrame:
    """One row a fill: ts (UTC), instrument, side (+1/-1), qty, price, fee, order_id, liquidity."""
    import pandas as pd

    fills = rows[rows["kind"] == M.FILL_ROW]
    price, lot, ledger = _scales(fills["instrument"], instruments)
    return pd.DataFrame(
        {
            "ts": _times(fills["ts"]),
            "instrument": _symbols(fills["instrument"], instruments),
            "side": np.sign(fills["b"]).astype(np.int64),
            "qty": np.abs(fills["b"]) * lot[0] / lot[1],
            "price": fills["c"] * price[0] / price[1],
            "fee": fills["d"] / ledger,
            "order_id": fills["a"].astype(np.int64),
            "liquidity": np.where(fills["code"] == K.MAKER, "maker", "taker"),
        }
    )


def orders_table(rows: Rows, instruments: list[Instrument]) -> pd.DataFrame:
    """One row an order, as submitted, with its last status and why it was denied."""
    import pandas as pd

    orders = rows[rows["kind"] == M.ORDER_ROW]
    first = orders[orders["code"] == K.INITIALIZED]
    _, last_reversed = np.unique(orders["a"][::-1], return_index=True)
    last = orders[orders.size - 1 - last_reversed]
    last = last[np.searchsorted(last["a"], first["a"])]
    denials = rows[rows["kind"] == M.DENIAL_ROW]
    reasons = {
        int(row["a"]): denial_text(row, instruments[int(row["instrument"])]) for row in denials
    }
    price, lot, _ = _scales(first["instrument"], instruments)
    limit = first["c"] > 0
    terms = rows[rows["kind"] == M.TERMS_ROW]
    said = {int(row["a"]): row for row in terms}
    kinds, tifs, stops, parents = _terms(first, said, instruments)
    # Added up, not what is left: a split changes what is left of an order.
    fills = rows[rows["kind"] == M.FILL_ROW]
    filled = np.zeros(first.size, np.int64)
    by_id = np.argsort(first["a"], kind="stable")
    np.add.at(filled, by_id[np.searchsorted(first["a"][by_id], fills["a"])], np.abs(fills["b"]))
    return pd.DataFrame(
        {
            "order_id": first["a"].astype(np.int64),
            "ts": _times(first["ts"]),
            "instrument": _symbols(first["instrument"], instruments),
            "side": np.sign(first["b"]).astype(np.int64),
            "type": kinds,
            "tif": tifs,
            "qty": np.abs(first["b"]) * lot[0] / lot[1],
            "limit": np.where(limit, first["c"] * price[0] / price[1], np.nan),
            "stop": stops,
            "parent": parents,
            "filled": filled * lot[0] / lot[1],
            "status": [K.STATUS_NAMES[int(code)] for code in last["code"]],
            "reason": [reasons.get(int(a), "") for a in first["a"]],
            "ts_last": _times(last["ts"]),
        }
    )


def _terms(
    first: Rows, said: dict[int, Any], instruments: list[Instrument]
) -> tuple[list[str], list[str], list[float], list[int]]:
    """Type, time in force, trigger price and parent of each order; plain ones have no row."""
    kinds, tifs, stops, parents = [], [], [], []
    for row in first:
        terms = said.get(int(row["a"]))
        if terms is None:
            kinds.append("limit" if row["c"] > 0 else "market")
            tifs.append("")
            stops.append(np.nan)
            parents.append(0)
            continue
        kind = int(terms["code"])
        tif = int(terms["b"]) & 255
        kinds.append(K.TYPE_NAMES.get(kind, str(kind)))  # one that there isn't was denied
        tifs.append(K.TIF_NAMES.get(tif, str(tif)))
        price = instruments[int(row["instrument"])].price
        stopped = K.STOP_MARKET <= kind < K.TRAILING_STOP_MARKET and terms["c"] > 0
        stops.append(float(int(terms["c"]) * price) if stopped else np.nan)
        parents.append(int(terms["d"]) & (2**32 - 1))
    return kinds, tifs, stops, parents


def round_trips(rows: Rows, instruments: list[Instrument]) -> pd.DataFrame:
    """One row for each stretch from flat to flat; the last may still be open.

    Columns instrument, side, qty (the largest held), entry, exit (times; NaT while open), fills,
    pnl (realised less fees), fees.
    """
    import pandas as pd

    trips: list[dict[str, Any]] = []
    pairs = np.flatnonzero(rows["kind"] == M.FILL_ROW)
    open_trips: dict[int, dict[str, Any]] = {}
    base: dict[int, tuple[int, int]] = {}
    following = rows[np.minimum(pairs + 1, rows.size - 1)]
    for fill, after in zip(rows[pairs].tolist(), following.tolist(), strict=True):
        i, ts, qty = fill[5], fill[1], after[7]
        instrument = instruments[i]
        lot = instrument.quantity
        ledger = 10 ** ledger_digits(instrument.currency)
        trip = open_trips.get(i)
        if trip is None:
            trip = open_trips[i] = {
                "instrument": instrument.symbol,
                "side": 1 if fill[8] > 0 else -1,
            }
            trip |= {"qty": 0.0, "entry": ts, "exit": None, "fills": 0}
            trips.append(trip)
        realised, fees = base.get(i, (0, 0))
        trip["fills"] += 1
        first = abs(fill[8]) if trip["fills"] == 1 else 0
        trip["qty"] = max(trip["qty"], float(max(abs(qty), first) * lot))
        trip["fees"] = (after[10] - fees) / ledger
        trip["pnl"] = (after[9] - realised) / ledger - trip["fees"]
        if qty == 0 or (qty > 0) != (trip["side"] > 0):
            trip["exit"] = ts
            base[i] = (after[9], after[10])
            del open_trips[i]
            if qty != 0:  # went through flat: the rest opens the other side
                rest = {
                    "instrument": instrument.symbol,
                    "side": 1 if qty > 0 else -1,
                    "qty": float(abs(qty) * lot),
                }
                rest |= {"entry": ts, "exit": None, "fills": 1, "fees": 0.0, "pnl": 0.0}
                open_trips[i] = rest
                trips.append(rest)
    columns = ["instrument", "side", "qty", "entry", "exit", "fills", "pnl", "fees"]
    table = pd.DataFrame(trips, columns=columns)
    for name in ("entry", "exit"):
        table[name] = pd.to_datetime(table[name], utc=True)
    return table


def denial_text(row: Any, instrument: Instrument) -> str:
    """``CODE: limit=..., value=...`` of a denial row, in the instrument's human units."""
    rule = int(row["code"])
    limit, value = (_denial_number(rule, int(row[name]), instrument) for name in "bc")
    return f"{R.RULES[rule][0]}: limit={limit}, value={value}"


def _denial_number(rule: int, number: int, instrument: Instrument) -> str:
    if rule in R.IN_MONEY:
        digits = ledger_digits(instrument.currency) - 4
        return f"{ledger_to_money(number, instrument.currency):.{digits}f} {instrument.currency}"
    if rule in R.IN_LOTS:
        unit = f" {instrument.base}" if instrument.base else ""
        return f"{float(number * instrument.quantity):.{instrument.qty_decimals}f}{unit}"
    return str(number)


def _times(ns: npt.NDArray[np.int64]) -> Any:
    import pandas as pd

    return pd.DatetimeIndex(np.ascontiguousarray(ns).astype("datetime64[ns]"), tz="UTC")


def _symbols(index: npt.NDArray[Any], instruments: list[Instrument]) -> Any:
    return np.array([i.symbol for i in instruments], dtype=object)[index]


def _scales(index: npt.NDArray[Any], instruments: list[Instrument]) -> tuple[Any, Any, Any]:
    def column(values: list[int]) -> Any:
        return np.array(values, np.int64)[index]

    price = [i.price for i in instruments]
    lot = [i.quantity for i in instruments]
    return (
        (
            column([p.numerator for p in price]),
            column([p.denominator for p in price]).astype(float),
        ),
        (column([q.numerator for q in lot]), column([q.denominator for q in lot]).astype(float)),
        column([10 ** ledger_digits(i.currency) for i in instruments]).astype(float),
    )
