"""``ctx`` in python mode: each method is one kernel of ``actions``, as in compiled handlers."""

from __future__ import annotations

import math
from typing import Any

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.errors import InstrumentError
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
from alphaforge.strategy.draws import draw_integer, draw_normal, draw_uniform
from alphaforge.strategy.events import EngineView
from alphaforge.strategy.given import a_side, a_text, at_least, flag, number, price, whole
from alphaforge.strategy.market import (
    BarView,
    DepthView,
    LevelView,
    bar_of,
    depth_of,
    level_of,
)
from alphaforge.strategy.notes import id_of, note

_PRICES = ("limit", "stop", "touch", "trail", "trail_limit")
_FLAGS = ("post_only", "reduce_only", "close_position", "to_limit", "emulate")


class Random:
    """``ctx.rng``: random numbers of this strategy, the same in every run of one seed.

    Strategies of one seed draw the same ones: give each of several its own.
    """

    def __init__(self, engine: int) -> None:
        self._m = engine

    def uniform(self) -> float:
        """The next number in (0, 1]."""
        return float(draw_uniform(self._m))

    def normal(self) -> float:
        """The next normal number, mean 0 and standard deviation 1."""
        return float(draw_normal(self._m))

    def integers(self, n: int) -> int:
        """The next whole number from 0 to ``n`` - 1."""
        return int(draw_integer(self._m, at_least("n", n, 1)))


class Context:
    """What a handler is given as ``ctx`` in python mode; compiled handlers get the same methods.

    Parameters
    ----------
    engine : int
        The block's address.
    """

    def __init__(self, engine: int) -> None:
        self._m = engine
        self._h: Any = EngineView.from_address(engine)
        self._used: int = self._h.instruments_used
        self._rng = Random(engine)

    def __repr__(self) -> str:
        return f"Context(now={self.now()}, cash={self.cash()}, equity={self.equity()})"

    def _at(self, instrument: int) -> int:
        """An instrument's number, where there is such an instrument."""
        if type(instrument) is int and 0 <= instrument < self._used:
            return instrument
        i, used = whole("instrument", instrument), self._h.instruments_used
        self._used = used
        if not 0 <= i < used:
            have = f"{used}, numbered 0 to {used - 1}" if used > 1 else f"{used}, numbered 0"
            raise InstrumentError(
                f"instrument {i} is unknown: this run has {have}. Use what events carry, such as "
                "bar.instrument."
            )
        return i

    def _send(self, side: int, instrument: int, qty: float, terms: dict[str, Any]) -> int:
        """Queue an order with the terms that ``buy`` and ``sell`` were given."""
        t = terms
        return int(
            submit(
                self._m,
                self._at(instrument),
                side,
                number("qty", qty),
                *(price(name, t[name]) for name in _PRICES),
                *(whole(name, t[name]) for name in ("trail_unit", "trigger", "tif", "expire_ns")),
                price("display", t["display"]),
                flags_of(*(flag(name, t[name]) for name in _FLAGS)),
                whole("stp", t["stp"]),
                whole("tag", t["tag"]),
            )
        )

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
        terms = {
            "limit": limit,
            "stop": stop,
            "touch": touch,
            "trail": trail,
            "trail_limit": trail_limit,
            "trail_unit": trail_unit,
            "trigger": trigger,
            "tif": tif,
            "expire_ns": expire_ns,
            "display": display,
            "post_only": post_only,
            "reduce_only": reduce_only,
            "close_position": close_position,
            "to_limit": to_limit,
            "emulate": emulate,
            "stp": stp,
            "tag": tag,
        }
        return self._send(K.BUY, instrument, qty, terms)

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
        terms = {
            "limit": limit,
            "stop": stop,
            "touch": touch,
            "trail": trail,
            "trail_limit": trail_limit,
            "trail_unit": trail_unit,
            "trigger": trigger,
            "tif": tif,
            "expire_ns": expire_ns,
            "display": display,
            "post_only": post_only,
            "reduce_only": reduce_only,
            "close_position": close_position,
            "to_limit": to_limit,
            "emulate": emulate,
            "stp": stp,
            "tag": tag,
        }
        return self._send(K.SELL, instrument, qty, terms)

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
        return int(
            bracket(
                self._m,
                self._at(instrument),
                number("qty", qty),
                price("limit", limit),
                number("take", take),
                number("stop", stop),
                whole("tif", tif),
                whole("tag", tag),
            )
        )

    def link(self, first: int, second: int, kind: int = K.OCO) -> bool:
        """Make peers of two own orders: ``af.OCO`` or ``af.OUO``; False where they can't be."""
        a, b = whole("first", first), whole("second", second)
        return bool(link(self._m, a, b, whole("kind", kind)))

    def _work(
        self,
        kind: int,
        instrument: int,
        qty: float,
        limit: float | None,
        given: int,
        over_ns: int,
        size: float | None,
        flags: int,
        tag: int,
    ) -> int:
        """Queue an algorithm; ``given`` and ``size`` are what its kind makes of them."""
        return int(
            algorithm(
                self._m,
                self._at(instrument),
                kind,
                number("qty", qty),
                price("limit", limit),
                given,
                whole("over_ns", over_ns),
                size,
                flags,
                whole("tag", tag),
            )
        )

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
        n = whole("slices", slices)
        return self._work(K.TWAP, instrument, qty, limit, n, over_ns, math.nan, 0, tag)

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
        n = whole("slices", slices)
        return self._work(K.VWAP, instrument, qty, limit, n, over_ns, math.nan, 0, tag)

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
        parts, least = int(parts_of(number("share", share))), price("smallest", smallest)
        return self._work(K.POV, instrument, qty, limit, parts, over_ns, least, 0, tag)

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
        shown = number("display", display)
        return self._work(
            K.ICEBERG, instrument, qty, number("limit", limit), 0, over_ns, shown, 0, tag
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
        flags = K.POST_ONLY if flag("post_only", post_only) else 0
        ticks = whole("behind", behind)
        return self._work(K.CHASE, instrument, qty, limit, ticks, over_ns, math.nan, flags, tag)

    def target(self, instrument: int, qty: float) -> int:
        """Order the difference to a signed target position; 0 where there is none."""
        return int(target(self._m, self._at(instrument), number("qty", qty)))

    def close(self, instrument: int) -> int:
        """Order what brings the position to zero."""
        return int(target(self._m, self._at(instrument), 0.0))

    def cancel(self, order_id: int) -> None:
        """Cancel one order."""
        cancel(self._m, whole("order_id", order_id))

    def cancel_all(self, instrument: int = -1) -> None:
        """Cancel this strategy's orders in an instrument, or all."""
        every = whole("instrument", instrument) == -1
        cancel_all(self._m, -1 if every else self._at(instrument))

    def replace(
        self,
        order_id: int,
        limit: float | None = None,
        qty: float | None = None,
        stop: float | None = None,
    ) -> None:
        """Give a working order another limit price, whole quantity or trigger price."""
        replace(
            self._m,
            whole("order_id", order_id),
            price("limit", limit),
            price("qty", qty),
            price("stop", stop),
        )

    def position(self, instrument: int) -> PositionView:
        """The strategy's own position."""
        return PositionView(*position_of(self._m, self._at(instrument)))

    def order(self, order_id: int) -> OrderView:
        """One order by id."""
        return OrderView(*order_of(self._m, whole("order_id", order_id)))

    def cash(self) -> float:
        """Cash of the account."""
        return float(cash(self._m))

    def equity(self) -> float:
        """Cash and positions at their marks."""
        return float(equity(self._m))

    def last(self, instrument: int) -> float:
        """Last trade price."""
        return float(price_of(self._m, self._at(instrument), 0))

    def bid(self, instrument: int) -> float:
        """Best bid."""
        return float(price_of(self._m, self._at(instrument), 1))

    def ask(self, instrument: int) -> float:
        """Best ask."""
        return float(price_of(self._m, self._at(instrument), 2))

    def mid(self, instrument: int) -> float:
        """Middle of best bid and ask."""
        return float(price_of(self._m, self._at(instrument), 3))

    def depth(self, instrument: int, levels: int) -> DepthView:
        """What the best ``levels`` of each side hold and their average prices, weighted by it.

        Of an instrument without a book the touch; 0 and NaN where a side is empty.
        """
        i = self._at(instrument)
        return DepthView(*depth_of(self._m, i, at_least("levels", levels, 1)))

    def level(self, instrument: int, side: int, n: int = 0) -> LevelView:
        """The n-th best level of a side, ``af.BUY`` the bids and ``af.SELL`` the asks; 0 the touch.

        NaN and 0 where there is none.
        """
        i, which = self._at(instrument), a_side(side)
        return LevelView(*level_of(self._m, i, which, at_least("n", n, 0)))

    def bar(self, instrument: int, back: int = 0) -> BarView:
        """The closed bar that this strategy was shown ``back`` bars ago, 0 the newest.

        The last 1,000 of each instrument are kept. At a split those before it are put on the new
        scale, as ``ctx.last`` is. NaN and 0 where there is none yet.
        """
        i = self._at(instrument)
        return BarView(*bar_of(self._m, i, at_least("back", back, 0)))

    @property
    def rng(self) -> Random:
        """Random numbers that repeat with the run's seed."""
        return self._rng

    def record(self, name: str, value: float) -> None:
        """Record a value of now under a name that is written there: see ``run.recorded``."""
        note(self._m, M.METRIC_ROW, id_of(a_text("name", name)), number("value", value))

    def log(self, text: str, value: float = math.nan) -> None:
        """Log a line that is written there, and a value with it: see ``run.log``."""
        note(self._m, M.LOG_ROW, id_of(a_text("text", text)), number("value", value))

    def now(self) -> int:
        """The engine's time, ns UTC."""
        return int(now(self._m))

    def timer(self, after_ns: int, id: int = 0) -> None:  # noqa: A002 - the user's keyword
        """Ask for ``on_timer`` in ``after_ns`` nanoseconds."""
        timer(self._m, at_least("after_ns", after_ns, 0), whole("id", id))
