"""The real desk: what it says of a live session, and what it is asked to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from waiting import until

import alphaforge as af
from alphaforge.desk import LiveDesk
from alphaforge.widgets.desk import Position, Ticket


@pytest.fixture(scope="module")
def lab() -> Iterator[af.Lab]:
    with af.Lab(":memory:") as opened:
        yield opened


@pytest.fixture
def desk(lab: af.Lab) -> LiveDesk:
    """The desk of a session that trades and has caught up."""
    live = lab.live
    made = LiveDesk(lambda: live, live.exchange.instruments, 0.0)
    until(lambda: made.frame().engine == "RUNNING", "the back-fill")
    return made


def position(desk: LiveDesk, symbol: str) -> Position | None:
    return next((p for p in desk.frame().positions if p.symbol == symbol), None)


def test_every_instrument_has_its_quote_its_depth_and_its_bars(desk: LiveDesk) -> None:
    frame = desk.frame()
    for info in desk.symbols():
        quote, depth = frame.quotes[info.symbol], frame.book[info.symbol]
        assert 0 < quote.bid < quote.ask
        assert depth.bid_price[0] < depth.ask_price[0]
        assert min(depth.bid_qty) > 0
        # The exchange has caught up; the engine and the journal's reader may be a moment behind.
        symbol = info.symbol
        until(lambda s=symbol: len(desk.bars(s, "1s", 0).open) >= 400, "the back-fill's bars")


def test_a_filled_order_shows_as_position_and_stays_when_flat(desk: LiveDesk) -> None:
    assert desk.submit(Ticket("ETHUSDT", 1, "market", 1.5)) == ""
    until(lambda: (p := position(desk, "ETHUSDT")) is not None and p.qty == 1.5, "the fill")
    until(lambda: [fill.side for fill in desk.fills(0)[1]][:1] == [1], "the fill's row")
    desk.flatten("ETHUSDT")
    until(lambda: (p := position(desk, "ETHUSDT")) is not None and p.qty == 0, "flat")
    left = position(desk, "ETHUSDT")
    assert left is not None
    assert left.fees > 0


def test_a_denial_speaks_in_the_units_of_the_ticket(desk: LiveDesk) -> None:
    answer = desk.what_if(Ticket("BTCUSDT", 1, "limit", 2.5, 60_000.0))
    assert answer.reason.endswith(": 2.500 of 2.000 BTC")
    answer = desk.what_if(Ticket("ETHUSDT", 1, "limit", 30.0, 10_000.0))
    assert answer.reason.endswith(": 300,000.00 of 250,000.00 USDT")


def test_the_answer_to_a_ticket_is_the_engines_own(desk: LiveDesk, lab: af.Lab) -> None:
    """Not what an older picture would have said: the limit was raised just now."""
    old = LiveDesk(lambda: lab.live, lab.live.exchange.instruments, 3_600.0)
    lab.limits.max_position["ETHUSDT"] = 0.5
    assert "of 0.500 ETH" in old.submit(Ticket("ETHUSDT", 1, "market", 0.6))
    lab.limits.max_position["ETHUSDT"] = 40
    assert old.submit(Ticket("ETHUSDT", 1, "market", 0.6)) == ""
    until(lambda: (p := position(desk, "ETHUSDT")) is not None and p.qty == 0.6, "the fill")
    desk.flatten("ETHUSDT")
    until(lambda: (p := position(desk, "ETHUSDT")) is not None and p.qty == 0, "flat")


def test_a_spec_that_a_chart_asked_for_is_offered(desk: LiveDesk, lab: af.Lab) -> None:
    lab.live.builder("BTCUSDT", "120s")
    specs = {info.symbol: info.specs for info in desk.symbols()}
    assert specs["BTCUSDT"] == ("1s", "5s", "15s", "1m", "2m")
    assert specs["ETHUSDT"] == ("1s", "5s", "15s", "1m")


def test_the_kill_switch_halts_until_armed(desk: LiveDesk) -> None:
    desk.kill()
    until(lambda: desk.frame().state == "HALTED", "the halt")
    assert "kill switch" in desk.frame().halt_reason
    assert "halted" in desk.what_if(Ticket("BTCUSDT", 1, "market", 0.1)).reason
    assert any(alert.rule == "KILL_SWITCH" for alert in desk.frame().alerts)
    desk.arm()
    until(lambda: desk.frame().state == "ACTIVE", "trading")
    assert desk.frame().halt_reason == ""


def test_a_held_session_is_paused_and_a_silent_exchange_stale(desk: LiveDesk, lab: af.Lab) -> None:
    desk.pause()
    until(lambda: desk.frame().engine == "PAUSED", "the hold")
    desk.resume()
    until(lambda: desk.frame().engine == "RUNNING", "the end of the hold")
    lab.live.exchange.pause()
    until(lambda: desk.frame().engine == "STALE", "silence")
    lab.live.exchange.resume()
    until(lambda: desk.frame().engine == "RUNNING", "news")


def test_a_limit_is_changed_by_its_key(desk: LiveDesk) -> None:
    assert desk.set_limit("max_position:BTCUSDT", 3.0) == ""
    until(
        lambda: (
            {limit.key: limit.limit for limit in desk.frame().limits}["max_position:BTCUSDT"] == 3.0
        ),
        "the limit",
    )
    assert desk.set_limit("max_position:BTCUSDT", 0.00001) != ""
    desk.set_limit("max_position:BTCUSDT", 2.0)
