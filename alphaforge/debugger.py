"""JupyterLab's debugger on a strategy: it shows your frames, and steps from your line to yours.

The kernel hides its own files from the debugger as it is enabled, and those of what it had loaded
by then. Ours are loaded later: between a handler and the cell that runs it there would be frames of
the engine's, and a step past a handler's end would open our source over the notebook.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

OWN_FILES = str(Path(__file__).parent / "**")


def hide_own_frames() -> None:
    """Have a kernel's debugger leave our files out, from its next start on."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    debugger = getattr(getattr(shell, "kernel", None), "debugger", None)
    hidden = getattr(debugger, "kernel_modules", None)
    if isinstance(hidden, list) and OWN_FILES not in hidden:
        hidden.append(OWN_FILES)
