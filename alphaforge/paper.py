"""``Paper``: what ``lab.paper`` gives back."""

from __future__ import annotations

from alphaforge.live import Live
from alphaforge.strategy.base import Strategy


class Paper:
    """A strategy that trades live on the simulated exchange."""

    def __init__(self, live: Live, slot: int, strategy: Strategy, symbol: str, spec: str) -> None:
        self._live = live
        self.slot = slot
        self.strategy = strategy
        self.symbol = symbol
        self.spec = spec

    def stop(self) -> None:
        """Stop it: its orders are cancelled, its position stays."""
        self._live.remove(self.slot)

    @property
    def position(self) -> float:
        """Its own position, signed, human units."""
        index = self._live.engine.index(self.symbol)
        lots = int(self._live.engine.snapshot().position(2 + self.slot, index)["qty"])
        return float(lots * self._live.engine.instruments[index].quantity)

    def __repr__(self) -> str:
        return f"Paper({self.strategy!r} on {self.symbol} {self.spec}, simulated exchange)"
