"""Records with methods: what ``self``, ``ctx`` and events are inside compiled handlers.

Numba gives records fields but no methods, and takes two records with equal fields for one type.
Here a subclass of its ``Record`` carries a digest in its key (so that a re-run cell with another
body is another type), and each such type has a class of its own that methods hang on.
"""

from __future__ import annotations

import inspect
from typing import Any

import numba as nb
import numpy as np
from numba import types
from numba.extending import intrinsic, models, overload_attribute, overload_method, register_model

UNWRAPPED = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options for what only compiled code calls: wrappers would be a quarter of a strategy's time."""

inner: Any = nb.njit(error_model="numpy", **UNWRAPPED)
"""Compile a function that only compiled code calls."""


class Obj(types.Record):  # type: ignore[misc]  # numba has no types
    """A record type that methods can be hung on; ``digest`` keeps equal ones apart."""

    def __init__(self, fields: Any, size: int, aligned: bool, digest: str) -> None:
        self.digest = digest
        super().__init__(fields, size, aligned)
        self.name += "#" + digest

    def can_convert_to(self, typingctx: Any, other: Any) -> None:
        """Never: numba would take a record of equal fields, and its code, for this one."""

    @property
    def key(self) -> tuple[str, str]:
        """What numba compares: two types are one where their keys are."""
        return self.name, self.digest


def obj(record: np.dtype[Any], digest: str, nested: dict[str, Any] | None = None) -> Obj:
    """The numba type of a record dtype, with some of its fields given other types.

    It gets a Python class of its own, because numba finds methods and attributes by class.
    """
    class_ = type(f"Obj_{digest}", (Obj,), {})
    register_model(class_)(models.RecordModel)
    plain = nb.from_dtype(record)
    inside = nested or {}
    fields = [
        (name, {"type": inside.get(name, field.type), "offset": field.offset})
        for name, field in plain.fields.items()
    ]
    return class_(fields, plain.size, plain.aligned, digest)  # type: ignore[no-any-return]  # as above


def add_method(type_: Obj, declared: Any, function: Any, check: Any = None) -> None:
    """Hang a method on a record type.

    Parameters
    ----------
    declared : function
        Has the method's name, and its parameters with their defaults after ``self``.
    function : dispatcher
        Called with the record and every argument.
    check : callable, optional
        Called with the arguments' numba types by name; refuses them by raising a TypingError.
    """
    parameters = list(inspect.signature(declared).parameters.values())[1:]
    written = [p.name if p.default is p.empty else f"{p.name}=_{p.name}" for p in parameters]
    named = ", ".join(f"{p.name!r}: {p.name}" for p in parameters)
    checked = f"    _check({{{named}}})\n" if check is not None else ""
    # Numba wants a resolver and an implementation with the method's own parameter names.
    source = (
        f"def resolve({', '.join(['self', *written])}):\n"
        + checked
        + f"    def implementation({', '.join(['self', *written])}):\n"
        f"        return function({', '.join(['self', *(p.name for p in parameters)])})\n"
        "    return implementation"
    )
    made: dict[str, Any] = {f"_{p.name}": p.default for p in parameters}
    made["function"] = function
    made["_check"] = check
    exec(source, made)
    overload_method(type(type_), declared.__name__, jit_options=UNWRAPPED)(made["resolve"])


def add_named(type_: Obj, declared: Any, function: Any, id_of: Any, check: Any) -> None:
    """Hang a method on a record type whose first argument is a text that is written there.

    ``function`` is called with the record, ``id_of(text)`` and the other argument.
    """
    _, first, second = inspect.signature(declared).parameters.values()
    scope: dict[str, Any] = {"check": check, "id_of": id_of, "function": function}
    scope["default"] = second.default
    value = second.name if second.default is second.empty else f"{second.name}=default"
    source = (
        f"def resolve(self, {first.name}, {value}):\n"
        f"    check({{{first.name!r}: {first.name}, {second.name!r}: {second.name}}})\n"
        f"    text_id = id_of({first.name}.literal_value)\n"
        f"    def implementation(self, {first.name}, {value}):\n"
        f"        return function(self, text_id, {second.name})\n"
        "    return implementation"
    )
    exec(source, scope)
    overload_method(type(type_), declared.__name__, prefer_literal=True, jit_options=UNWRAPPED)(
        scope["resolve"]
    )


def add_attribute(type_: Obj, name: str, function: Any) -> None:
    """Hang a computed attribute on a record type; ``function`` is called with the record."""

    def resolve(self):
        return lambda self: function(self)

    overload_attribute(type(type_), name, jit_options=UNWRAPPED)(resolve)


@intrinsic
def address_of(typingctx, record):
    """The address of a record."""

    def codegen(context, builder, signature, args):
        return builder.ptrtoint(args[0], context.get_value_type(types.int64))

    return types.int64(record), codegen


def _numbers_at(kind: Any) -> Any:
    """A function that makes an array of numbers over memory; nothing is copied or owned."""

    @intrinsic
    def pointer(typingctx, address):
        def codegen(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(types.CPointer(kind)))

        return types.CPointer(kind)(types.int64), codegen

    return inner(lambda address, count: nb.carray(pointer(address), count))


NUMBERS_AT = {"f8": _numbers_at(types.float64), "i8": _numbers_at(types.int64)}
"""Called with an address and a count: an array over that memory."""
