"""How much of each thing a block holds."""

from __future__ import annotations

from dataclasses import dataclass

LAG_BUCKETS = 256
HALF_HOURS = 48
ROWS_PER_ORDER = 10  # from asked for to filled, at most


@dataclass(frozen=True)
class Capacities:
    """How much of each thing a block holds. Data, never types.

    Parameters
    ----------
    instruments, strategies, orders, builders, timers, alerts : int
        Slots in each pool; ``orders`` bounds the open ones, closed slots are reused.
    levels : int
        Book levels in the window of each side and instrument, a power of two from 64; 0 keeps no
        book.
    far : int
        Places for the levels outside of all windows, a power of two; seven of eight can be taken.
    queued : int
        Single orders of all L3 books; 0 keeps none.
    delayed : bool
        True keeps a second set of books, the venue's, for feeds that are late.
    arena : int
        Bytes for strategies' records, indicator windows and the bars that they look back on.
    queue : int
        Commands that the handlers of one event may issue, and values that they may record; a power
        of two.
    rates : int
        The highest order rate that can be limited.
    venues, tiers, latencies : int
        Simulated venues, and rows of their tables of fees and of recorded latencies.
    known : int
        Fills of venues outside that are remembered, a power of two.
    """

    instruments: int = 16
    strategies: int = 8
    orders: int = 4096
    builders: int = 64
    timers: int = 256
    alerts: int = 256
    levels: int = 1024
    arena: int = 1 << 20
    queue: int = 8192
    rates: int = 1024
    far: int = 4096
    queued: int = 0
    delayed: bool = False
    venues: int = 4
    tiers: int = 16
    latencies: int = 0
    known: int = 4096

    @property
    def settle_rows(self) -> int:
        """After so many journal rows no further round of one event is begun."""
        return 4 * self.queue

    @property
    def event_rows(self) -> int:
        """Journal rows that one event writes at most.

        What applying it takes (each working order fills, each builder closes a bar), the rounds
        until ``settle_rows``, a last one in which each command is an order that fills, and as many
        values recorded as ``queue``.
        """
        orders = ROWS_PER_ORDER * (self.orders + self.queue)
        return orders + self.settle_rows + self.queue + 2 * self.builders + 64

    def counts(self) -> dict[str, int]:
        """Records in each pool."""
        books = self.instruments * (2 if self.delayed else 1)
        return {
            "instruments": self.instruments,
            "markets": self.instruments,
            "levels": books * 2 * self.levels,
            "positions": (self.strategies + 2) * self.instruments,
            "orders": self.orders,
            "index": _power_of_two(2 * self.orders),
            "strategies": self.strategies,
            "watches": self.strategies * self.instruments,
            "arena": self.arena,
            "builders": self.builders,
            "timers": self.timers,
            "alerts": self.alerts,
            "commands": self.queue,
            "notices": self.queue,
            "rates": self.rates,
            "lags": LAG_BUCKETS,
            "pending": self.builders + 1,
            "scratch": 64,
            "books": books,
            "bits": books * 2 * (self.levels // 64),
            "far": self.far if self.levels else 0,
            "queued": self.queued,
            "queued_index": _power_of_two(2 * self.queued),
            "venues": self.venues,
            "exchanges": self.instruments,
            "resting": self.orders,
            "flights": _power_of_two(self.orders + self.queue),
            "tiers": self.tiers,
            "latencies": self.latencies,
            "profiles": self.instruments * HALF_HOURS,
            "known": self.known,
            "known_index": 2 * self.known,
        }


def _power_of_two(least: int) -> int:
    size = 1
    while size < least:
        size *= 2
    return size
