"""What ``ctx`` is given and can't be a price is denied, in both modes; None alone is none."""

from __future__ import annotations

import math
from typing import Any

import pytest
from market import T0, quote, rows_of, slot, small_engine, submit, trade

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.strategy.compile import compiled_entry, python_entry


class Asks(af.Strategy):
    """One order of each kind with a number that the test gives."""

    call: int = 0
    x: float = 0.0
    done: int = 0

    def on_quote(self, ctx, quote):
        i = quote.instrument
        if self.done == 1:
            return
        self.done = 1
        if self.call == 0:
            ctx.buy(i, 1.0, limit=self.x)
        elif self.call == 1:
            ctx.sell(i, 1.0, stop=self.x)
        elif self.call == 2:
            ctx.sell(i, 1.0, touch=self.x)
        elif self.call == 3:
            ctx.sell(i, 1.0, trail=self.x)
        elif self.call == 4:
            ctx.sell(i, 1.0, trail=0.05, trail_limit=self.x)
        elif self.call == 5:
            ctx.buy(i, 1.0, limit=1.0, display=self.x)
        elif self.call == 6:
            ctx.twap(i, -1.0, 60_000_000_000, 3, limit=self.x)
        elif self.call == 7:
            ctx.pov(i, 1.0, 0.1, limit=self.x)
        elif self.call == 8:
            ctx.chase(i, 1.0, limit=self.x)
        elif self.call == 9:
            ctx.bracket(i, 1.0, 1.1, 0.9, limit=self.x)
        elif self.call == 10:
            ctx.sell(i, 1.0, stop=0.9, touch=1.1)
        elif self.call == 11:
            ctx.sell(i, 1.0, trail_limit=0.05)
        elif self.call == 12:
            ctx.sell(i, 1.0, touch=1.1, trail=0.05)
        elif self.call == 13:
            ctx.replace(ctx.buy(i, 1.0, limit=0.9), limit=self.x)
        elif self.call == 14:
            ctx.replace(ctx.buy(i, 1.0, limit=0.9), qty=self.x)


LIMIT, TRIGGER = R.PRICE_POSITIVE, R.TRIGGER_PRICE
WRONG = [
    *[(0, x, LIMIT) for x in (math.nan, math.inf, 0.0, 1e-9)],
    *[(1, x, TRIGGER) for x in (math.nan, math.inf)],
    (2, math.nan, TRIGGER),
    *[(3, x, R.TRAIL_OFFSET) for x in (math.nan, math.inf)],
    *[(4, x, R.LIMIT_OFFSET) for x in (math.nan, math.inf, -math.inf)],
    *[(5, x, R.DISPLAY_QUANTITY) for x in (math.nan, math.inf, 0.4)],
    *[(call, x, R.LIMIT_PRICE) for call in (6, 7, 8) for x in (math.nan, -math.inf, 0.0)],
    (9, math.nan, LIMIT),
    (10, 0.0, TRIGGER),
    (11, 0.0, R.LIMIT_OFFSET),
    (12, 0.0, TRIGGER),
    (13, math.nan, LIMIT),
    (14, math.nan, R.QUANTITY_MIN),
]


@pytest.mark.parametrize("entry", [python_entry, compiled_entry])
@pytest.mark.parametrize(("call", "x", "rule"), WRONG)
def test_what_is_no_price_is_denied(entry: Any, call: int, x: float, rule: int) -> None:
    """An indicator that isn't ready is NaN: a limit of it must not become a market order."""
    engine = small_engine()
    engine.add_strategy(entry(Asks(call=call, x=x)), ["XYZ"])
    for message in (trade(T0, 100), quote(T0 + 1, 99, 101), quote(T0 + 2, 99, 101, lots=9)):
        assert engine.step(message) == K.FAULT_NONE
    assert rule in rows_of(engine, M.DENIAL_ROW)["code"].tolist()
    assert len(rows_of(engine, M.FILL_ROW)) == 0


def test_a_trailing_stop_goes_on_trailing_after_a_split() -> None:
    """5.00 behind 101 is 1.67 behind 33.67: it follows to 37 and sells at 35.33."""
    engine = small_engine()
    sell = {"type": K.TRAILING_STOP_MARKET, "trail": 500, "offset": 0}
    for message in (
        trade(T0, 10_100),
        quote(T0 + 1, 10_099, 10_101, lots=100),
        submit(T0 + 2, K.HOST_ID, -1, 10, **sell),
        slot(M.ACTION, T0 + 3, a=3, b=1),
        trade(T0 + 4, 3_700),
        quote(T0 + 5, 3_540, 3_541, lots=100),
        trade(T0 + 6, 3_534),
    ):
        assert engine.step(message) == K.FAULT_NONE
    assert len(rows_of(engine, M.FILL_ROW)) == 0
    engine.step(trade(T0 + 7, 3_533))
    assert rows_of(engine, M.FILL_ROW)["b"].tolist() == [-30]
