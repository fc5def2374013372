"""The history: what goes in comes out, what is wrong is refused with its rows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import T0, instrument, walk

from alphaforge.data.history import History
from alphaforge.errors import DataError, InstrumentError, StoreError
from alphaforge.instrument import Instrument

WIKI = Path(__file__).parents[2].parent / "shared" / "data" / "wiki_daily"
PRICES = ["open", "high", "low", "close"]


def frame(**changes: Any) -> pd.DataFrame:
    made = pd.DataFrame(
        {"open": [1.0, 1.1], "high": [1.2, 1.3], "low": [0.9, 1.0], "close": [1.1, 1.2],
         "volume": [5.0, 6.0]},
        index=pd.to_datetime(["2024-01-02", "2024-01-03"], utc=True),
    )  # fmt: skip
    for name, values in changes.items():
        made[name] = values
    return made


def refused(history: History, bars: pd.DataFrame, match: str) -> None:
    if "XYZ" not in history.symbols:
        history.add_instrument(instrument())
    with pytest.raises(DataError, match=match):
        history.write_bars("XYZ", "1d", bars)
    assert history.specs("XYZ") == [], "nothing was written"


def test_bars_come_back_as_the_floats_that_went_in(history: History) -> None:
    history.add_instrument(instrument("XYZ", "0.0001", lot="0.001"))
    bars = walk(2_000, 5)
    bars["volume"] = np.round(np.random.default_rng(1).random(2_000) * 1e5, 3)
    history.write_bars("XYZ", "1h", bars)
    back = history.bars("XYZ", "1h")
    for name in (*PRICES, "volume"):
        assert back[name].to_numpy().tobytes() == bars[name].to_numpy().tobytes(), name
    assert back.index.as_unit("ns").asi8.tolist() == bars.index.as_unit("ns").asi8.tolist()
    seen = history.sql("select * from bars order by ts")
    for name in (*PRICES, "volume"):
        assert seen[name].to_numpy().tobytes() == bars[name].to_numpy().tobytes(), name


def test_writing_twice_changes_nothing_and_a_part_replaces_its_part(history: History) -> None:
    history.add_instrument(instrument("XYZ", "0.0001"))
    bars = walk(100, 5)
    assert history.write_bars("XYZ", "1h", bars) == 100
    before = history.sql("select * from store.bars order by ts")
    history.write_bars("XYZ", "1h", bars)
    pd.testing.assert_frame_equal(before, history.sql("select * from store.bars order by ts"))
    part = bars.iloc[10:20].copy()
    part["volume"] = 7.0
    history.write_bars("XYZ", "1h", part)
    assert len(history.bars("XYZ", "1h")) == 100
    assert (history.bars("XYZ", "1h")["volume"] == 7.0).sum() >= 10


def test_parquet_in(history: History, tmp_path: Path) -> None:
    history.add_instrument(instrument("XYZ", "0.0001"))
    bars = walk(50, 6)
    path = tmp_path / "bars.parquet"
    bars.rename_axis("ts").reset_index().to_parquet(path)
    assert history.write_bars("XYZ", "1h", str(path)) == 50
    pd.testing.assert_frame_equal(
        history.bars("XYZ", "1h"), bars.rename_axis("ts"), check_freq=False, check_index_type=False
    )
    with pytest.raises(DataError, match=r"no file .*none.parquet"):
        history.write_bars("XYZ", "1h", tmp_path / "none.parquet")


def trades_frame(count: int = 3_000) -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "price": (10_000 + np.cumsum(random.integers(-3, 4, count))) / 100,
            "size": random.integers(1, 40, count).astype(float),
            "side": random.integers(-1, 2, count),
        },
        index=pd.to_datetime(T0 + np.cumsum(random.integers(0, 90 * 10**9, count)), utc=True),
    )


@pytest.mark.parametrize(
    ("spec", "rule"), [("1m", "1min"), ("5m", "5min"), ("1h", "1h"), ("1d", "1D")]
)
@pytest.mark.parametrize("smaller", [False, True], ids=["trades", "smaller bars"])
def test_any_spec_equals_pandas_resample(
    history: History, spec: str, rule: str, smaller: bool
) -> None:
    history.add_instrument(instrument())
    trades = trades_frame()
    if smaller:
        seconds = trades["price"].resample("1s", label="right").ohlc()
        seconds["volume"] = trades["size"].resample("1s", label="right").sum()
        history.write_bars("XYZ", "1s", seconds.dropna())
    else:
        assert history.write_trades("XYZ", trades) == len(trades)
    groups = trades.resample(rule, label="right", closed="left")
    expected = groups["price"].ohlc()
    expected["volume"] = groups["size"].sum()
    found = history.bars("XYZ", spec)
    pd.testing.assert_frame_equal(
        found, expected.dropna(), check_freq=False, check_names=False, check_index_type=False
    )


def test_trades_in_and_seen_in_human_units(history: History) -> None:
    history.add_instrument(instrument())
    trades = trades_frame(200)
    history.write_trades("XYZ", trades)
    history.write_trades("XYZ", trades)
    seen = history.sql("select symbol, price, size, side from trades order by ts")
    assert len(seen) == 200
    assert seen["price"].tolist() == trades["price"].tolist()
    assert set(seen["symbol"]) == {"XYZ"}
    for wrong, text in (({"price": -1.0}, "price is NaN, zero or negative"),
                        ({"size": 0.0}, "size is NaN"), ({"side": 2}, "side is not")):  # fmt: skip
        with pytest.raises(DataError, match=text):
            history.write_trades("XYZ", trades.assign(**wrong))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"close": [np.nan, 1.2]}, r"close is NaN, zero or negative in row 0 \(2024-01-02"),
        ({"low": [0.9, -1.0]}, r"low is NaN, zero or negative in row 1 \(2024-01-03"),
        ({"volume": [5.0, -1.0]}, r"volume is NaN or negative in row 1"),
        ({"high": [1.2, 1.05]}, r"high and low don't hold open and close in row 1"),
        (
            {"close": [1.1, 1.205]},
            (r"close is off the 0\.01 tick of XYZ in row 1 \(2024-01-03T00:00:00\.000: 1\.205\)"
            r"\. The smallest tick that fits all is '0\.001'\. Nothing was rounded or written\."),
        ),
        (
            {"volume": [5.5, 6.0]},
            (r"volume 5\.5 in row 0 .* is not a multiple of the lot 1 of XYZ "
            r"\(1 such rows\)\. The smallest lot that fits all is '0\.1'"),
        ),
    ],
)  # fmt: skip
def test_wrong_values_are_named_by_row(history: History, changes: Any, match: str) -> None:
    refused(history, frame(**changes), match)


def test_wrong_times_and_columns(history: History) -> None:
    good = frame()
    refused(history, good.iloc[::-1], r"must be sorted by time; row 1 .*is before the row above it")
    refused(history, pd.concat([good, good.iloc[1:]]), r"row 2 .*has the time of the row before")
    refused(history, good.drop(columns="low"), r"bars need a column 'low'; found open, high, close")
    refused(history, good.assign(low="x"), r"column 'low' of the bars isn't numeric")
    refused(
        history,
        good.reset_index(drop=True),
        "times of bars must be datetimes, and are plain integers",
    )
    missing = good.copy()
    missing.index = pd.DatetimeIndex([good.index[0], pd.NaT])
    refused(history, missing, r"a time of bars is missing \(NaT\)")
    with pytest.raises(DataError, match=r"bar spec must be a number and a unit .*not '5x'"):
        history.write_bars("XYZ", "5x", good)


def test_an_instrument_with_data_keeps_its_tick(history: History) -> None:
    history.add_instrument(instrument())
    history.write_bars("XYZ", "1d", frame())
    history.add_instrument(instrument(venue="NYSE"))
    assert history.instrument("XYZ").venue == "NYSE"
    with pytest.raises(InstrumentError, match=r"XYZ has data on tick 0\.01 and lot 1; they can't"):
        history.add_instrument(instrument(tick="0.001"))
    with pytest.raises(InstrumentError, match=r"^no instrument 'XYS'\. Did you mean XYZ\?$"):
        history.bars("XYS", "1d")


def test_a_file_held_by_another_process_names_its_pid(tmp_path: Path) -> None:
    path = tmp_path / "held.duckdb"
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(path)!r}); "
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(
            StoreError,
            match=rf"{re.escape(str(path))} is held by another process, pid {holder.pid}\. ",
        ):
            History(str(path))
        assert holder.stdin is not None
        holder.stdin.close()
        assert holder.wait(20) == 0
    History(str(path)).close()


def test_what_is_stored_is_there_after_opening_again(tmp_path: Path) -> None:
    path = str(tmp_path / "kept.duckdb")
    first = History(path)
    first.add_instrument(instrument("XYZ", "0.0001"))
    first.write_bars("XYZ", "1h", walk(30, 1))
    before = first.bars("XYZ", "1h")
    first.close()
    again = History(path)
    pd.testing.assert_frame_equal(again.bars("XYZ", "1h"), before)
    again.close()


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "newer.duckdb")
    made = History(path)
    made.execute("INSERT INTO store.version VALUES (99)")
    made.close()
    with pytest.raises(StoreError, match="has schema version 99, this AlphaForge knows 2"):
        History(path)


def test_sql_errors_are_ours(history: History) -> None:
    with pytest.raises(StoreError):
        history.sql("select nothing from nowhere")


@pytest.fixture(scope="module")
def samples() -> Any:
    made = History(":memory:")
    made.load_samples()
    made.load_samples()
    yield made
    made.close()


def test_samples_need_no_network(samples: History) -> None:
    assert samples.symbols == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    assert samples.sql("select count(*) n from bars")["n"][0] == 12_154
    actions = samples.sql("select symbol, ts::date d, numerator from actions order by symbol, ts")
    assert list(zip(actions["symbol"], actions["d"].astype(str), strict=True)) == [
        ("AAPL", "2000-06-21"), ("AAPL", "2005-02-28"), ("MSFT", "2003-02-18")]  # fmt: skip
    fx = samples.sql("select rate from fx where currency = 'USD' and date = '2014-01-02'")
    assert fx["rate"].tolist() == [1.3658]
    assert samples.sql("select count(*) n from fx where rate <= 0")["n"][0] == 0


def test_sample_bars_equal_the_published_ones(samples: History) -> None:
    source = WIKI / "bokeh_stocks.csv.gz"
    if not source.exists():
        pytest.skip(
            f"no {source.name} in {WIKI.name} beside the repository: nothing to compare with"
        )
    published = pd.read_csv(source)
    published = published[published["Ticker"] == "AAPL"].sort_values("Date")
    bars = samples.bars("AAPL", "1d")
    for name in (*PRICES, "volume"):
        assert bars[name].tolist() == published[name.title()].astype(float).tolist(), name
    assert bars.index.strftime("%Y-%m-%d").tolist() == published["Date"].tolist()


def test_an_instrument_is_checked() -> None:
    with pytest.raises(InstrumentError, match=r"tick must be a Decimal string, not the float 0.01"):
        Instrument("X", tick=0.01)  # type: ignore[arg-type] - wrong on purpose
    for tick in ("0", "-1", "abc"):
        with pytest.raises(InstrumentError, match="tick must be"):
            Instrument("X", tick=tick)


def test_bars_of_another_length_are_refused_and_a_sessions_short_last_bar_is_not(
    history: History,
) -> None:
    """Hourly bars written as daily would be known before they have opened."""
    hours = pd.date_range("2024-01-02", periods=5, freq="h", tz="UTC")
    flat = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 1.0), index=hours)
    refused(
        history,
        flat.assign(volume=1.0),
        r"row 1 \(2024-01-02T01:00:00\.000\) of bars of 1d opens before the row above it closes "
        r"\(4 such rows\): they are 1h apart\. Write them as '1h', or give their open_time\.",
    )
    refused(history, flat.iloc[:2].assign(volume=1.0), r"row 1 .* of bars of 1d opens before")
    days = pd.DatetimeIndex(["2024-03-09 05:00", "2024-03-10 05:00", "2024-03-11 04:00"], tz="UTC")
    history.write_bars("XYZ", "1d", flat.iloc[:3].set_axis(days).assign(volume=1.0))
    kept = history.sql("select open_time, ts from bars order by ts")
    assert (kept["open_time"].iloc[1:].to_numpy() >= kept["ts"].iloc[:-1].to_numpy()).all()
    # Written in pieces: the day when clocks went forward is one row of two.
    history.write_bars("XYZ", "1d", flat.iloc[:2].set_axis(days[1:]).assign(volume=1.0))
