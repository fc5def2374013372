"""Memory at addresses: record views, plain and atomic 64-bit words, overflow tests, C calls.

Each is an LLVM intrinsic with a Python twin of the same name and behaviour, chosen by ``jit.JIT``,
so that the kernels also run with the JIT off.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from alphaforge.engine.jit import JIT, kernel

I64 = types.int64


def view(record: np.dtype[Any], type_: Any = None) -> Callable[[int], Any]:
    """A function that views the record at an address; reading and writing its fields is in place.

    Parameters
    ----------
    record : structured dtype
    type_ : numba type, optional
        The numba record type to give it; ``numba.from_dtype(record)`` by default.
    """
    return (
        _compiled_view(type_ if type_ is not None else nb.from_dtype(record))
        if JIT
        else _view_twin(record)
    )


def _compiled_view(type_: Any) -> Callable[[int], Any]:
    @intrinsic
    def at(typingctx, address):
        def codegen(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(type_))

        return type_(I64), codegen

    return at  # type: ignore[no-any-return]  # numba has no types


def _view_twin(record: np.dtype[Any]) -> Callable[[int], Any]:
    named = np.dtype((np.record, record))

    def at(address: int) -> Any:
        memory = (ctypes.c_char * record.itemsize).from_address(int(address))
        return np.frombuffer(memoryview(memory), named)[0]

    return at


def _word_pointer(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, ir.IntType(64).as_pointer())


def _twin_word(address: int) -> Any:
    return ctypes.c_int64.from_address(int(address))


if JIT:

    @intrinsic
    def load_i8(typingctx, address):
        """The int64 at an address."""

        def codegen(context, builder, signature, args):
            return builder.load(_word_pointer(builder, args[0]))

        return I64(I64), codegen

    @intrinsic
    def store_i8(typingctx, address, value):
        """Write an int64 at an address."""

        def codegen(context, builder, signature, args):
            builder.store(args[1], _word_pointer(builder, args[0]))
            return context.get_dummy_value()

        return types.void(I64, I64), codegen

    @intrinsic
    def load_u1(typingctx, address):
        """The byte at an address, as int64."""

        def codegen(context, builder, signature, args):
            byte = builder.load(builder.inttoptr(args[0], ir.IntType(8).as_pointer()))
            return builder.zext(byte, ir.IntType(64))

        return I64(I64), codegen

    @intrinsic
    def load_acquire(typingctx, address):
        """The int64 at an address; nothing after it is read before it."""

        def codegen(context, builder, signature, args):
            return builder.load_atomic(_word_pointer(builder, args[0]), "acquire", 8)

        return I64(I64), codegen

    @intrinsic
    def store_release(typingctx, address, value):
        """Write an int64; everything written before is seen by whoever acquires it."""

        def codegen(context, builder, signature, args):
            builder.store_atomic(args[1], _word_pointer(builder, args[0]), "release", 8)
            return context.get_dummy_value()

        return types.void(I64, I64), codegen

    @intrinsic
    def mul_overflows(typingctx, left, right):
        """Whether ``left * right`` passes int64."""

        def codegen(context, builder, signature, args):
            return builder.extract_value(builder.smul_with_overflow(args[0], args[1]), 1)

        return types.boolean(I64, I64), codegen

    @intrinsic
    def wrap_mul(typingctx, left, right):
        """``left * right`` modulo 2**64; numba's own ``*`` leaves an overflow undefined."""

        def codegen(context, builder, signature, args):
            return builder.mul(args[0], args[1])

        return I64(I64, I64), codegen

    @intrinsic
    def wrap_add(typingctx, left, right):
        """``left + right`` modulo 2**64."""

        def codegen(context, builder, signature, args):
            return builder.add(args[0], args[1])

        return I64(I64, I64), codegen

    @intrinsic
    def bits_of(typingctx, value):
        """The bits of a float64 as int64."""

        def codegen(context, builder, signature, args):
            return builder.bitcast(args[0], ir.IntType(64))

        return I64(types.float64), codegen

    @intrinsic
    def trailing_zeros(typingctx, word):
        """Zero bits below a word's lowest one; 64 where it has none."""

        def codegen(context, builder, signature, args):
            return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

        return I64(I64), codegen

    @intrinsic
    def leading_zeros(typingctx, word):
        """Zero bits above a word's highest one; 64 where it has none."""

        def codegen(context, builder, signature, args):
            return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

        return I64(I64), codegen

    @intrinsic
    def copy_bytes(typingctx, target, source, size):
        """Copy ``size`` bytes between addresses that don't overlap."""

        def codegen(context, builder, signature, args):
            pointer = ir.IntType(8).as_pointer()
            target, source, size = args
            function = builder.module.declare_intrinsic(
                "llvm.memcpy", [pointer, pointer, ir.IntType(64)]
            )
            volatile = ir.Constant(ir.IntType(1), 0)
            builder.call(
                function,
                [
                    builder.inttoptr(target, pointer),
                    builder.inttoptr(source, pointer),
                    size,
                    volatile,
                ],
            )
            return context.get_dummy_value()

        return types.void(I64, I64, I64), codegen

    @intrinsic
    def call_entry(typingctx, entry, handler, state, engine):
        """Call a strategy's C entry point ``int64 (int64 handler, int64 state, int64 engine)``."""

        def codegen(context, builder, signature, args):
            word = ir.IntType(64)
            function = builder.inttoptr(args[0], ir.FunctionType(word, [word] * 3).as_pointer())
            return builder.call(function, args[1:])

        return I64(I64, I64, I64, I64), codegen

else:

    def load_i8(address: int) -> int:
        return int(_twin_word(address).value)

    def store_i8(address: int, value: int) -> None:
        _twin_word(address).value = int(value)

    def load_u1(address: int) -> int:
        return int(ctypes.c_uint8.from_address(int(address)).value)

    def load_acquire(address: int) -> int:
        return int(_twin_word(address).value)

    def store_release(address: int, value: int) -> None:
        _twin_word(address).value = int(value)

    def mul_overflows(left: int, right: int) -> bool:
        return not -(2**63) <= int(left) * int(right) < 2**63

    def _wrapped(value: int) -> int:
        return (value + 2**63) % 2**64 - 2**63

    def wrap_mul(left: int, right: int) -> int:
        return _wrapped(int(left) * int(right))

    def wrap_add(left: int, right: int) -> int:
        return _wrapped(int(left) + int(right))

    def bits_of(value: float) -> int:
        return ctypes.c_int64.from_buffer(ctypes.c_double(value)).value

    def trailing_zeros(word: int) -> int:
        word = int(word)
        return (word & -word).bit_length() - 1 if word else 64

    def leading_zeros(word: int) -> int:
        return 64 - (int(word) & (2**64 - 1)).bit_length()

    def copy_bytes(target: int, source: int, size: int) -> None:
        ctypes.memmove(int(target), int(source), int(size))

    _ENTRY = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)

    def call_entry(entry: int, handler: int, state: int, engine: int) -> int:
        return int(_ENTRY(int(entry))(int(handler), int(state), int(engine)))


# libc by name, not through ctypes: a ctypes function object would defeat the on-disk cache.
_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int64, types.int64))
_nanosleep = types.ExternalFunction("nanosleep", types.int32(types.int64, types.int64))

if JIT:

    @kernel
    def wall_ns(scratch):
        """Nanoseconds UTC, without the GIL. ``scratch``: address of 16 free bytes."""
        _clock_gettime(types.int32(0), scratch)
        return load_i8(scratch) * 1_000_000_000 + load_i8(scratch + 8)

    @kernel
    def sleep_ns(scratch, ns):
        """Sleep without the GIL. ``scratch``: address of 16 free bytes; ``ns`` under a second."""
        store_i8(scratch, 0)
        store_i8(scratch + 8, ns)
        _nanosleep(scratch, 0)

else:

    def wall_ns(scratch: int) -> int:
        return time.time_ns()

    def sleep_ns(scratch: int, ns: int) -> None:
        time.sleep(ns / 1e9)
