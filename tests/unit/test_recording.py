"""A recording: counts, tables in human units, and windows that begin with the book."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captures import (
    BTC,
    MS,
    T0,
    depth,
    quote,
    read,
    snapshot,
    tally,
    told,
    trade,
)

from alphaforge.data.recording import Recording, Report
from alphaforge.engine import messages as M
from alphaforge.errors import DataError


def recorded(folder: Path) -> Recording:
    return read(
        folder,
        snapshot(1, 9, [["99.9", "1"], ["99.8", "2"]], [["100.0", "3"], ["100.1", "4"]]),
        depth(2, (10, 12, 9), [["99.9", "0"], ["99.7", "5"]], []),
        trade(2, 7, "100.0", "0.500", m=False),
        quote(3, 12, "99.8", "100.0"),
        depth(4, (13, 15, 12), [], [["100.0", "1.5"], ["100.2", "7"]]),
        depth(6, (16, 18, 15), [["99.8", "0"]], []),
        trade(6, 8, "99.8", "0.250", m=True),
    )


def test_frames_in_human_units(tmp_path: Path) -> None:
    found = recorded(tmp_path)
    trades, quotes = found.trades(), found.quotes()
    assert trades["price"].tolist() == [100.0, 99.8]
    assert trades["size"].tolist() == [0.5, 0.25]
    assert trades["side"].tolist() == [1, -1]
    assert trades["trade_id"].tolist() == [7, 8]
    assert trades.index.as_unit("ns").asi8.tolist() == [(T0 + 2) * MS, (T0 + 6) * MS]
    assert str(trades.index.tz) == "UTC"
    assert quotes.iloc[0].drop("ts_recv").tolist() == [99.8, 1.0, 100.0, 2.0, 12]


def test_trades_go_into_the_history_as_they_are(tmp_path: Path, history: Any) -> None:
    history.add_instrument(BTC)
    history.write_trades("BTCUSDT", recorded(tmp_path).trades())
    assert history.sql("select price from trades order by ts")["price"].tolist() == [100.0, 99.8]


def test_counts(tmp_path: Path) -> None:
    table = recorded(tmp_path).frame()
    assert table["read"].tolist() == table["messages"].tolist() == [2, 1, 3, 1, 5, 4]
    assert not table[["left_out", "duplicates", "gaps", "late"]].to_numpy().any()
    assert repr(recorded(tmp_path)) == (
        "<Recording BTCUSDT: 16 messages, 2024-08-08T23:54:16.001 to 2024-08-08T23:54:16.006>"
    )


def test_a_window_begins_with_the_book_as_it_was(tmp_path: Path) -> None:
    cut = recorded(tmp_path).window((T0 + 5) * MS, (T0 + 6) * MS + 1)
    assert told(cut, "kind", "code", "ms", "seq", "a", "b", "c", "d")[:6] == [
        (M.BOOK, M.MORE | M.SNAPSHOT, 5, 15, 15, 15, -1, -1),
        (M.DEPTH, M.MORE, 5, 15, 998, 2000, 1, 0),
        (M.DEPTH, M.MORE, 5, 15, 997, 5000, 1, 0),
        (M.DEPTH, M.MORE, 5, 15, 1000, 1500, -1, 0),
        (M.DEPTH, M.MORE, 5, 15, 1001, 4000, -1, 0),
        (M.DEPTH, 0, 5, 15, 1002, 7000, -1, 0),
    ]
    assert told(cut, "kind", "a")[6:] == [(M.BOOK, 16), (M.DEPTH, 998), (M.TRADE, 998)]
    assert cut.events["ts_recv"][0] == (T0 + 9) * MS
    assert cut.report.lines == 7, "the report stays that of the file"


def test_a_window_from_the_start_or_to_nowhere(tmp_path: Path) -> None:
    found = recorded(tmp_path)
    same = found.window(T0 * MS, (T0 + 100) * MS)
    assert same.events.tobytes() == found.events.tobytes()
    until = found.window(T0 * MS, (T0 + 2) * MS)
    assert told(until, "ms") == [(1,)] * 5
    assert repr(found.window(0, 1)) == "<Recording BTCUSDT: empty>"
    with pytest.raises(DataError, match=r"a window must stop after its start .*Swap them"):
        found.window((T0 + 2) * MS, T0 * MS)


def test_a_window_without_a_known_book_has_no_snapshot(tmp_path: Path) -> None:
    lines = [depth(2, (10, 12, 9), [["99.9", "1"]]), depth(9, (16, 18, 15), [["99.8", "1"]])]
    bare = read(tmp_path, *lines)
    assert told(bare.window((T0 + 5) * MS, (T0 + 10) * MS), "kind") == [(M.BOOK,), (M.DEPTH,)]
    torn = read(tmp_path, snapshot(1, 9), *lines, trade(12, 7))
    assert tally(torn, "depth").gaps == 1
    assert told(torn.window((T0 + 11) * MS, (T0 + 20) * MS), "kind") == [(M.TRADE,)]


def test_a_window_of_an_emptied_book(tmp_path: Path) -> None:
    found = read(tmp_path, snapshot(1, 9, [["99.9", "1"]]), depth(2, (10, 12, 9), [["99.9", "0"]]))
    cut = found.window((T0 + 3) * MS, (T0 + 4) * MS)
    assert told(cut, "kind", "code", "b") == [(M.BOOK, M.SNAPSHOT, 12)]


def test_events_must_be_messages() -> None:
    with pytest.raises(DataError, match=r"must be a one-dimensional array of messages\.SLOT, not "):
        Recording(BTC, np.zeros(3), Report())
