"""What the repository promises about its own files."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import alphaforge

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
PINS = re.findall(r"^([\w.-]+)==(\S+)(.*?)(?=^\w|\Z)", LOCK, flags=re.MULTILINE | re.DOTALL)


def kept_files() -> list[Path]:
    """What git keeps or would keep: everything that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def declared() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for group in (PROJECT["dependencies"], *extras) for text in group]


def test_every_requirement_is_locked_within_its_bounds() -> None:
    pinned: dict[str, list[str]] = {}
    for name, version, _ in PINS:
        pinned.setdefault(canonicalize_name(name), []).append(version)
    for requirement in declared():
        versions = pinned.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in requirements.lock: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_every_pin_has_hashes() -> None:
    assert len(PINS) > 100
    assert [name for name, _, rest in PINS if "--hash=sha256:" not in rest] == []


def test_lock_files_name_no_index() -> None:
    assert "://" not in LOCK
    assert "index-url" not in LOCK
    package_lock = json.loads((ROOT / "extensions/alphaforge-lab/package-lock.json").read_text())
    resolved = [name for name, entry in package_lock["packages"].items() if "resolved" in entry]
    assert resolved == []


def test_no_file_names_the_machine_it_was_written_on() -> None:
    here = str(ROOT).encode()
    assert [path for path in kept_files() if here in path.read_bytes()] == []


def test_notebooks_are_kept_without_outputs() -> None:
    for path in kept_files():
        if path.suffix == ".ipynb":
            for cell in json.loads(path.read_text())["cells"]:
                assert not cell.get("outputs"), f"{path}: run nbstripout"
                assert cell.get("execution_count") is None, f"{path}: run nbstripout"


def test_bootstrap_starts_in_an_old_python() -> None:
    """It must get far enough there to say that the version is wrong."""
    ast.parse((ROOT / "tools" / "bootstrap.py").read_text(), feature_version=(3, 6))


def test_bootstrap_says_how_to_get_a_missing_venv_module(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "requirements.lock", "tools/bootstrap.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    # As Debian leaves it without its package python3-venv.
    (tmp_path / "ensurepip.py").write_text("raise ImportError")
    done = subprocess.run(
        [sys.executable, "tools/bootstrap.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "lacks its venv module" in done.stderr
    assert "apt-get install python3." in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.skipif(os.name != "posix", reason="a file's mode says nothing here")
def test_continuous_integration_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_changelog_knows_this_version() -> None:
    assert f"## {alphaforge.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_licence_is_what_the_metadata_says() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]


def test_the_reference_is_printed_from_this_code() -> None:
    found = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "tables.py"), "--check"], check=False
    )
    assert found.returncode == 0, "docs/reference.md is old: run make docs"
