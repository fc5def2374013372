"""A real Chromium and a real JupyterLab, both on loopback and both ended by what started them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from deadline import wait_until
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from alphaforge.cli import find_chromium
from alphaforge.config import load_settings

REQUIRED = bool(os.environ.get("CI"))
HERE = Path(__file__).parent
LOCAL = ("127.0.0.1", "localhost")

# No sandbox: the tests may run as root in a container. The rest keeps Chromium itself from
# talking to anybody.
CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder is a browser test."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The system's Chromium."""
    path = find_chromium()
    if path is None:
        message = "no Chromium; on Debian: apt-get install chromium"
        if REQUIRED:
            pytest.fail(message)
        pytest.skip(message)
    return path


# A module at a time: Playwright keeps an event loop running in this thread while it is open, and
# what comes later in the same run (the notebooks) must not find it there.
@pytest.fixture(scope="module")
def browser(chromium_path: Path) -> Iterator[Browser]:
    """Chromium with a profile of its own, empty at first and removed at the end."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=str(chromium_path), args=list(CHROMIUM_ARGS)
        )
        yield opened
        opened.close()


@dataclass
class PageGuard:
    """What a page must not do: log an error, throw, or ask another machine for anything."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Record from now on, in every frame of the page."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(f"thrown: {error}"))
        page.on("request", lambda request: self._on_address(request.url))
        page.on("websocket", lambda socket: self._on_address(socket.url))

    def check(self) -> None:
        """Fail with everything that was recorded."""
        assert not self.foreign, f"asked other machines: {self.foreign}"
        assert not self.errors, f"errors in the page: {self.errors}"

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"console: {message.text} ({message.location.get('url')})")

    def _on_address(self, url: str) -> None:
        parts = urlsplit(url)
        # blob: and data: never leave the page.
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOCAL:
            self.foreign.append(url)


@pytest.fixture
def page_guard() -> PageGuard:
    """The guard of this test's ``page``; it is checked when the test ends."""
    return PageGuard()


@pytest.fixture
def page(browser: Browser, page_guard: PageGuard, jupyter_lab: object) -> Iterator[Page]:
    """A page of 1440 x 900 in a context of its own, guarded.

    It names ``jupyter_lab`` to be closed before the server is: else the page sees it go.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    page_guard.watch(opened)
    yield opened
    context.close()
    page_guard.check()


@dataclass(frozen=True)
class JupyterLab:
    """A running server: its address with a slash at the end, its token, its process, and where it
    and its kernels say how they are reached."""

    url: str
    token: str
    pid: int
    runtime: Path

    def address(self, path: str = "lab") -> str:
        """A page of this server, with the token."""
        return f"{self.url}{path}?token={self.token}"


@pytest.fixture
def jupyter_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], JupyterLab]]:
    """Start JupyterLab as a person does, ``alphaforge lab``, in the folder given.

    Nothing of the user's own is seen but the compiled kernels. It is interrupted at the end, and
    then neither it nor any of its kernels may be left.
    """
    started: list[subprocess.Popen[bytes]] = []

    def start(root: Path) -> JupyterLab:
        home = tmp_path_factory.mktemp("home")
        runtime = home / "runtime"
        log = home / "lab.log"
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON"))},
            "HOME": str(home),
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "ALPHAFORGE_CACHE_DIR": str(load_settings().cache_dir),
        }
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            environment.pop(name, None)
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "alphaforge", "lab"],
                cwd=root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        # The server writes this file a moment before it listens.
        info = runtime / f"jpserver-{process.pid}.json"

        def is_listening() -> bool:
            if process.poll() is not None:
                pytest.fail(f"JupyterLab ended by itself:\n{log.read_text()}")
            try:
                port = json.loads(info.read_text())["port"]
                socket.create_connection(("127.0.0.1", port), 1).close()
            except (OSError, ValueError):  # not there yet, half a file, nobody listens
                return False
            return True

        wait_until(is_listening, 60, "JupyterLab's start")
        known = json.loads(info.read_text())
        return JupyterLab(known["url"], known["token"], process.pid, runtime)

    yield start
    for process in started:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt JupyterLab once; it and its kernels must be gone soon."""
    if process.poll() is not None:
        return
    kernels = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        pytest.fail("JupyterLab did not end within 20 s of an interrupt")
    finally:
        _, left = psutil.wait_procs(kernels, timeout=5)
        for kernel in left:
            kernel.kill()
    assert not left, f"left running: {left}"
