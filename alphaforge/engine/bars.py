"""Time bars from trades: one kernel, batch and live, bit for bit.

A bar covers [open time, close time). It closes when a trade at or past its close time arrives, or
when the source says that nothing earlier will follow (a watermark). Intervals without a trade have
no bar. A trade before the open bar's start, or before the end of the last closed bar, is late: it
is counted and put into the open or the next bar, so that no two bars have the same time.
"""

from __future__ import annotations

from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.atomic import load_i8, mul_overflows
from alphaforge.engine.block import bar_at, builder, builder_at, engine_at, instrument, pending_bar
from alphaforge.engine.jit import entry, kernel
from alphaforge.engine.journal import journal_row

_MOST = 2**63 - 1
_WEEK = 7 * 86_400_000_000_000
_MONDAY = 4 * 86_400_000_000_000  # 1970-01-05; the epoch was a Thursday


@kernel
def bar_start(ts, interval):
    """The start of the interval that holds ``ts``; weeks begin on Monday, UTC."""
    anchor = _MONDAY if interval % _WEEK == 0 else 0
    return (ts - anchor) // interval * interval + anchor


@kernel
def _begin(b, ts, price):
    b.ts_open = bar_start(ts, b.interval)
    b.ts_close = b.ts_open + b.interval
    b.open = price
    b.high = price
    b.low = price
    b.volume = 0
    b.notional = 0
    b.buy_volume = 0
    b.trades = 0
    b.ts_first = ts


@kernel
def _write(b, address):
    """Copy the builder's bar out as a bar event and leave the builder empty."""
    bar = bar_at(address)
    bar.seq = b.closed
    bar.ts = b.ts_close
    bar.ts_recv = 0
    bar.kind = M.BAR
    bar.code = 0
    bar.instrument = b.instrument
    bar.check = 0
    bar.open = b.open
    bar.high = b.high
    bar.low = b.low
    bar.close = b.close
    bar.volume = b.volume
    bar.notional = b.notional
    bar.buy_volume = b.buy_volume
    bar.trades = b.trades
    bar.ts_open = b.ts_open
    bar.ts_first = b.ts_first
    bar.ts_last = b.ts_last
    bar.interval = b.interval
    b.closed += 1
    b.trades = 0


@kernel
def add_trade(b, ts, price, lots, side, out):
    """Put a trade into a builder.

    Parameters
    ----------
    b : BUILDER record
    out : address of room for one bar

    Returns
    -------
    int
        1 where a bar was closed into ``out``, plus 2 where the trade was late.
    """
    code = 0
    if b.trades > 0 and ts >= b.ts_close:
        _write(b, out)
        code = 1
    if b.trades == 0:
        if b.closed > 0 and ts < b.ts_close:
            code += 2
            ts = b.ts_close
        _begin(b, ts, price)
    elif ts < b.ts_open:
        code += 2
    if price > b.high:
        b.high = price
    if price < b.low:
        b.low = price
    b.close = price
    b.volume += lots
    if mul_overflows(price, lots) or b.notional > _MOST - price * lots or b.notional < 0:
        b.notional = L.UNKNOWN
    else:
        b.notional += price * lots
    if side > 0:
        b.buy_volume += lots
    b.trades += 1
    b.ts_last = ts
    return code


@kernel
def journal_bar(m, address, k):
    """Two rows: prices, then volumes; the second has the bar's number as its receive time."""
    bar = bar_at(address)
    journal_row(
        m, M.BAR_ROW, k, bar.instrument, bar.ts, bar.ts_open, bar.open, bar.high, bar.low, bar.close
    )
    journal_row(
        m,
        M.MORE_ROW,
        k,
        bar.instrument,
        bar.ts,
        bar.seq,
        bar.volume,
        bar.notional,
        bar.buy_volume,
        bar.trades,
    )


@kernel
def trade_to_builders(m, i, ts, price, lots, side):
    """Feed every builder of an instrument; closed bars go to the pending list and the journal."""
    h = engine_at(m)
    k = instrument(m, i).first_builder
    while k >= 0:
        b = builder(m, k)
        out = pending_bar(m, h.pending_used)
        code = add_trade(b, ts, price, lots, side, out)
        if code & 1:
            h.pending_used += 1
            h.bars += 1
            journal_bar(m, out, k)
        if code & 2:
            h.late_trades += 1
        k = b.next


@kernel
def close_until(m, watermark):
    """Close every bar that ends at or before a time that nothing earlier will follow."""
    h = engine_at(m)
    for k in range(h.builders_used):
        b = builder(m, k)
        if b.trades > 0 and b.ts_close <= watermark:
            out = pending_bar(m, h.pending_used)
            _write(b, out)
            h.pending_used += 1
            h.bars += 1
            journal_bar(m, out, k)


@entry("int64(int64, int64, int64, int64, int64, int64, int64, int64)")
def bars_from_trades(b_address, count, ts, price, lots, side, out, room):
    """The same builder over arrays.

    Parameters
    ----------
    b_address : address of a BUILDER record; keeps its forming bar between calls
    ts, price, lots, side : addresses of int64 arrays of ``count``; ns UTC, ticks, lots, +1/-1/0
    out, room : address of BAR_SLOTS records and how many fit

    Returns
    -------
    int
        Bars written, or -1 where they didn't fit.
    """
    b = builder_at(b_address)
    closed = 0
    for n in range(count):
        if closed >= room:
            return -1
        at = 8 * n
        code = add_trade(
            b,
            load_i8(ts + at),
            load_i8(price + at),
            load_i8(lots + at),
            load_i8(side + at),
            out + closed * M.BAR_SLOTS_BYTES,
        )
        closed += code & 1
    return closed


@entry("void(int64, int64, int64, int64, int64)")
def pack_bars(out, count, columns, instrument_index, interval):
    """Columns to bar events, row by row: one pass over memory where NumPy would need twelve.

    Parameters
    ----------
    out : address of ``count`` BAR_SLOTS records
    columns : address of seven addresses of int64 arrays: open time, close time, open, high, low,
        close, volume
    """
    opened, closed = load_i8(columns), load_i8(columns + 8)
    first, high = load_i8(columns + 16), load_i8(columns + 24)
    low, last, volume = load_i8(columns + 32), load_i8(columns + 40), load_i8(columns + 48)
    for n in range(count):
        bar = bar_at(out + n * M.BAR_SLOTS_BYTES)
        at = 8 * n
        bar.seq = n
        bar.ts = load_i8(closed + at)
        bar.ts_recv = 0
        bar.kind = M.BAR
        bar.code = 0
        bar.instrument = instrument_index
        bar.check = 0
        bar.open = load_i8(first + at)
        bar.high = load_i8(high + at)
        bar.low = load_i8(low + at)
        bar.close = load_i8(last + at)
        bar.volume = load_i8(volume + at)
        bar.notional = 0
        bar.buy_volume = 0
        bar.trades = 0
        bar.ts_open = load_i8(opened + at)
        bar.ts_first = bar.ts_open
        bar.ts_last = bar.ts
        bar.interval = interval
