"""Queue positions against a slow twin of each model: one price, others' lots and own orders."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market import SMALL, T0, instrument, rows_of, slot, small_engine, submit, trade

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M

TICK, BELOW, FAR = 100, 95, 120
MODELS = {
    "through": af.ThroughQueue(),
    "front": af.FrontQueue(),
    "averse": af.RiskAverseQueue(),
    "power": af.PowerQueue(3.0),
    "square": af.PowerQueue(2.0),
    "log": af.LogQueue(),
}


@dataclass
class Own:
    id: int
    leaves: int
    ahead: int


class Twin:
    """Others' lots at one bid price as told, and own orders there in the order they came."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.level = self.traded = 0
        self.own: list[Own] = []
        self.fills: list[tuple[int, int]] = []

    def join(self, order_id: int, lots: int) -> None:
        optimist = self.model in ("through", "front")
        self.own.append(Own(order_id, lots, 0 if optimist else self.level))

    def fill(self, o: Own, lots: int) -> int:
        got = min(lots, o.leaves)
        o.leaves -= got
        if got:
            self.fills.append((o.id, got))
        return got

    def trade(self, lots: int, through: bool) -> None:
        left = lots
        for o in self.own:
            if through or self.model == "front":
                left -= self.fill(o, left)
            elif self.model != "through":
                over = max(0, left - o.ahead)
                o.ahead = max(0, o.ahead - left)
                left -= self.fill(o, over)
        self.own = [o for o in self.own if o.leaves]

    def weight(self, lots: int) -> float:
        if self.model == "log":
            return math.log(1.0 + lots)
        return float(lots) ** (3.0 if self.model == "power" else 2.0)

    def told(self, lots: int, traded: dict[int, int]) -> None:
        """The level is told anew; ``traded`` since then, as each own order saw it."""
        for o in self.own:
            gone = self.level - traded[o.id] - lots
            if self.model in ("power", "square", "log") and gone > 0:
                back = max(0, self.level - traded[o.id] - o.ahead)
                behind, front = self.weight(back), self.weight(o.ahead)
                share = behind / (behind + front) if behind + front else 0.0
                o.ahead = max(0, o.ahead - (gone - min(back, round(gone * share))))
            if self.model not in ("through", "front"):
                o.ahead = min(o.ahead, lots)
        if lots == 0:  # the best bid is below: nobody stands before us any more
            for o in self.own:
                o.ahead = 0
        self.level = lots


operations = st.lists(
    st.one_of(
        st.tuples(st.just("told"), st.integers(0, 40)),
        st.tuples(st.just("told"), st.integers(10, 40)),
        st.tuples(st.just("trade"), st.integers(1, 15)),
        st.tuples(st.just("through"), st.integers(1, 15)),
        st.tuples(st.just("join"), st.integers(1, 12)),
    ),
    min_size=5,
    max_size=50,
)


def ahead_of(engine: Any) -> dict[int, int]:
    orders, resting = L.pool(engine.block, "orders"), L.pool(engine.block, "resting")
    there = (resting["state"] == L.IN_BOOK) & (orders["open"] == 1)
    return dict(zip(orders["id"][there].tolist(), resting["ahead"][there].tolist(), strict=True))


@pytest.mark.parametrize("model", list(MODELS))
def test_a_level_and_its_trades_equal_the_slow_twin(model: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(operations)
    def always(drawn: list[tuple[str, int]]) -> None:
        engine = small_engine(instrument(), model=af.Venue(depth="L2", queue=MODELS[model]))
        twin, ids, ts = Twin(model), K.HOST_ID, T0
        traded: dict[int, int] = {}
        for tick, side in ((BELOW, 1), (FAR, -1)):
            engine.step(slot(M.DEPTH, ts, a=tick, b=50, c=side))
        for what, lots in drawn:
            ts += 1
            if what == "told":
                engine.step(slot(M.DEPTH, ts, a=TICK, b=lots, c=1))
                twin.told(lots, traded)
                traded = dict.fromkeys(traded, 0)
            elif what == "join":
                ids += 1
                engine.step(submit(ts, ids, 1, lots, TICK))
                twin.join(ids, lots)
                traded[ids] = 0
            else:
                through = what == "through"
                engine.step(trade(ts, TICK - 1 if through else TICK, lots, -1))
                twin.trade(lots, through)
                if not through:
                    traded = {k: n + lots for k, n in traded.items()}
            assert ahead_of(engine) == {o.id: o.ahead for o in twin.own}
        rows = rows_of(engine, M.FILL_ROW)
        assert [(int(r["a"]), int(r["b"])) for r in rows] == twin.fills
        assert all(r["c"] == TICK and r["code"] == K.MAKER for r in rows)

    always()


single = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 15), st.just(0)),
        st.tuples(st.just("join"), st.integers(1, 12), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 9), st.integers(1, 15)),
        st.tuples(st.just("execute"), st.integers(0, 9), st.integers(1, 15)),
    ),
    min_size=5,
    max_size=50,
)


@settings(max_examples=300, deadline=None)
@given(single)
def test_single_orders_first_come_first_served(drawn: list[tuple[str, int, int]]) -> None:
    """One queue of others and of ours: what is executed behind us was ours to have."""
    model = af.Venue(depth="L3", queue=af.FifoQueue())

    engine = small_engine(instrument(), model=model, capacities=replace(SMALL, queued=256))
    queue: list[list[int]] = []  # [id, lots, 1 where it is ours]
    fills, ids, ts = [], K.HOST_ID, T0
    for number, tick, side in ((1, BELOW, 1), (2, FAR, -1)):
        engine.step(slot(M.ORDER_ADD, ts, a=number, b=tick, c=50, d=side))
    for what, n, lots in drawn:
        ts += 1
        ids += 1
        others = [each for each in queue if not each[2]]
        if what == "add":
            engine.step(slot(M.ORDER_ADD, ts, a=ids, b=TICK, c=n, d=1))
            queue.append([ids, n, 0])
        elif what == "join":
            engine.step(submit(ts, ids, 1, n, TICK))
            queue.append([ids, n, 1])
        elif others:
            hit = others[n % len(others)]
            gone = min(lots, hit[1])
            kind = M.ORDER_CANCEL if what == "cancel" else M.ORDER_EXECUTE
            engine.step(slot(kind, ts, a=hit[0], c=gone))
            left = gone if what == "execute" else 0
            for each in queue[: queue.index(hit)]:
                got = min(left, each[1]) if each[2] else 0
                if got:
                    each[1] -= got
                    left -= got
                    fills.append((each[0], got))
            hit[1] -= gone
            queue = [each for each in queue if each[1]]
        expected = {
            each[0]: sum(e[1] for e in queue[:at] if not e[2])
            for at, each in enumerate(queue)
            if each[2]
        }
        assert ahead_of(engine) == expected
    rows = rows_of(engine, M.FILL_ROW)
    assert [(int(r["a"]), int(r["b"])) for r in rows] == fills
