"""A look at what a live session's strategy holds."""

from __future__ import annotations

from typing import Any

import alphaforge as af
from alphaforge.engine import layout as L
from alphaforge.strategy.fields import from_bytes


def fields_now(lab: af.Lab, paper: Any) -> Any:
    """The strategy's fields as the engine has them."""
    own, entry = lab.live.strategies[paper.slot]
    if entry.state.size:
        record = L.pool(lab.live.engine.block, "strategies")[paper.slot]
        at = int(record["state"])
        found = own.fresh()
        from_bytes(found, lab.live.engine.block[at : at + int(record["bytes"])].copy())
        return found
    return own


def caught_up(lab: af.Lab, eventually: Any) -> None:
    """Wait until the session trades: what is asked during the back-fill isn't sent."""
    live = lab.live
    eventually(lambda: live.exchange.caught_up, 30, "the back-fill")
    eventually(lambda: int(live.engine.header["now"]) >= live.live_from, 30, "its reading")
