"""Orders that wait for a trigger with the engine, for venues that don't know their type.

The engine watches what it is told of the market; once the trigger is reached it sends a plain
market or limit order. What happens meanwhile at the venue it learns only with the feed.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import orders as O
from alphaforge.engine.block import instrument, market, order, venue
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.resting import rises
from alphaforge.engine.terms import TRAILING, TRIGGERED, has
from alphaforge.engine.triggers import reached, reference, trailed


@kernel
def needs_emulation(m, slot):
    """Whether an order waits here: asked for, or its venue doesn't know the type."""
    o = order(m, slot)
    if not has(TRIGGERED, o.type):
        return False
    known = has(venue(m, instrument(m, o.instrument).venue).types, o.type)
    return not known or o.exec_flags & K.EMULATED_HERE != 0


@kernel
def _widen(m, slot):
    o = order(m, slot)
    k = market(m, o.instrument)
    k.emulated += 1
    if has(TRAILING, o.type):
        k.rising = L.NO_PRICE  # it moves with every price: always looked at
    elif rises(o.type, o.side):
        k.rising = min(k.rising, o.stop)
    else:
        k.falling = max(k.falling, o.stop)


@part("void(int64, int64)")
def begin_emulation(m, slot):
    """An order waits for its trigger from now on."""
    o = order(m, slot)
    if has(TRAILING, o.type):
        twice = reference(market(m, o.instrument), o.trigger, o.side)
        o.stop = trailed(m, slot, o.stop, twice)
    O.transition(m, slot, O.DO_EMULATE)
    _widen(m, slot)


@hot
def watch_emulated(m, i, high, low, traded):
    """Look whether any is triggered by a market that went from ``low`` to ``high``.

    ``traded`` 1 where it traded there; else the bounds are those of quotes or marks.
    """
    k = market(m, i)
    if k.emulated > 0 and (high >= k.rising or low <= k.falling):
        _watch_each(m, i, high, low, traded)


@part("void(int64, int64, int64, int64, int64)")
def _watch_each(m, i, high, low, traded):
    k = market(m, i)
    k.emulated = 0
    k.falling = L.NO_PRICE
    k.rising = -L.NO_PRICE
    slot = k.open_head
    while slot >= 0:
        o = order(m, slot)
        waits = o.status == K.EMULATED and o.held == 0 and o.triggered == 0
        if waits and has(TRIGGERED, o.type):
            up = rises(o.type, o.side)
            twice = reference(k, o.trigger, o.side)
            worst = twice
            if o.trigger == K.LAST and traded == 1:
                twice = 2 * high if up else 2 * low
                worst = 2 * low if up else 2 * high
            if reached(o.stop, twice, up):
                o.triggered = 1
                O.ask(m, O.DO_TRIGGERED_HERE, slot, o.id, 0)
            else:
                if has(TRAILING, o.type):
                    o.stop = trailed(m, slot, o.stop, worst)
                _widen(m, slot)
        slot = o.next
