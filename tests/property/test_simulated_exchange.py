"""The embedded exchange, judged by what it emits: a book that adds up, priority, repeatability."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from market import T0, quote, report, rows_of, small_engine, submit

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.ring import Ring
from alphaforge.errors import VenueError
from alphaforge.venues import clients, orderbook
from alphaforge.venues.orderbook import WINDOW
from alphaforge.venues.participants import (
    CANCEL_RATES,
    LIMIT_RATES,
    MARKET_RATE,
    POWER_ALPHA,
    POWER_K,
)
from alphaforge.venues.simulated import INSTRUMENTS, SimulatedExchange, _new_exchange

OWN = K.HOST_ID + 7
Row = tuple[int, ...]


def exchange(seed: int = 3, symbol: str = "BTCUSDT") -> SimulatedExchange:
    return SimulatedExchange([symbol], seed=seed, start=T0, ring_slots=1 << 15)


def taken(made: SimulatedExchange, room: int = 1 << 15) -> Any:
    return made.market_data.take(room)


def emitted(made: SimulatedExchange, count: int) -> Iterator[Any]:
    """Slots in order, a thousand arrivals at a time."""
    yield taken(made)
    for _ in range(count // 1000):
        made.generate(1000)
        yield taken(made)


def messages(slots: Any) -> Iterator[Any]:
    """Whole messages; an execution report's second slot isn't one."""
    n = 0
    while n < len(slots):
        yield slots[n : n + 2] if slots["kind"][n] == M.REPORT else slots[n : n + 1]
        n += 2 if slots["kind"][n] == M.REPORT else 1


class Book:
    """Prices and lots of each side, from the level messages alone."""

    def __init__(self) -> None:
        self.sides: dict[int, dict[int, int]] = {1: {}, -1: {}}

    def set(self, row: Any) -> None:
        side = self.sides[int(row["c"])]
        side.pop(int(row["a"]), None)
        if row["b"]:
            side[int(row["a"])] = int(row["b"])

    @property
    def touch(self) -> tuple[int, int, int, int]:
        bid, ask = max(self.sides[1]), min(self.sides[-1])
        return bid, self.sides[1][bid], ask, self.sides[-1][ask]


@pytest.mark.parametrize("symbol", sorted(INSTRUMENTS))
def test_the_stream_rebuilds_the_book_at_every_event(symbol: str) -> None:
    made, book = exchange(symbol=symbol), Book()
    last: Any = None
    expected: tuple[int, int, int] | None = None
    counts = {M.TRADE: 0, M.QUOTE: 0, M.DEPTH: 0, M.CLOCK: 0}
    for slots in emitted(made, 20_000):
        for row in slots:
            kind = int(row["kind"])
            counts[kind] += 1
            if last is not None:
                assert row["seq"] == last["seq"] + 1
                assert row["ts"] >= last["ts"]
            if kind == M.DEPTH:
                if expected is not None:  # lots are conserved: the level lost what was traded
                    assert (int(row["c"]), int(row["a"]), int(row["b"])) == expected
                    expected = None
                book.set(row)
            elif kind == M.TRADE:
                bid, bid_lots, ask, ask_lots = book.touch
                price, lots = int(row["a"]), int(row["b"])
                best, there = (ask, ask_lots) if row["d"] > 0 else (bid, bid_lots)
                assert price == best, "not the best price of the other side"
                assert 0 < lots <= there
                expected = (-int(row["d"]), price, there - lots)
            elif kind == M.QUOTE:
                assert tuple(int(row[n]) for n in "abcd") == book.touch
                assert row["a"] < row["c"], "crossed"
            last = row
    assert min(counts.values()) > 200
    sim = made._sims()[0]
    assert (int(sim["best_bid"]), int(sim["best_ask"])) == book.touch[::2]
    assert int(made.header["stalls"]) == 0


def test_one_seed_repeats_bit_for_bit_and_two_differ() -> None:
    def run(seed: int) -> bytes:
        return b"".join(part.tobytes() for part in emitted(exchange(seed), 3_000))

    assert run(5) == run(5)
    assert run(5) != run(6)


def empty() -> tuple[int, Ring, Any]:
    """An exchange without participants: address, ring, memory."""
    memory = _new_exchange([INSTRUMENTS["BTCUSDT"]], 1, T0)
    ring = Ring(1 << 12)
    memory[: orderbook.EXCHANGE.itemsize].view(orderbook.EXCHANGE)["out"] = ring.address
    return memory.ctypes.data, ring, memory


def fills(ring: Ring) -> list[Row]:
    """(order, lots, price, liquidity) of each FILLED report on the ring."""
    found = []
    for each in messages(ring.take(4096)):
        if each["kind"][0] == M.REPORT and each["code"][0] == K.FILLED:
            report = each.copy().view(M.ORDER_SLOTS)[0]
            found.append(tuple(int(report[n]) for n in ("order_id", "qty", "price", "liquidity")))
    return found


def test_price_goes_before_time_and_orders_fill_in_part() -> None:
    x, ring, _memory = empty()
    for order_id, tick, lots in ((1, 100, 5), (2, 100, 3), (3, 101, 2), (4, 100, 4), (5, 99, 9)):
        orderbook.rest(x, 0, order_id, 1, tick, lots)
    assert orderbook.execute(x, 0, -1, 4, 0, 9) == 0
    assert fills(ring) == [
        (3, 2, 101, K.MAKER),
        (9, 2, 101, K.TAKER),
        (1, 2, 100, K.MAKER),
        (9, 2, 100, K.TAKER),
    ]
    assert orderbook.execute(x, 0, -1, 7, 0, 0) == 0
    assert fills(ring) == [(1, 3, 100, K.MAKER), (2, 3, 100, K.MAKER), (4, 1, 100, K.MAKER)]
    assert orderbook.execute(x, 0, -1, 50, 100, 9) == 47, "stops at its limit"
    assert fills(ring) == [(4, 3, 100, K.MAKER), (9, 3, 100, K.TAKER)]


def test_a_replaced_order_goes_to_the_end_of_the_queue_and_never_grows() -> None:
    x, ring, _memory = empty()
    for order_id in (1, 2):
        orderbook.rest(x, 0, order_id, 1, 127_900, 5)
    orderbook.execute(x, 0, -1, 2, 0, 0)
    replace = submit(T0, 1, 1, 5, 127_900)  # asked for before the two lots' report came
    replace["kind"] = M.REPLACE
    clients.handle_now(x, replace.ctypes.data)
    ring.take(4096)
    orderbook.execute(x, 0, -1, 100, 0, 0)
    assert fills(ring) == [(2, 5, 127_900, K.MAKER), (1, 3, 127_900, K.MAKER)]


@pytest.mark.parametrize("away", [WINDOW, WINDOW // 2, -WINDOW, 3 * WINDOW])
def test_a_limit_outside_the_band_is_rejected_and_not_put_at_another_price(away: int) -> None:
    made = exchange()
    taken(made)
    tick = int(made._sims()[0]["best_bid"]) - away
    order = submit(T0, OWN, 1, 5, tick)
    clients.handle_now(made.address, order.ctypes.data)
    found = [m.copy().view(M.ORDER_SLOTS)[0] for m in messages(taken(made)) if len(m) == 2]
    assert [int(r["code"]) for r in found] == [K.REJECTED]


def asked(x: int, ring: Ring, kind: int, order_id: int, side: int, tick: int) -> list[Row]:
    """(status, lots) of what the exchange answers to a post-only order, or to its replacement."""
    message = submit(T0, order_id, side, 5, tick, exec_flags=K.POST_ONLY)
    message["kind"] = kind
    ring.take(4096)
    clients.handle_now(x, message.ctypes.data)
    reports = [m.copy().view(M.ORDER_SLOTS)[0] for m in messages(ring.take(4096)) if len(m) == 2]
    return [(int(r["code"]), int(r["qty"])) for r in reports]


@pytest.mark.parametrize("side", [1, -1])
def test_post_only_rests_or_is_refused_and_never_takes(side: int) -> None:
    x, ring, _memory = empty()
    near = 128_000 + side
    orderbook.rest(x, 0, 0, -side, near, 5)
    assert asked(x, ring, M.SUBMIT, 1, side, near) == [(K.REJECTED, R.POST_ONLY)]
    assert asked(x, ring, M.SUBMIT, 2, side, near + side) == [(K.REJECTED, R.POST_ONLY)]
    assert asked(x, ring, M.SUBMIT, 3, side, near - side) == [(K.ACCEPTED, 0)]
    assert asked(x, ring, M.REPLACE, 3, side, near - 2 * side) == [(K.ACCEPTED, 5)]
    assert asked(x, ring, M.REPLACE, 3, side, near) == [(K.CANCELLED, 0)]
    assert asked(x, ring, M.REPLACE, 3, side, near - side) == [], "it is gone"


@pytest.mark.parametrize("tif", [K.GTC, K.IOC, K.GTD, K.DAY])
def test_a_limit_rests_until_its_sender_ends_it_unless_it_is_immediate(tif: int) -> None:
    x, ring, _memory = empty()
    order = submit(T0, 1, 1, 5, 128_000, tif)
    clients.handle_now(x, order.ctypes.data)
    orderbook.execute(x, 0, -1, 5, 0, 0)
    assert fills(ring) == ([] if tif == K.IOC else [(1, 5, 128_000, K.MAKER)])


def test_post_only_meets_an_empty_side() -> None:
    x, ring, _memory = empty()
    assert asked(x, ring, M.SUBMIT, 1, 1, 128_000) == [(K.ACCEPTED, 0)]


@pytest.mark.parametrize(
    ("lots", "told"), [(R.POST_ONLY, [R.POST_ONLY]), (0, []), (R.LAST + 1, []), (-1, [])]
)
def test_why_a_venue_refused_is_journalled_where_it_is_a_rule(lots: int, told: list[int]) -> None:
    engine = small_engine(venue=K.VENUE_EXTERNAL, live=True)
    out = Ring(1 << 4)
    engine.header["out"] = out.address
    for message in (
        quote(T0, 99, 101),
        submit(T0, OWN, 1, 5, 100, exec_flags=K.POST_ONLY),
        report(T0, OWN, K.REJECTED, qty=lots),
    ):
        assert engine.step(message) == K.FAULT_NONE
    assert out.take().view(M.ORDER_SLOTS)["exec_flags"].tolist() == [K.POST_ONLY]
    assert rows_of(engine, M.ORDER_ROW)["code"].tolist()[-1] == K.REJECTED
    assert rows_of(engine, M.DENIAL_ROW)["code"].tolist() == told


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_own_order_waits_for_the_queue_before_it(seed: int) -> None:
    """Fills come only after at least the lots that stood before it were traded or cancelled."""
    made, book = exchange(seed), Book()
    for row in taken(made):
        if row["kind"] == M.DEPTH:
            book.set(row)
    tick, ahead = book.touch[0] - 1, book.sides[1].get(book.touch[0] - 1, 0)
    order = submit(T0, OWN, 1, 4_000, tick)
    clients.handle_now(made.address, order.ctypes.data)
    gone, filled, before = 0, [], ahead
    for _ in range(6_000):
        for each in messages(taken(made, 2_048)):
            if each["kind"][0] == M.DEPTH and each["a"][0] == tick and each["c"][0] == 1:
                gone += max(0, before - int(each["b"][0]))
                before = int(each["b"][0])
            elif each["kind"][0] == M.REPORT:
                report = each.copy().view(M.ORDER_SLOTS)[0]
                if report["code"] == K.FILLED:
                    filled.append(int(report["qty"]))
                    assert gone >= ahead + sum(filled), "filled before its turn"
                    assert report["price"] == tick
                    assert report["liquidity"] == K.MAKER
        if sum(filled) == 4_000:
            break
        made.generate(100)
    assert sum(filled) == 4_000
    assert len(filled) > 1, "filled in part"


def test_a_market_order_walks_the_book_and_the_rest_expires() -> None:
    made = exchange()
    taken(made)
    order = submit(T0, OWN, 1, 10**9)
    clients.handle_now(made.address, order.ctypes.data)
    reports = [m.copy().view(M.ORDER_SLOTS)[0] for m in messages(taken(made)) if len(m) == 2]
    prices = [int(r["price"]) for r in reports if r["code"] == K.FILLED]
    assert prices == sorted(prices)
    assert len(set(prices)) > 5
    assert int(reports[-1]["code"]) == K.EXPIRED
    made.generate(2_000)  # and the market heals
    assert any(row["kind"] == M.QUOTE for row in taken(made))


def test_a_ring_that_nobody_reads_is_refused_and_not_lost_in_silence() -> None:
    made = SimulatedExchange(["BTCUSDT"], seed=1, start=T0, ring_slots=1 << 11)
    with pytest.raises(VenueError, match="market-data ring of 2048 slots is full"):
        made.generate(20_000)


def test_unknown_symbol_names_the_nearest() -> None:
    with pytest.raises(VenueError, match="Did you mean BTCUSDT"):
        SimulatedExchange(["BTCUSD"])


# --- what the model is for ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def statistics() -> dict[str, Any]:
    """Figures of 100,000 arrivals: spreads and profile sampled each hundredth, trade prices."""
    made, book = exchange(11), Book()
    spreads, trades, profiles = [], [], []
    for slots in emitted(made, 100_000):
        quotes = slots[slots["kind"] == M.QUOTE]
        spreads.append(quotes["c"] - quotes["a"])
        trades.append(slots["a"][slots["kind"] == M.TRADE])
        for row in slots[slots["kind"] == M.DEPTH]:
            book.set(row)
        bid, _, ask, _ = book.touch
        profiles.append([book.sides[1].get(bid - k, 0) for k in range(30)])
        profiles.append([book.sides[-1].get(ask + k, 0) for k in range(30)])
    return {
        "spread": np.concatenate(spreads),
        "price": np.concatenate(trades),
        "profile": np.mean(profiles, axis=0),
        "mean_lot": float(made._sims()[0]["mean_lot"]),
    }


def test_rates_are_those_of_the_paper() -> None:
    """Cont, Stoikov and Talreja (2010), Table 1, Sky Perfect Communications."""
    assert LIMIT_RATES == (1.85, 1.51, 1.09, 0.88, 0.77)
    assert CANCEL_RATES == (0.71, 0.81, 0.68, 0.56, 0.47)
    assert MARKET_RATE == 0.94
    assert (POWER_K, POWER_ALPHA) == (1.92, 0.52)


def test_the_spread_is_most_often_one_tick(statistics: dict[str, Any]) -> None:
    """A mean of one to three ticks, one tick in half to nine tenths of the quotes.

    In Cont, Stoikov and Talreja (2010) limit orders arrive fastest next to the opposite best price
    (Table 1), so a wide spread closes within a fraction of a second; their probabilities are all
    computed for spreads of one to a few ticks (section 5).
    """
    spread = statistics["spread"]
    assert spread.min() == 1
    assert 1.2 < spread.mean() < 3.0
    assert 0.5 < (spread == 1).mean() < 0.9


def test_depth_behind_the_touch_is_that_of_the_rates(statistics: dict[str, Any]) -> None:
    """Levels that trades don't reach hold lambda(i) / theta(i) orders on average.

    In the model (Cont, Stoikov and Talreja 2010, section 3) such a level is an M/M/infinity queue.
    The touch is deepest, because orders arrive fastest there; from the sixth tick on the power law
    of the paper's equation for lambda(i) makes depth fall. Ranges leave room for i moving with the
    spread and for the sample's noise.
    """
    orders = statistics["profile"] / statistics["mean_lot"]
    distance = np.arange(30) + statistics["spread"].mean()
    expected = POWER_K / distance**POWER_ALPHA / CANCEL_RATES[-1]
    ratio = orders[6:26] / expected[6:26]
    assert 0.8 < ratio.mean() < 1.25
    assert orders.argmax() == 0
    assert orders[3:8].mean() > orders[10:15].mean() > orders[20:25].mean()


def test_trade_prices_bounce_and_have_heavy_tails(statistics: dict[str, Any]) -> None:
    """Lag-1 autocorrelation of trade-price returns is negative; later lags small; heavy tails.

    Cont (2001), "Empirical properties of asset returns", section 3: transaction prices bounce
    between bid and ask, other autocorrelations are insignificant, tails are heavy at short
    horizons. Roll (1984) bounds a pure bounce at -0.5.
    """
    returns = np.diff(np.log(statistics["price"]))
    lags = [np.corrcoef(returns[:-k], returns[k:])[0, 1] for k in range(1, 11)]
    assert -0.5 < lags[0] < -0.05
    assert max(abs(lag) for lag in lags[3:]) < 0.1
    assert (returns**4).mean() / (returns**2).mean() ** 2 > 3.0
