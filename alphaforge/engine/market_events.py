"""What a market says, applied: what we learn of it, then what the simulated venue does with it.

Where the feed is late an event comes twice: when the venue knew it (``VENUE_ONLY``), and when we
are told (``LOCAL_ONLY``). Everything else is both at once.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import rules as R
from alphaforge.engine.algorithms import follow_volume
from alphaforge.engine.barpath import is_touched, match_bar
from alphaforge.engine.bars import trade_to_builders
from alphaforge.engine.block import (
    bar_at,
    book,
    engine_at,
    exchange,
    instrument,
    market,
    order,
    queued,
    resting,
    slot_at,
    venue,
)
from alphaforge.engine.book import (
    apply_depth,
    apply_order,
    begin_frame,
    best_of,
    end_frame,
    lots_at,
)
from alphaforge.engine.emulation import watch_emulated
from alphaforge.engine.exchange import reopen, trigger_waiting
from alphaforge.engine.executions import execute
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.matching import ALL, become_limit, eager_orders, market_crossed, withdraw
from alphaforge.engine.money import share
from alphaforge.engine.portfolio import mark
from alphaforge.engine.queue import level_changed, queued_left, touch_moved, traded_at
from alphaforge.engine.queued import find_queued
from alphaforge.engine.resting import is_eager
from alphaforge.engine.risk import raise_alert
from alphaforge.engine.terms import REDUCES
from alphaforge.engine.triggers import follow_range, might_trigger
from alphaforge.engine.wire import reducible_there

# --- trades ---------------------------------------------------------------------------------------


@hot
def apply_trade(m, e):
    """A trade: last price, bars, profile; own orders that it meets."""
    t = slot_at(e)
    i = t.instrument
    if t.code & M.VENUE_ONLY == 0:
        h = engine_at(m)
        k = market(m, i)
        k.ts = t.ts
        k.last = t.a
        follow_volume(m, i, t.ts)
        k.volume += t.b
        if k.first == 0:
            k.first = t.a
        h.trades += 1
        if k.marked == 0:
            mark(m, i, t.a)
        trade_to_builders(m, i, t.ts, t.a, t.b, t.d)
        watch_emulated(m, i, t.a, t.a, 1)
    if t.code & M.LOCAL_ONLY == 0:
        x = exchange(m, i)
        x.ts = t.ts
        x.last = t.a
        if x.count > 0 and x.status == K.OPEN:
            _match_trade(m, i, t.a, t.b, t.d)


@part("void(int64, int64, int64, int64, int64)")
def _match_trade(m, i, tick, lots, aggressor):
    """A trade takes from one side of the book; where no quotes are it is the market itself."""
    x = exchange(m, i)
    if x.quoted == 0:
        lots = _eager_by_trade(m, i, tick, lots)
        if aggressor <= 0:
            traded_at(m, i, K.BUY, tick, lots)
        if aggressor >= 0:
            traded_at(m, i, K.SELL, tick, lots)
    elif aggressor < 0 or (aggressor == 0 and 0 < tick <= x.bid):
        traded_at(m, i, K.BUY, tick, lots)
    elif aggressor > 0 or (aggressor == 0 and tick >= x.ask > 0):
        traded_at(m, i, K.SELL, tick, lots)
    trigger_waiting(m, i)


@kernel
def _eager_by_trade(m, i, tick, lots):
    """Without quotes takers get a trade's price, as many lots as it had; how many are left."""
    x = exchange(m, i)
    if x.eager == 0:
        return lots
    whole = venue(m, instrument(m, i).venue).whole == 1
    slot = x.head
    for _ in range(x.count * x.count + 1):  # it may begin anew as often as one leaves
        if slot < 0:
            break
        r = resting(m, slot)
        following = r.next
        if r.state == L.IN_BOOK and is_eager(m, slot):
            o = order(m, slot)
            got = r.leaves if whole else min(r.leaves, lots)
            if o.exec_flags & REDUCES:
                got = min(got, reducible_there(m, slot))
            within = r.price == 0 or (r.price - tick) * o.side >= 0
            if got > 0 and within and (o.tif != K.FOK or got == r.leaves):
                lots -= min(got, lots)
                execute(m, slot, got, tick, engine_at(m).now, K.TAKER)
                if o.type == K.MARKET_TO_LIMIT and r.leaves > 0 and r.price == 0:
                    become_limit(m, slot, tick)
            if r.leaves > 0 and (o.tif == K.IOC or o.tif == K.FOK):
                withdraw(m, slot, K.EXPIRED)
        slot = following
        if slot >= 0 and resting(m, slot).state == L.NOT_THERE:
            slot = x.head
    return lots


# --- quotes ---------------------------------------------------------------------------------------


@hot
def apply_quote(m, e):
    """A best bid and ask."""
    q = slot_at(e)
    i = q.instrument
    depth = venue(m, instrument(m, i).venue).depth
    if q.code & M.VENUE_ONLY == 0:
        k = market(m, i)
        k.ts = q.ts
        if depth == K.L1:
            k.bid = q.a
            k.bid_lot = q.b
            k.ask = q.c
            k.ask_lot = q.d
            if q.a > 0 and q.c > 0:
                k.quoted = 1
                if k.last == 0 and k.marked == 0:  # nothing trades: the middle is what it is worth
                    mark(m, i, (q.a + q.c) // 2)
        if k.emulated > 0:
            watch_emulated(m, i, max(k.last, q.c), min(k.last, q.a) if k.last > 0 else q.a, 0)
    if q.code & M.LOCAL_ONLY == 0 and depth == K.L1:
        x = exchange(m, i)
        if x.count > 0 and x.status == K.OPEN:
            _match_quote(m, e)
        else:
            _set_touch(m, e)


@hot
def _set_touch(m, e):
    """The venue's touch; lots that we took are there again where a side was told anew."""
    q = slot_at(e)
    x = exchange(m, q.instrument)
    if q.a != x.bid or q.b != x.bid_lot:
        x.bid_taken = 0
    if q.c != x.ask or q.d != x.ask_lot:
        x.ask_taken = 0
    x.ts = q.ts
    x.bid = q.a
    x.bid_lot = q.b
    x.ask = q.c
    x.ask_lot = q.d
    if q.a > 0 and q.c > 0:
        x.quoted = 1


@hot
def _match_quote(m, e):
    q = slot_at(e)
    i = q.instrument
    x = exchange(m, i)
    bid, bid_lot, ask, ask_lot = x.bid, x.bid_lot, x.ask, x.ask_lot
    _set_touch(m, e)
    if (x.buy_high >= q.a and q.a >= x.buy_low) or (x.sell_low <= q.c and q.c <= x.sell_high):
        # A price that only now is the touch was deeper before: what stood there isn't known.
        if q.a > 0:
            level_changed(m, i, K.BUY, q.a, bid_lot if q.a == bid else q.b, q.b)
        if q.c > 0:
            level_changed(m, i, K.SELL, q.c, ask_lot if q.c == ask else q.d, q.d)
    _after_touch(m, i)


@hot
def _after_touch(m, i):
    """What a new touch does to own orders: leaves them alone in front, fills, triggers."""
    x = exchange(m, i)
    if x.buy_high > x.bid or x.sell_low < x.ask:
        touch_moved(m, i)
    if x.eager > 0:
        eager_orders(m, i)
    if (x.ask > 0 and x.buy_high >= x.ask) or (x.bid > 0 and x.sell_low <= x.bid):
        market_crossed(m, i)
    if x.eager > 0 or might_trigger(m, i):
        trigger_waiting(m, i)


# --- books ----------------------------------------------------------------------------------------


@hot
def _book_of(m, e):
    """The book that a message is about: the venue's where it says what only the venue knows."""
    s = slot_at(e)
    return s.instrument + (engine_at(m).delayed if s.code & M.VENUE_ONLY else 0)


@part("void(int64, int64)")
def _apply_order(m, e):
    """One order of an L3 book; where it stood says who stands before own orders."""
    s = slot_at(e)
    i = s.instrument
    b = _book_of(m, e)
    slot = -1
    if exchange(m, i).count > 0 and s.code & M.LOCAL_ONLY == 0 and s.kind != M.ORDER_ADD:
        slot = find_queued(m, b, s.a)
    if slot < 0:
        apply_order(m, b, e)
        return
    q = queued(m, slot)
    side, tick, lots, seq = K.SELL if q.row & 1 else K.BUY, q.tick, q.lot, q.seq
    if apply_order(m, b, e) < 0:
        return
    left = 0
    if find_queued(m, b, s.a) >= 0 and queued(m, slot).seq == seq:
        left = queued(m, slot).lot
    if left < lots:
        queued_left(m, i, side, tick, lots - left, seq, s.kind == M.ORDER_EXECUTE)


@kernel
def apply_book_message(m, e, kind):
    """A frame of book changes begins, or one order of an L3 book changes."""
    if kind == M.BOOK:
        begin_frame(m, _book_of(m, e), e)
    else:
        _apply_order(m, e)
    if slot_at(e).code & M.MORE == 0:
        book_changed(m, e)


@hot
def apply_level(m, e):
    """One level of an L2 book."""
    d = slot_at(e)
    i = d.instrument
    before = apply_depth(m, _book_of(m, e), e)
    if before >= 0 and exchange(m, i).count > 0 and d.code & M.LOCAL_ONLY == 0:
        level_changed(m, i, d.c, d.a, before, d.b)
    if d.code & M.MORE == 0:
        book_changed(m, e)


@hot
def book_changed(m, e):
    """A frame is over: crossed or not, right or not; then the touch is what the book says."""
    s = slot_at(e)
    i = s.instrument
    b = _book_of(m, e)
    end_frame(m, b)
    if book(m, b).state != K.BOOK_GOOD and engine_at(m).live == 1:
        raise_alert(m, R.BOOK_STALE, K.WARNING, i, 0, book(m, b).state)
    if venue(m, instrument(m, i).venue).depth == K.L1:
        return
    bid, ask = max(0, best_of(m, b, K.BUY)), max(0, best_of(m, b, K.SELL))
    if s.code & M.VENUE_ONLY == 0:
        k = market(m, i)
        k.ts = s.ts
        k.bid = bid
        k.ask = ask
        k.bid_lot = lots_at(m, b, K.BUY, bid) if bid > 0 else 0
        k.ask_lot = lots_at(m, b, K.SELL, ask) if ask > 0 else 0
        if bid > 0 and ask > 0:
            k.quoted = 1
            if k.last == 0 and k.marked == 0:
                mark(m, i, (bid + ask) // 2)
        if k.emulated > 0:
            watch_emulated(m, i, max(k.last, ask), min(k.last, bid) if k.last > 0 else bid, 0)
    if s.code & M.LOCAL_ONLY == 0:
        x = exchange(m, i)
        x.ts = s.ts
        x.bid = bid
        x.ask = ask
        if bid > 0 and ask > 0:
            x.quoted = 1
        if x.count > 0 and x.status == K.OPEN:
            _after_touch(m, i)


# --- bars -----------------------------------------------------------------------------------------


@hot
def apply_bar(m, e):
    """A stored bar: open, path, close; nothing sees the close before the open has matched."""
    bar = bar_at(e)
    i = bar.instrument
    k = market(m, i)
    x = exchange(m, i)
    known = k.ts
    if k.first == 0:
        k.first = bar.open
    k.ts = bar.ts
    k.last = bar.open
    if k.mark == 0:
        k.mark = bar.open
    x.last = bar.open
    most = venue(m, instrument(m, i).venue).share_ppb
    x.volume = bar.volume
    x.bar_volume = ALL if most == 0 else share(m, bar.volume, most)
    if is_touched(m, i) and x.status == K.OPEN:
        match_bar(m, e, known)
    else:
        x.barred = 1
    k.last = bar.close
    x.last = bar.close
    x.ts = bar.ts
    follow_volume(m, i, bar.ts_open)
    k.volume += bar.volume
    k.interval = bar.interval
    follow_range(m, i, bar.high, bar.low, bar.close)
    engine_at(m).bars += 1
    if k.marked == 0:
        mark(m, i, bar.close)
    watch_emulated(m, i, bar.high, bar.low, 1)


# --- marks, status, auctions ----------------------------------------------------------------------


@part("void(int64, int64)")
def apply_price(m, e):
    """A mark or an index price."""
    s = slot_at(e)
    i = s.instrument
    k, x = market(m, i), exchange(m, i)
    if s.kind == M.MARK:
        if s.code & M.VENUE_ONLY == 0:
            k.marked = 1
            mark(m, i, s.a)
        if s.code & M.LOCAL_ONLY == 0:
            x.mark = s.a
    else:
        if s.code & M.VENUE_ONLY == 0:
            k.index = s.a
        if s.code & M.LOCAL_ONLY == 0:
            x.index = s.a
    watch_emulated(m, i, s.a, s.a, 0)
    if s.code & M.LOCAL_ONLY == 0 and x.count > 0:
        trigger_waiting(m, i)


@part("void(int64, int64)")
def apply_status(m, e):
    """Trading halts, goes on, or a session ends. Nothing fills in between; orders wait."""
    s = slot_at(e)
    i = s.instrument
    k, x = market(m, i), exchange(m, i)
    opens = x.status != K.OPEN and s.a == K.OPEN
    k.status = s.a
    x.status = s.a
    if s.b > 0:
        k.session_end = s.b
        x.session_end = s.b
    if opens and x.count > 0:
        reopen(m, i)


@part("void(int64, int64)")
def apply_auction(m, e):
    """An auction's price: orders for it fill there where their limit allows, the others expire."""
    s = slot_at(e)
    i = s.instrument
    x = exchange(m, i)
    wanted = K.AT_OPEN if s.c == 0 else K.AT_CLOSE
    left = s.b if s.b > 0 else 2**62
    x.last = s.a
    market(m, i).last = s.a
    slot = x.head
    for _ in range(x.count * x.count + 1):  # it may begin anew as often as one leaves
        if slot < 0:
            return
        o, r = order(m, slot), resting(m, slot)
        following = r.next
        if r.state == L.IN_AUCTION and o.tif == wanted:
            lots = min(r.leaves, left)
            if o.exec_flags & REDUCES:
                lots = min(lots, reducible_there(m, slot))
            if lots > 0 and (r.price == 0 or (r.price - s.a) * o.side >= 0):
                left -= lots
                execute(m, slot, lots, s.a, engine_at(m).now, K.TAKER)
            if r.leaves > 0:
                withdraw(m, slot, K.EXPIRED)
        slot = following
        if slot >= 0 and resting(m, slot).state == L.NOT_THERE:
            slot = x.head
