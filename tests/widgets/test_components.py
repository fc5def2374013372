"""Ladder, ticket, blotter, risk, header and status: what they send, and that they send it once."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from desk import FakeDesk

from alphaforge.widgets.blotter import FILLS_KEPT, Blotter
from alphaforge.widgets.chart import Chart
from alphaforge.widgets.component import Component, Island, Selection
from alphaforge.widgets.controls import Header, Status
from alphaforge.widgets.desk import Desk, Ticket
from alphaforge.widgets.ladder import Ladder
from alphaforge.widgets.risk import Risk
from alphaforge.widgets.ticket import OrderTicket

MAKE: dict[str, Callable[[FakeDesk, Selection], Component]] = {
    "header": lambda desk, _: Header(desk),
    "ladder": Ladder,
    "ticket": OrderTicket,
    "blotter": lambda desk, _: Blotter(desk),
    "risk": lambda desk, _: Risk(desk),
}


@pytest.fixture
def selection() -> Selection:
    return Selection(symbol="BTCUSDT", spec="1s")


def say(island: Island, **message: Any) -> None:
    """Deliver a message as the browser would."""
    island._receive(SimpleNamespace(data=message))


def sent(island: Island, action: Callable[[], object]) -> set[str]:
    """Return the parameters that change while ``action`` runs."""
    changed: set[str] = set()
    names = [name for name in island.param if name not in ("loading", "visible")]
    watcher = island.param.watch(lambda *events: changed.update(e.name for e in events), names)
    action()
    island.param.unwatch(watcher)
    return changed


def test_the_double_is_a_desk(desk: FakeDesk) -> None:
    assert isinstance(desk, Desk)


@pytest.mark.parametrize("name", MAKE)
def test_nothing_is_sent_twice(name: str, desk: FakeDesk, selection: Selection) -> None:
    component = MAKE[name](desk, selection)
    component.update(desk.frame())
    assert sent(component.root, lambda: component.update(desk.frame())) == set()


@pytest.mark.parametrize(
    ("name", "changes"), [("ladder", {"book"}), ("blotter", {"rows"}), ("header", {"figures"})]
)
def test_only_what_changed_is_sent(
    name: str, changes: set[str], desk: FakeDesk, selection: Selection
) -> None:
    component = MAKE[name](desk, selection)
    component.update(desk.frame())
    desk.advance(5)
    got = sent(component.root, lambda: component.update(desk.frame()))
    assert changes <= got
    assert not got & {"tabs", "head", "session", "state", "price_decimals"}


def test_the_status_bar_beats_every_frame(desk: FakeDesk) -> None:
    status = Status()
    status.update(desk.frame())
    assert sent(status.root, lambda: status.update(desk.frame())) == {"beat"}
    assert status.root.engine == "LIVE"
    desk.engine = "STALE"
    status.update(desk.frame())
    assert (status.root.engine, status.root.tone) == ("STALE", "warn")


def test_a_ladder_click_reaches_the_ticket(desk: FakeDesk, selection: Selection) -> None:
    ladder, ticket = Ladder(desk, selection), OrderTicket(desk, selection)
    ticket.root.kind = "market"
    say(ladder.root, do="price", price=64_170.5)
    assert (ticket.root.kind, ticket.root.price) == ("limit", "64,170.50")
    ticket.root.price = "1"
    say(ladder.root, do="price", price=64_170.5)
    assert ticket.root.price == "64,170.50"


def test_the_ladder_shows_our_orders(desk: FakeDesk, selection: Selection) -> None:
    desk.orders.clear()
    price = desk.frame().book["BTCUSDT"].bid_price[3]
    desk._open("BTCUSDT", 1, 0.25, price)
    ladder = Ladder(desk, selection)
    ladder.update(desk.frame())
    assert ladder.root.book["bid_own"][3] == 0.25
    assert sum(ladder.root.book["ask_own"]) == 0


def test_the_ticket_says_what_it_would_do(desk: FakeDesk, selection: Selection) -> None:
    ticket = OrderTicket(desk, selection)
    ticket.root.param.update(qty="0.250", price="64,180.00")
    assert ticket.root.label == "Buy 0.250 @ 64,180.00"
    assert dict(ticket.root.lines)["Position after"] == "+0.750 of 2.000"
    assert ticket.root.note == "All 24 checks would pass"
    ticket.root.param.update(side="sell", kind="market")
    assert ticket.root.label == "Sell 0.250 at market"


@pytest.mark.parametrize(
    ("qty", "price", "words"),
    [
        ("", "64,180", "Quantity must be a number of BTC above zero"),
        ("0.0005", "64,180", "Quantity must be a multiple of 0.001 BTC"),
        ("0.1", "64,180.3", "Price must be a multiple of 0.5 USDT"),
        ("0.1", "x", "Price must be a number of USDT above zero"),
        ("9", "64,180", "position limit: 9.500 would exceed 2.000"),
    ],
)
def test_the_ticket_says_why_not_before_sending(
    qty: str, price: str, words: str, desk: FakeDesk, selection: Selection
) -> None:
    ticket = OrderTicket(desk, selection)
    ticket.root.param.update(qty=qty, price=price)
    assert ticket.root.reason == words
    assert ticket.root.note == ""


def test_submitting_sends_exactly_what_the_button_says(
    desk: FakeDesk, selection: Selection
) -> None:
    ticket = OrderTicket(desk, selection)
    ticket.root.param.update(qty="0.250", price="64,000.00", tif="IOC")
    say(ticket.root, do="submit")
    assert desk.log[-1] == ("submit", Ticket("BTCUSDT", 1, "limit", 0.25, 64_000.0, "IOC"))
    assert ticket.root.answer["ok"]
    desk.kill()
    say(ticket.root, do="submit")
    assert ticket.root.answer["text"] == "Refused: trading is halted: re-arm it first"


def test_the_header_kills_and_arms(desk: FakeDesk, selection: Selection) -> None:
    header = Header(desk)
    say(header.root, do="kill")
    header.update(desk.frame())
    assert header.root.killed
    assert header.root.state_tone == "bad"
    assert "killed by hand" in header.root.session
    say(header.root, do="arm")
    header.update(desk.frame())
    assert not header.root.killed


def test_the_header_says_that_the_engine_halted(desk: FakeDesk, selection: Selection) -> None:
    header = Header(desk)
    desk.engine = "HALTED"
    header.update(desk.frame())
    assert (header.root.state, header.root.state_tone) == ("HALTED", "bad")
    assert not header.root.killed, "nobody held the switch"
    assert header.root.figures[-1][1].startswith("halted")


def test_an_unknown_message_does_nothing(desk: FakeDesk, selection: Selection) -> None:
    say(Header(desk).root, do="rm")
    assert desk.log == []


def test_the_chart_moves_and_cancels_orders(desk: FakeDesk, selection: Selection) -> None:
    chart = Chart(desk, selection)
    chart.update(desk.frame())
    assert [order["id"] for order in chart.overlay.orders] == [1, 2]
    say(chart.overlay, do="replace", id=1, price=64_100.5)
    assert desk.orders[1].price == 64_100.5
    say(chart.overlay, do="cancel", id=2)
    assert 2 not in desk.orders
    say(chart.overlay, do="replace", id=2, price=64_100.5)
    assert chart.overlay.answer == "order 2 is no longer working"


def test_the_blotter_counts_and_acts(desk: FakeDesk) -> None:
    blotter = Blotter(desk)
    blotter.update(desk.frame())
    assert blotter.root.tabs == [["Positions", 2], ["Orders", 2], ["Fills", 3], ["Alerts", 1]]
    assert blotter.root.rows[-1]["pinned"]
    for active in ("Orders", "Fills", "Alerts", "Positions"):
        blotter.root.active = active
        columns = len(blotter.root.head["columns"])
        assert all(len(row["cells"]) == columns for row in blotter.root.rows)
    say(blotter.root, do="flatten", key="BTCUSDT")
    say(blotter.root, do="cancel", key="1")
    say(blotter.root, do="acknowledge", key="1")
    assert [name for name, _ in desk.log] == ["flatten", "cancel", "acknowledge"]
    blotter.update(desk.frame())
    assert dict(blotter.root.tabs)["Alerts"] == 0


def test_the_fills_tab_rolls_over(desk: FakeDesk) -> None:
    blotter = Blotter(desk)
    blotter.root.active = "Fills"
    for _ in range(FILLS_KEPT + 20):
        desk.submit(Ticket("ETHUSDT", 1, "market", 0.01))
    blotter.update(desk.frame())
    assert dict(blotter.root.tabs)["Fills"] == FILLS_KEPT + 23
    assert len(blotter.root.rows) == FILLS_KEPT
    assert blotter.root.rows[0]["key"] == str(FILLS_KEPT + 23)


def test_an_empty_session_says_so(desk: FakeDesk) -> None:
    desk.orders.clear()
    for held in desk.held.values():
        held[0] = 0.0
    blotter = Blotter(desk)
    blotter.update(desk.frame())
    assert blotter.root.rows == []
    assert blotter.root.head["empty"] == "No open positions"


def test_a_limit_is_edited_in_place(desk: FakeDesk) -> None:
    risk = Risk(desk)
    risk.update(desk.frame())
    row = {r["key"]: r for r in risk.root.rows}["order_rate"]
    assert (row["text"], row["tone"], row["left"]) == ("31 of 40 /s", "warn", "9 /s left")
    say(risk.root, do="limit", key="position:BTCUSDT", value="3.5")
    assert desk.limit_values["position:BTCUSDT"] == 3.5
    say(risk.root, do="limit", key="drawdown", value="0")
    assert risk.root.answer["refused"] == "zero would stop all trading"
    say(risk.root, do="limit", key="drawdown", value="lots")
    assert "a limit is a number" in risk.root.answer["refused"]
