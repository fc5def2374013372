"""The blotter: positions, orders, fills and alerts behind tabs, and room for what isn't a table."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import param

from alphaforge.widgets import figures
from alphaforge.widgets.component import ESM, Island
from alphaforge.widgets.desk import Desk, Fill, Frame, SymbolInfo
from alphaforge.widgets.positions import position_table
from alphaforge.widgets.table import Cell, Row, Table

FILLS_KEPT = 200
SEVERITY_TONES = {"info": "mute", "warning": "warn", "error": "bad", "critical": "bad"}
TABLES = ("Positions", "Orders", "Fills", "Alerts")


class BlotterView(Island):
    """Tabs and the table of the one that is open."""

    _esm = ESM / "blotter.js"
    tabs = param.List(default=[])
    active = param.String(default="Positions")
    head = param.Dict(default={})
    rows = param.List(default=[])


class Blotter:
    """What was asked for and what came of it.

    Parameters
    ----------
    desk : Desk
        The session.
    tables : sequence of str, optional
        Which tables to offer, each a tab; a single one is shown without the tab bar.
    panes : sequence of str, optional
        Further tabs; the page has an element ``.pane`` with that ``data-tab`` beside the blotter,
        which is shown below the tab bar while the tab is open.
    """

    every = 2

    def __init__(
        self,
        desk: Desk,
        tables: Sequence[str] = TABLES,
        panes: Sequence[str] = (),
    ) -> None:
        self._desk = desk
        self._tabs = (*tables, *panes)
        self._infos = {info.symbol: info for info in desk.symbols()}
        self._fills: deque[Fill] = deque(maxlen=FILLS_KEPT)
        self._fill_count = 0
        self._tables: dict[str, Callable[[Frame], Table]] = {
            "Positions": lambda frame: position_table(desk, frame),
            "Orders": self._orders,
            "Fills": self._fills_table,
            "Alerts": self._alerts,
        }
        self.root = BlotterView(
            active=self._tabs[0],
            on={
                "flatten": lambda message: desk.flatten(str(message["key"])),
                "cancel": lambda message: desk.cancel(int(message["key"])),
                "acknowledge": lambda message: desk.acknowledge(int(message["key"])),
            },
        )
        self.root.param.watch(lambda _: self.update(desk.frame()), "active")

    def update(self, frame: Frame) -> None:
        """Show the open tab's rows and every tab's count."""
        self._fill_count, fresh = self._desk.fills(self._fill_count)
        self._fills.extend(fresh)
        draw = self._tables.get(self.root.active)
        table = draw(frame) if draw is not None else Table(())
        counts = {
            "Positions": sum(position.qty != 0 for position in frame.positions),
            "Orders": len(frame.orders),
            "Fills": self._fill_count,
            "Alerts": sum(not alert.acknowledged for alert in frame.alerts),
        }
        tabs = [[name, counts.get(name, "")] for name in self._tabs]
        self.root.param.update(head=table.head(), rows=table.body(), tabs=tabs)

    def _info(self, symbol: str) -> SymbolInfo:
        fallback = SymbolInfo(symbol, 0.01, 2, 3, 0.001, "", "", (), False)
        return self._infos.get(symbol, fallback)

    def _orders(self, frame: Frame) -> Table:
        columns = ("Order", "Time UTC", "Instrument", "Side", "Type", "TIF", "Quantity", "Filled",
                   "Price", "Status", "Strategy")  # fmt: skip
        rows = []
        for order in sorted(frame.orders, key=lambda order: -order.id):
            info = self._info(order.symbol)
            price = figures.NONE
            if order.price is not None:
                price = figures.plain(order.price, info.price_decimals)
            cells = [
                Cell(f"#{order.id}"),
                Cell(figures.clock(order.ts_ms, millis=True)),
                Cell(order.symbol),
                _side(order.side),
                Cell(order.type),
                Cell(order.tif),
                Cell(figures.plain(order.qty, info.qty_decimals)),
                Cell(figures.plain(order.filled, info.qty_decimals)),
                Cell(price),
                Cell(order.status.lower()),
                Cell(order.strategy or figures.NONE, tone="mute"),
            ]
            rows.append(Row(str(order.id), cells, ("Cancel", "cancel")))
        return Table(columns, rows, (0, 1, 2, 3, 4, 5, 9, 10), (2,), "No working orders")

    def _fills_table(self, _: Frame) -> Table:
        columns = ("Time UTC", "Instrument", "Side", "Quantity", "Price", "Fee", "Order",
                   "Liquidity")  # fmt: skip
        rows = []
        for number, fill in enumerate(reversed(self._fills)):
            info = self._info(fill.symbol)
            cells = [
                Cell(figures.clock(fill.ts_ms, millis=True)),
                Cell(fill.symbol),
                _side(fill.side),
                Cell(figures.plain(fill.qty, info.qty_decimals)),
                Cell(figures.plain(fill.price, info.price_decimals)),
                Cell(figures.plain(-abs(fill.fee), 4)),
                Cell(f"#{fill.order_id}"),
                Cell(fill.liquidity),
            ]
            rows.append(Row(str(self._fill_count - number), cells))
        return Table(columns, rows, (0, 1, 2, 7), (1,), "No fills yet")

    def _alerts(self, frame: Frame) -> Table:
        columns = ("Severity", "First UTC", "Last UTC", "Rule", "What happened", "Count")
        rows = []
        for alert in sorted(frame.alerts, key=lambda alert: (alert.acknowledged, -alert.last_ms)):
            tone = SEVERITY_TONES.get(alert.severity.lower(), "mute")
            cells = [
                Cell(f"▲ {alert.severity.lower()}", "mute" if alert.acknowledged else tone),
                Cell(figures.clock(alert.ts_ms)),
                Cell(figures.clock(alert.last_ms)),
                Cell(alert.rule),
                Cell(alert.text),
                Cell(f"{alert.count:,}"),
            ]
            action = None if alert.acknowledged else ("Acknowledge", "acknowledge")
            rows.append(Row(str(alert.id), cells, action))
        return Table(columns, rows, (0, 1, 2, 3, 4), (0, 3, 4), "No alerts")


def _side(side: int) -> Cell:
    return Cell("▲ buy", "up") if side > 0 else Cell("▼ sell", "dn")
