"""A run as the data that its plot needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alphaforge.research.run import Run
from alphaforge.units import to_float
from alphaforge.widgets.desk import Fill
from alphaforge.widgets.tearsheet import Run as TearsheetData


def tearsheet_data(run: Run) -> TearsheetData:
    """Bars of the run's first symbol, the equity at each of them, and its fills."""
    own = run.bars["instrument"] == 0
    instrument = run.instruments[0]
    price, lot = instrument.price, instrument.quantity
    columns = {
        name: to_float(run.bars[name][own], price.numerator, price.denominator)
        for name in ("open", "high", "low", "close")
    }
    fills = run.fills[run.fills["instrument"] == instrument.symbol]
    ns = fills["ts"].astype("int64").to_numpy() if len(fills) else np.zeros(0, np.int64)
    return TearsheetData(
        index=run.bars["ts"][own] / 1e6,
        **columns,
        volume=to_float(run.bars["volume"][own], lot.numerator, lot.denominator),
        equity=run.equity.to_numpy()[own],
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


def _axis_decimals(closes: npt.NDArray[np.float64], finest: int) -> int:
    """Decimals that a price axis needs: a tick of 0.0001 says nothing at a price of 500."""
    return min(finest, 2) if closes.size and closes.max() >= 10 else finest
