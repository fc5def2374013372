"""Between us and a venue: requests out and answers back, each after its latency.

A venue without latency is spoken to at once. With latency, what is on its way waits here, soonest
first; nothing overtakes what was sent to or from the same venue before it.
"""

from __future__ import annotations

import math

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine.atomic import wrap_add, wrap_mul
from alphaforge.engine.block import (
    engine_at,
    fail,
    flight,
    instrument,
    latency_at,
    order,
    order_slots_at,
    position,
    resting,
    venue,
)
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.journal import journal_output
from alphaforge.engine.resting import leave_venue
from alphaforge.engine.ring import ring_push, slots_of
from alphaforge.engine.terms import base_type

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # splitmix64's increment and multipliers, as int64
_MIX1 = 0xBF58476D1CE4E5B9 - 2**64
_MIX2 = 0x94D049BB133111EB - 2**64
_MANTISSA = 2**53 - 1
_TURN = 2.0 * math.pi


# --- how long it takes ----------------------------------------------------------------------------


@kernel
def uniform(seed, n):
    """The n-th number of a stream in (0, 1]: splitmix64 (Steele, Lea, Flood 2014)."""
    z = wrap_add(seed, wrap_mul(n, _GOLDEN))
    z = wrap_mul(z ^ ((z >> 30) & (2**34 - 1)), _MIX1)
    z = wrap_mul(z ^ ((z >> 27) & (2**37 - 1)), _MIX2)
    z = z ^ ((z >> 31) & (2**33 - 1))
    return ((z & _MANTISSA) + 1) / 2.0**53


@kernel
def normal(seed, n):
    """A standard normal number from the uniforms n - 1 and n of a stream: Box and Muller (1958)."""
    first, second = uniform(seed, n - 1), uniform(seed, n)
    return math.sqrt(-2.0 * math.log(first)) * math.cos(_TURN * second)


@kernel
def _drawn(m, v, median):
    """A lognormal delay with this median, ns."""
    here = venue(m, v)
    here.draws += 2
    return int(median * math.exp(here.sigma * normal(here.seed, here.draws)))


@kernel
def _recorded(m, v, back):
    """The delay that was recorded around now, between two records in proportion to time, ns."""
    h = engine_at(m)
    here = venue(m, v)
    table = m + h.latencies_at
    low, high = here.latency_first, here.latency_first + here.latency_count - 1
    while low < high:  # the last record at or before now
        middle = (low + high + 1) // 2
        if latency_at(table + middle * L.LATENCY_BYTES).ts <= h.now:
            low = middle
        else:
            high = middle - 1
    a = latency_at(table + low * L.LATENCY_BYTES)
    start = a.response_ns if back else a.entry_ns
    if low == here.latency_first + here.latency_count - 1 or h.now <= a.ts:
        return start
    b = latency_at(table + (low + 1) * L.LATENCY_BYTES)
    end = b.response_ns if back else b.entry_ns
    return start + int((end - start) * ((h.now - a.ts) / (b.ts - a.ts)))


@kernel
def _delay(m, v, back):
    """How long a request to a venue, or an answer from it, takes now, ns."""
    here = venue(m, v)
    if here.latency == K.LATENCY_RECORDED:
        return max(0, _recorded(m, v, back))
    fixed = here.response_ns if back else here.entry_ns
    if here.latency == K.LATENCY_DRAWN:
        return max(0, _drawn(m, v, float(fixed)))
    return fixed


# --- on its way -----------------------------------------------------------------------------------


@kernel
def _depart(m, slot, kind, back):
    """Put something on its way, in its place by time; its FLIGHT, the rest to be filled in."""
    h = engine_at(m)
    o = order(m, slot)
    v = instrument(m, o.instrument).venue
    here = venue(m, v)
    due = max(h.now + _delay(m, v, back), here.last_back if back else here.last_in)
    if back:
        here.last_back = due
    else:
        here.last_in = due
    if h.flight_head - h.flight_tail >= h.flights_n:
        fail(m, K.FAULT_QUEUE_FULL)
        h.flight_tail += 1
    at = h.flight_head
    h.flight_head += 1
    while at > h.flight_tail and flight(m, at - 1).due > due:
        _copy(flight(m, at), flight(m, at - 1))
        at -= 1
    f = flight(m, at)
    f.due = due
    f.kind = kind
    f.slot = slot
    f.order_id = o.id
    f.status = 0
    f.qty = 0
    f.price = 0
    f.stop = 0
    f.ts = h.now
    f.liquidity = 0
    f.trade_id = 0
    h.next_flight = flight(m, h.flight_tail).due
    h.next_due = min(h.next_due, h.next_flight)
    return f


@hot
def _copy(to, source):
    to.due = source.due
    to.kind = source.kind
    to.status = source.status
    to.slot = source.slot
    to.order_id = source.order_id
    to.qty = source.qty
    to.price = source.price
    to.stop = source.stop
    to.ts = source.ts
    to.liquidity = source.liquidity
    to.trade_id = source.trade_id


@kernel
def landed(m):
    """Take the soonest flight off; its FLIGHT stays readable until the next departs."""
    h = engine_at(m)
    f = flight(m, h.flight_tail)
    h.flight_tail += 1
    h.next_flight = flight(m, h.flight_tail).due if h.flight_tail < h.flight_head else L.FOREVER
    return f


@hot
def has_latency(m, slot):
    """Whether the venue of an order is a simulated one some time away."""
    return venue(m, instrument(m, order(m, slot).instrument).venue).latency != K.LATENCY_NONE


@part("int64(int64, int64)")
def change_under_way(m, slot):
    """By how much requests and answers on their way will change an order's quantity, lots."""
    h = engine_at(m)
    lots = 0
    for n in range(h.flight_tail, h.flight_head):
        f = flight(m, n)
        asked = f.kind == M.REPLACE or (f.kind == M.REPORT and f.status == K.PENDING_UPDATE)
        if asked and f.slot == slot and f.order_id == order(m, slot).id:
            lots += f.qty
    return lots


@part("int64(int64, int64)")
def reducible_there(m, slot):
    """Lots by which an order could reduce its owner's position, as its venue knows it.

    What was filled there counts, though we shall hear of it later.
    """
    h = engine_at(m)
    o = order(m, slot)
    held = position(m, o.strategy + 2, o.instrument).qty
    for n in range(h.flight_tail, h.flight_head):
        f = flight(m, n)
        if f.kind == M.REPORT and f.status == K.FILLED:
            other = order(m, f.slot)
            same = other.strategy == o.strategy and other.instrument == o.instrument
            if same and other.id == f.order_id:
                held += other.side * f.qty
    return abs(held) if held * o.side < 0 else 0


@part("void(int64, int64, int64, int64, int64, int64)")
def send(m, slot, kind, qty, price, stop):
    """Put a request to a simulated venue on its way."""
    f = _depart(m, slot, kind, False)
    f.qty = qty
    f.price = price
    f.stop = stop


@part("void(int64, int64, int64, int64, int64, int64)")
def hear(m, slot, status, qty, price, stop):
    """Move an order as its venue said; a refused cancel or replace lets it go on as it was."""
    o = order(m, slot)
    if status == K.ACCEPTED:
        partly = o.leaves < o.qty and O.allows(o.status, O.DO_RESUME)
        O.transition(m, slot, O.DO_RESUME if partly else O.DO_ACCEPT)
    elif status == K.PENDING_UPDATE:  # updated: these are its terms now
        O.resize(m, slot, o.qty + qty)
        o.price = price
        if o.triggered == 0:
            o.stop = stop
        partly = o.leaves < o.qty and O.allows(o.status, O.DO_RESUME)
        O.transition(m, slot, O.DO_RESUME if partly else O.DO_UPDATE)
    elif status == K.TRIGGERED:
        o.triggered = 1
        o.price = price
        O.transition(m, slot, O.DO_TRIGGER)
    elif status == K.CANCELLED:
        O.transition(m, slot, O.DO_CANCEL)
    elif status == K.EXPIRED:
        O.transition(m, slot, O.DO_EXPIRE)
    elif status == K.REJECTED:
        o.deny_code = qty
        if qty > 0:  # why, for the tables
            journal_output(m, M.DENIAL_ROW, qty, o.instrument, o.id, 0, 0, o.strategy)
        O.transition(m, slot, O.DO_REJECT)
    elif status == K.PENDING_CANCEL and (  # refused
        o.status == K.PENDING_CANCEL or o.status == K.PENDING_UPDATE
    ):
        O.transition(m, slot, O.DO_RESUME if o.leaves < o.qty else O.DO_ACCEPT)


@part("void(int64, int64, int64, int64, int64, int64)")
def tell(m, slot, status, qty, price, stop):
    """What the simulated venue says of an order, other than fills: at once, or on its way.

    ``qty`` is by how much an update changed the quantity, or why the order was rejected.
    """
    if has_latency(m, slot):
        f = _depart(m, slot, M.REPORT, True)
        f.status = status
        f.qty = qty
        f.price = price
        f.stop = stop
    else:
        hear(m, slot, status, qty, price, stop)


@part("void(int64, int64, int64, int64, int64, int64, int64)")
def tell_fill(m, slot, lots, price, ts, liquidity, trade_id):
    """A fill on its way back from a venue some time away."""
    f = _depart(m, slot, M.REPORT, True)
    f.status = K.FILLED
    f.qty = lots
    f.price = price
    f.ts = ts
    f.liquidity = liquidity
    f.trade_id = trade_id


# --- a venue outside ------------------------------------------------------------------------------


@part("int64(int64, int64, int64)")
def send_out(m, slot, kind):
    """Put an order, a cancel or a replace on the ring to the outside venue.

    Returns 1, or 0 and a fault where the ring is full: then nothing of it may be taken as sent.
    A cancel is one slot: what the venue needs of the order is in its first.
    """
    h = engine_at(m)
    o = order(m, slot)
    if h.out == 0:  # nobody listens: a gateway's ring was never given
        fail(m, K.FAULT_RING_FULL)
        return 0
    at = m + h.scratch_at
    message = order_slots_at(at)
    message.seq = h.orders
    message.ts = h.now
    message.ts_recv = 0
    message.kind = kind
    message.code = 0
    message.instrument = o.instrument
    message.check = 0
    message.order_id = o.id
    message.qty = o.leaves
    message.price = o.price
    message.side = o.side
    message.type = base_type(m, slot)
    message.tif = o.tif
    message.liquidity = 0
    message.exec_flags = o.exec_flags
    message.trade_id = 0
    message.tag = o.tag
    message.ahead = 0
    message.venue_id = o.venue_id
    message.stop = 0
    if ring_push(h.out, at, slots_of(kind)) == 0:
        fail(m, K.FAULT_RING_FULL)
        return 0
    return 1


@part("int64(int64, int64, int64, int64)")
def replace_outside(m, slot, change, price):
    """Ask a venue outside for another quantity and limit; here they change when it has answered.

    Returns 1 where it was sent.
    """
    o = order(m, slot)
    before, leaves = o.price, o.leaves
    o.price = price
    o.leaves = leaves + change
    sent = send_out(m, slot, M.REPLACE)
    o.price = before
    o.leaves = leaves
    if sent == 1:
        O.transition(m, slot, O.DO_ASK_UPDATE)
    return sent


# --- cancels --------------------------------------------------------------------------------------


@hot
def is_here(m, slot):
    """Whether a working order is with the engine and not with a venue: held, emulated, worked."""
    o = order(m, slot)
    return o.status == K.EMULATED or o.type >= K.FIRST_ALGORITHM


@part("void(int64, int64)")
def cancel_at_venue(m, slot):
    """Cancel a working order: at once where we can, else by asking. Cancels are never blocked."""
    o = order(m, slot)
    if is_here(m, slot):
        O.transition(m, slot, O.DO_CANCEL)
        return
    v = venue(m, instrument(m, o.instrument).venue)
    if v.outside == 0 and v.latency == K.LATENCY_NONE:
        leave_venue(m, slot)
        O.transition(m, slot, O.DO_CANCEL)
        return
    if o.status == K.PENDING_CANCEL or not O.allows(o.status, O.DO_ASK_CANCEL):
        return
    if v.outside == 1:
        if send_out(m, slot, M.CANCEL) == 0:
            return
    else:
        send(m, slot, M.CANCEL, 0, 0, 0)
    O.transition(m, slot, O.DO_ASK_CANCEL)


@part("void(int64, int64)")
def arrived_cancel(m, slot):
    """A cancel arrives at the simulated venue: the order leaves, or there is none any more."""
    if resting(m, slot).state == L.NOT_THERE:
        tell(m, slot, K.PENDING_CANCEL, 0, 0, 0)
        return
    leave_venue(m, slot)
    tell(m, slot, K.CANCELLED, 0, 0, 0)


@hot
def still(m, f):
    """Whether the order that a flight is about is still the one in its slot."""
    return order(m, f.slot).id == f.order_id
