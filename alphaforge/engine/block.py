"""Views into the block: each record of each pool by its index, read and written in place.

``m`` is the block's address everywhere in the kernels. Nothing here checks an index: callers hold
valid ones, and the suite runs once with the JIT off, where a wild address would crash at once.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine import messages as M
from alphaforge.engine.atomic import load_i8, load_u1, store_i8, view
from alphaforge.engine.jit import hot, kernel

engine_at = view(L.ENGINE)
slot_at = view(M.SLOT)
bar_at = view(M.BAR_SLOTS)
order_slots_at = view(M.ORDER_SLOTS)
instrument_at = view(L.INSTRUMENT)
market_at = view(L.MARKET)
book_at = view(L.BOOK)
level_at = view(L.LEVEL)
far_at = view(L.FAR)
queued_at = view(L.QUEUED)
submit_slots_at = view(M.SUBMIT_SLOTS)
resting_at = view(L.RESTING)
exchange_at = view(L.EXCHANGE)
venue_at = view(L.VENUE)
tier_at = view(L.TIER)
latency_at = view(L.LATENCY)
flight_at = view(L.FLIGHT)
known_at = view(L.KNOWN)
position_at = view(L.POSITION)
order_at = view(L.ORDER)
key_at = view(L.KEY)
strategy_at = view(L.STRATEGY)
swap_at = view(L.SWAP)
builder_at = view(L.BUILDER)
timer_at = view(L.TIMER)
alert_at = view(L.ALERT)
command_at = view(L.COMMAND)
notice_at = view(L.NOTICE)
alert_notice_at = view(L.ALERT_NOTICE)
shown_at = view(L.SHOWN)
custom_at = view(M.CUSTOM_SLOT)


@hot
def instrument(m, i):
    """The i-th instrument."""
    return instrument_at(m + engine_at(m).instruments_at + i * L.INSTRUMENT_BYTES)


@hot
def market(m, i):
    """What is known of the i-th instrument's market."""
    return market_at(m + engine_at(m).markets_at + i * L.MARKET_BYTES)


@hot
def book(m, b):
    """The b-th book: instrument b's; the venue's, ``delayed`` on, where our feed is late."""
    return book_at(m + engine_at(m).books_at + b * L.BOOK_BYTES)


@hot
def far(m, n):
    """The n-th place for levels outside of the windows."""
    return far_at(m + engine_at(m).far_at + n * L.FAR_BYTES)


@hot
def queued(m, slot):
    """The order of others in a slot of the pool."""
    return queued_at(m + engine_at(m).queued_at + slot * L.QUEUED_BYTES)


@hot
def queued_key(m, n):
    """The n-th place of the index of others' orders."""
    return key_at(m + engine_at(m).queued_index_at + n * L.KEY_BYTES)


@hot
def resting(m, slot):
    """What the simulated venue knows of the order in a slot."""
    return resting_at(m + engine_at(m).resting_at + slot * L.RESTING_BYTES)


@hot
def exchange(m, i):
    """What the simulated venue knows of the i-th instrument."""
    return exchange_at(m + engine_at(m).exchanges_at + i * L.EXCHANGE_BYTES)


@hot
def venue(m, v):
    """The v-th venue."""
    return venue_at(m + engine_at(m).venues_at + v * L.VENUE_BYTES)


@hot
def flight(m, n):
    """A request or answer on its way, by its number among those ever."""
    h = engine_at(m)
    return flight_at(m + h.flights_at + (n & (h.flights_n - 1)) * L.FLIGHT_BYTES)


@hot
def position(m, owner, i):
    """Owner 0 is the net of all, 1 the host (cells, the ticket), 2 + k strategy k."""
    h = engine_at(m)
    return position_at(m + h.positions_at + (owner * h.instruments_n + i) * L.POSITION_BYTES)


@hot
def order(m, slot):
    """The order in a slot of the pool."""
    return order_at(m + engine_at(m).orders_at + slot * L.ORDER_BYTES)


@hot
def key(m, i):
    """The i-th place of the index by order id."""
    return key_at(m + engine_at(m).index_at + i * L.KEY_BYTES)


@hot
def strategy(m, k):
    """The k-th strategy."""
    return strategy_at(m + engine_at(m).strategies_at + k * L.STRATEGY_BYTES)


@hot
def watches(m, k, i):
    """1 where strategy ``k`` trades instrument ``i``."""
    h = engine_at(m)
    return load_u1(m + h.watches_at + k * h.instruments_n + i)


@hot
def builder(m, k):
    """The k-th bar builder."""
    return builder_at(m + engine_at(m).builders_at + k * L.BUILDER_BYTES)


@hot
def timer(m, k):
    """The n-th waiting timer."""
    return timer_at(m + engine_at(m).timers_at + k * L.TIMER_BYTES)


@hot
def alert(m, k):
    """The alert in a slot of the pool."""
    return alert_at(m + engine_at(m).alerts_at + k * L.ALERT_BYTES)


@hot
def command_slot(m, sequence):
    """A command by its number in the queue of this event."""
    h = engine_at(m)
    return command_at(m + h.commands_at + (sequence & (h.commands_n - 1)) * L.COMMAND_BYTES)


@hot
def notice_address(m, sequence):
    """The address of an order or fill event by its number."""
    h = engine_at(m)
    return m + h.notices_at + (sequence & (h.notices_n - 1)) * L.NOTICE_BYTES


@hot
def pending_bar(m, k):
    """Address of the k-th bar that closed within this event."""
    return m + engine_at(m).pending_at + k * M.BAR_SLOTS_BYTES


@hot
def rate_time(m, n):
    """When the n-th order ever was counted against the rate limit."""
    h = engine_at(m)
    return load_i8(m + h.rates_at + (n % h.rates_n) * 8)


@hot
def set_rate_time(m, n, ts):
    """Note when the n-th order was counted."""
    h = engine_at(m)
    store_i8(m + h.rates_at + (n % h.rates_n) * 8, ts)


@kernel
def fail(m, fault):
    """Remember the first fault; the engine halts at the end of this event."""
    h = engine_at(m)
    if h.fault == K.FAULT_NONE:
        h.fault = fault
        h.fault_event = h.events
