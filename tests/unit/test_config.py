"""Settings come from a keyword, the environment or a file, and bad ones name their source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alphaforge.config import ExchangeSettings, PortRange, load_settings, settings_file
from alphaforge.errors import ConfigError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working directory, an empty user directory and no variables."""
    for name in os.environ:
        if name.upper().startswith("ALPHAFORGE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def user_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config" / "alphaforge" / "alphaforge.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_defaults_need_no_file(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.database == "alphaforge.duckdb"
    assert settings.wait == "balanced"
    assert settings.fps == 20
    assert settings.cache_dir == tmp_path / "cache" / "alphaforge"
    assert settings_file() is None


def test_keyword_beats_environment_beats_file(
    nothing_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nothing_set / "alphaforge.toml").write_text('fps = 5\nwait = "spin"\ntheme = "dark"\n')
    monkeypatch.setenv("ALPHAFORGE_FPS", "6")
    monkeypatch.setenv("ALPHAFORGE_THEME", "light")
    settings = load_settings(fps=7)
    assert (settings.fps, settings.theme, settings.wait) == (7, "light", "spin")


def test_working_directory_beats_user_directory(nothing_set: Path, tmp_path: Path) -> None:
    path = user_file(tmp_path, "fps = 5\n")
    assert settings_file() == path
    assert load_settings().fps == 5
    (nothing_set / "alphaforge.toml").write_text("fps = 6\n")
    assert load_settings().fps == 6


def test_tables_merge_field_by_field(nothing_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nothing_set / "alphaforge.toml").write_text('[exchange]\nsymbols = ["XYZ"]\nseed = 3\n')
    monkeypatch.setenv("ALPHAFORGE_EXCHANGE__SEED", "4")
    assert load_settings().exchange == ExchangeSettings(symbols=("XYZ",), seed=4)


@pytest.mark.parametrize("spelling", ["9000-9010", (9000, 9010)])
def test_ports_as_text_and_as_a_pair(spelling: object) -> None:
    assert load_settings(ports=spelling).ports == PortRange(9000, 9010)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ALPHAFORGE_FPS", "fast", "valid integer"),
        ("ALPHAFORGE_FPS", "0", "greater than or equal to 1"),
        ("ALPHAFORGE_WAIT", "busy", "'balanced' or 'spin'"),
        ("ALPHAFORGE_PORTS", "9000", "such as 8900-8999"),
        ("ALPHAFORGE_PORTS", "9010-9000", "first not above last"),
        ("ALPHAFORGE_PORTS", "80-90", "from 1024"),
        ("ALPHAFORGE_EXCHANGE__SPEED", "inf", "finite"),
        ("ALPHAFORGE_EXCHANGE__SEED", "-1", "greater than or equal to 0"),
        ("ALPHAFORGE_EXCHANGE__SYMBOLS", "XYZ", "JSON"),
        ("alphaforge_theme", "pink", "'follow', 'light' or 'dark'"),
    ],
)
def test_bad_variable_is_named_with_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as raised:
        load_settings()
    assert f"environment variable {variable}" in str(raised.value)
    assert expected in str(raised.value)


def test_bad_value_in_the_file_names_the_file(nothing_set: Path) -> None:
    path = nothing_set / "alphaforge.toml"
    path.write_text("[exchange]\nspeed = 0\n")
    with pytest.raises(ConfigError, match=r"exchange\.speed is 0") as raised:
        load_settings()
    assert str(path) in str(raised.value)


def test_broken_file_names_the_file_and_the_line(nothing_set: Path) -> None:
    (nothing_set / "alphaforge.toml").write_text("fps = \n")
    with pytest.raises(ConfigError, match=r"alphaforge\.toml is not valid TOML.*line 1"):
        load_settings()


def test_unknown_names_get_the_nearest(nothing_set: Path) -> None:
    with pytest.raises(ConfigError, match=r"keyword fsp: .*Did you mean fps"):
        load_settings(fsp=1)
    (nothing_set / "alphaforge.toml").write_text("[exchange]\nsede = 1\n")
    with pytest.raises(ConfigError, match=r"exchange\.sede.*Did you mean seed"):
        load_settings()


def test_keyword_is_not_blamed_for_the_files_value(nothing_set: Path) -> None:
    (nothing_set / "alphaforge.toml").write_text("[exchange]\nseed = -1\n")
    with pytest.raises(ConfigError, match=r"alphaforge\.toml: exchange\.seed"):
        load_settings(exchange={"speed": 2.0})


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().fps = 3
