"""What compiled strategies don't support, in tables: what it is, and what to write instead."""

from __future__ import annotations

import ast
import builtins
import difflib
import inspect
import sys
import types as py
from enum import Enum
from typing import Any

import numpy as np

from alphaforge import math as af_math

_LOOP = "write a for loop over range(...)"
_FIELDS = "keep numbers in typed fields"
_ROUNDS = "which rounds differently in the two modes"
_TOP = "import at the top of the cell"
_BRANCH = "test the condition before"
_MATCH = "compare with if and elif"
_HELPER = "write a helper method on self"
_STATE = "keep state in typed fields"
_SHIFT = ("a shift of bits", "multiply, or divide with //")
NODES: dict[type[ast.AST], tuple[str, str]] = {
    ast.Dict: ("a dict", _FIELDS),
    ast.Set: ("a set", _FIELDS),
    ast.List: ("a list", f"{_FIELDS} or an indicator's window"),
    ast.ListComp: ("a list comprehension", _LOOP),
    ast.SetComp: ("a set comprehension", _LOOP),
    ast.DictComp: ("a dict comprehension", _LOOP),
    ast.GeneratorExp: ("a generator expression", _LOOP),
    ast.Lambda: ("a lambda", _HELPER),
    ast.FunctionDef: ("a function inside a handler", _HELPER),
    ast.AsyncFunctionDef: ("a function inside a handler", _HELPER),
    ast.ClassDef: ("a class inside a handler", "write it at the top of the cell"),
    ast.JoinedStr: ("text formatting", "leave it out"),
    ast.Try: ("try/except", _BRANCH),
    ast.TryStar: ("try/except", _BRANCH),
    ast.With: ("with", "leave it out"),
    ast.AsyncWith: ("with", "leave it out"),
    ast.AsyncFor: ("async for", _LOOP),
    ast.Yield: ("yield", _STATE),
    ast.YieldFrom: ("yield", _STATE),
    ast.Await: ("await", "use on_order or on_fill"),
    ast.Import: ("import inside a handler", _TOP),
    ast.ImportFrom: ("import inside a handler", _TOP),
    ast.Global: ("global", _STATE),
    ast.Nonlocal: ("nonlocal", _STATE),
    ast.Delete: ("del", "set the field to another value"),
    ast.NamedExpr: (":= inside an expression", "assign on a line of its own before"),
    ast.MatchClass: ("a match of a class", _MATCH),
    ast.MatchSequence: ("a match of a sequence", _MATCH),
    ast.MatchMapping: ("a match of a dict", _MATCH),
    ast.LShift: _SHIFT,
    ast.RShift: _SHIFT,
    ast.Invert: ("~, which differs for bools", "write not x, or -x - 1"),
    ast.MatMult: ("@, a product of matrices", "multiply and add in a for loop"),
    ast.Slice: ("a slice, which is a copy in one mode and a view in the other", "write a for loop"),
}
"""What is refused by its kind of node; of an operation, by its operator."""

_OWN = "read a typed field by its name"
_GIVE = "give numbers as typed fields"
_KIND = "keep one kind in each name"
_SAFE = {"abs", "min", "max", "len", "range", "int", "float", "bool", "zip", "enumerate"}
_CALLS: dict[str, tuple[str, str]] = {
    "print": ("print", "leave it out"),
    "sum": (f"sum(), {_ROUNDS}", "add up in a for loop"),
    "pow": (f"pow(), {_ROUNDS}", "write af.math.power(x, y)"),
    "round": ("round()", "let the engine snap prices and quantities"),
    "sorted": ("sorted()", "compare values one by one"),
    "breakpoint": ("breakpoint()", "leave it out"),
    "divmod": ("divmod()", "write // and %"),
    "map": ("map()", _LOOP),
    "filter": ("filter()", f"{_LOOP} with an if"),
    "reversed": ("reversed()", "count down with range(n - 1, -1, -1)"),
    "any": ("any()", f"{_LOOP} with an if"),
    "all": ("all()", f"{_LOOP} with an if"),
    "open": ("open()", _GIVE),
    "input": ("input()", _GIVE),
    "super": ("super()", "give the base class's helper a name of its own and call that"),
    "isinstance": ("isinstance()", _KIND),
    "type": ("type()", _KIND),
    "list": ("list()", f"{_FIELDS} or an af.Array"),
    "dict": ("dict()", _FIELDS),
    "set": ("set()", _FIELDS),
    "getattr": ("getattr()", _OWN),
    "setattr": ("setattr()", "write self.name = value"),
    "hasattr": ("hasattr()", _OWN),
    "delattr": ("delattr()", "set the field to another value"),
    **{name: (f"{name}()", "leave text out") for name in ("str", "repr", "format", "ascii")},
}
"""Builtins by name. The rest, which aren't safe either, aren't for numbers."""

_MATH = {"sqrt", "floor", "ceil", "isnan", "isinf", "isfinite", "nan", "inf", "pi", "e", "fabs"}
_NUMPY = {"nan", "inf", "pi"}
_WRITTEN = {
    "pow": "write af.math.power(x, y)",
    "sqrt": "write math.sqrt(x)",
    "isnan": "write math.isnan(x)",
    "tau": "write 2.0 * math.pi",
    "trunc": "write int(x)",
    "abs": "write abs(x)",
    "maximum": "write max(x, y)",
    "minimum": "write min(x, y)",
}
_UNPROVEN = "which isn't known to be equal in the two modes"
_LIBRARY = "use arithmetic, an indicator, or af.math"
_OURS = {k for k, v in vars(af_math).items() if callable(v) and k != "part"}
_CLOCKS = ("time", "datetime")
_DRAWS = ("random", "numpy.random", "secrets", "_random")
_ARRAYS = ("float64", "int64", "bool")
_KEEPS = "outside of the class, which compiled code would keep as it was"
_CONSTANTS = (int, float, str, bytes, np.generic, Enum, py.ModuleType, type(None))

Refusal = tuple[str, str]


def refusal(node: ast.AST, names: dict[str, Any]) -> Refusal | None:
    """What a node uses that isn't supported, and what to write instead; None where it is fine.

    Parameters
    ----------
    names : dict
        What the function's globals, builtins and the names that it closes over stand for.
    """
    operator: Any = getattr(node, "op", None)
    found = NODES.get(type(node)) or NODES.get(type(operator))
    if found is not None:
        return found
    for kind, look in _LOOKS.items():
        if isinstance(node, kind):
            said: Refusal | None = look(node, names)
            return said
    return None


def _assigned(node: Any, _: dict[str, Any]) -> Refusal | None:
    if any(isinstance(part, ast.Starred) for target in node.targets for part in ast.walk(target)):
        return "a * on the left of =", "give each value a name"
    return None


def _operation(node: Any, _: dict[str, Any]) -> Refusal | None:
    sides = [getattr(node, "left", None), getattr(node, "right", None)]
    folded = all(isinstance(side, ast.Constant) for side in sides)
    if isinstance(node.op, ast.Mod) and isinstance(getattr(sides[0], "value", None), str):
        return NODES[ast.JoinedStr]
    if isinstance(node.op, ast.Pow) and not folded:
        return f"**, {_ROUNDS}", "write x * x, or af.math.power(x, y)"
    if folded and isinstance(node.op, (ast.Pow, ast.Mult)):  # a number when Python has read it
        a, b = (side.value for side in sides)  # type: ignore[union-attr]  # constants both
        if isinstance(a, int) and isinstance(b, int) and 0 <= b < 1000:
            return _number(a**b if isinstance(node.op, ast.Pow) else a * b)
    return None


def _constant(node: Any, _: dict[str, Any]) -> Refusal | None:
    return _number(node.value)


def _number(value: Any) -> Refusal | None:
    if isinstance(value, complex):
        return "a complex number", "keep two floats"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "an int beyond 64 bits", "write it as a float, such as 1e20"
    return None


def _call(node: Any, names: dict[str, Any]) -> Refusal | None:
    if any(keyword.arg is None for keyword in node.keywords):
        return "**, which unpacks a dict", "name each argument"
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return "*, which unpacks arguments", "write each argument"
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Constant):
        return NODES[ast.JoinedStr]
    name, count = getattr(node.func, "id", ""), len(node.args)
    if name not in _SAFE or names.get(name) is not getattr(builtins, name):
        return None
    if node.keywords:
        return f"{name}() with {node.keywords[0].arg}=", f"call {name}() of numbers alone"
    if name in ("min", "max") and count < 2:
        return f"{name}() of one thing", f"compare in a for loop, or write {name}(x, y)"
    if name in ("int", "float", "bool", "abs", "len") and count != 1:
        return f"{name}() of {count} arguments", f"write {name}(x)"
    if count and isinstance(getattr(node.args[0], "value", None), str) and name != "len":
        return f"{name}() of a text", "write the number, or math.nan and math.inf"
    return None


def _attribute(node: Any, names: dict[str, Any]) -> Refusal | None:
    """What a module holds."""
    path, inner = [node.attr], node.value
    while isinstance(inner, ast.Attribute):
        path.append(inner.attr)
        inner = inner.value
    if not isinstance(inner, ast.Name):
        return None
    owner = names.get(inner.id)
    for name in reversed(path[1:]):
        owner = getattr(owner, name, None)
    if not isinstance(owner, py.ModuleType):
        return None
    full = ast.unparse(node)
    said = _library(owner.__name__, node.attr)
    if said is not None:
        return said
    if not hasattr(owner, node.attr):
        near = difflib.get_close_matches(node.attr, dir(owner), n=1)
        instead = f"write {full.removesuffix(node.attr)}{near[0]}" if near else "look up its name"
        return f"{full}, which there isn't", instead
    value = getattr(owner, node.attr)
    said = _value(full, value)
    if said is None and isinstance(value, py.FunctionType):
        cure = f"from {owner.__name__} import {node.attr}, at the top of the cell"
        return f"{full}, a function by way of its module", cure
    return said


def _library(module: str, name: str) -> Refusal | None:
    """Why what a library has is refused; None where it is the same everywhere."""
    if (module == "math" and name not in _MATH) or (module == "numpy" and name not in _NUMPY):
        here = f"{module}.{name}"
        if name in _OURS and name not in _WRITTEN:
            return f"{here}, {_ROUNDS}", f"write af.math.{name}(x)"
        return f"{here}, {_UNPROVEN}", _WRITTEN.get(name, _LIBRARY)
    if module in _DRAWS or (module, name) == ("numpy", "random"):
        full = f"{module.lstrip('_')}.{name}"
        return f"{full}, which gives other numbers in each run", "draw from ctx.rng, which repeats"
    if module in _CLOCKS:
        return f"{module}.{name}, which isn't the run's own time", "ask ctx.now(), in nanoseconds"
    if module.startswith("numpy."):
        return f"{module}.{name}, {_UNPROVEN}", _LIBRARY
    return None


def _name(node: Any, names: dict[str, Any]) -> Refusal | None:
    return _value(node.id, names[node.id]) if node.id in names else None


def _value(name: str, value: Any) -> Refusal | None:
    """What a name of the cell stands for: constants are frozen in, and nothing else may be."""
    if value is not None and getattr(builtins, name, None) is value:
        wrong = callable(value) and not _is_error(value) and name not in _SAFE
        return _CALLS.get(name, (f"{name}()", "work with numbers alone")) if wrong else None
    if isinstance(value, (np.ndarray, np.generic)):
        return _of_numpy(name, value)
    if isinstance(value, tuple) and (type(value) is tuple or hasattr(value, "_fields")):
        return next((found for part in value if (found := _value(name, part))), None)
    if isinstance(value, np.ufunc):
        return _library("numpy", value.__name__) if hasattr(np, value.__name__) else None
    if isinstance(value, _CONSTANTS):
        return None if isinstance(value, Enum) else _number(value)
    if isinstance(value, type):
        return None if issubclass(value, Enum) or _is_error(value) else _class(name, value)
    if hasattr(value, "py_func"):
        return None
    if callable(value) and hasattr(value, "__name__"):
        return _function(name, value)
    article = "an" if type(value).__name__[0] in "aeiouAEIOU" else "a"
    said = _library(type(value).__module__.removesuffix("._generator"), type(value).__name__)
    return said or (f"{name}, {article} {type(value).__name__} {_KEEPS}", _FIELDS)


def _is_error(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _of_numpy(name: str, value: Any) -> Refusal | None:
    kind = value.dtype.name
    if kind in _ARRAYS or value.dtype.kind == "U":
        return None
    if isinstance(value, np.ndarray):
        return f"{name}, an array of {kind}", "make it of float64 or int64"
    return f"{name}, a number of numpy's {kind}", "write float(...) or int(...) around it"


def _class(name: str, value: type) -> Refusal:
    from alphaforge.strategy.base import Strategy
    from alphaforge.strategy.fields import Array, Fields

    short = value.__name__
    if issubclass(value, Strategy):
        return f"the class {name}", "write self in its place"
    if issubclass(value, Fields) or value is Array:
        return f"the class {name}", f"declare a typed field, e.g. x: {name} = {name}(10)"
    said = _library(value.__module__, short)
    own = value.__module__ == "__main__"
    return said or (
        f"the class {name}",
        "write its numbers as names at the top of the cell" if own else _FIELDS,
    )


def _function(name: str, value: Any) -> Refusal | None:
    short, bound = value.__name__, getattr(value, "__self__", None)
    home = getattr(value, "__module__", None) or type(bound).__module__
    said = _library(home, short)
    if said is not None or home in ("math", "_operator"):
        return said
    path = getattr(getattr(value, "__code__", None), "co_filename", "")
    library = home.partition(".")[0] in sys.stdlib_module_names - {"__main__"}
    if library or "site-packages" in path:
        return f"{name}, a function of a library", _LIBRARY
    if not inspect.isfunction(value):
        return f"{name}, a {type(value).__name__}", "write a plain function"
    return None


def _raised(node: Any, _: dict[str, Any]) -> Refusal | None:
    return ("raise ... from", "raise without from") if node.cause is not None else None


_LOOKS: dict[Any, Any] = {
    ast.Raise: _raised,
    ast.Constant: _constant,
    (ast.BinOp, ast.AugAssign): _operation,
    ast.Assign: _assigned,
    ast.Call: _call,
    ast.Attribute: _attribute,
    ast.Name: _name,
}
"""What is looked at more closely, by kind of node."""
