"""What an order takes of the account, what is free, and when a position can't be held any more.

Every amount is in ledger units of the account's currency. What is free is the account's own funds
less what positions and working orders hold of them; a new order may take what is free, and takes
as much as it makes the held amount larger. One that only closes a position takes nothing.
"""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine.block import engine_at, instrument, market, order, position, venue
from alphaforge.engine.contingency import is_exit
from alphaforge.engine.fees import rate_fee
from alphaforge.engine.jit import hot, kernel, part
from alphaforge.engine.money import notional, notional_fits, share

_MOST = 2**61
"""Sums of amounts stop here: more is never free."""


@kernel
def balance(m):
    """Cash as a broker shows it: what margined positions cost isn't paid; ledger units."""
    h = engine_at(m)
    return h.cash + h.margined


@kernel
def equity(m):
    """Cash and positions at their marks, ledger units."""
    h = engine_at(m)
    return h.cash + h.market_value


@hot
def is_paid(m, i):
    """Whether an instrument is paid for with cash that is there: a cash account, no margin."""
    record = instrument(m, i)
    return record.margined == 0 and venue(m, record.venue).margin == K.MARGIN_CASH


# --- what is held ---------------------------------------------------------------------------------


@kernel
def own_price(m, slot, price, stop):
    """The price an order names, its limit or else its trigger (0 none), else the mark; ticks."""
    if price > 0:
        return price
    if stop > 0:
        return stop
    return market(m, order(m, slot).instrument).mark


@kernel
def worst_price(m, slot, price, stop):
    """Of the prices an order with these may fill at, the one that makes the largest amount; ticks.

    One is its own. The other is the trigger where it still waits for that, and else the touch, if
    that is within its limit: what is sold at 800 into a bid of 1,000 fills at 1,000.
    """
    o = order(m, slot)
    k = market(m, o.instrument)
    own = own_price(m, slot, price, stop)
    other = k.ask if o.side > 0 else k.bid
    if stop > 0 and o.triggered == 0:
        other = stop
    elif price > 0 and (other - price) * o.side > 0:
        return own
    if other <= 0 or own <= 0:
        return own
    return min(own, other) if instrument(m, o.instrument).inverse == 1 else max(own, other)


@kernel
def _takes(m, i, side, price, lots):
    """What lots are valued at.

    In a cash account a purchase takes its fee too, so that cash doesn't fall below zero by it.
    """
    if not notional_fits(m, i, price, lots):
        return _MOST
    amount = abs(notional(m, i, price, lots))
    if is_paid(m, i) and side > 0:
        amount += max(0, rate_fee(m, i, amount, lots, K.TAKER))
    return min(amount, _MOST)


@kernel
def together(m, apart, slot):
    """Whether an order is ``apart`` or a peer of it: of them one alone fills."""
    if apart < 0:
        return False
    at = apart
    for _ in range(engine_at(m).orders_n):
        if at == slot:
            return True
        at = order(m, at).peer
        if at == apart:
            return False
    return False


@kernel
def _cheaper(m, i, price, other):
    """Of two prices the one that makes the smaller amount; ticks, 0 none."""
    if price <= 0 or other <= 0:
        return max(price, other)
    return max(price, other) if instrument(m, i).inverse == 1 else min(price, other)


@kernel
def _if_filled(m, i, base, net, lots, amount, cheapest):
    """Notional of the position once every order of one side has filled.

    ``net`` is signed by that side: where it is negative the side closes before it opens, and only
    what opens counts. It may be the cheapest that fills first, and closes.
    """
    if net >= 0:
        return min(base + amount, _MOST)
    if lots <= -net:
        return 0
    return max(0, amount - _takes(m, i, 0, cheapest, -net))


@part("int64(int64, int64, int64, int64, int64, int64)")
def held(m, i, apart, side, lots, price):
    """What an instrument's position and working orders hold, ledger units.

    Parameters
    ----------
    apart : slot of an order that is left out with its peers, -1 none
    side, lots, price : of an order that counts beside the working ones; ``lots`` 0 none

    Notes
    -----
    Cash: the amounts of working purchases with their fees. Margin: the initial margin on the
    largest of what the position is, what all working purchases would make of it, and what all
    working sales would, those that close it being the cheapest; orders at their worst prices, the
    position at its mark, and at its cost where the margin is isolated. Cost: one pass over the
    instrument's working orders.
    """
    record, k = instrument(m, i), market(m, i)
    kind = venue(m, record.venue).margin
    if kind == K.MARGIN_NONE:
        return 0
    buying, to_buy, bid, selling, to_sell, offer = 0, 0, 0, 0, 0, 0
    if lots > 0 and side > 0:
        buying, to_buy, bid = lots, _takes(m, i, side, price, lots), price
    elif lots > 0:
        selling, to_sell, offer = lots, _takes(m, i, side, price, lots), price
    slot = k.open_head
    while slot >= 0:
        o = order(m, slot)
        if o.counted == 1 and o.leaves > 0 and not together(m, apart, slot):
            worst = worst_price(m, slot, o.price, o.stop)
            amount = _takes(m, i, o.side, worst, o.leaves)
            if o.side > 0:
                buying += o.leaves
                to_buy = min(to_buy + amount, _MOST)
                bid = _cheaper(m, i, bid, worst)
            else:
                selling += o.leaves
                to_sell = min(to_sell + amount, _MOST)
                offer = _cheaper(m, i, offer, worst)
        slot = o.next
    if is_paid(m, i):
        return to_buy
    p = position(m, 0, i)
    base = abs(p.cost) if kind == K.MARGIN_ISOLATED else abs(k.value)
    bought = share(m, _if_filled(m, i, base, p.qty, buying, to_buy, bid), record.initial_ppb)
    sold = share(m, _if_filled(m, i, base, -p.qty, selling, to_sell, offer), record.initial_ppb)
    if kind == K.MARGIN_ISOLATED:
        # What a reversal frees isn't the whole margin where the position has lost of it.
        lost = max(0, p.cost - k.value)
        bought += lost if buying > -p.qty > 0 else 0
        sold += lost if selling > p.qty > 0 else 0
    return max(share(m, base, record.initial_ppb), max(bought, sold))


@part("int64(int64, int64, int64, int64, int64)")
def needed(m, slot, lots, price, stop):
    """What an order of so many lots at a limit and a trigger takes of the free balance.

    Ledger units. The order itself, where it works already, and its peers aren't counted beside it.
    """
    o = order(m, slot)
    after = held(m, o.instrument, slot, o.side, lots, worst_price(m, slot, price, stop))
    return max(0, after - held(m, o.instrument, -1, 0, 0, 0))


@kernel
def is_backed(m, slot):
    """Whether another order answers for this one: it closes only, or is part of an algorithm's."""
    o = order(m, slot)
    if o.exec_flags & (K.REDUCE_ONLY | K.CLOSE_POSITION):
        return True
    if o.parent < 0:
        return False
    p = order(m, o.parent)
    return p.type >= K.FIRST_ALGORITHM or (is_exit(m, slot) and o.qty <= p.qty)


@part("int64(int64, int64)")
def sellable(m, slot):
    """Lots that a cash account can still sell: what it holds less what is being sold already."""
    i = order(m, slot).instrument
    lots = max(0, position(m, 0, i).qty)
    at = market(m, i).open_head
    while at >= 0:
        o = order(m, at)
        if o.side < 0 and o.counted == 1 and not together(m, slot, at):
            lots -= o.leaves
        at = o.next
    return max(0, lots)


# --- what is there --------------------------------------------------------------------------------


@kernel
def _own(m, i):
    """What a position adds to cash: its value; where margin is isolated its cost.

    What is paid for in a cash account can't be spent a second time, so it adds nothing.
    """
    k = market(m, i)
    if is_paid(m, i):
        return min(0, k.value)
    if venue(m, instrument(m, i).venue).margin == K.MARGIN_ISOLATED:
        return position(m, 0, i).cost
    return k.value


@part("int64(int64)")
def free_balance(m):
    """What new orders may take, ledger units; below 0 nothing.

    Cost: one pass over the instruments and the working orders.
    """
    h = engine_at(m)
    free = h.cash
    for i in range(h.instruments_used):
        free = max(free + _own(m, i) - held(m, i, -1, 0, 0, 0), -_MOST)
    return free


@kernel
def _isolated_margin(m, i):
    """What backs a position of its own: the initial margin on its cost."""
    if venue(m, instrument(m, i).venue).margin != K.MARGIN_ISOLATED:
        return 0
    return share(m, abs(position(m, 0, i).cost), instrument(m, i).initial_ppb)


@kernel
def maintenance(m, i):
    """What an instrument's position must be backed with, ledger units."""
    return share(m, abs(market(m, i).value), instrument(m, i).maintenance_ppb)


@part("int64(int64, int64)")
def required(m, i):
    """What must back an instrument's position, ledger units; 0 where its venue asks for nothing.

    Cross margin: all positions of cross venues together, but for those that are being closed by
    force already. Isolated: its own.
    """
    h = engine_at(m)
    kind = venue(m, instrument(m, i).venue).margin
    if kind == K.MARGIN_ISOLATED:
        return maintenance(m, i)
    if kind != K.MARGIN_CROSS:
        return 0
    total = 0
    for n in range(h.instruments_used):
        crossed = venue(m, instrument(m, n).venue).margin == K.MARGIN_CROSS
        if crossed and (n == i or market(m, n).liquidating == 0):
            total += maintenance(m, n)
    return total


@part("int64(int64, int64)")
def backing(m, i):
    """What backs an instrument's position, ledger units.

    Cross margin: the account's equity, without what isolated positions have to themselves.
    Isolated: what it took at the start, and what it has gained or lost since.
    """
    h = engine_at(m)
    if venue(m, instrument(m, i).venue).margin == K.MARGIN_ISOLATED:
        return _isolated_margin(m, i) + market(m, i).value - position(m, 0, i).cost
    total = h.cash
    for n in range(h.instruments_used):
        total += market(m, n).value if is_paid(m, n) else _own(m, n)
        total -= _isolated_margin(m, n)
    return total


@part("int64(int64)")
def crossed_is_backed(m):
    """1 where all positions that back each other are, those being closed by force among them.

    Cost: two passes over the instruments, where ``required`` and ``backing`` of each would be
    a pass for each.
    """
    first, total = -1, 0
    for i in range(engine_at(m).instruments_used):
        if venue(m, instrument(m, i).venue).margin == K.MARGIN_CROSS:
            first = i if first < 0 else first
            total += maintenance(m, i)
    return 1 if first < 0 or backing(m, first) >= total else 0
