"""AlphaForge: an interactive trading workbench for notebooks."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "ACCEPTED": "engine.codes",
    "ATR": "strategy.indicators",
    "AlphaForgeError": "errors",
    "BUY": "engine.codes",
    "CANCELLED": "engine.codes",
    "ConfigError": "errors",
    "DENIED": "engine.codes",
    "DataError": "errors",
    "EMA": "strategy.indicators",
    "EXPIRED": "engine.codes",
    "EngineHalted": "errors",
    "FILLED": "engine.codes",
    "Fees": "instrument",
    "GTC": "engine.codes",
    "IOC": "engine.codes",
    "Indicator": "strategy.indicators",
    "Instrument": "instrument",
    "InstrumentError": "errors",
    "JournalError": "errors",
    "Lab": "lab",
    "Order": "order",
    "OrderError": "errors",
    "PARTIALLY_FILLED": "engine.codes",
    "REJECTED": "engine.codes",
    "RSI": "strategy.indicators",
    "RiskDenied": "errors",
    "SELL": "engine.codes",
    "SMA": "strategy.indicators",
    "StoreError": "errors",
    "Strategy": "strategy.base",
    "StrategyError": "errors",
    "VenueError": "errors",
    "Window": "strategy.fields",
}
__all__ = sorted([*_HOMES, "__version__", "math"])


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: importing the package is instant."""
    if name == "math":
        return importlib.import_module("alphaforge.math")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'alphaforge' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"alphaforge.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
