"""From a strategy class to a record and one C entry point, in well under two seconds.

The fields become a record, the handlers and helper methods machine code with bounds checks and
Python's rule for division by zero; ``entry(handler, state, engine)`` calls them by code and turns a
raise into a 1, which halts the engine at the event's end. The record type's key carries a digest of
everything that the code depends on, so a re-run cell with another body is another type.
"""

from __future__ import annotations

import ctypes
import inspect
import linecache
import math
import time
import types as py
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from numba import types
from numba.core import ir
from numba.core.ccallback import _CFuncCompiler  # type: ignore[attr-defined]  # as numba's cfunc
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from alphaforge.engine import codes as K
from alphaforge.engine.atomic import view
from alphaforge.engine.jit import JIT
from alphaforge.engine.watchdog import PYTHON_ENTRIES
from alphaforge.errors import StrategyError
from alphaforge.strategy import kept, strict
from alphaforge.strategy.base import Strategy, handlers_of
from alphaforge.strategy.context import Context
from alphaforge.strategy.digest import class_digest, function_digest, global_names
from alphaforge.strategy.events import SHOWN, EngineView, InstrumentView
from alphaforge.strategy.explained import calls_itself, explain
from alphaforge.strategy.fields import (
    SCALARS,
    Array,
    Fields,
    Window,
    dtype_of,
    fields_of,
    record_dtype,
    to_bytes,
)
from alphaforge.strategy.lines import line_in, with_line
from alphaforge.strategy.notes import id_of
from alphaforge.strategy.pipeline import StrategyCompiler
from alphaforge.strategy.records import (
    NUMBERS_AT,
    UNWRAPPED,
    add_attribute,
    add_method,
    address_of,
    obj,
)
from alphaforge.strategy.subset import check_names, check_source
from alphaforge.strategy.uses import gives_away, texts_of, uses_attribute

_C_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
_OPTIONS = {
    "error_model": "python",
    "boundscheck": True,
    "nogil": True,
    "pipeline_class": StrategyCompiler,
    **UNWRAPPED,
}


@dataclass
class Entry:
    """What the engine needs of a strategy.

    Attributes
    ----------
    address : int
        Of the C entry point.
    handlers : int
        Bits of the handlers that it has.
    state : uint8 array
        The strategy's record and windows; empty in python mode.
    seconds : float
        What compiling or loading took; 0 where this process has it already.
    error : BaseException or None
        In python mode, what a handler raised.
    keep : object
        What must stay alive while the engine may call the entry point.
    call : callable or None
        In python mode, the entry point as Python calls it: (handler, state, engine).
    looks_back : bool
        Whether its code uses ``ctx.bar``, so that the bars it is shown are kept.
    shown, draws : uint8 array or None, int
        Those bars and how many random numbers it drew, where it was warmed up in another engine.
    """

    address: int
    handlers: int
    state: np.ndarray[Any, np.dtype[np.uint8]]
    seconds: float
    keep: Any
    error: BaseException | None = None
    call: Any = None
    looks_back: bool = False
    shown: np.ndarray[Any, np.dtype[np.uint8]] | None = None
    draws: int = 0


def python_entry(strategy: Strategy) -> Entry:
    """The same entry point over the plain Python object: breakpoints, prints, any library.

    The kernel calls it through C; it takes the GIL for the call. What a handler raises is kept in
    ``error`` with its traceback, and the engine halts.
    """
    codes = handlers_of(type(strategy))
    bound = {code: getattr(strategy, K.HANDLER_NAMES[code]) for code in codes}
    contexts: dict[int, tuple[Context, Any]] = {}

    def call(handler: int, state: int, engine: int) -> int:
        try:
            found = contexts.get(engine)
            if found is None:
                found = contexts[engine] = (Context(engine), EngineView.from_address(engine))
            ctx, header = found
            shown = SHOWN.get(handler)
            if shown is None:
                bound[handler](ctx)
            else:
                scales = InstrumentView.from_address(header.view_instrument)
                bound[handler](ctx, shown(header, header.view_event, scales))
        except BaseException as error:  # KeyboardInterrupt too: nothing may cross the kernel
            trace = error.__traceback__
            entry.error = error.with_traceback((trace and trace.tb_next) or trace)  # without this
            return 1
        return 0

    PYTHON_ENTRIES.add(call.__code__)
    pointer = _C_ENTRY(call)
    address = ctypes.cast(pointer, ctypes.c_void_p).value or 0
    mask = sum(1 << code for code in codes)
    entry = Entry(address, mask, np.zeros(0, np.uint8), 0.0, (pointer, strategy), call=call)
    entry.looks_back = uses_attribute(type(strategy), "bar") or gives_away(type(strategy))
    return entry


def compiled_entry(strategy: Strategy) -> Entry:
    """Compile the class, or load what was compiled once, and lay out the object's state.

    Raises
    ------
    StrategyError
        With the user's line, what isn't supported, and what to write instead.
    """
    if not JIT:
        raise StrategyError("the JIT is off (NUMBA_DISABLE_JIT=1). Use mode='python'.")
    began = time.perf_counter()
    cls = type(strategy)
    digest = class_digest(cls)
    known = digest in _COMPILED
    if not known:
        with global_compiler_lock:
            made = kept.load(digest)
            if made is None:
                made = _compile(cls, digest)
                kept.save(digest, made)
            for text in texts_of(cls):  # what was loaded has their ids alone
                id_of(text)
            back = uses_attribute(cls, "bar")
            _COMPILED[digest] = made, kept.address_of_entry(made), back
    mask = sum(1 << code for code in handlers_of(cls))
    made, address, back = _COMPILED[digest]
    seconds = 0.0 if known else time.perf_counter() - began
    return Entry(address, mask, to_bytes(strategy), seconds, made, looks_back=back)


_COMPILED: dict[str, tuple[Any, int, bool]] = {}
"""Digest of a class -> its code, which must stay alive, where it begins, whether it looks back."""


def _compile(cls: type[Strategy], digest: str) -> Any:
    from alphaforge.strategy import views

    for code in handlers_of(cls):
        _check_signature(cls, code)
    self_type = _object_type(cls, digest)
    calls = []
    scope: dict[str, Any] = {
        "__name__": __name__,  # where Numba looks for it when it is loaded again
        "at": view(record_dtype(cls), self_type),
        "ctx_at": views.ctx_at,
    }
    for code in handlers_of(cls):
        name = K.HANDLER_NAMES[code]
        arguments = [self_type, views.CTX]
        text = f"    if handler == {code}:\n        {name}(at(state), ctx_at(engine)"
        if code in views.EVENTS:
            scope[f"event_{code}"] = views.EVENT_AT[code]
            text += f", event_{code}(engine + {views.VIEW_AT})"
            arguments.append(views.EVENTS[code])
        scope[name] = _compile_method(cls, name, getattr(cls, name), tuple(arguments), code)
        calls.append(text + ")\n")
    _check_methods(digest)
    body = "".join("    " + line + "\n" for call in calls for line in call.splitlines())
    source = (
        "def entry(handler, state, engine):\n    try:\n"
        + body
        + "    except Exception:\n        return 1\n    return 0\n"
    )
    made: dict[str, Any] = {}
    exec(source, scope, made)
    signature = types.int64(types.int64, types.int64, types.int64)
    compiler = _CFuncCompiler(made["entry"], cpu_target, {}, {}, pipeline_class=Compiler)
    return compiler.compile(signature.args, signature.return_type)


def _check_signature(cls: type, code: int) -> None:
    name = K.HANDLER_NAMES[code]
    second = ", " + name.removeprefix("on_") if code in SHOWN else ""
    function = inspect.getattr_static(cls, name)
    if not inspect.isfunction(function) or hasattr(function, "__wrapped__"):
        kind = type(function).__name__
        what = "decorated" if hasattr(function, "__wrapped__") else f"a {kind}"
        raise StrategyError(
            f"{cls.__name__}.{name}{with_line(cls, name)} is {what}. "
            f"Write it as a method: def {name}(self, ctx{second}).",
            line_in(cls, name),
        )
    found = inspect.signature(function).parameters.values()
    stars = any(p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in found)
    if stars or len(found) != (3 if second else 2):
        given = str(inspect.signature(function)).partition(" ->")[0]
        raise StrategyError(
            f"{cls.__name__}.{name}{with_line(cls, name)} takes {given}, but is called as "
            f"{name}(self, ctx{second}). Write it with these.",
            line_in(cls, name),
        )


_TYPES: dict[str, Any] = {}
_METHODS: dict[str, list[tuple[type, str, Any]]] = {}
"""Digest of a class -> its helper methods and properties, and those of the indicators in its
fields: class, name, dispatcher."""


def _object_type(cls: type[Fields], digest: str) -> Any:
    """The record type of a class, its helper methods, properties and windows hung on it."""
    if digest in _TYPES:
        return _TYPES[digest]
    nested = {}
    methods: list[tuple[type, str, Any]] = []
    for name, kind in fields_of(cls).items():
        if kind not in SCALARS and kind not in (Array, Window):
            inner = class_digest(kind)
            nested[name] = _object_type(kind, inner)
            methods += _METHODS[inner]
    type_ = obj(record_dtype(cls), digest, nested)
    for name, kind in fields_of(cls).items():
        if kind in (Array, Window):
            add_attribute(type_, name, _array_getter(name, NUMBERS_AT[dtype_of(cls, name)]))
    for name, member in _members(cls):
        function = member.fget if isinstance(member, property) else member
        dispatcher = _compile_function(cls, name, function)
        methods.append((cls, name, dispatcher))
        if isinstance(member, property):
            add_attribute(type_, name, dispatcher)
        else:
            add_method(type_, member, dispatcher)
    # Last: of a class that was refused nothing may be left.
    _METHODS[digest], _TYPES[digest] = methods, type_
    return type_


def _members(cls: type) -> list[tuple[str, Any]]:
    """Helper methods and properties, the handlers and what ``Fields`` itself brings left out."""
    from alphaforge.strategy.indicators import Indicator

    own = set(dir(Strategy)) | {"with_period"}
    found = []
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        if (
            name.startswith("__")
            or name in K.HANDLER_NAMES
            or (name in own and name not in ("ready",))
        ):
            continue
        if inspect.isfunction(member) or isinstance(member, property):
            found.append((name, member))
    return [pair for pair in found if not (issubclass(cls, Indicator) and pair[0] == "with_period")]


def _array_getter(name: str, numbers_at: Any) -> Any:
    scope = {"numbers_at": numbers_at, "address_of": address_of}
    made: dict[str, Any] = {}
    source = (
        f"def get(self):\n    return numbers_at(address_of(self) + self.{name}__at, self.{name}__n)"
    )
    exec(source, scope, made)
    return nb.njit(made["get"], forceinline=True, **UNWRAPPED)


def _compile_function(cls: type, name: str, function: Any) -> Any:
    check_source(f"{cls.__name__}.{name}", function)
    check_names(f"{cls.__name__}.{name}", function)
    return nb.njit(**_OPTIONS, forceinline=True)(_with_compiled_globals(function))


def _shown(function: Any, code: int) -> dict[str, Any]:
    """What a handler calls ``ctx`` and its event, and what these have."""
    from alphaforge.strategy import views

    names = list(inspect.signature(function).parameters)[1:]
    methods = {name: vars(Context)[name] for name in views.CONTEXT_METHODS}
    have: list[Any] = [{**methods, "rng": None}, views.ATTRIBUTES.get(code, ())]
    return {**dict(zip(names, have, strict=False)), "rng": views.RANDOM_METHODS}


def _compile_method(
    cls: type, name: str, function: Any, arguments: tuple[Any, ...], code: int
) -> Any:
    """Compile one handler for its argument types; errors name the user's line."""
    dispatcher = _compile_function(cls, name, function)
    try:
        dispatcher.compile(arguments)
    except StrategyError:
        raise
    except Exception as error:  # Numba raises of all kinds; a KeyError where there is no field
        raise explain(cls, name, function, error, _shown(function, code)) from None
    _check_stores(cls, name, dispatcher, arguments)
    return dispatcher


def _check_methods(digest: str) -> None:
    """Check what the handlers called of a class's helpers, and of the indicators in its fields."""
    for owner, name, dispatcher in _METHODS[digest]:
        for arguments in list(dispatcher.overloads):
            _check_stores(owner, name, dispatcher, arguments)


def _check_stores(cls: type, name: str, dispatcher: Any, arguments: tuple[Any, ...]) -> None:
    """Refuse a float put into an int field: the record would cut it off where Python keeps it."""
    annotation = dispatcher.overloads[arguments].type_annotation
    typemap = {str(k): v for k, v in annotation.typemap.items()}
    for block in annotation.blocks.values():
        for statement in getattr(block, "body", []):
            if isinstance(statement, ir.Assign) and isinstance(statement.value, ir.Expr):
                _check_array(cls, name, statement, typemap)
            if isinstance(statement, (ir.SetItem, ir.StaticSetItem)):
                _check_element(cls, name, statement, typemap)
            if not isinstance(statement, ir.SetAttr):
                continue
            target, value = typemap.get(statement.target.name), typemap.get(statement.value.name)
            field = getattr(target, "fields", {}).get(statement.attr)
            if field is not None and isinstance(field.type, types.Record):
                raise StrategyError(
                    f"{cls.__name__}.{name}, line {statement.loc.line}: field {statement.attr!r} "
                    "is an indicator and can't be given another. Keep two and choose.",
                    statement.loc.line,
                )
            if (
                field is not None
                and isinstance(field.type, types.Integer)
                and isinstance(value, types.Float)
            ):
                raise StrategyError(
                    f"{cls.__name__}.{name}, line {statement.loc.line}: field {statement.attr!r} "
                    "is an int and is given a float. Annotate it as float, or write int(...).",
                    statement.loc.line,
                )


def _check_array(cls: type, name: str, statement: Any, typemap: dict[str, Any]) -> None:
    """Refuse what machine code does with a whole array where Python has a list, or won't do."""
    expr = statement.value
    given = [typemap.get(v.name) for v in expr.list_vars()]
    arrays = any(isinstance(kind, types.Array) for kind in given)
    called = str(typemap.get(expr.func.name)) if expr.op == "call" else ""
    what = ""
    if expr.op == "getattr" and isinstance(typemap.get(expr.value.name), types.Array):
        what = f".{expr.attr} of an array"
    elif arrays and ("intrinsic apply" in called or expr.op == "unary"):
        what = "arithmetic of a whole array"
    elif arrays and "'bool'" in called:
        what = "the truth of an array"
    elif "'range'" in called and any(isinstance(kind, types.Float) for kind in given):
        what = "a range() of floats"
    if what:
        line = statement.loc.line
        source = linecache.getline(statement.loc.filename, line).strip()
        instead = "write range(int(x))" if "range" in what else "use its numbers in a for loop"
        raise StrategyError(
            f"{cls.__name__}.{name}, line {line}: `{source}` uses {what}. Compiled strategies "
            f"don't support that: {instead}, or run it with mode='python'.",
            line,
        )


def _check_element(cls: type, name: str, statement: Any, typemap: dict[str, Any]) -> None:
    """Refuse a float put into an Array of ints."""
    target, value = typemap.get(statement.target.name), typemap.get(statement.value.name)
    into = getattr(target, "dtype", None)
    if isinstance(into, types.Integer) and isinstance(value, types.Float):
        raise StrategyError(
            f"{cls.__name__}.{name}, line {statement.loc.line}: an Array of ints is given a float. "
            "Make it of floats, or write int(...).",
            statement.loc.line,
        )


_HELPERS: dict[Any, Any] = {}


def _with_compiled_globals(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with what it calls replaced by what raises and rounds as Python's does."""
    names = dict(function.__globals__)
    for name in global_names(function.__code__):
        if name in names:
            names[name] = _compiled(names[name])
        elif name in strict.BUILTINS:
            names[name] = strict.BUILTINS[name]
    cells = None
    if function.__closure__:
        cells = tuple(py.CellType(_compiled(c.cell_contents)) for c in function.__closure__)
    made = py.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, cells
    )
    made.__kwdefaults__ = function.__kwdefaults__
    made.__module__ = function.__module__
    made.__qualname__ = function.__qualname__
    return made


def _compiled(value: Any) -> Any:
    if isinstance(value, py.FunctionType):
        return _helper(value)
    return strict.MATH if value is math else strict.FUNCTIONS.get(id(value), value)


def _helper(function: Any) -> Any:
    # Equal code may read other globals or close over other values, so the code alone is no key.
    key = function.__code__, function_digest(function)
    if key not in _HELPERS:
        check_source(f"function {function.__name__}", function)
        check_names(f"function {function.__name__}", function)
        _HELPERS[key] = None
        try:
            _HELPERS[key] = nb.njit(**_OPTIONS)(_with_compiled_globals(function))
        finally:
            if _HELPERS[key] is None:
                del _HELPERS[key]
    if _HELPERS[key] is None:  # met again while it is being made
        raise calls_itself(f"function {function.__name__}", function)
    return _HELPERS[key]
