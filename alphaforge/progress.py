"""A progress bar for long work in a cell: ipywidgets in a notebook, rich in a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

_SHOW_AFTER_S = 0.5
Report = Callable[[int, int], None]


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Report]:
    """A function to call with (done, total); the bar appears if the work takes half a second."""
    began = time.monotonic()
    bar: list[Any] = []

    def report(done: int, total: int) -> None:
        if not bar and time.monotonic() - began < _SHOW_AFTER_S:
            return
        if not bar:
            bar.append(_notebook_bar(what) if _in_notebook() else _terminal_bar(what))
        bar[0](done, total)

    try:
        yield report
    finally:
        if bar:
            bar[0](1, 1)


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return type(found).__name__ == "ZMQInteractiveShell"


def _notebook_bar(what: str) -> Report:
    import ipywidgets
    from IPython.display import display

    bar = ipywidgets.IntProgress(description="", min=0, max=1000)
    label = ipywidgets.Label(what)
    display(ipywidgets.HBox([bar, label]))  # type: ignore[no-untyped-call]  # ipywidgets has no types

    def show(done: int, total: int) -> None:
        bar.value = 1000 * done // max(total, 1)
        label.value = f"{what}: {100 * done // max(total, 1)} %"

    return show


def _terminal_bar(what: str) -> Report:
    from rich.progress import Progress

    progress = Progress()
    task = progress.add_task(what, total=1000)
    progress.start()

    def show(done: int, total: int) -> None:
        progress.update(task, completed=1000 * done // max(total, 1))
        if done >= total:
            progress.stop()

    return show
