"""A digest of everything that a class's machine code depends on.

Code, constants and names of its methods and of the plain functions they call, the values of the
globals they read, its fields and its bases. Line numbers and file names are left out, so the same
cell run twice is the same class.
"""

from __future__ import annotations

import dis
import hashlib
import inspect
import types as py
from enum import Enum
from typing import Any

import numpy as np

from alphaforge.strategy.fields import (
    SCALARS,
    Array,
    Fields,
    Window,
    dtype_of,
    fields_of,
    record_dtype,
)

CONSTANTS = (int, float, bool, str, tuple, frozenset, np.generic, Enum)
"""What machine code may have frozen in: of these the value counts."""


def class_digest(cls: type) -> str:
    """Sixteen hex digits."""
    digest = hashlib.sha256(f"{cls.__qualname__}\n{record_dtype(cls)}\n{fields_of(cls)}".encode())
    for name, kind in fields_of(cls).items():
        if kind in (Array, Window):
            digest.update(f"{name} {dtype_of(cls, name)}".encode())
        elif kind not in SCALARS:
            digest.update(class_digest(kind).encode())
    seen: dict[Any, int] = {}
    fields = fields_of(cls)
    for base in cls.__mro__[:-1]:
        for name, member in sorted(vars(base).items()):
            if name.startswith("__") or base is Fields:
                continue  # what makes objects is no machine code
            if name not in fields:  # a property isn't a method, and None hides a handler
                digest.update(f"{name} {type(member).__name__}".encode())
            if isinstance(member, property):
                member = member.fget
            if inspect.isfunction(member):
                _function(member, digest, seen)
    return digest.hexdigest()[:16]


def function_digest(function: Any) -> str:
    """The same of one plain function and those it calls."""
    digest = hashlib.sha256()
    _function(function, digest, {})
    return digest.hexdigest()[:16]


def global_names(code: py.CodeType) -> list[str]:
    """The globals that a function reads, sorted; attributes of the same names are none."""
    loads = (i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL")
    return sorted(set(loads))


def _function(function: Any, digest: Any, seen: dict[Any, int]) -> None:
    """Its code and what it names; of one that was met before, which it was."""
    if id(function) in seen:
        digest.update(f"function {seen[id(function)]}".encode())
        return
    seen[id(function)] = len(seen)
    code = function.__code__
    _code(code, digest)
    digest.update(repr((function.__defaults__, function.__kwdefaults__)).encode())
    values = [(name, function.__globals__.get(name)) for name in global_names(code)]
    for cell, name in zip(function.__closure__ or (), code.co_freevars, strict=True):
        values.append((name, _cell(cell)))
    for name, value in values:
        _value(name, value, code, digest, seen)


def _value(name: str, value: Any, code: py.CodeType, digest: Any, seen: dict[Any, int]) -> None:
    """What a name stands for: a function it calls, a constant, or what it holds of constants."""
    if hasattr(value, "py_func"):  # a numba dispatcher is its function, and how it is compiled
        digest.update(repr(sorted(getattr(value, "targetoptions", {}).items())).encode())
        value = value.py_func
    if isinstance(value, py.FunctionType):
        digest.update(name.encode())
        _function(value, digest, seen)
    elif isinstance(value, np.ndarray):
        digest.update(f"{name}={value.dtype}{value.shape}".encode() + value.tobytes())
    elif isinstance(value, (py.ModuleType, type)):
        # Modules can hold each other; ours are in the stamp of the sources, and which of them are
        # imported, and so held, changes while a class is compiled.
        if (id(value), id(code)) in seen or _is_ours(value):
            return
        seen[id(value), id(code)] = len(seen)
        for attribute in sorted(set(code.co_names)):
            held = getattr(value, attribute, None)
            if isinstance(held, (*CONSTANTS, py.ModuleType, type)) or hasattr(held, "py_func"):
                _value(f"{name}.{attribute}", held, code, digest, seen)
    elif isinstance(value, CONSTANTS):
        digest.update(f"{name}={type(value).__name__} {_text(value)}".encode())


def _is_ours(value: Any) -> bool:
    return isinstance(value, py.ModuleType) and value.__name__.partition(".")[0] == "alphaforge"


def _text(constant: Any) -> str:
    """A constant in words; of a set always in the same order."""
    if isinstance(constant, frozenset):
        return f"frozenset {sorted(map(repr, constant))}"
    if isinstance(constant, Enum):
        return f"{constant.name} {constant.value!r}"
    return repr(constant)


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is bound later
        return None


def _code(code: py.CodeType, digest: Any) -> None:
    digest.update(code.co_code)
    digest.update(repr((code.co_names, code.co_varnames, code.co_freevars)).encode())
    for constant in code.co_consts:
        if isinstance(constant, py.CodeType):
            _code(constant, digest)
        else:
            digest.update(_text(constant).encode())
