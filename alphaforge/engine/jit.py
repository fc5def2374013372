"""The ``kernel`` decorator, its on-disk cache, and ``warm``.

Numba's own cache looks only at the file that defines a function: it misses an edited constant or a
callee in another file, and it ignores flags. Here every kernel lives in one folder whose name is a
digest of all engine sources, the numba, llvmlite and numpy versions, the CPU and each flag that
changes code. Folders that nobody used for thirty days are removed.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import itertools
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba as nb
import numpy as np
from numba.core import config, sigutils, types
from numba.core.bytecode import FunctionIdentity
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.ccallback import CFunc
from numba.core.compiler_lock import global_compiler_lock
from numba.core.datamodel.models import OpaqueModel
from numba.extending import register_model

from alphaforge.errors import ConfigError

# Numba numbers a process' functions from 1 and names symbols by it. What another process compiled
# and this one loads would be taken for one of ours of the same number and name.
FunctionIdentity._unique_ids = itertools.count(secrets.randbits(48))

JIT = not config.DISABLE_JIT
"""False under NUMBA_DISABLE_JIT=1: kernels and intrinsics are then their Python twins."""

UNUSED_DAYS = 30
_SOURCES = Path(__file__).resolve().parent.parent
_FLAGS = ("BOUNDSCHECK", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "CPU_NAME", "CPU_FEATURES")
_ENTRIES: list[tuple[Any, Any]] = []


def stamped_sources() -> list[Path]:
    """Every file that may hold a kernel or a constant of one."""
    folders = (_SOURCES / name for name in ("engine", "strategy", "venues"))
    return sorted([*(p for folder in folders for p in folder.rglob("*.py")), _SOURCES / "math.py"])


@cache
def source_stamp() -> str:
    """Sixteen hex digits that change with anything that changes machine code."""
    digest = hashlib.sha256()
    for path in stamped_sources():
        digest.update(path.relative_to(_SOURCES).as_posix().encode() + b"\0" + path.read_bytes())
    about = [
        nb.__version__,
        llvmlite.__version__,
        np.__version__,
        sys.version,
        llvm.get_host_cpu_name(),
    ]
    about += [f"{name}={getattr(config, name, None)}" for name in _FLAGS]
    about.append(",".join(sorted(k for k, v in llvm.get_host_cpu_features().items() if v)))
    digest.update("\n".join(about).encode())
    return digest.hexdigest()[:16]


def cache_root() -> Path:
    """The folder that holds all stamped folders, in the settings' ``cache_dir``."""
    from alphaforge.config import load_settings

    return load_settings().cache_dir / "kernels"


@cache
def cache_dir() -> Path:
    """The folder of this build, made and marked as used; those unused for a month are removed."""
    here = cache_root() / source_stamp()
    try:
        here.mkdir(parents=True, exist_ok=True)
        os.utime(here)
    except OSError as error:
        raise ConfigError(
            f"compiled kernels can't be kept in {here}: {error.strerror}. "
            "Name a folder that can be written: ALPHAFORGE_CACHE_DIR=/path."
        ) from None
    old = time.time() - UNUSED_DAYS * 86_400
    for folder in cache_root().iterdir():
        if folder.is_dir() and folder.stat().st_mtime < old:
            shutil.rmtree(folder, ignore_errors=True)
    return here


class _StampedLocator(_CacheLocator):  # type: ignore[misc]  # numba has no types
    """Puts a function's files into the stamped folder."""

    def __init__(self, function: Any, path: str) -> None:
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._lineno = function.__code__.co_firstlineno
        self._py_file = path

    def get_cache_path(self) -> str:
        return str(cache_dir())

    def get_source_stamp(self) -> str:
        return source_stamp()

    def get_disambiguator(self) -> str:
        return hashlib.sha256(f"{self._name}:{self._lineno}".encode()).hexdigest()[:10]

    @classmethod
    def from_function(cls, function: Any, path: str) -> _StampedLocator:
        return cls(function, path)


class _StampedImpl(CompileResultCacheImpl):  # type: ignore[misc]  # numba has no types
    _locator_classes = (_StampedLocator,)


class _StampedCache(FunctionCache):  # type: ignore[misc]  # numba has no types
    _impl_class = _StampedImpl

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """As Numba's; what the code calls by name is there before it is loaded or compiled."""
        load_parts()
        return super().load_overload(sig, target_context)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that works on addresses: no GIL, numpy's division rules, stamped cache.

    It compiles for the arguments of its first call. With the JIT off it is the function itself.
    """
    return _dispatcher(function) if JIT else function


def _dispatcher(function: Callable[..., Any], **options: Any) -> Any:
    made = nb.njit(nogil=True, error_model="numpy", **options)(function)
    made._cache = _StampedCache(function)
    compile_for = made._compile_for_args

    def first_the_parts(*args: Any, **keywords: Any) -> Any:
        # A part may call this very function: Numba can't compile that while it compiles it.
        load_parts()
        return compile_for(*args, **keywords)

    made._compile_for_args = first_the_parts
    return made


def hot(function: Callable[..., Any]) -> Any:
    """A kernel that is inlined wherever it is called: for what every event passes through.

    A call between kernels costs some 5 ns of saved registers and status checks. Inlining large
    kernels in many places makes the build slow, so use it where a profile asks for it.
    """
    return _dispatcher(function, forceinline=True) if JIT else function


_C_KINDS: dict[Any, Any] = {
    types.int64: ctypes.c_int64,
    types.float64: ctypes.c_double,
    types.void: None,
}


class _Part(types.ExternalFunction):
    """A kernel behind a symbol: kernels call it by name, Python through its C address."""

    def __init__(self, function: Callable[..., Any], signature: str) -> None:
        args, result = sigutils.normalize_signature(signature)
        symbol = f"{function.__module__}.{function.__qualname__}".replace(".", "_")
        super().__init__(symbol, result(*args))
        self.py_func = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        options = {"nopython": True, "error_model": "numpy"}
        self._compiled = CFunc(function, (args, result), {}, options)
        self._compiled._cache = _StampedCache(function)  # type: ignore[attr-defined]  # as numba does it
        self._call: Any = None
        self._floats = types.float64 in args

    def __reduce__(self) -> Any:
        """In the cache it is no more than a symbol and a signature."""
        return types.ExternalFunction, (self.symbol, self.sig)

    def load(self) -> None:
        """Compile it, or load it from the cache, and make its symbol known to LLVM."""
        self._compiled.compile()
        llvm.add_symbol(self.symbol, self._compiled.address)
        kinds = [_C_KINDS[kind] for kind in (self.sig.return_type, *self.sig.args)]
        self._call = ctypes.CFUNCTYPE(*kinds)(int(self._compiled.address or 0))

    def __call__(self, *args: Any) -> Any:
        if self._call is None:
            load_parts()
        if self._floats:  # ctypes takes what is a number there
            return self._call(*args)
        return self._call(*(int(value) for value in args))


register_model(_Part)(OpaqueModel)  # by exact class: that of Numba's own isn't inherited

_PARTS: list[_Part] = []
_loaded = 0
_loading = False


def load_parts(progress: Callable[[int, str], None] | None = None) -> None:
    """Load every part that isn't yet, in the order in which they were defined: callees first."""
    global _loaded, _loading
    with global_compiler_lock:
        if _loading:
            return
        _loading = True
        try:
            while _loaded < len(_PARTS):
                if progress is not None:
                    progress(_loaded, _PARTS[_loaded].__name__)
                _PARTS[_loaded].load()
                _loaded += 1
        finally:
            _loading = False


def part(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """A kernel that is compiled by itself and called by name, as C functions are.

    Numba links all that a kernel calls into it and optimises that again, so that deep calls between
    large kernels compile in minutes. A part is compiled once. For what is large and isn't called
    for every event: nothing of it is inlined, a call costs some 3 ns; or for what must be one piece
    of code wherever it is called. Arguments are all
    int64 or all float64; the result may be void.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if not JIT:
            return function
        made = _Part(function, signature)
        _PARTS.append(made)
        return made

    return decorate


def entry(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """A kernel that Python calls, with its signature such as ``"int64(int64, int64)"``.

    ``warm`` compiles every one of them; a first call without it compiles just that one.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = kernel(function)
        _ENTRIES.append((dispatcher, signature))
        return dispatcher

    return decorate


def _register() -> None:
    """Import the modules whose entries nothing else would import: decorating registers them."""
    strategy = (f"strategy.{name}" for name in ("actions", "draws", "market", "notes"))
    for name in ("engine.kernels", "math", *strategy, "venues.simulated"):
        importlib.import_module(f"alphaforge.{name}")


def warm(progress: Callable[[int, int, str], None] | None = None) -> float:
    """Compile or load every entry kernel.

    Parameters
    ----------
    progress : callable, optional
        Called with (done, total, name of the next) before each and once at the end.

    Returns
    -------
    float
        Seconds it took: about a minute the first time, under a second from the cache.
    """
    _register()
    began = time.perf_counter()
    total = len(_PARTS) + len(_ENTRIES)

    def say(done: int, name: str) -> None:
        if progress is not None:
            progress(done, total, name)

    if JIT:
        load_parts(say)
        for done, (dispatcher, signature) in enumerate(_ENTRIES, len(_PARTS)):
            say(done, dispatcher.py_func.__name__)
            dispatcher.compile(signature)
    say(total, "")
    return time.perf_counter() - began


def is_warm() -> bool:
    """Whether this build's folder already holds a compiled kernel of each entry."""
    _register()
    if not JIT:
        return True
    names = {path.name.split("-")[0] for path in cache_dir().glob("*.nbi")}
    functions = [d.py_func for d, _ in _ENTRIES] + [each.py_func for each in _PARTS]
    return all(f"{Path(f.__code__.co_filename).stem}.{f.__qualname__}" in names for f in functions)
