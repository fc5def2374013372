"""``Order``: what a person asks for, in human units, checked before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.errors import OrderError
from alphaforge.instrument import Instrument

_SIDES = {"buy": K.BUY, "sell": K.SELL, 1: K.BUY, -1: K.SELL}
_TIFS = {name: code for code, name in K.TIF_NAMES.items()}


@dataclass(frozen=True)
class Order:
    """An order of the host: ``Order("BTCUSDT", "buy", 0.25, limit=64_000.0)``.

    Parameters
    ----------
    symbol : str
    side : str or int
        ``"buy"``, ``"sell"``, 1 or -1.
    qty : float
        Positive, on the lot.
    limit : float, optional
        On the tick; a market order without it.
    tif : str or int
        ``"GTC"``, or ``"IOC"``: fill at once what can be, cancel the rest.
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
    tif: str | int = "GTC"
    tag: int = 0

    def __post_init__(self) -> None:
        symbol: Any = self.symbol
        if not isinstance(symbol, str) or not symbol:
            raise OrderError(f"symbol of an order must be a name, not {symbol!r}. Give 'AAPL'.")

    def message(
        self, instrument: Instrument, index: int, order_id: int, ts: int
    ) -> npt.NDArray[Any]:
        """The SUBMIT command of this order.

        Raises
        ------
        OrderError
            For an unknown side or time in force, a quantity off the lot, a price off the tick,
            what isn't a number, and what int64 can't hold.
        """
        side: Any = self.side.lower() if isinstance(self.side, str) else self.side
        if not isinstance(side, (str, int, np.integer)) or side not in _SIDES:
            raise OrderError(f"side must be 'buy' or 'sell', not {self.side!r}.")
        tif: Any = _TIFS.get(self.tif.upper(), -1) if isinstance(self.tif, str) else self.tif
        if not isinstance(tif, (int, np.integer)) or tif not in K.TIF_NAMES:
            raise OrderError(f"time in force must be one of {', '.join(_TIFS)}, not {self.tif!r}.")
        tag: Any = self.tag
        if not isinstance(tag, (int, np.integer)) or not -(2**63) <= tag < 2**63:
            raise OrderError(f"tag must be a whole number within int64, not {tag!r}. Leave it 0.")
        message = np.zeros(1, M.ORDER_SLOTS)
        row = message[0]
        row["ts"] = row["ts_recv"] = ts
        row["kind"], row["instrument"], row["order_id"] = M.SUBMIT, index, order_id
        row["qty"] = instrument.qty_lots(self.qty)
        if self.limit is not None:
            row["price"] = instrument.price_ticks(self.limit, "limit price")
            row["type"] = K.LIMIT_ORDER
        row["side"], row["tif"], row["tag"] = _SIDES[side], tif, self.tag
        return message
