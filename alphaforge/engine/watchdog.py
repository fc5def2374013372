"""The watchdog: ends a handler that doesn't come back, so that its engine halts at the boundary.

Every engine counts the calls of handlers, one as it begins and one as it ends: while the count is
odd, somebody's code runs. Four times a second one thread looks at the engines that run. Compiled
code is ended by the alarm that each of its loops looks at, Python by an exception in its thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from alphaforge.engine.alarm import EndlessLoop, clear_alarm, raise_alarm

LIMIT_S = 10.0
"""For how long a handler may run."""

_LOOK_S = 0.25
_DEBUGGERS = ("pdb", "bdb", "pydevd", "_pydevd_bundle", "debugpy", "ipdb", "IPython.core.debugger")

PYTHON_ENTRIES: set[CodeType] = set()
"""Code objects through which kernels call handlers in Python."""


@dataclass(eq=False)
class _Watched:
    header: Any
    thread: int
    python: bool
    limit_s: float
    calls: int = 0
    since: float = 0.0


_watched: list[_Watched] = []
_changed = threading.Condition()
_thread: threading.Thread | None = None


@contextlib.contextmanager
def watched(header: Any, python: bool, limit_s: float | None = None) -> Iterator[None]:
    """End handlers that an engine calls in this thread and that don't come back.

    Parameters
    ----------
    header : ENGINE record
    python : bool
        Handlers in Python too. Where a person can interrupt the cell that isn't needed.
    limit_s : float, optional
        For how long a handler may run, ``LIMIT_S`` by default.
    """
    global _thread
    own = _Watched(header, threading.get_ident(), python, LIMIT_S if limit_s is None else limit_s)
    with _changed:
        _watched.append(own)
        if _thread is None:
            _thread = threading.Thread(target=_run, name="alphaforge-watchdog", daemon=True)
            _thread.start()
    try:
        yield
    finally:
        with _changed:
            _watched.remove(own)
            ending = None if _watched else _thread
            _changed.notify()
        if ending is not None and ending is not threading.current_thread():
            ending.join()


def was_ended() -> bool:
    """Whether the watchdog ended compiled code in this thread; asked once."""
    return clear_alarm(threading.get_ident())


def _run() -> None:
    global _thread
    with _changed:
        while _watched:
            for each in _watched:
                _look_at(each)
            _changed.wait(_LOOK_S)
        _thread = None


def _look_at(each: _Watched) -> None:
    calls, now = int(each.header["calls"]), time.monotonic()
    if calls % 2 == 0 or calls != each.calls:
        each.calls, each.since = calls, now
    elif now - each.since > each.limit_s:
        each.since = now  # it has as long again to end
        _end(each, calls)


def _end(each: _Watched, calls: int) -> None:
    frames = _frames_of(each.thread)
    if not any(frame in PYTHON_ENTRIES for frame, _ in frames):
        raise_alarm(each.thread)
        time.sleep(0.01)
        if int(each.header["calls"]) != calls and int(each.header["fault"]) == 0:
            clear_alarm(each.thread)  # it came back by itself, just then
    elif each.python and not any(name.startswith(_DEBUGGERS) for _, name in frames):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(each.thread), ctypes.py_object(EndlessLoop)
        )


def _frames_of(thread: int) -> list[tuple[CodeType, str]]:
    """The code that a thread is in, with the names of its modules."""
    frame, found = sys._current_frames().get(thread), []
    while frame is not None:
        found.append((frame.f_code, str(frame.f_globals.get("__name__", ""))))
        frame = frame.f_back
    return found
