"""Queue and slippage models calibrated from own fills, with the fit shown.

What a venue did with own orders says which assumption describes it: each model is tried on the
same orders, and the one whose fills are nearest is chosen. The table shows them all, because a
model that wins by a hair has not been found.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.recording import Recording
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.errors import DataError
from alphaforge.instrument import Instrument
from alphaforge.units import ledger_digits
from alphaforge.venue import (
    BasisPointSlippage,
    FrontQueue,
    LogQueue,
    PowerQueue,
    Queue,
    RiskAverseQueue,
    SquareRootSlippage,
    ThroughQueue,
    TickSlippage,
    Venue,
    VolumeShareSlippage,
)

if TYPE_CHECKING:
    import pandas as pd

_NAT = np.iinfo(np.int64).min
POWERS = (0.5, 1.0, 2.0, 3.0, 5.0)
CANDIDATES: tuple[Queue, ...] = (
    ThroughQueue(),
    RiskAverseQueue(),
    *(PowerQueue(n) for n in POWERS),
    LogQueue(),
    FrontQueue(),
)
_QUEUE_COLUMNS = ("ts", "side", "price", "qty", "cancelled", "filled", "ts_filled")
_SLIP_COLUMNS = ("side", "qty", "price", "arrival", "volume")


@dataclass(frozen=True)
class Fit:
    """What was tried, how near each came, and the nearest.

    Attributes
    ----------
    model : the chosen model, to give to ``af.Venue``
    table : DataFrame
        A row a model, nearest first.
    count : int
        Own orders or fills that it rests on.
    note : str
        Which models tied for the nearest; empty where one alone is. ``model`` is then the first of
        them in the table, and no winner.
    """

    model: Any
    table: pd.DataFrame
    count: int
    details: pd.DataFrame = field(repr=False)
    note: str = ""

    def _repr_html_(self) -> str:
        return (
            f"<p>{html.escape(self.note) or repr(self.model)}, from {self.count:,} of our own</p>"
            f"{self.table.to_html(index=False, float_format='{:.6g}'.format, border=0)}"
        )


def fit_queue(
    recording: Recording,
    orders: pd.DataFrame,
    venue: Venue | None = None,
    candidates: tuple[Queue, ...] = CANDIDATES,
) -> Fit:
    """The queue model that fills own resting orders most nearly as the venue did.

    Parameters
    ----------
    recording : Recording
        The market while the orders rested.
    orders : DataFrame
        Own limit orders: ts (when the venue had it), side (+1/-1), price, qty, cancelled (when, or
        NaT), filled (quantity, 0 none), ts_filled (its last fill, or NaT).
    venue : Venue
        Everything else that is assumed of the venue; L2 and no latency by default.

    Returns
    -------
    Fit
        ``table``: model, error (mean difference of the share filled, 0 to 1), seconds (mean
        difference of the last fill's time where both filled), filled (share of all quantity).

    Raises
    ------
    DataError
        For missing columns and for orders outside of the recording.
    """
    import pandas as pd

    if not isinstance(recording, Recording):
        raise DataError(
            "a queue is fitted on a recording of the market, such as af.read_binance(...) gives, "
            f"not on {type(recording).__name__}. Give fit_queue(recording, orders)."
        )
    if venue is not None and not isinstance(venue, Venue):
        raise DataError(f"venue must be af.Venue(...), not {venue!r}. Leave it out.")
    _check_columns(orders, _QUEUE_COLUMNS, "orders")
    _check_orders(orders)
    if not candidates:
        raise DataError("candidates must be queue models, and there are none. Leave them out.")
    base = venue or Venue(depth="L2")
    stream = _with_orders(recording, orders)
    qty = orders["qty"].to_numpy(np.float64)
    ours = orders["filled"].to_numpy(np.float64) / qty
    when = _ns(orders["ts_filled"])
    rows, found = [], {}
    for queue in candidates:
        lots, last = _simulated(recording.instrument, stream, replace(base, queue=queue), qty.size)
        share = lots * float(recording.instrument.quantity) / qty
        both = (share > 0) & (ours > 0)
        late = np.abs(last[both] - when[both]) / 1e9
        rows.append(
            {
                "model": repr(queue),
                "error": float(np.abs(share - ours).mean()),
                "seconds": float(late.mean()) if late.size else np.nan,
                "filled": float((share * qty).sum() / qty.sum()),
            }
        )
        found[repr(queue)] = (queue, share)
    table = pd.DataFrame(rows).sort_values(["error", "seconds"], kind="stable", ignore_index=True)
    best, share = found[table["model"].iloc[0]]
    details = orders.assign(share=ours, simulated=share)
    return Fit(best, table, len(orders), details, _tie(table, "orders"))


def fit_slippage(fills: pd.DataFrame, instrument: Instrument) -> Fit:
    """The slippage model and parameter that own taker fills agree with most nearly.

    Parameters
    ----------
    fills : DataFrame
        side (+1/-1), qty, price, arrival (the price shown when the order was sent), volume (what
        the market traded meanwhile: the bar's, or the touch's size).

    Returns
    -------
    Fit
        Least squares of the cost against each model's form; ``table``: model, parameter, error
        (root mean square, basis points), explained (share of the variance).

    Raises
    ------
    DataError
        For missing columns, and prices or volumes that aren't positive.
    """
    import pandas as pd

    _check_columns(fills, _SLIP_COLUMNS, "fills")
    if not isinstance(instrument, Instrument):
        raise DataError(f"slippage is fitted in ticks of an af.Instrument, not of {instrument!r}.")
    _refuse_rows(~np.isin(fills["side"], (1, -1)), "side of fills must be +1 or -1")
    side, qty, price, arrival, volume = (_numbers(fills, n, "fills") for n in _SLIP_COLUMNS)
    for name, values in zip(_SLIP_COLUMNS[1:], (qty, price, arrival, volume), strict=True):
        _refuse_rows(~np.isfinite(values) | (values <= 0), f"{name} of fills must be positive")
    cost = side * (price - arrival) / arrival
    share = qty / volume
    tick = float(instrument.price)
    forms: dict[Any, npt.NDArray[np.float64]] = {
        TickSlippage: tick / arrival,
        BasisPointSlippage: np.full(cost.size, 1e-4),
        VolumeShareSlippage: share**2,
        SquareRootSlippage: np.sqrt(share),
    }
    spread = float(((cost - cost.mean()) ** 2).sum())
    rows, models = [], {}
    for cls, form in forms.items():
        parameter = max(0.0, float(cost @ form / (form @ form)))
        left = cost - parameter * form
        rows.append(
            {
                "model": cls.__name__,
                "parameter": parameter,
                "error": float(np.sqrt((left**2).mean()) * 1e4),
                "explained": 1.0 - float((left**2).sum()) / spread if spread else np.nan,
            }
        )
        models[cls.__name__] = cls(parameter)
    table = pd.DataFrame(rows).sort_values("error", kind="stable", ignore_index=True)
    details = fills.assign(cost_bps=cost * 1e4)
    best = models[table["model"].iloc[0]]
    return Fit(best, table, len(fills), details, _tie(table, "fills"))


def _tie(table: pd.DataFrame, what: str) -> str:
    """Which models are as near as the first, in words; empty where none is."""
    figure = table[table.columns.intersection(["error", "seconds"])].fillna(-1.0)
    alike = table["model"][(figure == figure.iloc[0]).all(axis=1)]
    if len(alike) < 2:
        return ""
    if len(alike) == len(table):
        return f"tied: these {what} can't tell the models apart"
    return f"tied: {', '.join(alike)}, which these {what} can't tell apart"


def _check_columns(frame: Any, wanted: tuple[str, ...], what: str) -> None:
    missing = [name for name in wanted if name not in getattr(frame, "columns", ())]
    if missing or not len(frame):
        raise DataError(
            f"{what} need rows with the columns {', '.join(wanted)}; "
            f"missing: {', '.join(missing) or 'rows'}."
        )


def _numbers(frame: pd.DataFrame, name: str, what: str) -> npt.NDArray[np.float64]:
    try:
        return np.ascontiguousarray(frame[name], np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name} of {what} must be numbers: {error}. Convert it: pandas.to_numeric(...)."
        ) from None


def _refuse_rows(wrong: npt.NDArray[np.bool_], what: str) -> None:
    rows = np.flatnonzero(wrong)
    if rows.size:
        raise DataError(
            f"{what}, and isn't in row {int(rows[0])} ({rows.size} such rows). Leave those out."
        )


def _check_orders(orders: pd.DataFrame) -> None:
    """Own orders make sense by themselves, before anything is simulated."""
    _refuse_rows(~np.isin(orders["side"], (1, -1)), "side of orders must be +1 or -1")
    qty, filled = (_numbers(orders, name, "orders") for name in ("qty", "filled"))
    _refuse_rows(~np.isfinite(qty) | (qty <= 0), "qty of orders must be positive")
    _refuse_rows(~((filled >= 0) & (filled <= qty)), "filled of orders must be from 0 to qty")
    placed, gone, last = (_ns(orders[name]) for name in ("ts", "cancelled", "ts_filled"))
    there = gone != _NAT
    _refuse_rows(placed == _NAT, "ts of orders must be given")
    _refuse_rows(there & (gone < placed), "cancelled of orders must be after ts")
    _refuse_rows((filled > 0) & (last < placed), "ts_filled of orders must be given where filled")


def _ns(times: Any) -> npt.NDArray[np.int64]:
    import pandas as pd

    try:
        stamps = pd.DatetimeIndex(pd.to_datetime(times, utc=True, format="ISO8601")).as_unit("ns")
    except (TypeError, ValueError) as error:
        raise DataError(
            f"times must be datetimes: {error}. Convert them: pandas.to_datetime(times, utc=True)."
        ) from None
    return np.ascontiguousarray(stamps.asi8)


def _with_orders(recording: Recording, orders: pd.DataFrame) -> npt.NDArray[np.uint8]:
    """The recording's messages with own orders and cancels among them, by time."""
    events = recording.events.copy()
    events["instrument"] = 0
    i = recording.instrument
    placed, gone = _ns(orders["ts"]), _ns(orders["cancelled"])
    if not events.size or placed.min() < events["ts"][0] or placed.max() > events["ts"][-1]:
        raise DataError(
            "orders must lie within the recording's time. Give those that it covers: "
            "recording.window(start, stop)."
        )
    messages: list[tuple[int, int, bytes]] = []
    for n, row in enumerate(orders.itertuples()):
        one = np.zeros(1, M.SUBMIT_SLOTS)
        head = one[0]
        head["kind"], head["ts"], head["order_id"] = M.SUBMIT, placed[n], K.HOST_ID + n
        head["side"], head["type"] = row.side, K.LIMIT_ORDER
        head["qty"], head["price"] = i.qty_lots(row.qty), i.price_ticks(row.price)
        messages.append((int(placed[n]), 2 * n, one.tobytes()))
        if gone[n] > 0:
            off = np.zeros(1, M.SLOT)
            off["kind"], off["ts"], off["a"] = M.CANCEL, gone[n], K.HOST_ID + n
            messages.append((int(gone[n]), 2 * n + 1, off.tobytes()))
    raw = events.view(np.uint8).tobytes()
    pieces, done = [], 0
    for ts, _, message in sorted(messages):
        at = int(np.searchsorted(events["ts"], ts, side="right")) * M.SLOT_BYTES
        pieces += [raw[done:at], message]
        done = at
    return np.frombuffer(b"".join([*pieces, raw[done:]]), np.uint8)


def _simulated(
    instrument: Instrument, stream: npt.NDArray[np.uint8], venue: Venue, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lots filled of each order, and when its last fill was (ns UTC)."""
    levels = 1 << 14 if venue.depth != "L1" else 1024
    orders = 1 << max(12, int(count).bit_length() + 1)
    capacities = L.Capacities(levels=levels, orders=orders, queued=1 << 16, far=1 << 15)
    rows_kept = 1 << (capacities.event_rows + (1 << 16)).bit_length()
    plenty = float(2**60 // 10 ** ledger_digits(instrument.currency))
    engine = Engine(
        instrument.currency, plenty, venue=venue, capacities=capacities, journal_rows=rows_kept
    )
    engine.add_instrument(instrument)
    rows: list[npt.NDArray[Any]] = []
    taken = 0

    def drain() -> None:
        nonlocal taken
        found = engine.journal.copy(taken, engine.journal.written)
        taken = engine.journal.written
        rows.append(found[found["kind"] == M.FILL_ROW])

    engine.run(stream, np.zeros(1, np.int64), drain)
    fills = np.concatenate(rows)
    lots, last = np.zeros(count, np.int64), np.zeros(count, np.int64)
    at = fills["a"] - K.HOST_ID
    np.add.at(lots, at, np.abs(fills["b"]))
    np.maximum.at(last, at, fills["ts"])
    return lots, last
