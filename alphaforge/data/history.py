"""The history: one DuckDB file of instruments, bars, trades, quotes, actions, runs and journals."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import numpy.typing as npt

from alphaforge.data.bars import aggregate_bars, bars_of_trades, held_inside
from alphaforge.data.check import (
    GREEKS,
    bar_columns,
    greek_columns,
    read_frame,
    time_text,
    trade_columns,
)
from alphaforge.data.instruments import (
    check_instrument,
    has_data,
    same_scale,
    store_instrument,
    stored_instruments,
)
from alphaforge.data.store import Store
from alphaforge.data.synthetic import synthetic_bars
from alphaforge.engine import messages as M
from alphaforge.engine.bars import pack_bars
from alphaforge.errors import DataError, InstrumentError, did_you_mean
from alphaforge.instrument import Instrument
from alphaforge.units import (
    format_interval,
    parse_interval,
    to_float,
    to_ns,
)

if TYPE_CHECKING:
    import pandas as pd

_MOST_SHARES = 10**6
BAR_COLUMNS = ("ts_open", "ts", "open", "high", "low", "close", "volume")
Columns = dict[str, npt.NDArray[Any]]


class History(Store):
    """The history file. One process writes it; others ask that process.

    Parameters
    ----------
    path : str
        A file, made where it is missing, or ``":memory:"``.

    Raises
    ------
    StoreError
        Where another process holds the file (named by its pid), or it isn't ours; and from every
        call after ``close``.
    """

    def __init__(self, path: str = "alphaforge.duckdb") -> None:
        self._instruments: dict[str, tuple[int, Instrument]] = {}
        super().__init__(path)

    def _load(self, db: duckdb.DuckDBPyConnection) -> None:
        self._instruments.clear()
        for id_, instrument in stored_instruments(db):
            self._instruments[instrument.symbol] = (id_, instrument)

    # --- instruments ----------------------------------------------------------------------------

    def add_instrument(self, instrument: Instrument) -> None:
        """Add an instrument, or change one that has no data yet.

        Raises
        ------
        InstrumentError
            Where the tick or lot of one with data would change: stored integers would lie.
        """
        check_instrument(instrument)
        with self._using() as db:  # two threads that add must not take the same id
            known = self._instruments.get(instrument.symbol)
            if known is not None and known[1] == instrument:
                return
            if (
                known is not None
                and not same_scale(known[1], instrument)
                and has_data(db, known[0])
            ):
                raise InstrumentError(
                    f"{instrument.symbol} has data on tick {known[1].tick} and lot {known[1].lot}; "
                    f"they can't change to {instrument.tick} and {instrument.lot}. "
                    "Use another symbol."
                )
            id_ = known[0] if known is not None else len(self._instruments)
            store_instrument(db, id_, instrument)
            self._instruments[instrument.symbol] = (id_, instrument)

    def add_session_instrument(self, instrument: Instrument) -> None:
        """Add what a simulated session trades, beside a real instrument of the same symbol.

        Where the symbol is taken by one that isn't simulated, or by other scales that have data,
        the session's orders and fills are stored as ``SYMBOL.SIM``.
        """
        self.add_instrument(replace(instrument, symbol=self._session_symbol(instrument)))

    def _session_symbol(self, instrument: Instrument) -> str:
        check_instrument(instrument)
        known = self._instruments.get(instrument.symbol)
        ours = known is None or (known[1].simulated and same_scale(known[1], instrument))
        return instrument.symbol if ours else f"{instrument.symbol}.SIM"

    def session_id(self, instrument: Instrument) -> int:
        """The id that stored rows of a session's instrument carry."""
        return self._known(self._session_symbol(instrument))[0]

    @property
    def symbols(self) -> list[str]:
        """Known symbols, sorted."""
        self._check_open()
        return sorted(self._instruments)

    def instrument(self, symbol: str) -> Instrument:
        """An instrument by symbol.

        Raises
        ------
        InstrumentError
            With the nearest known symbol.
        """
        return self._known(symbol)[1]

    def _known(self, symbol: Any) -> tuple[int, Instrument]:
        self._check_open()
        if not isinstance(symbol, str):
            raise InstrumentError(f"a symbol must be a name, not {symbol!r}. Give one like 'AAPL'.")
        found = self._instruments.get(symbol)
        if found is None:
            raise InstrumentError(
                f"no instrument {symbol!r}. {did_you_mean(symbol, self._instruments)}"
            )
        return found

    def _kept(self, symbol: Any) -> tuple[int, Instrument]:
        """A symbol whose own data is stored: not one that is made of others."""
        id_, instrument = self._known(symbol)
        if instrument.kind == "synthetic":
            raise InstrumentError(
                f"{symbol} is synthetic: its bars are computed from those of "
                f"{', '.join(instrument.legs)}. Write theirs."
            )
        return id_, instrument

    def instrument_id(self, symbol: str) -> int:
        """The id that stored rows carry."""
        return self._known(symbol)[0]

    # --- writing --------------------------------------------------------------------------------

    def write_bars(self, symbol: str, spec: str, frame: Any, open_time: Any = None) -> int:
        """Store bars; a bar of the same close time is replaced, so writing twice changes nothing.

        Parameters
        ----------
        frame : DataFrame, or path of a Parquet file
            Columns open, high, low, close, volume; index (or column ``ts``) the close time, UTC.
        open_time : array of datetime64 or int64 ns, optional
            Open times; close time minus the spec's length by default.

        Returns
        -------
        int
            Bars written.

        Raises
        ------
        DataError
            For NaN, negative, unsorted or duplicate rows, prices off the tick (named, with the
            smallest tick that fits); nothing is written then.
        """
        id_, instrument = self._kept(symbol)
        interval = parse_interval(spec)
        spec = format_interval(interval)  # 60s is 1m: one length is one store
        columns = bar_columns(read_frame(frame, "bars"), instrument, interval, open_time)
        table = {"instrument": np.full(columns["ts"].size, id_, np.int32), **columns}
        with self.transaction(), self._incoming(table) as db:
            db.execute(
                "DELETE FROM store.bars WHERE instrument = ? AND spec = ? "
                "AND ts IN (SELECT ts FROM incoming)",
                [id_, spec],
            )
            db.execute(
                "INSERT INTO store.bars SELECT instrument, ?, ts_open, ts, open, high, low, "
                "close, volume FROM incoming",
                [spec],
            )
        return int(columns["ts"].size)

    def write_trades(self, symbol: str, frame: Any) -> int:
        """Store trades of a time range; stored ones within it are replaced.

        At the first and the last time of the frame stored trades stay, and equal ones are not
        stored again: a file may be written in pieces, and a piece written twice.

        Parameters
        ----------
        frame : DataFrame, or path of a Parquet file
            Columns price, size, side (+1, -1, 0); index (or column ``ts``) the event time, UTC.

        Raises
        ------
        DataError
            As ``write_bars``; nothing is written then.
        """
        id_, instrument = self._kept(symbol)
        columns = trade_columns(read_frame(frame, "trades"), instrument)
        if not columns["ts"].size:
            return 0
        first, last = int(columns["ts"][0]), int(columns["ts"][-1])
        with self.transaction(), self._using() as db:
            new = self._not_stored(id_, columns, (first, last))
            table = {name: values[new] for name, values in columns.items()}
            table["instrument"] = np.full(int(new.sum()), id_, np.int32)
            db.execute(
                "DELETE FROM store.trades WHERE instrument = ? AND ts > ? AND ts < ?",
                [id_, first, last],
            )
            self.append("trades", table)
        return int(columns["ts"].size)

    def _not_stored(
        self, id_: int, columns: Columns, times: tuple[int, ...]
    ) -> npt.NDArray[np.bool_]:
        """Which trades are to be stored: at ``times`` not those that are there already."""
        names = ("ts", "price", "size", "side")
        with self._using() as db:
            found = db.execute(
                f"SELECT {', '.join(names)} FROM store.trades "
                "WHERE instrument = ? AND list_contains(?, ts)",
                [id_, list(times)],
            ).fetchall()
        stored = Counter(found)
        new = np.ones(columns["ts"].size, bool)
        for n in np.flatnonzero(np.isin(columns["ts"], times)).tolist() if stored else ():
            row = tuple(int(columns[name][n]) for name in names)
            if stored[row] > 0:
                stored[row] -= 1
                new[n] = False
        return new

    def write_action(self, symbol: str, when: Any, numerator: int, denominator: int) -> None:
        """Store a split: ``numerator`` shares for ``denominator``, from ``when`` on.

        Parameters
        ----------
        when : datetime, Timestamp, datetime64, ISO string or int64 ns, UTC
            Between two bars: the open of the first session at the new price.

        Raises
        ------
        DataError
            For no time, and for what isn't a ratio of whole numbers.
        """
        id_, _ = self._kept(symbol)
        ts = to_ns(when)
        ratio: list[Any] = [numerator, denominator]
        whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in ratio)
        if not whole or not all(0 < n <= _MOST_SHARES for n in ratio):
            raise DataError(
                f"split of {symbol} must be a ratio of whole numbers like 2 for 1, not "
                f"{numerator!r} for {denominator!r}. Write 3 for 2 instead of 1.5."
            )
        with self.transaction(), self._using() as db:
            db.execute("DELETE FROM store.actions WHERE instrument = ? AND ts = ?", [id_, ts])
            db.execute(
                "INSERT INTO store.actions VALUES (?, ?, 'split', ?, ?)",
                [id_, ts, int(numerator), int(denominator)],
            )

    def write_greeks(self, symbol: str, frame: Any) -> int:
        """Store what somebody's model says of an option; a row of the same time is replaced.

        Parameters
        ----------
        frame : DataFrame, or path of a Parquet file
            Some or all of the columns price, iv, delta, gamma, vega, theta, rho, underlying, as
            their source has them (NaN unknown); index (or column ``ts``) the time, UTC.

        Returns
        -------
        int
            Rows written.

        Raises
        ------
        InstrumentError
            Where it is no option.
        DataError
            For unknown columns, unsorted times, and numbers that can't be; nothing is written.
        """
        id_, instrument = self._known(symbol)
        columns = greek_columns(read_frame(frame, "greeks"), instrument)
        table = {"instrument": np.full(columns["ts"].size, id_, np.int32), **columns}
        with self.transaction(), self._incoming(table) as db:
            db.execute(
                "DELETE FROM store.greeks WHERE instrument = ? AND ts IN (SELECT ts FROM incoming)",
                [id_],
            )
            db.execute("INSERT INTO store.greeks BY NAME SELECT * FROM incoming")
        return int(columns["ts"].size)

    def load_samples(self) -> None:
        """Real data without a network: five stocks daily with their splits, and ECB rates."""
        from alphaforge.data.samples import load_samples

        load_samples(self)

    # --- reading --------------------------------------------------------------------------------

    def bar_columns(self, symbol: str, spec: str) -> Columns:
        """Bars as int64 columns: ``BAR_COLUMNS``, ticks and lots, oldest first.

        Stored bars of that spec; else built from stored trades, else from smaller stored bars.
        Where it builds them, a bar ends and the next begins at a split. Those of a synthetic
        instrument are computed from its legs' bars, see ``synthetic_bars``.

        Raises
        ------
        DataError
            Where nothing stored can make them, with the specs that are stored.
        """
        id_, instrument = self._known(symbol)
        if instrument.kind == "synthetic":
            return self._synthetic(instrument, spec)
        interval = parse_interval(spec)
        spec = format_interval(interval)
        stored = self._bars(id_, spec)
        if stored["ts"].size:
            return stored
        trades, cuts = self.trade_columns(symbol), self.action_columns(symbol)["ts"]
        if trades["ts"].size:
            return bars_of_trades(trades, interval, cuts)
        have = self.specs(symbol)
        smaller = [s for s in have if interval % parse_interval(s) == 0]
        if smaller:
            return aggregate_bars(self._bars(id_, smaller[-1]), interval, cuts)
        raise DataError(
            f"no {spec} bars of {symbol}, and nothing stored that could make them. "
            + (
                f"Stored specs: {', '.join(have)}."
                if have
                else "Write some with lab.history.write_bars(...)."
            )
        )

    def _synthetic(self, made: Instrument, spec: str) -> Columns:
        legs = []
        for symbol, weight in made.weights.items():
            leg = self._instruments.get(symbol, (0, None))[1]
            if leg is None:
                raise InstrumentError(
                    f"{made.symbol} is made of {symbol!r}, which isn't known. "
                    f"{did_you_mean(symbol, self._instruments)}"
                )
            if leg.kind == "synthetic" or leg.currency != made.currency:
                raise InstrumentError(
                    f"{made.symbol} in {made.currency} can't be made of {symbol}, of kind "
                    f"{leg.kind} in {leg.currency}. Its legs must trade, in its own currency."
                )
            legs.append((leg, weight, self.bar_columns(symbol, spec)))
        return synthetic_bars(made, legs)

    def _bars(self, id_: int, spec: str) -> Columns:
        names = ", ".join(BAR_COLUMNS)
        with self._using() as db:
            found = db.execute(
                f"SELECT {names} FROM store.bars WHERE instrument = ? AND spec = ? ORDER BY ts",
                [id_, spec],
            ).fetchnumpy()
        return {name: np.ascontiguousarray(found[name], np.int64) for name in BAR_COLUMNS}

    def trade_columns(self, symbol: str) -> Columns:
        """Trades as int64 columns ts, price, size, side: ns, ticks, lots; oldest first."""
        id_, _ = self._known(symbol)
        with self._using() as db:
            found = db.execute(
                "SELECT ts, price, size, side FROM store.trades WHERE instrument = ? "
                "ORDER BY ts, rowid",
                [id_],
            ).fetchnumpy()
        return {
            name: np.ascontiguousarray(found[name], np.int64)
            for name in ("ts", "price", "size", "side")
        }

    def action_columns(self, symbol: str) -> Columns:
        """Splits as int64 columns ts, numerator, denominator; oldest first."""
        id_, _ = self._known(symbol)
        with self._using() as db:
            found = db.execute(
                "SELECT ts, numerator, denominator FROM store.actions WHERE instrument = ? "
                "ORDER BY ts",
                [id_],
            ).fetchnumpy()
        return {
            k: np.ascontiguousarray(found[k], np.int64) for k in ("ts", "numerator", "denominator")
        }

    def specs(self, symbol: str) -> list[str]:
        """Bar specs stored of a symbol, or of all legs of a synthetic one; shortest first."""
        id_, instrument = self._known(symbol)
        if instrument.legs:
            shared = set.intersection(*(set(self.specs(leg)) for leg in instrument.legs))
            return sorted(shared, key=parse_interval)
        with self._using() as db:
            rows = db.execute(
                "SELECT DISTINCT spec FROM store.bars WHERE instrument = ?", [id_]
            ).fetchall()
        return sorted((row[0] for row in rows), key=parse_interval)

    def bars(self, symbol: str, spec: str) -> pd.DataFrame:
        """Bars as a DataFrame: float64 prices and volume; index the close time, UTC."""
        import pandas as pd

        columns = self.bar_columns(symbol, spec)
        instrument = self.instrument(symbol)
        price, lot = instrument.price, instrument.quantity
        data = {
            n: to_float(columns[n], price.numerator, price.denominator) for n in BAR_COLUMNS[2:6]
        }
        data["volume"] = to_float(columns["volume"], lot.numerator, lot.denominator)
        index = pd.DatetimeIndex(columns["ts"].astype("datetime64[ns]"), tz="UTC", name="ts")
        return pd.DataFrame(data, index=index)

    def greeks(self, symbol: str) -> pd.DataFrame:
        """What ``write_greeks`` stored: float64 columns, NaN unknown; index the time, UTC."""
        import pandas as pd

        id_, _ = self._known(symbol)
        with self._using() as db:
            found = db.execute(
                f"SELECT ts, {', '.join(GREEKS)} FROM store.greeks WHERE instrument = ? "
                "ORDER BY ts",
                [id_],
            ).fetchnumpy()
        ts = np.ascontiguousarray(found["ts"], np.int64).astype("datetime64[ns]")
        index = pd.DatetimeIndex(ts, tz="UTC", name="ts")
        return pd.DataFrame({n: np.ma.filled(found[n], np.nan) for n in GREEKS}, index=index)

    def bar_events(
        self, symbol: str, spec: str, index: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Bars and splits of a symbol as engine messages, each in time order.

        Returns
        -------
        bars : BAR_SLOTS array
        actions : SLOT array

        Raises
        ------
        DataError
            As ``bar_columns``, and where a bar holds prices of both sides of a split.
        """
        columns, splits = self.bar_columns(symbol, spec), self.action_columns(symbol)
        inside = splits["ts"][held_inside(columns, splits["ts"])]
        if inside.size:
            at = int(np.searchsorted(columns["ts"], inside[0], side="right"))
            opened, closed, split = (
                time_text(ts) for ts in (columns["ts_open"][at], columns["ts"][at], inside[0])
            )
            raise DataError(
                f"the {spec} bar of {symbol} from {opened} to {closed} holds prices of both sides "
                f"of its split at {split}. Use shorter bars, or store the split between two bars."
            )
        bars = np.empty(columns["ts"].size, M.BAR_SLOTS)
        addresses = np.array([columns[name].ctypes.data for name in BAR_COLUMNS], np.int64)
        pack_bars(bars.ctypes.data, bars.size, addresses.ctypes.data, index, parse_interval(spec))
        actions = np.zeros(splits["ts"].size, M.SLOT)
        actions["kind"], actions["instrument"], actions["ts"] = M.ACTION, index, splits["ts"]
        actions["a"], actions["b"] = splits["numerator"], splits["denominator"]
        return bars, actions
