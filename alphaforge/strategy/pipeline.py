"""How Numba compiles a strategy's functions: with Python's ints, and loops that can be ended.

One pass over Numba's own representation, so it needs no source: operators between ints become the
functions of ``arithmetic``, and at the head of every loop stands a look at the watchdog's alarm.
"""

from __future__ import annotations

from typing import Any

from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.ir_utils import build_definitions
from numba.core.untyped_passes import IRProcessing

from alphaforge.engine.alarm import look
from alphaforge.strategy.arithmetic import OPERATIONS


class StrategyCompiler(CompilerBase):  # type: ignore[misc]  # numba has no types
    """Numba's compiler with the pass of this module."""

    def define_pipelines(self) -> list[Any]:
        """Numba's own passes, and ours as soon as there is something to pass over."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_AsPython, IRProcessing)
        passes.finalize()
        return [passes]


@register_pass(mutates_CFG=False, analysis_only=False)
class _AsPython(FunctionPass):  # type: ignore[misc]  # numba has no types
    _name = "as_python"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Rewrite one function in place."""
        blocks = state.func_ir.blocks
        for block in blocks.values():
            block.body = [new for old in block.body for new in _rewritten(block, old)]
        for loop in compute_cfg_from_blocks(blocks).loops().values():
            block = blocks[loop.header]
            block.body[:0] = _call(block, look, (), "look", block.loc)
        state.func_ir._definitions = build_definitions(blocks)
        return True


def _rewritten(block: Any, statement: Any) -> list[Any]:
    value = getattr(statement, "value", None)
    if not isinstance(statement, ir.Assign) or not isinstance(value, ir.Expr):
        return [statement]
    if value.op == "binop":
        function = value.fn
    elif value.op == "inplace_binop":
        function = value.immutable_fn
    else:
        return [statement]
    ours = OPERATIONS.get(function)
    if ours is None:
        return [statement]
    return _call(block, ours, (value.lhs, value.rhs), "apply", statement.loc, statement.target)


def _call(
    block: Any, function: Any, args: tuple[Any, ...], name: str, loc: Any, target: Any = None
) -> list[Any]:
    """A call of a function of ours; its result goes to ``target``, or nowhere."""
    callee = block.scope.redefine(f"${name}_function", loc)
    if target is None:
        target = block.scope.redefine(f"${name}_result", loc)
    return [
        ir.Assign(ir.Global(name, function, loc), callee, loc),
        ir.Assign(ir.Expr.call(callee, args, (), loc), target, loc),
    ]
