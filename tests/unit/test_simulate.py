"""``af.simulate``: a market from a seed, whole frames, times within its window, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from booked import Books

import alphaforge as af
from alphaforge.data.recording import book_at, frame_gaps
from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.engine import Engine
from alphaforge.errors import ConfigError, DataError, VenueError
from alphaforge.units import to_ns

START = to_ns("2026-01-02 14:30")
MINUTE = 60_000_000_000
KINDS = {M.TRADE, M.QUOTE, M.DEPTH, M.BOOK}


@pytest.fixture(scope="module")
def market() -> Any:
    return af.simulate(over="1m", seed=3)


def test_the_same_seed_is_the_same_market(market: Any) -> None:
    again = af.simulate(over="1m", seed=3)
    assert again.events.tobytes() == market.events.tobytes()
    other = af.simulate(over="1m", seed=4)
    assert other.events.tobytes() != market.events.tobytes()
    longer = af.simulate(over="2m", seed=3).events
    inside = longer[longer["ts"] < START + MINUTE]
    assert inside.tobytes() == market.events.tobytes()  # how long is asked for changes nothing


def test_times_lie_within_the_window_and_never_go_back(market: Any) -> None:
    ts = market.events["ts"]
    assert ts[0] >= START
    assert ts[-1] < START + MINUTE
    assert (np.diff(ts) >= 0).all()
    assert (market.events["ts_recv"] == ts).all()
    assert (np.diff(market.events["seq"]) == 1).all()
    assert set(market.events["kind"].tolist()) == KINDS
    moved = af.simulate(over="1m", seed=3, start="2030-05-05")
    shift = to_ns("2030-05-05") - START
    assert (moved.events["ts"] - shift == ts).all()


def test_frames_are_whole(market: Any) -> None:
    """A head, the changes of one time, and only the last without ``MORE``."""
    events = market.events
    kind, more = events["kind"], (events["code"] & M.MORE) != 0
    inside = np.isin(kind, (M.BOOK, M.DEPTH))
    heads = np.flatnonzero(kind == M.BOOK)
    ends = np.flatnonzero(inside & ~more)
    assert heads.size == ends.size > 100
    assert (heads < ends).all()
    assert (ends[:-1] < heads[1:]).all()
    for head, end in zip(heads.tolist(), ends.tolist(), strict=True):
        assert (kind[head + 1 : end + 1] == M.DEPTH).all()
        assert (events["ts"][head : end + 1] == events["ts"][head]).all()
    assert not more[~inside].any()
    assert len(set(events["ts"][heads].tolist())) == heads.size  # one frame a time
    assert not frame_gaps(events[heads]).any()
    assert (events["code"][heads] & M.SNAPSHOT != 0).tolist() == [True] + [False] * (heads.size - 1)


def test_what_is_told_of_one_time_is_in_the_order_of_venues(market: Any) -> None:
    place = np.select([market.events["kind"] == k for k in (M.TRADE, M.QUOTE)], [0, 2], 1)
    same = np.diff(market.events["ts"]) == 0
    assert (np.diff(place)[same] >= 0).all()


def test_the_book_is_never_crossed_and_ends_where_the_quotes_say(market: Any) -> None:
    books = Books(1, levels=1 << 14)
    frames = market.events[np.isin(market.events["kind"], (M.BOOK, M.DEPTH))]
    ends = np.flatnonzero((frames["code"] & M.MORE) == 0) + 1
    start = 0
    for end in ends.tolist():
        books.apply(frames[start:end].copy())
        start = end
        assert books[0]["state"] == K.BOOK_GOOD
        assert books[0]["best_bid"] < books[0]["best_ask"]
    quote = market.events[market.events["kind"] == M.QUOTE][-1]
    assert (quote["a"], quote["c"]) == (books[0]["best_bid"], books[0]["best_ask"])


def test_a_window_begins_with_the_book(market: Any) -> None:
    at = START + MINUTE // 2
    window = market.window(at, START + MINUTE)
    before = market.events[market.events["ts"] < at]
    assert window.events[0]["code"] & M.SNAPSHOT
    assert book_at(before, at).size > 10
    ends = []
    for events in (window.events, market.events):
        books = Books(1, levels=1 << 14)
        books.apply(events[np.isin(events["kind"], (M.BOOK, M.DEPTH))].copy())
        assert books[0]["state"] == K.BOOK_GOOD
        ends.append((int(books[0]["best_bid"]), int(books[0]["best_ask"])))
    assert ends[0] == ends[1]


def test_what_is_counted(market: Any) -> None:
    table = market.frame()
    assert table["read"].tolist() == table["messages"].tolist()
    assert table.loc["snapshot", "messages"] == 1
    assert table.loc["trade", "messages"] > 50
    assert (market.trades()["side"].abs() == 1).all()
    assert market.instrument.simulated


def test_an_engine_runs_it(market: Any) -> None:
    engine = Engine("USDT", venue=af.Venue(depth="L2"), capacities=L.Capacities(levels=1 << 14),
                    journal_rows=1 << 19)  # fmt: skip
    engine.add_instrument(market.instrument)
    size = engine.run(market.events.copy(), np.zeros(1, np.int64), lambda: None)
    assert (size, engine.fault) == (market.events.nbytes, K.FAULT_NONE)
    assert int(L.pool(engine.block, "books")[0]["state"]) == K.BOOK_GOOD


@pytest.mark.parametrize("symbol", ["ETHUSDT", "SOLUSDT"])
def test_the_other_markets(symbol: str) -> None:
    made = af.simulate(symbol, over="20s")
    assert made.instrument.symbol == symbol
    assert len(made) > 100
    assert set(made.events["instrument"].tolist()) == {0}


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"symbol": "BTCUSD"}, VenueError, r"BTCUSD.*Did you mean BTCUSDT\?"),
        ({"over": "ten minutes"}, ConfigError, "over must be a number and a unit like"),
        ({"over": 10}, ConfigError, "over must be a number and a unit like"),
        ({"over": "0s"}, ConfigError, "over must be longer than 0"),
        ({"over": "100000d"}, ConfigError, "over must be longer than 0 and end before"),
        ({"over": "-1m"}, ConfigError, "over must be a number and a unit like"),
        ({"seed": -1}, ConfigError, r"seed must be from 0 to 2\*\*63 - 1, not -1"),
        ({"seed": 1.5}, ConfigError, r"seed must be a whole number from 0, not 1\.5"),
        ({"seed": "x"}, ConfigError, "seed must be a whole number from 0, not 'x'"),
        ({"seed": None}, ConfigError, "seed must be a whole number from 0, not None"),
        ({"seed": True}, ConfigError, "seed must be a whole number from 0, not True"),
        ({"start": "yesterday"}, DataError, "a time must be a datetime, an ISO string"),
    ],
    ids=str,
)
def test_bad_input(given: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        af.simulate(**given)
