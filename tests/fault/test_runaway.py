"""Strategies that never come to an end: a fault with words, never a hang or a lost row."""

from __future__ import annotations

import numpy as np
import pytest
from market import stored_walk

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.engine import messages as M
from alphaforge.errors import EngineHalted
from alphaforge.research.backtest import backtest


class Forever(af.Strategy):
    """Sets its timer anew, due at once."""

    def on_start(self, ctx):
        ctx.timer(0, 1)

    def on_timer(self, ctx, timer):
        ctx.timer(0, 1)


class Loud(af.Strategy):
    """Answers a denied order with sixty more, one of which it answers again."""

    def on_bar(self, ctx, bar):
        self.burst(ctx, bar.instrument)

    def on_order(self, ctx, order):
        if order.status == af.DENIED and order.tag == 1:
            self.burst(ctx, order.instrument)

    def burst(self, ctx, instrument):
        for n in range(60):
            ctx.buy(instrument, 1, limit=-1.0, tag=1 if n == 0 else 0)


@pytest.mark.parametrize(
    ("strategy", "words"),
    [(Forever(), "one that sets itself anew without end"), (Loud(), "passed the journal's room")],
    ids=["timer", "rows"],
)
def test_what_answers_itself_without_end_is_a_fault(
    strategy: af.Strategy, words: str, history: History
) -> None:
    stored_walk(history, 50, 3)
    with pytest.raises(EngineHalted, match=words):
        backtest(history, strategy, ["XYZ"], "1h", mode="compiled")


def test_more_timers_than_the_journal_holds_lose_no_row(history: History) -> None:
    class Ticks(af.Strategy):
        def on_start(self, ctx):
            ctx.timer(1_000_000_000, 1)

        def on_timer(self, ctx, timer):
            ctx.timer(1_000_000_000, 1)

    stored_walk(history, 100, 3)
    run = backtest(history, Ticks(), ["XYZ"], "1h")
    fired = run.rows[run.rows["kind"] == M.TIMER_ROW]
    assert fired.size > 350_000, "more than the journal's ring"
    assert (np.diff(fired["c"]) == 1_000_000_000).all()
