"""The history: one DuckDB file of instruments, bars, trades, quotes, actions, runs and journals."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import numpy.typing as npt

from alphaforge.data.bars import aggregate_bars, bars_of_trades
from alphaforge.data.check import bar_columns, trade_columns
from alphaforge.engine import layout as L
from alphaforge.engine.bars import pack_bars
from alphaforge.errors import DataError, InstrumentError, StoreError, did_you_mean
from alphaforge.instrument import Instrument
from alphaforge.units import ledger_digits, parse_interval, to_float

if TYPE_CHECKING:
    import pandas as pd

_SCHEMA = Path(__file__).with_name("schema.sql")
_VERSION = 1
BAR_COLUMNS = ("ts_open", "ts", "open", "high", "low", "close", "volume")
Columns = dict[str, npt.NDArray[Any]]


class History:
    """The history file. One process writes it; others ask that process.

    Parameters
    ----------
    path : str
        A file, made where it is missing, or ``":memory:"``.

    Raises
    ------
    StoreError
        Where another process holds the file (named by its pid), or it isn't ours.
    """

    def __init__(self, path: str = "alphaforge.duckdb") -> None:
        self.path = path
        self._lock = threading.RLock()
        self._writing = False
        self._db = _open(path)
        self._instruments: dict[str, tuple[int, Instrument]] = {}
        with self._lock:
            self._db.execute(_SCHEMA.read_text())
            self._check_version()
            self._load_instruments()

    def _check_version(self) -> None:
        found = self._db.execute("SELECT max(version) FROM store.version").fetchone()
        version = found[0] if found else None
        if version is None:
            self._db.execute("INSERT INTO store.version VALUES (?)", [_VERSION])
        elif version > _VERSION:
            raise StoreError(
                f"{self.path} has schema version {version}, this AlphaForge knows {_VERSION}. "
                "Open it with the newer AlphaForge that wrote it."
            )

    def _load_instruments(self) -> None:
        self._instruments.clear()
        names = "symbol, tick, lot, currency, multiplier, base, venue, kind, calendar, simulated"
        for row in self._db.execute(f"SELECT id, {names} FROM store.instruments").fetchall():
            self._instruments[row[1]] = (row[0], Instrument(*row[1:]))

    # --- instruments ----------------------------------------------------------------------------

    def add_instrument(self, instrument: Instrument) -> None:
        """Add an instrument, or change one that has no data yet.

        Raises
        ------
        InstrumentError
            Where the tick or lot of one with data would change: stored integers would lie.
        """
        known = self._instruments.get(instrument.symbol)
        if known is not None and known[1] == instrument:
            return
        same = known is not None and _same_scale(known[1], instrument)
        if known is not None and not same and self._has_data(known[0]):
            raise InstrumentError(
                f"{instrument.symbol} has data on tick {known[1].tick} and lot {known[1].lot}; "
                f"they can't change to {instrument.tick} and {instrument.lot}. Use another symbol."
            )
        id_ = known[0] if known is not None else len(self._instruments)
        price, lot = instrument.price, instrument.quantity
        row = [id_, *(getattr(instrument, name) for name in instrument.__dataclass_fields__)]
        row += [price.numerator, price.denominator, lot.numerator, lot.denominator]
        row.append(10 ** ledger_digits(instrument.currency))
        marks = ", ".join("?" * len(row))
        columns = (
            "id, symbol, tick, lot, currency, multiplier, base, venue, kind, calendar, simulated"
        )
        with self._lock:
            self._db.execute(
                f"INSERT OR REPLACE INTO store.instruments ({columns}, price_num, price_den, "
                f"lot_num, lot_den, ledger) VALUES ({marks})",
                row,
            )
        self._instruments[instrument.symbol] = (id_, instrument)

    def _has_data(self, id_: int) -> bool:
        tables = ("bars", "trades", "quotes", "orders", "fills")
        parts = (f"EXISTS (SELECT 1 FROM store.{t} WHERE instrument = $1)" for t in tables)
        with self._lock:
            found = self._db.execute(f"SELECT {' OR '.join(parts)}", [id_]).fetchone()
        return bool(found and found[0])

    def add_session_instrument(self, instrument: Instrument) -> None:
        """Add what a simulated session trades, beside a real instrument of the same symbol.

        Where the symbol is taken by one that isn't simulated, or by other scales that have data,
        the session's orders and fills are stored as ``SYMBOL.SIM``.
        """
        self.add_instrument(replace(instrument, symbol=self._session_symbol(instrument)))

    def _session_symbol(self, instrument: Instrument) -> str:
        known = self._instruments.get(instrument.symbol)
        ours = known is None or (known[1].simulated and _same_scale(known[1], instrument))
        return instrument.symbol if ours else f"{instrument.symbol}.SIM"

    def session_id(self, instrument: Instrument) -> int:
        """The id that stored rows of a session's instrument carry."""
        return self._known(self._session_symbol(instrument))[0]

    @property
    def symbols(self) -> list[str]:
        """Known symbols, sorted."""
        return sorted(self._instruments)

    def instrument(self, symbol: str) -> Instrument:
        """An instrument by symbol.

        Raises
        ------
        InstrumentError
            With the nearest known symbol.
        """
        return self._known(symbol)[1]

    def _known(self, symbol: str) -> tuple[int, Instrument]:
        found = self._instruments.get(symbol)
        if found is None:
            raise InstrumentError(
                f"no instrument {symbol!r}. {did_you_mean(symbol, self._instruments)}"
            )
        return found

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
        id_, instrument = self._known(symbol)
        columns = bar_columns(_frame(frame), instrument, parse_interval(spec), open_time)
        table = {"instrument": np.full(columns["ts"].size, id_, np.int32), **columns}
        with self.transaction(), self._incoming(table):
            self._db.execute(
                "DELETE FROM store.bars WHERE instrument = ? AND spec = ? "
                "AND ts IN (SELECT ts FROM incoming)",
                [id_, spec],
            )
            self._db.execute(
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
        """
        id_, instrument = self._known(symbol)
        columns = trade_columns(_frame(frame), instrument)
        if not columns["ts"].size:
            return 0
        first, last = int(columns["ts"][0]), int(columns["ts"][-1])
        with self.transaction():
            new = self._not_stored(id_, columns, (first, last))
            table = {name: values[new] for name, values in columns.items()}
            table["instrument"] = np.full(int(new.sum()), id_, np.int32)
            self._db.execute(
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
        found = self._db.execute(
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

    def write_action(self, symbol: str, when: int, numerator: int, denominator: int) -> None:
        """Store a split: ``numerator`` shares for ``denominator``, from ``when`` (ns UTC) on."""
        id_, _ = self._known(symbol)
        if numerator < 1 or denominator < 1:
            raise DataError(
                f"split of {symbol} must be a ratio like 2 for 1, not {numerator}:{denominator}."
            )
        with self.transaction():
            self._db.execute(
                "DELETE FROM store.actions WHERE instrument = ? AND ts = ?", [id_, when]
            )
            self._db.execute(
                "INSERT INTO store.actions VALUES (?, ?, 'split', ?, ?)",
                [id_, when, numerator, denominator],
            )

    def append(self, table: str, columns: Columns) -> None:
        """Append rows to one of the store's tables, columns by name."""
        with self._lock, self._incoming(columns):
            self._db.execute(f"INSERT INTO store.{table} BY NAME SELECT * FROM incoming")

    def execute(self, statement: str, parameters: Any = None) -> None:
        """Run a statement that gives nothing back."""
        with self._lock:
            self._db.execute(statement, parameters)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within, or nothing where it raises; an inner one joins the outer."""
        with self._lock:
            if self._writing:
                yield
                return
            self._db.execute("BEGIN")
            self._writing = True
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                self._load_instruments()
                raise
            finally:
                self._writing = False

    @contextlib.contextmanager
    def _incoming(self, columns: Columns) -> Iterator[None]:
        """Columns as the table ``incoming``, without copying them."""
        self._db.register("incoming", _arrow(columns))
        try:
            yield
        finally:
            self._db.unregister("incoming")

    def load_samples(self) -> None:
        """Real data without a network: five stocks daily with their splits, and ECB rates."""
        from alphaforge.data.samples import load_samples

        load_samples(self)

    # --- reading --------------------------------------------------------------------------------

    def bar_columns(self, symbol: str, spec: str) -> Columns:
        """Bars as int64 columns: ``BAR_COLUMNS``, ticks and lots, oldest first.

        Stored bars of that spec; else built from stored trades, else from smaller stored bars.

        Raises
        ------
        DataError
            Where nothing stored can make them, with the specs that are stored.
        """
        id_, _ = self._known(symbol)
        interval = parse_interval(spec)
        stored = self._bars(id_, spec)
        if stored["ts"].size:
            return stored
        trades = self.trade_columns(symbol)
        if trades["ts"].size:
            return bars_of_trades(trades, interval)
        smaller = [s for s in self.specs(symbol) if interval % parse_interval(s) == 0]
        if smaller:
            return aggregate_bars(self._bars(id_, max(smaller, key=parse_interval)), interval)
        have = self.specs(symbol)
        raise DataError(
            f"no {spec} bars of {symbol}, and nothing stored that could make them. "
            + (
                f"Stored specs: {', '.join(have)}."
                if have
                else "Write some with lab.history.write_bars(...)."
            )
        )

    def _bars(self, id_: int, spec: str) -> Columns:
        names = ", ".join(BAR_COLUMNS)
        with self._lock:
            found = self._db.execute(
                f"SELECT {names} FROM store.bars WHERE instrument = ? AND spec = ? ORDER BY ts",
                [id_, spec],
            ).fetchnumpy()
        return {name: np.ascontiguousarray(found[name], np.int64) for name in BAR_COLUMNS}

    def trade_columns(self, symbol: str) -> Columns:
        """Trades as int64 columns ts, price, size, side: ns, ticks, lots; oldest first."""
        id_, _ = self._known(symbol)
        with self._lock:
            found = self._db.execute(
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
        with self._lock:
            found = self._db.execute(
                "SELECT ts, numerator, denominator FROM store.actions WHERE instrument = ? "
                "ORDER BY ts",
                [id_],
            ).fetchnumpy()
        return {
            k: np.ascontiguousarray(found[k], np.int64) for k in ("ts", "numerator", "denominator")
        }

    def specs(self, symbol: str) -> list[str]:
        """Bar specs stored of a symbol, shortest first."""
        id_, _ = self._known(symbol)
        with self._lock:
            rows = self._db.execute(
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

    def bar_events(
        self, symbol: str, spec: str, index: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Bars and splits of a symbol as engine messages, each in time order.

        Returns
        -------
        bars : BAR_SLOTS array
        actions : SLOT array
        """
        columns = self.bar_columns(symbol, spec)
        bars = np.empty(columns["ts"].size, L.BAR_SLOTS)
        addresses = np.array([columns[name].ctypes.data for name in BAR_COLUMNS], np.int64)
        pack_bars(bars.ctypes.data, bars.size, addresses.ctypes.data, index, parse_interval(spec))
        splits = self.action_columns(symbol)
        actions = np.zeros(splits["ts"].size, L.SLOT)
        actions["kind"], actions["instrument"], actions["ts"] = L.ACTION, index, splits["ts"]
        actions["a"], actions["b"] = splits["numerator"], splits["denominator"]
        return bars, actions

    def sql(self, query: str, parameters: Any = None) -> pd.DataFrame:
        """Any query over the history, as a DataFrame."""
        with self._lock:
            try:
                return self._db.execute(query, parameters).df()
            except duckdb.Error as error:
                raise StoreError(f"{error}") from None

    def close(self) -> None:
        """Write everything out and give the file back."""
        with self._lock:
            self._db.close()


def _open(path: str) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(
            path, config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
    except duckdb.IOException as error:
        holder = re.search(r"PID (\d+)", str(error))
        if holder:
            raise StoreError(
                f"{path} is held by another process, pid {holder.group(1)}. "
                "Close that lab (or its kernel), or open another file: Lab('other.duckdb')."
            ) from None
        raise StoreError(
            f"{path} can't be opened: {error}. Give a path that can be written."
        ) from None


def _same_scale(left: Instrument, right: Instrument) -> bool:
    return left.price == right.price and left.quantity == right.quantity


def _frame(frame: Any) -> Any:
    """A DataFrame, read from a Parquet file where a path is given."""
    if isinstance(frame, (str, Path)):
        import pandas as pd

        if not Path(frame).exists():
            raise DataError(f"no file {frame}. Give a DataFrame or the path of a Parquet file.")
        return pd.read_parquet(frame)
    return frame


def _arrow(columns: Columns) -> Any:
    import pyarrow as pa

    return pa.table({name: pa.array(values) for name, values in columns.items()})
