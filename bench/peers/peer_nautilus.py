"""nautilus_trader: the SMA cross on bars, or a market maker on quotes and trades.

python bench/peers/peer_nautilus.py bars.npz
python bench/peers/peer_nautilus.py feed.npz [events]

Bars: an order given at a bar's close fills there at once; in this data a close is the next open,
so that these are the fills at the next open. Feed: it has no queue position; a touched limit order
fills with probability one half. From the first ``events`` (500,000) of the feed come a quote
wherever the best prices change and the trades; re-quoted every 100 of these.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from measure import Result, data, report
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FillModel
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import (
    BarDataWrangler,
    QuoteTickDataWrangler,
    TradeTickDataWrangler,
)
from nautilus_trader.trading.strategy import Strategy

FAST, SLOW, CASH = 10, 50, 1_000_000
HALF = 0.01 / SLOW / 2
EVERY = 100
TRADE = 1
VENUE = Venue("SIM")
ID = InstrumentId(Symbol("BTCUSDT"), VENUE)
BARS = BarType.from_str(f"{ID}-1-MINUTE-LAST-EXTERNAL")


def pair(price: str, size: str, maker: str, taker: str) -> CurrencyPair:
    step, lot = Price.from_str(price), Quantity.from_str(size)
    return CurrencyPair(
        ID, Symbol("BTCUSDT"), BTC, USDT, step.precision, lot.precision, step, lot, 0, 0,
        margin_init=Decimal(0), margin_maint=Decimal(0),
        maker_fee=Decimal(maker), taker_fee=Decimal(taker),
    )  # fmt: skip


class Cross(Strategy):
    def __init__(self, instrument: CurrencyPair) -> None:
        super().__init__(StrategyConfig())
        self.fast, self.slow = SimpleMovingAverage(FAST), SimpleMovingAverage(SLOW)
        self.size = instrument.make_qty(10)
        self.held = False

    def on_start(self) -> None:
        self.register_indicator_for_bars(BARS, self.fast)
        self.register_indicator_for_bars(BARS, self.slow)
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Any) -> None:  # noqa: ARG002 - a handler's argument
        if not self.slow.initialized:
            return
        wanted = self.fast.value - self.slow.value > HALF
        if wanted != self.held:
            side = OrderSide.BUY if wanted else OrderSide.SELL
            self.submit_order(self.order_factory.market(ID, side, self.size))
            self.held = wanted


class Maker(Strategy):
    def __init__(self, instrument: CurrencyPair) -> None:
        super().__init__(StrategyConfig())
        self.size = instrument.make_qty(0.1)
        self.seen = 0
        self.orders: list[Any] = []

    def on_start(self) -> None:
        self.subscribe_quote_ticks(ID)
        self.subscribe_trade_ticks(ID)

    def on_quote_tick(self, tick: Any) -> None:  # noqa: ARG002 - a handler's argument
        self.count()

    def on_trade_tick(self, tick: Any) -> None:  # noqa: ARG002 - a handler's argument
        self.count()

    def count(self) -> None:
        self.seen += 1
        if self.seen % EVERY:
            return
        for order in self.orders:
            if order.is_open:
                self.cancel_order(order)
        quote = self.cache.quote_tick(ID)
        make = self.order_factory.limit
        self.orders = [
            make(ID, OrderSide.BUY, self.size, quote.bid_price, post_only=True),
            make(ID, OrderSide.SELL, self.size, quote.ask_price, post_only=True),
        ]
        for order in self.orders:
            self.submit_order(order)


def backtest(instrument: CurrencyPair, items: list[Any], strategy: Strategy, **venue: Any) -> Any:
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False)
    )
    engine.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(CASH, USDT)],
        default_leverage=Decimal(1),
        **venue,
    )
    engine.add_instrument(instrument)
    engine.add_data(items, sort=True)
    engine.add_strategy(strategy)
    return engine


def worth(engine: Any, close: float) -> Result:
    """Fills, and cash with what is open at ``close``."""
    fills = sum(order.filled_qty > 0 for order in engine.cache.orders())
    cash = engine.portfolio.account(VENUE).balance_total(USDT).as_double()
    price = Price(close, engine.cache.instrument(ID).price_precision)
    for position in engine.cache.positions_open():
        cash += position.unrealized_pnl(price).as_double()
    return fills, cash


def timed(engine: Any, close: float) -> Any:
    def run() -> Result:
        engine.run()
        return worth(engine, close)

    return run


def ticks(feed: Any, count: int, instrument: CurrencyPair) -> list[Any]:
    """Quotes, one wherever the best prices or sizes change, and trades."""
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    quotes, last = [], ()
    names = ("ts", "kind", "side", "price", "qty")
    for ts, kind, side, price, qty in zip(*(feed[n][:count].tolist() for n in names), strict=True):
        if kind == TRADE:
            continue
        book = bids if side > 0 else asks
        if qty:
            book[price] = qty
        else:
            book.pop(price, None)
        if bids and asks:
            bid, ask = max(bids), min(asks)
            now = (bid, ask, bids[bid], asks[ask])
            if now != last:
                quotes.append((ts, *now))
                last = now
    columns = ["timestamp", "bid_price", "ask_price", "bid_size", "ask_size"]
    frame = pd.DataFrame(quotes, columns=columns).set_index("timestamp")
    frame.index = pd.to_datetime(frame.index, utc=True)
    chosen = np.flatnonzero(feed["kind"][:count] == TRADE)
    trades = pd.DataFrame(
        {
            "price": feed["price"][chosen],
            "quantity": feed["qty"][chosen],
            "side": np.where(feed["side"][chosen] > 0, "BUY", "SELL"),
            "trade_id": chosen.astype(str),
        },
        index=pd.to_datetime(feed["ts"][chosen], utc=True),
    )
    made = QuoteTickDataWrangler(instrument).process(frame)
    return made + TradeTickDataWrangler(instrument).process(trades)


def on_bars(bars: Any) -> None:
    instrument = pair("0.01", "0.001", "0.0002", "0.0002")
    names = ["open", "high", "low", "close", "volume"]
    frame = pd.DataFrame({name: bars[name] for name in names})
    frame.index = pd.to_datetime(bars["ts"], utc=True).rename("timestamp")
    items = BarDataWrangler(BARS, instrument).process(frame)
    close = float(bars["close"][-1])
    report(
        "nautilus_trader",
        "SMA cross",
        len(items),
        lambda: timed(backtest(instrument, items, Cross(instrument)), close),
        bars,
    )


def on_feed(feed: Any, count: int) -> None:
    instrument = pair("0.1", "0.001", "-0.00005", "0.0007")
    items = ticks(feed, count, instrument)
    model = FillModel(prob_fill_on_limit=0.5, random_seed=1)
    report(
        "nautilus_trader",
        "market maker, quotes and trades",
        len(items),
        lambda: timed(
            backtest(instrument, items, Maker(instrument), fill_model=model, trade_execution=True),
            float(feed["price"][count - 1]),
        ),
    )


def main() -> None:
    count = int(sys.argv.pop(2)) if len(sys.argv) > 2 else 500_000
    arrays = data()
    if "open" in arrays:
        on_bars(arrays)
    else:
        on_feed(arrays, count)


if __name__ == "__main__":
    main()
