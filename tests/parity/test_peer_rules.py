"""The peer's rules of filling, each in a few bars: what README.md says is what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import peer
import pytest
from backtesting import Strategy
from peer import Fill, Outcome

Orders = dict[int, Callable[[Any], Any]]
FLAT = (100, 100, 100, 100)


def ran(rows: list[tuple[float, ...]], orders: Orders, **settings: Any) -> Outcome:
    """Bars (open, high, low, close) from row 0 on; what to do at the close of a row."""
    frame = pd.DataFrame(rows, columns=["Open", "High", "Low", "Close"], dtype=float)
    frame["Volume"] = 1.0

    class Script(Strategy):
        def init(self) -> None:
            pass

        def next(self) -> None:
            if decide := orders.get(len(self.data) - 1):
                decide(self)

    return peer.run(frame, Script, **{"commission": 0.0, **settings})


def filled(*args: Any, **settings: Any) -> list[tuple[int, int, float]]:
    """(bar, signed size, price) of each fill."""
    return [(f.bar, f.side * f.size, f.price) for f in ran(*args, **settings).fills]


def buy(**how: Any) -> Callable[[Any], Any]:
    return lambda s: s.buy(size=10, **how)


def sell(**how: Any) -> Callable[[Any], Any]:
    return lambda s: s.sell(size=10, **how)


# --- market orders ------------------------------------------------------------------------------


def test_a_market_order_fills_at_the_next_open() -> None:
    rows = [FLAT, FLAT, (103, 104, 102, 103.5), FLAT]
    assert filled(rows, {1: buy()}) == [(2, 10, 103)]
    assert filled(rows, {3: buy()}) == [], "none follows the last bar"


def test_nothing_is_decided_on_the_first_bar() -> None:
    assert filled([FLAT, FLAT, FLAT], {0: buy()}) == []
    outcome = ran([FLAT, FLAT, FLAT], {1: buy()}, cash=5_000.0)
    assert outcome.equity.tolist() == [5_000.0] * 3


def test_trade_on_close_fills_at_the_close_of_the_bar_that_decided() -> None:
    rows = [FLAT, (100, 102, 99, 101), (103, 104, 102, 103), (105, 105, 105, 105)]
    orders: Orders = {1: buy(), 2: lambda s: s.position.close()}
    assert filled(rows, orders, trade_on_close=True) == [(1, 10, 101), (2, -10, 103)]
    # Only market orders: a stop still fills on a later bar at its price.
    assert filled(rows, {1: buy(stop=102)}, trade_on_close=True) == [(2, 10, 102)]
    outcome = ran(rows, {1: buy()}, trade_on_close=True)
    assert outcome.equity[1] == peer.CASH, "it is in the books one bar later"


# --- stop and limit orders ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ((100, 103, 99, 101), 102),  # passed
        ((100, 102, 99, 101), 102),  # only touched
        ((105, 106, 104, 105), 105),  # opened beyond it
        ((100, 101.9, 99, 101), None),
    ],
)
def test_a_buy_stop(bar: tuple[float, ...], price: float | None) -> None:
    expected = [] if price is None else [(2, 10, price)]
    assert filled([FLAT, (100, 110, 90, 100), bar], {1: buy(stop=102)}) == expected


@pytest.mark.parametrize(
    ("bar", "price"),
    [((100, 101, 97, 99), 98), ((100, 101, 98, 99), 98), ((95, 96, 94, 95), 95),
     ((100, 101, 98.1, 99), None)],
)  # fmt: skip
def test_a_sell_stop(bar: tuple[float, ...], price: float | None) -> None:
    expected = [] if price is None else [(2, -10, price)]
    assert filled([FLAT, FLAT, bar], {1: sell(stop=98)}) == expected


@pytest.mark.parametrize(
    ("bar", "price"),
    [((100, 101, 97, 99), 98), ((100, 101, 98, 99), 98), ((95, 96, 94, 95), 95),
     ((100, 101, 98.1, 99), None)],
)  # fmt: skip
def test_a_buy_limit(bar: tuple[float, ...], price: float | None) -> None:
    expected = [] if price is None else [(2, 10, price)]
    assert filled([FLAT, FLAT, bar], {1: buy(limit=98)}) == expected


@pytest.mark.parametrize(
    ("bar", "price"),
    [((100, 103, 99, 101), 102), ((100, 102, 99, 101), 102), ((105, 106, 104, 105), 105),
     ((100, 101.9, 99, 101), None)],
)  # fmt: skip
def test_a_sell_limit(bar: tuple[float, ...], price: float | None) -> None:
    expected = [] if price is None else [(2, -10, price)]
    assert filled([FLAT, FLAT, bar], {1: sell(limit=102)}) == expected


def test_orders_work_until_they_are_cancelled() -> None:
    rows = [FLAT, FLAT, FLAT, FLAT, (100, 103, 100, 100), FLAT]
    assert filled(rows, {1: buy(stop=102)}) == [(4, 10, 102)]
    cancelled: Orders = {1: buy(stop=102), 3: lambda s: s.orders[0].cancel()}
    assert filled(rows, cancelled) == []


@pytest.mark.parametrize(
    ("limit", "first", "second", "expected"),
    [
        (103, (100, 104, 99, 101), FLAT, (2, 102)),  # limit beyond the stop: at once, at the stop
        (106, (105, 107, 104, 105), FLAT, (2, 102)),  # ... even where the bar opened past it
        (101, (100, 104, 99, 103), (103, 104, 100, 103), (3, 101)),  # the other way: a bar later
        (101, (100, 104, 99, 103), (99, 104, 98, 103), (3, 99)),  # ... or better, at the open
        (103, (104, 105, 103.5, 104), (104, 105, 102, 104), (3, 103)),  # stop met, limit not
        (103, (100, 101, 99, 101), (100, 101, 99, 101), None),  # stop not met
    ],
)
def test_a_buy_stop_limit(limit: float, first: Any, second: Any, expected: Any) -> None:
    found = filled([FLAT, FLAT, first, second], {1: buy(stop=102, limit=limit)})
    assert found == ([] if expected is None else [(expected[0], 10, expected[1])])


def test_orders_fill_in_the_order_in_which_they_were_placed() -> None:
    def both(s: Any) -> None:
        s.buy(size=10, stop=102)
        s.sell(size=10, stop=98)

    rows = [FLAT, FLAT, (100, 103, 97, 100)]
    assert filled(rows, {1: both}) == [(2, 10, 102), (2, -10, 98)], "both within one bar"


# --- brackets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "later", "exit_"),
    [
        ((100, 101, 99, 100), (100, 101, 96, 98), (3, 97)),  # stop
        ((100, 101, 99, 100), (95, 96, 94, 95), (3, 95)),  # opened beyond the stop
        ((100, 101, 99, 100), (100, 107, 99, 106), (3, 106)),  # target
        ((100, 101, 99, 100), (108, 109, 107, 108), (3, 108)),  # opened beyond the target
        ((100, 101, 99, 100), (100, 107, 96, 100), (3, 97)),  # both in one bar: the stop
        ((100, 101, 99, 100), (108, 109, 96, 100), (3, 97)),  # ... even opened beyond the target
        ((100, 101, 96, 98), FLAT, (2, 97)),  # within the bar of the entry
        ((100, 107, 99, 106), FLAT, (2, 106)),
        ((100, 107, 96, 100), FLAT, (2, 97)),
        ((95, 96, 94, 95), FLAT, (2, 95)),  # entered beyond the stop
        ((108, 109, 107, 108), FLAT, (2, 108)),  # entered beyond the target
        ((100, 101, 97, 100), FLAT, (2, 97)),  # only touched
    ],
)
def test_a_market_entry_with_a_bracket(entry: Any, later: Any, exit_: Any) -> None:
    found = filled([FLAT, FLAT, entry, later, FLAT], {1: buy(sl=97, tp=106)})
    assert found == [(2, 10, entry[0]), (exit_[0], -10, exit_[1])]


def test_the_other_leg_is_gone_after_one_filled() -> None:
    rows = [FLAT, FLAT, FLAT, (100, 101, 96, 97), (100, 108, 90, 100), FLAT]
    assert filled(rows, {1: buy(sl=97, tp=106)}) == [(2, 10, 100), (3, -10, 97)]


@pytest.mark.parametrize(
    ("entry", "exit_"),
    [
        ((100, 107, 99, 106), (2, 106)),  # target, and the stop was not: within the bar
        ((100, 103, 96, 100), (3, 90)),  # the stop: not before the next bar
        ((100, 107, 96, 100), (3, 90)),  # both: neither before the next bar
    ],
)
@pytest.mark.filterwarnings("ignore:.*contingent SL/TP order would execute")
def test_a_stop_entry_with_a_bracket(entry: Any, exit_: Any) -> None:
    found = filled([FLAT, FLAT, entry, (90, 91, 89, 90)], {1: buy(stop=102, sl=97, tp=106)})
    assert found == [(2, 10, 102), (exit_[0], -10, exit_[1])]


@pytest.mark.parametrize("entry", [(100, 107, 99, 106), (100, 101, 96, 100)])
@pytest.mark.filterwarnings("ignore:.*contingent SL/TP order would execute")
def test_a_limit_entry_with_a_bracket_never_leaves_within_its_bar(entry: Any) -> None:
    found = filled([FLAT, FLAT, entry, (90, 91, 89, 90)], {1: buy(limit=99, sl=97, tp=106)})
    assert found == [(2, 10, 99), (3, -10, 90)]


def test_a_bracket_must_hold_the_last_close() -> None:
    with pytest.raises(ValueError, match="Long orders require"):
        ran([FLAT, FLAT, FLAT], {1: buy(sl=101)})


# --- positions, money and the end ---------------------------------------------------------------


def test_an_opposite_order_reduces_then_turns() -> None:
    orders: Orders = {1: buy(), 2: lambda s: s.sell(size=4), 3: sell()}
    rows = [FLAT, FLAT, FLAT, (101, 101, 101, 101), (102, 102, 102, 102)]
    found = ran(rows, orders).fills
    assert sorted(found, key=lambda f: (f.bar, f.size)) == [
        Fill(2, 1, 4, 100), Fill(2, 1, 6, 100), Fill(3, -1, 4, 101),
        Fill(4, -1, 4, 102), Fill(4, -1, 6, 102),
    ]  # fmt: skip


def test_exclusive_orders_close_what_there_is_and_cancel_what_waits() -> None:
    rows = [FLAT, FLAT, FLAT, (101, 101, 101, 101), (120, 120, 120, 120)]
    turn: Orders = {1: buy(), 2: sell()}
    assert filled(rows, turn, exclusive_orders=True) == [(2, 10, 100), (3, -10, 101), (3, -10, 101)]
    waiting: Orders = {1: buy(stop=110), 2: sell(stop=90)}
    assert filled(rows, waiting, exclusive_orders=True) == []
    # Of two that wait only the first is cancelled.
    several: Orders = {1: buy(), 2: lambda s: (s.buy(size=10, stop=110), s.sell(size=3))}
    assert filled(rows, several, exclusive_orders=True)[-1][0] == 4


def test_a_fee_is_paid_on_both_sides_and_nothing_is_rounded() -> None:
    rows = [FLAT, FLAT, (100, 100, 100, 100.5), (101.123, 102, 101, 102), FLAT]
    outcome = ran(rows, {1: buy(), 2: lambda s: s.position.close()}, commission=0.0003)
    paid = 10 * 100 * 0.0003
    assert outcome.equity[:2].tolist() == [peer.CASH] * 2
    assert outcome.equity[2] == pytest.approx(peer.CASH + 10 * 0.5 - paid, abs=1e-9)
    paid += 10 * 101.123 * 0.0003
    assert outcome.equity[3] == pytest.approx(peer.CASH + 10 * 1.123 - paid, abs=1e-9)
    assert filled(rows, {1: buy(stop=101.1234567)}) == [(3, 10, 101.1234567)]


def test_finalize_trades_closes_at_the_last_bars_open() -> None:
    rows = [FLAT, FLAT, (101, 103, 100, 102), (104, 106, 103, 105)]
    assert filled(rows, {1: buy()}, finalize_trades=True) == [(2, 10, 101), (3, -10, 104)]
    assert filled(rows, {1: buy()}) == [(2, 10, 101)], "else it stays open"
    # An order of the last bar is filled too, in the bar that it was decided on.
    assert filled(rows, {1: buy(), 3: sell()}, finalize_trades=True)[-1] == (3, -10, 104)


def test_sizes_are_whole_units_or_a_part_of_the_money() -> None:
    part: Orders = {1: lambda s: s.buy(size=0.5)}
    assert filled([FLAT, FLAT, FLAT], part, cash=10_050.0) == [(2, 50, 100)]
    assert filled([FLAT, FLAT, FLAT], part, cash=10_050.0, commission=0.01) == [(2, 49, 100)]
    with pytest.raises(AssertionError):
        ran([FLAT, FLAT, FLAT], {1: lambda s: s.buy(size=2.5)})


@pytest.mark.filterwarnings("ignore:.*insufficient margin")
def test_an_order_beyond_the_margin_is_cancelled_whole() -> None:
    rows = [FLAT, FLAT, FLAT, FLAT]
    assert filled(rows, {1: buy()}, cash=1_000.0) == [(2, 10, 100)]
    assert filled(rows, {1: buy()}, cash=1_000.0, commission=0.0001) == []
    assert filled(rows, {1: buy()}, cash=500.0, margin=0.5) == [(2, 10, 100)]


@pytest.mark.filterwarnings("ignore:.*contingent SL/TP order would execute")
@pytest.mark.parametrize("name", peer.STRATEGIES)
def test_the_studies_trade(name: str) -> None:
    counts = {"sma_cross": (41, 48), "breakout": (85, 86), "dip": (281, 265), "bracket": (40, 46)}
    for symbol, start, count in zip(("GOOG", "AAPL"), ("1900", "2005-03-01"), counts[name],
                                    strict=True):  # fmt: skip
        bars = peer.sample(symbol, start)
        outcome = peer.run(bars, peer.STRATEGIES[name])
        assert len(outcome.fills) == count
        assert outcome.equity.size == len(bars)
        held = sum(fill.side * fill.size for fill in outcome.fills)
        cash = peer.CASH - sum(
            fill.size * fill.price * (fill.side + peer.FEE) for fill in outcome.fills
        )
        worth = cash + held * float(bars["Close"].iloc[-1])
        assert outcome.equity[-1] == pytest.approx(worth, abs=1e-6), "the fills explain the equity"
