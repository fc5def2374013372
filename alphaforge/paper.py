"""``Paper``: what ``lab.paper`` gives back."""

from __future__ import annotations

from alphaforge.errors import ConfigError
from alphaforge.live import Live
from alphaforge.strategy.base import Strategy


class Paper:
    """A strategy that trades live on the simulated exchange.

    Attributes
    ----------
    symbols : list of str
        What it trades.
    """

    def __init__(
        self, live: Live, slot: int, strategy: Strategy, symbols: list[str], spec: str
    ) -> None:
        self._live = live
        self.slot = slot
        self.strategy = strategy
        self.symbols = symbols
        self.spec = spec

    def stop(self) -> None:
        """Stop it: its orders are cancelled, its position stays."""
        self._live.remove(self.slot)

    @property
    def position(self) -> float:
        """Its own position, signed, human units; of several symbols see ``positions``.

        Raises
        ------
        ConfigError
            Where it trades several.
        """
        if len(self.symbols) > 1:
            raise ConfigError(
                f"this strategy trades {', '.join(self.symbols)}, so it has several positions. "
                "See paper.positions."
            )
        return self.positions[self.symbols[0]]

    @property
    def positions(self) -> dict[str, float]:
        """Its own position in each symbol, signed, human units, of one moment."""
        engine = self._live.engine
        snapshot = engine.snapshot()
        found = {}
        for symbol in self.symbols:
            index = engine.index(symbol)
            lots = int(snapshot.position(2 + self.slot, index)["qty"])
            found[symbol] = float(lots * engine.instruments[index].quantity)
        return found

    def __repr__(self) -> str:
        on = ", ".join(self.symbols)
        return f"Paper({self.strategy!r} on {on} {self.spec}, simulated exchange)"
