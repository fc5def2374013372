"""The equity curve of a live session, its peak, and the fall between the two."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, DatetimeTickFormatter, Range1d
from bokeh.plotting import figure

from alphaforge.widgets.axis import PRICE_LABELS
from alphaforge.widgets.component import Selection
from alphaforge.widgets.desk import Desk, Frame
from alphaforge.widgets.theme import MONO, TOKENS

HELD = 7_200  #: seconds in the browser: two hours
LEAST_MS = 60_000.0  #: the shortest time shown
LEAST_SHARE = 1e-5  #: of the equity: a fee alone must not look like a cliff


class Equity:
    """Equity second by second; what is missing from the peak is shaded.

    Parameters
    ----------
    desk : Desk
        The session.
    selection : Selection
        The page's theme.
    """

    every = 10

    def __init__(self, desk: Desk, selection: Selection) -> None:
        self._desk = desk
        self._next = 0
        self.source = ColumnDataSource({"ts_ms": [], "equity": [], "peak": []}, name="account")
        self.figure = self._build()
        self.root = pn.pane.Bokeh(self.figure, sizing_mode="stretch_both", min_height=0)
        selection.param.watch(lambda event: self.paint(event.new), "theme")
        self.paint(selection.theme)

    def _build(self) -> Any:
        plot = figure(
            name="equity",
            sizing_mode="stretch_both",
            min_height=0,
            min_width=0,
            min_border=0,
            min_border_left=8,
            min_border_right=96,
            min_border_bottom=22,
            toolbar_location=None,
            tools="",
            x_range=Range1d(0.0, 1.0),
            y_range=Range1d(0.0, 1.0),
            y_axis_location="right",
            outline_line_color=None,
        )
        clock = dict.fromkeys(("seconds", "minsec"), "%H:%M:%S")
        clock |= dict.fromkeys(("minutes", "hourmin", "hours", "days"), "%H:%M")
        plot.xaxis.formatter = DatetimeTickFormatter(**clock)
        plot.yaxis.formatter = CustomJSTickFormatter(args={"decimals": 2}, code=PRICE_LABELS)
        plot.yaxis.ticker.desired_num_ticks = 4
        for axis in plot.axis:
            axis.major_tick_line_color = axis.minor_tick_line_color = axis.axis_line_color = None
            axis.major_label_text_font = MONO.replace('"', "")
            axis.major_label_text_font_size = "10.5px"
        self._fall = plot.varea("ts_ms", "equity", "peak", source=self.source, fill_alpha=0.1)
        self._peak = plot.line("ts_ms", "peak", source=self.source, line_dash="dotted")
        self._line = plot.line("ts_ms", "equity", source=self.source, line_width=1.4)
        return plot

    def paint(self, theme: str) -> None:
        """Colour the glyphs; the axes and the background follow the page's CSS by themselves."""
        tokens = TOKENS[theme]
        self._fall.glyph.fill_color = tokens["dn"]
        self._peak.glyph.line_color = tokens["faint"]
        self._line.glyph.line_color = tokens["acc"]

    def update(self, _: Frame) -> None:
        """Append the seconds that are new, and fit the view to what is held."""
        new = self._desk.equity(self._next)
        if not len(new.equity):
            return
        columns = {"ts_ms": new.ts_ms, "equity": new.equity, "peak": new.peak}
        if new.first != self._next:  # some were missed: a line across the gap would lie
            self.source.data = {name: values[-HELD:] for name, values in columns.items()}
        else:
            self.source.stream(columns, rollover=HELD)
        self._next = new.first + len(new.equity)
        self._fit()

    def _fit(self) -> None:
        times, equity, peak = (np.asarray(self.source.data[k]) for k in ("ts_ms", "equity", "peak"))
        last = float(times[-1])
        self.figure.x_range.update(start=min(float(times[0]), last - LEAST_MS), end=last)
        low, high = float(equity.min()), float(peak.max())
        room = max(high - low, abs(high) * LEAST_SHARE) * 0.12
        now = self.figure.y_range
        loose = now.end - now.start > 1.5 * (high - low + 2 * room)
        if low < now.start or high > now.end or loose:
            now.update(start=low - room, end=high + room)
