"""Compiled strategies on disk, by the digest of their code: a second kernel doesn't compile.

One file a class, beside the kernels' cache and named by the same stamp: other versions, another
processor or other sources of ours are other files. What nobody used for a month is removed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import time
from pathlib import Path
from typing import Any

from numba.core.caching import dumps
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target

from alphaforge.engine.jit import UNUSED_DAYS, cache_root, load_parts, source_stamp

log = logging.getLogger(__name__)


def _folder() -> Path:
    return cache_root().parent / "strategies" / source_stamp()


def load(digest: str) -> Any:
    """The compiled entry of a class, or None where there is none that can be used.

    Returns
    -------
    CompileResult
        ``address_of_entry`` says where its code is.
    """
    path = _folder() / f"{digest}.code"
    try:
        payload = pickle.loads(path.read_bytes())  # noqa: S301 - our own, as Numba's cache is
        os.utime(path)
        load_parts()  # what the code calls by name must be there before it
        return CompileResult._rebuild(cpu_target.target_context, *payload)
    except FileNotFoundError:
        return None
    except Exception:  # half a file, a module that has gone: compiled again, and written over
        log.exception("the compiled strategy in %s could not be used", path)
        return None


def save(digest: str, compiled: Any) -> None:
    """Keep the code of a class; where it can't be written it is compiled again next time."""
    folder = _folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / f"{digest}.{os.getpid()}.half"
        half.write_bytes(dumps(compiled._reduce()))
        half.replace(folder / f"{digest}.code")
        _forget_old(folder.parent)
    except OSError as error:
        log.warning("the compiled strategy can't be kept in %s: %s", folder, error.strerror)


def address_of_entry(compiled: Any) -> int:
    """The address of a compiled entry's C function."""
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name))


def _forget_old(root: Path) -> None:
    old = time.time() - UNUSED_DAYS * 86_400
    for path in root.glob("*/*"):
        with contextlib.suppress(OSError):  # another process was first
            if path.stat().st_mtime < old:
                path.unlink()
