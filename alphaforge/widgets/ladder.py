"""The depth ladder: price levels with our own orders; a click puts the price in the ticket."""

from __future__ import annotations

from typing import Any

import param

from alphaforge.widgets.component import ESM, Island, Message, Selection
from alphaforge.widgets.desk import Depth, Desk, Frame

LEVELS = 20


class LadderView(Island):
    """The levels as columns, best first; the browser shows as many as fit."""

    _esm = ESM / "ladder.js"
    book = param.Dict(default={})
    last = param.Number(default=None, allow_None=True)
    rising = param.Boolean(default=True)
    spread = param.Number(default=None, allow_None=True)
    price_decimals = param.Integer(default=2)
    qty_decimals = param.Integer(default=3)


class Ladder:
    """Depth of the selected instrument."""

    every = 2

    def __init__(self, desk: Desk, selection: Selection) -> None:
        self._selection = selection
        self._infos = {info.symbol: info for info in desk.symbols()}
        self.root = LadderView(on={"price": self._pick})
        selection.param.watch(self._select, "symbol")
        self._select()

    def _select(self, *_: Any) -> None:
        info = self._infos.get(self._selection.symbol)
        if info is not None:
            self.root.param.update(
                price_decimals=info.price_decimals,
                qty_decimals=info.qty_decimals,
                book={},
                last=None,
            )

    def _pick(self, message: Message) -> None:
        # A second click on the same price must reach the ticket too.
        self._selection.price = None
        self._selection.price = float(message["price"])

    def update(self, frame: Frame) -> None:
        """Show the newest depth."""
        depth = frame.book.get(self._selection.symbol, Depth())
        quote = frame.quotes.get(self._selection.symbol)
        values: dict[str, Any] = {"book": _columns(depth)}
        if quote is not None:
            if self.root.last is not None and quote.last != self.root.last:
                values["rising"] = bool(quote.last > self.root.last)
            values |= {"last": quote.last, "spread": quote.spread}
        self.root.param.update(**values)


def _columns(depth: Depth) -> dict[str, list[float]]:
    """Return the sides as lists; own quantities stand beside their level, 0 where we have none."""
    columns: dict[str, list[float]] = {}
    for side, prices, sizes in (
        ("ask", depth.ask_price, depth.ask_qty),
        ("bid", depth.bid_price, depth.bid_qty),
    ):
        shown = [float(price) for price in prices[:LEVELS]]
        columns[f"{side}_price"] = shown
        columns[f"{side}_qty"] = [float(size) for size in sizes[:LEVELS]]
        columns[f"{side}_own"] = [float(depth.own.get(price, 0.0)) for price in shown]
    return columns
