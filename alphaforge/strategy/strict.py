"""Python's own errors where machine code would go on with a wrong number.

Compiled, ``math.sqrt(-1.0)`` is NaN and ``int(nan)`` some integer; in Python both raise. A strategy
must do the same in both modes, so compiled handlers call these instead.
"""

from __future__ import annotations

import math
import types as py
from typing import Any

import numba as nb

_INT64 = 2.0**63


@nb.njit
def sqrt(x):
    """Square root; ValueError below zero."""
    if x < 0.0:
        raise ValueError("math domain error")
    return math.sqrt(x)


@nb.njit
def floor(x):
    """The largest integer that isn't above; ValueError for NaN, OverflowError past int64."""
    if not -_INT64 <= x < _INT64:
        raise ValueError("cannot convert float NaN or infinity to integer")
    return math.floor(x)


@nb.njit
def ceil(x):
    """The smallest integer that isn't below; ValueError for NaN, OverflowError past int64."""
    if not -_INT64 <= x < _INT64:
        raise ValueError("cannot convert float NaN or infinity to integer")
    return math.ceil(x)


@nb.njit
def to_int(x):
    """``int(x)``: toward zero; ValueError for NaN, OverflowError past int64."""
    if not -_INT64 <= x < _INT64:
        raise ValueError("cannot convert float NaN or infinity to integer")
    return int(x)


MATH: Any = py.ModuleType("math", "The module math, with Python's errors.")
for _name in dir(math):
    setattr(MATH, _name, getattr(math, _name))
MATH.sqrt, MATH.floor, MATH.ceil = sqrt, floor, ceil

FUNCTIONS = {id(math.sqrt): sqrt, id(math.floor): floor, id(math.ceil): ceil}
"""By the identity of what ``from math import ...`` brings."""

BUILTINS = {"int": to_int}
"""By name, where a handler doesn't mean a global of its own."""
