"""Raw captures: what each kind of line becomes, and each trap of the format."""

from __future__ import annotations

import gzip
from pathlib import Path

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
    spot,
    stream,
    tally,
    text,
    told,
    trade,
)

from alphaforge.data.capture import read_binance
from alphaforge.data.recording import Tally
from alphaforge.engine import messages as M
from alphaforge.instrument import Instrument

# --- what each line becomes -------------------------------------------------------------------


def test_a_trade_has_the_aggressors_side_and_both_times(tmp_path: Path) -> None:
    found = read(tmp_path, trade(1, 7, "100.3", "0.012", m=True), trade(2, 8, "100.4", m=False))
    assert told(found, "kind", "code", "ms", "seq", "a", "b", "c", "d") == [
        (M.TRADE, 0, 1, 7, 1003, 12, 7, -1),
        (M.TRADE, 0, 2, 8, 1004, 5, 8, 1),
    ]
    assert (found.events["ts_recv"] // MS - T0).tolist() == [6, 7]


def test_trades_outside_the_market_are_left_out_and_their_ids_are_no_gap(tmp_path: Path) -> None:
    fund = trade(2, 8, "0.0", "0.000", X="INSURANCE_FUND")
    found = read(tmp_path, trade(1, 7), fund, trade(3, 9))
    assert told(found, "c") == [(7,), (9,)]
    assert tally(found, "trade") == Tally(read=3, left_out=1)
    assert not found.report.rejected


def test_a_quote(tmp_path: Path) -> None:
    found = read(tmp_path, quote(1, 70, "99.9", "100.0"))
    assert told(found, "kind", "ms", "seq", "a", "b", "c", "d") == [
        (M.QUOTE, 1, 70, 999, 1000, 1000, 2000)
    ]


def test_a_quote_without_a_side(tmp_path: Path) -> None:
    found = read(tmp_path, quote(1, 70, bid="0.00", B="0.00"))
    assert told(found, "a", "b", "c", "d") == [(0, 0, 1000, 2000)]
    row = found.quotes().iloc[0]
    assert np.isnan(row["bid"])
    assert row["bid_size"] == 0


def test_a_frame_is_its_book_message_and_its_levels(tmp_path: Path) -> None:
    line = depth(1, (10, 12, 9), [["99.9", "1.5"], ["99.8", "0"]], [["100.1", "0.001"]])
    found = read(tmp_path, line)
    assert told(found, "kind", "code", "seq", "a", "b", "c", "d") == [
        (M.BOOK, M.MORE, 12, 10, 12, 9, -1),
        (M.DEPTH, M.MORE, 12, 999, 1500, 1, 0),
        (M.DEPTH, M.MORE, 12, 998, 0, 1, 0),
        (M.DEPTH, 0, 12, 1001, 1, -1, 0),
    ]
    assert set(found.events["ts"].tolist()) == {(T0 + 1) * MS}, "T where there is one, not E"


def test_an_empty_frame_has_no_more(tmp_path: Path) -> None:
    found = read(tmp_path, depth(1, (10, 12, 9)), depth(2, (13, 13, 12), [["99.9", "1"]]))
    assert told(found, "kind", "code") == [(M.BOOK, 0), (M.BOOK, M.MORE), (M.DEPTH, 0)]
    assert tally(found, "depth").gaps == 0


def test_spots_frame_has_no_predecessor_and_takes_its_event_time(tmp_path: Path) -> None:
    found = read(tmp_path, spot(depth(1, (10, 12, 9), [["99.9", "1"]])))
    assert told(found, "kind", "ms", "a", "b", "c") == [
        (M.BOOK, 2, 10, 12, -1),
        (M.DEPTH, 2, 999, 1000, 1),
    ]


def test_any_speed_of_depth_but_no_partial_book(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        depth(1, (10, 12, 9), speed="depth"),
        depth(2, (13, 14, 12), speed="depth@100ms"),
        stream("depth20@100ms", 3, lastUpdateId=15, bids=[], asks=[]),
    )
    assert told(found, "b") == [(12,), (14,)]
    assert found.report.ignored == {"btcusdt@depth20@100ms": 1}


def test_other_streams_symbols_and_replies_are_counted(tmp_path: Path) -> None:
    at, kline = stream("kline_1m", 1, k={})
    found = read(
        tmp_path,
        (at, kline),
        (at, {"stream": "ethusdt@trade", "data": {"t": 1}}),
        (at, {"result": None, "id": 1}),
        trade(2, 7),
    )
    assert len(found) == 1
    assert found.report.ignored == {"btcusdt@kline_1m": 1, "ethusdt@trade": 1, "": 1}
    assert found.report.lines == 4


def test_the_symbol_of_the_venue_may_be_another(tmp_path: Path) -> None:
    path = tmp_path / "capture.txt"
    path.write_bytes(text(trade(1, 7)))
    found = read_binance(path, Instrument("BTC-PERP", "0.1", lot="0.001"), symbol="btcUSDT")
    assert len(found.trades()) == 1


# --- the book's sequence ------------------------------------------------------------------------


def test_the_snapshot_goes_where_its_id_belongs(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        depth(1, (1, 3, 0), [["90.0", "1"]]),
        depth(2, (4, 6, 3), [["91.0", "1"], ["92.0", "1"]]),
        depth(4, (7, 12, 6), [["93.0", "1"]]),  # the snapshot is inside it
        depth(5, (13, 15, 12), [["94.0", "1"]]),
        snapshot(3, 9, [["99.9", "1"]], [["100.0", "2"]], at=20),  # received last
    )
    assert told(found, "kind", "code", "ms", "seq", "a", "b", "c") == [
        (M.BOOK, M.MORE | M.SNAPSHOT, 3, 9, 9, 9, -1),
        (M.DEPTH, M.MORE, 3, 9, 999, 1000, 1),
        (M.DEPTH, 0, 3, 9, 1000, 2000, -1),
        (M.BOOK, M.MORE, 4, 12, 7, 12, 6),
        (M.DEPTH, 0, 4, 12, 930, 1000, 1),
        (M.BOOK, M.MORE, 5, 15, 13, 15, 12),
        (M.DEPTH, 0, 5, 15, 940, 1000, 1),
    ]
    assert tally(found, "depth") == Tally(read=4, left_out=2)
    assert tally(found, "level") == Tally(read=5, left_out=3)
    assert tally(found, "snapshot") == Tally(read=1)
    assert tally(found, "snapshot_level") == Tally(read=2)


def test_a_frame_that_ends_with_the_snapshots_id_is_in_it(tmp_path: Path) -> None:
    found = read(tmp_path, depth(1, (4, 9, 3)), depth(2, (10, 11, 9)), snapshot(1, 9, at=9))
    assert told(found, "b") == [(9,), (11,)]
    assert tally(found, "depth") == Tally(read=2, left_out=1)


@pytest.mark.parametrize(("first", "gaps"), [(10, 0), (11, 1)])
def test_a_snapshot_that_the_first_frame_does_not_reach(
    tmp_path: Path, first: int, gaps: int
) -> None:
    lines = spot(depth(2, (first, 12))), spot(snapshot(None, 9))
    assert tally(read(tmp_path, *lines), "depth").gaps == gaps
    futures = depth(2, (20, 22, first - 1)), snapshot(1, 9)
    assert tally(read(tmp_path, *futures), "depth").gaps == gaps


def test_a_later_snapshot_keeps_the_frames_before_it(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        snapshot(1, 9),
        depth(2, (10, 12, 9)),
        depth(4, (13, 15, 12)),
        snapshot(3, 13, at=30),
        snapshot(3, 13, at=40),
    )
    assert told(found, "b", "code") == [(9, 8), (12, 0), (13, 8), (15, 0)]
    assert tally(found, "depth") == Tally(read=2)
    assert tally(found, "snapshot") == Tally(read=2 + 1, duplicates=1)


def test_missing_frames_are_a_gap_and_what_follows_stays(tmp_path: Path) -> None:
    futures = read(tmp_path, depth(1, (1, 3, 0)), depth(2, (9, 12, 8)), depth(3, (20, 21, 12)))
    assert tally(futures, "depth") == Tally(read=3, gaps=1)
    assert len(futures) == 3
    rest = spot(depth(1, (1, 3))), spot(depth(2, (4, 5))), spot(depth(3, (7, 8)))
    assert tally(read(tmp_path, *rest), "depth") == Tally(read=3, gaps=1)


def test_missing_and_doubled_trades(tmp_path: Path) -> None:
    found = read(tmp_path, trade(1, 7), trade(1, 7, at=9), trade(3, 10), trade(2, 8, at=11))
    assert told(found, "c") == [(7,), (8,), (10,)]
    assert tally(found, "trade") == Tally(read=4, duplicates=1, gaps=1)


def test_what_is_left_out_and_doubled_counts_once(tmp_path: Path) -> None:
    frame, fund = depth(1, (4, 9, 3), [["99.9", "1"]]), trade(1, 7, X="INSURANCE_FUND")
    found = read(tmp_path, frame, frame, snapshot(1, 9), fund, fund)
    assert told(found, "b", "code") == [(9, M.SNAPSHOT)]
    assert tally(found, "depth") == Tally(read=2, left_out=1, duplicates=1)
    assert tally(found, "level") == Tally(read=2, left_out=1, duplicates=1)
    assert tally(found, "trade") == Tally(read=2, left_out=1, duplicates=1)


def test_trades_of_one_time_stay_by_their_ids(tmp_path: Path) -> None:
    found = read(tmp_path, trade(1, 8, at=3), trade(1, 7, at=4), trade(1, 9, at=5))
    assert told(found, "c") == [(7,), (8,), (9,)]


def test_doubled_frames_and_quotes(tmp_path: Path) -> None:
    frame = depth(1, (4, 9, 3), [["99.9", "1"]])
    found = read(tmp_path, frame, quote(1, 9), quote(1, 9, at=20), frame)
    assert told(found, "kind") == [(M.BOOK,), (M.DEPTH,), (M.QUOTE,)]
    assert tally(found, "depth") == Tally(read=2, duplicates=1)
    assert tally(found, "level") == Tally(read=2, duplicates=1)
    assert tally(found, "quote") == Tally(read=2, duplicates=1)


# --- times and order ------------------------------------------------------------------------


def test_streams_that_overtake_each_other_are_sorted_by_the_venues_time(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        trade(3, 7, at=10),
        depth(1, (4, 9, 3), at=11),
        quote(2, 10, at=12),
        trade(3, 8, at=13),
    )
    assert told(found, "kind", "ms") == [
        (M.BOOK, 1), (M.QUOTE, 2), (M.TRADE, 3), (M.TRADE, 3)
    ]  # fmt: skip


def test_within_one_time_update_ids_decide_then_reception(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        quote(1, 12, at=10),
        trade(1, 7, at=11),
        depth(1, (10, 11, 9), at=12),  # before the quote of 12, though received after it
        depth(1, (12, 12, 11), at=13),  # what the quote of 12 shows
        trade(1, 8, at=14),
    )
    kinds = [(row[0], row[1]) for row in told(found, "kind", "seq")]
    book = [each for each in kinds if each[0] != M.TRADE]
    assert book == [(M.BOOK, 11), (M.BOOK, 12), (M.QUOTE, 12)]
    assert [each for each in kinds if each[0] == M.TRADE] == [(M.TRADE, 7), (M.TRADE, 8)]
    assert kinds[0] == (M.TRADE, 7), "the frame of 11 was received after it"


def test_a_frame_is_never_torn_by_what_has_its_time(tmp_path: Path) -> None:
    levels = [["99.9", "1"], ["99.8", "1"], ["99.7", "1"]]
    lines = [depth(1, (4, 9, 3), levels, at=10), *(trade(1, k, at=k) for k in range(7, 13))]
    kinds = [kind for (kind,) in told(read(tmp_path, *lines), "kind")]
    at = kinds.index(M.BOOK)
    assert kinds[at : at + 4] == [M.BOOK, M.DEPTH, M.DEPTH, M.DEPTH]


def test_a_receive_clock_that_is_behind_is_reported_and_nothing_changed(tmp_path: Path) -> None:
    found = read(tmp_path, trade(1000, 7, at=-270), trade(2000, 8, at=733))
    assert found.clock_offset_ns == -1_270 * MS
    assert told(found, "ms") == [(1000,), (2000,)]
    assert (found.events["ts_recv"] // MS - T0).tolist() == [-270, 733]


def test_a_clock_that_steps_back_is_raised_and_counted(tmp_path: Path) -> None:
    found = read(tmp_path, trade(5, 7), trade(3, 8), quote(5, 20), quote(4, 21), quote(6, 22))
    assert told(found, "kind", "ms") == [
        (M.TRADE, 5), (M.TRADE, 5), (M.QUOTE, 5), (M.QUOTE, 5), (M.QUOTE, 6)
    ]  # fmt: skip
    assert tally(found, "trade").late == 1
    assert tally(found, "quote").late == 1


def test_spots_quote_takes_the_latest_time_before_it(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        spot(quote(1, 5, at=1)),  # before any time: the first there is
        trade(10, 7, at=11),
        spot(quote(10, 11, at=12)),
        trade(14, 8, at=15),
        spot(quote(12, 21, at=16)),  # its frame was received before it: not after the next frame
        spot(depth(12, (12, 21), at=17)),
        spot(depth(13, (22, 30), at=18)),
    )
    assert [row for row in told(found, "kind", "seq", "ms") if row[0] != M.TRADE] == [
        (M.QUOTE, 5, 10),
        (M.QUOTE, 11, 10),
        (M.BOOK, 21, 13),
        (M.QUOTE, 21, 14),
        (M.BOOK, 30, 14),
    ]
    assert found.report.untimed == 3
    assert tally(found, "quote").late == tally(found, "depth").late == 0


def test_spots_snapshot_is_no_later_than_the_frame_after_it(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        spot(depth(1, (1, 3))),
        spot(depth(2, (4, 6))),
        trade(50, 7),
        snapshot(None, 3, [["99.9", "1"]], at=60),
    )
    assert told(found, "kind", "seq", "ms") == [
        (M.BOOK, 3, 3), (M.DEPTH, 3, 3), (M.BOOK, 6, 3), (M.TRADE, 7, 50)
    ]  # fmt: skip


def test_without_any_time_of_the_venue_there_is_the_receivers(tmp_path: Path) -> None:
    found = read(tmp_path, spot(quote(1, 5, at=1)), spot(quote(1, 6, at=3)))
    assert told(found, "ms") == [(1,), (3,)]
    assert found.clock_offset_ns == 0
    assert found.report.untimed == 2


def test_files_that_follow_each_other_are_one_capture(tmp_path: Path) -> None:
    one, two = tmp_path / "day1", tmp_path / "day2.gz"
    one.write_bytes(text(snapshot(1, 9), depth(2, (10, 12, 9)), trade(2, 7)))
    two.write_bytes(gzip.compress(text(trade(3, 8), "nothing", depth(4, (13, 14, 12)))))
    found = read_binance([one, two], BTC)
    assert told(found, "kind") == [(M.BOOK,), (M.BOOK,), (M.TRADE,), (M.TRADE,), (M.BOOK,)]
    assert tally(found, "depth").gaps == tally(found, "trade").gaps == 0
    assert [(each.file, each.line) for each in found.report.rejected] == [(str(two), 2)]
    assert found.report.files == (str(one), str(two))
