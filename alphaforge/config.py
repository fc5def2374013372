"""Settings: typed, checked, and from three places.

In order of precedence: a keyword, an environment variable (``ALPHAFORGE_FPS=10``,
``ALPHAFORGE_EXCHANGE__SEED=7``), and ``alphaforge.toml`` in the working directory or, where it has
none, in the user's configuration directory (``~/.config/alphaforge``)::

    database = "history.duckdb"
    wait = "spin"

    [exchange]
    symbols = ["BTCUSDT"]
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError

from alphaforge.errors import ConfigError, did_you_mean

FILE_NAME = "alphaforge.toml"
PREFIX = "ALPHAFORGE_"
_NESTED = "__"


class PortRange(NamedTuple):
    """The first and the last TCP port that may be listened on, both included."""

    first: int
    last: int


def _read_ports(value: object) -> object:
    """Take ``8900-8999`` as the environment has it, or a pair."""
    if not isinstance(value, str):
        return value
    if value.count("-") != 1:
        raise ValueError("expected first-last, such as 8900-8999")
    return value.split("-")


def _check_ports(ports: PortRange) -> PortRange:
    if not 1024 <= ports.first <= ports.last <= 65_535:
        raise ValueError("expected first-last, both from 1024 to 65535, first not above last")
    return ports


def _user_folder(variable: str, default: str) -> Path:
    try:
        return Path(os.environ.get(variable) or Path.home() / default) / "alphaforge"
    except RuntimeError:  # a user that this machine doesn't know, and no HOME
        return Path(tempfile.gettempdir()) / f"alphaforge-{os.getuid()}"


def _default_cache_dir() -> Path:
    return _user_folder("XDG_CACHE_HOME", ".cache")


class ExchangeSettings(BaseModel):
    """The embedded simulated exchange.

    Attributes
    ----------
    symbols
        What it trades.
    seed
        Where its random participants start: the same seed, the same market.
    speed
        Simulated seconds per second.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbols: tuple[str, ...] = Field(default=("BTCUSDT", "ETHUSDT"), min_length=1)
    seed: int = Field(default=1, ge=0, lt=2**63)
    speed: float = Field(default=1.0, gt=0, le=10_000, allow_inf_nan=False)


class Settings(BaseSettings):
    """Every setting there is; ``load_settings`` makes one.

    Attributes
    ----------
    database
        The DuckDB file of the history, or ``:memory:``.
    cache_dir
        Compiled kernels. Can be removed at any time; they are compiled again.
    wait
        How the engine thread waits. ``balanced``: at most 2 % of a core when quiet, and the first
        event after quiet within 3 ms. ``spin``: owns a core, lowest latency.
    fps
        Frames a second that views draw at most.
    ports
        Where the widget server may listen, on loopback only.
    theme
        ``follow`` takes JupyterLab's, or the system's where there is no Lab.
    exchange
        The embedded simulated exchange.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=_NESTED, extra="forbid", frozen=True
    )

    database: str = Field(default="alphaforge.duckdb", min_length=1)
    cache_dir: Path = Field(default_factory=_default_cache_dir)
    wait: Literal["balanced", "spin"] = "balanced"
    fps: int = Field(default=20, ge=1, le=60)
    ports: Annotated[
        PortRange, NoDecode, BeforeValidator(_read_ports), AfterValidator(_check_ports)
    ] = PortRange(8900, 8999)
    theme: Literal["follow", "light", "dark"] = "follow"
    exchange: ExchangeSettings = ExchangeSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's own names
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Keyword, environment, file: and no other source."""
        file = settings_file()
        files = (TomlConfigSettingsSource(settings_cls, file),) if file else ()
        return (init_settings, env_settings, *files)


def settings_file() -> Path | None:
    """The one settings file that counts: the working directory's, else the user's, else none."""
    folders = (Path.cwd(), _user_folder("XDG_CONFIG_HOME", ".config"))
    return next((path for path in (f / FILE_NAME for f in folders) if path.is_file()), None)


def load_settings(**keywords: Any) -> Settings:
    """Read the settings; keywords win over the environment, which wins over the file.

    Raises
    ------
    ConfigError
        Names the first value that can't be used, where it came from and what was expected.
    """
    try:
        return Settings(**keywords)
    except ValidationError as error:
        raise ConfigError(_explain(error, keywords)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{settings_file()} is not valid TOML: {error}.") from None
    except SettingsError:
        # Only what holds a list or a table is read as JSON, and that is the exchange.
        names = [name for name in os.environ if name.upper().startswith(f"{PREFIX}EXCHANGE")]
        raise ConfigError(
            f"environment variable {' or '.join(names)}: expected JSON, such as '[\"BTCUSDT\"]'."
        ) from None


def _explain(error: ValidationError, keywords: dict[str, Any]) -> str:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    name, source = ".".join(path), _source(path, keywords)
    if first["type"] == "extra_forbidden":
        table = ExchangeSettings if path[0] == "exchange" and len(path) > 1 else Settings
        return f"{source}: there is no setting {name}. {_near(path[-1], table)}"
    expected = first["msg"].removeprefix("Value error, ")
    return f"{source}: {name} is {first['input']!r}; {expected[0].lower()}{expected[1:]}."


def _near(name: str, table: type[BaseModel]) -> str:
    return did_you_mean(name, table.model_fields)


def _source(path: list[str], keywords: dict[str, Any]) -> str:
    given = keywords.get(path[0])
    if path[0] in keywords and (not isinstance(given, dict) or path[-1] in given):
        return f"keyword {path[0]}"
    # Case as the person wrote it: pydantic-settings reads variables in any case.
    wanted = {(PREFIX + _NESTED.join(path[:depth])).upper() for depth in (1, 2)}
    for variable in os.environ:
        if variable.upper() in wanted:
            return f"environment variable {variable}"
    return f"{settings_file()}"
