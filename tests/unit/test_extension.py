"""The JupyterLab extension: installed, and its kept output is what its sources build."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import alphaforge

EXTENSION = Path(__file__).parents[2] / "extensions" / "alphaforge-lab"
KEPT = EXTENSION / "labextension"
INSTALLED = Path(sys.prefix) / "share/jupyter/labextensions/alphaforge-lab"
SOURCES = (
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "rspack.config.js",
    "src",
    "style",
)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_version_is_the_packages() -> None:
    assert json.loads((EXTENSION / "package.json").read_text())["version"] == alphaforge.__version__


def test_installing_the_project_installed_it() -> None:
    assert (INSTALLED / "install.json").exists()
    assert {k: v for k, v in contents(INSTALLED).items() if k != "install.json"} == contents(KEPT)


@pytest.mark.timeout(300)
@pytest.mark.skipif(not shutil.which("npm"), reason="no Node: the kept output can't be rebuilt")
def test_kept_output_is_current(tmp_path: Path) -> None:
    for name in SOURCES:
        copy = shutil.copytree if (EXTENSION / name).is_dir() else shutil.copy
        copy(EXTENSION / name, tmp_path / name)
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    built = contents(tmp_path / "labextension")
    kept = contents(KEPT)
    assert sorted(built) == sorted(kept), "run `make extension` and keep what it builds"
    for name, data in built.items():
        assert data == kept[name], f"{name} is stale: run `make extension`"
