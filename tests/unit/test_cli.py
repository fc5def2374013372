"""The command line: what it starts, what it says, and that importing it is cheap."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alphaforge import cli
from alphaforge.errors import ConfigError

HEAVY = ("numpy", "numba", "pandas", "duckdb", "panel", "bokeh", "jupyter_server", "jupyterlab")


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A loopback port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def run(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "alphaforge", *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_importing_the_command_line_is_light() -> None:
    # An empty package stands in for ours: what its __init__ imports is not the question here.
    code = f"""
import sys, types
package = sys.modules["alphaforge"] = types.ModuleType("alphaforge")
package.__path__ = [{str(Path(cli.__file__).parent)!r}]
import alphaforge.cli, alphaforge.config
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_options_open_the_projects_notebook_on_loopback_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = cli.lab_options(None)
    assert "--ip=127.0.0.1" in options
    assert not [option for option in options if "token" in option or "default_url" in option]

    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "workbench.ipynb").write_text("{}")
    url = "--LabApp.default_url=/lab/tree/notebooks/workbench.ipynb"
    assert url in cli.lab_options(None)


def test_a_port_asked_for_is_that_port_or_an_error(taken_port: int) -> None:
    assert "--ServerApp.port_retries=0" in cli.lab_options(9000)
    assert "--ServerApp.port_retries=100" in cli.lab_options(None)
    result = CliRunner().invoke(cli.app, ["lab", "--port", str(taken_port)])
    assert isinstance(result.exception, ConfigError)
    assert f"port {taken_port} is in use" in str(result.exception)


@pytest.mark.skipif(sys.platform != "linux", reason="a display is named by variables on Linux only")
def test_no_browser_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert "--no-browser" in cli.lab_options(None)
    monkeypatch.setenv("DISPLAY", ":0")
    assert "--no-browser" not in cli.lab_options(None)


def test_our_errors_are_one_line(taken_port: int) -> None:
    done = run("lab", "--port", str(taken_port))
    assert done.returncode == 1
    assert done.stderr.startswith("ConfigError: port")
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_not_free(taken_port: int) -> None:
    assert not cli.is_free(taken_port)


def test_doctor_finds_this_environment_well(tmp_path: Path) -> None:
    done = run("doctor", cwd=tmp_path, ALPHAFORGE_CACHE_DIR=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fault" not in done.stdout
    for check in cli.CHECKS:
        assert check in done.stdout


def test_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = run("doctor", cwd=tmp_path, ALPHAFORGE_CACHE_DIR=str(blocked / "cache"))
    assert done.returncode == 1
    assert "fault" in done.stdout
    assert "ALPHAFORGE_CACHE_DIR" in done.stdout


def test_doctor_reports_a_bad_setting_instead_of_failing(tmp_path: Path) -> None:
    done = run("doctor", cwd=tmp_path, ALPHAFORGE_FPS="x")
    assert done.returncode == 1
    assert "environment variable ALPHAFORGE_FPS" in done.stdout


def test_missing_chromium_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = cli.check_chromium()
    assert found.cure
    assert not found.fatal
