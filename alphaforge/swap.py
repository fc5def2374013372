"""Hot swap: other code for a strategy that trades, between two events; what it holds stays.

Its orders, positions and timers are the engine's and aren't touched. Its fields are carried over by
name: a field keeps what it holds, unless it is of another type now, or the new source (or the one
who swaps) starts it with another value than before: then it begins with that.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from alphaforge.engine import layout as L
from alphaforge.errors import AlphaForgeError, EngineHalted
from alphaforge.strategy.base import Strategy
from alphaforge.strategy.compile import Entry
from alphaforge.strategy.digest import class_digest
from alphaforge.strategy.fields import (
    Array,
    Fields,
    dtype_of,
    fields_of,
    from_bytes,
    record_dtype,
    to_bytes,
    window_bytes,
)

Held = tuple[Strategy, Entry]
"""A strategy's object, and what the engine calls."""

_CARRY = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


@dataclass(frozen=True)
class Swap:
    """What became of a swap.

    Attributes
    ----------
    strategy : str
    kept : list of str
        Fields that go on with what they held.
    changed : list of str
        Fields that begin anew, with why.
    """

    strategy: str
    kept: list[str]
    changed: list[str]

    def __repr__(self) -> str:
        kept = ", ".join(self.kept) or "no field"
        told = "".join(f"\n  {line}" for line in self.changed)
        return f"{self.strategy} runs its new code; position and orders stay, {kept} kept{told}"


def carry_over(old: Fields, began: Fields, new: Fields) -> tuple[list[str], list[str]]:
    """Give a new object what an old one holds, where it can; what was kept, and what wasn't.

    Parameters
    ----------
    old : Fields
        As it is now.
    began : Fields
        The same as it was at its start.
    new : Fields
        As it would start; mutated.
    """
    kept, changed = [], []
    before, now = fields_of(type(old)), fields_of(type(new))
    for name, kind in now.items():
        fresh = getattr(new, name)
        if name not in before:
            changed.append(f"{name} is new: {_text(fresh)}")
            continue
        held, first = getattr(old, name), getattr(began, name)
        if not _is_same_kind(type(old), type(new), name, before[name], kind):
            words = f"{_kind_text(old, name)} and is {_kind_text(new, name)} now"
            changed.append(f"{name} was {words}: begins with {_text(fresh)}")
        elif _text(first) != _text(fresh):
            changed.append(f"{name} was {_text(held)}: begins with {_text(fresh)}")
        else:
            object.__setattr__(new, name, held)
            kept.append(name)
    changed += [f"{name} is gone" for name in before if name not in now]
    return kept, changed


def _is_same_kind(old: type, new: type, name: str, before: Any, now: Any) -> bool:
    if isinstance(before, type) and isinstance(now, type) and issubclass(now, Fields):
        return issubclass(before, Fields) and class_digest(before) == class_digest(now)
    return bool(before is now and (now is not Array or dtype_of(old, name) == dtype_of(new, name)))


def _kind_text(holder: Fields, name: str) -> str:
    value = getattr(holder, name)
    if isinstance(value, Array):
        return f"an Array of {value.kind.__name__}s"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


def _text(value: Any) -> str:
    return str(value.summary()) if isinstance(value, Array) else repr(value)


def swap(engine: Any, slot: int, old: Held, began: Strategy, new: Held) -> Swap:
    """Give the strategy in a slot other code and carry its fields over.

    Parameters
    ----------
    old, new : tuple
        The strategy's object and its entry, in either mode.
    began : Strategy
        The old one as it was at its start.

    Raises
    ------
    EngineHalted
        Where it can't: the strategy was stopped, or the engine has no room; nothing has changed.
    """
    own, entry = new
    told: list[Any] = []

    def carry(_: int, state: int, target: int) -> int:
        try:
            told.append(carry_over(_as_it_is(old, state), began, own))
            if entry.state.size:
                memory = to_bytes(own)
                ctypes.memmove(target, memory.ctypes.data, memory.size)
        except Exception as error:  # nothing may cross the kernel
            told.append(error)
            return 1
        return 0

    callback = _CARRY(carry)
    address = ctypes.cast(callback, ctypes.c_void_p).value or 0
    digest = int.from_bytes(bytes.fromhex(class_digest(type(own))), "little", signed=True)
    if int(L.pool(engine.block, "strategies")[slot]["running"]) == 0:
        raise EngineHalted(
            f"{type(old[0]).__name__} was stopped, so nothing can go on with {type(own).__name__}. "
            "Start it anew: lab.paper(...)."
        )
    try:
        engine.swap_strategy(slot, entry, address, digest)
    except AlphaForgeError as error:
        cause = told[0] if told and isinstance(told[0], Exception) else error
        raise EngineHalted(
            f"{type(own).__name__} can't be swapped in: {cause} The old code goes on."
        ) from cause
    return Swap(type(own).__name__, *told[0])


def _as_it_is(old: Held, state: int) -> Strategy:
    """The old strategy's fields now: the object's own, or those of its record."""
    own, entry = old
    if not entry.state.size:
        return own
    size = record_dtype(type(own)).itemsize + window_bytes(own)
    memory = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(state))
    found = own.fresh()
    from_bytes(found, memory)
    return found
