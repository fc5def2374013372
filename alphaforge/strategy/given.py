"""What a handler may give where a number is expected: the same in both modes, in the same words.

Python mode looks at each value, compiled mode at each argument's type, before it can be cut off.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.core.errors import TypingError

from alphaforge.errors import StrategyError

_MOST = 2**63
_WANTED = {
    "instrument": "a number such as bar.instrument",
    "order_id": "the id of an order, such as ctx.buy(...) gives",
    "first": "the id of an order, such as ctx.buy(...) gives",
    "second": "the id of an order, such as ctx.buy(...) gives",
    "side": "a constant such as af.BUY",
    "tif": "a constant such as af.IOC",
    "trigger": "a constant such as af.MARK",
    "trail_unit": "a constant such as af.TRAIL_BPS",
    "stp": "a constant such as af.CANCEL_OLDEST",
    "kind": "a constant such as af.OUO",
}
"""What a parameter wants."""
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "float | None": "a number",
    "bool": "True or False",
}
"""What others want, as they are annotated."""


def whole(name: str, value: Any) -> int:
    """A whole number as kernels take it.

    Raises
    ------
    StrategyError
        For a float, a text and whatever else isn't one.
    """
    if not isinstance(value, (int, np.integer, np.bool_)):
        raise StrategyError(_words(name, "a whole number", repr(value)))
    found = int(value)
    if not -_MOST <= found < _MOST:
        raise StrategyError(_words(name, "a whole number of 64 bits", repr(value)))
    return found


def number(name: str, value: Any) -> float:
    """A number as kernels take it."""
    if type(value) is float:
        return value
    if not isinstance(value, (int, float, np.integer, np.floating, np.bool_)):
        raise StrategyError(_words(name, "a number", repr(value)))
    return float(value)


def price(name: str, value: Any) -> float:
    """A price that may be left out: NaN where it is None, infinity, which is denied, where NaN."""
    if value is None:
        return math.nan
    value = number(name, value)
    return math.inf if math.isnan(value) else value


def flag(name: str, value: Any) -> bool:
    """A yes or no; a number is no where it is 0."""
    if not isinstance(value, (int, float, np.integer, np.floating, np.bool_)):
        raise StrategyError(_words(name, _KINDS["bool"], repr(value)))
    return bool(value)


def a_text(name: str, value: Any) -> str:
    """A name or a line to log."""
    if not isinstance(value, str):
        raise StrategyError(_words(name, "a text such as 'spread'", repr(value)))
    return value


def at_least(name: str, value: Any, least: int) -> int:
    """A whole number that isn't below the least."""
    found = whole(name, value)
    if found < least:
        raise StrategyError(_words(name, f"{least} or more", repr(value)))
    return found


def a_side(value: Any) -> int:
    """A side of a book."""
    side = whole("side", value)
    if side not in (1, -1):
        raise StrategyError(f"side must be af.BUY, the bids, or af.SELL, the asks, not {side}.")
    return side


def _words(name: str, wanted: str, found: str) -> str:
    return f"{name} must be {_WANTED.get(name, wanted)}, not {found}."


# --- compiled -------------------------------------------------------------------------------------


def check_types(call: str, annotations: dict[str, str], given: dict[str, Any]) -> None:
    """Refuse the types of a call's arguments that its parameters don't take.

    Parameters
    ----------
    annotations : dict
        Parameter -> ``int``, ``float``, ``float | None``, ``bool`` or ``str``.
    given : dict
        Parameter -> numba type, or the default where it is left out.

    Raises
    ------
    TypingError
        Which the compiler turns into a sentence with the user's line.
    """
    for name, type_ in given.items():
        kind = annotations[name]
        if not isinstance(type_, types.Type) or isinstance(type_, types.Omitted):
            continue
        if kind == "str":
            if not isinstance(type_, types.StringLiteral):
                raise TypingError(
                    f"{call}: {name} must be a text that is written there, such as "
                    "'spread', not one that is made."
                )
        elif not _fits(kind, type_):
            raise TypingError(f"{call}: " + _words(name, _KINDS[kind], _named(type_)))


def _fits(kind: str, type_: Any) -> bool:
    if kind == "float | None":
        if isinstance(type_, types.NoneType):
            return True
        if isinstance(type_, types.Optional):
            type_ = type_.type
    if kind == "int":
        return isinstance(type_, (types.Integer, types.Boolean))
    return isinstance(type_, (types.Integer, types.Float, types.Boolean))


def _named(type_: Any) -> str:
    """A numba type as people say it."""
    if isinstance(type_, types.Float):
        return "a float"
    if isinstance(type_, (types.UnicodeType, types.StringLiteral)):
        return "a text"
    if isinstance(type_, types.NoneType):
        return "None"
    if isinstance(type_, types.Optional):
        return "what may be None"
    if isinstance(type_, types.BaseTuple):
        return "a tuple"
    if isinstance(type_, types.Array):
        return "an Array"
    return "an object" if isinstance(type_, types.Record) else "a method"
