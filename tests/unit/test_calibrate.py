"""A model that made the fills is found again: queues and slippage from own fills; bad input."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from market import instrument

import alphaforge as af
from alphaforge.data.history import History
from alphaforge.errors import DataError, OrderError
from alphaforge.research.backtest import backtest
from alphaforge.research.calibrate import CANDIDATES, fit_queue, fit_slippage
from alphaforge.venue import PowerQueue, Queue, RiskAverseQueue, Venue

SECOND = 1_000_000_000


class Joins(af.Strategy):
    """Joins both sides of the book, a second at a time."""

    bid: int = 0
    ask: int = 0

    def on_start(self, ctx):
        ctx.timer(1_000_000_000)

    def on_timer(self, ctx, timer):
        ctx.cancel(self.bid)
        ctx.cancel(self.ask)
        self.bid = ctx.buy(0, 0.5, limit=ctx.bid(0))
        self.ask = ctx.sell(0, 0.5, limit=ctx.ask(0))
        ctx.timer(1_000_000_000)


@pytest.fixture(scope="module")
def market() -> Any:
    return af.simulate("BTCUSDT", over="2m")


def own_orders(market: Any, queue: Queue) -> pd.DataFrame:
    """What a venue with this queue made of them, as a desk would have it in its own records."""
    store = History(":memory:")
    run = backtest(store, Joins(), market, venue=Venue(depth="L2", queue=queue), cash=1e8)
    store.close()
    orders, fills = run.orders, run.fills
    last = fills.groupby("order_id")["ts"].max()
    rests = orders[orders["status"].isin(["filled", "cancelled", "accepted", "partially_filled"])]
    gone = rests["ts_last"].where(rests["status"] == "cancelled")
    return pd.DataFrame(
        {
            "ts": rests["ts"],
            "side": rests["side"],
            "price": rests["limit"],
            "qty": rests["qty"],
            "cancelled": gone,
            "filled": rests["filled"],
            "ts_filled": rests["order_id"].map(last),
        }
    ).reset_index(drop=True)


@pytest.mark.parametrize("queue", [PowerQueue(3), RiskAverseQueue()], ids=repr)
def test_the_queue_that_made_the_fills_is_found(market: Any, queue: Queue) -> None:
    orders = own_orders(market, queue)
    assert len(orders) > 100
    assert 0.1 < orders["filled"].sum() / orders["qty"].sum() < 0.9
    fit = fit_queue(market, orders)
    assert fit.model == queue
    assert fit.count == len(orders)
    table = fit.table
    assert len(table) == len(CANDIDATES)
    assert table["model"].iloc[0] == repr(queue)
    assert (table["error"].iloc[0], table["seconds"].iloc[0]) == (0.0, 0.0)
    assert table["error"].iloc[1] > 0  # nobody else fits as well
    assert table["error"].is_monotonic_increasing
    share = (orders["filled"].sum() / orders["qty"].sum()).round(9)
    assert table["filled"].iloc[0] == pytest.approx(share)
    assert (fit.details["share"] == fit.details["simulated"]).all()
    assert repr(queue).split("(")[0] in fit._repr_html_()


def test_the_fits_have_public_names_and_cost_no_import() -> None:
    assert (af.fit_queue, af.fit_slippage) == (fit_queue, fit_slippage)
    code = "import alphaforge, sys; print('alphaforge.research.calibrate' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_cautious_fill_less_than_the_hopeful(market: Any) -> None:
    table = fit_queue(market, own_orders(market, PowerQueue(3))).table.set_index("model")
    filled = table["filled"]
    assert filled["ThroughQueue()"] <= filled["RiskAverseQueue()"] <= filled["FrontQueue()"]
    assert filled["ThroughQueue()"] < filled["FrontQueue()"]


@pytest.fixture
def few(market: Any) -> pd.DataFrame:
    trade = market.trades()
    return pd.DataFrame(
        {
            "ts": [trade.index[5], trade.index[9]],
            "side": [1, -1],
            "price": [trade["price"].iloc[5], trade["price"].iloc[9]],
            "qty": [0.01, 0.02],
            "cancelled": [trade.index[50], pd.NaT],
            "filled": [0.0, 0.02],
            "ts_filled": [pd.NaT, trade.index[30]],
        }
    )


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"side": 0}, r"side of orders must be \+1 or -1, and isn't in row 0 \(2 such rows\)"),
        ({"qty": 0.0}, "qty of orders must be positive"),
        ({"qty": np.nan}, "qty of orders must be positive"),
        ({"filled": 0.5}, "filled of orders must be from 0 to qty"),
        ({"filled": -0.001}, "filled of orders must be from 0 to qty"),
        ({"filled": np.nan}, "filled of orders must be from 0 to qty"),
        ({"ts": pd.NaT}, "ts of orders must be given"),
        ({"ts": "soon"}, "times must be datetimes"),
        ({"cancelled": pd.Timestamp("2020-01-01", tz="UTC")}, "cancelled of orders must be after"),
        ({"ts_filled": pd.NaT}, "ts_filled of orders must be given where filled, .* in row 1"),
        ({"ts": pd.Timestamp("2020-01-01", tz="UTC")}, "orders must lie within the recording's"),
    ],
    ids=str,
)
def test_orders_that_make_no_sense(
    market: Any, few: pd.DataFrame, change: dict[str, Any], match: str
) -> None:
    with pytest.raises(DataError, match=match):
        fit_queue(market, few.assign(**change))


def test_what_is_no_table_of_orders(market: Any, few: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"orders need rows with the columns .*; missing: qty"):
        fit_queue(market, few.drop(columns="qty"))
    with pytest.raises(DataError, match="missing: rows"):
        fit_queue(market, few.iloc[:0])
    with pytest.raises(DataError, match="orders need rows"):
        fit_queue(market, None)  # type: ignore[arg-type] - wrong on purpose
    with pytest.raises(DataError, match="candidates must be queue models"):
        fit_queue(market, few, candidates=())
    with pytest.raises(OrderError, match="is not on its"):
        fit_queue(market, few.assign(price=1.23))


def test_orders_that_tell_no_models_apart_are_a_tie(market: Any, few: pd.DataFrame) -> None:
    """Far below the market nothing fills in any model."""
    far = few.assign(side=1, price=1_000.0, filled=0.0, ts_filled=pd.NaT)
    fit = fit_queue(market, far)
    assert fit.note == "tied: these orders can't tell the models apart"
    assert fit._repr_html_().startswith("<p>tied: these orders can&#x27;t tell the models apart, ")
    two = fit_queue(market, far, candidates=(PowerQueue(3),))
    assert two.note == ""
    assert repr(PowerQueue(3)) in two._repr_html_()


def test_models_that_tie_for_the_best_are_named(market: Any) -> None:
    orders = own_orders(market, PowerQueue(3))
    assert fit_queue(market, orders).note == ""
    twice = fit_queue(market, orders, candidates=(PowerQueue(3), PowerQueue(3), RiskAverseQueue()))
    shown = repr(PowerQueue(3))
    assert twice.note == f"tied: {shown}, {shown}, which these orders can't tell apart"


# --- slippage ------------------------------------------------------------------------------------

ASSET = instrument("XYZ", "0.01")


def generated(cost: Any, noise: float = 0.0, count: int = 400) -> pd.DataFrame:
    """Own taker fills whose cost is a share of the arrival price: ``cost(arrival, share)``."""
    random = np.random.default_rng(11)
    arrival = random.uniform(20, 200, count).round(2)
    volume = random.integers(1_000, 100_000, count).astype(float)
    qty = (volume * random.uniform(0.001, 0.5, count)).round()
    side = random.choice([1, -1], count)
    paid = cost(arrival, qty / volume) + noise * random.normal(size=count)
    return pd.DataFrame(
        {"side": side, "qty": qty, "price": arrival * (1 + side * paid), "arrival": arrival,
         "volume": volume}
    )  # fmt: skip


FORMS = {
    "TickSlippage": (2.0, lambda arrival, _: 2.0 * 0.01 / arrival),
    "BasisPointSlippage": (7.5, lambda arrival, _: np.full(arrival.size, 7.5e-4)),
    "VolumeShareSlippage": (0.3, lambda _, share: 0.3 * share**2),
    "SquareRootSlippage": (0.02, lambda _, share: 0.02 * np.sqrt(share)),
}


@pytest.mark.parametrize("noise", [0.0, 1e-5])
@pytest.mark.parametrize("form", FORMS)
def test_the_slippage_that_made_the_fills_is_found(form: str, noise: float) -> None:
    parameter, cost = FORMS[form]
    fit = fit_slippage(generated(cost, noise), ASSET)
    assert type(fit.model).__name__ == form
    first = fit.table.iloc[0]
    assert first["model"] == form
    assert first["parameter"] == pytest.approx(parameter, rel=1e-9 if not noise else 0.02)
    assert fit.table["error"].is_monotonic_increasing
    assert fit.table["error"].iloc[1] > first["error"]
    assert fit.count == 400
    Venue(slippage=fit.model)
    if noise:
        assert first["error"] == pytest.approx(noise * 1e4, rel=0.2)  # what is left is the noise
    elif form != "BasisPointSlippage":  # there is nothing to explain in a cost that is the same
        assert first["explained"] == pytest.approx(1.0)


def test_a_gain_is_no_negative_slippage() -> None:
    fit = fit_slippage(generated(lambda _, share: -0.001 * share), ASSET)
    assert (fit.table["parameter"] == 0).all()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"arrival": 0.0}, r"arrival of fills must be positive, and isn't in row 0 \(400 such"),
        ({"volume": np.nan}, "volume of fills must be positive"),
        ({"price": -1.0}, "price of fills must be positive"),
        ({"qty": 0.0}, "qty of fills must be positive"),
        ({"qty": np.inf}, "qty of fills must be positive"),
        ({"side": 2}, r"side of fills must be \+1 or -1"),
    ],
    ids=str,
)
def test_fills_that_make_no_sense(change: dict[str, Any], match: str) -> None:
    fills = generated(FORMS["TickSlippage"][1])
    with pytest.raises(DataError, match=match):
        fit_slippage(fills.assign(**change), ASSET)
    with pytest.raises(DataError, match=r"fills need rows with the columns .*; missing: volume"):
        fit_slippage(fills.drop(columns="volume"), ASSET)
