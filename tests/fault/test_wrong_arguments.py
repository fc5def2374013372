"""What people type wrongly first: each is told what was expected, and nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import alphaforge as af
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
    orders = fills.assign(ts="2026-01-01", cancelled=None, filled=0.0, ts_filled=None)
    with pytest.raises(DataError, match=r"^side of orders must be \+1 or -1"):
        fit_queue(af.simulate("BTCUSDT", over="1s"), orders)


@pytest.mark.parametrize("slices", [0, -1, 1.5])
def test_a_number_of_slices(slices: Any) -> None:
    with pytest.raises(OrderError, match=r"^slices of a Twap must be a whole number from 1 on"):
        af.Twap(slices=slices)._number()
