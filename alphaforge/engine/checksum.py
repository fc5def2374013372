"""What exchanges sum up of their books' best levels, so that a reader finds its own copy is right.

A CRC-32 (IEEE 802.3, as zlib's) over text that is made digit by digit from ticks and lots; nothing
is allocated. Two ways of writing that text:

``CHECKSUM_KRAKEN``
    Kraken, WebSocket API v1 and v2, channel ``book``: the best ten asks upwards, then the best ten
    bids downwards; of each the price and the volume, without the point and without leading zeros.
    As many decimals as the exchange sends, which may be more than the tick has: ``price_digits``
    and ``lot_digits`` of the book. https://docs.kraken.com/api/docs/guides/spot-ws-book-v1
``CHECKSUM_OKX``
    OKX, API v5, channel ``books``: ``bid:size:ask:size`` of the best level, the next and so on,
    25 in all, then what the deeper side has alone, joined by colons; numbers without trailing
    zeros. Sent as a signed int32; always 0 from June 2026 on, by OKX's notice of 21 May 2026, and
    then no checksum. https://www.okx.com/docs-v5/en/

A reader of a feed of limited depth removes the levels that fall out of it, which Kraken doesn't.
"""

from __future__ import annotations

import numpy as np

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.block import book, instrument
from alphaforge.engine.jit import hot, kernel
from alphaforge.engine.levels import best_of, lots_at, next_level

_KRAKEN_LEVELS, _OKX_LEVELS = 10, 25
_POLYNOMIAL = 0xEDB88320  # reflected
_POINT, _COLON, _ZERO = ord("."), ord(":"), ord("0")
_MASK = 0xFFFFFFFF
_MOST_DIGITS = 18


def _table():
    """The checksum of each byte alone."""
    words = np.arange(256, dtype=np.int64)
    for _ in range(8):
        words = (words >> 1) ^ np.where(words & 1, _POLYNOMIAL, 0)
    return words


_TABLE = _table()


@hot
def crc_byte(crc, byte):
    """A CRC-32 with one byte more. It begins as, and is finally xored with, 0xFFFFFFFF."""
    return (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]


@kernel
def _digits(crc, value, power):
    """The digits of a number from that of a power of ten on down."""
    while power > 0:
        digit = value // power
        value -= digit * power
        crc = crc_byte(crc, _ZERO + digit)
        power //= 10
    return crc


@kernel
def _highest_power(value):
    """The power of ten of a number's first digit; 1 for 0."""
    power = 1
    while power <= value // 10:
        power *= 10
    return power


@kernel
def _decimals(num, den):
    """``(factor, decimals)``: ``num / den`` is ``factor / 10**decimals``, with the fewest."""
    decimals = 0
    while num % den != 0 and decimals < _MOST_DIGITS:
        num *= 10
        decimals += 1
    return num // den, decimals


@kernel
def _plain(crc, value, num, den, digits):
    """``value * num / den`` without point and leading zeros, with at least so many decimals."""
    factor, decimals = _decimals(num, den)
    value *= factor
    while decimals < digits:
        value *= 10
        decimals += 1
    return _digits(crc, value, _highest_power(value))


@kernel
def _shortest(crc, value, num, den):
    """``value * num / den`` as a decimal without trailing zeros."""
    factor, decimals = _decimals(num, den)
    value *= factor
    while decimals > 0 and value % 10 == 0:
        value //= 10
        decimals -= 1
    point = 1
    for _ in range(decimals):
        point *= 10
    whole = value // point
    crc = _digits(crc, whole, _highest_power(whole))
    if decimals > 0:
        crc = _digits(crc_byte(crc, _POINT), value - whole * point, point // 10)
    return crc


@kernel
def _kraken_side(m, b, side, crc):
    k = book(m, b)
    i = instrument(m, k.instrument)
    tick = best_of(m, b, side)
    for _ in range(_KRAKEN_LEVELS):
        if tick == L.NO_PRICE:
            break
        lots = lots_at(m, b, side, tick)
        crc = _plain(crc, tick, i.price_num, i.price_den, k.price_digits)
        crc = _plain(crc, lots, i.lot_num, i.lot_den, k.lot_digits)
        tick = next_level(m, b, side, tick)
    return crc


@kernel
def _okx_level(m, b, side, tick, crc):
    """A level and a colon before it, if it isn't the first."""
    i = instrument(m, book(m, b).instrument)
    if crc != _MASK:
        crc = crc_byte(crc, _COLON)
    crc = crc_byte(_shortest(crc, tick, i.price_num, i.price_den), _COLON)
    return _shortest(crc, lots_at(m, b, side, tick), i.lot_num, i.lot_den)


@kernel
def _okx(m, b, crc):
    bid, ask = best_of(m, b, 1), best_of(m, b, -1)
    for _ in range(_OKX_LEVELS):
        if bid != L.NO_PRICE:
            crc = _okx_level(m, b, 1, bid, crc)
            bid = next_level(m, b, 1, bid)
        if ask != L.NO_PRICE:
            crc = _okx_level(m, b, -1, ask, crc)
            ask = next_level(m, b, -1, ask)
    return crc


@kernel
def book_checksum(m, b):
    """The CRC-32 of a book in the way of its ``checksum_kind``, unsigned; UNKNOWN without one.

    Prices and lots are positive. Cost: 1 us Kraken, 4 us OKX.
    """
    kind = book(m, b).checksum_kind
    if kind == K.CHECKSUM_KRAKEN:
        return _kraken_side(m, b, 1, _kraken_side(m, b, -1, _MASK)) ^ _MASK
    if kind == K.CHECKSUM_OKX:
        return _okx(m, b, _MASK) ^ _MASK
    return L.UNKNOWN
