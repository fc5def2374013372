"""The kernels' first compilation, beside the notebook's cells."""

from __future__ import annotations

import threading

from alphaforge.engine.jit import is_warm
from alphaforge.engine.jit import warm as compile_kernels
from alphaforge.progress import progress_bar


class Warming:
    """Compiles the kernels in the background the first time, with a bar; cells stay free."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        if not is_warm():
            print("AlphaForge: compiling the kernels for this machine, once; about a minute.")
            self._thread = threading.Thread(
                target=self._compile, name="alphaforge-warm", daemon=True
            )
            self._thread.start()

    def _compile(self) -> None:
        with progress_bar("kernels") as progress:
            seconds = compile_kernels(lambda done, total, _: progress(done, total))
        print(f"AlphaForge: kernels compiled in {seconds:.0f} s.")

    def wait(self) -> None:
        """Return when the kernels are there."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
