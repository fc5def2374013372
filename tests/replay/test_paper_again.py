"""A paper session of all example strategies, again from its journal: both modes, every row equal.

The session is the real one: the simulated exchange in its thread, a back-fill first, latency of
whatever the machine has. What it was fed is in its journal: market data, the venue's reports,
commands, when its clock woke it. Fed to another engine, whatever mode its strategies have, every
order, fill, bar and account must come out again, to the last bit, and end in equal fields.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import alphaforge as af
from alphaforge import live
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.engine.jit import JIT
from alphaforge.engine.ring import Ring
from alphaforge.strategy.compile import Entry, compiled_entry, python_entry
from alphaforge.strategy.fields import to_bytes
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
from alphaforge.units import SECOND, parse_interval

pytestmark = pytest.mark.skipif(not JIT, reason="compares compiled code with Python")

MODES = ("compiled", "python")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
PAST = 60  # bars of a back-fill
Given = tuple[af.Strategy, list[str], int]
"""A strategy, on which instruments, and how many orders there must be: many more are proof."""
ALL: list[Given] = [
    (BuyAndHold(), ["BTCUSDT", "ETHUSDT"], 2),
    (SmaCross(fast=2, slow=5), ["BTCUSDT"], 5),
    (MeanReversion(score=8, entry=1.0, most=5), ["ETHUSDT"], 3),
    (Breakout(entry=4, leave=2), ["BTCUSDT"], 2),
    (Pairs(score=12, entry=1.0, leave=0.2), ["BTCUSDT", "ETHUSDT"], 4),
    (Rotation(period=5, every=3), list(SYMBOLS), 4),
    (MarketMaker(), ["SOLUSDT"], 100),
    (Schedule(total=-0.5, parts=10, every_s=5), ["BTCUSDT"], 10),
]


class Recorded:
    """What a session's journal said from its first row on."""

    def __init__(self, lab: af.Lab) -> None:
        self.session = lab.live
        self.reader = self.session.engine.journal.reader()
        self.parts: list[Any] = []

    def until(self, simulated_s: int, deadline: float = 60.0) -> None:
        """Follow until so much time of the market has passed since the back-fill."""
        engine, end = self.session.engine, time.monotonic() + deadline
        stop = self.session.live_from + simulated_s * SECOND
        while int(engine.header["now"]) < stop:
            assert engine.running, engine.state_text()
            assert time.monotonic() < end, "the market stands still"
            self.parts.append(self.reader.read())
            time.sleep(0.005)

    def rows(self) -> Any:
        """All rows, once the engine has stopped."""
        self.parts.append(self.reader.read(1 << 21))
        assert self.reader.missed == self.reader.damaged == 0
        return np.concatenate(self.parts)


def traded(
    lab: af.Lab,
    given: list[Given],
    mode: str,
    simulated_s: int,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """The journal of a session in which strategies traded in a mode, from the first event on."""
    session = lab._live_without_start()
    with monkeypatch.context() as patch:
        patch.setattr(session, "begin", lambda: None)  # not before all are there
        for strategy, symbols, _ in given:
            lab.paper(strategy, symbols, "1s", mode=mode)
    recorded = Recorded(lab)
    recorded.until(simulated_s)
    session.exchange.stop()
    session.engine.stop()
    return recorded.rows()


def outputs(rows: Any) -> Any:
    """Output rows as a replay must repeat them: without sequence, checksum, receive time."""
    found = rows[rows["kind"] >= M.FIRST_OUTPUT].copy()
    found["seq"] = found["check"] = 0
    found["ts_recv"][found["kind"] != M.BAR_ROW] = 0
    return found


def fed(rows: Any) -> list[Any]:
    """The inputs of a journal as messages again, in arrays; a DEFINE is a place between two."""
    inputs = rows[rows["kind"] < M.FIRST_OUTPUT].copy()
    more = inputs["kind"] == M.MORE_INPUT
    # The rest of a long message was journalled as two rows of 32 bytes: they are one slot again.
    first = np.flatnonzero(more & (inputs["code"] == 1))
    assert (inputs["code"][first + 1] == 2).all()
    words = np.ascontiguousarray(inputs[first]).view(np.int64).reshape(-1, 8)
    words[:, :4] = np.stack([inputs["abcd"[k]][first] for k in range(4)], axis=1)
    words[:, 4:] = np.stack([inputs["abcd"[k]][first + 1] for k in range(4)], axis=1)
    inputs[first] = words.reshape(-1).view(M.SLOT)
    keep = np.ones(inputs.size, bool)
    keep[first + 1] = False
    places = np.flatnonzero(inputs["kind"] == M.DEFINE)
    places = places[~more[places]]
    keep[places] = False
    return [
        part[k] for part, k in zip(np.split(inputs, places), np.split(keep, places), strict=True)
    ]


def state(engine: Engine, slot: int, own: af.Strategy, entry: Entry) -> bytes:
    """A strategy's fields as they are now, the engine at rest: as its compiled record has them."""
    if not entry.state.size:
        return to_bytes(own).tobytes()
    record = L.pool(engine.block, "strategies")[slot]
    at = int(record["state"])
    return engine.block[at : at + int(record["bytes"])].tobytes()


def again(
    session: live.Live, given: list[Given], rows: Any, mode: str
) -> tuple[Any, dict[int, bytes]]:
    """Outputs, and fields at the end, of an engine that is fed what the session's was.

    Its strategies run in ``mode``, whatever they did there.
    """
    engine = Engine(
        currency="USDT",
        cash=live.CASH,
        fees=live.FEES,
        live=True,
        live_from=session.live_from,
        capacities=session.engine.capacities,
        journal_rows=live.JOURNAL_ROWS,
    )
    engine.header["now"] = session.exchange.start_ns
    for instrument in session.engine.instruments:
        engine.add_instrument(instrument, K.VENUE_EXTERNAL)
    for symbol in SYMBOLS:
        for spec in live.SPECS:
            engine.add_builder(symbol, parse_interval(spec))
    sent = Ring(1 << 18)  # nobody takes from it
    engine.header["out"] = sent.address
    reader, found = engine.journal.reader(), []
    strategies, running = iter(given), {}
    for n, part in enumerate(fed(rows)):
        if n > 0:
            strategy, symbols, _ = next(strategies)
            own = strategy.fresh()
            entry = compiled_entry(own) if mode == "compiled" else python_entry(own)
            slot = engine.add_strategy(entry, symbols, SECOND, live_from=session.live_from)
            running[slot] = own, entry
        engine.run(part, np.zeros(0, np.int64), lambda: found.append(reader.read(1 << 21)))
        assert not engine.fault, (engine.fault_text(), entry.error)
    found.append(reader.read(1 << 21))
    assert reader.missed == 0
    assert next(strategies, None) is None
    ends = {slot: state(engine, slot, *each) for slot, each in running.items()}
    return outputs(np.concatenate(found)), ends


def check_again(session: live.Live, given: list[Given], rows: Any) -> None:
    """All have traded, and both modes give the session's outputs again; what differs is told."""
    ours = outputs(rows)
    new = ours[(ours["kind"] == M.ORDER_ROW) & (ours["code"] == K.INITIALIZED)]
    assert new["ts"].min() >= session.live_from, "in the past nothing is asked for"
    filled = ours["a"][ours["kind"] == M.FILL_ROW]
    for slot, (strategy, _, least) in enumerate(given):
        mine = new["a"][new["d"] == slot]
        assert mine.size >= least, strategy
        assert np.isin(mine, filled).sum() > least // 10, strategy
    ends = {k: state(session.engine, k, *each) for k, each in session.strategies.items()}
    for mode in MODES:
        theirs, their_ends = again(session, given, rows, mode)
        count = min(ours.size, theirs.size)
        differ = np.flatnonzero(theirs[:count] != ours[:count])
        assert not differ.size, (mode, ours[differ[0]], theirs[differ[0]])
        assert theirs.size == ours.size, mode
        assert [k for k in ends if their_ends[k] != ends[k]] == [], "fields differ at the end"


@pytest.mark.parametrize("mode", MODES)
def test_a_session_comes_out_again_in_both_modes(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BACKFILL_BARS", PAST)
    settings = {"symbols": SYMBOLS, "seed": 3, "speed": 20.0}
    with af.Lab(":memory:", exchange=settings) as lab:
        rows = traded(lab, ALL, mode, 120, monkeypatch)
        check_again(lab.live, ALL, rows)


def test_so_does_one_whose_timers_the_wall_clock_fires(monkeypatch: pytest.MonkeyPatch) -> None:
    """At speed 1 the engine's thread wakes for a timer that no event has reached yet."""
    monkeypatch.setattr(live, "BACKFILL_BARS", 5)
    chosen: list[Given] = [(BuyAndHold(), ["BTCUSDT"], 1), (Schedule(every_s=1), ["BTCUSDT"], 3)]
    with af.Lab(":memory:", exchange={"symbols": SYMBOLS, "seed": 3}) as lab:
        rows = traded(lab, chosen, "compiled", 6, monkeypatch)
        assert (rows["kind"] == M.WAKE).sum() >= 3
        check_again(lab.live, chosen, rows)
