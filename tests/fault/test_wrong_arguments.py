"""What people type wrongly first: each is told what was expected, and nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.errors import ConfigError, DataError, OrderError
from alphaforge.research.calibrate import fit_queue, fit_slippage


class Eager(af.Strategy):
    """Never runs."""

    def on_bar(self, ctx, bar):
        ctx.target(bar.instrument, 1)


@pytest.mark.parametrize("wrong", [None, "x", 5, [None], ["x"]])
def test_what_is_no_order_says_what_one_is(lab: af.Lab, wrong: Any) -> None:
    with pytest.raises(OrderError, match=r"^an order must be an af\.Order, not "):
        lab.submit(wrong)
    with pytest.raises(OrderError, match=r"^an order is cancelled by its id, a number, not by 'x'"):
        lab.cancel("x")  # type: ignore[arg-type] - wrong on purpose
    with pytest.raises(ConfigError, match=r"^a backtest needs symbols, .* not DataFrame\. A frame"):
        lab.backtest(Eager(), pd.DataFrame(), "1d")  # type: ignore[arg-type] - wrong on purpose
    assert lab.sql("from orders").empty


def test_what_is_no_instrument_and_no_side(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^a capture is read with an af\.Instrument .*"):
        af.read_binance(tmp_path / "none.gz", "A")  # type: ignore[arg-type] - wrong on purpose
    fills = pd.DataFrame(
        {"side": ["buy"], "qty": [1.0], "price": [1.0], "arrival": [1.0], "volume": [9.0]}
    )
    with pytest.raises(DataError, match=r"^slippage is fitted in ticks of an af\.Instrument, not"):
        fit_slippage(fills, "A")  # type: ignore[arg-type] - wrong on purpose
    with pytest.raises(DataError, match=r"^side of fills must be \+1 or -1"):
        fit_slippage(fills, af.Instrument("X", tick="0.01"))
    with pytest.raises(DataError, match=r"^qty of fills must be numbers: .* Convert it"):
        fit_slippage(fills.assign(side=1, qty="much"), af.Instrument("X", tick="0.01"))
    orders = fills.assign(ts="2026-01-01", cancelled=None, filled=0.0, ts_filled=None)
    with pytest.raises(DataError, match=r"^side of orders must be \+1 or -1"):
        fit_queue(af.simulate("BTCUSDT", over="1s"), orders)
    with pytest.raises(DataError, match=r"^a queue is fitted on a recording .*, not on DataFrame"):
        fit_queue(orders, orders)  # type: ignore[arg-type] - wrong on purpose


@pytest.mark.parametrize("wrong", [2_000_000_000, 0, -5, 999_999_999])
def test_an_order_that_there_never_was_is_not_cancelled(lab: af.Lab, wrong: int) -> None:
    match = rf"^no order {wrong} in this session\. See lab\.sql\('from orders'\)\.$"
    with pytest.raises(OrderError, match=match):
        lab.cancel(wrong)
    with pytest.raises(OrderError, match=match):
        lab.replace(wrong, limit=1.0)


def test_an_order_just_sent_and_one_that_is_gone_are_cancelled_again(
    lab: af.Lab, eventually: Any
) -> None:
    order = lab.submit(af.Order("BTCUSDT", "buy", 0.01, limit=60_000.0))
    lab.cancel(order)  # before anything was heard of it
    orders = lab.live.feed.orders
    eventually(lambda: order in orders and orders[order].status in K.CLOSED_STATUSES, 10)
    lab.cancel(order)


@pytest.mark.parametrize("slices", [0, -1, 1.5])
def test_a_number_of_slices(slices: Any) -> None:
    with pytest.raises(OrderError, match=r"^slices of a Twap must be a whole number from 1 on"):
        af.Twap(slices=slices)._number()
