"""Make the data that peers and AlphaForge are measured on; NumPy only, the same on every machine.

    python bench/peers/data.py bars bars.npz [count]
    python bench/peers/data.py feed feed.npz [count]

``bars``: ts (close time), open, high, low, close, volume of one-minute bars, the random walk that
``bench/workload.py`` makes; in human floats on a 0.01 tick; and ``fills`` and ``equity``, what a
plain loop over whole numbers gets for the SMA cross.

``feed``: an L2 and trades feed, one event a millisecond: ts, ts_recv (0.2 ms later), kind (1 trade,
3 depth: the level's new total, 0 removes it), side (depth: +1 bid, -1 ask; trade: the aggressor's),
price on a 0.1 tick, qty on a 0.001 lot.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

MINUTE = 60_000_000_000
MS = 1_000_000
START = 1_700_000_040_000_000_000  # a full minute
FAST, SLOW, SIZE, FEE, CASH = 10, 50, 10, 0.0002, 1_000_000.0
TICK, LOT = 10, 1_000  # of the feed, in one unit
TRADE, DEPTH = 1, 3

Arrays = dict[str, npt.NDArray[Any]]


def bars(count: int) -> Arrays:
    random = np.random.default_rng(7)
    close = 100_000 + np.cumsum(random.integers(-10, 11, count))
    opened = np.concatenate([[100_000], close[:-1]])
    high = np.maximum(opened, close) + random.integers(0, 5, count)
    low = np.minimum(opened, close) - random.integers(0, 5, count)
    made: Arrays = {"ts": START + (np.arange(count) + 1) * MINUTE}
    for name, ticks in (("open", opened), ("high", high), ("low", low), ("close", close)):
        made[name] = ticks / 100
    made["volume"] = np.full(count, 100.0)
    fills, equity = expected(opened, close)
    return {**made, "fills": np.int64(fills), "equity": np.float64(equity)}


def expected(opened: npt.NDArray[np.int64], close: npt.NDArray[np.int64]) -> tuple[int, float]:
    """Fills and last equity: long while the fast average is above the slow one; next open."""
    sums = np.concatenate([[0], np.cumsum(close)])
    above = np.zeros(close.size, np.int64)
    fast, slow = sums[SLOW:] - sums[SLOW - FAST : -FAST], sums[SLOW:] - sums[:-SLOW]
    above[SLOW - 1 :] = fast * (SLOW // FAST) > slow
    wanted = np.concatenate([[0], above[:-1]])  # decided at a close, filled at the next open
    traded = np.diff(wanted, prepend=0)
    amounts = traded * SIZE * opened / 100
    worth = wanted[-1] * SIZE * close[-1] / 100
    return int(np.abs(traded).sum()), CASH - amounts.sum() - np.abs(amounts).sum() * FEE + worth


def feed(count: int) -> Arrays:
    """A book one tick wide whose middle walks; deeper levels and trades at random."""
    random = np.random.default_rng(11)
    what = random.random(count)
    up = np.where(random.random(count) < 0.5, 1, -1)
    # A move takes two events: the level that goes, then the one that comes.
    moves = what < 0.04
    moves[1:] &= ~moves[:-1]
    moves[-1] = False
    second = np.concatenate([[False], moves[:-1]])
    bid = 600_000 + np.concatenate([[0], np.cumsum(up[:-1] * moves[:-1])])
    trades = (what > 0.93) & ~moves & ~second
    side = np.where(random.random(count) < 0.5, 1, -1)
    away = random.geometric(0.25, count) - 1
    lots = random.integers(1, 5_000, count)
    price = np.where(side > 0, bid - away, bid + 1 + away)
    price[trades] = np.where(side > 0, bid + 1, bid)[trades]  # a buyer lifts the ask
    lots[trades] = random.integers(1, 400, count)[trades]
    before = np.roll(bid, 1)
    upwards = np.roll(up, 1)
    # Upwards the old ask goes, then a bid comes where it was; downwards the other way about.
    gone = np.where(up > 0, bid + 1, bid)
    come = np.where(upwards > 0, before + 1, before)
    price, lots = np.where(moves, gone, price), np.where(moves, 0, lots)
    price = np.where(second, come, price)
    side = np.where(moves, -up, np.where(second, upwards, side))
    ts = START + np.arange(count) * MS
    return {
        "ts": ts, "ts_recv": ts + MS // 5, "kind": np.where(trades, TRADE, DEPTH).astype(np.uint8),
        "side": side.astype(np.int8), "price": price / TICK, "qty": lots / LOT,
    }  # fmt: skip


def main() -> None:
    what, path = sys.argv[1:3]
    if what == "bars":
        made = bars(int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000)
    else:
        made = feed(int(sys.argv[3]) if len(sys.argv) > 3 else 5_000_000)
    np.savez(path, **made)
    print(f"{path}: {made['ts'].size:,} {what}", file=sys.stderr)


if __name__ == "__main__":
    main()
