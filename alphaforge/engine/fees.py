"""What a fill costs: maker and taker rates by turnover, an amount a lot, a least amount."""

from __future__ import annotations

from alphaforge.engine import codes as K
from alphaforge.engine import layout as L
from alphaforge.engine.block import engine_at, instrument, tier_at, venue
from alphaforge.engine.jit import hot, kernel
from alphaforge.engine.money import mul_div, share


@hot
def _tier(m, n):
    return tier_at(m + engine_at(m).tiers_at + n * L.TIER_BYTES)


@kernel
def _tier_rate(m, v, liquidity):
    """The rate of the highest tier that the turnover so far has reached, parts per billion."""
    here = venue(m, v)
    rate = here.maker_ppb if liquidity == K.MAKER else here.taker_ppb
    for n in range(here.tier_first, here.tier_first + here.tier_count):
        t = _tier(m, n)
        if here.turnover >= t.turnover:
            rate = t.maker_ppb if liquidity == K.MAKER else t.taker_ppb
    return rate


@kernel
def rate_fee(m, i, amount, lots, liquidity):
    """The fee of a fill at the turnover so far, ledger units; negative is a rebate.

    Parameters
    ----------
    amount : notional, ledger units, positive
    lots : positive

    Notes
    -----
    A rate rounds half to even to the ledger unit, so does the amount for all lots that is added,
    then the least fee applies (never to a rebate), then the sum is rounded half to even to
    ``fee_minor``.
    """
    record = instrument(m, i)
    here = venue(m, record.venue)
    fee = share(m, amount, _tier_rate(m, record.venue, liquidity))
    if record.fee_num > 0:
        fee += mul_div(m, lots, record.fee_num, record.fee_den)
    if fee >= 0 and fee < here.fee_least:
        fee = here.fee_least
    if here.fee_minor > 1:
        fee = mul_div(m, fee, 1, here.fee_minor) * here.fee_minor
    return fee


@kernel
def fee_of(m, i, amount, lots, liquidity):
    """The fee of one fill as ``rate_fee`` has it, by the turnover before: it makes no tier itself.

    Mutates the venue's turnover, where tiers are reached by it.
    """
    here = venue(m, instrument(m, i).venue)
    amount = abs(amount)
    fee = rate_fee(m, i, amount, lots, liquidity)
    if here.tier_count > 0:
        here.turnover += amount
    return fee
