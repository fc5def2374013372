"""What can go wrong, as one tree.

::

    AlphaForgeError
    ├── ConfigError        a setting, a port, a path
    ├── DataError          bars, trades, files
    ├── InstrumentError    a symbol, a tick, a lot
    ├── OrderError         an order that can't be expressed
    ├── RiskDenied         an order that our own checks refused
    ├── StrategyError      the user's class; carries the line
    ├── EngineHalted       the engine stopped at an event boundary
    ├── JournalError       the numbered log
    ├── StoreError         the history file
    └── VenueError         an exchange or a broker

The first sentence says what was expected and found, with ids and units; the second what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AlphaForgeError(Exception):
    """The root: catch this to catch everything this package raises on purpose."""


class ConfigError(AlphaForgeError):
    """A setting, a path or a port that can't be used."""


class DataError(AlphaForgeError):
    """Market data that is missing, malformed or off its tick."""


class InstrumentError(AlphaForgeError):
    """An unknown symbol, or a tick or lot that makes no sense."""


class OrderError(AlphaForgeError):
    """An order that can't be expressed: off tick, off lot, impossible fields."""


class RiskDenied(AlphaForgeError):
    """An order that the pre-trade checks refused: raised where somebody awaits it."""


class StrategyError(AlphaForgeError):
    """A strategy that can't be compiled, or that raised while it ran.

    Attributes
    ----------
    line : int or None
        The line in the user's file or cell.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class EngineHalted(AlphaForgeError):
    """The engine stopped at an event boundary; its state is kept."""


class JournalError(AlphaForgeError):
    """The journal can't be written or read."""


class StoreError(AlphaForgeError):
    """The history file can't be opened, read or written."""


class VenueError(AlphaForgeError):
    """A venue refused, or can't be reached."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that helps with an unknown name: the nearest known one, else the list.

    >>> did_you_mean("APPL", ["AAPL", "MSFT"])
    'Did you mean AAPL?'
    """
    names = sorted(known)
    near = difflib.get_close_matches(name.upper(), [n.upper() for n in names], n=1)
    if near:
        match = next(n for n in names if n.upper() == near[0])
        return f"Did you mean {match}?"
    if not names:
        return "There are none yet."
    shown = ", ".join(names[:12])
    return f"Known: {shown}{' ...' if len(names) > 12 else ''}."
