"""Checksums of books: against zlib, and each one that Kraken and OKX sent in recorded sessions."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from booked import ASK, BID, Books, frame
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.book import set_level
from alphaforge.engine.checksum import book_checksum, crc_byte
from alphaforge.engine.jit import JIT

CAPTURES = Path(__file__).parents[3] / "shared" / "data" / "cryptofeed_ws"
EXAMPLES = 100 if JIT else 15


def define(books: Books, b: int, kind: int, tick: str, lot: str, digits: tuple[int, int]) -> None:
    book, instrument = books[b], L.pool(books.block, "instruments")[b]
    book["checksum_kind"] = kind
    book["price_digits"], book["lot_digits"] = digits
    for name, step in (("price", tick), ("lot", lot)):
        instrument[f"{name}_num"], instrument[f"{name}_den"] = Decimal(step).as_integer_ratio()


# --- made-up books -------------------------------------------------------------------------------


@given(st.binary(max_size=100))
def test_a_byte_after_the_other_equals_zlib(text: bytes) -> None:
    crc = 0xFFFFFFFF
    for byte in text:
        crc = int(crc_byte(crc, byte))
    assert crc ^ 0xFFFFFFFF == zlib.crc32(text)


def kraken_text(sides: dict[int, dict[int, int]], tick: Decimal, lot: Decimal, digits: Any) -> str:
    def written(count: int, step: Decimal, decimals: int) -> str:
        return f"{count * step:.{decimals}f}".replace(".", "").lstrip("0")

    return "".join(
        written(t, tick, digits[0]) + written(n, lot, digits[1])
        for side in (ASK, BID)
        for t, n in sorted(sides[side].items(), reverse=side > 0)[:10]
    )


def shortest(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def okx_text(sides: dict[int, dict[int, int]], tick: Decimal, lot: Decimal) -> str:
    best = {s: sorted(sides[s].items(), reverse=s > 0)[:25] for s in (BID, ASK)}
    parts = []
    for n in range(25):
        for side in (BID, ASK):
            if n < len(best[side]):
                t, lots = best[side][n]
                parts += [shortest(t * tick), shortest(lots * lot)]
    return ":".join(parts)


levels = st.dictionaries(st.integers(1, 9_999), st.integers(1, 10**9), max_size=30)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    levels,
    levels,
    st.sampled_from(["0.01", "0.0005", "10", "0.25", "1", "0.00000001"]),
    st.sampled_from(["1", "0.00000001", "0.5", "100"]),
    st.tuples(st.integers(0, 1), st.integers(0, 1)),
)
def test_made_up_books_equal_zlib_over_their_text(bids, asks, tick, lot, more) -> None:
    books = Books(1)
    sides = {BID: bids, ASK: {10_000 + t: n for t, n in asks.items()}}
    for side, of_side in sides.items():
        for t, n in of_side.items():
            set_level(books.address, 0, side, t, n)
    own = [-int(Decimal(step).normalize().as_tuple().exponent) for step in (tick, lot)]
    digits = [max(0, n) + 2 * extra for n, extra in zip(own, more, strict=True)]
    define(books, 0, K.CHECKSUM_KRAKEN, tick, lot, (digits[0], digits[1]))
    expected = zlib.crc32(kraken_text(sides, Decimal(tick), Decimal(lot), digits).encode())
    assert book_checksum(books.address, 0) == expected
    books[0]["checksum_kind"] = K.CHECKSUM_OKX
    expected = zlib.crc32(okx_text(sides, Decimal(tick), Decimal(lot)).encode())
    assert book_checksum(books.address, 0) == expected
    books[0]["checksum_kind"] = K.CHECKSUM_NONE
    assert book_checksum(books.address, 0) == L.UNKNOWN


@pytest.mark.parametrize("signed", [False, True])
def test_a_wrong_checksum_makes_the_book_stale(signed: bool) -> None:
    books = Books(1)
    define(books, 0, K.CHECKSUM_OKX, "0.1", "1", (0, 0))
    right = zlib.crc32(b"0.5:3:0.7:2")
    sent = right - 2**32 if signed else right
    books.apply(frame([(BID, 5, 3), (ASK, 7, 2)], checksum=sent, snapshot=True))
    assert int(books[0]["state"]) == K.BOOK_GOOD
    books.apply(frame([(BID, 5, 4)])[1:])  # of no frame
    books.apply(frame([(BID, 5, 4)]))  # none sent: not compared
    assert int(books[0]["state"]) == K.BOOK_GOOD
    books.apply(frame([(BID, 4, 4)], checksum=sent))
    found = zlib.crc32(b"0.5:4:0.7:2:0.4:4")
    assert books.rows() == [(K.BOOK_CHECKSUM, right, found, 0, 0)]
    assert books.apply(frame([(BID, 4, 0), (BID, 5, 3)], checksum=sent)) == 0
    books.apply(frame([(BID, 5, 3), (ASK, 7, 2)], checksum=sent, snapshot=True))
    assert int(books[0]["state"]) == K.BOOK_GOOD


# --- recorded sessions ---------------------------------------------------------------------------


def recorded(name: str) -> Iterator[Any]:
    """What came in, message by message."""
    path = CAPTURES / name
    if not path.exists():
        pytest.skip(f"no recorded session {path}")
    for line in path.read_text().splitlines():
        if line[:1].isdigit():
            yield json.loads(line.split(": ", 1)[1])


def steps(text: str, step: str) -> int:
    count = Decimal(text) / Decimal(step)
    assert count == int(count), "the recorded number isn't on the step"
    return int(count)


# As sent in April 2021: tick of the pair, decimals on the wire. Volumes have eight.
KRAKEN = {
    "ADA/XBT": ("0.00000001", 9),
    "XBT/CHF": ("0.1", 5),
    "OMG/USD": ("0.000001", 6),
    "OCEAN/XBT": ("0.00000001", 9),
    "ETH/CHF": ("0.01", 5),
    "SC/EUR": ("0.00001", 6),
    "GRT/ETH": ("0.0000001", 9),
    "KSM/XBT": ("0.000001", 8),
    "XMR/USD": ("0.01", 8),
    "WAVES/EUR": ("0.0001", 6),
}
LOT = "0.00000001"
GRT = list(KRAKEN).index("GRT/ETH")


def kraken_frames() -> Iterator[tuple[int, np.ndarray]]:
    """WebSocket API v1, channel ``book-1000``: as and bs a snapshot, a and b changes, c the sum."""
    pairs = list(KRAKEN)
    for message in recorded("KRAKEN.ws.50.0"):
        if not isinstance(message, list):
            continue
        i = pairs.index(message[-1])
        parts = {name: part for each in message[1:-2] for name, part in each.items()}
        levels = [
            (BID if name[0] == "b" else ASK, steps(row[0], KRAKEN[pairs[i]][0]), steps(row[1], LOT))
            for name in ("as", "bs", "a", "b")
            for row in parts.get(name, ())
        ]
        sent = int(parts.get("c", -1))
        yield i, frame(levels, checksum=sent, snapshot="as" in parts, i=i)


OKX = {
    "BTC-USD-220527": ("0.1", "1"),
    "UNI-USD-SWAP": ("0.001", "1"),
    "BTC-USDT": ("0.1", "0.00000001"),
}
UNI = list(OKX).index("UNI-USD-SWAP")


def okx_frames() -> Iterator[tuple[int, np.ndarray]]:
    """API v5, channel ``books``: 400 levels, the sum a signed int32."""
    names = list(OKX)
    for message in recorded("OKX.ws.1.0"):
        if message.get("arg", {}).get("channel") != "books" or "data" not in message:
            continue
        i = names.index(message["arg"]["instId"])
        tick, lot = OKX[names[i]]
        (data,) = message["data"]
        levels = [
            (side, steps(row[0], tick), steps(row[1], lot))
            for side, key in ((ASK, "asks"), (BID, "bids"))
            for row in data[key]
        ]
        sent = int(data["checksum"])
        yield i, frame(levels, checksum=sent, snapshot=message["action"] == "snapshot", i=i)


def some(frames: Iterator[tuple[int, np.ndarray]], b: int) -> list[tuple[int, np.ndarray]]:
    """All frames; with the JIT off those of one small book alone."""
    return [each for each in frames if JIT or each[0] == b]


def replay(books: Books, frames: list[tuple[int, np.ndarray]]) -> int:
    """Apply each frame; how many checksums were compared, each of them right."""
    compared = 0
    for i, each in frames:
        assert books.apply(each) == each.size
        assert books.rows() == []
        assert int(books[i]["state"]) == K.BOOK_GOOD
        compared += int(each["d"][0]) != L.UNKNOWN
    return compared


@pytest.mark.parametrize("window", [64, 4096])
def test_each_checksum_that_kraken_sent(window: int) -> None:
    books = Books(len(KRAKEN), levels=window, far=1 << (15 if JIT else 8))
    for b, (tick, digits) in enumerate(KRAKEN.values()):
        define(books, b, K.CHECKSUM_KRAKEN, tick, LOT, (digits, 8))
    assert replay(books, some(kraken_frames(), GRT)) == (4_269 if JIT else 20)
    assert int(books.header["book_faults"]) == 0


@pytest.mark.parametrize("window", [64, 8192])
def test_each_checksum_that_okx_sent(window: int) -> None:
    books = Books(len(OKX), levels=window, far=1 << 12)
    for b, (tick, lot) in enumerate(OKX.values()):
        define(books, b, K.CHECKSUM_OKX, tick, lot, (0, 0))
    assert replay(books, some(okx_frames(), UNI)[: 290 if JIT else 9]) == (290 if JIT else 9)


@pytest.mark.parametrize("frames", [kraken_frames, okx_frames])
def test_one_lost_change_is_found(frames: Any) -> None:
    """A frame left out that had changed the sum: the next one of its book doesn't fit."""
    books = Books(len(KRAKEN), far=1 << (15 if JIT else 10))
    for b, (tick, more) in enumerate((KRAKEN if frames is kraken_frames else OKX).values()):
        if frames is kraken_frames:
            define(books, b, K.CHECKSUM_KRAKEN, tick, LOT, (int(more), 8))
        else:
            define(books, b, K.CHECKSUM_OKX, tick, str(more), (0, 0))
    sums: dict[int, int] = {}
    lost = -1
    for i, each in some(frames(), GRT if frames is kraken_frames else UNI):
        sent = int(each["d"][0])
        if lost < 0 and sums.get(i, L.UNKNOWN) not in (sent, L.UNKNOWN):
            lost = i
            continue
        sums[i] = sent
        books.apply(each)
        if books.rows():
            break
    ((state, _, _, _, b),) = books.rows()
    assert (state, b) == (K.BOOK_CHECKSUM, lost)
