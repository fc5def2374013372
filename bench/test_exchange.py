"""The simulated exchange's statistics beside the ranges of the literature, and its speed."""

from __future__ import annotations

import time

import numpy as np

from alphaforge.engine import messages as M
from alphaforge.venues.participants import CANCEL_RATES, POWER_ALPHA, POWER_K
from alphaforge.venues.simulated import SimulatedExchange

ARRIVALS, STEP = 200_000, 1_000


DEPTHS = range(6, 26)  # ticks behind the touch that trades don't reach


def _depth_ratio(orders: dict[tuple[int, int], int], quote: np.ndarray) -> float:
    """Orders behind the touch over lambda(i) / theta(i), what the model has there on average."""
    bid, ask = int(quote["a"]), int(quote["c"])
    found = [orders.get((1, bid - k), 0) + orders.get((-1, ask + k), 0) for k in DEPTHS]
    away = np.array(DEPTHS) + ask - bid
    expected = 2 * POWER_K / away**POWER_ALPHA / CANCEL_RATES[-1]
    return float(np.sum(found) / expected.sum())


def _sample(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Spreads in ticks, trade prices and depth ratios of one instrument, and the seconds."""
    exchange = SimulatedExchange(("BTCUSDT",), seed=seed, start=10**18)
    orders: dict[tuple[int, int], int] = {}
    exchange.generate(STEP)  # loads the kernels
    rows = exchange.market_data.take(1 << 15)
    spreads, prices, depths, seconds = [], [], [], 0.0
    for _ in range(ARRIVALS // STEP):
        for row in rows[rows["kind"] == M.DEPTH]:
            orders[int(row["c"]), int(row["a"])] = int(row["d"])
        began = time.perf_counter()
        exchange.generate(STEP)
        seconds += time.perf_counter() - began
        rows = exchange.market_data.take(1 << 15)
        quotes = rows[rows["kind"] == M.QUOTE]
        depths.append(_depth_ratio(orders, quotes[0]))
        spreads.append(quotes["c"] - quotes["a"])
        prices.append(rows["a"][rows["kind"] == M.TRADE])
    return np.concatenate(spreads), np.concatenate(prices), np.array(depths[1:]), seconds


def test_exchange(benchmark, line):
    spread, price, depth, seconds = benchmark.pedantic(lambda: _sample(11), rounds=1)
    returns = np.diff(np.log(price))
    first = float(np.corrcoef(returns[1:], returns[:-1])[0, 1])
    tails = float(np.mean((returns - returns.mean()) ** 4) / returns.var() ** 2)
    one = float((spread == 1).mean())
    mean = float(spread.mean())
    line(
        "simulated exchange: mean spread",
        f"{mean:.2f} ticks",
        "1 to 3",
        1 <= mean <= 3,
        f"{one:.0%} at one tick; Cont, Stoikov, Talreja 2010, rates of Table 1",
    )
    line(
        "… orders behind the touch",
        f"{depth.mean():.2f} x lambda / theta",
        "0.8 to 1.25",
        0.8 <= depth.mean() <= 1.25,
        f"ticks {DEPTHS[0]} to {DEPTHS[-1]}: M/M/infinity queues, same paper, section 3",
    )
    line(
        "… trade returns, lag-1 autocorrelation",
        f"{first:.2f}",
        "-0.5 to 0",
        -0.5 <= first < 0,
        "bid-ask bounce: Roll 1984, Cont 2001",
    )
    line(
        "… trade returns, kurtosis", f"{tails:.1f}", "above 3", tails > 3, "heavy tails: Cont 2001"
    )
    rate = ARRIVALS / seconds / 1e6
    line("… as fast as possible", f"{rate:.2f} M arrivals/s", "faster than live", rate > 0.01)
