"""A real capture of BTCUSDT's perpetual: all of it is read, and its book is the venue's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alphaforge.data.capture import read_binance
from alphaforge.data.recording import KINDS, Recording
from alphaforge.engine import messages as M
from alphaforge.instrument import Instrument

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "hftbacktest_binance" / "usdm"
CAPTURE = FOLDER / "btcusdt_20240808.gz"
pytestmark = pytest.mark.skipif(not CAPTURE.exists(), reason=f"the real capture isn't in {FOLDER}")


@pytest.fixture(scope="module")
def recording() -> Recording:
    return read_binance(CAPTURE, Instrument("BTCUSDT", "0.1", lot="0.001", currency="USDT"))


def test_everything_is_read(recording: Recording) -> None:
    table = recording.frame()
    assert table.index.tolist() == list(KINDS)
    read = {"trade": 21_313, "quote": 66_089, "depth": 6_551, "snapshot": 1, "level": 443_521,
            "snapshot_level": 2_000}  # fmt: skip
    assert table["read"].to_dict() == read
    # The snapshot was received after the first frames: four it contains, the fifth spans it.
    assert table["left_out"].to_dict() == {**dict.fromkeys(KINDS, 0), "depth": 4, "level": 259}
    assert table["messages"].to_dict() == {**read, "depth": 6_547, "level": 443_262}
    assert not table[["duplicates", "gaps", "late"]].to_numpy().any()
    report = recording.report
    assert report.lines == 21_313 + 66_089 + 6_551 + 1
    assert not report.rejected
    assert not report.ignored
    assert not report.truncated
    assert report.untimed == 0


def test_times(recording: Recording) -> None:
    events = recording.events
    assert (np.diff(events["ts"]) >= 0).all()
    assert recording.clock_offset_ns == -1_272_402_468
    # Before the snapshot's frames were left out the least was the same line's.
    assert (events["ts_recv"] - events["ts"]).min() == recording.clock_offset_ns


def test_ids_follow_on(recording: Recording) -> None:
    events = recording.events
    trades = events[events["kind"] == M.TRADE]
    assert (np.diff(trades["c"]) == 1).all()
    assert (trades["seq"] == trades["c"]).all()
    quotes = events[events["kind"] == M.QUOTE]
    assert (np.diff(quotes["seq"]) > 0).all()
    books = events[events["kind"] == M.BOOK]
    assert books["code"][0] == M.MORE | M.SNAPSHOT
    assert books["a"][1] <= books["b"][0] <= books["b"][1], "Binance's rule for the first frame"
    assert (books["c"][2:] == books["b"][1:-1]).all()


def test_frames_are_whole(recording: Recording) -> None:
    events = recording.events
    open_frame = -1
    for kind, code, seq in zip(
        *(events[name].tolist() for name in ("kind", "code", "seq")), strict=True
    ):
        if kind in (M.TRADE, M.QUOTE, M.BOOK):
            assert open_frame < 0, "a frame that nothing interrupts"
            if kind == M.BOOK:
                assert code & M.MORE
                open_frame = seq
        else:
            assert seq == open_frame
            if not code & M.MORE:
                open_frame = -1
    assert open_frame < 0


def test_the_book_is_the_one_that_the_venue_quotes(recording: Recording) -> None:
    quotes, compared = {}, 0
    for row in recording.events[recording.events["kind"] == M.QUOTE]:
        quotes[int(row["seq"])] = tuple(row[name].item() for name in "abcd")
    for last, best in books_of(recording):
        if last in quotes:
            compared += 1
            assert best == quotes[last], last
    assert compared == 629  # every one that there is; the data's README looked at 126 of them


def test_a_window_has_the_book_of_the_whole(recording: Recording) -> None:
    events = recording.events
    start, stop = (int(events["ts"][events.size * k // 10]) for k in (4, 6))
    cut = recording.window(start, stop)
    seen = [(last, best) for last, best in books_of(recording)]
    ids = {last for last, _ in books_of(cut)}
    assert [pair for pair in seen if pair[0] in ids] == list(books_of(cut))
    assert len(ids) > 1_000


def test_human_units(recording: Recording) -> None:
    trades, quotes = recording.trades(), recording.quotes()
    assert trades.iloc[0].drop("ts_recv").tolist() == [61800.3, 0.006, 1, 5266583935]
    first = quotes.iloc[0]
    assert first.drop("ts_recv").tolist() == [61800.2, 2.507, 61800.3, 2.51, 5123107839020]
    assert first["ts_recv"].value == 1723161255088169167
    assert quotes.index[0].value == 1723161256313 * 10**6
    assert (quotes["bid"] < quotes["ask"]).all()


def books_of(recording: Recording) -> Any:
    """The last update id and the best bid and ask after each frame, by an obvious book."""
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    names = ("kind", "code", "seq", "a", "b", "c")
    for kind, code, seq, tick, lots, side in zip(
        *(recording.events[name].tolist() for name in names), strict=True
    ):
        if kind == M.BOOK and code & M.SNAPSHOT:
            bids.clear()
            asks.clear()
        if kind != M.DEPTH:
            continue
        book = bids if side > 0 else asks
        if lots:
            book[tick] = lots
        else:
            book.pop(tick, None)
        if not code & M.MORE:
            bid, ask = max(bids), min(asks)
            yield seq, (bid, bids[bid], ask, asks[ask])
