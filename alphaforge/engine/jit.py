"""The ``kernel`` decorator, its on-disk cache, and ``warm``.

Numba's own cache looks only at the file that defines a function: it misses an edited constant or a
callee in another file, and it ignores flags. Here every kernel lives in one folder whose name is a
digest of all engine sources, the numba, llvmlite and numpy versions, the CPU and each flag that
changes code. Folders that nobody used for thirty days are removed.
"""

from __future__ import annotations

import hashlib
import importlib
import os
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
from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

from alphaforge.errors import ConfigError

JIT = not config.DISABLE_JIT
"""False under NUMBA_DISABLE_JIT=1: kernels and intrinsics are then their Python twins."""

UNUSED_DAYS = 30
_SOURCES = Path(__file__).resolve().parent.parent
_FLAGS = ("BOUNDSCHECK", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "CPU_NAME", "CPU_FEATURES")
_ENTRIES: list[tuple[Any, Any]] = []


def stamped_sources() -> list[Path]:
    """Every file that may hold a kernel or a constant of one."""
    folders = (_SOURCES / name for name in ("engine", "strategy", "venues"))
    return sorted([*(p for folder in folders for p in folder.glob("*.py")), _SOURCES / "math.py"])


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


class _StampedLocator(_CacheLocator):  # type: ignore[misc]
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


class _StampedImpl(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_StampedLocator,)


class _StampedCache(FunctionCache):  # type: ignore[misc]
    _impl_class = _StampedImpl


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that works on addresses: no GIL, numpy's division rules, stamped cache.

    It compiles for the arguments of its first call. With the JIT off it is the function itself.
    """
    if not JIT:
        return function
    dispatcher = nb.njit(nogil=True, error_model="numpy")(function)
    dispatcher._cache = _StampedCache(function)
    return dispatcher


def hot(function: Callable[..., Any]) -> Any:
    """A kernel that is inlined wherever it is called: for what every event passes through.

    A call between kernels costs some 5 ns of saved registers and status checks. Inlining large
    kernels in many places makes the build slow, so use it where a profile asks for it.
    """
    if not JIT:
        return function
    dispatcher = nb.njit(nogil=True, error_model="numpy", forceinline=True)(function)
    dispatcher._cache = _StampedCache(function)
    return dispatcher


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
    for name in ("engine.kernels", "math", "strategy.context", "venues.simulated"):
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
    if JIT:
        for done, (dispatcher, signature) in enumerate(_ENTRIES):
            if progress is not None:
                progress(done, len(_ENTRIES), dispatcher.py_func.__name__)
            dispatcher.compile(signature)
    if progress is not None:
        progress(len(_ENTRIES), len(_ENTRIES), "")
    return time.perf_counter() - began


def is_warm() -> bool:
    """Whether this build's folder already holds a compiled kernel of each entry."""
    _register()
    if not JIT:
        return True
    names = {path.name.split("-")[0] for path in cache_dir().glob("*.nbi")}
    return all(
        f"{Path(d.py_func.__code__.co_filename).stem}.{d.py_func.__qualname__}" in names
        for d, _ in _ENTRIES
    )
