"""Runs that use every kind of order leave one journal: in any batch size, mode and speed."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from market import DAY, T0, check_journal_of_orders, instrument, slot

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.engine.jit import warm
from alphaforge.engine.journal import JournalHash
from alphaforge.strategy.compile import compiled_entry, python_entry
from alphaforge.venue import Venue

SECOND = 1_000_000_000


class Everything(af.Strategy):
    """Asks for every type, time in force, flag, contingency and algorithm in turn."""

    n: int = 0
    last: int = 0
    before: int = 0

    def on_quote(self, ctx, quote):
        self.n += 1
        i = quote.instrument
        bid = quote.bid
        ask = quote.ask
        k = self.n % 40
        if k == 1:
            ctx.buy(i, 2.0)
        elif k == 2:
            self.last = ctx.sell(i, 3.0, limit=ask + 0.02)
        elif k == 3:
            ctx.replace(self.last, limit=ask, qty=5.0)
        elif k == 4:
            ctx.buy(i, 2.0, stop=ask + 0.01, trigger=af.BID_ASK)
        elif k == 5:
            ctx.sell(i, 2.0, stop=bid - 0.01, limit=bid - 0.03)
        elif k == 6:
            ctx.buy(i, 1.0, touch=bid - 0.01, trigger=af.MID)
        elif k == 7:
            ctx.sell(i, 1.0, touch=ask + 0.01, limit=ask + 0.01)
        elif k == 8:
            ctx.sell(i, 2.0, trail=0.02)
        elif k == 9:
            ctx.buy(i, 2.0, trail=3.0, trail_unit=af.TRAIL_BPS, trail_limit=0.01)
        elif k == 10:
            ctx.buy(i, 30.0, to_limit=True, tif=af.DAY)
        elif k == 11:
            ctx.bracket(i, 4.0, take=ask + 0.03, stop=bid - 0.03)
        elif k == 12:
            ctx.bracket(i, -4.0, take=bid - 0.02, stop=ask + 0.02, limit=ask)
        elif k == 13:
            ctx.buy(i, 500.0, limit=ask, tif=af.FOK)
        elif k == 14:
            ctx.buy(i, 500.0, limit=ask, tif=af.IOC)
        elif k == 15:
            ctx.sell(i, 3.0, limit=ask, tif=af.GTD, expire_ns=ctx.now() + 5 * 1_000_000_000)
        elif k == 16:
            ctx.buy(i, 3.0, limit=bid, post_only=True, display=1.0)
        elif k == 17:
            ctx.sell(i, 2.0, reduce_only=True, stp=af.CANCEL_OLDEST)
        elif k == 18:
            ctx.buy(i, 2.0, stop=ask + 0.02, emulate=True)
        elif k == 19:
            ctx.twap(i, 8.0, 10 * 1_000_000_000, 4)
        elif k == 20:
            ctx.vwap(i, -8.0, 10 * 1_000_000_000, 4)
        elif k == 21:
            ctx.pov(i, 6.0, 0.2, smallest=1.0)
        elif k == 22:
            ctx.iceberg(i, -6.0, ask, 2.0)
        elif k == 23:
            ctx.chase(i, 4.0, behind=1, over_ns=5 * 1_000_000_000)
        elif k == 24:
            self.last = ctx.buy(i, 2.0, limit=bid - 0.01)
            self.before = ctx.sell(i, 2.0, limit=ask + 0.01)
            ctx.link(self.last, self.before)
        elif k == 25:
            ctx.buy(i, 2.0, tif=af.AT_OPEN)
        elif k == 26:
            ctx.sell(i, 2.0, limit=bid, tif=af.AT_CLOSE)
        elif k == 27:
            ctx.sell(i, 1.0, stop=bid - 0.05, close_position=True)
        elif k == 28:
            ctx.buy(i, 1.0, limit=ask + 0.05, stp=af.DECREMENT)
        elif k == 29:
            ctx.buy(i, 1.0, display=5.0)  # denied: it never rests
        elif k == 30:
            ctx.cancel(self.last)
        elif k == 39:
            ctx.cancel_all(i)
            ctx.close(i)


def market(count: int, seed: int) -> Any:
    """Quotes and trades of a random walk, with an auction and a halt now and then."""
    random = np.random.default_rng(seed)
    messages = []
    mid, ts = 10_000, T0 + DAY // 3
    for n in range(count):
        ts += int(random.integers(1, 2 * SECOND))
        mid += int(random.integers(-2, 3))
        sizes = random.integers(1, 20, 2)
        draw = random.random()
        if draw < 0.6:
            one = slot(M.QUOTE, ts, a=mid - 1, b=sizes[0], c=mid + 1, d=sizes[1])
        elif draw < 0.96:
            side = int(random.choice([-1, 1]))
            one = slot(M.TRADE, ts, a=mid + side, b=sizes[0], c=n, d=side)
        elif draw < 0.98:
            one = slot(M.AUCTION, ts, a=mid, b=50, c=int(random.integers(0, 2)))
        else:
            status = int(random.choice([K.HALT, K.OPEN, K.OPEN]))
            one = slot(M.STATUS, ts, a=status)
        messages.append(one)
    return np.concatenate(messages)


VENUES = {
    "plain": Venue(),
    "late": Venue(latency=af.Latency(entry="150ms", response="70ms")),
    "drawn": Venue(
        latency=af.DrawnLatency(entry="90ms", response="40ms", sigma=0.7, seed=5),
        queue=af.PowerQueue(2),
        slippage=af.TickSlippage(1),
    ),
    "averse": Venue(queue=af.RiskAverseQueue(), partial=False),
}


def run(
    venue: Venue, messages: Any, mode: str, cuts: list[int], journal_rows: int = 1 << 18
) -> Any:
    strategy = Everything()
    entry = compiled_entry(strategy) if mode == "compiled" else python_entry(strategy)
    engine = Engine(venue=venue, fees=af.Fees("0.0002", "-0.0001"))
    engine.add_instrument(instrument("XYZ", "0.01"))
    engine.add_strategy(entry, ["XYZ"])
    digest, rows = JournalHash(), []

    def drain() -> None:
        taken = engine.journal.copy(sum(len(r) for r in rows), engine.journal.written)
        rows.append(taken)
        digest.update(taken)

    equity = np.zeros(1, np.int64)
    edges = [0, *cuts, messages.size]
    for start, stop in itertools.pairwise(edges):
        engine.run(messages[start:stop], equity, drain)
    assert not engine.fault, (engine.fault_text(), entry.error)
    return digest.hexdigest(), np.concatenate(rows), engine


@pytest.mark.parametrize("name", VENUES)
def test_one_journal_in_any_batch_size_and_mode(name: str) -> None:
    messages = market(1_200, seed=11)
    first, _, engine = run(VENUES[name], messages, "compiled", [])
    assert run(VENUES[name], messages, "compiled", list(range(1, 1_200)))[0] == first
    assert run(VENUES[name], messages, "compiled", [7, 90, 600])[0] == first
    assert run(VENUES[name], messages, "python", [500])[0] == first
    assert int(engine.header["fills"]) > 100


@pytest.mark.parametrize("name", VENUES)
def test_every_kind_of_order_was_used_and_ended_as_the_table_has_it(name: str) -> None:
    _, rows, engine = run(VENUES[name], market(4_000, seed=3), "compiled", [])
    check_journal_of_orders(rows)
    terms = rows[rows["kind"] == M.TERMS_ROW]
    assert set(terms["code"].tolist()) >= set(K.TYPE_NAMES) - {K.MARKET_ORDER}
    assert set((terms["b"] & 255).tolist()) == set(K.TIF_NAMES)
    statuses = {K.STATUS_NAMES[int(s)] for s in rows[rows["kind"] == M.ORDER_ROW]["code"]}
    assert statuses >= set(K.STATUS_NAMES.values()) - {"free", "pending_update", "pending_cancel"}
    header = engine.header
    owed = L.pool(engine.block, "positions")[0]
    start, cash = int(header["start_cash"]), int(header["cash"])
    assert cash + int(owed["cost"]) - int(owed["realised"]) + int(header["fees"]) == start


def test_one_journal_at_any_speed() -> None:
    """Fed slowly, through its own thread and a ring, an engine journals what an array run does."""
    from alphaforge.engine.ring import Ring

    warm()
    messages = market(600, seed=5)
    venue = VENUES["late"]
    _, expected, _ = run(venue, messages, "compiled", [])
    engine = Engine(venue=venue, fees=af.Fees("0.0002", "-0.0001"))
    engine.add_instrument(instrument("XYZ", "0.01"))
    engine.add_strategy(compiled_entry(Everything()), ["XYZ"])
    ring = Ring(1 << 12)
    engine.connect(ring)
    engine.start()
    try:
        for start in range(0, messages.size, 50):
            for message in messages[start : start + 50]:
                assert ring.push(message.reshape(1))
            while int(engine.header["events"]) < start + 50:
                engine.snapshot(0.0)
    finally:
        engine.stop()
    found = engine.journal.copy(0, engine.journal.written)
    outputs = [r[r["kind"] >= M.FIRST_OUTPUT] for r in (expected, found)]
    digests = []
    for rows in outputs:
        digest = JournalHash()
        digest.update(rows)
        digests.append(digest.hexdigest())
    assert digests[0] == digests[1]
