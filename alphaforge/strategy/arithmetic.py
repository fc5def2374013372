"""Python's arithmetic of ints in machine code: nothing wraps, nothing is rounded twice.

Numba's ``+`` of two int64 wraps where Python's grows, its ``/`` rounds ints beyond 2**53 before it
divides, and ``//`` of the least int64 by -1 kills the process. Compiled strategies are given these
instead: an int that passes int64 raises an OverflowError, a quotient of ints is rounded once. An
int is compared with a float as it is, where Numba rounds it first: nanoseconds are beyond 2**53.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir as ll
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

_LEAST = -(2**63)
_EXACT = 2**53
_PASSED = "an int passed int64, as far as compiled strategies count"
_WORD = ll.IntType(64)
_OF_WORDS = types.int64(types.int64, types.int64)


def _is_int(kind: Any) -> bool:
    """Whether a type is counted as int64: all ints but the unsigned of 64 bits, and bools."""
    if isinstance(kind, types.Boolean):
        return True
    return isinstance(kind, types.Integer) and (kind.signed or kind.bitwidth < 64)


def _words(context: Any, builder: Any, signature: Any, args: Any) -> list[Any]:
    return [
        context.cast(builder, value, kind, types.int64)
        for value, kind in zip(args, signature.args, strict=True)
    ]


def _raise_where(context: Any, builder: Any, passed: Any) -> None:
    with cgutils.if_unlikely(builder, passed):
        context.call_conv.return_user_exc(builder, OverflowError, (_PASSED,))


def _checked(name: str) -> Callable[..., Any]:
    """Code of ``+``, ``-`` or ``*`` by the machine's own test for a result that doesn't fit."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        left, right = _words(context, builder, signature, args)
        both = getattr(builder, f"s{name}_with_overflow")(left, right)
        _raise_where(context, builder, builder.extract_value(both, 1))
        return builder.extract_value(both, 0)

    return codegen


def _floor_divided(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Code of ``//``: Numba's own, but for the one pair of ints that it can't divide."""
    left, right = _words(context, builder, signature, args)
    least = builder.icmp_signed("==", left, ll.Constant(_WORD, _LEAST))
    minus = builder.icmp_signed("==", right, ll.Constant(_WORD, -1))
    _raise_where(context, builder, builder.and_(least, minus))
    return context.get_function(operator.floordiv, _OF_WORDS)(builder, [left, right])


def _remainder(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Code of ``%``: Numba's own; by -1, which it can't for the least int, nothing is left."""
    left, right = _words(context, builder, signature, args)
    minus = builder.icmp_signed("==", right, ll.Constant(_WORD, -1))
    right = builder.select(minus, ll.Constant(_WORD, 1), right)
    return context.get_function(operator.mod, _OF_WORDS)(builder, [left, right])


def _operation(function: Any, symbol: str, codegen: Any, result: Any = types.int64) -> Any:
    """An operator as a function: ours between ints, Numba's own between anything else."""

    @intrinsic
    def apply(typingctx, left, right):
        left, right = types.unliteral(left), types.unliteral(right)
        if _is_int(left) and _is_int(right):
            return result(left, right), codegen
        own = typingctx.resolve_function_type(function, (left, right), {})
        if own is None:
            raise TypingError(f"{symbol} of {left} and {right} is not supported")

        def plain(context, builder, signature, args):
            return context.get_function(function, signature)(builder, args)

        return own, plain

    return apply


@nb.njit(error_model="python")
def exact_quotient(left, right):
    """``left / right`` of two int64, rounded once, as Python does; ZeroDivisionError for 0.

    Below 2**53 a division of doubles is just that. Above, the quotient's bits are made one by one,
    two more than a double holds, and what is left over sets the lowest: so the conversion rounds
    half to even.
    """
    if right == 0:
        raise ZeroDivisionError("division by zero")
    if -_EXACT <= left <= _EXACT and -_EXACT <= right <= _EXACT:
        return float(left) / float(right)
    above, below = _size(left), _size(right)
    whole, rest, doubled = above // below, above % below, 0
    if whole == np.uint64(0) and rest == np.uint64(0):
        return 0.0
    while whole < np.uint64(2**54):
        rest = rest << np.uint64(1)
        whole = whole << np.uint64(1)
        if rest >= below:
            rest -= below
            whole |= np.uint64(1)
        doubled += 1
    if rest != np.uint64(0):
        whole |= np.uint64(1)
    size = math.ldexp(float(whole), -doubled)
    return size if (left < 0) == (right < 0) else -size


@nb.njit
def _size(x):
    return np.uint64(x) if x >= 0 else np.uint64(0) - np.uint64(x)


def _quotient(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    words = _words(context, builder, signature, args)
    return _called(context, builder, exact_quotient, (types.int64, types.int64), words)


def _called(context: Any, builder: Any, compiled: Any, kinds: Any, args: Any) -> Any:
    """Code of a call of a compiled function."""
    typing = context.typing_context
    kind = typing.resolve_value_type(compiled)
    function = context.get_function(kind, typing.resolve_function_type(kind, kinds, {}))
    context.add_linking_libs(getattr(function, "libs", ()))
    return function(builder, args)


@nb.njit
def compared(whole, x):
    """-1, 0 or 1 as an int64 is below, at or above a float64; 2 where that is NaN."""
    if math.isnan(x):
        return 2
    if -_EXACT <= whole <= _EXACT:
        return (float(whole) > x) - (float(whole) < x)
    if x >= 2.0**63:
        return -1
    if x < -(2.0**63):
        return 1
    near = int(x)  # what it cuts off is less than what lies between it and the int
    return (whole > near) - (whole < near)


def _comparison(name: str, turned: str) -> Any:
    """A comparison as a function: ours of an int and a float, Numba's own of anything else."""
    function = getattr(operator, name)

    @intrinsic
    def compare(typingctx, left, right):
        left, right = types.unliteral(left), types.unliteral(right)
        kinds = left, right
        mixed = any(map(_is_int, kinds)) and any(isinstance(k, types.Float) for k in kinds)
        if mixed and types.boolean not in kinds:
            return types.boolean(left, right), exact
        own = typingctx.resolve_function_type(function, (left, right), {})
        if own is None:
            raise TypingError(f"{name} of {left} and {right} is not supported")

        def plain(context, builder, signature, args):
            return context.get_function(function, signature)(builder, args)

        return own, plain

    def exact(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        straight = _is_int(signature.args[0])
        pairs = list(zip(args, signature.args, strict=True))[:: 1 if straight else -1]
        given = [
            context.cast(builder, value, kind, wanted)
            for (value, kind), wanted in zip(pairs, (types.int64, types.float64), strict=True)
        ]
        found = _called(context, builder, compared, (types.int64, types.float64), given)
        symbol = _SIGNS[name if straight else turned]
        low, high = (builder.icmp_signed("==", found, ll.Constant(_WORD, n)) for n in symbol)
        either = builder.or_(low, high)
        return builder.not_(either) if name == "ne" else either

    return compare


_SIGNS = {"lt": (-1, -1), "le": (-1, 0), "gt": (1, 1), "ge": (0, 1), "eq": (0, 0), "ne": (0, 0)}
"""Comparison -> what ``compared`` gives where it is true; of ``ne`` where it isn't."""


OPERATIONS: dict[Any, Any] = {
    operator.add: _operation(operator.add, "+", _checked("add")),
    operator.sub: _operation(operator.sub, "-", _checked("sub")),
    operator.mul: _operation(operator.mul, "*", _checked("mul")),
    operator.floordiv: _operation(operator.floordiv, "//", _floor_divided),
    operator.mod: _operation(operator.mod, "%", _remainder),
    operator.truediv: _operation(operator.truediv, "/", _quotient, types.float64),
    operator.lt: _comparison("lt", "gt"),
    operator.le: _comparison("le", "ge"),
    operator.gt: _comparison("gt", "lt"),
    operator.ge: _comparison("ge", "le"),
    operator.eq: _comparison("eq", "eq"),
    operator.ne: _comparison("ne", "ne"),
}
"""Python's operator -> what compiled strategies call instead."""
