"""Where a class in a cell or file says something: the line that a message names."""

from __future__ import annotations

import ast
import inspect
import linecache
from typing import Any


def line_in(cls: type, name: str) -> int | None:
    """Line of a class's body that makes ``name``: a field, a method, whatever is assigned.

    None where the source can't be had, or a base class of another file makes it.
    """
    for base in cls.__mro__:
        if name not in vars(base) and name not in inspect.get_annotations(base):
            continue
        code = next((m.__code__ for m in vars(base).values() if inspect.isfunction(m)), None)
        if code is None:
            return None
        try:
            tree = ast.parse("".join(linecache.getlines(code.co_filename)))
        except SyntaxError:
            return None
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and _holds(node, base, code.co_firstlineno):
                return next((n.lineno for n in node.body if name in _made(n)), None)
    return None


def with_line(cls: type, name: str) -> str:
    """``, line 3,`` to go into a sentence; nothing where the line isn't known."""
    line = line_in(cls, name)
    return "" if line is None else f", line {line},"


def _holds(node: ast.ClassDef, cls: type, line: int) -> bool:
    return node.name == cls.__name__ and node.lineno <= line <= (node.end_lineno or 0)


def _made(node: Any) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node.name]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [target.id for target in targets if isinstance(target, ast.Name)]
