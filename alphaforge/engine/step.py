"""One event, start to finish: the order of things, in one place.

1. What is due strictly before the event happens, soonest first: what was on its way, ends of
   orders, a day's accruals, timers, algorithms.
2. The event is applied: book, last price, bar builders, split. A stored bar is matched at its open
   and along its range, then marked at its close: nothing sees the close before the open matched.
3. The venue inside fills what it can; every fill walks orders -> portfolio -> journal.
4. Handlers run: order and fill events and alerts, then the market event, then bars it closed,
   oldest first; strategies in the order in which they were added.
5. What they asked for goes through risk to the venue; 3-5 repeat until nothing is due.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.accruals import accrue_day, apply_funding
from alphaforge.engine.algorithms import work_algorithms
from alphaforge.engine.atomic import call_entry, copy_bytes, load_i8, load_u1, store_i8
from alphaforge.engine.bars import close_until
from alphaforge.engine.block import (
    bar_at,
    engine_at,
    fail,
    market,
    notice_address,
    notice_at,
    order,
    pending_bar,
    slot_at,
    strategy,
    watches,
)
from alphaforge.engine.clock import NEVER, forget_timers, take_due
from alphaforge.engine.commands import (
    cancel_everything,
    drain_commands,
    run_host_command,
    watch_margin,
)
from alphaforge.engine.define import define
from alphaforge.engine.exchange import expire_order, land
from alphaforge.engine.jit import entry, hot, kernel, part
from alphaforge.engine.journal import journal_output, journal_row
from alphaforge.engine.market_events import (
    apply_auction,
    apply_bar,
    apply_book_message,
    apply_level,
    apply_price,
    apply_quote,
    apply_status,
    apply_trade,
)
from alphaforge.engine.portfolio import follow_equity, journal_account, split
from alphaforge.engine.reports import apply_report
from alphaforge.engine.ring import slots_of
from alphaforge.engine.shown import keep_shown

_DAY = 86_400_000_000_000
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
    if h.live == 1:
        s.draws_before = s.draws
        if s.bytes > 0:
            copy_bytes(m + s.before, m + s.state, s.bytes)
    h.calls += 1
    raised = call_entry(s.entry, handler, m + s.state, m)
    h.calls += 1
    if raised != 0:
        fail(m, K.FAULT_STRATEGY)
        h.fault_strategy = k
        h.fault_handler = handler


@part("void(int64)")
def _deliver_notices(m):
    """What strategies are told of their orders; after a raise the rest waits for the resume."""
    h = engine_at(m)
    while h.notice_tail < h.notice_head and h.fault == K.FAULT_NONE:
        address = notice_address(m, h.notice_tail)
        n = notice_at(address)
        call_handler(m, n.strategy, n.handler, max(n.instrument, 0), address)
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
        s = strategy(m, k)
        wanted = s.interval
        if (wanted == 0 or wanted == bar.interval) and watches(m, k, bar.instrument) != 0:
            if s.shown != 0:
                keep_shown(m, k, address)
            call_handler(m, k, K.ON_BAR, bar.instrument, address)


@part("void(int64)")
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


@part("void(int64)")
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
        elif h.fault != K.FAULT_NONE:  # what was asked for before it is done, and told later
            return


@kernel
def _fire_timer(m, before):
    """Fire the oldest timer due before a time; timers without end are a fault."""
    h = engine_at(m)
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


@kernel
def _expire_due(m):
    """End the orders whose time is over first, and see when the next one's will be."""
    h = engine_at(m)
    due = h.next_expiry
    h.now = max(h.now, due)
    h.next_expiry = L.FOREVER
    for i in range(h.instruments_used):
        slot = market(m, i).open_head
        while slot >= 0:
            o = order(m, slot)
            following = o.next
            if o.expire > 0 and o.type < K.FIRST_ALGORITHM:
                if o.expire <= due:
                    expire_order(m, slot)
                else:
                    h.next_expiry = min(h.next_expiry, o.expire)
            slot = following


@kernel
def _first_due(m):
    h = engine_at(m)
    soonest = min(min(h.next_flight, h.next_expiry), min(h.next_accrual, h.next_timer))
    h.next_due = min(soonest, h.next_slice)


@part("void(int64, int64, int64)")
def run_due(m, before, row_limit):
    """Do what is due before a time, soonest first, each with what it causes.

    Of equal times: what was on its way to or from a venue, ends of orders, a day's accruals,
    timers, algorithms. Stops early where the journal has so many rows or the engine fails.
    """
    h = engine_at(m)
    _first_due(m)
    while h.next_due < before and h.fault == K.FAULT_NONE and load_i8(h.journal) < row_limit:
        due = h.next_due
        if h.next_flight == due:
            land(m)
        elif h.next_expiry == due:
            _expire_due(m)
        elif h.next_accrual == due:
            _accrue(m, before)
        elif h.next_timer == due:
            _fire_timer(m, before)
        else:
            h.now = max(h.now, due)
            work_algorithms(m)
        _settle(m)
        _first_due(m)


@kernel
def _accrue(m, before):
    h = engine_at(m)
    if h.next_accrual == 0:  # now that it is known which day it is
        h.next_accrual = before - before % _DAY + _DAY
        return
    h.now = max(h.now, h.next_accrual)
    accrue_day(m)


@part("void(int64, int64)")
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


@part("int64(int64, int64, int64)")
def _apply_rare(m, e, kind):
    """Events that don't come by the million; the handler that they are shown to, or -1."""
    s = slot_at(e)
    if kind == M.CLOCK:
        close_until(m, s.ts)
    elif kind == M.WAKE:
        run_due(m, s.ts + 1, L.FOREVER)
    elif kind == M.REPORT:
        apply_report(m, e)
    elif kind == M.DEFINE:
        _apply_define(m, e)
    elif kind == M.DETACH:
        detach(m, s.a)
    elif kind >= M.SUBMIT and kind <= M.LAST_COMMAND:
        run_host_command(m, e)
    elif kind <= M.PAD or kind > M.CUSTOM:
        fail(m, K.FAULT_EVENT)
    elif _known_instrument(m, e):
        if kind == M.ACTION:
            split(m, s.instrument, s.a, s.b)
            return K.ON_ACTION
        if kind == M.CUSTOM:
            return K.ON_CUSTOM
        if kind == M.MARK or kind == M.INDEX:
            apply_price(m, e)
        elif kind == M.FUNDING:
            apply_funding(m, e)
        elif kind == M.STATUS:
            apply_status(m, e)
        elif kind == M.AUCTION:
            apply_auction(m, e)
    return -1


@hot
def _is_of_now(m, kind, ts):
    """Whether a person sent it: a command, or something of one's own that isn't of the past."""
    command = kind >= M.SUBMIT and kind <= M.LAST_COMMAND
    return command or (kind == M.CUSTOM and ts >= engine_at(m).live_from)


@kernel
def step(m, e):
    """Process one event at address ``e``. Mutates the block and the journal; allocates nothing."""
    h = engine_at(m)
    ts = slot_at(e).ts
    kind = load_u1(e + _KIND_AT)
    if h.now < h.live_from and _is_of_now(m, kind, ts):
        ts = h.now  # amid a back-fill's past
    if h.next_due < ts:
        run_due(m, ts, L.FOREVER)
    h.now = max(h.now, ts)
    if h.live == 1:
        _journal_input(m, e)
    h.pending_used = 0
    handler = -1
    if kind == M.BAR:
        if _known_instrument(m, e):
            apply_bar(m, e)
    elif kind == M.DEPTH:
        if _known_instrument(m, e):
            apply_level(m, e)
            if slot_at(e).code & M.MORE == 0:
                handler = K.ON_BOOK
    elif kind == M.QUOTE:
        if _known_instrument(m, e):
            apply_quote(m, e)
            handler = K.ON_QUOTE
    elif kind == M.TRADE:
        if _known_instrument(m, e):
            apply_trade(m, e)
            handler = K.ON_TRADE
    elif kind >= M.BOOK and kind <= M.ORDER_EXECUTE:
        if _known_instrument(m, e):
            apply_book_message(m, e, kind)
            if slot_at(e).code & M.MORE == 0:
                handler = K.ON_BOOK
    else:
        handler = _apply_rare(m, e, kind)
    if h.algo_head >= 0:
        work_algorithms(m)
    if h.next_flight <= h.now:
        run_due(m, h.now + 1 if h.next_flight == h.now else h.now, L.FOREVER)
    if h.notice_tail < h.notice_head:
        _deliver_notices(m)
    if kind == M.BAR:
        _deliver_bar(m, e)
    elif handler == K.ON_CUSTOM or (handler >= 0 and slot_at(e).code & M.VENUE_ONLY == 0):
        _deliver_market(m, handler, slot_at(e).instrument, e)
    if h.pending_used > 0:
        _deliver_pending(m)
    if h.command_tail < h.command_head or h.notice_tail < h.notice_head:
        _settle(m)
    if h.margin_watched == 1:
        watch_margin(m)
        _settle(m)
    follow_equity(m)
    if h.now >= h.account_due and (h.live == 0 or kind == M.CLOCK):
        journal_account(m)  # live: after the bars that the clock closes, so that time goes on
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
        if h.next_due < ts:
            # Here and not within the step: between two events may lie more timers than the
            # journal has room for.
            run_due(m, ts, stop)
            _halt_where_failed(m)
            if h.next_due < ts or h.state != K.RUNNING:
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
