"""The risk card: each limit as a bar with its headroom, edited in place."""

from __future__ import annotations

import param

from alphaforge.widgets import figures
from alphaforge.widgets.component import ESM, Island, Message
from alphaforge.widgets.desk import Desk, Frame, Limit

WARN_AT, BAD_AT = 70.0, 95.0


class RiskView(Island):
    """The limits as rows of text and a percentage."""

    _esm = ESM / "risk.js"
    rows = param.List(default=[])
    answer = param.Dict(default={})


class Risk:
    """What is used of each limit."""

    every = 4

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._count = 0
        self.root = RiskView(on={"limit": self._set})

    def update(self, frame: Frame) -> None:
        """Show the newest use of each limit."""
        self.root.rows = [_row(limit) for limit in frame.limits]

    def _set(self, message: Message) -> None:
        value = figures.number(str(message["value"]))
        key = str(message["key"])
        if value is None or value < 0:
            refused = "a limit is a number, zero or more"
        else:
            refused = self._desk.set_limit(key, value)
        self._count += 1
        self.root.answer = {"number": self._count, "key": key, "refused": refused}


def _row(limit: Limit) -> dict[str, object]:
    used = 100.0 * abs(limit.value) / limit.limit if limit.limit else 100.0 * bool(limit.value)
    # A currency's name would only repeat what the limit's own name and the header say.
    unit = f" {limit.unit}" if limit.unit and not limit.unit.isalpha() else ""
    left = limit.limit - abs(limit.value)
    tone = "bad" if used >= BAD_AT else "warn" if used >= WARN_AT else "up"
    return {
        "key": limit.key,
        "name": limit.name,
        "text": f"{figures.compact(limit.value)} of {figures.compact(limit.limit)}{unit}",
        "left": f"{figures.compact(left)}{unit} left" if left >= 0 else "over the limit",
        "used": round(min(100.0, used), 1),
        "tone": tone,
        "limit": f"{limit.limit:.10g}",
    }
