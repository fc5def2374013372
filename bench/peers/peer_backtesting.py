"""backtesting.py: the SMA cross, decided bar by bar, filled at the next open.

python bench/peers/peer_backtesting.py bars.npz

Timed is its run, statistics included: they are part of it. It is AGPL: measured, not copied.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from measure import Result, data, report

FAST, SLOW, SIZE, FEE, CASH = 10, 50, 10, 0.0002, 1_000_000.0
HALF = 0.01 / SLOW / 2


class Cross(Strategy):
    def init(self) -> None:
        # Not its indicators: it would skip the first bar on which both are ready.
        close = pd.Series(np.asarray(self.data.Close))
        fast, slow = (close.rolling(n).mean().to_numpy() for n in (FAST, SLOW))
        self.above = fast - slow > HALF

    def next(self) -> None:
        wanted = self.above[len(self.data) - 1]
        if wanted and not self.position:
            self.buy(size=SIZE)
        elif not wanted and self.position:
            self.position.close()


def main() -> None:
    bars = data()
    names = ("open", "high", "low", "close", "volume")
    frame = pd.DataFrame(
        {name.capitalize(): bars[name] for name in names}, index=pd.to_datetime(bars["ts"])
    )
    warnings.filterwarnings("ignore", "Some trades remain open")

    def run() -> Result:
        found: Any = Backtest(frame, Cross, cash=CASH, commission=FEE).run()
        ended = found["_strategy"]
        fills = 2 * len(ended.closed_trades) + len(ended.trades)
        return fills, float(found["_equity_curve"]["Equity"].iloc[-1])

    report("backtesting", "SMA cross", len(frame), lambda: run, bars)


if __name__ == "__main__":
    main()
