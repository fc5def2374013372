"""What handlers are shown in python mode: bars, trades, quotes, fills, orders, timers, alerts.

Each is a copy of its record, taken at the call, so it may be kept. Prices and quantities are floats
in human units; the compiled views of the same names are made in ``records``.
"""

from __future__ import annotations

import ctypes
import struct
from types import MemberDescriptorType
from typing import Any

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R

_HEAD = 32
_FOUR = struct.Struct("4q")
_FLOATS = struct.Struct("4d")
_TWELVE = struct.Struct("12q")


def structure(record: Any, name: str) -> type[ctypes.Structure]:
    """A ctypes structure of a record dtype; its fields are read far faster than numpy's."""
    kinds: dict[str, Any] = {"i8": ctypes.c_int64, "i4": ctypes.c_int32, "u4": ctypes.c_uint32}
    kinds |= {
        "f8": ctypes.c_double,
        "u2": ctypes.c_uint16,
        "u1": ctypes.c_uint8,
        "i1": ctypes.c_int8,
    }
    fields = [(field, kinds[record.fields[field][0].str[1:]]) for field in record.names]
    made = type(name, (ctypes.Structure,), {"_fields_": fields})
    if ctypes.sizeof(made) != record.itemsize:
        raise TypeError(f"{name}: the C structure and the record differ in size")
    return made


EngineView = structure(L.ENGINE, "EngineView")
InstrumentView = structure(L.INSTRUMENT, "InstrumentView")
SlotView = structure(M.SLOT, "SlotView")


class _Event:
    """Shown with all that it has: by ``print``, and by a debugger."""

    __slots__ = ()

    def __repr__(self) -> str:
        members = [pair for kind in reversed(type(self).__mro__) for pair in vars(kind).items()]
        names = [
            name
            for wanted in (property, MemberDescriptorType)  # what all events have comes last
            for name, member in members
            if isinstance(member, wanted) and not name.startswith("_")
        ]
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({inside})"


class _Shown(_Event):
    """An event with its instrument's scales."""

    __slots__ = ("_d", "_ln", "_lq", "_n", "_w", "instrument", "ts")

    def __init__(self, engine: Any, address: int, instrument: Any) -> None:
        head = SlotView.from_address(address)
        self.ts: int = head.ts
        self.instrument: int = head.instrument
        self._scale(instrument)

    def _scale(self, instrument: Any) -> None:
        self._n, self._d = instrument.price_num, instrument.price_den
        self._ln, self._lq = instrument.lot_num, instrument.lot_den

    def _price(self, ticks: int) -> float:
        return float(ticks * self._n / self._d)

    def _qty(self, lots: int) -> float:
        return float(lots * self._ln / self._lq)


def _price(at: int, text: str) -> property:
    return property(lambda self: self._w[at] * self._n / self._d, doc=text)


def _qty(at: int, text: str) -> property:
    return property(lambda self: self._w[at] * self._ln / self._lq, doc=text)


def _word(at: int, text: str) -> property:
    return property(lambda self: self._w[at], doc=text)


class Bar(_Shown):
    """A closed bar. ``ts`` is its close time, ns UTC."""

    __slots__ = ()

    def __init__(self, engine: Any, address: int, instrument: Any) -> None:
        super().__init__(engine, address, instrument)
        self._w = _TWELVE.unpack(ctypes.string_at(address + _HEAD, 96))

    open = _price(0, "First price.")
    high = _price(1, "Highest price.")
    low = _price(2, "Lowest price.")
    close = _price(3, "Last price.")
    volume = _qty(4, "Quantity traded.")
    buy_volume = _qty(6, "Quantity bought by aggressors.")
    trades = _word(7, "Trades in it.")
    ts_open = _word(8, "Open time, ns UTC.")


class _Four(_Shown):
    __slots__ = ()

    def __init__(self, engine: Any, address: int, instrument: Any) -> None:
        super().__init__(engine, address, instrument)
        self._w = _FOUR.unpack(ctypes.string_at(address + _HEAD, 32))


class Trade(_Four):
    """A market trade."""

    __slots__ = ()
    price = _price(0, "Price.")
    qty = _qty(1, "Quantity.")
    side = _word(3, "Side of the aggressor: 1, -1, 0 unknown.")


class Quote(_Four):
    """Best bid and ask."""

    __slots__ = ()
    bid = _price(0, "Best bid.")
    bid_qty = _qty(1, "Quantity at the bid.")
    ask = _price(2, "Best ask.")
    ask_qty = _qty(3, "Quantity at the ask.")


class _Notice(_Shown):
    __slots__ = ()

    def __init__(self, engine: Any, address: int, instrument: Any) -> None:
        self._w = _TWELVE.unpack(ctypes.string_at(address, 96))
        self.instrument, self.ts = self._w[2], self._w[5]
        self._scale(instrument)

    order_id = _word(4, "The order.")
    status = _word(3, "The order's status, a code such as ``af.FILLED``.")
    price = _price(7, "Fill price, or the order's limit.")
    leaves = _qty(10, "Quantity still open.")
    tag = _word(11, "The tag given with the order.")

    @property
    def side(self) -> int:
        """1 bought, -1 sold."""
        return 1 if self._w[6] > 0 else -1

    @property
    def qty(self) -> float:
        """Quantity, positive."""
        return self._qty(abs(self._w[6]))


class Fill(_Notice):
    """One execution of an own order."""

    __slots__ = ("_ledger",)

    def __init__(self, engine: Any, address: int, instrument: Any) -> None:
        super().__init__(engine, address, instrument)
        self._ledger = engine.ledger

    liquidity = _word(9, "0 taker, 1 maker.")

    @property
    def fee(self) -> float:
        """Fee in the account's currency."""
        return float(self._w[8] / self._ledger)


class OrderUpdate(_Notice):
    """A change of an own order's status."""

    __slots__ = ()


class BookUpdate(_Shown):
    """A book changed; ``ctx.bid``, ``ctx.ask`` and the like say to what."""

    __slots__ = ("seq",)

    def __init__(self, engine: Any, address: int, instrument: Any) -> None:
        super().__init__(engine, address, instrument)
        self.seq: int = SlotView.from_address(address).seq


class TimerEvent(_Event):
    """A timer that came due: ``id`` and ``due`` (ns UTC)."""

    __slots__ = ("due", "id")

    def __init__(self, engine: Any, address: int, instrument: Any) -> None:
        self.id, self.due = struct.unpack("2q", ctypes.string_at(address, 16))


class Alert(_Shown):
    """A risk alert that was first raised. ``instrument`` is -1 where it has none."""

    __slots__ = ("_ledger",)

    def __init__(self, engine: Any, address: int, instrument: Any) -> None:
        self._w = _TWELVE.unpack(ctypes.string_at(address, 96))
        self.instrument, self.ts = self._w[2], self._w[5]
        self._scale(instrument)
        self._ledger = engine.ledger

    id = _word(4, "Its number, from 1.")
    rule = _word(3, "The rule that raised it, a code such as ``af.KILL_SWITCH``.")
    severity = _word(8, "``af.INFO``, ``af.WARNING`` or ``af.CRITICAL``.")
    count = _word(9, "How often it was raised.")

    def _amount(self, count: int) -> float:
        rule = self.rule
        if R.LOTS_BITS >> rule & 1:
            return self._qty(count)
        return float(count / self._ledger) if R.MONEY_BITS >> rule & 1 else float(count)

    @property
    def limit(self) -> float:
        """What the rule allows, in human units."""
        return self._amount(self._w[6])

    @property
    def value(self) -> float:
        """What was found, in human units."""
        return self._amount(self._w[7])


class Action(_Four):
    """A corporate action, after it was applied: ``numerator`` new for ``denominator`` old."""

    __slots__ = ()
    kind = _word(2, "What it is: ``af.SPLIT``.")
    numerator = _word(0, "New units.")
    denominator = _word(1, "For so many old ones.")

    @property
    def ratio(self) -> float:
        """``numerator / denominator``."""
        return float(self._w[0] / self._w[1])


class CustomEvent(_Shown):
    """What somebody sent beside the market: a kind of their own and four numbers."""

    __slots__ = ("kind",)

    def __init__(self, engine: Any, address: int, instrument: Any) -> None:
        super().__init__(engine, address, instrument)
        self._w = _FLOATS.unpack(ctypes.string_at(address + _HEAD, 32))
        self.kind: int = SlotView.from_address(address).code

    a = _word(0, "The first number.")
    b = _word(1, "The second number.")
    c = _word(2, "The third number.")
    d = _word(3, "The fourth number.")


SHOWN: dict[int, Any] = {
    K.ON_BAR: Bar,
    K.ON_TRADE: Trade,
    K.ON_QUOTE: Quote,
    K.ON_FILL: Fill,
    K.ON_ORDER: OrderUpdate,
    K.ON_TIMER: TimerEvent,
    K.ON_BOOK: BookUpdate,
    K.ON_ALERT: Alert,
    K.ON_ACTION: Action,
    K.ON_CUSTOM: CustomEvent,
}
"""Handler code -> what its second argument is; handlers that aren't here get ``ctx`` alone."""
