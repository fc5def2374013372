"""How long what is sent takes: constant, drawn or recorded delays between us and a venue."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from alphaforge.engine import codes as K
from alphaforge.errors import ConfigError
from alphaforge.units import is_number, is_whole, parse_duration, to_ns


@dataclass(frozen=True)
class Latency:
    """Constant delays, such as ``"250us"`` or ``"2ms"``.

    Parameters
    ----------
    entry : str
        From us to the venue: orders, cancels, replaces.
    response : str
        From the venue to us: what became of them.
    feed : str
        From the venue to us: market data. ``"recorded"`` takes each event's own receive time.
    """

    entry: str = "0ms"
    response: str = "0ms"
    feed: str = "0ms"

    def __post_init__(self) -> None:
        parse_duration(self.entry, "entry latency")
        parse_duration(self.response, "response latency")
        if self.feed != "recorded":
            parse_duration(self.feed, "feed latency")

    def _fill(self, row: Any) -> None:
        row["entry_ns"] = parse_duration(self.entry, "entry latency")
        row["response_ns"] = parse_duration(self.response, "response latency")
        if row["entry_ns"] or row["response_ns"]:
            row["latency"] = K.LATENCY_CONSTANT

    @property
    def is_late(self) -> bool:
        """Whether market data reaches us later than the venue."""
        return self.feed == "recorded" or parse_duration(self.feed, "feed latency") > 0


@dataclass(frozen=True)
class DrawnLatency(Latency):
    """Delays drawn from a lognormal distribution with these medians.

    Parameters
    ----------
    sigma : float
        Standard deviation of the delay's logarithm.
    seed : int
        The same seed draws the same delays.
    """

    sigma: float = 0.5
    seed: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        sigma: Any = self.sigma
        seed: Any = self.seed
        if not is_number(sigma) or not 0.0 <= sigma <= 5.0:
            raise ConfigError(
                f"sigma of a DrawnLatency must be a number from 0 to 5, not {sigma!r}. "
                "0.5 makes one delay in six longer than 1.6 medians."
            )
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**62:
            raise ConfigError(
                f"seed of a DrawnLatency must be a whole number from 0, not {seed!r}. Give an int."
            )

    def _fill(self, row: Any) -> None:
        super()._fill(row)
        row["latency"], row["sigma"], row["seed"] = K.LATENCY_DRAWN, self.sigma, self.seed


@dataclass(frozen=True)
class RecordedLatency(Latency):
    """Delays as they were measured, between two measurements in proportion to time.

    Parameters
    ----------
    rows : tuple of (ts, entry_ns, response_ns)
        Oldest first; ``ts`` ns UTC. See ``from_frame``.
    """

    rows: tuple[tuple[int, int, int], ...] = ()

    @classmethod
    def from_frame(cls, frame: Any, feed: str = "0ms") -> RecordedLatency:
        """From a DataFrame: index the time, columns ``entry_ns`` and ``response_ns``.

        Raises
        ------
        ConfigError
            For a missing column, and for what isn't whole nanoseconds from 0, oldest first.
        """
        missing = [n for n in ("entry_ns", "response_ns") if n not in getattr(frame, "columns", ())]
        if missing:
            raise ConfigError(
                "a recorded latency needs a DataFrame with the columns entry_ns and response_ns, "
                f"index the time; missing: {', '.join(missing)}. Rename yours."
            )
        ts = [to_ns(each) for each in frame.index]
        columns = (frame["entry_ns"].tolist(), frame["response_ns"].tolist())
        return cls(feed=feed, rows=tuple(zip(ts, *columns, strict=True)))

    def __post_init__(self) -> None:
        super().__post_init__()
        rows: Any = self.rows
        rows = tuple(map(tuple, rows)) if isinstance(rows, (tuple, list)) and rows else ((),)
        whole = all(
            len(row) == 3 and all(is_whole(n) for n in row) and min(row[1:]) >= 0 for row in rows
        )
        if not whole or any(a[0] > b[0] for a, b in itertools.pairwise(rows)):
            raise ConfigError(
                "a recorded latency needs rows of (ts, entry_ns, response_ns), whole nanoseconds, "
                "oldest first, no delay negative. See RecordedLatency.from_frame."
            )
        object.__setattr__(self, "rows", tuple(tuple(int(n) for n in row) for row in rows))

    def _fill(self, row: Any) -> None:
        row["latency"] = K.LATENCY_RECORDED
