"""AlphaForge: an interactive trading workbench for notebooks."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "ACCEPTED": "engine.codes",
    "ATR": "strategy.indicators",
    "AT_CLOSE": "engine.codes",
    "AT_OPEN": "engine.codes",
    "AlphaForgeError": "errors",
    "Array": "strategy.fields",
    "BID_ASK": "engine.codes",
    "BOOK_STALE": "engine.rules",
    "BUY": "engine.codes",
    "BasisPointSlippage": "venue",
    "CANCELLED": "engine.codes",
    "CANCEL_BOTH": "engine.codes",
    "CANCEL_NEWEST": "engine.codes",
    "CANCEL_OLDEST": "engine.codes",
    "CRITICAL": "engine.codes",
    "Chase": "order",
    "ConfigError": "errors",
    "DAY": "engine.codes",
    "DECREMENT": "engine.codes",
    "DENIED": "engine.codes",
    "DataError": "errors",
    "DrawnLatency": "latency",
    "EMA": "strategy.indicators",
    "EXPIRED": "engine.codes",
    "EngineHalted": "errors",
    "FILLED": "engine.codes",
    "FOK": "engine.codes",
    "Fees": "venue",
    "FifoQueue": "venue",
    "FrontQueue": "venue",
    "GTC": "engine.codes",
    "GTD": "engine.codes",
    "INDEX": "engine.codes",
    "INFO": "engine.codes",
    "IOC": "engine.codes",
    "Iceberg": "order",
    "Indicator": "strategy.indicators",
    "Instrument": "instrument",
    "InstrumentError": "errors",
    "JournalError": "errors",
    "KILL_SWITCH": "engine.rules",
    "LAST": "engine.codes",
    "LIQUIDATION": "engine.rules",
    "Lab": "lab",
    "Latency": "latency",
    "LogQueue": "venue",
    "MAKER": "engine.codes",
    "MARK": "engine.codes",
    "MID": "engine.codes",
    "NoSlippage": "venue",
    "OCO": "engine.codes",
    "OUO": "engine.codes",
    "OVER_FILL": "engine.rules",
    "Order": "order",
    "OrderError": "errors",
    "PARTIALLY_FILLED": "engine.codes",
    "Pov": "order",
    "PowerQueue": "venue",
    "REJECTED": "engine.codes",
    "RSI": "strategy.indicators",
    "RecordedLatency": "latency",
    "Recording": "data.recording",
    "RiskAverseQueue": "venue",
    "RiskDenied": "errors",
    "SELL": "engine.codes",
    "SMA": "strategy.indicators",
    "SPLIT": "engine.codes",
    "SquareRootSlippage": "venue",
    "StoreError": "errors",
    "Strategy": "strategy.base",
    "StrategyError": "errors",
    "TAKER": "engine.codes",
    "TRAIL_ATR": "engine.codes",
    "TRAIL_BPS": "engine.codes",
    "TRAIL_PRICE": "engine.codes",
    "TRIGGERED": "engine.codes",
    "ThroughQueue": "venue",
    "TickSlippage": "venue",
    "Twap": "order",
    "UNKNOWN_FILL": "engine.rules",
    "Venue": "venue",
    "VenueError": "errors",
    "VolumeShareSlippage": "venue",
    "Vwap": "order",
    "WARNING": "engine.codes",
    "Window": "strategy.fields",
    "bracket": "order",
    "fit_queue": "research.calibrate",
    "fit_slippage": "research.calibrate",
    "read_binance": "data.capture",
    "simulate": "venues.simulate",
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
