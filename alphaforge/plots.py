"""A run as the data that its plot needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.data.bars import bars_of_trades
from alphaforge.engine import messages as M
from alphaforge.errors import DataError
from alphaforge.research.run import Run
from alphaforge.units import SECOND, to_float
from alphaforge.widgets.desk import Fill
from alphaforge.widgets.tearsheet import Run as TearsheetData

_CANDLES = 600


def tearsheet_data(run: Run) -> TearsheetData:
    """Bars of the run's first symbol, the equity at each of them, and its fills."""
    instrument = run.instruments[0]
    price, lot = instrument.price, instrument.quantity
    bars, equity = _bars(run)
    columns = {
        name: to_float(bars[name], price.numerator, price.denominator)
        for name in ("open", "high", "low", "close")
    }
    fills = run.fills[run.fills["instrument"] == instrument.symbol]
    ns = fills["ts"].astype("int64").to_numpy() if len(fills) else np.zeros(0, np.int64)
    return TearsheetData(
        index=bars["ts"] / 1e6,
        **columns,
        volume=to_float(bars["volume"], lot.numerator, lot.denominator),
        equity=equity,
        fills=[
            Fill(
                ts_ms=ns[n] / 1e6,
                symbol=row.instrument,
                side=row.side,
                qty=row.qty,
                price=row.price,
                fee=row.fee,
                order_id=row.order_id,
                liquidity=row.liquidity,
            )
            for n, row in enumerate(fills.itertuples())
        ],
        title=f"{run.strategy!r} · {instrument.symbol} {run.spec}",
        price_decimals=_axis_decimals(columns["close"], instrument.price_decimals),
    )


def _bars(run: Run) -> tuple[Any, npt.NDArray[np.float64]]:
    """Bars to draw and the equity at each: a run's own, or those of its recording's trades."""
    if run.recording is None:
        own = run.bars["instrument"] == 0
        return run.bars[own], run.equity.to_numpy()[own]
    events = run.recording.events
    trades = events[events["kind"] == M.TRADE]
    if not trades.size:
        raise DataError("this recording has no trades, so there are no bars to draw its run over.")
    span = int(trades["ts"][-1] - trades["ts"][0])
    columns = {"ts": "ts", "price": "a", "size": "b", "side": "d"}
    arrays = {name: np.ascontiguousarray(trades[field]) for name, field in columns.items()}
    bars = bars_of_trades(arrays, max(SECOND, span // _CANDLES // SECOND * SECOND))
    times = run.equity.index.as_unit("ns").asi8
    at = np.searchsorted(times, bars["ts"], side="right") - 1
    equity = np.where(at >= 0, run.equity.to_numpy()[np.clip(at, 0, None)], run.cash)
    return bars, equity


def _axis_decimals(closes: npt.NDArray[np.float64], finest: int) -> int:
    """Decimals that a price axis needs: a tick of 0.0001 says nothing at a price of 500."""
    return min(finest, 2) if closes.size and closes.max() >= 10 else finest
