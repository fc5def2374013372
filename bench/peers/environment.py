"""The peers' own environments, and a run of one of their programs in the same session as ours."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent / ".peers"
PINS = {
    "ticks": ("hftbacktest==2.4.4", "nautilus_trader==1.221.0", "backtesting==0.6.6"),
    "vectors": ("vectorbt==1.2.0", "vectorbt-rust==1.2.0"),
}
"""Two, because their NumPy and pandas conflict; see README.md."""


def environment(name: str) -> Path:
    """The Python of an environment, made and filled the first time; some minutes."""
    folder = ROOT / name
    python = folder / "bin" / "python"
    done = folder / "installed"
    wanted = "\n".join(PINS[name])
    if not done.exists() or done.read_text() != wanted:
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", *PINS[name]]
        subprocess.run(pip, check=True, stdout=sys.stderr)
        done.write_text(wanted)
    return python


def make_data(what: str) -> Path:
    """The npz that peers and AlphaForge run on."""
    path = ROOT / f"{what}.npz"
    if not path.exists():
        ROOT.mkdir(exist_ok=True)
        subprocess.run([sys.executable, str(HERE / "data.py"), what, str(path)], check=True)
    return path


def run_peer(name: str, program: str, data: Path) -> list[dict[str, Any]]:
    """What a peer's program prints: a record a line."""
    command = [str(environment(name)), str(HERE / f"peer_{program}.py"), str(data)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]
