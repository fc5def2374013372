"""What compiled strategies may use: checked on the source, before numba sees it.

What is refused either can't be compiled or rounds differently in the two modes. Every message names
the line of the user's cell or file, what isn't supported, and what to write instead.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import textwrap
from typing import Any

import numpy as np

from alphaforge.errors import StrategyError, did_you_mean
from alphaforge.strategy.unset import find_unset

_IN_PYTHON = "or run it with mode='python'"
_REFUSED: dict[type[ast.AST], tuple[str, str]] = {
    ast.Dict: ("a dict", "keep numbers in typed fields"),
    ast.Set: ("a set", "keep numbers in typed fields"),
    ast.List: ("a list", "keep numbers in typed fields or an indicator's window"),
    ast.ListComp: ("a list comprehension", "write a for loop over range(...)"),
    ast.SetComp: ("a set comprehension", "write a for loop over range(...)"),
    ast.DictComp: ("a dict comprehension", "write a for loop over range(...)"),
    ast.GeneratorExp: ("a generator expression", "write a for loop over range(...)"),
    ast.Lambda: ("a lambda", "write a helper method on self"),
    ast.FunctionDef: ("a function inside a handler", "write a helper method on self"),
    ast.ClassDef: ("a class inside a handler", "write it at the top of the cell"),
    ast.JoinedStr: ("text formatting", "leave it out"),
    ast.Try: ("try/except", "test the condition before"),
    ast.With: ("with", "leave it out"),
    ast.Yield: ("yield", "keep state in typed fields"),
    ast.Await: ("await", "use on_order or on_fill"),
    ast.Import: ("import inside a handler", "import at the top of the cell"),
    ast.ImportFrom: ("import inside a handler", "import at the top of the cell"),
    ast.Global: ("global", "keep state in typed fields"),
    ast.Nonlocal: ("nonlocal", "keep state in typed fields"),
    ast.Delete: ("del", "set the field to another value"),
}
_ROUNDS = "which rounds differently in the two modes"
_CALLS: dict[str, tuple[str, str]] = {
    "print": ("print", "leave it out"),
    "sum": (f"sum(), {_ROUNDS}", "add up in a for loop"),
    "pow": (f"pow(), {_ROUNDS}", "af.math.power(x, y)"),
    "random": ("random(), which gives other numbers in each run", "ctx.rng.uniform()"),
    "round": ("round()", "let the engine snap prices and quantities"),
    "sorted": ("sorted()", "compare values one by one"),
    "breakpoint": ("breakpoint()", "leave it out"),
}
_SAFE_MATH = {
    "sqrt",
    "floor",
    "ceil",
    "isnan",
    "isinf",
    "isfinite",
    "nan",
    "inf",
    "pi",
    "e",
    "fabs",
}


def check_source(owner: str, name: str, function: Any) -> None:
    """Refuse what compiled mode doesn't support.

    Raises
    ------
    StrategyError
        With the line. Nothing is checked where the source can't be had.
    """
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return
    try:
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except SyntaxError:
        return
    body = tree.body[0]
    if not isinstance(body, ast.FunctionDef):
        return
    modules = {n: v.__name__ for n, v in function.__globals__.items() if inspect.ismodule(v)}
    for statement in body.body:
        for node in ast.walk(statement):
            found = _refusal(node, modules, function.__globals__)
            if found is not None:
                line = first + getattr(node, "lineno", 1) - 1
                what, instead = found
                raise StrategyError(_sentence(owner, name, line, lines, first, what, instead), line)


def check_names(owner: str, name: str, function: Any) -> None:
    """Refuse a local name that may have no value where it is read.

    Raises
    ------
    StrategyError
        With the line.
    """
    found = find_unset(function)
    if found is not None:
        local, line = found
        source = linecache.getline(function.__code__.co_filename, line).strip()
        raise StrategyError(
            f"{owner}.{name}, line {line}: `{source}` reads {local!r}, which has no value on some "
            f"way there. Give it one before, e.g. {local} = 0.0.",
            line,
        )


def _refusal(
    node: ast.AST, modules: dict[str, str], names: dict[str, Any]
) -> tuple[str, str] | None:
    if type(node) in _REFUSED:
        return _REFUSED[type(node)]
    operation = node.op if isinstance(node, (ast.BinOp, ast.AugAssign)) else None
    if isinstance(operation, (ast.LShift, ast.RShift)):
        return "a shift of bits", "multiply, or divide with //"
    if isinstance(operation, ast.Pow) and not _is_folded(node):
        return f"**, {_ROUNDS}", "x * x, or af.math.power(x, y)"
    if isinstance(node, ast.Slice):
        return "a slice, which is a copy in one mode and a view in the other", "write a for loop"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        return _CALLS[node.func.id]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        called: Any = names.get(node.func.id)
        if getattr(called, "__module__", None) == "math":  # from math import exp
            return _library("math", called.__name__)
        if isinstance(called, np.ufunc):
            return _library("numpy", called.__name__)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return _library(modules.get(node.value.id, ""), node.attr)
    return None


def _is_folded(node: ast.AST) -> bool:
    """Whether it is a number already when Python has read it: 10**9."""
    return isinstance(node, ast.BinOp) and all(
        isinstance(side, ast.Constant) for side in (node.left, node.right)
    )


def _library(module: str, name: str) -> tuple[str, str] | None:
    """Why a function of ``math`` or ``numpy`` is refused; None where it is the same everywhere."""
    if module == "math" and name not in _SAFE_MATH:
        return f"math.{name}, {_ROUNDS}", f"af.math.{name}(x), where there is one"
    if module in ("random", "numpy.random", "secrets"):
        return f"{module}.{name}, which gives other numbers in each run", "ctx.rng, which repeats"
    if module == "numpy" and name not in ("nan", "inf", "sqrt", "isnan", "pi"):
        return f"numpy.{name}, {_ROUNDS}", "arithmetic, an indicator, or af.math"
    return None


def _sentence(
    owner: str, name: str, line: int, lines: list[str], first: int, what: str, instead: str
) -> str:
    source = lines[line - first].strip() if 0 <= line - first < len(lines) else ""
    return (
        f"{owner}.{name}, line {line}: `{source}` uses {what}. Compiled strategies don't support "
        f"that: {instead}, {_IN_PYTHON}."
    )


_FIELD = re.compile(r"Unknown attribute '(\w+)' of type Record|attribute '(\w+)'")


_TOLD = re.compile(r"TypingError: (?:\x1b\[\d*m)*(?:ctx\.[\w.]+: )([^\n\x1b]+)")
"""What a call of ctx says of an argument that it doesn't take: see ``given``."""


def explain(
    owner: str, name: str, function: Any, error: Exception, shown: dict[str, Any]
) -> StrategyError:
    """An error of the compilation as one sentence with the user's line.

    Parameters
    ----------
    shown : dict
        What this handler calls ``ctx`` and its event, and what these have: of ``ctx`` the methods
        with their parameters.
    """
    if isinstance(error, KeyError):
        return _undeclared(owner, name, function, str(error.args[0]), shown)
    if isinstance(error, RecursionError):
        return StrategyError(
            f"{owner}.{name} calls itself, over whatever way. Compiled strategies don't support "
            f"that: write a loop, {_IN_PYTHON}.",
            function.__code__.co_firstlineno,
        )
    text = str(error)
    path = function.__code__.co_filename
    found = re.findall(rf'File "{re.escape(path)}", line (\d+)', text)
    line = int(found[-1]) if found else getattr(getattr(error, "loc", None), "line", None)
    if line is None:
        line = function.__code__.co_firstlineno
    source = linecache.getline(path, line).strip()
    told = _TOLD.search(text)
    if told is not None:
        return StrategyError(f"{owner}.{name}, line {line}: `{source}`: {told.group(1)}", line)
    unknown = _FIELD.search(text)
    context, *_ = [*shown, ""]
    called = re.search(rf"\b{context}\.(?:rng\.)?(\w+)\(", source)
    methods = {**shown.get("rng", {}), **shown.get(context, {})}
    if unknown is not None:
        missing = unknown.group(1) or unknown.group(2)
        reason = (
            f"there is no {missing!r}: declare it as a typed field, e.g. {missing}: float = 0.0,"
        )
    elif called is not None and called.group(1) in methods and "function resolve at" in text:
        declared = inspect.signature(methods[called.group(1)]).parameters.values()
        takes = ", ".join(str(p.replace(annotation=p.empty)) for p in list(declared)[1:])
        reason = f"{called.group(0)[:-1]} takes ({takes}). Write it so,"
    else:
        reason = _first_line(text) + ". Use numbers, typed fields, indicators and af.math,"
    return StrategyError(
        f"{owner}.{name}, line {line}: `{source}` can't be compiled: {reason} {_IN_PYTHON}.", line
    )


def _undeclared(
    owner: str, name: str, function: Any, field: str, shown: dict[str, Any]
) -> StrategyError:
    """An attribute that there isn't: of self, where it was never declared, of ctx or an event."""
    lines, first = inspect.getsourcelines(function)
    at = next((n for n, text in enumerate(lines) if re.search(rf"\.{field}\b", text)), 0)
    source, line = lines[at].strip(), first + at
    whose = re.search(rf"\b(\w+)\.{field}\b", source)
    of = whose.group(1) if whose else "self"
    if of in shown:
        return StrategyError(
            f"{owner}.{name}, line {line}: `{source}`: {of} has no {field!r}. "
            f"{did_you_mean(field, shown[of])}",
            line,
        )
    return StrategyError(
        f"{owner}.{name}, line {line}: `{source}` uses {field!r}, which isn't a "
        f"typed field. Declare it in the class, e.g. {field}: float = 0.0, {_IN_PYTHON}.",
        line,
    )


def _first_line(text: str) -> str:
    skip = (
        "Failed in",
        "During",
        "File ",
        "^",
        "There are",
        "- ",
        "Enable",
        "Overload",
        "<source",
        "def ",
    )
    useful = [line.strip() for line in text.splitlines() if line.strip()]
    useful = [line for line in useful if not line.startswith(skip)]
    return (useful[0] if useful else text.strip().splitlines()[0]).rstrip(".").replace("\x1b", "")
