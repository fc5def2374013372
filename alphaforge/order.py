"""``Order``: what a person asks for, in human units, checked before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import layout as L
from alphaforge.errors import OrderError
from alphaforge.instrument import Instrument

_SIDES = {"buy": L.BUY, "sell": L.SELL, 1: L.BUY, -1: L.SELL}
_TIFS = {name: code for code, name in L.TIF_NAMES.items()}


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
        Yours; it comes back with the order's events.
    """

    symbol: str
    side: str | int
    qty: float
    limit: float | None = None
    tif: str | int = "GTC"
    tag: int = 0

    def message(
        self, instrument: Instrument, index: int, order_id: int, ts: int
    ) -> npt.NDArray[Any]:
        """The SUBMIT command of this order.

        Raises
        ------
        OrderError
            For an unknown side or time in force, a quantity off the lot, a price off the tick.
        """
        side = self.side.lower() if isinstance(self.side, str) else self.side
        if side not in _SIDES:
            raise OrderError(f"side must be 'buy' or 'sell', not {self.side!r}.")
        tif = self.tif if isinstance(self.tif, int) else _TIFS.get(self.tif.upper(), -1)
        if tif not in L.TIF_NAMES:
            raise OrderError(f"time in force must be one of {', '.join(_TIFS)}, not {self.tif!r}.")
        message = np.zeros(1, L.ORDER_SLOTS)
        row = message[0]
        row["ts"] = row["ts_recv"] = ts
        row["kind"], row["instrument"], row["order_id"] = L.SUBMIT, index, order_id
        row["qty"] = instrument.qty_lots(self.qty)
        if self.limit is not None:
            row["price"] = instrument.price_ticks(self.limit, "limit price")
            row["type"] = L.LIMIT_ORDER
        row["side"], row["tif"], row["tag"] = _SIDES[side], tif, self.tag
        return message
