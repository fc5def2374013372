"""How a number is written on the screen: grouped, signed with a true minus, with its shape."""

from __future__ import annotations

import math
from datetime import UTC, datetime

MINUS = "\u2212"
NONE = "\u2014"


def plain(value: float, decimals: int = 2) -> str:
    """Return ``-1234.5`` as ``−1,234.50``, and what is not known as a dash."""
    if not math.isfinite(value):
        return NONE
    text = f"{abs(value):,.{decimals}f}"
    return MINUS + text if value < 0 and text.strip("0.,") else text


def signed(value: float, decimals: int = 2) -> str:
    """Return the number with its sign, zero without one."""
    if not math.isfinite(value):
        return NONE
    text = f"{abs(value):,.{decimals}f}"
    if not text.strip("0.,"):
        return text
    return ("+" if value > 0 else MINUS) + text


def arrow(value: float, decimals: int = 2, suffix: str = "") -> str:
    """Return the number with ▲ or ▼, so that its colour is never the only sign."""
    if not math.isfinite(value):
        return NONE
    text = f"{abs(value):,.{decimals}f}{suffix}"
    if not f"{abs(value):.{decimals}f}".strip("0."):
        return text
    return f"{'▲' if value > 0 else '▼'} {text}"


def tone(value: float, decimals: int = 2) -> str:
    """Return the CSS class of a gain or a loss; none for what shows as zero."""
    if not math.isfinite(value) or not f"{abs(value):.{decimals}f}".strip("0."):
        return ""
    return "up" if value > 0 else "dn"


def compact(value: float, digits: int = 3) -> str:
    """Return ``42510`` as ``42.5 K``: at most ``digits`` figures and a unit."""
    if not math.isfinite(value):
        return NONE
    size = abs(value)
    for factor, unit in ((1e9, " B"), (1e6, " M"), (1e4, " K")):
        if size >= factor:
            scaled = value / (1e3 if factor == 1e4 else factor)
            return _figures(scaled, digits) + unit
    return _figures(value, max(digits, 4))


def _figures(value: float, digits: int) -> str:
    whole = len(str(int(abs(value))))
    text = f"{abs(value):,.{max(0, digits - whole)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return MINUS + text if value < 0 else text


def clock(ts_ms: float, millis: bool = False) -> str:
    """Return the time of day, UTC, without its zone (columns and axes name the zone once)."""
    when = datetime.fromtimestamp(ts_ms / 1e3, tz=UTC)
    text = when.strftime("%H:%M:%S")
    return f"{text}.{when.microsecond // 1000:03d}" if millis else text


def micros(value_us: float) -> str:
    """Return a latency with the unit that fits."""
    if not math.isfinite(value_us):
        return NONE
    if value_us < 1_000:
        return f"{value_us:,.0f} µs"
    return f"{value_us / 1e3:,.1f} ms" if value_us < 1e6 else f"{value_us / 1e6:,.1f} s"


def age(value_ms: float) -> str:
    """Return an age in milliseconds, seconds or minutes."""
    if not math.isfinite(value_ms):
        return NONE
    if value_ms < 1_000:
        return f"{value_ms:,.0f} ms"
    return f"{value_ms / 1e3:,.1f} s" if value_ms < 60_000 else f"{value_ms / 6e4:,.0f} min"


def number(text: str) -> float | None:
    """Return what a person typed as a number, or None: ``64,180.00``, ``−3``, ``250 K`` are."""
    plain_text = text.replace(",", "").replace("\u00a0", "").replace(MINUS, "-").strip().upper()
    factor = {"K": 1e3, "M": 1e6, "B": 1e9}.get(plain_text[-1:], 1.0)
    try:
        return float(plain_text.rstrip("KMB")) * factor
    except ValueError:
        return None
