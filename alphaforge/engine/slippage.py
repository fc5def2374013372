"""By how much a taker's fill is worse than the price shown, where data shows no depth."""

from __future__ import annotations

import math

from alphaforge.engine import codes as K
from alphaforge.engine.block import instrument, venue
from alphaforge.engine.jit import kernel

_BPS = 10_000.0


@kernel
def slipped(m, i, side, price, lots, volume, limit):
    """The price that a taker gets, ticks: worse by the venue's model, never past its limit.

    Parameters
    ----------
    lots : of this fill
    volume : lots of the market that it is part of, a bar's or the touch's; 0 unknown
    limit : ticks; 0 none

    Notes
    -----
    Ticks: a number of ticks. Basis points: of the price. Volume share: the price times an impact
    times the square of the share of the volume (zipline's ``VolumeShareSlippage``). Square root:
    the price times a coefficient times the root of the share (Almgren, Thum, Hauptmann, Li, "Direct
    estimation of equity market impact", 2005, in its common form). What falls between ticks is
    rounded against the taker.
    """
    v = venue(m, instrument(m, i).venue)
    if v.slippage == K.SLIP_NONE:
        return price
    share = lots / volume if volume > 0 else 0.0
    if v.slippage == K.SLIP_TICKS:
        away = v.slip_a
    elif v.slippage == K.SLIP_BPS:
        away = price * v.slip_a / _BPS
    elif v.slippage == K.SLIP_VOLUME_SHARE:
        away = price * v.slip_a * share * share
    else:
        away = price * v.slip_a * math.sqrt(share)
    got = max(1, price + side * math.ceil(away - 1e-9))
    if limit > 0 and (limit - got) * side < 0:
        return limit
    return got
