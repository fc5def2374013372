"""vectorbt: the SMA cross as arrays: its kernel called directly, then wrapped, by numba and Rust.

python bench/peers/peer_vectorbt.py bars.npz

Timed from closes to order records and the equity at the end: averages, signals, simulation. No
events, no order life; what it is told are ten units in or out at the next open.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import vectorbt as vbt
from measure import Result, data, report
from vectorbt.generic.nb import rolling_mean_1d_nb
from vectorbt.portfolio import nb
from vectorbt.portfolio.enums import Direction, SizeType

FAST, SLOW, SIZE, FEE, CASH = 10, 50, 10.0, 0.0002, 1_000_000.0
HALF = 0.01 / SLOW / 2
"""Half of the least that two averages can differ by: equal ones must not differ by rounding."""


def sizes(close: Any) -> Any:
    """The units to hold after each bar's open, NaN where that doesn't change."""
    fast, slow = (rolling_mean_1d_nb(close, n, n) for n in (FAST, SLOW))
    above = fast - slow > HALF  # False where one is NaN
    wanted = np.zeros(close.size, np.bool_)
    wanted[1:] = above[:-1]
    changed = np.concatenate([wanted[:1], wanted[1:] != wanted[:-1]])
    return np.where(changed, wanted * SIZE, np.nan)


def worth(orders: Any, close: Any) -> Result:
    """Fills and equity of order records."""
    signed = np.where(orders["side"] == 0, orders["size"], -orders["size"])
    cash = CASH - (signed * orders["price"]).sum() - orders["fees"].sum()
    return orders.size, float(cash + signed.sum() * close[-1])


def direct(close: Any, opened: Any) -> Result:
    shape = (close.size, 1)
    orders, _ = nb.simulate_from_orders_nb(
        shape,
        np.array([1]),
        np.array([CASH]),
        np.zeros(shape, np.int64),
        size=sizes(close).reshape(shape),
        price=opened.reshape(shape),
        size_type=np.asarray(SizeType.TargetAmount),
        direction=np.asarray(Direction.LongOnly),
        fees=np.asarray(FEE),
        close=close.reshape(shape),
        max_orders=close.size,
    )
    return worth(orders, close)


def wrapped(close: Any, opened: Any, engine: str) -> Result:
    portfolio = vbt.Portfolio.from_orders(
        close,
        size=sizes(close),
        size_type="targetamount",
        direction="longonly",
        price=opened,
        fees=FEE,
        init_cash=CASH,
        freq="1min",
        engine=engine,
    )
    return worth(portfolio.order_records, close)


def main() -> None:
    bars = data()
    close, opened = (np.ascontiguousarray(bars[name]) for name in ("close", "open"))
    ways = {
        "kernel called directly": direct,
        "Portfolio.from_orders, numba": partial(wrapped, engine="numba"),
        "Portfolio.from_orders, Rust": partial(wrapped, engine="rust"),
    }
    for name, way in ways.items():
        way(close[:1_000], opened[:1_000])  # compiles
        run = partial(way, close, opened)
        report("vectorbt", f"SMA cross, {name}", close.size, lambda run=run: run, bars)


if __name__ == "__main__":
    main()
