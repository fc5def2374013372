"""Example strategies: what ``alphaforge serve`` trades, and a first thing to change."""

from __future__ import annotations

from typing import Any

from alphaforge.strategy.base import Strategy
from alphaforge.strategy.indicators import SMA


class SmaCross(Strategy):
    """Long while the fast average of closes is above the slow one, flat otherwise.

    An example of how a strategy is written, not advice: it earns in a long trend and pays a spread
    and two fees for each false start, so in a market that goes sideways (as the simulated one
    mostly does) it loses steadily, and the more so the shorter its bars.

    Attributes
    ----------
    fast, slow : SMA
        The averages, periods in bars.
    size : float
        The position while long, units of quantity.

    Examples
    --------
    >>> SmaCross(fast=SMA(5), slow=SMA(20))
    SmaCross(fast=5, slow=20, size=0.25)
    """

    fast: SMA = SMA(10)
    slow: SMA = SMA(50)
    size: float = 0.25

    def on_bar(self, ctx: Any, bar: Any) -> None:
        """Follow the averages; do nothing until the slow one is full."""
        self.fast.update(bar.close)
        self.slow.update(bar.close)
        if not self.slow.ready:
            return
        ctx.target(bar.instrument, self.size if self.fast.value > self.slow.value else 0)
