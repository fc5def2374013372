"""The call that raised in compiled code, once more in Python: for its traceback."""

from __future__ import annotations

from typing import Any

from alphaforge.engine import layout as L
from alphaforge.engine.engine import Engine
from alphaforge.engine.journal import Journal
from alphaforge.engine.watchdog import was_ended, watched
from alphaforge.strategy.base import Strategy
from alphaforge.strategy.compile import python_entry
from alphaforge.strategy.fields import from_bytes

_ENDLESS_S = 2.0  # for the second run of a handler that was ended once


def rerun_in_python(engine: Engine, own: Strategy, slot: int) -> BaseException | None:
    """What a halted live engine's faulting call raises in python mode, from before that call.

    Runs on a copy of the block; the engine is left as it is.
    """
    fork = Engine(currency=engine.currency, live=True, capacities=engine.capacities)
    fork.block[:] = engine.block
    record = L.pool(fork.block, "strategies")[slot]
    start = int(record["before"])
    copy = own.fresh()
    from_bytes(copy, fork.block[start : start + int(record["bytes"])])
    python = python_entry(copy)
    scratch = Journal(1 << 12)
    record["draws"] = record["draws_before"]
    header: Any = fork.header
    header["journal"], header["out"], header["fault"] = scratch.address, 0, 0
    handler, event = int(header["fault_handler"]), int(header["view_event"])
    low, size = engine.address, engine.block.size
    if low <= event < low + size:  # a bar or a notice inside the block: look at the copy's
        header["view_event"] = fork.address + event - low
    header["view_instrument"] += fork.address - low
    header["view_engine"] = fork.address
    header["calls"] = 1  # the watchdog looks at it: what loops in compiled code does so here
    with watched(header, python=True, limit_s=_ENDLESS_S if was_ended() else None):
        python.call(handler, 0, fork.address)
    return python.error
