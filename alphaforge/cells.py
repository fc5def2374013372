"""A strategy's cell that is run again: what trades is given its new code after the cell.

In a notebook the class of a running strategy is looked for after each cell. Where the cell has made
another class of its name, of other code or other defaults, the strategy is swapped, with what it
was made with, and what became of it is printed. A class that can't be compiled or made is told, and
the old code goes on.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from alphaforge.strategy.base import Strategy
from alphaforge.strategy.digest import class_digest
from alphaforge.strategy.fields import Array, Fields, fields_of

if TYPE_CHECKING:
    from alphaforge.paper import Paper

_PLAIN = (int, float, str, tuple, Fields, Array)
_followed: list[Paper] = []
_refused: dict[int, Any] = {}
_hooked: set[int] = set()


def follow(paper: Paper) -> None:
    """Swap this strategy when a later cell makes another class of its name; in notebooks only."""
    shell = _shell()
    if shell is None or type(paper.strategy).__module__ != "__main__":
        return
    _followed.append(paper)
    if id(shell) not in _hooked:
        _hooked.add(id(shell))
        shell.events.register("post_run_cell", lambda *_: after_cell(shell.user_ns))


def forget(paper: Paper) -> None:
    """Leave a strategy alone from now on."""
    if paper in _followed:
        _followed.remove(paper)
    _refused.pop(id(paper), None)


def after_cell(names: dict[str, Any]) -> None:
    """Swap each followed strategy whose class is another one in ``names`` now."""
    for paper in _followed.copy():  # who has ended leaves it meanwhile
        if paper.closed:
            forget(paper)
            continue
        old = type(paper.strategy)
        new: Any = names.get(old.__name__)
        if new is old or _refused.get(id(paper)) is new or not _is_strategy(new):
            continue
        try:
            if _is_same(old, new):
                continue
            given = {k: v for k, v in paper.strategy.given().items() if k in fields_of(new)}
            print(f"AlphaForge: {paper.swap(new(**given))!r}")
        except Exception as error:  # its own __init__ may raise anything
            _refused[id(paper)] = new
            print(f"AlphaForge: {old.__name__} trades on as it was.\n{error}", file=sys.stderr)


def _is_same(old: type[Strategy], new: type[Strategy]) -> bool:
    """Whether a cell that was run again has changed nothing: no code, nothing that fields begin as.

    A class of a function isn't what a cell calls by its name.
    """
    if old.__qualname__ != new.__qualname__:
        return True
    return class_digest(new) == class_digest(old) and _begins(new) == _begins(old)


def _begins(cls: type[Strategy]) -> dict[str, str]:
    """What its classes begin with, fields and what else they hold, in words."""
    bases = [base for base in reversed(cls.__mro__) if not issubclass(Strategy, base)]
    held = {name: value for base in bases for name, value in vars(base).items()}
    return {
        name: repr(value)
        for name, value in held.items()
        if not name.startswith("__") and isinstance(value, _PLAIN)
    }


def _is_strategy(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Strategy)


def _shell() -> Any:
    """The notebook's shell, or None where there is none."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None
