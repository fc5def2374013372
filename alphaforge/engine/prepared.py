"""Memory that the host prepares for the engine: records and rings, as the kernels have them."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import layout as L
from alphaforge.instrument import Instrument
from alphaforge.units import money_to_ledger, to_ns


def room_for_bars(watch: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Memory for the bars that a strategy is shown of the instruments marked 1; no bar yet.

    Laid out as ``engine.shown`` has it; 48 KB an instrument.
    """
    size = 8 + L.SHOWN_BARS * L.SHOWN_BYTES
    memory = np.zeros(watch.size + int(watch.sum()) * size // 8, np.int64)
    watched = np.flatnonzero(watch)
    memory[watched] = 8 * watch.size + size * np.arange(watched.size)
    return memory.view(np.uint8)


def stream_of(seed: int) -> int:
    """The seed of a strategy's random numbers: other streams than a venue's of the same seed."""
    digest = hashlib.sha256(f"strategy {int(seed)}".encode()).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


def instrument_record(instrument: Instrument, currency: str) -> npt.NDArray[Any]:
    """The INSTRUMENT record of an engine whose account is in ``currency``."""
    record = np.zeros(1, L.INSTRUMENT)
    price, lot, value = instrument.price, instrument.quantity, instrument.value
    record["price_num"], record["price_den"] = price.numerator, price.denominator
    record["lot_num"], record["lot_den"] = lot.numerator, lot.denominator
    record["lots_per_unit"] = lot.denominator / lot.numerator
    record["ticks_per_unit"] = price.denominator / price.numerator
    record["value_num"], record["value_den"] = value.numerator, value.denominator
    record["min_lot"] = instrument.qty_lots(float(instrument.min_qty)) if instrument.min_qty else 1
    if instrument.max_qty:
        record["max_lot"] = instrument.qty_lots(float(instrument.max_qty))
    for name in ("min_notional", "max_notional"):
        if getattr(instrument, name):
            record[name] = money_to_ledger(getattr(instrument, name), currency)
    swaps = instrument.swaps
    record["swap_den"] = math.lcm(*(swap.denominator for swap in swaps))
    record["long_swap"], record["short_swap"] = (int(s * record["swap_den"][0]) for s in swaps)
    record["inverse"], record["margined"] = instrument.inverse, instrument.margined
    record["data_only"] = instrument.kind == "synthetic"
    record["fee_den"] = 1
    record["initial_ppb"], record["maintenance_ppb"], record["borrow_ppb"] = instrument.rates
    record["expiry"] = to_ns(instrument.expiry) if instrument.expiry else 0
    record["first_builder"] = -1
    return record
