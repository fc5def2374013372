"""The workbench in a real Chromium: what the page holds is what the desk holds, and its controls
do what they say.

The desk is the test double; the engine's own browser test lives elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from desk import FakeDesk
from playwright.sync_api import Browser, Page, expect, sync_playwright
from waiting import until

from alphaforge.widgets import WidgetServer
from alphaforge.widgets.chart import HELD
from alphaforge.widgets.theme import TOKENS

pytestmark = pytest.mark.browser
CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FIELDS = ("open", "high", "low", "close", "volume")
SOURCE = """() => {
  for (const view of Bokeh.index.query(v => v.model.name === "price")) {
    const data = view.model.document.get_model_by_name("candles").data
    return Object.fromEntries(["index", "ts_open_ms", "open", "high", "low", "close", "volume"]
      .map(name => [name, Array.from(data[name])]))
  }
}"""
READY = """() => {
  if (typeof Bokeh === "undefined") return false
  for (const view of Bokeh.index.query(v => v.model.name === "price")) {
    const bars = view.model.document.get_model_by_name("candles")
    return view.frame.bbox.width > 0 && bars.data.index.length > 0
      && document.querySelectorAll(".card").length > 0
  }
  return false
}"""


@dataclass
class Heard:
    """What the browser complained about and whom it talked to."""

    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("request", lambda request: self._note(request.url))
        page.on("websocket", lambda socket: self._note(socket.url))

    def _note(self, url: str) -> None:
        if host := urlsplit(url).hostname:
            self.hosts.add(host)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        # Playwright makes a fresh profile for each launch.
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield running
        running.close()


@pytest.fixture
def server(live_desk: FakeDesk) -> Iterator[WidgetServer]:
    with WidgetServer(live_desk) as running:
        yield running


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def page(browser: Browser, server: WidgetServer, heard: Heard) -> Iterator[Page]:
    """The workbench, its candles drawn."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    heard.listen(page)
    page.goto(server.url(uses=1))
    page.wait_for_function(READY, timeout=30_000)
    yield page
    context.close()
    assert heard.errors == []
    assert heard.hosts <= {"127.0.0.1"}


def assert_page_equals_desk(page: Page, desk: FakeDesk, spec: str) -> None:
    got = page.evaluate(SOURCE)
    bars = desk.bars("BTCUSDT", spec, 0)
    rows = len(got["index"])
    assert 0 < rows <= HELD
    at = np.asarray(got["index"], dtype=int) - bars.first
    np.testing.assert_array_equal(at, np.arange(at[0], at[0] + rows))
    for name in FIELDS:
        np.testing.assert_array_equal(got[name], getattr(bars, name)[at], err_msg=name)
    assert at[-1] == len(bars.open) - 1


def test_the_page_holds_the_desks_bars_after_streaming(page: Page, live_desk: FakeDesk) -> None:
    start = len(live_desk.bars("BTCUSDT", "1s", 0).open)
    until(lambda: len(live_desk.bars("BTCUSDT", "1s", 0).open) >= start + 4, "four more bars")
    live_desk.stop()
    newest = live_desk.bars("BTCUSDT", "1s", 0)
    page.wait_for_function(
        """([index, volume]) => {
          for (const view of Bokeh.index.query(v => v.model.name === "price")) {
            const data = view.model.document.get_model_by_name("candles").data
            return data.index.at(-1) === index && data.volume.at(-1) === volume
          }
        }""",
        arg=[len(newest.open) - 1, float(newest.volume[-1])],
    )
    assert_page_equals_desk(page, live_desk, "1s")


def test_a_buy_is_sent_as_the_button_says(page: Page, live_desk: FakeDesk) -> None:
    page.get_by_role("button", name="Buy", exact=True).click()
    page.get_by_role("textbox", name="Quantity").fill("0.250")
    page.get_by_role("textbox", name="Price").fill("64,000.00")
    go = page.get_by_role("button", name="Buy 0.250 @ 64,000.00")
    go.click()
    until(lambda: live_desk.log, "the order to reach the desk")
    name, ticket = live_desk.log[0]
    assert name == "submit"
    assert (ticket.side, ticket.qty, ticket.price) == (1, 0.25, 64_000.0)
    expect(page.get_by_text("✓ Sent")).to_be_visible()


def test_a_refusal_is_said_before_sending(page: Page, live_desk: FakeDesk) -> None:
    page.get_by_role("textbox", name="Quantity").fill("9")
    expect(page.get_by_text("position limit: 9.500 would exceed 2.000")).to_be_visible()
    expect(page.locator(".go")).to_be_disabled()
    assert live_desk.log == []


def test_a_click_in_the_ladder_fills_the_price(page: Page) -> None:
    page.locator(".lv.up").nth(4).click()
    shown = page.get_by_role("textbox", name="Price").input_value()
    assert float(shown.replace(",", "")) > 60_000


def test_a_short_press_does_not_kill_and_a_hold_does(page: Page, live_desk: FakeDesk) -> None:
    kill = page.locator(".kill")
    box = kill.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    page.wait_for_function("() => true")
    page.wait_for_timeout(300)  # the gesture is a duration: this one is too short
    page.mouse.up()
    kill.press("Enter", delay=200)
    page.wait_for_timeout(1_200)  # longer than the hold, with nothing held
    assert live_desk.log == []
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    expect(page.get_by_text("■ Re-arm — hold 1 s")).to_be_visible()
    page.mouse.up()
    assert [name for name, _ in live_desk.log] == ["kill"]
    expect(page.get_by_text("■ HALTED")).to_be_visible()
    kill.focus()
    page.keyboard.down("Space")
    expect(page.get_by_text("● ACTIVE · SIM")).to_be_visible()
    page.keyboard.up("Space")
    assert [name for name, _ in live_desk.log] == ["kill", "arm"]


def middle_of(live_desk: FakeDesk) -> float:
    """A price in the middle of what is shown: at its edge a line could leave with the next bar."""
    bars = live_desk.bars("BTCUSDT", "1s", 0)
    return float(round(bars.low[-60:].min() + bars.high[-60:].max()) / 2)


def test_a_line_is_dragged_and_moves_after_confirmation(page: Page, live_desk: FakeDesk) -> None:
    live_desk.orders.clear()
    middle = middle_of(live_desk)
    order = live_desk._open("BTCUSDT", 1, 0.25, middle)
    line = page.locator(".oline").first
    expect(line).to_contain_text(f"{middle:,.2f}")  # not an older order's
    move = line.get_by_role("button", name="Move")

    def drag() -> bool:
        """A try: a new bar may have moved the scale, and the line, before the pointer came."""
        box = line.bounding_box()
        if box is not None:
            x, y = box["x"] + 300, box["y"] + box["height"] / 2
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x, y + 12, steps=4)
            page.mouse.up()
        return bool(move.is_visible())

    until(drag, "the line to be dragged")
    assert live_desk.log == []
    move.click()
    until(lambda: live_desk.log, "the replacement to reach the desk")
    name, (order_id, price) = live_desk.log[0]
    assert (name, order_id) == ("replace", order.id)
    assert price < middle
    assert price / 0.5 == round(price / 0.5)
    expect(line.get_by_role("button", name="Move")).to_be_hidden()


def test_keep_sends_nothing(page: Page, live_desk: FakeDesk) -> None:
    live_desk.orders.clear()
    middle = middle_of(live_desk)
    live_desk._open("BTCUSDT", 1, 0.25, middle)
    line = page.locator(".oline").first
    expect(line).to_contain_text(f"{middle:,.2f}")  # not an older order's
    line.focus()
    page.keyboard.press("ArrowDown")
    expect(line.get_by_role("button", name="Move")).to_be_visible()
    line.get_by_role("button", name="Keep").click()
    expect(line.get_by_role("button", name="Move")).to_be_hidden()
    assert live_desk.log == []


def test_panning_offers_the_way_back(page: Page) -> None:
    canvas = page.locator(".a-chart .canvas")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 600, box["y"] + 300, steps=6)
    page.mouse.up()
    live = page.get_by_role("button", name="To live")
    expect(live).to_be_visible()
    live.click()
    expect(live).to_be_hidden()


PALETTE = """() => {
  for (const view of Bokeh.index.query(v => v.model.name === "price"))
    return view.model.renderers.map(r => r.glyph.line_color?.transform?.palette?.[1])
      .find(Boolean)
}"""


def wait_for_theme(page: Page, theme: str) -> None:
    """Wait until the page and what is drawn on the canvas have a theme's colours."""
    page.wait_for_function(f"() => document.documentElement.dataset.theme === '{theme}'")
    page.wait_for_function(f"() => ({PALETTE})() === '{TOKENS[theme]['up']}'")


def test_the_theme_begins_as_the_systems_switches_and_follows_the_notebook(page: Page) -> None:
    wait_for_theme(page, "light")  # what Playwright says the system has
    page.get_by_label("Switch theme").click()
    wait_for_theme(page, "dark")
    page.evaluate("postMessage({af_theme: 'light'}, location.origin)")
    wait_for_theme(page, "light")
    page.evaluate(
        "dispatchEvent(new MessageEvent('message',"
        " {data: {af_theme: 'dark'}, origin: 'http://example.org'}))"
    )
    wait_for_theme(page, "light")


def test_a_chart_alone_follows_the_notebook_too(page: Page, server: WidgetServer) -> None:
    page.goto(server.url("chart", th="dark"))
    page.wait_for_function(READY, timeout=30_000)
    wait_for_theme(page, "dark")
    page.evaluate("postMessage({af_theme: 'light'}, location.origin)")
    wait_for_theme(page, "light")


def test_the_equity_tab_opens_the_curve_and_a_table_comes_back(
    page: Page, live_desk: FakeDesk
) -> None:
    table = page.locator(".a-tabs table")
    expect(table).to_be_visible()
    page.get_by_role("tab", name="Equity").click()
    page.wait_for_function("""() => {
      const [view] = Bokeh.index.query(v => v.model.name === "equity" && v.model.x_range)
      return view && view.model.inner_width > 500 && view.frame.bbox.height > 100
    }""")
    expect(table).to_be_hidden()
    live_desk.stop()
    got = page.wait_for_function(f"""() => {{
      const [view] = Bokeh.index.query(v => v.model.name === "equity" && v.model.x_range)
      const data = view.model.renderers[0].data_source.data
      return data.equity.length === {len(live_desk.curve)} && Array.from(data.equity)
    }}""").json_value()
    assert got == [equity for _, equity in live_desk.curve]
    page.get_by_role("tab", name="Positions").click()
    expect(table).to_be_visible()


def test_tabs_actions_and_limits(page: Page, live_desk: FakeDesk) -> None:
    live_desk.stop()
    page.get_by_role("button", name="Flatten BTCUSDT").click()
    until(lambda: ("flatten", "BTCUSDT") in live_desk.log, "flatten")
    page.get_by_role("tab", name="Orders").click()
    page.get_by_role("button", name="Cancel #2").click()
    until(lambda: ("cancel", 2) in live_desk.log, "cancel")
    page.get_by_role("tab", name="Alerts").click()
    page.get_by_role("button", name="Acknowledge").click()
    until(lambda: ("acknowledge", 1) in live_desk.log, "acknowledge")
    page.get_by_role("listitem", name="Order rate").dblclick()
    field = page.get_by_label("Order rate limit")
    field.fill("60")
    field.press("Enter")
    until(lambda: ("limit", ("order_rate", 60.0)) in live_desk.log, "the limit")
    expect(page.get_by_text("31 of 60 /s")).to_be_visible()


def test_a_page_whose_server_has_gone_says_so(
    page: Page, server: WidgetServer, heard: Heard
) -> None:
    server.stop()
    expect(page.get_by_text("DISCONNECTED")).to_be_visible(timeout=10_000)
    heard.errors.clear()  # the browser's own words about the lost socket


def test_hovering_reads_the_bar_under_the_pointer(page: Page, live_desk: FakeDesk) -> None:
    live_desk.stop()
    box = page.locator(".a-chart .canvas").bounding_box()
    assert box is not None
    readout = page.locator(".readout")
    newest = readout.inner_text()
    page.mouse.move(box["x"] + 200, box["y"] + 250)
    expect(readout).not_to_have_text(newest)
    expect(page.locator(".ptag.ghost")).to_be_visible()
    when = readout.locator("b").first.inner_text().removesuffix(" UTC")
    bars = live_desk.bars("BTCUSDT", "1s", 0)
    row = int(np.flatnonzero(bars.ts_open_ms == to_ms(when))[0])
    assert readout.locator("b").nth(4).inner_text() == f"{bars.close[row]:,.2f}"


def to_ms(when: str) -> float:
    return datetime.strptime(when + "+0000", "%Y-%m-%d %H:%M:%S%z").timestamp() * 1e3


CUT = """() => {
  const cut = []
  const look = node => {
    if (node.matches?.(".hd, .row, .kvs, .stats, .tabs") && node.scrollWidth > node.clientWidth + 1)
      cut.push(`${node.className}: ${node.scrollWidth} in ${node.clientWidth}`)
    for (const child of [...(node.shadowRoot?.children ?? []), ...node.children]) look(child)
  }
  look(document.body)
  if (document.documentElement.scrollWidth > innerWidth) cut.push("the page itself")
  return cut
}"""


def test_no_width_cuts_a_head_or_a_row_of_figures(page: Page) -> None:
    for width in (1440, 1181, 1180, 1000, 945, 900, 899, 600, 420):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"() => innerWidth === {width}")
        # A component lays itself out anew a frame after the page did.
        until(lambda: page.evaluate(CUT) == [], f"{width}: {page.evaluate(CUT)}")
