"""The header with the kill switch, and the status bar."""

from __future__ import annotations

from typing import Any

import param

from alphaforge.widgets import figures
from alphaforge.widgets.component import ESM, Island
from alphaforge.widgets.desk import Desk, Frame

STATE_TONES = {"ACTIVE": "up", "REDUCING": "warn", "HALTED": "bad"}
ENGINE_TONES = {"RUNNING": "up", "PAUSED": "warn", "STALE": "warn", "STARTING": "mute"}


class HeaderView(Island):
    """State, money, engine health, and the buttons that stop things."""

    _esm = ESM / "header.js"
    state = param.String(default="")
    state_tone = param.String(default="mute")
    session = param.String(default="")
    figures = param.List(default=[])
    paused = param.Boolean(default=False)
    can_pause = param.Boolean(default=False)
    killed = param.Boolean(default=False)
    simulated = param.Boolean(default=False)
    stopped_by = param.String(default="Killed")


class Header:
    """The top row of the workbench."""

    every = 4

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.root = HeaderView(
            css_classes=["fill", "row", "top"],
            session=desk.name,
            simulated=all(info.simulated for info in desk.symbols()),
            on={
                "kill": lambda _: desk.kill(),
                "arm": lambda _: desk.arm(),
                "pause": lambda _: desk.pause(),
                "resume": lambda _: desk.resume(),
            },
        )

    def update(self, frame: Frame) -> None:
        """Show the newest figures."""
        state = "HALTED" if frame.engine == "HALTED" else frame.state
        self.root.param.update(
            state=state,
            state_tone=STATE_TONES.get(state, "mute"),
            session=self._session(frame),
            figures=_figures(frame),
            paused=frame.engine == "PAUSED",
            can_pause=frame.engine in ("RUNNING", "PAUSED"),
            killed=frame.state == "HALTED",
            stopped_by="Halted" if frame.engine == "HALTED" else "Killed",
        )

    def _session(self, frame: Frame) -> str:
        if frame.state == "HALTED" and frame.halt_reason:
            return frame.halt_reason
        return self._desk.name


def _figures(frame: Frame) -> list[list[str]]:
    """Return the header's figures as ``[label, text, tone]``."""
    rate = f"{figures.compact(frame.events_per_s)} ev/s"
    feed = "none" if frame.feed_age_ms < 0 else figures.age(frame.feed_age_ms)
    word = {"STALE": "stale", "HALTED": "halted"}.get(frame.engine, "live")
    drawdown = -abs(frame.drawdown_pct)
    return [
        [f"Equity {frame.base}", figures.plain(frame.equity), ""],
        ["Day P&L", figures.arrow(frame.day_pnl), figures.tone(frame.day_pnl)],
        ["Drawdown", figures.arrow(drawdown, 2, " %"), figures.tone(drawdown)],
        ["Engine", f"{rate} · p99 {figures.micros(frame.lag_p99_us)}", ""],
        ["Feed", f"{word} · {feed}", "" if word == "live" else "warn"],
    ]


class StatusView(Island):
    """The status bar; ``beat`` changes every frame, so the page knows when frames stop."""

    _esm = ESM / "status.js"
    beat = param.Integer(default=0)
    engine = param.String(default="STARTING")
    tone = param.String(default="mute")
    clock = param.String(default="")
    items = param.List(default=[])


class Status:
    """The bottom row: the engine's clock and its health."""

    every = 4

    def __init__(self) -> None:
        self.root = StatusView(css_classes=["fill", "row", "status"])

    def update(self, frame: Frame) -> None:
        """Show the newest figures."""
        gaps = f"{frame.journal_gaps:,} gaps" if frame.journal_gaps else "no gaps"
        values: dict[str, Any] = {
            "beat": self.root.beat + 1,
            "engine": "LIVE" if frame.engine == "RUNNING" else frame.engine,
            "tone": ENGINE_TONES.get(frame.engine, "bad"),
            "clock": figures.clock(frame.ts_ms, millis=True),
            "items": [
                ["Events", f"{figures.compact(frame.events_per_s)} /s", ""],
                ["Lag p50", figures.micros(frame.lag_p50_us), ""],
                ["p99", figures.micros(frame.lag_p99_us), ""],
                ["Journal", f"{frame.journal_rows:,} rows", ""],
                ["", gaps, "bad" if frame.journal_gaps else ""],
            ],
        }
        self.root.param.update(**values)
