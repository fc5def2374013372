"""What people get wrong: each is refused with a sentence of ours, never a library's traceback."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import DAY, HOUR, T0, instrument, walk

import alphaforge as af
from alphaforge.data.bars import aggregate_bars, bars_of_trades
from alphaforge.data.history import History
from alphaforge.engine import codes as K
from alphaforge.errors import (
    AlphaForgeError,
    ConfigError,
    DataError,
    InstrumentError,
    OrderError,
    StoreError,
)
from alphaforge.instrument import Instrument
from alphaforge.order import Order
from alphaforge.research.backtest import backtest
from alphaforge.units import decimal_fraction, money_to_ledger, parse_interval, to_ns
from alphaforge.venue import Fees

ZONE = dt.timezone(dt.timedelta(hours=1))
MIXED = [dt.datetime(2024, 1, 1, tzinfo=ZONE), dt.datetime(2024, 1, 2, tzinfo=dt.UTC)]
YEAR_3000 = pd.DatetimeIndex(np.array(["3000-01-01", "3000-01-02"], "M8[s]"))


def bars(index: Any = None) -> pd.DataFrame:
    made = walk(2, 5)
    return made if index is None else made.set_axis(index, axis=0)


def trades(index: Any = None) -> pd.DataFrame:
    made = pd.DataFrame({"price": [1.0, 1.1], "size": [5.0, 6.0]}, walk(2, 5).index)
    return made if index is None else made.set_axis(index, axis=0)


@pytest.fixture
def store(history: History) -> History:
    history.add_instrument(instrument("XYZ", "0.0001"))
    return history


def write_bars(store: History, frame: Any) -> None:
    store.write_bars("XYZ", "1h", frame)


def write_trades(store: History, frame: Any) -> None:
    store.write_trades("XYZ", frame)


def count(store: History, table: str = "bars") -> int:
    return int(store.sql(f"select count(*) n from {table}")["n"][0])


def assert_empty(store: History) -> None:
    assert count(store, "bars") == count(store, "trades") == 0


# --- frames --------------------------------------------------------------------------------------

WRITERS = pytest.mark.parametrize(
    ("write", "make", "what"),
    [(write_bars, bars, "bars"), (write_trades, trades, "trades")],
    ids=["bars", "trades"],
)


@WRITERS
@pytest.mark.parametrize("wrong", [None, [1, 2], {"open": [1.0]}, 5], ids=repr)
def test_what_is_no_frame(store: History, write: Any, make: Any, what: str, wrong: Any) -> None:
    text = f"^{what} must be a DataFrame or the path of a Parquet file, not {type(wrong).__name__}"
    with pytest.raises(DataError, match=text):
        write(store, wrong)
    assert_empty(store)


@WRITERS
def test_garbage_files(store: History, write: Any, make: Any, what: str, tmp_path: Path) -> None:
    garbage, torn = tmp_path / "garbage.parquet", tmp_path / "torn.parquet"
    garbage.write_bytes(b"PAR1 but nothing else PAR1")
    make().to_parquet(torn)
    torn.write_bytes(torn.read_bytes()[:-100])
    for path in (garbage, str(torn), tmp_path):
        with pytest.raises(DataError, match="can't be read as Parquet"):
            write(store, path)
    assert_empty(store)


@WRITERS
@pytest.mark.parametrize(
    ("index", "match"),
    [
        (["a", "b"], "must be datetimes, and are strings"),
        (["2024-01-02", "2024-01-03"], "must be datetimes, and are strings"),
        ([False, True], "must be datetimes, and are bools"),
        (MIXED, "must be datetimes of one zone"),
        (pd.MultiIndex.from_tuples([(1, 2), (3, 4)]), "must be datetimes, and are tuples"),
        ([1_700_000_000.0, 1_700_000_060.0], "must be datetimes, and are plain floats"),
        ([1_700_000_000, 1_700_000_060], r"are plain integers\. Convert .* with unit='s'"),
        (YEAR_3000, "within the years 1677 to 2262: Out of bounds"),
        ([pd.NaT, pd.Timestamp("2024-01-02")], r"is missing \(NaT\)"),
        (pd.period_range("2024", periods=2, freq="D"), "must be datetimes, and are period"),
        (pd.to_timedelta([1, 2], unit="s"), "must be datetimes, and are timedelta64"),
    ],
)
@pytest.mark.parametrize("column", [False, True], ids=["index", "column ts"])
def test_times(
    store: History, write: Any, make: Any, what: str, index: Any, match: str, column: bool
) -> None:
    if column and isinstance(index, pd.MultiIndex):
        index = index.to_list()
    frame = make().assign(ts=index) if column else make(index)
    with pytest.raises(DataError, match=f"of {what}.*{match}"):
        write(store, frame)
    assert_empty(store)


@WRITERS
def test_dates_and_objects_are_times(store: History, write: Any, make: Any, what: str) -> None:
    for index in (
        [dt.date(2024, 1, 2), dt.date(2024, 1, 3)],
        pd.Index([pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-03")], dtype=object),
    ):
        write(store, make(index))
    assert store.sql(f"select min(ts)::varchar t from {what}")["t"][0] == "2024-01-02 00:00:00"


@WRITERS
def test_columns_twice(store: History, write: Any, make: Any, what: str) -> None:
    frame = make()
    for name in (frame.columns[0], "ts"):
        extra = pd.DataFrame({name: frame.iloc[:, 0], name.title(): frame.iloc[:, 0]}, frame.index)
        with pytest.raises(DataError, match=f"{what} need one column '{name}'; found [23]"):
            write(store, pd.concat([frame, extra], axis=1))
    assert_empty(store)


@WRITERS
@pytest.mark.parametrize(
    "values",
    [
        [True, False],
        [1 + 2j, 1],
        pd.to_datetime(["2024", "2025"]).tolist(),
        [10**400, 1],
        [[1], [2, 3]],
    ],
    ids=["bools", "complex", "times", "large", "lists"],
)
def test_what_is_no_number(store: History, write: Any, make: Any, what: str, values: Any) -> None:
    frame = make()
    name = frame.columns[0]
    with pytest.raises(DataError, match=f"column '{name}' of the {what} isn't numeric"):
        write(store, frame.assign(**{name: values}))
    assert_empty(store)


FIRST = T0 + HOUR


@pytest.mark.parametrize(
    ("opened", "match"),
    [
        (np.array([T0]), "must have one time for each of the 2 bars, not 1"),
        (np.array([[T0, FIRST]]), "must have one time for each of the 2 bars, not 1 x 2"),
        (np.array([T0, FIRST], float), "times of open_time must be datetimes, and are plain float"),
        ([T0, FIRST], "times of open_time must be datetimes, and are plain integers"),
        (5, "times of open_time must be datetimes"),
        (["a", "b"], "times of open_time must be datetimes, and are strings"),
        (MIXED, "times of open_time must be datetimes of one zone"),
        (np.array([T0 + 10, T0 + 5]), r"open time is not after the last one in row 1"),
        (np.array([T0, T0]), r"open time is not after the last one in row 1"),
        (np.array([T0, FIRST + HOUR]), r"open time is not before the close time in row 1"),
    ],
)
def test_open_times(store: History, opened: Any, match: str) -> None:
    with pytest.raises(DataError, match=match):
        store.write_bars("XYZ", "1h", bars(), open_time=opened)
    assert_empty(store)


def test_open_times_in_numbers_and_datetimes(store: History) -> None:
    opened = np.array([T0, 9, FIRST, 9])[::2]  # not contiguous
    for given in (opened, pd.to_datetime(opened, utc=True), opened.astype("M8[ns]")):
        store.write_bars("XYZ", "1h", bars(), open_time=given)
        assert store.bar_columns("XYZ", "1h")["ts_open"].tolist() == [T0, FIRST]


# --- specs, symbols, instruments -----------------------------------------------------------------


@pytest.mark.parametrize(
    "spec", [None, 5, "²s", "١m", "999999999999d", "9" * 5_000 + "s", "1m\n", ["1m"], b"1m"]
)
def test_what_is_no_spec(store: History, spec: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: parse_interval(spec),
        lambda: store.bars("XYZ", spec),
        lambda: store.write_bars("XYZ", spec, bars()),
        lambda: store.bar_events("XYZ", spec, 0),
    ]
    for call in calls:
        with pytest.raises(DataError, match="bar spec must be a number and a unit like"):
            call()


def test_one_length_is_one_store(store: History) -> None:
    store.write_bars("XYZ", "60m", bars())
    assert store.specs("XYZ") == ["1h"]
    store.write_bars("XYZ", "1h", bars().assign(volume=7.0))
    for spec in ("60m", "1h", "3600s", "0060m"):
        assert store.bars("XYZ", spec)["volume"].tolist() == [7.0, 7.0]
        assert store.bar_events("XYZ", spec, 0)[0]["interval"].tolist() == [HOUR, HOUR]


@pytest.mark.parametrize("symbol", [None, 5, ["XYZ"], {}, "", b"XYZ"], ids=repr)
def test_what_is_no_symbol(store: History, symbol: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: store.instrument(symbol),
        lambda: store.instrument_id(symbol),
        lambda: store.bars(symbol, "1h"),
        lambda: store.specs(symbol),
        lambda: store.trade_columns(symbol),
        lambda: store.action_columns(symbol),
        lambda: store.write_bars(symbol, "1h", bars()),
        lambda: store.write_trades(symbol, trades()),
        lambda: store.write_action(symbol, 0, 2, 1),
    ]
    text = "no instrument ''. Known: XYZ" if symbol == "" else "a symbol must be a name, not"
    for call in calls:
        with pytest.raises(InstrumentError, match=text):
            call()
    with pytest.raises(InstrumentError, match="symbol must be a name without blanks"):
        Instrument(symbol, "0.01")


@pytest.mark.parametrize("wrong", ["X", None, Instrument])
def test_what_is_no_instrument(store: History, wrong: Any) -> None:
    for call in (store.add_instrument, store.add_session_instrument, store.session_id):
        with pytest.raises(InstrumentError, match="expected an Instrument, not"):
            call(wrong)
    assert store.symbols == ["XYZ"]


@pytest.mark.parametrize("tick", [None, True, "NaN", "Infinity", "1e999999999", "1e-999999999", []])
def test_what_is_no_tick(tick: Any) -> None:
    for name in ("tick", "lot", "multiplier"):
        with pytest.raises(InstrumentError, match=f"{name} must be a positive number like '0.01'"):
            Instrument("X", **{"tick": "0.01", name: tick})
    with pytest.raises(InstrumentError, match=r"currency of X must be text, not \['USD'\]"):
        Instrument("X", "0.01", currency=["USD"])  # type: ignore[arg-type] - wrong on purpose
    assert decimal_fraction("0.5", "tick") == Fraction(1, 2)


@pytest.mark.parametrize("rate", [None, "NaN", "Infinity", "1e-999999999", "1e999999999", "-1"])
def test_what_is_no_fee(rate: Any) -> None:
    with pytest.raises(ConfigError, match="taker fee must be a"):
        Fees(taker=rate, maker="0").parts()
    assert Fees("0", "-0.999999999").parts() == (-999_999_999, 0)


@pytest.mark.parametrize("amount", [None, "x", float("nan"), float("inf"), "1e999999999"])
def test_what_is_no_money(amount: Any) -> None:
    with pytest.raises(ConfigError, match="an amount of USD must be a finite number"):
        money_to_ledger(amount, "USD")
    assert money_to_ledger(1e-300, "USD") == 0


# --- actions -------------------------------------------------------------------------------------

NOON = 961_588_800 * 10**9


@pytest.mark.parametrize(
    "when",
    [NOON, np.int64(NOON), "2000-06-21T12:00", "2000-06-21T14:00+02:00", np.datetime64(NOON, "ns"),
     np.datetime64("2000-06-21T12"), pd.Timestamp(NOON, tz="UTC"), pd.Timestamp(NOON),
     dt.datetime(2000, 6, 21, 12, tzinfo=dt.UTC), dt.datetime(2000, 6, 21, 13, tzinfo=ZONE)],
)  # fmt: skip
def test_an_action_at_a_time_of_any_kind(store: History, when: Any) -> None:
    store.write_action("XYZ", when, 2, 1)
    store.write_action("XYZ", when, np.int64(3), 2)
    found = store.action_columns("XYZ")
    assert [found[n].tolist() for n in ("ts", "numerator", "denominator")] == [[NOON], [3], [2]]


def test_an_action_at_a_date(store: History) -> None:
    for when in ("2000-06-21", dt.date(2000, 6, 21), np.datetime64("2000-06-21")):
        store.write_action("XYZ", when, 2, 1)
    assert store.action_columns("XYZ")["ts"].tolist() == [NOON - 12 * HOUR]


@pytest.mark.parametrize(
    "when",
    [None, True, 1.5, "yesterday", [], pd.NaT, np.datetime64("NaT"), np.datetime64("3000-01-01"),
     np.datetime64("1500-01-01T00:00"), pd.Timestamp("3000-01-01"), "3000-01-01", 2**63, -(2**63),
     dt.datetime(1, 1, 1, tzinfo=dt.UTC), np.timedelta64(1, "s"), dt.timedelta(1)],
    ids=repr,
)  # fmt: skip
def test_what_is_no_time(store: History, when: Any) -> None:
    for call in (lambda: to_ns(when), lambda: store.write_action("XYZ", when, 2, 1)):
        with pytest.raises(DataError, match="a time must be a datetime, an ISO string or int64"):
            call()
    assert not store.action_columns("XYZ")["ts"].size


@pytest.mark.parametrize(
    "ratio", [(1.5, 1), (2.0, 1), (2, None), ("2", 1), (0, 1), (2, -1), (True, 1), (2**40, 1)]
)
def test_what_is_no_ratio(store: History, ratio: Any) -> None:
    with pytest.raises(DataError, match="split of XYZ must be a ratio of whole numbers like 2 for"):
        store.write_action("XYZ", NOON, *ratio)
    assert not store.action_columns("XYZ")["ts"].size


# --- queries -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("", "no statement in ''. Write one"),
        ("  -- nothing", "no statement in"),
        (None, "a query must be text, not None"),
        (5, "a query must be text, not 5"),
        (b"select 1", "a query must be text"),
        ("select nothing from nowhere", "nowhere"),
        ("select ?", "parameters"),
    ],
)
def test_what_is_no_query(store: History, query: Any, match: str) -> None:
    with pytest.raises(StoreError, match=match):
        store.sql(query)


@pytest.fixture(params=["memory", "file"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    made = History(":memory:" if request.param == "memory" else str(tmp_path / "h.duckdb"))
    made.add_instrument(instrument("XYZ", "0.0001"))
    yield made
    made.close()


def test_a_transaction_of_a_query_ends_with_it(either: History) -> None:
    either.sql("begin")
    with pytest.raises(StoreError, match="nope"):
        either.sql("begin; select nope")
    either.write_bars("XYZ", "1h", bars())
    assert count(either) == 2
    either.sql("begin; delete from store.bars")
    assert count(either) == 2
    with either.transaction():
        either.write_bars("XYZ", "1h", walk(5, 1))
        assert count(either) == 2, "what isn't committed isn't seen"
    assert count(either) == 5


LONG = "select count(*) n from range(3000000) a, range(100000) b where hash(a.range + b.range) = 1"


def while_a_query_runs(store: History, eventually: Any, act: Callable[[], None]) -> Any:
    """Act while another thread's query runs; what that query raised."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            store.sql(LONG)
        except AlphaForgeError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        eventually(lambda: store._running or raised, what="the query began")
        act()
    finally:
        store.close()
        thread.join(60)
    assert not thread.is_alive()
    return raised[0]


def test_a_writer_does_not_wait_for_a_query(either: History, eventually: Any) -> None:
    def act() -> None:
        either.write_bars("XYZ", "1h", bars())
        assert count(either) == 2
        assert either._running, "it runs still"

    raised = while_a_query_runs(either, eventually, act)
    assert isinstance(raised, StoreError)
    assert "is closed. Open it again" in str(raised), "closing stops it"


def test_a_file_is_free_after_closing_in_a_query(tmp_path: Path, eventually: Any) -> None:
    path = str(tmp_path / "h.duckdb")

    def act() -> None:
        pass

    while_a_query_runs(History(path), eventually, act)
    History(path).close()


def test_two_threads_query_while_a_third_appends(either: History) -> None:
    errors: list[BaseException] = []
    done = threading.Event()

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                errors.append(error)

        return run

    def query() -> None:
        seen = 0
        while not done.is_set():
            now = count(either, "trades")
            assert now >= seen
            assert now % 10 == 0, "a batch is seen whole"
            seen = now

    def append() -> None:
        try:
            for n in range(100):
                ones = np.ones(10, np.int64)
                columns = {"ts": ones * n, "price": ones, "size": ones, "side": ones}
                either.append("trades", columns | {"instrument": 0 * ones})
        finally:
            done.set()

    threads = [threading.Thread(target=guarded(work)) for work in (query, query, append)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert count(either, "trades") == 1_000


def test_two_threads_that_add_get_two_ids(history: History) -> None:
    barrier = threading.Barrier(4)

    def add(part: int) -> None:
        barrier.wait(20)
        for n in range(50):
            history.add_instrument(instrument(f"S{part}-{n}"))

    threads = [threading.Thread(target=add, args=[part]) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({history.instrument_id(symbol) for symbol in history.symbols}) == 200


@pytest.mark.parametrize(
    "call",
    [
        lambda h: h.symbols,
        lambda h: h.instrument("XYZ"),
        lambda h: h.instrument_id("XYZ"),
        lambda h: h.session_id(instrument("XYZ", "0.0001")),
        lambda h: h.add_instrument(instrument("XYZ", "0.0001")),
        lambda h: h.add_session_instrument(instrument("XYZ", "0.0001")),
        lambda h: h.write_bars("XYZ", "1h", bars()),
        lambda h: h.write_trades("XYZ", trades()),
        lambda h: h.write_action("XYZ", 0, 2, 1),
        lambda h: h.append("trades", {}),
        lambda h: h.execute("select 1"),
        lambda h: h.transaction().__enter__(),
        lambda h: h.load_samples(),
        lambda h: h.bar_columns("XYZ", "1h"),
        lambda h: h.bars("XYZ", "1h"),
        lambda h: h.bar_events("XYZ", "1h", 0),
        lambda h: h.trade_columns("XYZ"),
        lambda h: h.action_columns("XYZ"),
        lambda h: h.specs("XYZ"),
        lambda h: h.sql("select 1"),
    ],
)
def test_after_closing(store: History, call: Callable[[History], Any]) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match=r"^the history :memory: is closed\. Open it again"):
        call(store)


def test_statements_of_ours_that_fail(store: History) -> None:
    for call in (
        lambda: store.execute("select nope"),
        lambda: store.append("nowhere", {"a": np.ones(1)}),
    ):
        with pytest.raises(StoreError, match=":memory: can't be read or written"):
            call()


def test_a_transaction_that_fails_leaves_nothing(store: History) -> None:
    def write() -> None:
        with store.transaction():
            store.write_bars("XYZ", "1h", bars())
            store.add_instrument(instrument("NEW"))
            store.execute("select nope")

    with pytest.raises(StoreError, match="nope"):
        write()
    assert_empty(store)
    assert store.symbols == ["XYZ"]
    store.write_bars("XYZ", "1h", bars())


def test_what_is_no_history_file(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.duckdb"
    garbage.write_text("not a database")
    for path in (garbage, tmp_path, tmp_path / "no" / "such" / "place.duckdb"):
        with pytest.raises(StoreError, match="can't be opened"):
            History(str(path))
    for wrong in (None, 5, "", b"x"):
        with pytest.raises(StoreError, match="must be the path of a file or ':memory:', not"):
            History(wrong)  # type: ignore[arg-type] - wrong on purpose


def test_a_database_of_others_is_refused_and_let_go(tmp_path: Path) -> None:
    import duckdb

    path = str(tmp_path / "other.duckdb")
    with duckdb.connect(path) as other:
        other.execute("create table bars (a int)")
    with pytest.raises(StoreError, match=r"other.duckdb can't be read or written: .*bars") as kept:
        History(path)
    with duckdb.connect(path, config={"threads": 1}) as again:  # differs: a held file refuses
        assert again.execute("select count(*) from bars").fetchone() == (0,)
    assert kept.tb is not None


# --- volumes, splits -----------------------------------------------------------------------------


def columns_of(opens: list[int], length: int, volume: int) -> dict[str, Any]:
    ts_open = np.array(opens, np.int64)
    ones = np.ones(ts_open.size, np.int64)
    prices = dict.fromkeys(("open", "high", "low", "close"), ones)
    return {"ts_open": ts_open, "ts": ts_open + length, **prices, "volume": ones * volume}


@pytest.mark.parametrize("times", [2, 3, 4, 5])
def test_volumes_that_pass_int64(times: int) -> None:
    # Two and three halves wrap to a negative sum, four to 0 and five to a positive one.
    opens = [T0 + n for n in range(times)]
    with pytest.raises(DataError, match=r"volume of the bar that opens at 2023-11-14T00.* int64"):
        aggregate_bars(columns_of(opens, 1, 2**62), HOUR)
    ones = np.ones(times, np.int64)
    sold = {"ts": np.array(opens), "price": ones, "size": ones << 62, "side": ones}
    with pytest.raises(DataError, match=r"volume of the bar that opens at .*Use shorter bars"):
        bars_of_trades(sold, HOUR)


def test_volumes_that_just_fit() -> None:
    opens = [T0, T0 + 1, T0 + HOUR]
    assert aggregate_bars(columns_of(opens, 1, 2**61), HOUR)["volume"].tolist() == [2**62, 2**61]
    assert aggregate_bars(columns_of([], 1, 1), HOUR)["volume"].tolist() == []


def slow_cut(rows: list[dict[str, int]], interval: int, cuts: list[int]) -> list[list[int]]:
    """The obvious way: a bar is what shares its interval and has no action between."""
    groups: dict[tuple[int, int], list[dict[str, int]]] = {}
    for row in rows:
        start = row["ts_open"] // interval * interval
        groups.setdefault((start, sum(cut <= row["ts_open"] for cut in cuts)), []).append(row)
    found = []
    for (start, part), inside in groups.items():
        opened = max([start, *cuts[:part]])
        closed = min([start + interval, *cuts[part:]])
        found.append([opened, closed, inside[0]["open"], max(r["high"] for r in inside),
                      min(r["low"] for r in inside), inside[-1]["close"],
                      sum(r["volume"] for r in inside)])  # fmt: skip
    return found


NAMES = ("ts_open", "ts", "open", "high", "low", "close", "volume")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("source", ["trades", "bars"])
def test_bars_are_cut_at_actions(store: History, seed: int, source: str) -> None:
    random = np.random.default_rng(seed)
    ts = T0 + np.sort(random.integers(0, 5 * DAY, 500))
    made = pd.DataFrame(
        {"price": random.integers(1, 99, 500) / 10_000, "size": random.integers(1, 9, 500) * 1.0},
        pd.to_datetime(ts, utc=True),
    )
    if source == "trades":
        store.write_trades("XYZ", made)
        cuts = np.sort(random.choice(ts, 4, replace=False)).tolist()
        one = store.trade_columns("XYZ")
        rows = [
            {"ts_open": t, "open": p, "high": p, "low": p, "close": p, "volume": s}
            for t, p, s in zip(*(one[n].tolist() for n in ("ts", "price", "size")), strict=True)
        ]
    else:
        minutes = made["price"].resample("1min", label="right").ohlc()
        minutes["volume"] = made["size"].resample("1min", label="right").sum()
        store.write_bars("XYZ", "1m", minutes.dropna())
        cuts = (T0 + 60 * 10**9 * np.sort(random.integers(0, 5 * 1440, 4))).tolist()
        one = store.bar_columns("XYZ", "1m")
        rows = [
            dict(zip(NAMES, row, strict=True))
            for row in zip(*(one[n].tolist() for n in NAMES), strict=True)
        ]
    for cut in cuts:
        store.write_action("XYZ", cut, 2, 1)
    found = store.bar_columns("XYZ", "1d")
    rows_found = [list(row) for row in zip(*(found[n].tolist() for n in NAMES), strict=True)]
    assert rows_found == slow_cut(rows, DAY, cuts)
    assert 5 < len(rows_found) <= 9
    store.bar_events("XYZ", "1d", 0)


@pytest.mark.parametrize("spec", ["1h", "1d"], ids=["stored", "of bars that can't be cut"])
def test_a_bar_that_holds_a_split_inside_is_refused(store: History, spec: str) -> None:
    store.write_bars("XYZ", "1h", walk(30, 5))
    for edge in (T0, T0 + 3 * HOUR, T0 + 30 * HOUR, T0 + 90 * HOUR):
        store.write_action("XYZ", edge, 2, 1)
    store.bar_events("XYZ", "1h", 0)
    store.write_action("XYZ", T0 + 4 * HOUR + 1_000_000_000, 2, 1)
    times = {"1h": "14T04:00:00.000 to 2023-11-14T05", "1d": "14T03:00:00.000 to 2023-11-15T00"}
    text = (
        f"^the {spec} bar of XYZ from 2023-11-{times[spec]}:00:00.000 holds prices of both sides "
        r"of its split at 2023-11-14T04:00:01\.000\. Use shorter bars"
    )
    with pytest.raises(DataError, match=text):
        store.bar_events("XYZ", spec, 0)
    assert len(store.bars("XYZ", spec)), "they may be looked at"


@pytest.fixture(scope="module")
def samples() -> Iterator[History]:
    made = History(":memory:")
    made.load_samples()
    yield made
    made.close()


def test_no_weekly_bar_of_a_stock_holds_a_split(samples: History) -> None:
    weekly, daily = samples.bar_columns("AAPL", "1w"), samples.bar_columns("AAPL", "1d")
    splits = samples.action_columns("AAPL")["ts"]
    assert [str(np.datetime64(int(ts), "ns"))[:10] for ts in splits] == ["2000-06-21", "2005-02-28"]
    for split in splits.tolist():
        assert not ((weekly["ts_open"] < split) & (split < weekly["ts"])).any()
        at = int(np.searchsorted(weekly["ts_open"], split))
        assert weekly["ts_open"][at] == split, "a bar opens at it"
        midweek = split == splits[0]
        assert (weekly["ts"][at - 1] == split) == midweek, "the second one is on a Monday"
        assert 1.7 < weekly["close"][at - 1] / weekly["open"][at] < 2.3
    assert weekly["volume"].sum() == daily["volume"].sum()
    assert bool((weekly["ts_open"][1:] >= weekly["ts"][:-1]).all())


class Hold(af.Strategy):
    """Buys once and keeps it."""

    seen: int = 0

    def on_bar(self, ctx, bar):
        self.seen += 1
        if self.seen == 1:
            ctx.buy(bar.instrument, 100)


def test_equity_over_the_weeks_of_a_split(samples: History) -> None:
    run = backtest(samples, Hold(), ["AAPL"], "1w", cash=100_000.0)
    columns, splits = samples.bar_columns("AAPL", "1w"), samples.action_columns("AAPL")["ts"]
    cash, held, expected = 100_000 * 10**6, 0, []
    left = splits.tolist()
    for n, opened in enumerate(columns["ts_open"].tolist()):
        while left and left[0] <= opened:
            held, left = 2 * held, left[1:]
        if n == 1:
            held = 100
            cash -= 100 * int(columns["open"][1]) * 100
        expected.append(cash + held * int(columns["close"][n]) * 100)
    assert held == 400
    assert run.ledger_equity.tolist() == expected
    stock = run.ledger_equity - cash
    for split in splits.tolist():
        at = int(np.searchsorted(columns["ts_open"], split))
        for n in (at - 1, at, at + 1):
            assert 0.8 < stock[n] / stock[n - 1] < 1.25, "no jump of a half"


# --- orders --------------------------------------------------------------------------------------

COIN = Instrument("BTCUSDT", "0.5", lot="0.001", currency="USDT")


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"qty": "1"}, "quantity of BTCUSDT must be a finite number, not '1'"),
        ({"qty": None}, "quantity of BTCUSDT must be a finite number, not None"),
        ({"qty": True}, "quantity of BTCUSDT must be a finite number, not True"),
        ({"qty": [1]}, "quantity of BTCUSDT must be a finite number"),
        ({"qty": float("nan")}, "quantity of BTCUSDT must be a finite number, not nan"),
        ({"qty": float("inf")}, "quantity of BTCUSDT must be a finite number, not inf"),
        ({"qty": 10**400}, "quantity of BTCUSDT must be a finite number"),
        ({"qty": 1e18}, r"quantity 1e\+18 of BTCUSDT is more than int64 can count"),
        ({"qty": 1e300}, r"quantity 1e\+300 of BTCUSDT is more than int64 can count"),
        ({"qty": 0}, "quantity 0 of BTCUSDT is not a positive multiple of its lot 0.001"),
        ({"qty": -1}, "quantity -1 of BTCUSDT is not a positive multiple of its lot 0.001"),
        ({"limit": "60000"}, "limit price of BTCUSDT must be a finite number, not '60000'"),
        ({"limit": float("nan")}, "limit price of BTCUSDT must be a finite number, not nan"),
        ({"limit": float("inf")}, "limit price of BTCUSDT must be a finite number, not inf"),
        ({"limit": 1e300}, r"limit price 1e\+300 of BTCUSDT is more than int64 can count"),
        ({"limit": 1.7e308}, r"limit price 1.7e\+308 of BTCUSDT is more than int64 can"),
        ({"limit": Decimal("sNaN")}, "limit price of BTCUSDT must be a finite number"),
        ({"side": [1]}, r"side must be 'buy' or 'sell', not \[1\]"),
        ({"side": 0}, "side must be 'buy' or 'sell', not 0"),
        ({"side": None}, "side must be 'buy' or 'sell', not None"),
        ({"side": "hold"}, "side must be 'buy' or 'sell', not 'hold'"),
        (
            {"tif": None},
            "time in force must be one of GTC, IOC, FOK, GTD, DAY, AT_OPEN, AT_CLOSE, not None",
        ),
        (
            {"tif": 7},
            "time in force must be one of GTC, IOC, FOK, GTD, DAY, AT_OPEN, AT_CLOSE, not 7",
        ),
        (
            {"tif": "XYZ"},
            "time in force must be one of GTC, IOC, FOK, GTD, DAY, AT_OPEN, AT_CLOSE, not 'XYZ'",
        ),
        ({"tif": ["GTC"]}, "time in force must be one of GTC, IOC, FOK"),
        ({"symbol": None}, "symbol of an order must be a name, not None"),
        ({"symbol": ""}, "symbol of an order must be a name, not ''"),
        ({"symbol": 5}, "symbol of an order must be a name, not 5"),
        (
            {"parent": -1},
            r"^parent must be a whole number from 0 on, not -1\. Give the other order's id; -1 is ",
        ),
        ({"peer": -2}, "^peer must be a whole number from 0 on, not -2"),
        (
            {"algorithm": af.Twap(over="1m", slices=0)},
            r"^slices of a Twap must be a whole number from 1 on, not 0\. Give 10\.$",
        ),
        ({"tag": 2**63}, "tag must be a whole number within int64"),
        ({"tag": "x"}, "tag must be a whole number within int64, not 'x'"),
    ],
)
def test_what_is_no_order(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(OrderError, match=match):
        Order(**{"symbol": "BTCUSDT", "side": "buy", "qty": 1.0, **fields}).message(COIN, 0, 1, T0)


@pytest.mark.parametrize(
    ("qty", "limit", "lots", "ticks"),
    [
        (1, None, 1_000, 0),
        (np.float32(0.5), np.int64(60_000), 500, 120_000),
        (Decimal("0.001"), Fraction(121, 2), 1, 121),
        (9_007_199_254_740.0, 60_000.5, 9_007_199_254_740_000, 120_001),
    ],
)
def test_an_order_in_numbers_of_any_kind(qty: Any, limit: Any, lots: int, ticks: int) -> None:
    row = Order("BTCUSDT", "SELL", qty, limit, tif="ioc", tag=-5).message(COIN, 0, 1, T0)[0]
    assert [int(row[n]) for n in ("qty", "price", "tag", "side", "tif")] == [
        lots, ticks, -5, K.SELL, K.IOC]  # fmt: skip


@pytest.mark.parametrize("price", [None, "x", float("nan"), float("inf"), 1.79e308, True])
def test_what_can_not_be_rounded(price: Any) -> None:
    with pytest.raises(OrderError, match=r"^price .*of BTCUSDT"):
        COIN.round_price(price)
