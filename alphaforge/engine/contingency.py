"""How orders hang together, parents, children and peers, and which of them count as working.

Of peers on one side one alone fills, an exit only gives back what its parent took, and an
algorithm's child works for what its parent counts for: what is counted is no more than can fill.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine.block import order
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.orders import count


@part("void(int64, int64, int64, int64)")
def hang_on(m, slot, parent, peer):
    """Link an order with its parent and put it into the ring of a peer; slots, -1 none."""
    o = order(m, slot)
    if parent >= 0:
        o.parent = parent
        o.parent_id = order(m, parent).id
        o.sibling = order(m, parent).child
        order(m, parent).child = slot
    if peer >= 0:
        o.peer = order(m, peer).peer
        order(m, peer).peer = slot
        if order(m, peer).link == K.NO_LINK:
            order(m, peer).link = o.link
    # An exit only gives back what its parent took; a child works for what its parent counts for.
    if parent >= 0 and (is_exit(m, slot) or order(m, parent).type >= K.FIRST_ALGORITHM):
        _leave_out(m, slot)
    elif o.open == 1:
        count_largest(m, slot)
    elif _rival(m, slot) >= 0:
        o.counted = 0  # until it has passed the checks


@hot
def is_exit(m, slot):
    """Whether an order gives back what its parent takes: the other side of the same instrument."""
    o = order(m, slot)
    if o.parent < 0:
        return False
    p = order(m, o.parent)
    return o.side != p.side and o.instrument == p.instrument


@kernel
def _leave_out(m, slot):
    o = order(m, slot)
    if o.counted == 1 and o.open == 1:
        count(m, slot, -o.leaves)
    o.counted = 0


@kernel
def _rival(m, slot):
    """The peer on an order's side of its instrument that counts, or -1."""
    o = order(m, slot)
    peer = o.peer
    while peer != slot:
        p = order(m, peer)
        if p.counted == 1 and p.side == o.side and p.instrument == o.instrument:
            return peer
        peer = p.peer
    return -1


@kernel
def count_largest(m, slot):
    """Of peers on one side of an instrument one alone fills: only the largest counts."""
    o = order(m, slot)
    rival = _rival(m, slot)
    if rival < 0 or o.parent >= 0:
        return
    if o.leaves <= order(m, rival).leaves:
        _leave_out(m, slot)
    else:
        _leave_out(m, rival)
        if o.counted == 0:
            o.counted = 1
            if o.open == 1:
                count(m, slot, o.leaves)
