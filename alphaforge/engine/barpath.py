"""Own orders against a stored bar: at its open, then along an assumed path to its close.

A bar says where the price opened, how far it went and where it closed, not in which order. The path
is the venue's assumption: open, high, low, close; open, low, high, close; the nearer extreme first;
or the one that is worse for us. Along it orders meet the price one after the other: a limit fills
at its price, a stop is triggered at its own and fills there, and what the open has jumped over
fills at the open. Children of an order that fills on the way work from that point on, and a
position that can't be held any more is liquidated at the first tick where it can't.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.block import (
    bar_at,
    engine_at,
    exchange,
    instrument,
    market,
    order,
    position,
    resting,
    venue,
)
from alphaforge.engine.commands import drain_commands, watch_margin
from alphaforge.engine.exchange import expire_order, fill_from_bar, size_to_position
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.margin import backing, required
from alphaforge.engine.matching import sweep, withdraw
from alphaforge.engine.portfolio import mark
from alphaforge.engine.resting import enter_venue, rises
from alphaforge.engine.terms import TRAILING, has
from alphaforge.engine.triggers import limit_after, trailed
from alphaforge.engine.wire import tell

DAY = 86_400_000_000_000
_NONE = 2**62


@kernel
def _may_be_liquidated(m, i):
    """Whether there is a position that bars value and margin backs."""
    if engine_at(m).margin_watched == 0 or position(m, 0, i).qty == 0:
        return False
    k = market(m, i)
    return k.marked == 0 and k.liquidating == 0


@hot
def is_touched(m, i):
    """Whether a bar matters on its way: to orders at the venue, or to what margin backs."""
    return exchange(m, i).count > 0 or _may_be_liquidated(m, i)


@hot
def _nothing_there(m, e):
    """Whether a bar can't matter to any order at the venue, nor to a position."""
    bar = bar_at(e)
    x = exchange(m, bar.instrument)
    if _may_be_liquidated(m, bar.instrument):
        return False
    return x.count == 0 or (
        x.eager == 0
        and x.buy_high < bar.low
        and x.sell_low > bar.high
        and x.rising > bar.high
        and x.falling < bar.low
    )


@kernel
def _high_first(m, e):
    """Whether the assumed path goes to the high first."""
    bar = bar_at(e)
    i = bar.instrument
    path = venue(m, instrument(m, i).venue).path
    if path == K.PATH_OHLC or path == K.PATH_OLHC:
        return path == K.PATH_OHLC
    if path == K.PATH_ADAPTIVE:
        return bar.high - bar.open <= bar.open - bar.low
    # The worse one: against a position first, that which the open made; without one, so that an
    # entry on the way is followed by a loss.
    net = position(m, 0, i).qty
    if net == 0:
        head = exchange(m, i).head
        return head >= 0 and order(m, head).side > 0
    return net < 0


@hot
def _looks_at_bars(m, slot):
    """Whether a trigger is compared with what bars tell; marks and indices tell their own."""
    trigger = order(m, slot).trigger
    return trigger != K.MARK and trigger != K.INDEX


@kernel
def _meets(m, slot, price, to):
    """Where on the way from ``price`` to ``to`` an order is met, ticks; _NONE nowhere.

    ``price`` itself where it can trade, or is triggered, at once.
    """
    o, r = order(m, slot), resting(m, slot)
    if r.state == L.WAITING:
        if r.stop <= 0 or not _looks_at_bars(m, slot):
            return _NONE
        if rises(o.type, o.side):
            return price if r.stop <= price else (r.stop if r.stop <= to else _NONE)
        return price if r.stop >= price else (r.stop if r.stop >= to else _NONE)
    if r.state != L.IN_BOOK or exchange(m, o.instrument).bar_volume <= 0:
        return _NONE
    if r.price == 0:
        return price
    if o.side > 0:
        return price if r.price >= price else (r.price if r.price >= to else _NONE)
    return price if r.price <= price else (r.price if r.price <= to else _NONE)


@kernel
def _next_met(m, i, price, to, since):
    """(slot, tick) of the order met next on the way; (-1, 0) none. Ties go to who came first.

    Orders that came after ``since`` aren't met.
    """
    found, where = -1, 0
    slot = exchange(m, i).head
    while slot >= 0:
        r = resting(m, slot)
        if r.ts <= since:
            at = _meets(m, slot, price, to)
            if at != _NONE and (found < 0 or abs(at - price) < abs(where - price)):
                found, where = slot, at
        slot = r.next
    return found, where


@kernel
def _fire(m, slot, at):
    """The price is at a waiting order's trigger: from here on it is in the book, if it may be."""
    o, r = order(m, slot), resting(m, slot)
    r.price = limit_after(m, slot, r.price, r.stop)
    enter_venue(m, slot, L.IN_BOOK)
    tell(m, slot, K.TRIGGERED, 0, r.price, 0)
    if o.exec_flags & K.CLOSE_POSITION:
        size_to_position(m, slot)
    beyond = r.price > 0 and (r.price - at) * o.side < 0
    if beyond and r.leaves > 0 and (o.tif == K.IOC or o.tif == K.FOK):
        withdraw(m, slot, K.EXPIRED)
    elif not beyond and r.leaves > 0 and o.exec_flags & K.POST_ONLY:
        withdraw(m, slot, K.CANCELLED)
    elif r.price > 0 and r.leaves > 0:
        sweep(m, slot)  # a bar shows nothing to take: an own order that it would meet


@kernel
def _is_short_of_margin(m, i, price):
    mark(m, i, price)
    least = required(m, i)
    return least > 0 and backing(m, i) < least


@kernel
def _last_held(m, i, price, to):
    """The tick on the way at which a position can't be held any more; _NONE nowhere."""
    if not _may_be_liquidated(m, i) or not _is_short_of_margin(m, i, to):
        return _NONE
    if _is_short_of_margin(m, i, price):
        return price
    while abs(to - price) > 1:
        middle = (price + to) // 2
        if _is_short_of_margin(m, i, middle):
            to = middle
        else:
            price = middle
    return to


@kernel
def _walk(m, i, price, to, since):
    """Move the price along one leg of the path; every order that it meets has its turn.

    A limit that the price comes to is a maker; what is there at once, at the open or because its
    trigger was just reached, is a taker.
    """
    x = exchange(m, i)
    at_once, came = price == to, engine_at(m).arrivals
    slot = x.head
    while slot >= 0:
        r = resting(m, slot)
        trails = r.state == L.WAITING and has(TRAILING, order(m, slot).type)
        if trails and r.ts <= since and _looks_at_bars(m, slot):
            r.stop = trailed(m, slot, r.stop, 2 * price)
        slot = r.next
    while is_touched(m, i):
        slot, at = _next_met(m, i, price, to, since)
        end = _last_held(m, i, price, at if slot >= 0 else to)
        if end != _NONE:
            price, came = end, engine_at(m).arrivals
            x.last = price
            mark(m, i, price)
            watch_margin(m)
            continue
        if slot < 0:
            break
        if at != price:
            price, came = at, engine_at(m).arrivals
        x.last = price
        r = resting(m, slot)
        if r.state == L.WAITING:
            _fire(m, slot, price)
        else:
            takes = at_once or r.arrival > came or r.price != price
            fill_from_bar(m, slot, price, K.TAKER if takes else K.MAKER)
        drain_commands(m)  # nothing of a handler's: what the engine itself does about linked orders
    x.last = to


@kernel
def _auction(m, i, tif, price, since):
    """Orders for the open or the close fill at its price; what a limit forbids expires."""
    x = exchange(m, i)
    slot = x.head
    for _ in range(x.count * x.count + 1):  # it may begin anew as often as one leaves
        if slot < 0:
            return
        o, r = order(m, slot), resting(m, slot)
        following = r.next
        if r.state == L.IN_AUCTION and o.tif == tif and r.ts <= since:
            if r.price == 0 or (r.price - price) * o.side >= 0:
                fill_from_bar(m, slot, price, K.TAKER)
            if r.leaves > 0 and r.state == L.IN_AUCTION:
                withdraw(m, slot, K.EXPIRED)
            drain_commands(m)
        slot = following
        if slot >= 0 and resting(m, slot).state == L.NOT_THERE:
            slot = x.head


@kernel
def _end_of(m, i, tif, since):
    """Orders of a time in force whose time is over: IOC after the open, DAY after the day."""
    x = exchange(m, i)
    slot = x.head
    for _ in range(x.count * x.count + 1):  # it may begin anew as often as one leaves
        if slot < 0:
            return
        following = resting(m, slot).next
        # One that waits for its trigger hasn't had its chance yet, but for the day's end.
        over = tif == K.DAY or resting(m, slot).state == L.IN_BOOK
        if over and order(m, slot).tif == tif and resting(m, slot).ts <= since:
            expire_order(m, slot)
        slot = following
    drain_commands(m)


@part("void(int64, int64, int64)")
def match_bar(m, e, known):
    """Try every order at the venue against a stored bar. Fills carry the bar's open time.

    An order that was given or changed after the bar opened waits for the next one: its open is the
    past. One whose time ends within the bar has ended before: all of a bar is known at its close.

    Parameters
    ----------
    known : when this instrument was last heard of before the bar, ns UTC
    """
    h = engine_at(m)
    bar = bar_at(e)
    i = bar.instrument
    x = exchange(m, i)
    x.barred = 1
    since = max(bar.ts_open, known)
    if _nothing_there(m, e):
        if x.count > 0 and bar.interval >= DAY:
            _end_of(m, i, K.DAY, since)
        return
    now = h.now
    h.now = bar.ts_open
    if bar.interval >= DAY or known // DAY != bar.ts_open // DAY:
        _auction(m, i, K.AT_OPEN, bar.open, since)
    _walk(m, i, bar.open, bar.open, since)
    _end_of(m, i, K.IOC, since)
    _end_of(m, i, K.FOK, since)
    high_first = _high_first(m, e)
    first = bar.high if high_first else bar.low
    second = bar.low if high_first else bar.high
    _walk(m, i, bar.open, first, since)
    _walk(m, i, first, second, since)
    _walk(m, i, second, bar.close, since)
    if bar.interval >= DAY or bar.ts % DAY == 0 or (0 < x.session_end <= bar.ts):
        _auction(m, i, K.AT_CLOSE, bar.close, since)
    h.now = now
    if bar.interval >= DAY:
        _end_of(m, i, K.DAY, since)
