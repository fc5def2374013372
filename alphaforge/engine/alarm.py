"""The word that ends a compiled loop: each looks at it once a turn.

The watchdog writes the thread that has run for too long into it. Code finds it by a symbol, so that
what is loaded from disk finds this process' own.
"""

from __future__ import annotations

import ctypes

import llvmlite.binding as llvm
from llvmlite import ir as ll
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_SYMBOL = "alphaforge_alarm"
_word = ctypes.c_int64(0)
llvm.add_symbol(_SYMBOL, ctypes.addressof(_word))


class EndlessLoop(Exception):
    """A handler ran for longer than it may: the watchdog ended it."""

    def __init__(self) -> None:
        super().__init__("it didn't come back in time: a loop that never ends?")


def raise_alarm(thread: int) -> None:
    """End the compiled loop that a thread (``threading.get_ident``) is in."""
    _word.value = thread


def clear_alarm(thread: int) -> bool:
    """Whether the alarm was for this thread; it is off then."""
    if _word.value != thread:
        return False
    _word.value = 0
    return True


@intrinsic
def look(typingctx):
    """Raise where the alarm is for the thread that looks; a load and a branch where it is off."""

    def codegen(context, builder, signature, args):
        word = ll.IntType(64)
        module = builder.module
        try:
            alarm = module.get_global(_SYMBOL)
        except KeyError:
            alarm = ll.GlobalVariable(module, word, _SYMBOL)
        value = builder.load_atomic(alarm, "monotonic", 8)  # never moved out of the loop
        with cgutils.if_unlikely(builder, builder.icmp_signed("!=", value, ll.Constant(word, 0))):
            kind = ll.FunctionType(word, [])
            own = builder.call(cgutils.get_or_insert_function(module, kind, "pthread_self"), [])
            with builder.if_then(builder.icmp_signed("==", value, own)):
                context.call_conv.return_user_exc(builder, EndlessLoop, ())
        return context.get_dummy_value()

    return types.void(), codegen
