"""Orders that hang together: one triggers (OTO), cancels (OCO) or updates (OUO) the other.

A child waits, held by the engine, until its parent fills. An exit, on the other side of the same
instrument, works for as much as the parent has filled so far; another child, a hedge, works once
the parent is done, for all that it filled, and so does an exit that a venue outside must hold. Of
peers linked as OCO a fill of one cancels the others; as OUO it leaves them as much as itself. A
peer that is cancelled, expires or is refused takes the others along. An exit that has filled
wholly, or is refused, cancels what is left of its entry. The engine does all this, not the venue,
so its cancels take the venue's latency.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine.block import engine_at, instrument, market, order, resting, venue
from alphaforge.engine.contingency import is_exit
from alphaforge.engine.emulation import needs_emulation
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.resting import redraw
from alphaforge.engine.terms import TIMED, has
from alphaforge.engine.wire import (
    cancel_at_venue,
    change_under_way,
    has_latency,
    is_here,
    send,
)


@part("void(int64, int64, int64)")
def grow(m, slot, change):
    """Change a working order's quantity: at once where we can, else by asking its venue."""
    o = order(m, slot)
    if change == 0:
        return
    if is_here(m, slot):
        O.resize(m, slot, o.qty + change)
        O.transition(m, slot, O.DO_UPDATE)
    elif has_latency(m, slot):
        send(m, slot, M.REPLACE, change, 0, 0)
    else:
        r = resting(m, slot)
        if r.state != L.NOT_THERE:
            O.resize(m, slot, o.qty + change)
            r.leaves += change
            if r.shown > 0:
                r.shown = min(r.shown, r.leaves)
            redraw(m, o.instrument)
            O.transition(m, slot, O.DO_UPDATE)


@kernel
def _after_peer(m, slot):
    """Peers of an order that has just filled: cancelled, or left with as much as it has."""
    o = order(m, slot)
    left = o.leaves + change_under_way(m, slot)
    peer = o.peer
    while peer != slot:
        p = order(m, peer)
        following = p.peer
        if p.open == 1:
            if o.link == K.OCO or o.leaves == 0:
                cancel_at_venue(m, peer)
            else:
                over = p.leaves + change_under_way(m, peer) - left
                if over > 0:
                    grow(m, peer, -over)
        peer = following


@part("int64(int64, int64)")
def filled_by_peers(m, slot):
    """Lots that the orders which one is linked with have filled, its own aside."""
    lots = 0
    peer = order(m, slot).peer
    while peer != slot:
        lots += order(m, peer).qty - order(m, peer).leaves
        peer = order(m, peer).peer
    return lots


@part("int64(int64, int64)")
def left_by_peers(m, slot):
    """Lots that its peers leave a new order to work for: they may have filled or ended before."""
    o = order(m, slot)
    left = o.qty
    peer = o.peer
    while peer != slot:
        p = order(m, peer)
        touched = p.leaves < p.qty
        if O.is_closed(p.status) or (touched and o.link == K.OCO):
            return 0
        if touched:
            left = min(left, p.leaves)
        peer = p.peer
    return left


@kernel
def waits_for_all(m, slot):
    """Whether a child works only once its parent is done.

    A hedge; and an exit at a venue outside, which isn't asked for more lots later. A stop there is
    the engine's, so it works, and grows, from the first fill on.
    """
    o = order(m, slot)
    outside = venue(m, instrument(m, o.instrument).venue).outside == 1
    return not is_exit(m, slot) or (outside and not needs_emulation(m, slot))


@hot
def _is_done_exit(m, slot):
    """Whether an order has wholly given back what its parent took."""
    return order(m, slot).leaves == 0 and is_exit(m, slot)


@part("void(int64, int64, int64)")
def after_fill(m, slot, lots):
    """What follows from a fill of ``lots`` for the orders that this one hangs together with."""
    o = order(m, slot)
    if not O.is_linked(m, slot):
        return
    if o.parent >= 0 and order(m, o.parent).type >= K.FIRST_ALGORITHM:
        parent = o.parent
        O.leave(m, parent, lots)
        O.transition(m, parent, O.DO_FILL if order(m, parent).leaves == 0 else O.DO_FILL_PART)
    elif _is_done_exit(m, slot) and order(m, o.parent).open == 1:
        # Out of what the entry took so far: its rest would work without its exits.
        cancel_at_venue(m, o.parent)
    child = o.child
    while child >= 0 and o.type < K.FIRST_ALGORITHM:
        if o.leaves == 0 or not waits_for_all(m, child):
            O.ask(m, O.DO_ACTIVATE, child, order(m, child).id, o.qty - o.leaves)
        child = order(m, child).sibling
    if o.peer != slot and o.link != K.NO_LINK:
        _after_peer(m, slot)


@kernel
def _cut_from_parent(m, slot):
    o = order(m, slot)
    parent = order(m, o.parent)
    if parent.child == slot:
        parent.child = o.sibling
    else:
        at = parent.child
        while at >= 0 and order(m, at).sibling != slot:
            at = order(m, at).sibling
        if at >= 0:
            order(m, at).sibling = o.sibling
    o.parent = -1


@kernel
def _cut_from_algorithms(m, slot):
    h = engine_at(m)
    o = order(m, slot)
    if h.algo_head == slot:
        h.algo_head = o.algo_next
    else:
        at = h.algo_head
        while at >= 0 and order(m, at).algo_next != slot:
            at = order(m, at).algo_next
        if at < 0:
            return  # it was refused before it was worked
        order(m, at).algo_next = o.algo_next
    o.algo_next = -1
    market(m, o.instrument).algos -= 1


@hot
def _ends_algorithm(status, kind):
    """Whether a child that closed so ends its parent: another one would fare no better."""
    if status == K.DENIED:
        return kind >= K.FIRST_ALGORITHM and not has(TIMED, kind)
    return kind == K.ICEBERG and status != K.FILLED


@part("void(int64, int64, int64)")
def unlink(m, slot, order_id):
    """A closed order leaves those that it hung together with; its slot becomes free.

    What it leaves behind is cancelled: children that still wait for its fill, those of an
    algorithm, and peers where it didn't fill.
    """
    o = order(m, slot)
    if o.id != order_id:
        return
    child = o.child
    while child >= 0:
        c = order(m, child)
        following = c.sibling
        c.parent = -1
        c.sibling = -1
        c.wanted = min(c.wanted, o.qty - o.leaves)
        if c.open == 1 and (o.type >= K.FIRST_ALGORITHM or o.leaves == o.qty):
            cancel_at_venue(m, child)
        elif c.open == 1 and c.held == 1:
            O.ask(m, O.DO_ACTIVATE, child, c.id, o.qty - o.leaves)
        child = following
    o.child = -1
    if o.type >= K.FIRST_ALGORITHM:
        _cut_from_algorithms(m, slot)
    if o.parent >= 0:
        parent, exits = o.parent, is_exit(m, slot)
        _cut_from_parent(m, slot)
        if order(m, parent).open == 1 and (
            _ends_algorithm(o.status, order(m, parent).type) or (exits and o.status == K.REJECTED)
        ):
            cancel_at_venue(m, parent)
    if o.peer != slot:
        before = o.peer
        while order(m, before).peer != slot:
            before = order(m, before).peer
        order(m, before).peer = o.peer
        peer = o.peer
        for _ in range(engine_at(m).orders_n):
            p = order(m, peer)
            following = p.peer
            if p.open == 1 and o.link != K.NO_LINK:
                cancel_at_venue(m, peer)
            if following == o.peer:
                break
            peer = following
        o.peer = slot
    O.release_slot(m, slot)
