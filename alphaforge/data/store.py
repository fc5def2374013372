"""The history's file: one connection that writes, and one of its own for each query."""

from __future__ import annotations

import abc
import contextlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy.typing as npt

from alphaforge.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

_SCHEMA = Path(__file__).with_name("schema.sql")
_VERSION = 2
Columns = dict[str, npt.NDArray[Any]]


class Store(abc.ABC):
    """A DuckDB file with the history's tables. Threads may share it."""

    def __init__(self, path: str) -> None:
        self._db = _open(path)
        self.path = str(path)
        self._lock = threading.RLock()
        self._writing = False
        self._closed = False
        self._queries = threading.Condition()
        self._running: set[duckdb.DuckDBPyConnection] = set()
        try:
            with self._using() as db:
                db.execute(_SCHEMA.read_text())
                self._check_version(db)
                self._load(db)
        except BaseException:
            self._db.close()  # else the file would be held until this object is collected
            raise

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"the history {self.path} is closed. Open it again to use it.")

    @contextlib.contextmanager
    def _using(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection that writes, for one thread at a time; DuckDB's errors as ours."""
        with self._lock:
            self._check_open()
            try:
                yield self._db
            except duckdb.Error as error:
                raise StoreError(
                    f"{self.path} can't be read or written: {error}. "
                    "Give a file of AlphaForge's on a disk with room."
                ) from None

    def _check_version(self, db: duckdb.DuckDBPyConnection) -> None:
        found = db.execute("SELECT max(version) FROM store.version").fetchone()
        version = found[0] if found else None
        if version is None:
            db.execute("INSERT INTO store.version VALUES (?)", [_VERSION])
        elif version < _VERSION:
            db.execute("UPDATE store.version SET version = ?", [_VERSION])
        elif version > _VERSION:
            raise StoreError(
                f"{self.path} has schema version {version}, this AlphaForge knows {_VERSION}. "
                "Open it with the newer AlphaForge that wrote it."
            )

    @abc.abstractmethod
    def _load(self, db: duckdb.DuckDBPyConnection) -> None:
        """Read what is kept in memory of the file: when it is opened, and after a rollback."""

    def append(self, table: str, columns: Columns) -> None:
        """Append rows to one of the store's tables, columns by name."""
        with self._incoming(columns) as db:
            db.execute(f"INSERT INTO store.{table} BY NAME SELECT * FROM incoming")

    def execute(self, statement: str, parameters: Any = None) -> None:
        """Run a statement that gives nothing back."""
        with self._using() as db:
            db.execute(statement, parameters)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within, or nothing where it raises; an inner one joins the outer."""
        with self._using() as db:
            if self._writing:
                yield
                return
            db.execute("BEGIN")
            self._writing = True
            try:
                yield
                db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(duckdb.TransactionException):
                    db.execute("ROLLBACK")  # a commit that failed has rolled back already
                self._load(db)
                raise
            finally:
                self._writing = False

    @contextlib.contextmanager
    def _incoming(self, columns: Columns) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection with columns as the table ``incoming``, without copying them."""
        with self._using() as db:
            db.register("incoming", _arrow(columns))
            try:
                yield db
            finally:
                db.unregister("incoming")

    def sql(self, query: str, parameters: Any = None) -> pd.DataFrame:
        """Any query over the history, as a DataFrame; no writer waits for it.

        A transaction begun in it ends with it, and is undone.

        Raises
        ------
        StoreError
            With what DuckDB says of the query.
        """
        text: Any = query
        if not isinstance(text, str):
            raise StoreError(f"a query must be text, not {text!r}. Write 'select * from bars'.")
        with self._queries:
            self._check_open()
            cursor = self._db.cursor()
            self._running.add(cursor)
        try:
            cursor.execute(query, parameters)
            if cursor.description is None:
                raise StoreError(f"no statement in {query!r}. Write one: 'select * from bars'.")
            return cursor.df()
        except duckdb.Error as error:
            self._check_open()
            raise StoreError(f"{error}") from None
        finally:
            with self._queries:
                cursor.close()
                self._running.discard(cursor)
                self._queries.notify_all()

    def close(self) -> None:
        """Write everything out and give the file back; queries that still run are stopped."""
        with self._lock, self._queries:
            if self._closed:
                return
            self._closed = True
            while self._running:
                for cursor in self._running:
                    cursor.interrupt()
                self._queries.wait(0.05)  # again: an interrupt before it began to run is lost
            self._db.close()


def _open(path: Any) -> duckdb.DuckDBPyConnection:
    if not isinstance(path, (str, Path)) or path == "":
        raise StoreError(
            f"the history must be the path of a file or ':memory:', not {path!r}. Give a path."
        )
    try:
        return duckdb.connect(
            path, config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
    except duckdb.Error as error:
        holder = re.search(r"PID (\d+)", str(error))
        if holder:
            raise StoreError(
                f"{path} is held by another process, pid {holder.group(1)}. "
                "Close that lab (or its kernel), or open another file: Lab('other.duckdb')."
            ) from None
        raise StoreError(
            f"{path} can't be opened: {error}. Give a path that can be written."
        ) from None


def _arrow(columns: Columns) -> Any:
    import pyarrow as pa

    return pa.table({name: pa.array(values) for name, values in columns.items()})
