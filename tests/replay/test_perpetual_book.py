"""A real perpetual's capture: its book in the engine, and a market maker under each queue model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.research.backtest import backtest

CAPTURE = Path(__file__).parents[3] / "shared/data/hftbacktest_binance/usdm/btcusdt_20240808.gz"
pytestmark = pytest.mark.skipif(not CAPTURE.exists(), reason=f"no capture at {CAPTURE}")
PERPETUAL = af.Instrument(
    "BTCUSDT", tick="0.1", lot="0.001", currency="USDT", base="BTC", kind="perpetual"
)

ROOM = L.Capacities(levels=1 << 14, far=1 << 15)


@pytest.fixture(scope="module")
def recording() -> af.Recording:
    return af.read_binance(str(CAPTURE), PERPETUAL)


def test_the_book_equals_the_best_quotes_at_every_equal_update_id(recording: af.Recording) -> None:
    """The engine's own book after each frame, against the venue's stream of best quotes."""
    events = recording.events.copy()
    events["instrument"] = 0
    quotes = events[events["kind"] == M.QUOTE]
    told = {int(q["seq"]): q for q in quotes}
    engine = Engine("USDT", venue=af.Venue(depth="L2"), capacities=ROOM)
    engine.add_instrument(PERPETUAL)
    book = L.pool(engine.block, "books")[0]
    market = L.pool(engine.block, "markets")[0]
    ends = np.flatnonzero((events["kind"] == M.DEPTH) & (events["code"] & M.MORE == 0))
    compared, start, nothing = 0, 0, np.zeros(1, np.int64)
    for end in ends.tolist():
        if int(events["seq"][end]) not in told:
            continue
        engine.run(events[start : end + 1], nothing, lambda: None)
        start = end + 1
        quote = told[int(events["seq"][end])]
        best = [int(book["best_bid"]), int(book["best_ask"])]
        assert best == [int(quote["a"]), int(quote["c"])]
        assert [int(market["bid_lot"]), int(market["ask_lot"])] == [
            int(quote["b"]),
            int(quote["d"]),
        ]
        compared += 1
    engine.run(events[start:], nothing, lambda: None)
    assert compared == 629
    assert int(book["state"]) == K.BOOK_GOOD
    assert (int(engine.header["crossed"]), int(engine.header["book_faults"])) == (0, 0)


def test_a_frame_that_is_missing_makes_the_book_stale_until_a_snapshot(
    recording: af.Recording,
) -> None:
    events = recording.events.copy()
    events["instrument"] = 0
    frames = np.flatnonzero((events["kind"] == M.BOOK) & (events["code"] & M.SNAPSHOT == 0))
    cut, upto = int(frames[100]), int(frames[103])
    kept = np.concatenate([events[:cut], events[int(frames[101]) : upto]])
    engine = Engine("USDT", venue=af.Venue(depth="L2"), capacities=ROOM)
    engine.add_instrument(PERPETUAL)
    engine.run(kept, np.zeros(1, np.int64), lambda: None)
    book = L.pool(engine.block, "books")[0]
    assert (int(book["state"]), int(engine.header["book_faults"])) == (K.BOOK_GAP, 1)
    assert int(book["left_out"]) > 0
    rows = engine.journal.copy(0, engine.journal.written)
    gap = rows[rows["kind"] == M.BOOK_ROW]
    assert gap["code"].tolist() == [K.BOOK_GAP]
    snapshot = events[(events["code"] & M.SNAPSHOT) != 0]
    at = int(np.flatnonzero(events["seq"] == snapshot["seq"][0])[0])
    last = at + int(np.argmax(events["code"][at:] & M.MORE == 0)) + 1
    again = events[at:last].copy()
    again["ts"] = kept["ts"][-1]
    engine.run(again, np.zeros(1, np.int64), lambda: None)
    assert int(book["state"]) == K.BOOK_GOOD


class Maker(af.Strategy):
    """Both sides at the touch, quoted anew every twenty frames; little inventory."""

    size: float = 0.01
    most: float = 0.2
    seen: int = 0

    def on_book(self, ctx, book):
        self.seen += 1
        if self.seen % 20 != 0:
            return
        i = book.instrument
        held = ctx.position(i).qty
        ctx.cancel_all(i)
        if held < self.most:
            ctx.buy(i, self.size, limit=ctx.bid(i), post_only=True)
        if held > -self.most:
            ctx.sell(i, self.size, limit=ctx.ask(i), post_only=True)


QUEUES = {
    "through": af.ThroughQueue(),
    "risk averse": af.RiskAverseQueue(),
    "power 3": af.PowerQueue(3),
    "power 1": af.PowerQueue(1),
    "front": af.FrontQueue(),
}


def traded(recording: af.Recording, queue: Any, **assumed: Any) -> Any:
    history = History(":memory:")
    venue = af.Venue(depth="L2", queue=queue, **assumed)
    fees = af.Fees(taker="0.0005", maker="0.0002")
    return backtest(history, Maker(), recording, cash=100_000, fees=fees, venue=venue)


@pytest.mark.parametrize("late", [False, True], ids=["at once", "some milliseconds away"])
def test_the_queue_models_are_as_optimistic_as_theory_says(
    recording: af.Recording, late: bool
) -> None:
    """Through fills least, then risk averse, then the power family, then the front of the queue."""
    latency = af.Latency("5ms", "5ms", "2ms") if late else af.Latency()
    runs = {name: traded(recording, q, latency=latency) for name, q in QUEUES.items()}
    filled = {name: float(run.fills["qty"].sum()) for name, run in runs.items()}
    assert filled["through"] <= filled["risk averse"] <= filled["power 1"] < filled["front"]
    assert filled["risk averse"] <= filled["power 3"] < filled["front"]
    for run in runs.values():
        assert not [text for text in run.warnings if "stale" in text]
        assert (run.fills["liquidity"] == "maker").all(), "post only never takes"
        assert len(run.fills) > 50
    again = traded(recording, QUEUES["power 3"], latency=latency)
    assert again.journal_hash == runs["power 3"].journal_hash
    assert again.run_id == runs["power 3"].run_id != runs["power 1"].run_id


def test_a_late_feed_is_seen_late_and_traded_in_time(recording: af.Recording) -> None:
    """Events reach the strategy by the feed's delay after the venue had them."""
    seen: list[tuple[int, int]] = []

    class Watch(af.Strategy):
        def on_trade(self, ctx, trade):
            seen.append((trade.ts, ctx.now()))

    part = recording.window(recording.events["ts"][0], recording.events["ts"][0] + 10_000_000_000)
    history = History(":memory:")
    venue = af.Venue(depth="L2", latency=af.Latency(feed="7ms"))
    backtest(history, Watch(), part, venue=venue, mode="python")
    trades = part.events[part.events["kind"] == M.TRADE]
    assert [now for _, now in seen] == (trades["ts"] + 7_000_000).tolist()
