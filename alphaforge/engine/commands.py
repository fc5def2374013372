"""What people and strategies ask for: the queue inside an event, and the commands of the host."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine import risk
from alphaforge.engine import rules as R
from alphaforge.engine.block import (
    command_slot,
    engine_at,
    fail,
    instrument,
    market,
    order,
    position,
    slot_at,
    strategy,
    submit_slots_at,
    venue,
)
from alphaforge.engine.contingency import count_largest, hang_on
from alphaforge.engine.emulation import begin_emulation, needs_emulation
from alphaforge.engine.exchange import replace_at_venue, session_end, submit_to_venue
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.journal import journal_output
from alphaforge.engine.links import (
    filled_by_peers,
    grow,
    left_by_peers,
    unlink,
    waits_for_all,
)
from alphaforge.engine.margin import backing, crossed_is_backed, required
from alphaforge.engine.money import notional, share
from alphaforge.engine.order_index import find_order
from alphaforge.engine.orders import is_closed
from alphaforge.engine.portfolio import pay
from alphaforge.engine.terms import REDUCES, TRIGGERED, has, reducible
from alphaforge.engine.triggers import limit_after
from alphaforge.engine.wire import cancel_at_venue, change_under_way

_DAY = 86_400_000_000_000
HOST = -1


@kernel
def _deny(m, slot, rule):
    h = engine_at(m)
    o = order(m, slot)
    h.denied += 1
    journal_output(
        m, M.DENIAL_ROW, rule, o.instrument, o.id, o.deny_limit, o.deny_value, o.strategy
    )
    parent = o.parent
    O.transition(m, slot, O.DO_DENY)
    if parent >= 0 and order(m, parent).type < K.FIRST_ALGORITHM:
        # An entry without its exit isn't what was asked for: what hasn't filled of it goes too.
        if order(m, parent).status == K.INITIALIZED:
            order(m, parent).deny_code = R.CONTINGENCY
        elif order(m, parent).open == 1:
            cancel_at_venue(m, parent)
    if h.live == 1:
        risk.raise_alert(m, rule, K.WARNING, o.instrument, o.deny_limit, o.deny_value)


@kernel
def _journal_new(m, slot):
    o = order(m, slot)
    journal_output(
        m, M.ORDER_ROW, K.INITIALIZED, o.instrument, o.id, o.side * o.qty, o.price, o.strategy
    )
    plain = o.type <= K.LIMIT_ORDER and o.tif <= K.IOC and o.exec_flags == 0 and o.display == 0
    if not plain or o.parent >= 0 or o.peer != slot:
        peer = 0 if o.peer == slot else order(m, o.peer).id
        parent = o.parent_id if o.parent >= 0 else 0
        terms = int(o.tif) | (int(o.exec_flags) << 8) | (int(o.trigger) << 16)
        terms = terms | (int(o.link) << 24) | (int(o.unit) << 32) | (int(o.stp) << 40)
        price = o.stop if o.stop > 0 else o.trail
        journal_output(
            m, M.TERMS_ROW, o.type, o.instrument, o.id, terms, price, parent | (peer << 32)
        )


@part("void(int64, int64)")
def run_submit(m, slot):
    """An order meets the checks; approved ones go to the venue, or wait for their parent's fill."""
    h = engine_at(m)
    o = order(m, slot)
    o.ts = h.now
    _journal_new(m, slot)
    rule = R.ENGINE_HALTED if h.fault != K.FAULT_NONE else risk.check(m, slot)
    if rule == R.PASSED and o.deny_code == R.CONTINGENCY:
        rule = R.CONTINGENCY  # an exit that came with it was denied
    if rule != R.PASSED:
        o.deny_code = rule
        _deny(m, slot, rule)
        return
    # On daily bars the venue ends it after its bar; what waits here must know of itself.
    daily = market(m, o.instrument).interval >= _DAY and not needs_emulation(m, slot)
    if o.tif == K.DAY and o.expire == 0 and not daily:
        o.expire = session_end(m, o.instrument)
    risk.count_order(m)
    count_largest(m, slot)
    left = left_by_peers(m, slot)
    if left == 0:
        O.transition(m, slot, O.DO_CANCEL)
        return
    O.resize(m, slot, left)
    if o.parent >= 0 and order(m, o.parent).type < K.FIRST_ALGORITHM:
        parent = order(m, o.parent)
        if is_closed(parent.status) and parent.leaves == parent.qty:
            O.transition(m, slot, O.DO_CANCEL)
            return
        o.wanted = o.qty
        filled = parent.qty - parent.leaves
        if filled == 0 or (parent.open == 1 and parent.leaves > 0 and waits_for_all(m, slot)):
            o.held = 1
            O.transition(m, slot, O.DO_EMULATE)
            return
        O.resize(m, slot, min(o.qty, filled - filled_by_peers(m, slot)))
    activate(m, slot)


@kernel
def activate(m, slot):
    """An order begins to work: with an algorithm, with the engine's emulation, or at its venue."""
    o = order(m, slot)
    if o.type >= K.FIRST_ALGORITHM:
        begin_algorithm(m, slot)
    elif needs_emulation(m, slot):
        begin_emulation(m, slot)
    else:
        if o.status == K.EMULATED:
            O.transition(m, slot, O.DO_RELEASE)
        submit_to_venue(m, slot)


@kernel
def begin_algorithm(m, slot):
    """A parent order that the engine works through children; see ``algorithms``."""
    h = engine_at(m)
    o = order(m, slot)
    if o.status == K.EMULATED:
        O.transition(m, slot, O.DO_RELEASE)
    O.transition(m, slot, O.DO_SUBMIT)
    O.transition(m, slot, O.DO_ACCEPT)
    k = market(m, o.instrument)
    k.algos += 1
    o.volume = k.volume
    o.wake = h.now
    o.algo_next = -1
    if h.algo_head < 0:
        h.algo_head = slot
    else:
        last = h.algo_head
        while order(m, last).algo_next >= 0:
            last = order(m, last).algo_next
        order(m, last).algo_next = slot
    h.next_slice = h.now
    h.next_due = min(h.next_due, h.now)


@kernel
def _child_turn(m, slot, order_id, filled):
    """A parent has filled so much or, by now, more: its child begins to work, or grows.

    What its peers have filled of that is done. The parent's whole fill counts: a child that worked
    for the first part of a sweep alone could end before it hears of the others.
    """
    o = order(m, slot)
    if o.id != order_id or o.open == 0:
        return
    if o.parent >= 0:
        filled = order(m, o.parent).qty - order(m, o.parent).leaves
    lots = min(o.wanted, filled) - filled_by_peers(m, slot) - (o.qty - o.leaves)
    more = lots - o.leaves - change_under_way(m, slot)
    if o.held == 0:
        if more > 0:
            grow(m, slot, more)
    elif lots <= 0:
        O.transition(m, slot, O.DO_CANCEL)
    else:
        o.held = 0
        O.resize(m, slot, lots)
        activate(m, slot)


@kernel
def _triggered_here(m, slot, order_id):
    """An emulated order's trigger was reached: it goes to the venue as a market or limit order."""
    o = order(m, slot)
    if o.id != order_id or o.status != K.EMULATED:
        return
    if o.exec_flags & REDUCES:
        lots = reducible(m, slot)
        if o.exec_flags & K.CLOSE_POSITION == 0:
            lots = min(lots, o.leaves)
        if lots == 0:
            O.transition(m, slot, O.DO_CANCEL)
            return
        O.resize(m, slot, o.qty - o.leaves + lots)
    o.price = limit_after(m, slot, o.price, o.stop)
    O.transition(m, slot, O.DO_RELEASE)
    submit_to_venue(m, slot)


@part("void(int64, int64, int64)")
def cancel_everything(m, i, owner):
    """Cancel working orders: of one instrument or all (-1), of one strategy or everyone (-2)."""
    h = engine_at(m)
    for k in range(h.instruments_used):
        if i < 0 or i == k:
            slot = first_open(m, k)
            while slot >= 0:
                following = order(m, slot).next
                if owner == -2 or order(m, slot).strategy == owner:
                    cancel_at_venue(m, slot)
                slot = following


@kernel
def first_open(m, i):
    """The oldest working order of an instrument, or -1."""
    return market(m, i).open_head


@part("void(int64, int64, int64, int64, int64)")
def run_replace(m, slot, qty, price, stop):
    """Change a working order's quantity, limit or trigger price; what they can break is checked.

    0 leaves one as it is.
    """
    h = engine_at(m)
    if slot < 0 or order(m, slot).open == 0:
        h.illegal += 1
        return
    o = order(m, slot)
    lots = o.qty if qty == 0 else qty
    at, trigger = o.price if price == 0 else price, o.stop if stop == 0 else stop
    rule = risk.check_change(m, slot, lots, at, trigger)
    if rule != R.PASSED:
        h.denied += 1
        journal_output(
            m, M.DENIAL_ROW, rule, o.instrument, o.id, o.deny_limit, o.deny_value, o.strategy
        )
        return
    if o.held == 0 and o.parent >= 0 and order(m, o.parent).type < K.FIRST_ALGORITHM:
        parent = order(m, o.parent)  # a child works for what that has filled, and waits for more
        o.wanted = lots
        qty = min(lots, parent.qty - parent.leaves - filled_by_peers(m, slot))
    replace_at_venue(m, slot, qty, price, stop)


@part("void(int64)")
def drain_commands(m):
    """Run what the handlers of this event, and the engine itself, asked for, in that order."""
    h = engine_at(m)
    while h.command_tail < h.command_head:
        c = command_slot(m, h.command_tail)
        kind, slot, a, b, d, e = c.kind, c.slot, c.a, c.b, c.c, c.d
        h.command_tail += 1
        if kind == M.SUBMIT:
            run_submit(m, slot)
        elif kind == M.CANCEL_ALL:
            cancel_everything(m, a, b)
        elif kind == O.DO_UNLINK:
            unlink(m, slot, a)
        elif kind == O.DO_ACTIVATE:
            _child_turn(m, slot, a, b)
        elif kind == O.DO_TRIGGERED_HERE:
            _triggered_here(m, slot, a)
        else:
            found = find_order(m, a)
            if found < 0 or order(m, found).strategy != slot:
                h.illegal += 1
            elif kind == M.REPLACE:
                run_replace(m, found, b, d, e)
            elif order(m, found).open == 1:
                cancel_at_venue(m, found)


@hot
def _waits(m, slot):
    o = order(m, slot)
    return o.counted == 0 or o.held == 1 or (has(TRIGGERED, o.type) and o.triggered == 0)


@hot
def working_lots(m, i, owner):
    """Signed lots an owner has working in an instrument or asked for just now.

    What is being cancelled doesn't count, nor what waits for a trigger or another order's fill.
    """
    h = engine_at(m)
    lots = 0
    slot = market(m, i).open_head
    while slot >= 0:
        o = order(m, slot)
        if o.strategy == owner and o.status != K.PENDING_CANCEL and not _waits(m, slot):
            lots += o.side * o.leaves
        slot = o.next
    for n in range(h.command_tail, h.command_head):
        c = command_slot(m, n)
        if c.kind == M.SUBMIT:
            o = order(m, c.slot)
            if o.strategy == owner and o.instrument == i and not _waits(m, c.slot):
                lots += o.side * o.leaves
    return lots


@part("void(int64, int64, int64)")
def flatten(m, i, tif):
    """Close every owner's position in an instrument, each with a market order past the checks."""
    h = engine_at(m)
    for owner in range(1, h.strategies_used + 2):
        # What is on its way already counts, so that a second press doesn't open the other side.
        lots = position(m, owner, i).qty + working_lots(m, i, owner - 2)
        if lots != 0:
            side = K.SELL if lots > 0 else K.BUY
            slot = O.new_order(m, 0, owner - 2, i)
            if slot >= 0:
                O.plain(m, slot, side, K.MARKET_ORDER, tif, abs(lots), 0)
                h.orders += 1
                _journal_new(m, slot)
                submit_to_venue(m, slot)


@part("void(int64)")
def watch_margin(m):
    """Liquidate what can't be held any more: orders cancelled, the position closed at market.

    Alert and fee come once, and the closing order works until the position is gone: a market that
    shows too little, or is halted, delays it. Where all positions back each other they are closed
    in the order of the instruments, until what is left is backed.
    """
    h = engine_at(m)
    enough = crossed_is_backed(m)
    for i in range(h.instruments_used):
        k = market(m, i)
        if position(m, 0, i).qty == 0:
            k.liquidating = 0
            continue
        crossed = venue(m, instrument(m, i).venue).margin == K.MARGIN_CROSS
        least = 0 if crossed and enough else required(m, i)
        found = backing(m, i) if least > 0 else 0
        if found >= least:
            if k.open_head < 0:
                k.liquidating = 0
        elif k.liquidating == 1:
            flatten(m, i, K.GTC)  # what works already counts: nothing where it still does
        else:
            k.liquidating = 1
            risk.raise_alert(m, R.LIQUIDATION, K.CRITICAL, i, least, found)
            cancel_everything(m, i, -2)
            _pay_for_liquidation(m, i)
            flatten(m, i, K.GTC)


@kernel
def _pay_for_liquidation(m, i):
    """The venue's fee for closing, of each owner's part."""
    h = engine_at(m)
    rate = venue(m, instrument(m, i).venue).liquidation_ppb
    price = market(m, i).mark
    for owner in range(1, h.strategies_used + 2):
        lots = position(m, owner, i).qty
        if lots != 0 and rate > 0:
            due = share(m, abs(notional(m, i, price, lots)), rate)
            pay(m, K.CASH_LIQUIDATION, owner, i, -due, rate, price)


@part("void(int64, int64)")
def kill(m, and_flatten):
    """The kill switch: cancel everything, halt trading, by choice flatten. Needs arming again."""
    h = engine_at(m)
    h.trading = K.TRADING_HALTED
    cancel_everything(m, -1, -2)
    if and_flatten == 1:
        for i in range(h.instruments_used):
            flatten(m, i, K.IOC)
    risk.raise_alert(m, R.KILL_SWITCH, K.CRITICAL, -1, 0, 0)


@kernel
def _host_submit(m, e):
    h = engine_at(m)
    message = submit_slots_at(e)
    if message.instrument >= h.instruments_used:
        fail(m, K.FAULT_EVENT)
        return
    if find_order(m, message.order_id) >= 0:
        h.denied += 1
        journal_output(
            m, M.DENIAL_ROW, R.DUPLICATE_ID, message.instrument, message.order_id, 0, 0, HOST
        )
        return
    parent, peer = -1, -1
    if message.parent > 0:
        parent = find_order(m, message.parent)
    if message.peer > 0:
        peer = find_order(m, message.peer)
    slot = O.new_order(m, message.order_id, HOST, message.instrument)
    if slot < 0:
        return
    O.read_terms(m, slot, e)
    wrong = (message.parent > 0 and not _may_hang_on(m, parent)) or (
        message.peer > 0 and (not _may_hang_on(m, peer) or message.link < K.OCO)
    )
    if wrong or message.link > K.OUO:
        order(m, slot).deny_code = R.CONTINGENCY
        order(m, slot).deny_value = max(message.parent, message.peer)
        _journal_new(m, slot)
        _deny(m, slot, R.CONTINGENCY)
        return
    o = order(m, slot)
    too_late = peer >= 0 and is_closed(order(m, peer).status)
    if parent >= 0 and is_closed(order(m, parent).status):
        # Its slot may be another order's soon: the child keeps its id, and no link.
        o.parent_id = order(m, parent).id
        filled = order(m, parent).qty - order(m, parent).leaves
        too_late = too_late or filled == 0
        O.resize(m, slot, min(o.qty, filled) if filled > 0 else o.qty)
        parent = -1
    if too_late:
        _journal_new(m, slot)
        O.transition(m, slot, O.DO_CANCEL)
        return
    hang_on(m, slot, parent, peer)
    run_submit(m, slot)


@hot
def _may_hang_on(m, slot):
    return slot >= 0 and order(m, slot).strategy == HOST


@part("void(int64, int64)")
def run_host_command(m, e):
    """One command from a cell, the ticket or a button."""
    c = slot_at(e)
    kind = c.kind
    if kind == M.SUBMIT:
        _host_submit(m, e)
    elif kind == M.CANCEL:
        found = find_order(m, c.a)
        if found >= 0 and order(m, found).open == 1:
            cancel_at_venue(m, found)
    elif kind == M.CANCEL_ALL:
        cancel_everything(m, c.a, -2)
    elif kind == M.REPLACE:
        change = submit_slots_at(e)
        found = find_order(m, change.order_id)
        run_replace(m, found, change.qty, change.price, change.stop)
    elif kind == M.STATE:
        engine_at(m).trading = c.a
    elif kind == M.LIMIT:
        risk.set_limit(m, c.a, c.instrument, c.b)
    elif kind == M.ACKNOWLEDGE:
        risk.acknowledge(m, c.a)
    elif kind == M.KILL:
        kill(m, c.a)
    elif kind == M.FLATTEN:
        flatten(m, c.a, K.IOC)
    elif kind == M.HOLD:
        engine_at(m).held = c.a


@hot
def may_only_look(m, k):
    """Whether strategy ``k`` is still shown history, or all are held: it may look, not trade."""
    h = engine_at(m)
    return h.held == 1 or h.now < strategy(m, k).live_from
