"""Local names that may have no value where they are read.

Python raises an UnboundLocalError there; machine code would go on with whatever there is. So such a
function is refused, by looking at every way through it.
"""

from __future__ import annotations

from typing import Any

from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.bytecode import ByteCode, FunctionIdentity
from numba.core.errors import NotDefinedError, NumbaError, UnsupportedBytecodeError
from numba.core.interpreter import Interpreter


def find_unset(function: Any) -> tuple[str, int] | None:
    """The first local that may be read before it is set: its name and the line, or None."""
    identity = FunctionIdentity.from_function(function)
    try:
        blocks = Interpreter(identity).interpret(ByteCode(identity)).blocks
    except NotDefinedError as error:  # on every way
        return error.name, error.loc.line  # type: ignore[attr-defined]  # numba has no types
    except (NumbaError, UnsupportedBytecodeError):  # what Numba can't read it refuses itself, later
        return None
    sets = {label: _set_in(block) for label, block in blocks.items()}
    graph = compute_cfg_from_blocks(blocks)
    every = set().union(*sets.values())
    known = {label: set(every) for label in blocks}
    changed = True
    while changed:
        changed = False
        for label in graph.topo_order():
            before = [known[p] | sets[p] for p, _ in graph.predecessors(label)]
            first = label == graph.entry_point()
            now = set.intersection(*before) if before and not first else set()
            if now != known[label]:
                known[label], changed = now, True
    for label in graph.topo_order():
        found = _first_unset(blocks[label], known[label])
        if found is not None:
            return found
    return None


def _set_in(block: Any) -> set[str]:
    return {s.target.name for s in block.body if isinstance(s, ir.Assign)}


def _first_unset(block: Any, known: set[str]) -> tuple[str, int] | None:
    known = set(known)
    for statement in block.body:
        for name in _read_by(statement):
            if name not in known and not name.startswith("$"):
                return name.partition(".")[0], statement.loc.line
        if isinstance(statement, ir.Assign):
            known.add(statement.target.name)
    return None


def _read_by(statement: Any) -> list[str]:
    if not isinstance(statement, ir.Assign):
        return [variable.name for variable in statement.list_vars()]
    value = statement.value
    if isinstance(value, ir.Var):
        return [value.name]
    return [variable.name for variable in value.list_vars()] if isinstance(value, ir.Inst) else []
