"""The desk: all that a widget may know about the session behind it.

Widgets read a published :class:`Frame` and ask for things through :class:`Desk`; nothing in
this package imports the engine.  ``alphaforge.lab`` wires the real desk, tests bring a double.

Units: prices and quantities are floats in human units, already snapped to tick and lot by
whoever publishes them; times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]


@dataclass(frozen=True)
class SymbolInfo:
    """What the screen must know of an instrument to write its figures."""

    symbol: str
    tick: float
    price_decimals: int
    qty_decimals: int
    lot: float
    base: str
    quote: str
    specs: tuple[str, ...]
    simulated: bool = True


@dataclass(frozen=True)
class Quote:
    """Top of book and last price of one instrument; ``change_pct`` since the session's start."""

    bid: float
    ask: float
    last: float
    change_pct: float
    spread: float


@dataclass(frozen=True)
class Depth:
    """Price levels, best first; ``own`` maps a price to our resting quantity there."""

    bid_price: tuple[float, ...] = ()
    bid_qty: tuple[float, ...] = ()
    ask_price: tuple[float, ...] = ()
    ask_qty: tuple[float, ...] = ()
    own: dict[float, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Position:
    """One open position, money in the account's base currency."""

    symbol: str
    qty: float
    average: float
    last: float
    unrealised: float
    realised: float
    fees: float
    exposure: float


@dataclass(frozen=True)
class WorkingOrder:
    """An order that can still trade; ``side`` is +1 to buy and -1 to sell."""

    id: int
    ts_ms: float
    symbol: str
    side: int
    type: str
    tif: str
    qty: float
    filled: float
    price: float | None
    status: str
    strategy: str


@dataclass(frozen=True)
class Limit:
    """A risk limit: ``value`` is what is used of ``limit``."""

    key: str
    name: str
    value: float
    limit: float
    unit: str


@dataclass(frozen=True)
class Alert:
    """A rule that fired, ``count`` times between ``ts_ms`` and ``last_ms``."""

    id: int
    severity: str
    ts_ms: float
    last_ms: float
    rule: str
    text: str
    count: int
    acknowledged: bool


@dataclass(frozen=True)
class Frame:
    """The newest published picture of the session."""

    ts_ms: float
    state: str
    engine: str
    halt_reason: str
    base: str
    equity: float
    day_pnl: float
    drawdown_pct: float
    events_per_s: float
    lag_p50_us: float
    lag_p99_us: float
    feed_age_ms: float
    quotes: dict[str, Quote] = field(default_factory=dict)
    book: dict[str, Depth] = field(default_factory=dict)
    positions: tuple[Position, ...] = ()
    orders: tuple[WorkingOrder, ...] = ()
    limits: tuple[Limit, ...] = ()
    alerts: tuple[Alert, ...] = ()
    journal_rows: int = 0
    journal_gaps: int = 0


@dataclass(frozen=True)
class Bars:
    """Bars from index ``first`` on: ``closed`` finished rows, then the forming one if any."""

    first: int
    closed: int
    forming: bool
    ts_open_ms: Column
    ts_close_ms: Column
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column


@dataclass(frozen=True)
class Fill:
    """One execution of ours."""

    ts_ms: float
    symbol: str
    side: int
    qty: float
    price: float
    fee: float
    order_id: int
    liquidity: str


@dataclass(frozen=True)
class Equity:
    """The account at moments from number ``first`` on, about one a second."""

    first: int
    ts_ms: Column
    equity: Column
    peak: Column


@dataclass(frozen=True)
class Ticket:
    """An order that a person is about to send."""

    symbol: str
    side: int
    type: str
    qty: float
    price: float | None = None
    tif: str = "GTC"


@dataclass(frozen=True)
class WhatIf:
    """What the risk checks would say to a ticket; ``reason`` is empty when they would pass it."""

    notional: float
    position_after: float
    position_limit: float | None
    reason: str
    checks: int


@runtime_checkable
class Desk(Protocol):
    """The session as the widgets see it.  Every method is cheap and safe from any thread."""

    @property
    def name(self) -> str:
        """What the session is, as the header shows it."""

    def symbols(self) -> list[SymbolInfo]:
        """Instruments on the screen, first one first."""

    def frame(self) -> Frame:
        """Newest published picture; the desk caches it by age."""

    def bars(self, symbol: str, spec: str, start: int) -> Bars:
        """Closed bars with index >= ``start`` (0 is the session's first), then the forming one."""

    def fills(self, start: int) -> tuple[int, list[Fill]]:
        """The number to ask from next time, and fills ``start`` and later, oldest first."""

    def equity(self, start: int) -> Equity:
        """The account at moment number ``start`` (0 is the session's first) and later."""

    def submit(self, ticket: Ticket) -> str:
        """Send an order; return ``""`` or the reason it was refused."""

    def what_if(self, ticket: Ticket) -> WhatIf:
        """Ask the risk checks without sending."""

    def cancel(self, order_id: int) -> None:
        """Cancel a working order."""

    def replace(self, order_id: int, price: float) -> str:
        """Move a working order to ``price``; return ``""`` or the reason it was refused."""

    def flatten(self, symbol: str) -> None:
        """Close the position at market."""

    def kill(self) -> None:
        """Cancel everything and refuse every new order until :meth:`arm`."""

    def arm(self) -> None:
        """Allow trading again after :meth:`kill`."""

    def pause(self) -> None:
        """Hold the strategies; the market data goes on."""

    def resume(self) -> None:
        """End :meth:`pause`."""

    def set_limit(self, key: str, value: float) -> str:
        """Change a risk limit; return ``""`` or the reason it was refused."""

    def acknowledge(self, alert_id: int) -> None:
        """Mark an alert as seen."""
