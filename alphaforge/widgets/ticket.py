"""The order ticket: what would happen is on the screen before the order is sent."""

from __future__ import annotations

from typing import Any

import param

from alphaforge.widgets import figures
from alphaforge.widgets.component import ESM, Island, Message, Selection
from alphaforge.widgets.desk import Desk, Frame, SymbolInfo, Ticket

FIELDS = ("side", "kind", "tif", "qty", "price")
NO_LIMIT = "no limit set"


class TicketView(Island):
    """The form.  ``qty`` and ``price`` are what the person typed, not yet numbers."""

    _esm = ESM / "ticket.js"
    side = param.Selector(default="buy", objects=["buy", "sell"])
    kind = param.Selector(default="limit", objects=["limit", "market"])
    tif = param.Selector(default="GTC", objects=["GTC", "IOC"])
    qty = param.String(default="")
    price = param.String(default="")
    base = param.String(default="")
    quote = param.String(default="")
    step_qty = param.Number(default=0.001)
    step_price = param.Number(default=0.01)
    lines = param.List(default=[])
    label = param.String(default="")
    reason = param.String(default="")
    note = param.String(default="")
    answer = param.Dict(default={})


class OrderTicket:
    """An order being written for the selected instrument."""

    every = 4

    def __init__(self, desk: Desk, selection: Selection) -> None:
        self._desk = desk
        self._selection = selection
        self._infos = {info.symbol: info for info in desk.symbols()}
        self._sent = 0
        self.root = TicketView(on={"submit": self._submit})
        self.root.param.watch(self._edited, list(FIELDS))
        selection.param.watch(self._select, "symbol")
        selection.param.watch(self._take_price, "price")
        self._select()

    @property
    def _info(self) -> SymbolInfo | None:
        return self._infos.get(self._selection.symbol)

    def _select(self, *_: Any) -> None:
        info = self._info
        if info is None:
            return
        quote = self._desk.frame().quotes.get(info.symbol)
        self.root.param.update(
            base=info.base,
            quote=info.quote,
            step_qty=info.lot,
            step_price=info.tick,
            qty=figures.plain(info.lot * 100, info.qty_decimals),
            price=figures.plain(quote.bid, info.price_decimals) if quote else "",
        )
        self._preview()

    def _take_price(self, event: Any) -> None:
        info = self._info
        if info is not None and event.new is not None:
            self.root.param.update(
                kind="limit", price=figures.plain(event.new, info.price_decimals)
            )

    def update(self, frame: Frame) -> None:
        """Ask the checks again: prices and positions move while the person types."""
        if not self.root.price and (quote := frame.quotes.get(self._selection.symbol)) is not None:
            info = self._infos[self._selection.symbol]
            self.root.price = figures.plain(quote.bid, info.price_decimals)
        self._preview()

    def _read(self) -> Ticket | str:
        """Return the ticket as typed, or in words what is wrong with it."""
        info = self._info
        if info is None:
            return "No instrument is selected"
        qty = figures.number(self.root.qty)
        if qty is None or qty <= 0:
            return f"Quantity must be a number of {info.base} above zero"
        if not _on_grid(qty, info.lot):
            return f"Quantity must be a multiple of {info.lot:g} {info.base}"
        price = None
        if self.root.kind == "limit":
            price = figures.number(self.root.price)
            if price is None or price <= 0:
                return f"Price must be a number of {info.quote} above zero"
            if not _on_grid(price, info.tick):
                return f"Price must be a multiple of {info.tick:g} {info.quote}"
        side = 1 if self.root.side == "buy" else -1
        return Ticket(info.symbol, side, self.root.kind, qty, price, self.root.tif)

    def _edited(self, *_: Any) -> None:
        self.root.answer = {}  # it spoke of the order before
        self._preview()

    def _preview(self, *_: Any) -> None:
        ticket, info = self._read(), self._info
        if isinstance(ticket, str) or info is None:
            self.root.param.update(reason=str(ticket), lines=[], label="", note="")
            return
        answer = self._desk.what_if(ticket)
        after = figures.signed(answer.position_after, info.qty_decimals)
        if answer.position_limit is not None:
            after += f" of {figures.plain(answer.position_limit, info.qty_decimals)}"
        self.root.param.update(
            lines=[
                [f"Notional {info.quote}", figures.plain(answer.notional)],
                ["Position after", after],
                ["Limit headroom", _headroom(answer.position_after, answer.position_limit, info)],
            ],
            label=_label(ticket, info),
            reason=answer.reason,
            note="" if answer.reason else f"All {answer.checks} checks would pass",
        )

    def _submit(self, _: Message) -> None:
        ticket = self._read()
        refused = ticket if isinstance(ticket, str) else self._desk.submit(ticket)
        self._sent += 1
        text = f"Refused: {refused}" if refused else "Sent"
        # The number makes the second of two equal answers a message of its own.
        self.root.answer = {"number": self._sent, "ok": not refused, "text": text}
        self._preview()


def _on_grid(value: float, step: float) -> bool:
    return abs(value / step - round(value / step)) < 1e-6


def _headroom(after: float, limit: float | None, info: SymbolInfo) -> str:
    if limit is None:
        return NO_LIMIT
    left = limit - abs(after)
    return f"{figures.plain(abs(left), info.qty_decimals)} {'left' if left >= 0 else 'over'}"


def _label(ticket: Ticket, info: SymbolInfo) -> str:
    """Return the button's words: exactly what pressing it does."""
    verb = "Buy" if ticket.side > 0 else "Sell"
    qty = figures.plain(ticket.qty, info.qty_decimals)
    if ticket.price is None:
        return f"{verb} {qty} at market"
    return f"{verb} {qty} @ {figures.plain(ticket.price, info.price_decimals)}"
