"""hftbacktest: a market maker on its fastest path, a compiled strategy on the ROI vector book.

python bench/peers/peer_hftbacktest.py feed.npz

Every 100 events (the feed has one a millisecond, so 100 ms elapse) both orders are cancelled and
new ones placed at the best bid and ask, post only; power probability queue, no partial fills. The
second line is the same strategy when it is called for every event instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from measure import Result, data, report
from numba import njit

MS = 1_000_000
EVERY = 100
FEED = 2  # what wait_next_feed returns where an event came
QTY = 0.1
TICK = 0.1
TRADE = 1


@njit
def requote(hbt: Any, n: int) -> int:
    """Cancel both orders and place new ones at the touch; the last order's id."""
    depth = hbt.depth(0)
    bid, ask = depth.best_bid_tick, depth.best_ask_tick
    if n:
        orders = hbt.orders(0)
        for id_ in (n - 1, n):
            if id_ in orders and orders.get(id_).cancellable:
                hbt.cancel(0, id_, False)
    hbt.clear_inactive_orders(0)
    n += 2
    hbt.submit_buy_order(0, n - 1, bid * TICK, QTY, GTX, LIMIT, False)
    hbt.submit_sell_order(0, n, ask * TICK, QTY, GTX, LIMIT, False)
    return n


@njit
def worth(hbt: Any) -> Any:
    """Fills and equity."""
    state = hbt.state_values(0)
    middle = (hbt.depth(0).best_bid + hbt.depth(0).best_ask) / 2
    return state.num_trades, state.balance + state.position * middle - state.fee


@njit
def by_time(hbt: Any) -> Any:
    n = 0
    while hbt.elapse(EVERY * MS) == 0:
        n = requote(hbt, n)
    return worth(hbt)


@njit
def by_event(hbt: Any) -> Any:
    n = seen = 0
    while True:
        told = hbt.wait_next_feed(False, 3_600_000 * MS)
        if told != FEED:
            break
        seen += 1
        if seen % EVERY == 0:
            n = requote(hbt, n)
    return worth(hbt)


def events_of(feed: Any) -> Any:
    """The feed as hftbacktest has it."""
    events = np.zeros(feed["ts"].size, event_dtype)
    kind = np.where(feed["kind"] == TRADE, TRADE_EVENT, DEPTH_EVENT)
    side = np.where(feed["side"] > 0, BUY_EVENT, SELL_EVENT)
    events["ev"] = kind | side | EXCH_EVENT | LOCAL_EVENT
    events["exch_ts"], events["local_ts"] = feed["ts"], feed["ts_recv"]
    events["px"], events["qty"] = feed["price"], feed["qty"]
    return events


def backtest(events: Any) -> Any:
    asset = (
        BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(MS, MS)
        .power_prob_queue_model(3.0)
        .no_partial_fill_exchange()
        .trading_value_fee_model(-0.00005, 0.0007)
        .tick_size(TICK)
        .lot_size(0.001)
        .roi_lb(events["px"].min() - 100)
        .roi_ub(events["px"].max() + 100)
    )
    return ROIVectorMarketDepthBacktest([asset])


def main() -> None:
    events = events_of(data())
    warm = events[:10_000].copy()
    for strategy, called in ((by_time, "every 100 ms"), (by_event, "every event")):
        strategy(backtest(warm))  # compiles

        def prepare(strategy: Any = strategy) -> Any:
            hbt = backtest(events)

            def run() -> Result:
                fills, equity = strategy(hbt)
                return fills, equity

            return run

        what = f"market maker, ROI vector book, called {called}"
        report("hftbacktest", what, events.size, prepare)


if __name__ == "__main__":
    main()
