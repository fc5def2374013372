"""``ctx`` in python mode: each method is one kernel of ``actions``, as in compiled handlers."""

from __future__ import annotations

import math

from alphaforge.engine import codes as K
from alphaforge.strategy.actions import (
    OrderView,
    PositionView,
    algorithm,
    bracket,
    cancel,
    cancel_all,
    cash,
    equity,
    flags_of,
    given,
    link,
    now,
    order_of,
    parts_of,
    position_of,
    price_of,
    replace,
    submit,
    target,
    timer,
)


def _given(value: float | None) -> float:
    """What kernels are told of a price that may be left out."""
    return math.nan if value is None else float(given(value))


class Context:
    """What a handler is given as ``ctx`` in python mode; compiled handlers get the same methods.

    Parameters
    ----------
    engine : int
        The block's address.
    """

    def __init__(self, engine: int) -> None:
        self._m = engine

    def buy(
        self,
        instrument: int,
        qty: float,
        limit: float | None = None,
        stop: float | None = None,
        touch: float | None = None,
        trail: float | None = None,
        trail_limit: float | None = None,
        trail_unit: int = K.TRAIL_TICKS,
        trigger: int = K.LAST,
        tif: int = K.GTC,
        expire_ns: int = 0,
        display: float | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        close_position: bool = False,
        to_limit: bool = False,
        emulate: bool = False,
        stp: int = K.CANCEL_NEWEST,
        tag: int = 0,
    ) -> int:
        """Buy; the order's id. The prices given make its type; without any it is a market order.

        Parameters
        ----------
        limit : float
            Limit price.
        stop, touch : float
            Trigger price reached from below, or from above; with ``limit`` it then is a limit
            order, else a market order.
        trail : float
            A stop that follows the price at this distance, in price, basis points or average true
            ranges (``trail_unit``: ``af.TRAIL_PRICE``, ``af.TRAIL_BPS``, ``af.TRAIL_ATR``).
        trail_limit : float
            Its limit, so far from the stop.
        trigger : int
            What triggers are compared with: ``af.LAST``, ``BID_ASK``, ``MID``, ``MARK``, ``INDEX``.
        tif : int
            ``af.GTC``, ``IOC``, ``FOK``, ``GTD`` (until ``expire_ns``, ns UTC), ``DAY``,
            ``AT_OPEN``, ``AT_CLOSE``.
        display : float
            Show only so much of a limit order.
        post_only, reduce_only, close_position : bool
            Never take; never enlarge the position; be as large as the position when triggered.
        to_limit : bool
            A market order whose rest stays as a limit at the price it got.
        emulate : bool
            The engine watches the trigger, not the venue.
        stp : int
            When it would meet an own order: ``af.CANCEL_NEWEST``, ``CANCEL_OLDEST``,
            ``CANCEL_BOTH``, ``DECREMENT``.
        tag : int
            Yours; it comes back with the order's events.
        """
        return int(
            submit(
                self._m,
                instrument,
                K.BUY,
                qty,
                _given(limit),
                _given(stop),
                _given(touch),
                _given(trail),
                _given(trail_limit),
                trail_unit,
                trigger,
                tif,
                expire_ns,
                _given(display),
                flags_of(post_only, reduce_only, close_position, to_limit, emulate),
                stp,
                tag,
            )
        )

    def sell(
        self,
        instrument: int,
        qty: float,
        limit: float | None = None,
        stop: float | None = None,
        touch: float | None = None,
        trail: float | None = None,
        trail_limit: float | None = None,
        trail_unit: int = K.TRAIL_TICKS,
        trigger: int = K.LAST,
        tif: int = K.GTC,
        expire_ns: int = 0,
        display: float | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        close_position: bool = False,
        to_limit: bool = False,
        emulate: bool = False,
        stp: int = K.CANCEL_NEWEST,
        tag: int = 0,
    ) -> int:
        """Sell; the order's id. As ``buy``: triggers are reached from the other side."""
        return int(
            submit(
                self._m,
                instrument,
                K.SELL,
                qty,
                _given(limit),
                _given(stop),
                _given(touch),
                _given(trail),
                _given(trail_limit),
                trail_unit,
                trigger,
                tif,
                expire_ns,
                _given(display),
                flags_of(post_only, reduce_only, close_position, to_limit, emulate),
                stp,
                tag,
            )
        )

    def bracket(
        self,
        instrument: int,
        qty: float,
        take: float,
        stop: float,
        limit: float | None = None,
        tif: int = K.GTC,
        tag: int = 0,
    ) -> int:
        """Enter and, as far as that fills, leave at ``take`` or ``stop``; the entry's id.

        ``qty`` is signed: below 0 enters by selling. What one exit fills, the other gives up.
        """
        return int(bracket(self._m, instrument, qty, _given(limit), take, stop, tif, tag))

    def link(self, first: int, second: int, kind: int = K.OCO) -> bool:
        """Make peers of two own orders: ``af.OCO`` or ``af.OUO``; False where they can't be."""
        return bool(link(self._m, first, second, kind))

    def twap(
        self,
        instrument: int,
        qty: float,
        over_ns: int,
        slices: int,
        limit: float | None = None,
        tag: int = 0,
    ) -> int:
        """Work a signed quantity in equal slices over a time; the parent's id."""
        price = _given(limit)
        return int(
            algorithm(self._m, instrument, K.TWAP, qty, price, slices, over_ns, math.nan, 0, tag)
        )

    def vwap(
        self,
        instrument: int,
        qty: float,
        over_ns: int,
        slices: int,
        limit: float | None = None,
        tag: int = 0,
    ) -> int:
        """Work a signed quantity in slices as large as volume usually is at their time."""
        price = _given(limit)
        return int(
            algorithm(self._m, instrument, K.VWAP, qty, price, slices, over_ns, math.nan, 0, tag)
        )

    def pov(
        self,
        instrument: int,
        qty: float,
        share: float,
        limit: float | None = None,
        smallest: float | None = None,
        over_ns: int = 0,
        tag: int = 0,
    ) -> int:
        """Work a signed quantity as a share of what the market trades from now on."""
        return int(
            algorithm(
                self._m,
                instrument,
                K.POV,
                qty,
                _given(limit),
                parts_of(share),
                over_ns,
                _given(smallest),
                0,
                tag,
            )
        )

    def iceberg(
        self,
        instrument: int,
        qty: float,
        limit: float,
        display: float,
        over_ns: int = 0,
        tag: int = 0,
    ) -> int:
        """Work a signed quantity at a limit, one child of ``display`` at a time."""
        return int(
            algorithm(self._m, instrument, K.ICEBERG, qty, limit, 0, over_ns, display, 0, tag)
        )

    def chase(
        self,
        instrument: int,
        qty: float,
        limit: float | None = None,
        behind: int = 0,
        over_ns: int = 0,
        post_only: bool = False,
        tag: int = 0,
    ) -> int:
        """Keep a signed quantity at our side of the touch, ``behind`` it by ticks.

        After ``over_ns`` what is left goes to the market.
        """
        flags = K.POST_ONLY if post_only else 0
        price = _given(limit)
        return int(
            algorithm(
                self._m, instrument, K.CHASE, qty, price, behind, over_ns, math.nan, flags, tag
            )
        )

    def target(self, instrument: int, qty: float) -> int:
        """Order the difference to a signed target position; 0 where there is none."""
        return int(target(self._m, instrument, qty))

    def close(self, instrument: int) -> int:
        """Order what brings the position to zero."""
        return int(target(self._m, instrument, 0.0))

    def cancel(self, order_id: int) -> None:
        """Cancel one order."""
        cancel(self._m, order_id)

    def cancel_all(self, instrument: int = -1) -> None:
        """Cancel this strategy's orders in an instrument, or all."""
        cancel_all(self._m, instrument)

    def replace(
        self,
        order_id: int,
        limit: float | None = None,
        qty: float | None = None,
        stop: float | None = None,
    ) -> None:
        """Give a working order another limit price, whole quantity or trigger price."""
        replace(self._m, order_id, _given(limit), _given(qty), _given(stop))

    def position(self, instrument: int) -> PositionView:
        """The strategy's own position."""
        return PositionView(*position_of(self._m, instrument))

    def order(self, order_id: int) -> OrderView:
        """One order by id."""
        return OrderView(*order_of(self._m, order_id))

    def cash(self) -> float:
        """Cash of the account."""
        return float(cash(self._m))

    def equity(self) -> float:
        """Cash and positions at their marks."""
        return float(equity(self._m))

    def last(self, instrument: int) -> float:
        """Last trade price."""
        return float(price_of(self._m, instrument, 0))

    def bid(self, instrument: int) -> float:
        """Best bid."""
        return float(price_of(self._m, instrument, 1))

    def ask(self, instrument: int) -> float:
        """Best ask."""
        return float(price_of(self._m, instrument, 2))

    def mid(self, instrument: int) -> float:
        """Middle of best bid and ask."""
        return float(price_of(self._m, instrument, 3))

    def now(self) -> int:
        """The engine's time, ns UTC."""
        return int(now(self._m))

    def timer(self, after_ns: int, id: int = 0) -> None:  # noqa: A002 - the user's keyword
        """Ask for ``on_timer`` in ``after_ns`` nanoseconds."""
        timer(self._m, after_ns, id)
