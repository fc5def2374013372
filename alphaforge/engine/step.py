"""One event, start to finish: the order of things, in one place.

1. Timers due strictly before the event fire, oldest first.
2. The event is applied: book, last price, bar builders, split. A stored bar is matched at its open
   and along its range, then marked at its close: nothing sees the close before the open matched.
3. The venue inside fills what it can; every fill walks orders -> portfolio -> journal.
4. Handlers run: order and fill events, then the market event, then bars it closed, oldest first;
   strategies in the order in which they were added.
5. What they asked for goes through risk to the venue; 3-5 repeat until nothing is due.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine import orders as O
from alphaforge.engine.atomic import call_entry, copy_bytes, load_i8, load_u1, store_i8
from alphaforge.engine.bars import close_until, trade_to_builders
from alphaforge.engine.block import (
    bar_at,
    engine_at,
    fail,
    instrument,
    market,
    notice_address,
    notice_at,
    order,
    order_slots_at,
    pending_bar,
    slot_at,
    strategy,
    watches,
)
from alphaforge.engine.book import set_level
from alphaforge.engine.clock import NEVER, forget_timers, take_due
from alphaforge.engine.commands import cancel_everything, drain_commands, run_host_command
from alphaforge.engine.define import define
from alphaforge.engine.jit import entry, hot, kernel
from alphaforge.engine.journal import journal_output, journal_row
from alphaforge.engine.matching import match_bar, match_quote, match_trade
from alphaforge.engine.portfolio import (
    fill,
    follow_equity,
    journal_account,
    mark,
    split,
)
from alphaforge.engine.ring import slots_of

_KIND_AT = M.offset_of(M.SLOT, "kind")
_WORDS_AT = M.offset_of(M.SLOT, "a")


@hot
def call_handler(m, k, handler, i, address):
    """Call one handler of one strategy, if it has it; a raise becomes a fault.

    ``i`` is the instrument of what is shown at ``address``. A live engine keeps the strategy's
    state from before the call, so that a raise can be re-run in Python for its traceback.
    """
    h = engine_at(m)
    s = strategy(m, k)
    if (s.handlers >> handler) & 1 == 0 or s.running == 0 or h.fault != K.FAULT_NONE:
        return
    h.view_event = address
    h.view_instrument = m + h.instruments_at + i * L.INSTRUMENT_BYTES
    h.view_strategy = k
    if h.live == 1 and s.bytes > 0:
        copy_bytes(m + s.before, m + s.state, s.bytes)
    if call_entry(s.entry, handler, m + s.state, m) != 0:
        fail(m, K.FAULT_STRATEGY)
        h.fault_strategy = k
        h.fault_handler = handler


@kernel
def _deliver_notices(m):
    h = engine_at(m)
    while h.notice_tail < h.notice_head:
        address = notice_address(m, h.notice_tail)
        n = notice_at(address)
        call_handler(m, n.strategy, n.handler, n.instrument, address)
        h.notice_tail += 1


@kernel
def _deliver_market(m, handler, i, address):
    for k in range(engine_at(m).strategies_used):
        if watches(m, k, i) != 0:
            call_handler(m, k, handler, i, address)


@hot
def _deliver_bar(m, address):
    bar = bar_at(address)
    for k in range(engine_at(m).strategies_used):
        wanted = strategy(m, k).interval
        if (wanted == 0 or wanted == bar.interval) and watches(m, k, bar.instrument) != 0:
            call_handler(m, k, K.ON_BAR, bar.instrument, address)


@kernel
def _deliver_pending(m):
    """Bars closed within this event, oldest first, ties in the order of their builders."""
    h = engine_at(m)
    for _ in range(h.pending_used):
        oldest = -1
        for n in range(h.pending_used):
            bar = bar_at(pending_bar(m, n))
            if bar.check == 0 and (oldest < 0 or bar.ts < bar_at(pending_bar(m, oldest)).ts):
                oldest = n
        bar_at(pending_bar(m, oldest)).check = 1  # delivered
        _deliver_bar(m, pending_bar(m, oldest))


@kernel
def _settle(m):
    """Commands, and the order and fill events they cause, until neither is left."""
    h = engine_at(m)
    rounds = 0
    rows = load_i8(h.journal) + h.settle_rows
    while h.command_tail < h.command_head or h.notice_tail < h.notice_head:
        drain_commands(m)
        _deliver_notices(m)
        rounds += 1
        if rounds > L.MAX_ROUNDS:
            fail(m, K.FAULT_ROUNDS)
        if load_i8(h.journal) > rows:
            fail(m, K.FAULT_ROWS)
        if h.fault == K.FAULT_ROUNDS or h.fault == K.FAULT_ROWS:
            h.command_tail = h.command_head
            h.notice_tail = h.notice_head


@kernel
def _fire_timers(m, before, row_limit):
    """Fire what is due before a time, until the journal has so many rows or the engine fails.

    Timers whose handlers set new ones without end are a fault after ``MAX_TIMERS``.
    """
    h = engine_at(m)
    while h.next_timer < before and h.fault == K.FAULT_NONE and load_i8(h.journal) < row_limit:
        due, timer_id, owner = take_due(m, before)
        if due == NEVER:
            return
        h.timers_fired += 1
        if h.timers_fired > L.MAX_TIMERS:
            fail(m, K.FAULT_TIMERS)
            return
        h.now = max(h.now, due)
        journal_output(m, M.TIMER_ROW, 0, 0, owner, timer_id, due, 0)
        at = m + h.scratch_at + 256
        store_i8(at, timer_id)
        store_i8(at + 8, due)
        call_handler(m, owner, K.ON_TIMER, 0, at)
        _settle(m)


@kernel
def _journal_input(m, e):
    """Live sessions journal every input as it is processed; long messages go on in MORE rows."""
    s = slot_at(e)
    journal_row(m, s.kind, s.code, s.instrument, s.ts, s.ts_recv, s.a, s.b, s.c, s.d)
    if slots_of(s.kind) == 2:
        for part in (1, 2):
            at = e + _WORDS_AT + 32 * part
            w0, w1, w2, w3 = load_i8(at), load_i8(at + 8), load_i8(at + 16), load_i8(at + 24)
            journal_row(m, M.MORE_INPUT, part, s.instrument, s.ts, s.ts_recv, w0, w1, w2, w3)


@kernel
def _apply_trade(m, e):
    h = engine_at(m)
    t = slot_at(e)
    i = t.instrument
    k = market(m, i)
    k.ts = t.ts
    k.last = t.a
    k.last_lot = t.b
    k.volume += t.b
    if k.first == 0:
        k.first = t.a
    h.trades += 1
    mark(m, i, t.a)
    trade_to_builders(m, i, t.ts, t.a, t.b, t.d)
    if k.open_head >= 0 and instrument(m, i).venue == K.VENUE_INTERNAL:
        match_trade(m, i, t.a)


@kernel
def _apply_quote(m, e):
    q = slot_at(e)
    i = q.instrument
    k = market(m, i)
    k.ts = q.ts
    k.bid = q.a
    k.bid_lot = q.b
    k.ask = q.c
    k.ask_lot = q.d
    if q.a > 0 and q.c > 0:
        k.quoted = 1
        if k.mark == 0:
            mark(m, i, (q.a + q.c) // 2)
    if k.open_head >= 0 and instrument(m, i).venue == K.VENUE_INTERNAL:
        match_quote(m, i)


@hot
def _apply_bar(m, e):
    bar = bar_at(e)
    i = bar.instrument
    k = market(m, i)
    known = k.ts
    if k.first == 0:
        k.first = bar.open
    k.ts = bar.ts
    k.last = bar.open
    if k.mark == 0:
        k.mark = bar.open
    if k.open_head >= 0:
        match_bar(m, e, known)
    k.last = bar.close
    k.volume += bar.volume
    engine_at(m).bars += 1
    mark(m, i, bar.close)


@kernel
def _accepted(m, slot, price):
    """An order works, at this price: new, or after a replace whose answer a fill may overtake."""
    o = order(m, slot)
    moved = o.open == 1 and o.type == K.LIMIT_ORDER and price > 0 and price != o.price
    if moved:
        o.price = price
    if moved and (o.status == K.ACCEPTED or o.status == K.PARTIALLY_FILLED):
        O.transition(m, slot, O.DO_UPDATE)
    else:
        O.transition(m, slot, O.DO_ACCEPT)


@kernel
def _apply_report(m, e):
    """An execution report from outside moves its order; what can't be is counted, never applied."""
    h = engine_at(m)
    r = order_slots_at(e)
    slot = O.find_order(m, r.order_id)
    if slot < 0:
        h.unknown_reports += 1
        return
    o = order(m, slot)
    if r.venue_id != 0:
        o.venue_id = r.venue_id
    o.ahead = r.ahead
    if r.code == K.ACCEPTED:
        _accepted(m, slot, r.price)
    elif r.code == K.REJECTED:
        O.transition(m, slot, O.DO_REJECT)
    elif r.code == K.CANCELLED:
        O.transition(m, slot, O.DO_CANCEL)
    elif r.code == K.EXPIRED:
        O.transition(m, slot, O.DO_EXPIRE)
    elif r.code == K.FILLED:
        if O.knows_trade(m, slot, r.trade_id):
            h.duplicate_fills += 1
        elif r.qty > o.leaves or r.qty <= 0 or r.price <= 0:
            h.unknown_reports += 1
        elif not O.allows(o.status, O.DO_FILL):
            h.illegal += 1
        else:
            fill(m, slot, r.qty, r.price, h.now, r.liquidity, r.trade_id)


@kernel
def detach(m, k):
    """Stop a strategy: ``on_stop``, its working orders cancelled, its timers dropped."""
    if k < 0 or k >= engine_at(m).strategies_used or strategy(m, k).running == 0:
        return
    call_handler(m, k, K.ON_STOP, 0, 0)
    _settle(m)
    cancel_everything(m, -1, k)
    forget_timers(m, k)
    strategy(m, k).running = 0


@kernel
def _apply_define(m, e):
    s = slot_at(e)
    h = engine_at(m)
    k = define(m, s.code, s.a, s.b, s.c)
    h.defined = k
    if k >= 0 and s.code == K.DEFINE_STRATEGY and strategy(m, k).started == 0:
        call_handler(m, k, K.ON_START, 0, 0)
    h.defines += 1  # last: the host waits for it, and then looks for a fault


@hot
def _known_instrument(m, e):
    if slot_at(e).instrument < engine_at(m).instruments_used:
        return True
    fail(m, K.FAULT_EVENT)
    return False


@kernel
def step(m, e):
    """Process one event at address ``e``. Mutates the block and the journal; allocates nothing."""
    h = engine_at(m)
    ts = slot_at(e).ts
    kind = load_u1(e + _KIND_AT)
    if h.now < h.live_from and kind >= M.SUBMIT and kind != M.REPORT:
        ts = h.now  # a command of now, amid a back-fill's past
    if h.next_timer < ts:
        _fire_timers(m, ts, L.FOREVER)
    h.now = max(h.now, ts)
    if h.live == 1:
        _journal_input(m, e)
    h.pending_used = 0
    handler = -1
    if kind == M.BAR:
        if _known_instrument(m, e):
            _apply_bar(m, e)
    elif kind == M.TRADE:
        if _known_instrument(m, e):
            _apply_trade(m, e)
            handler = K.ON_TRADE
    elif kind == M.QUOTE:
        if _known_instrument(m, e):
            _apply_quote(m, e)
            handler = K.ON_QUOTE
    elif kind == M.DEPTH:
        if _known_instrument(m, e):
            d = slot_at(e)
            set_level(m, d.instrument, d.c, d.a, d.b)
    elif kind == M.CLOCK:
        close_until(m, ts)
        journal_account(m)
    elif kind == M.WAKE:
        _fire_timers(m, ts + 1, L.FOREVER)
    elif kind == M.REPORT:
        _apply_report(m, e)
    elif kind == M.ACTION:
        if _known_instrument(m, e):
            split(m, slot_at(e).instrument, slot_at(e).a, slot_at(e).b)
    elif kind == M.DEFINE:
        _apply_define(m, e)
    elif kind == M.DETACH:
        detach(m, slot_at(e).a)
    elif (kind >= M.SUBMIT and kind <= M.KILL) or kind == M.FLATTEN or kind == M.HOLD:
        run_host_command(m, e)
    else:
        fail(m, K.FAULT_EVENT)
    if h.notice_tail < h.notice_head:
        _deliver_notices(m)
    if kind == M.BAR:
        _deliver_bar(m, e)
    elif handler >= 0:
        _deliver_market(m, handler, slot_at(e).instrument, e)
    if h.pending_used > 0:
        _deliver_pending(m)
    if h.command_tail < h.command_head or h.notice_tail < h.notice_head:
        _settle(m)
    follow_equity(m)
    h.events += 1
    h.timers_fired = 0
    _halt_where_failed(m)


@kernel
def _halt_where_failed(m):
    h = engine_at(m)
    if h.fault != K.FAULT_NONE and h.state != K.HALTED:
        h.state = K.HALTED
        journal_output(m, M.FAULT_ROW, h.fault, 0, h.fault_strategy, h.fault_handler, h.events, 0)


@entry("int64(int64, int64)")
def step_one(m, e):
    """One event from Python; the fault code."""
    step(m, e)
    return engine_at(m).fault


@entry("int64(int64, int64, int64, int64, int64, int64)")
def run_events(m, events, offset, size, equity, room):
    """Process whole messages from an array until its end, a fault, or a journal nearly full.

    Parameters
    ----------
    events, offset, size : address of the messages, byte to begin at, bytes in all
    equity : address of int64 ledger units, one for each bar or other event with ``room`` for it
    room : journal rows that may be written before stopping

    Returns
    -------
    int
        The byte offset of the next message.
    """
    h = engine_at(m)
    stop = load_i8(h.journal) + room
    while offset < size and h.state == K.RUNNING and load_i8(h.journal) < stop:
        kind = load_u1(events + offset + _KIND_AT)
        ts = slot_at(events + offset).ts
        if h.next_timer < ts:
            # Here and not within the step: between two events may lie more timers than the
            # journal has room for.
            _fire_timers(m, ts, stop)
            _halt_where_failed(m)
            if h.next_timer < ts or h.state != K.RUNNING:
                continue
        step(m, events + offset)
        if kind == M.BAR:
            store_i8(equity, h.cash + h.market_value)
            equity += 8
        offset += slots_of(kind) * M.SLOT_BYTES
    return offset


@entry("int64(int64, int64, int64)")
def call_now(m, k, handler):
    """Call ``on_start`` or ``on_stop`` outside of an event, and settle what it asks for."""
    call_handler(m, k, handler, 0, 0)
    _settle(m)
    _halt_where_failed(m)
    return engine_at(m).fault
