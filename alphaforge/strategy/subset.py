"""What compiled strategies may use: checked on the source, before numba sees it.

What is refused either can't be compiled or rounds differently in the two modes. Every message names
the line of the user's cell or file, what isn't supported, and what to write instead.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import linecache
import textwrap
from typing import Any

from alphaforge.errors import StrategyError
from alphaforge.strategy.refused import refusal
from alphaforge.strategy.unset import find_unset

IN_PYTHON = "or run it with mode='python'"
"""How a message of what only compiled mode refuses ends."""
_REWRITTEN = "an assert that pytest has rewritten", "keep the strategy in a module that is no test"


def check_source(what: str, function: Any) -> None:
    """Refuse what compiled mode doesn't support.

    Parameters
    ----------
    what : str
        What it is called in a message: ``SmaCross.on_bar``, ``function spread``.

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
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    found = next((node for node in ast.walk(tree) if isinstance(node, kinds)), None)
    if found is None:
        return
    names = _names(function)
    _check_arguments(what, function, found, lines, first)
    body = [found.body] if isinstance(found, ast.Lambda) else found.body
    node: Any
    for statement in body:
        notes = {id(n.annotation) for n in ast.walk(statement) if isinstance(n, ast.AnnAssign)}
        for node in ast.walk(statement):
            refused = None if id(node) in notes else refusal(node, names)
            if isinstance(node, ast.Assert) and "@pytest_ar" in function.__code__.co_names:
                refused = _REWRITTEN
            if refused is not None:
                line = first + getattr(node, "lineno", 1) - 1
                raise StrategyError(_sentence(what, line, lines, first, *refused), line)
            is_read = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            if is_read and id(node) not in notes and _is_nowhere(node.id, function):
                line = first + node.lineno - 1
                raise StrategyError(
                    f"{what}, line {line}: `{lines[line - first].strip()}`: there is no "
                    f"{node.id!r}. Define it in the cell, before the class.",
                    line,
                )


def _names(function: Any) -> dict[str, Any]:
    """What the names that a function has from outside stand for."""
    code = function.__code__
    local = {*code.co_varnames, *code.co_cellvars}
    names = {**vars(builtins), **function.__globals__}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # bound later
            names[name] = cell.cell_contents
    return {name: value for name, value in names.items() if name not in local}


def _is_nowhere(name: str, function: Any) -> bool:
    code = function.__code__
    return not (
        name in function.__globals__
        or hasattr(builtins, name)
        or name in {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    )


def _check_arguments(what: str, function: Any, tree: Any, lines: list[str], first: int) -> None:
    """Refuse what a function's own line says: async, stars, a default that can change."""
    line = first + tree.lineno - 1
    parameters = inspect.signature(function).parameters.values()
    stars = [p for p in parameters if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    plain = (int, float, str, tuple, type(None))
    kept = [p for p in parameters if p.default is not p.empty and not isinstance(p.default, plain)]
    if isinstance(tree, ast.AsyncFunctionDef):
        refused = "async def", "write def"
    elif stars:
        refused = f"{str(stars[0]).partition(':')[0]}, any number of arguments", "name each one"
    elif kept:
        default = f"a {type(kept[0].default).__name__} as the default of {kept[0].name}"
        refused = default, "keep numbers in typed fields"
    elif what.startswith("function ") and any(p.kind is p.KEYWORD_ONLY for p in parameters):
        refused = "parameters that are given by name only", "leave out the *"
    else:
        return
    raise StrategyError(_sentence(what, line, lines, first, *refused), line)


def check_names(what: str, function: Any) -> None:
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
            f"{what}, line {line}: `{source}` reads {local!r}, which has no value on some "
            f"way there. Give it one before, e.g. {local} = 0.0.",
            line,
        )


def _sentence(what: str, line: int, lines: list[str], first: int, used: str, instead: str) -> str:
    source = lines[line - first].strip() if 0 <= line - first < len(lines) else ""
    verb = "reads" if " outside of the class" in used else "uses"
    return (
        f"{what}, line {line}: `{source}` {verb} {used}. Compiled strategies don't support "
        f"that: {instead}, {IN_PYTHON}."
    )
