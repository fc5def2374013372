"""Reading a workbench page from outside: what its Bokeh source holds, what its buttons do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deadline import wait_until
from playwright.sync_api import Frame, Locator, Page, expect

FIELDS = ("open", "high", "low", "close", "volume")
HOLD_MS = 1_000  # how long the kill switch is held
_SOURCE = """() => {
  if (typeof Bokeh === "undefined") return null
  for (const view of Bokeh.index.query(v => v.model.name === "price")) {
    const data = view.model.document.get_model_by_name("candles").data
    return Object.fromEntries(["index", "ts_open_ms", "open", "high", "low", "close", "volume"]
      .map(name => [name, Array.from(data[name])]))
  }
  return null
}"""
_NEWEST = f"""() => ({_SOURCE})()?.index.at(-1) ?? -1"""

Bar = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Workbench:
    """The workbench on a page or in a frame of one."""

    page: Page
    frame: Frame

    @classmethod
    def in_cell(cls, page: Page, seconds: float) -> Workbench:
        """The workbench that a notebook's cell shows."""
        outer = page.locator("iframe[title='workbench']")
        # The frame's address changes once on the way: wait for what only the page itself draws.
        ladder = outer.content_frame.locator(".lv").first
        expect(ladder).to_be_visible(timeout=seconds * 1e3)
        frame = outer.element_handle().content_frame()
        assert frame is not None
        return cls(page, frame)

    def newest(self) -> int:
        """Number of the newest candle; -1 before there is one."""
        return int(self.frame.evaluate(_NEWEST))

    def wait_for_bars(self, count: int, seconds: float) -> None:
        """Wait until ``count`` more bars have come."""
        start = self.newest()
        wait_until(lambda: self.newest() >= start + count, seconds, f"{count} more candles")

    def closed_bars(self) -> dict[int, Bar]:
        """Open time in milliseconds -> the bar's five fields, without the newest, forming bar."""
        data: dict[str, Any] = self.frame.evaluate(_SOURCE)
        first = data["index"][0]
        assert data["index"] == list(range(first, first + len(data["index"])))
        rows = zip(data["ts_open_ms"], *(data[name] for name in FIELDS), strict=True)
        bars = {int(ts): bar for ts, *bar in rows}
        assert len(bars) == len(data["index"]), "a bar came twice"
        newest = max(bars)
        return {ts: tuple(bar) for ts, bar in bars.items() if ts != newest}

    def tab(self, name: str) -> Locator:
        """Open a tab of the blotter; its rows."""
        self.frame.get_by_role("tab", name=name).click()
        return self.frame.locator(".a-tabs tbody tr")

    def buy_at_market(self, symbol: str, qty: str) -> None:
        """Fill in the ticket for another instrument and send it."""
        ticket = self.frame.locator(".a-ticket")
        self.frame.locator("select.symbol").select_option(symbol)
        expect(ticket.get_by_text(f"Quantity {symbol.removesuffix('USDT')}")).to_be_visible()
        ticket.get_by_label("Type").select_option("market")
        ticket.get_by_label("Quantity").fill(qty)
        ticket.get_by_role("button", name=f"Buy {qty} at market").click()
        expect(ticket.get_by_text("✓ Sent")).to_be_visible()

    def hold_kill(self) -> None:
        """Press the kill switch for as long as it wants."""
        switch = self.frame.get_by_role("button", name="Kill switch")
        switch.scroll_into_view_if_needed()
        switch.hover()
        self.page.mouse.down()
        expect(self.frame.locator(".pill", has_text="HALTED")).to_be_visible(timeout=10 * HOLD_MS)
        self.page.mouse.up()
