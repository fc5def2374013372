"""``Order``: what a person asks for, in human units, checked before it is sent."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.errors import AlphaForgeError, OrderError, did_you_mean
from alphaforge.instrument import Instrument
from alphaforge.units import parse_duration, to_ns

_SIDES = {"buy": K.BUY, "sell": K.SELL, 1: K.BUY, -1: K.SELL}
_FLAGS = {name: bit for bit, name in K.FLAG_NAMES.items()}
_LINKED = "Give the other order's id; -1 is the one before it in a list, and this has none there."
ATR_UNIT = 1000  # a trailing offset in average true ranges is sent in thousandths


@dataclass(frozen=True)
class Algorithm:
    """How the engine works an order through children: see ``Twap``, ``Vwap``, ``Pov`` and so on.

    Parameters
    ----------
    over : str
        For how long, e.g. ``"10m"``; empty as long as it takes, where that can be.
    """

    type_ = K.TWAP
    over: str = ""

    def _number(self) -> int:
        return 0


@dataclass(frozen=True)
class Twap(Algorithm):
    """Equal slices at equal times."""

    slices: int = 10

    def _number(self) -> int:
        return _whole(self.slices, "slices of a Twap", "Give 10.")


@dataclass(frozen=True)
class Vwap(Algorithm):
    """Slices as large as volume usually is at their time of day."""

    type_ = K.VWAP
    slices: int = 10

    def _number(self) -> int:
        return _whole(self.slices, "slices of a Vwap", "Give 10.")


@dataclass(frozen=True)
class Pov(Algorithm):
    """A share of what the market trades; the order's ``display`` is the smallest child."""

    type_ = K.POV
    share: float = 0.1

    def _number(self) -> int:
        share: Any = self.share
        if not isinstance(share, (int, float)) or not 0.0 < share <= 1.0:
            raise OrderError(f"share of a Pov must be above 0 and at most 1, not {share!r}.")
        return round(share * 1e9)


@dataclass(frozen=True)
class Iceberg(Algorithm):
    """One child at a time, as large as the order's ``display``, at its limit."""

    type_ = K.ICEBERG


@dataclass(frozen=True)
class Chase(Algorithm):
    """One child at our side of the touch, ``behind`` it by ticks; the rest at market in the end."""

    type_ = K.CHASE
    behind: int = 0

    def _number(self) -> int:
        return _whole(self.behind, "behind of a Chase", "Give ticks, or 0.", least=0)


@dataclass(frozen=True)
class Order:
    """An order of the host: ``Order("BTCUSDT", "buy", 0.25, limit=64_000.0)``.

    The prices given make its type: none market, ``limit`` limit, ``stop`` stop market (with
    ``limit`` stop limit), ``touch`` market-if-touched (limit-if-touched), ``trail`` trailing stop
    market (with ``trail_limit`` trailing stop limit).

    Parameters
    ----------
    symbol : str
    side : str or int
        ``"buy"``, ``"sell"``, 1 or -1.
    qty : float
        Positive, on the lot.
    limit, stop, touch : float, optional
        Prices on the tick: limit, trigger reached from below (of a buy), from above.
    trail : float, optional
        Distance of a trailing stop, in ``trail_unit``: ``"price"``, ``"bps"`` or ``"atr"``.
    trail_limit : float, optional
        Distance from a trailing stop to its limit, in price.
    trigger : str
        What triggers are compared with: ``"last"``, ``"bid_ask"``, ``"mid"``, ``"mark"``,
        ``"index"``.
    tif : str or int
        ``"GTC"``, ``"IOC"``, ``"FOK"``, ``"GTD"`` (until ``expire``), ``"DAY"``, ``"AT_OPEN"``,
        ``"AT_CLOSE"``.
    expire : datetime or str, optional
        UTC where it has no zone.
    display : float, optional
        Show only so much of it.
    post_only, reduce_only, close_position : bool
        Never take; never enlarge the position; be as large as the position when triggered.
    to_limit : bool
        A market order whose rest stays as a limit at the price it got.
    emulate : bool
        The engine watches the trigger, not the venue.
    stp : str
        When it would meet an own order: ``"cancel_newest"``, ``"cancel_oldest"``,
        ``"cancel_both"``, ``"decrement"``.
    algorithm : Twap, Vwap, Pov, Iceberg or Chase, optional
        The engine works it through children.
    parent : int
        Id of the order whose fill it waits for (OTO); with ``-n`` the n-th before it in a list.
    peer : int
        Id of an order that it is linked with, as ``parent``.
    link : str
        How: ``"OCO"`` one cancels the other, ``"OUO"`` one leaves the other as much as itself.
    tag : int
        Yours, an int64; it comes back with the order's events.

    Raises
    ------
    OrderError
        For a symbol that is no name; the rest is checked with the instrument, in ``message``.
    """

    symbol: str
    side: str | int
    qty: float
    limit: float | None = None
    stop: float | None = None
    touch: float | None = None
    trail: float | None = None
    trail_limit: float | None = None
    trail_unit: str = "price"
    trigger: str = "last"
    tif: str | int = "GTC"
    expire: Any = None
    display: float | None = None
    post_only: bool = False
    reduce_only: bool = False
    close_position: bool = False
    to_limit: bool = False
    emulate: bool = False
    stp: str = "cancel_newest"
    algorithm: Algorithm | None = field(default=None)
    parent: int = 0
    peer: int = 0
    link: str = "none"
    tag: int = 0

    def __post_init__(self) -> None:
        symbol: Any = self.symbol
        if not isinstance(symbol, str) or not symbol:
            raise OrderError(f"symbol of an order must be a name, not {symbol!r}. Give 'AAPL'.")
        worked: Any = self.algorithm
        if worked is not None and not isinstance(worked, Algorithm):
            raise OrderError(
                f"algorithm must be af.Twap(...), Vwap, Pov, Iceberg or Chase, not {worked!r}."
            )

    @property
    def type(self) -> int:
        """The type that its prices make, a code such as ``STOP_LIMIT`` of ``engine.codes``."""
        limited = self.limit is not None
        if self.algorithm is not None:
            return self.algorithm.type_
        if self.trail is not None:
            return K.TRAILING_STOP_MARKET if self.trail_limit is None else K.TRAILING_STOP_LIMIT
        if self.stop is not None:
            return K.STOP_LIMIT if limited else K.STOP_MARKET
        if self.touch is not None:
            return K.LIMIT_IF_TOUCHED if limited else K.MARKET_IF_TOUCHED
        if limited:
            return K.LIMIT_ORDER
        return K.MARKET_TO_LIMIT if self.to_limit else K.MARKET_ORDER

    def message(
        self, instrument: Instrument, index: int, order_id: int, ts: int
    ) -> npt.NDArray[Any]:
        """The SUBMIT command of this order.

        Raises
        ------
        OrderError
            For an unknown side, time in force or name, a quantity off the lot, a price off the
            tick, what isn't a number, and what int64 can't hold. Whether its terms fit together is
            the engine's to check.
        """
        side: Any = self.side.lower() if isinstance(self.side, str) else self.side
        if not isinstance(side, (str, int, np.integer)) or side not in _SIDES:
            raise OrderError(f"side must be 'buy' or 'sell', not {self.side!r}.")
        message = np.zeros(1, M.SUBMIT_SLOTS)
        row = message[0]
        row["ts"] = row["ts_recv"] = ts
        row["kind"], row["instrument"], row["order_id"] = M.SUBMIT, index, order_id
        row["side"], row["type"] = _SIDES[side], self.type
        row["qty"] = instrument.qty_lots(self.qty)
        row["tif"] = self._tif()
        row["tag"] = _whole(self.tag, "tag", "Give yours, or 0.", least=-(2**63))
        row["parent"] = _whole(self.parent, "parent", _LINKED, least=0)
        row["peer"] = _whole(self.peer, "peer", _LINKED, least=0)
        row["trigger"] = _code(self.trigger, K.TRIGGER_NAMES, "trigger")
        row["stp"] = _code(self.stp, K.STP_NAMES, "stp")
        row["link"] = _code(self.link, K.LINK_NAMES, "link")
        row["exec_flags"] = sum(bit for name, bit in _FLAGS.items() if getattr(self, name))
        self._prices(row, instrument)
        self._times(row, ts)
        return message

    def _tif(self) -> int:
        names = {name: code for code, name in K.TIF_NAMES.items()}
        tif: Any = names.get(self.tif.upper(), -1) if isinstance(self.tif, str) else self.tif
        if not isinstance(tif, (int, np.integer)) or tif not in K.TIF_NAMES:
            raise OrderError(f"time in force must be one of {', '.join(names)}, not {self.tif!r}.")
        return int(tif)

    def _prices(self, row: Any, instrument: Instrument) -> None:
        if self.stop is not None and self.touch is not None:
            raise OrderError("an order has a stop or a touch, not both. Leave one out.")
        if self.limit is not None:
            row["price"] = instrument.price_ticks(self.limit, "limit price")
        if self.stop is not None:
            row["stop"] = instrument.price_ticks(self.stop, "stop price")
        if self.touch is not None:
            row["stop"] = instrument.price_ticks(self.touch, "touch price")
        if self.trail is not None:
            row["unit"] = _code(self.trail_unit, K.UNIT_NAMES, "trail_unit")
            if row["unit"] == K.TRAIL_TICKS:
                row["trail"] = instrument.price_ticks(self.trail, "trailing offset")
            else:
                row["trail"] = round(
                    _finite(self.trail, "trailing offset")
                    * (ATR_UNIT if row["unit"] == K.TRAIL_ATR else 1)
                )
        if self.trail_limit is not None:
            row["offset"] = instrument.price_ticks(self.trail_limit, "trailing limit")
        if self.display is not None:
            row["display"] = instrument.qty_lots(self.display)

    def _times(self, row: Any, ts: int) -> None:
        if self.expire is not None:
            try:
                row["expire"] = to_ns(self.expire)
            except AlphaForgeError as error:
                raise OrderError(f"expire of an order: {error}") from None
        if self.algorithm is not None:
            row["trail"] = self.algorithm._number()
            if self.algorithm.over:
                row["expire"] = ts + parse_duration(self.algorithm.over, "over of an algorithm")


def bracket(
    symbol: str,
    side: str | int,
    qty: float,
    take: float,
    stop: float,
    limit: float | None = None,
    tag: int = 0,
) -> list[Order]:
    """An entry and its two exits, to be submitted as one list.

    As far as the entry fills, the exits work; what one of them fills, the other gives up.
    """
    entry = Order(symbol, side, qty, limit=limit, tag=tag)
    known: Any = side.lower() if isinstance(side, str) else side
    if known not in _SIDES:
        raise OrderError(f"side must be 'buy' or 'sell', not {side!r}.")
    other = "sell" if _SIDES[known] == K.BUY else "buy"
    leave = Order(symbol, other, qty, reduce_only=True, link="OUO", tag=tag)
    return [
        entry,
        replace(leave, limit=take, parent=-1),
        replace(leave, stop=stop, parent=-2, peer=-1),
    ]


def _code(name: Any, names: dict[int, str], what: str) -> int:
    codes = {text.lower(): code for code, text in names.items()}
    code = codes.get(name.lower()) if isinstance(name, str) else None
    if code is None:
        raise OrderError(
            f"{what} must be one of {', '.join(names.values())}, not {name!r}. "
            f"{did_you_mean(str(name), list(names.values()))}"
        )
    return code


def _whole(value: Any, what: str, do: str, least: int = 1) -> int:
    if not isinstance(value, (int, np.integer)) or not least <= value < 2**63:
        range_ = "within int64" if least < 0 else f"from {least} on"
        raise OrderError(f"{what} must be a whole number {range_}, not {value!r}. {do}")
    return int(value)


def _finite(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise OrderError(f"{what} must be a finite number, not {value!r}. Give a float.")
    if abs(value) > 1e9:
        raise OrderError(f"{what} {value} is more than any market moves. Give a smaller one.")
    return float(value)
