"""The example strategies on paper decide as they do in a backtest of the same data, both modes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from played import PlayedExchange, market

import alphaforge as af
from alphaforge import live
from alphaforge.data.history import History
from alphaforge.data.recording import Recording, Report
from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine.jit import JIT
from alphaforge.research.backtest import backtest
from alphaforge.strategy.library import (
    Breakout,
    BuyAndHold,
    MarketMaker,
    MeanReversion,
    Pairs,
    Rotation,
    Schedule,
    SmaCross,
)
from alphaforge.units import SECOND

pytestmark = pytest.mark.skipif(not JIT, reason="compares compiled code with Python")

MODES = ("compiled", "python")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
START = 1_767_364_200 * SECOND
OVER = "150s"
# Fast strategies, on how many instruments, and how many decisions there must be: more is proof.
OF_BARS: list[tuple[af.Strategy, int, int]] = [
    (BuyAndHold(), 2, 2),
    (SmaCross(fast=2, slow=5), 1, 20),
    (MeanReversion(score=8, entry=1.0, most=5), 1, 15),
    (Breakout(entry=5, leave=3), 1, 10),
    (Pairs(score=12, entry=1.0, leave=0.2), 2, 20),
    (Rotation(period=5, every=3), 3, 15),
]
OF_EVENTS: list[tuple[af.Strategy, int]] = [
    (MarketMaker(), 300),
    (Schedule(total=-12.0, parts=40, every_s=3), 40),
]


def name_of(value: Any) -> str:
    return type(value).__name__ if isinstance(value, af.Strategy) else ""


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that begin at START, without a past, on a market that a test plays."""
    monkeypatch.setattr(live, "SimulatedExchange", PlayedExchange)
    monkeypatch.setattr(live, "BACKFILL_BARS", 0)
    clock = SimpleNamespace(**{n: getattr(time, n) for n in ("strftime", "gmtime")})
    clock.time_ns = lambda: START
    monkeypatch.setattr(live, "time", clock)


@pytest.fixture
def lab(played: None) -> Iterator[af.Lab]:
    del played
    # At a speed other than 1 the wall clock moves nothing.
    made = af.Lab(":memory:", exchange={"symbols": SYMBOLS, "speed": 2.0})
    made.limits.max_order_rate = made.limits.max_notional = 0  # a backtest has no limits
    for symbol in SYMBOLS:
        made.limits.max_position[symbol] = 0
    yield made
    made.close()


def on_paper(lab: af.Lab, given: list[Any], mode: str, events: Any) -> tuple[list[Any], Any]:
    """Strategies that traded through the events, stopped again; what was journalled."""
    papers = [lab.paper(each, list(SYMBOLS[:count]), "1s", mode=mode) for each, count in given]
    session = lab.live
    exchange: Any = session.exchange
    exchange.play(events, session.engine)
    for paper in papers:
        paper.stop()
    exchange.settle(session.engine)
    reader = session.engine.journal.reader()
    rows = reader.read(1 << 21)
    assert reader.missed == reader.damaged == 0
    return papers, rows


def decisions(rows: Any, slot: int, cancelled: int) -> list[tuple[Any, ...]]:
    """A strategy's orders and cancels: time, its how-manieth order, and what it asks for.

    ``cancelled`` is the status that a cancel leaves at once: on paper it has to be answered.
    """
    terms = {int(r["a"]): (int(r["code"]), int(r["b"])) for r in rows[rows["kind"] == M.TERMS_ROW]}
    mine = rows[(rows["kind"] == M.ORDER_ROW) & (rows["d"] == slot)]
    order_of: dict[int, int] = {}
    found: list[tuple[Any, ...]] = []
    for row in mine:
        key, ts = int(row["a"]), int(row["ts"])
        if row["code"] == K.INITIALIZED:
            order_of[key] = len(order_of)
            asked = tuple(int(row[n]) for n in ("instrument", "b", "c"))
            found.append((ts, order_of[key], *asked, terms.get(key)))
        elif row["code"] == cancelled:
            found.append((ts, order_of[key], "cancel"))
    return found


def fills(rows: Any, slot: int) -> list[tuple[int, ...]]:
    """How-manieth order, lots, price, fee and liquidity of a strategy's fills.

    Not their time: what a timer's order gets from a venue outside is told after what fired it.
    """
    mine = rows[(rows["kind"] == M.ORDER_ROW) & (rows["d"] == slot)]
    new = mine["a"][mine["code"] == K.INITIALIZED].tolist()
    order_of = {key: n for n, key in enumerate(new)}
    filled = rows[rows["kind"] == M.FILL_ROW]
    return [
        (order_of[int(r["a"])], *(int(r[n]) for n in ("b", "c", "d", "code")))
        for r in filled
        if int(r["a"]) in order_of
    ]


@pytest.mark.parametrize("mode", MODES)
def test_on_bars_decisions_are_those_of_a_backtest(
    lab: af.Lab, history: History, mode: str
) -> None:
    """The backtest is given the bars that the session built.

    It fills them by its own rule, at the next bar's open; on paper the venue fills at the touch.
    Neither price is looked at by these six, so every order is equal, to the nanosecond.
    """
    events = market(SYMBOLS, OVER, START)
    given = [(strategy, count) for strategy, count, _ in OF_BARS]
    papers, rows = on_paper(lab, given, mode, events)
    for n, symbol in enumerate(SYMBOLS):
        history.add_instrument(lab.live.engine.instruments[n])
        history.write_bars(symbol, "1s", lab.bars(symbol, "1s"))
    for paper, (strategy, count, least) in zip(papers, OF_BARS, strict=True):
        ours = decisions(rows, paper.slot, K.PENDING_CANCEL)
        assert len(ours) >= least, strategy
        for other in MODES:
            run = backtest(history, strategy, list(SYMBOLS[:count]), "1s", mode=other)
            assert ours == decisions(run.rows, 0, K.CANCELLED), (strategy, other)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("strategy", "least"), OF_EVENTS, ids=name_of)
def test_on_events_decisions_and_fills_are_those_of_a_backtest(
    lab: af.Lab, history: History, strategy: af.Strategy, least: int, mode: str
) -> None:
    """These two decide by what was filled, so the venue's model is the backtest's here."""
    events = market(SYMBOLS[:1], OVER, START)
    (paper,), rows = on_paper(lab, [(strategy, 1)], mode, events)
    ours = decisions(rows, paper.slot, K.PENDING_CANCEL)
    filled = fills(rows, paper.slot)
    assert len(ours) >= least
    assert len(filled) > 5
    recording = Recording(lab.live.engine.instruments[0], events, Report())
    for other in MODES:
        run = backtest(history, strategy, recording, fees=live.FEES, mode=other)
        assert ours == decisions(run.rows, 0, K.CANCELLED), other
        assert filled == fills(run.rows, 0), other
