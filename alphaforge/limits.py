"""A session's risk limits as a notebook sees and changes them: ``lab.limits``."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from alphaforge.engine.risk import LIMIT_NOTIONAL, LIMIT_POSITION, LIMIT_RATE

if TYPE_CHECKING:
    from alphaforge.lab import Lab


class Limits:
    """Limits of the live session; a change counts from the next event and is journalled.

    Examples
    --------
    >>> lab.limits.max_position["BTCUSDT"] = 2  # doctest: +SKIP
    >>> lab.limits.max_notional = 100_000  # doctest: +SKIP
    """

    _lab: Lab

    def __init__(self, lab: Lab) -> None:
        object.__setattr__(self, "_lab", weakref.proxy(lab))

    @property
    def max_position(self) -> _PositionLimits:
        """Largest position by symbol, units of quantity; 0 lifts it."""
        return _PositionLimits(self._lab)

    def __setattr__(self, name: str, value: float) -> None:
        which = {"max_notional": LIMIT_NOTIONAL, "max_order_rate": LIMIT_RATE}.get(name)
        if which is None:
            raise AttributeError(
                f"no limit {name!r}. There are max_position[symbol], max_notional, max_order_rate."
            )
        self._lab.live.set_limit(which, value)

    @property
    def max_notional(self) -> float:
        """Largest notional of one order, account currency; 0 none."""
        h = self._lab.live.engine.snapshot(0.0).engine
        return int(h["max_notional"]) / int(h["ledger"])

    @property
    def max_order_rate(self) -> int:
        """Orders in any second; 0 none."""
        return int(self._lab.live.engine.snapshot(0.0).engine["max_rate"])


class _PositionLimits:
    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def __setitem__(self, symbol: str, value: float) -> None:
        self._lab.live.set_limit(LIMIT_POSITION, value, symbol)

    def __getitem__(self, symbol: str) -> float:
        engine = self._lab.live.engine
        index = engine.index(symbol)
        lots = int(engine.snapshot(0.0).pool("instruments")[index]["max_position"])
        return float(lots * engine.instruments[index].quantity)
