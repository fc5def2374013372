"""What people and strategies ask for: the queue inside an event, and the commands of the host."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine import risk
from alphaforge.engine.block import (
    command_slot,
    engine_at,
    fail,
    instrument,
    market,
    order,
    order_slots_at,
    position,
    slot_at,
    strategy,
)
from alphaforge.engine.jit import hot, kernel
from alphaforge.engine.journal import journal_output
from alphaforge.engine.matching import cancel_at_venue, match_touch, send_out, submit_to_venue

HOST = -1


@kernel
def ask(m, kind, slot, a, b):
    """Queue a command of a handler; it runs after this event's handlers.

    ``slot`` is the new order's for SUBMIT, and who asks for CANCEL and REPLACE: nobody may touch
    another's orders.
    """
    h = engine_at(m)
    if h.command_head - h.command_tail >= h.commands_n:
        fail(m, K.FAULT_QUEUE_FULL)
        return
    c = command_slot(m, h.command_head)
    c.kind = kind
    c.slot = slot
    c.a = a
    c.b = b
    h.command_head += 1


@kernel
def _deny(m, slot, rule):
    h = engine_at(m)
    o = order(m, slot)
    h.denied += 1
    journal_output(
        m, M.DENIAL_ROW, rule, o.instrument, o.id, o.deny_limit, o.deny_value, o.strategy
    )
    O.transition(m, slot, O.DO_DENY)
    if h.live == 1:
        risk.raise_alert(m, rule, K.WARNING, o.instrument, o.deny_limit, o.deny_value)


@kernel
def _journal_new(m, slot):
    o = order(m, slot)
    journal_output(
        m, M.ORDER_ROW, K.INITIALIZED, o.instrument, o.id, o.side * o.qty, o.price, o.strategy
    )


@kernel
def run_submit(m, slot):
    """An order meets the checks; approved ones go to the venue."""
    h = engine_at(m)
    o = order(m, slot)
    o.ts = h.now
    _journal_new(m, slot)
    rule = risk.ENGINE_HALTED if h.fault != K.FAULT_NONE else risk.check(m, slot)
    if rule != risk.PASSED:
        o.deny_code = rule
        _deny(m, slot, rule)
        return
    risk.count_order(m)
    submit_to_venue(m, slot)


@kernel
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


@kernel
def run_replace(m, order_id, price):
    """Change a working limit order's price; what a price can break is checked again."""
    h = engine_at(m)
    slot = O.find_order(m, order_id)
    if slot < 0 or order(m, slot).open == 0 or order(m, slot).type != K.LIMIT_ORDER:
        h.illegal += 1
        return
    o = order(m, slot)
    rule = risk.check_price(m, slot, price)
    if rule != risk.PASSED:
        h.denied += 1
        journal_output(
            m, M.DENIAL_ROW, rule, o.instrument, o.id, o.deny_limit, o.deny_value, o.strategy
        )
        return
    if instrument(m, o.instrument).venue == K.VENUE_EXTERNAL:
        if not O.allows(o.status, O.DO_ASK_UPDATE):
            h.illegal += 1
            return
        before = o.price
        o.price = price
        sent = send_out(m, slot, M.REPLACE)
        o.price = before
        if sent == 1:
            O.transition(m, slot, O.DO_ASK_UPDATE)
        return
    o.price = price
    O.transition(m, slot, O.DO_UPDATE)
    if market(m, o.instrument).quoted == 1:
        match_touch(m, slot, K.TAKER)


@kernel
def drain_commands(m):
    """Run what the handlers of this event asked for, in the order they asked."""
    h = engine_at(m)
    while h.command_tail < h.command_head:
        c = command_slot(m, h.command_tail)
        kind, slot, a, b = c.kind, c.slot, c.a, c.b
        h.command_tail += 1
        if kind == M.SUBMIT:
            run_submit(m, slot)
        elif kind == M.CANCEL_ALL:
            cancel_everything(m, a, b)
        else:
            found = O.find_order(m, a)
            if found < 0 or order(m, found).strategy != slot:
                h.illegal += 1
            elif kind == M.REPLACE:
                run_replace(m, a, b)
            elif order(m, found).open == 1:
                cancel_at_venue(m, found)


@hot
def working_lots(m, i, owner):
    """Signed lots an owner has working in an instrument or asked for just now.

    What is being cancelled doesn't count.
    """
    h = engine_at(m)
    lots = 0
    slot = market(m, i).open_head
    while slot >= 0:
        o = order(m, slot)
        if o.strategy == owner and o.status != K.PENDING_CANCEL:
            lots += o.side * o.leaves
        slot = o.next
    for n in range(h.command_tail, h.command_head):
        c = command_slot(m, n)
        if c.kind == M.SUBMIT:
            o = order(m, c.slot)
            if o.strategy == owner and o.instrument == i:
                lots += o.side * o.leaves
    return lots


@kernel
def flatten(m, i):
    """Close every owner's position in an instrument, each with a market order past the checks."""
    h = engine_at(m)
    for owner in range(1, h.strategies_used + 2):
        # What is on its way already counts, so that a second press doesn't open the other side.
        lots = position(m, owner, i).qty + working_lots(m, i, owner - 2)
        if lots != 0:
            side = K.SELL if lots > 0 else K.BUY
            slot = O.new_order(m, 0, owner - 2, i, side, K.MARKET_ORDER, K.IOC, abs(lots), 0, 0)
            if slot >= 0:
                h.orders += 1
                _journal_new(m, slot)
                submit_to_venue(m, slot)


@kernel
def kill(m, and_flatten):
    """The kill switch: cancel everything, halt trading, by choice flatten. Needs arming again."""
    h = engine_at(m)
    h.trading = K.TRADING_HALTED
    cancel_everything(m, -1, -2)
    if and_flatten == 1:
        for i in range(h.instruments_used):
            flatten(m, i)
    risk.raise_alert(m, risk.KILL_SWITCH, K.CRITICAL, -1, 0, 0)


@kernel
def _host_submit(m, e):
    h = engine_at(m)
    message = order_slots_at(e)
    if message.instrument >= h.instruments_used:
        fail(m, K.FAULT_EVENT)
        return
    if O.find_order(m, message.order_id) >= 0:
        h.denied += 1
        journal_output(
            m, M.DENIAL_ROW, risk.DUPLICATE_ID, message.instrument, message.order_id, 0, 0, HOST
        )
        return
    slot = O.new_order(
        m,
        message.order_id,
        HOST,
        message.instrument,
        message.side,
        message.type,
        message.tif,
        message.qty,
        message.price,
        message.tag,
    )
    if slot >= 0:
        run_submit(m, slot)


@kernel
def run_host_command(m, e):
    """One command from a cell, the ticket or a button."""
    c = slot_at(e)
    kind = c.kind
    if kind == M.SUBMIT:
        _host_submit(m, e)
    elif kind == M.CANCEL:
        found = O.find_order(m, c.a)
        if found >= 0 and order(m, found).open == 1:
            cancel_at_venue(m, found)
    elif kind == M.CANCEL_ALL:
        cancel_everything(m, c.a, -2)
    elif kind == M.REPLACE:
        run_replace(m, c.a, c.c)
    elif kind == M.STATE:
        engine_at(m).trading = c.a
    elif kind == M.LIMIT:
        risk.set_limit(m, c.a, c.instrument, c.b)
    elif kind == M.ACKNOWLEDGE:
        risk.acknowledge(m, c.a)
    elif kind == M.KILL:
        kill(m, c.a)
    elif kind == M.FLATTEN:
        flatten(m, c.a)
    elif kind == M.HOLD:
        engine_at(m).held = c.a


@hot
def may_only_look(m, k):
    """Whether strategy ``k`` is still shown history, or all are held: it may look, not trade."""
    h = engine_at(m)
    return h.held == 1 or h.now < strategy(m, k).live_from
