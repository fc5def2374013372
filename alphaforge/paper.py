"""``Paper``: what ``lab.paper`` gives back."""

from __future__ import annotations

from alphaforge import cells
from alphaforge.errors import ConfigError
from alphaforge.live import Live
from alphaforge.strategy.base import Strategy, check_mode, check_strategy
from alphaforge.swap import Swap


class Paper:
    """A strategy that trades live on the simulated exchange.

    Attributes
    ----------
    symbols : list of str
        What it trades.
    """

    def __init__(
        self,
        live: Live,
        slot: int,
        strategy: Strategy,
        symbols: list[str],
        spec: str,
        mode: str = "compiled",
    ) -> None:
        self._live = live
        self.slot = slot
        self.strategy = strategy
        self.symbols = symbols
        self.spec = spec
        self.mode = mode
        cells.follow(self)

    def swap(self, strategy: Strategy, mode: str | None = None) -> Swap:
        """Give it other code between two events; its position, orders and timers stay.

        Fields keep what they hold, but those of another type, or that start with another value
        than before: the result tells each. ``on_start`` isn't called again. Where it had raised
        and the engine halted, the session goes on.

        Parameters
        ----------
        strategy : Strategy
            Any; most often one of the same class, from its cell that was run again.
        mode : str, optional
            ``"compiled"`` or ``"python"``; as it runs now by default.

        Raises
        ------
        StrategyError
            Where it can't be compiled: the old code goes on.
        """
        check_strategy(strategy)
        mode = self.mode if mode is None else mode
        check_mode(mode)
        done = self._live.swap(self.slot, strategy, mode)
        self.strategy, self.mode = strategy, mode
        return done

    def stop(self) -> None:
        """Stop it: its orders are cancelled, its position stays."""
        cells.forget(self)
        self._live.remove(self.slot)

    @property
    def closed(self) -> bool:
        """Whether its session has ended."""
        return self._live.closed

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
