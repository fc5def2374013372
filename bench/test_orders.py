"""Quotes, trades and books with orders at work, and a market maker, beside their peers."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from workload import SmaCross, minute_bars

import alphaforge as af
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.strategy.compile import compiled_entry

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from environment import make_data, run_peer

EVENTS = 2_000_000
FEE = af.Fees("0.0002")


def best(events: np.ndarray, make: object, rounds: int = 3) -> tuple[float, Engine]:
    """The best of a few runs of an array, in million events a second; the last engine."""
    least, engine = float("inf"), None
    for _ in range(rounds + 1):
        engine = make()
        equity = np.zeros(int((events["kind"] == M.BAR).sum()) + 1, np.int64)
        began = time.perf_counter()
        engine.run(events, equity, lambda: None)
        least = min(least, time.perf_counter() - began)
        assert not engine.fault, engine.fault_text()
    return events.size / least / 1e6, engine


def order(n: int, side: int, limit: int) -> np.ndarray:
    message = np.zeros(1, M.SUBMIT_SLOTS)
    row = message[0]
    row["kind"], row["order_id"], row["ts"] = M.SUBMIT, K.HOST_ID + n, 1
    row["side"], row["type"], row["qty"], row["price"] = side, K.LIMIT_ORDER, 5, limit
    return message


def ticks() -> dict[str, np.ndarray]:
    """Seeded quotes and trades around a walking middle."""
    random = np.random.default_rng(3)
    mid = 100_000 + np.cumsum(random.integers(-1, 2, EVENTS))
    side = random.choice([-1, 1], EVENTS)
    quotes, trades = np.zeros(EVENTS, M.SLOT), np.zeros(EVENTS, M.SLOT)
    quotes["kind"], trades["kind"] = M.QUOTE, M.TRADE
    for one in (quotes, trades):
        one["ts"] = 1 + 1_000 * np.arange(EVENTS)
    quotes["a"], quotes["c"] = mid - 1, mid + 1
    quotes["b"], quotes["d"] = random.integers(1, 100, (2, EVENTS))
    trades["a"], trades["b"], trades["d"] = mid + side, random.integers(1, 50, EVENTS), side
    mixed = quotes.copy()
    mixed[1::2] = trades[1::2]
    return {"quotes": quotes, "trades": trades, "quotes and trades in turn": mixed}


def test_ten_working_orders(benchmark, line):
    """Every limit and model on: notional, rate, position; a queue model; ten orders near by."""
    feeds = ticks()

    def make() -> Engine:
        engine = Engine(fees=FEE, venue=af.Venue(queue=af.RiskAverseQueue()))
        engine.add_instrument(af.Instrument("TEST", tick="0.01"))
        engine.header["max_notional"], engine.header["max_rate"] = 10**15, 1_000
        L.pool(engine.block, "instruments")["max_position"] = 10**9
        engine.step(feeds["quotes"][:1])
        low, high = int(feeds["quotes"]["a"].min()), int(feeds["quotes"]["c"].max())
        for n in range(10):
            engine.step(order(n, *((1, low - 5 - n) if n % 2 else (-1, high + 5 + n))))
        assert int(engine.header["open_orders"]) == 10
        return engine

    rates = {name: best(events, make)[0] for name, events in feeds.items()}
    benchmark.pedantic(lambda: best(feeds["quotes"], make, 1), rounds=1)
    worst = min(rates.values())
    said = ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
    line(
        "quotes and trades, whole step, ten working orders",
        f"{worst:.1f} M/s",
        "10 M/s",
        worst >= 10,
        f"{said} M/s",
    )


class Maker(af.Strategy):
    """Both sides at the touch, quoted anew every hundred events."""

    size: float = 0.1
    seen: int = 0
    bid: int = 0
    ask: int = 0

    def count(self, ctx, i):
        self.seen += 1
        if self.seen % 100 != 0:
            return
        if self.bid != 0:
            ctx.cancel(self.bid)
            ctx.cancel(self.ask)
        self.bid = ctx.buy(i, self.size, limit=ctx.bid(i), post_only=True)
        self.ask = ctx.sell(i, self.size, limit=ctx.ask(i), post_only=True)

    def on_book(self, ctx, book):
        self.count(ctx, book.instrument)

    def on_trade(self, ctx, trade):
        self.count(ctx, trade.instrument)


def feed_messages(path: Path) -> np.ndarray:
    """The peers' feed as messages."""
    feed = np.load(path)
    messages = np.zeros(feed["ts"].size, M.SLOT)
    trade = feed["kind"] == 1
    messages["kind"] = np.where(trade, M.TRADE, M.DEPTH)
    messages["ts"], messages["ts_recv"] = feed["ts"], feed["ts_recv"]
    messages["a"] = np.rint(feed["price"] * 10)
    messages["b"] = np.rint(feed["qty"] * 1_000)
    side = feed["side"].astype(np.int64)
    messages["c"] = np.where(trade, np.arange(trade.size), side)
    messages["d"] = np.where(trade, side, 0)
    return messages


def test_market_maker(benchmark, line):
    path = make_data("feed")
    messages = feed_messages(path)
    fees = af.Fees("0.0007", "-0.00005")
    made = {}
    for name, latency in (("1 ms", af.Latency("1ms", "1ms")), ("none", af.Latency())):
        venue = af.Venue(depth="L2", queue=af.PowerQueue(3.0), latency=latency)

        def make(venue: af.Venue = venue) -> Engine:
            room = L.Capacities(levels=1 << 12)
            engine = Engine(fees=fees, venue=venue, capacities=room, journal_rows=1 << 19)
            engine.add_instrument(af.Instrument("TEST", tick="0.1", lot="0.001", kind="perpetual"))
            engine.add_strategy(compiled_entry(Maker()), ["TEST"])
            return engine

        made[name] = best(messages, make)
    benchmark.pedantic(lambda: best(messages, make, 1), rounds=1)
    rate, engine = made["1 ms"]
    peers = [p for p in run_peer("ticks", "hftbacktest", path) if "per_second" in p]
    theirs = max(p["per_second"] for p in peers) / 1e6
    line(
        "market maker on L2, power queue, 1 ms each way, re-quoted every 100 events",
        f"{rate:.1f} M events/s",
        "15 M events/s",
        rate >= 15,
        f"{int(engine.header['fills']):,} fills; without latency {made['none'][0]:.1f} M/s; "
        f"hftbacktest {peers[0]['version']} in this run {theirs:.1f} M/s ({rate / theirs:.1f} x)",
    )
    slow = run_peer("ticks", "nautilus", path)[-1]
    line(
        "the same, a peer with Python callbacks",
        f"{slow['per_second'] / 1e6:.2f} M events/s",
        "",
        True,
        f"nautilus_trader {slow['version']}: {slow['what']}",
    )


def test_sma_cross_beside_its_peers(benchmark, line):
    path = make_data("bars")
    told = np.load(path)
    bars = minute_bars(told["close"].size)
    assert np.allclose(bars["close"] / 100, told["close"])

    def make() -> Engine:
        engine = Engine(fees=FEE)
        engine.add_instrument(af.Instrument("TEST", tick="0.01"))
        engine.add_strategy(compiled_entry(SmaCross()), ["TEST"])
        return engine

    rate, engine = best(bars, make, 5)
    benchmark.pedantic(lambda: best(bars, make, 1), rounds=1)
    fills = int(engine.header["fills"])
    equity = (int(engine.header["cash"]) + int(engine.header["market_value"])) / 1e6
    assert fills == int(told["fills"])
    assert abs(equity - float(told["equity"])) < 0.005
    peers = run_peer("vectors", "vectorbt", path) + run_peer("ticks", "backtesting", path)
    peers += run_peer("ticks", "nautilus", path)
    said = "; ".join(
        f"{p['peer']} {p['version']} ({p['what']}) {p['per_second'] / 1e6:.2f}" for p in peers
    )
    line(
        "SMA cross on the same bars, the reference's fills and equity",
        f"{rate:.1f} M bars/s",
        "20 M bars/s",
        rate >= 20,
        f"{fills:,} fills, equity {equity:,.2f}; in this run, M bars/s: {said}",
    )
