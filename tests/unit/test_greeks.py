"""Options as data: greeks are stored as they were given, once, and never priced here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import DAY, T0, instrument

from alphaforge.data.check import GREEKS
from alphaforge.data.history import History
from alphaforge.errors import DataError, InstrumentError

TIMES = pd.to_datetime([T0 + DAY, T0 + 2 * DAY], utc=True).rename("ts")
FRAME = pd.DataFrame(
    {
        "price": [2.515, 2.6],
        "iv": [0.21, np.nan],
        "delta": [-0.45, -0.5],
        "gamma": [0.03, 0.031],
        "vega": [0.12, 0.11],
        "theta": [-0.02, -0.03],
        "rho": [-0.01, -0.02],
        "underlying": [101.25, 100.0],
    },
    index=TIMES,
)


@pytest.fixture
def store(history: History) -> History:
    history.add_instrument(
        instrument(
            "PUT", kind="option", strike="100", right="put", expiry="2026-12-18", multiplier="100"
        )
    )
    history.add_instrument(instrument("XYZ"))
    return history


def test_what_is_written_is_read(store: History) -> None:
    assert store.write_greeks("PUT", FRAME) == 2
    found = store.greeks("PUT")
    assert tuple(found.columns) == GREEKS
    assert (found.dtypes == np.float64).all()
    pd.testing.assert_frame_equal(found, FRAME, check_index_type=False, check_freq=False)


def test_twice_is_once_and_a_later_word_counts(store: History) -> None:
    for _ in range(2):
        store.write_greeks("PUT", FRAME)
    store.write_greeks("PUT", FRAME.iloc[1:] * 0 + 0.5)
    found = store.greeks("PUT")
    assert len(found) == 2
    assert found["iv"].tolist() == [0.21, 0.5] or np.isnan(found["iv"].iloc[1])
    assert found["delta"].tolist() == [-0.45, 0.5]


def test_some_columns_and_capitals_are_enough(store: History, tmp_path: Any) -> None:
    path = tmp_path / "greeks.parquet"
    FRAME[["iv", "delta"]].rename(columns={"iv": "IV", "delta": "Delta"}).to_parquet(path)
    store.write_greeks("PUT", path)
    found = store.greeks("PUT")
    assert found["delta"].tolist() == [-0.45, -0.5]
    assert found["rho"].isna().all()


def test_the_view(store: History) -> None:
    store.write_greeks("PUT", FRAME)
    table = store.sql("select * from greeks order by ts")
    assert table.columns.tolist() == ["symbol", "ts", *GREEKS]
    assert table["symbol"].tolist() == ["PUT", "PUT"]
    assert table["delta"].tolist() == [-0.45, -0.5]
    joined = store.sql("select g.iv, i.kind from greeks g join instruments i using (symbol)")
    assert joined["kind"].tolist() == ["option", "option"]


def test_none_are_made_up(store: History) -> None:
    assert len(store.greeks("PUT")) == 0
    assert len(store.greeks("XYZ")) == 0
    assert tuple(store.greeks("PUT").columns) == GREEKS


def test_an_older_file_gets_the_table(tmp_path: Any) -> None:
    path = str(tmp_path / "old.duckdb")
    old = History(path)
    old.execute("DROP VIEW greeks")
    old.execute("DROP TABLE store.greeks")
    old.close()
    again = History(path)
    assert len(again.sql("select * from greeks")) == 0
    again.close()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"price": -1.0}, r"price of PUT is not from 0 to inf in row 0 \(2023-11-15.*\), 1"),
        ({"iv": -0.1}, "iv of PUT is not from 0 to inf"),
        ({"delta": 1.1}, "delta of PUT is not from -1 to 1"),
        ({"delta": -45.0}, "delta of PUT is not from -1 to 1"),
        ({"underlying": -5.0}, "underlying of PUT is not from 0"),
        ({"gamma": np.inf}, "gamma of PUT is infinite"),
        ({"theta": "x"}, "column 'theta' of the greeks isn't numeric"),
        ({"detla": 0.1}, r"greeks have the columns .* and no 'detla'\. Did you mean delta\?"),
        ({"Delta": 0.1}, "greeks need one column 'delta'; found 2"),
    ],
    ids=str,
)
def test_what_cant_be(store: History, change: dict[str, Any], match: str) -> None:
    with pytest.raises(DataError, match=match):
        store.write_greeks("PUT", FRAME.assign(**change))
    assert len(store.greeks("PUT")) == 0


def test_what_is_no_frame_of_greeks(store: History) -> None:
    with pytest.raises(InstrumentError, match="XYZ is of kind equity, and only options have"):
        store.write_greeks("XYZ", FRAME)
    with pytest.raises(InstrumentError, match="no instrument 'PUTT'"):
        store.write_greeks("PUTT", FRAME)
    with pytest.raises(DataError, match="greeks must be a DataFrame"):
        store.write_greeks("PUT", [1, 2])
    with pytest.raises(DataError, match="greeks need at least one of the columns price, iv"):
        store.write_greeks("PUT", FRAME[[]])
    with pytest.raises(DataError, match="greeks must be sorted by time"):
        store.write_greeks("PUT", FRAME[::-1])
    with pytest.raises(DataError, match="Drop duplicates"):
        store.write_greeks("PUT", pd.concat([FRAME, FRAME.iloc[1:]]))
    with pytest.raises(DataError, match="must be datetimes, and are"):
        store.write_greeks("PUT", FRAME.reset_index(drop=True))
