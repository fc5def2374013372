"""What a class's code uses, in whatever it calls: an attribute such as ``ctx.bar``, and texts."""

from __future__ import annotations

import contextlib
import dis
import inspect
import itertools
import types as py
from collections.abc import Iterator
from typing import Any

from alphaforge.engine.codes import HANDLER_NAMES
from alphaforge.strategy.digest import global_names
from alphaforge.strategy.fields import SCALARS, Fields, Window, fields_of


def uses_attribute(cls: type, name: str) -> bool:
    """True where its methods, its indicators' or a function that they call reads the attribute.

    Of whatever object, and a global counts too: what is wrongly found costs memory, nothing else.
    """
    return any(_reads(function.__code__, name) for function in _functions(cls, set()))


def gives_away(cls: type) -> bool:
    """True where a handler hands its ``ctx`` on, in Python mode maybe to what isn't looked into.

    That is a module, an object of the cell or one that ``self`` holds beside its fields.
    """
    own = {*fields_of(cls), *dir(cls)}
    handlers = (getattr(cls, name, None) for name in HANDLER_NAMES)
    return any(_hands_on(each, own) for each in handlers if inspect.isfunction(each))


def _hands_on(function: Any, own: set[str]) -> bool:
    code = function.__code__
    me, ctx = code.co_varnames[0], code.co_varnames[1:2]
    lent = bool(set(ctx) & set(code.co_cellvars))
    foreign = not all(map(_is_looked_into, _named(function)))
    for step, following in itertools.pairwise(dis.get_instructions(code)):
        read = step.argval if isinstance(step.argval, tuple) else (step.argval,)
        asked = following.argval if following.opname in ("LOAD_ATTR", "LOAD_METHOD") else None
        if step.opname.startswith("LOAD_FAST"):
            lent |= bool(set(ctx) & set(read)) and not (asked and read[-1:] == ctx)
            foreign |= asked is not None and read[-1] == me and asked not in own
    return lent and foreign


def _is_looked_into(value: Any) -> bool:
    plain = isinstance(value, (int, float, str, tuple, type, py.FunctionType, type(None)))
    return plain or hasattr(value, "py_func") or getattr(value, "__name__", "") in _OURS


_OURS = ("alphaforge", "math")


def texts_of(cls: type) -> set[str]:
    """The texts in its code and in what that names: all that it can record or log under.

    Code that is loaded from disk carries their ids alone.
    """
    found: set[str] = set()
    for function in _functions(cls, set()):
        code = function.__code__
        values = [*code.co_consts, *(function.__defaults__ or ()), *_named(function)]
        modules = [value for value in values if isinstance(value, py.ModuleType)]
        values += [vars(m)[name] for m in modules for name in code.co_names if name in vars(m)]
        for value in values:
            found |= _texts(value)
    return found


def _texts(value: Any) -> set[str]:
    if isinstance(value, tuple):
        return set().union(*map(_texts, value))
    return {value} if isinstance(value, str) else set()


def _reads(code: py.CodeType, name: str) -> bool:
    return name in code.co_names or any(
        _reads(inner, name) for inner in code.co_consts if isinstance(inner, py.CodeType)
    )


def _functions(cls: type, seen: set[int]) -> Iterator[Any]:
    for base in cls.__mro__[:-1]:
        if base.__module__ == Fields.__module__:
            continue
        for member in vars(base).values():
            function = member.fget if isinstance(member, property) else member
            if inspect.isfunction(function):
                yield from _reached(function, seen)
    for kind in fields_of(cls).values():
        if kind not in SCALARS and kind is not Window:
            yield from _functions(kind, seen)


def _reached(function: Any, seen: set[int]) -> Iterator[Any]:
    """A function and the plain ones that it calls: globals of its module, names it closes over."""
    if id(function) in seen:
        return
    seen.add(id(function))
    yield function
    for value in _named(function):
        value = getattr(value, "py_func", value)  # a numba dispatcher is its function
        if isinstance(value, py.FunctionType):
            yield from _reached(value, seen)


def _named(function: Any) -> list[Any]:
    """What the names stand for that a function has from outside."""
    found = [function.__globals__.get(name) for name in global_names(function.__code__)]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # a name that is bound later
            found.append(cell.cell_contents)
    return found
