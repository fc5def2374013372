"""The command line: ``alphaforge lab | serve | warm | doctor``.

Importing this module is cheap: each command imports what it needs when it runs.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from alphaforge.errors import AlphaForgeError, ConfigError
from alphaforge.ports import HOST, first_free, is_free

WORKBENCH = Path("notebooks/workbench.ipynb")
JUPYTER_PORT = 8888
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DISK_BYTES = 2 * 1024**3

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="An interactive trading workbench."
)
console = Console()

Port = Annotated[int | None, typer.Option(min=1024, max=65_535, help="Port to listen on.")]


def main() -> None:
    """Run the command line; our own errors are one line, not a traceback."""
    try:
        app()
    except AlphaForgeError as error:
        Console(stderr=True).print(f"[bold red]{type(error).__name__}:[/] {error}", highlight=False)
        sys.exit(1)


@app.command()
def lab(port: Port = None) -> None:
    """Open JupyterLab on the workbench notebook, on this machine only and behind a token."""
    if port is not None and not is_free(port):
        raise ConfigError(f"port {port} is in use. Choose another, or none to take a free one.")
    run_lab(lab_options(port))


def lab_options(port: int | None) -> list[str]:
    """JupyterLab's options for this machine, user and folder; its server prints the address."""
    options = [
        f"--ip={HOST}",
        f"--port={port or JUPYTER_PORT}",
        f"--ServerApp.port_retries={0 if port else 100}",
        # What cells and kernel say to each other is nobody else's on this machine.
        "--KernelManager.transport_encryption=auto",
        # Leaves the address with its token, and what goes wrong.
        "--Application.log_level=WARN",
    ]
    if WORKBENCH.exists():
        options.append(f"--LabApp.default_url=/lab/tree/{WORKBENCH.as_posix()}")
    if not has_display():
        options.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    return options


class Unusual(logging.Filter):
    """Leaves out what Jupyter warns of in every session: it would frighten a newcomer."""

    USUAL = ("is not trusted", "websocket_ping_timeout")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show a message."""
        return not any(part in record.getMessage() for part in self.USUAL)


def run_lab(options: list[str]) -> None:
    """Run JupyterLab in this process until one interrupt, which shuts the kernels down too."""
    from jupyter_server.serverapp import ServerApp
    from jupyterlab.labapp import LabApp

    def without_announcements(_handler: object, page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "disabledExtensions": [*page["disabledExtensions"], ANNOUNCEMENTS]}

    class WorkbenchServer(ServerApp):
        def init_webapp(self) -> None:
            # JupyterLab would ask whether it may fetch news, and look for updates unasked.
            hook = {"page_config_hook": without_announcements}
            self.tornado_settings = {**self.tornado_settings, **hook}
            super().init_webapp()

        def init_logging(self) -> None:
            super().init_logging()
            for logger in (self.log, logging.getLogger("tornado.general")):
                logger.addFilter(Unusual())

        def init_signal(self) -> None:
            # Jupyter asks for a second interrupt on a terminal; elsewhere it drops its kernels
            # without a word, and ignores interrupts if a shell started it in the background.
            super().init_signal()
            signal.signal(signal.SIGINT, self._signal_stop)

    # Not a subclass of LabApp: Jupyter would look for the server extension in our package then.
    LabApp.serverapp_class = WorkbenchServer
    LabApp.launch_instance(argv=options)
    # Server and kernels are down. An interrupt in the middle of a request can leave one of
    # Jupyter's worker threads waiting for ever, and Python would wait for it.
    sys.stdout.flush()
    os._exit(0)


def has_display() -> bool:
    """Whether a browser window can open here: not in a container or over a plain ssh."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


@app.command()
def serve(
    database: Annotated[
        str | None,
        typer.Argument(help="The history to open; as set in alphaforge.toml if not given."),
    ] = None,
    port: Port = None,
) -> None:
    """Serve the workbench alone, without Jupyter, until interrupted.

    An example strategy trades on the simulated exchange, so that there is something to see.
    """
    from alphaforge.config import load_settings
    from alphaforge.lab import Lab
    from alphaforge.strategy.library import SmaCross

    # A supervisor's stop is an interrupt too, and a shell that started us in the background left
    # interrupts ignored: either way what is not stored yet is stored.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    settings = load_settings() if database is None else load_settings(database=database)
    with Lab(settings.database) as opened:
        opened.paper(SmaCross(), settings.exchange.symbols[0], "1s")
        opened.serve(port=port)


@app.command()
def warm() -> None:
    """Compile the engine's kernels into the user's cache, so that a session starts at once."""
    from alphaforge.engine.jit import warm as compile_all

    columns = (
        TextColumn("Compiling kernels"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=name)

        seconds = compile_all(progress=show)
        bar.update(task, description="")
    console.print(f"Kernels ready in {seconds:.1f} s.")


class Finding(NamedTuple):
    """What a check of ``doctor`` saw; ``cure`` is empty where all is well."""

    seen: str
    cure: str = ""
    fatal: bool = True


@app.command()
def doctor() -> None:
    """Check what AlphaForge needs of this machine, and say what to do where it is missing."""
    table = Table("", "Check", "Found", "What to do", box=None, pad_edge=False)
    findings = {name: check() for name, check in CHECKS.items()}
    for name, found in findings.items():
        mark = (
            "[green]ok[/]"
            if not found.cure
            else "[red]fault[/]"
            if found.fatal
            else "[yellow]note[/]"
        )
        table.add_row(mark, name, found.seen, found.cure)
    console.print(table)
    if any(found.cure and found.fatal for found in findings.values()):
        raise typer.Exit(1)


def check_python() -> Finding:
    """3.11 is proven, 3.12 and 3.13 are declared."""
    seen = sys.version.split()[0]
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding(seen)
    return Finding(seen, "Install Python 3.11, 3.12 or 3.13 and set the environment up again.")


def check_numba() -> Finding:
    """Import numba and compile one function: a wrong NumPy shows here first."""
    try:
        import numba
        import numpy as np

        compiled = numba.njit(lambda x: x + 1)(1)
    except Exception as error:  # an ABI mismatch raises anything
        return Finding(
            f"{type(error).__name__}: {error}",
            "Reinstall: pip install --force-reinstall numba numpy",
        )
    seen = f"numba {numba.__version__}, NumPy {np.__version__}"
    return (
        Finding(seen)
        if compiled == 2
        else Finding(seen, "A compiled 1 + 1 is not 2: reinstall numba.")
    )


def check_lab_extension() -> Finding:
    """The Launcher tile's files, where JupyterLab of this environment looks for them."""
    folder = Path(sys.prefix) / "share/jupyter/labextensions/alphaforge-lab"
    if (folder / "package.json").exists():
        return Finding("installed")
    return Finding("missing", "Reinstall alphaforge in JupyterLab's own environment.", fatal=False)


def check_jupyter() -> Finding:
    """JupyterLab of this environment."""
    try:
        return Finding(f"JupyterLab {version('jupyterlab')}")
    except PackageNotFoundError:
        return Finding("missing", "pip install jupyterlab")


def check_cache() -> Finding:
    """The settings are readable, and kernels can be cached."""
    from alphaforge.config import load_settings

    try:
        folder = load_settings().cache_dir
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Finding(str(folder))
    except ConfigError as error:
        return Finding(str(error), "Correct or remove the setting.")
    except OSError as error:
        return Finding(str(error), "Make it writable, or name another with ALPHAFORGE_CACHE_DIR.")


def check_disk() -> Finding:
    """Room for history and kernels where we are."""
    free = shutil.disk_usage(Path.cwd()).free
    seen = f"{free / 1024**3:.1f} GiB free in {Path.cwd()}"
    return (
        Finding(seen)
        if free >= DISK_BYTES
        else Finding(seen, "Make room: 2 GiB is little for history.", fatal=False)
    )


def check_port() -> Finding:
    """A loopback port for the widget server."""
    from alphaforge.config import load_settings

    try:
        return Finding(f"{HOST}:{first_free(*load_settings().ports)} is free")
    except ConfigError as error:
        return Finding(str(error), "Correct or remove the setting.")


def check_chromium() -> Finding:
    """Only the browser tests need it."""
    found = find_chromium()
    if found:
        return Finding(str(found))
    return Finding(
        "none", "Only for the browser tests; Debian: apt-get install chromium", fatal=False
    )


CHECKS: dict[str, Callable[[], Finding]] = {
    "Python": check_python,
    "Compiler": check_numba,
    "JupyterLab": check_jupyter,
    "Lab extension": check_lab_extension,
    "Kernel cache": check_cache,
    "Disk": check_disk,
    "Port": check_port,
    "Chromium": check_chromium,
}


def find_chromium() -> Path | None:
    """The system's Chromium or Chrome, if it has one."""
    return next((Path(path) for path in map(shutil.which, CHROMIUM_NAMES) if path), None)
