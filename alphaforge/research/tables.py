"""Journal rows as tables that people read: orders, fills, round trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.instrument import Instrument
from alphaforge.strategy.notes import text_of
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


def orders_table(
    rows: Rows, instruments: list[Instrument], pool: Rows | None = None
) -> pd.DataFrame:
    """One row an order, with the terms and the status that it had last, and why it was denied.

    Parameters
    ----------
    rows : array of ``messages.SLOT``
        The journal.
    pool : array with id, qty, price and stop, optional
        The engine's orders at the end. What has left it is told from the journal alone, which says
        neither another trigger price nor what a split made of an order that had filled in part.

    Returns
    -------
    DataFrame
        ``filled`` is what an order's fills add up to; of an algorithm's parent its children's.
    """
    import pandas as pd

    orders = rows[rows["kind"] == M.ORDER_ROW]
    first = orders[orders["code"] == K.INITIALIZED]
    _, last_reversed = np.unique(orders["a"][::-1], return_index=True)
    last = orders[orders.size - 1 - last_reversed]
    last = last[np.searchsorted(last["a"], first["a"])]
    reasons = _reasons(rows, instruments)
    price, lot, _ = _scales(first["instrument"], instruments)
    terms = rows[rows["kind"] == M.TERMS_ROW]
    said = {int(row["a"]): row for row in terms}
    filled = _filled(first, rows, said)
    qty, limit, trigger = _last_terms(first, last, filled, said, pool)
    kinds, tifs, stops, parents = _terms(first, said, trigger, instruments)
    return pd.DataFrame(
        {
            "order_id": first["a"].astype(np.int64),
            "ts": _times(first["ts"]),
            "instrument": _symbols(first["instrument"], instruments),
            "side": np.sign(first["b"]).astype(np.int64),
            "type": kinds,
            "tif": tifs,
            "qty": qty * lot[0] / lot[1],
            "limit": np.where(limit > 0, limit * price[0] / price[1], np.nan),
            "stop": stops,
            "parent": parents,
            "filled": filled * lot[0] / lot[1],
            "status": [K.STATUS_NAMES[int(code)] for code in last["code"]],
            "reason": [reasons.get(int(a), "") for a in first["a"]],
            "ts_last": _times(last["ts"]),
        }
    )


def _filled(first: Rows, rows: Rows, said: dict[int, Any]) -> npt.NDArray[np.int64]:
    """Lots filled of each order; of an algorithm's parent what its children filled.

    Added up, not what is left: a split changes what is left of an order.
    """
    by_id = np.argsort(first["a"], kind="stable")
    ids = first["a"][by_id]
    fills = rows[rows["kind"] == M.FILL_ROW]
    filled = np.zeros(first.size, np.int64)
    np.add.at(filled, by_id[np.searchsorted(ids, fills["a"])], np.abs(fills["b"]))
    for order_id, terms in said.items():
        parent = said.get(_parent(terms))
        if parent is not None and int(parent["code"]) >= K.FIRST_ALGORITHM:
            child, its = by_id[np.searchsorted(ids, [order_id, int(parent["a"])])]
            filled[its] += filled[child]
    return filled


def _last_terms(
    first: Rows,
    last: Rows,
    filled: npt.NDArray[np.int64],
    said: dict[int, Any],
    pool: Rows | None,
) -> tuple[npt.NDArray[np.int64], ...]:
    """Quantity (lots), limit and trigger price (ticks, 0 none) of each order as they were last."""
    qty, limit = np.abs(last["b"]) + filled, last["c"].copy()
    stop = np.array([said[a]["c"] if a in said else 0 for a in first["a"].tolist()], np.int64)
    if pool is not None and pool.size and first.size:
        by_id = np.argsort(pool["id"], kind="stable")
        at = np.minimum(np.searchsorted(pool["id"][by_id], first["a"]), pool.size - 1)
        kept = pool[by_id[at]]
        there = kept["id"] == first["a"]
        qty = np.where(there, kept["qty"], qty)
        limit = np.where(there, kept["price"], limit)
        stop = np.where(there, kept["stop"], stop)
    return qty, limit, stop


def _parent(terms: Any) -> int:
    """The id of an order's parent, 0 none."""
    return int(terms["d"]) & (2**32 - 1)


def _reasons(rows: Rows, instruments: list[Instrument]) -> dict[int, str]:
    """Why an order was denied, or who sent it where that was nobody; by order id.

    A replace that is refused has a denial too, and its order goes on: that isn't its reason.
    """
    found = {}
    at = np.flatnonzero(rows["kind"] == M.DENIAL_ROW)
    for denial, after in zip(rows[at], rows[np.minimum(at + 1, rows.size - 1)], strict=True):
        ends = after["kind"] == M.ORDER_ROW and after["code"] in (K.DENIED, K.REJECTED)
        if ends and after["a"] == denial["a"]:
            found[int(denial["a"])] = denial_text(denial, instruments[int(denial["instrument"])])
    for order_id in liquidating(rows):
        found.setdefault(order_id, R.RULES[R.LIQUIDATION][0])
    return found


def liquidating(rows: Rows) -> list[int]:
    """Ids of the orders that closed a position by force.

    After the alert, or the fee, those that reduce the position and weren't denied, until it is
    gone: nobody else may trade it meanwhile.
    """
    forced, net = set(), {}
    found = []
    kinds, codes = rows["kind"], rows["code"]
    starts = ((kinds == M.ALERT_ROW) & (codes == R.LIQUIDATION)) | (
        (kinds == M.CASH_ROW) & (codes == K.CASH_LIQUIDATION)
    )
    if not starts.any():
        return []
    sent = (kinds == M.ORDER_ROW) & (codes == K.INITIALIZED)
    moved = (kinds == M.POSITION_ROW) & (codes == 0)
    for at in np.flatnonzero(starts | sent | moved).tolist():
        i = int(rows["instrument"][at])
        if starts[at]:
            forced.add(i)
        elif moved[at]:
            net[i] = int(rows["a"][at])
            if net[i] == 0:
                forced.discard(i)
        elif i in forced and int(rows["b"][at]) * net.get(i, 0) < 0:
            denied = at + 1 < rows.size and kinds[at + 1] == M.DENIAL_ROW
            if not denied:
                found.append(int(rows["a"][at]))
    return found


def cash_table(rows: Rows, instruments: list[Instrument]) -> pd.DataFrame:
    """One row a movement of cash without a fill: ts (UTC), symbol, kind, amount (currency)."""
    import pandas as pd

    moved = rows[rows["kind"] == M.CASH_ROW]
    ledger = _scales(moved["instrument"], instruments)[2]
    # Interest is the account's, not any position's.
    symbol = np.where(
        moved["code"] == K.CASH_INTEREST, "", _symbols(moved["instrument"], instruments)
    )
    return pd.DataFrame(
        {
            "ts": _times(moved["ts"]),
            "symbol": symbol,
            "kind": np.array([K.CASH_NAMES[int(code)] for code in moved["code"]], object),
            "amount": moved["a"] / ledger,
        }
    )


def recorded_table(rows: Rows) -> pd.DataFrame:
    """A column for each name that a strategy recorded, float64; index ts (UTC)."""
    import pandas as pd

    found = rows[rows["kind"] == M.METRIC_ROW]
    ids, first = np.unique(found["b"], return_index=True)
    table = pd.DataFrame({"ts": found["ts"], "id": found["b"], "value": _floats(found["c"])})
    nth = table.groupby(["ts", "id"]).cumcount()
    table = table.set_index(["ts", nth, "id"])["value"].unstack("id")
    table = table[ids[np.argsort(first)].tolist()]
    table.columns = pd.Index([text_of(int(each)) for each in table.columns], dtype=object)
    table.index = _times(table.index.get_level_values(0).to_numpy(np.int64)).rename("ts")
    return table


def log_table(rows: Rows) -> pd.DataFrame:
    """One row a line that a strategy logged: ts (UTC), text, value."""
    import pandas as pd

    found = rows[rows["kind"] == M.LOG_ROW]
    texts = np.array([text_of(int(each)) for each in found["b"]], object)
    return pd.DataFrame({"ts": _times(found["ts"]), "text": texts, "value": _floats(found["c"])})


def _floats(bits: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.ascontiguousarray(bits).view(np.float64)


def _terms(
    first: Rows,
    said: dict[int, Any],
    trigger: npt.NDArray[np.int64],
    instruments: list[Instrument],
) -> tuple[list[str], list[str], list[float], list[int]]:
    """Type, time in force, trigger price and parent of each order; plain ones have no row."""
    kinds, tifs, stops, parents = [], [], [], []
    for row, stop in zip(first, trigger.tolist(), strict=True):
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
        stopped = K.STOP_MARKET <= kind < K.TRAILING_STOP_MARKET and stop > 0
        stops.append(float(stop * price) if stopped else np.nan)
        parents.append(_parent(terms))
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
