"""A picture of a few curves: linked panes over time or numbers, bars where names are compared.

Served from the widget server and framed as a run is, so that a notebook cell holds a few hundred
bytes of it.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import panel as pn
from bokeh.layouts import gridplot
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    HoverTool,
    Legend,
    NumeralTickFormatter,
    Span,
)
from bokeh.plotting import figure
from numpy.typing import NDArray

from alphaforge.widgets.component import Look, Selection
from alphaforge.widgets.theme import MONO, TOKENS
from alphaforge.widgets.workbench import Page

POINTS = 4_000
COLOURS = ("acc", "up", "dn", "warn", "mute")
DASHES = ("solid", "dashed", "dotted", "dotdash", "dashdot")
KINDS = ("line", "step", "points", "bars")


@dataclass(frozen=True)
class Curve:
    """One curve: ``x`` milliseconds since 1970 where its picture is over time, else numbers."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


@dataclass(frozen=True)
class Pane:
    """Curves that share a scale; of bars, ``names`` says what each stands for."""

    title: str
    curves: tuple[Curve, ...]
    kind: str = "line"
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """Panes one above the other."""

    title: str
    panes: tuple[Pane, ...]
    over_time: bool = False
    x_title: str = field(default="")


def thinned(curve: Curve, most: int = POINTS) -> Curve:
    """At most about ``most`` points: of each stretch the first, the lowest and the highest."""
    size = curve.x.size
    if size <= most:
        return curve
    starts = np.arange(0, size, -(-size // (most // 3)))
    kept = set(starts.tolist()) | {size - 1}
    for start, stop in zip(starts, np.append(starts[1:], size), strict=True):
        part = curve.y[start:stop]
        if not np.isnan(part).all():
            kept |= {int(start + np.nanargmin(part)), int(start + np.nanargmax(part))}
    rows = np.array(sorted(kept))
    return Curve(curve.name, curve.x[rows], curve.y[rows])


def plot(picture: Picture, theme: str = "dark") -> Any:
    """The panes as a Bokeh layout, in a theme's colours."""
    tokens = TOKENS[theme]
    made: list[figure] = []
    vertical = Span(dimension="height", line_color=tokens["faint"], line_dash="dotted")
    for pane in picture.panes:
        shared = made[0].x_range if made and pane.kind != "bars" else None
        drawn = _figure(pane, picture.over_time, shared, tokens)
        _curves(drawn, pane, tokens)
        if pane.kind != "bars":
            drawn.add_tools(CrosshairTool(overlay=vertical))
            drawn.xaxis.visible = pane is picture.panes[-1]
        made.append(drawn)
    if picture.x_title:
        made[-1].xaxis.axis_label = picture.x_title
    return gridplot(
        [[one] for one in made],
        toolbar_location=None,
        sizing_mode="stretch_both",
        merge_tools=False,
    )


def _figure(pane: Pane, over_time: bool, shared: Any, tokens: dict[str, str]) -> figure:
    options: dict[str, Any] = {}
    if pane.kind == "bars":
        options["x_range"] = list(pane.names)
    else:
        options["x_axis_type"] = "datetime" if over_time else "linear"
        if shared is not None:
            options["x_range"] = shared
    made = figure(
        title=pane.title,
        min_height=110,
        min_border_right=70,
        y_axis_location="right",
        toolbar_location=None,
        tools="" if pane.kind == "bars" else "xpan,xwheel_zoom,reset",
        outline_line_color=None,
        background_fill_color=tokens["card"],
        border_fill_color=tokens["card"],
        lod_threshold=None,
        **options,
    )
    made.title.text_color = tokens["mute"]
    made.title.text_font_size = "12px"
    made.title.text_font_style = "normal"
    made.grid.grid_line_color = tokens["grid"]
    made.yaxis.formatter = NumeralTickFormatter(format="0,0.[00000]")
    for axis in made.axis:
        axis.major_tick_line_color = axis.minor_tick_line_color = axis.axis_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = tokens["mute"]
        axis.major_label_text_font = MONO.replace('"', "")
        axis.major_label_text_font_size = axis.axis_label_text_font_size = "10.5px"
    return made


def _curves(made: figure, pane: Pane, tokens: dict[str, str]) -> None:
    """Draw each curve in a colour and a dash of its own: colour is never the only sign."""
    legend = []
    for n, curve in enumerate(pane.curves):
        colour = tokens[COLOURS[n % len(COLOURS)]]
        if pane.kind == "bars":
            source = ColumnDataSource({"x": list(pane.names), "y": curve.y})
            drawn = made.vbar("x", 0.6, "y", source=source, fill_color=colour, line_color=None)
            made.y_range.start = min(0.0, *curve.y[np.isfinite(curve.y)].tolist(), 0.0)
        else:
            few = thinned(curve)
            source = ColumnDataSource({"x": few.x, "y": few.y})
            if pane.kind == "points":
                drawn = made.scatter("x", "y", source=source, size=5, color=colour)
            else:
                draw = made.step if pane.kind == "step" else made.line
                more = {"mode": "after"} if pane.kind == "step" else {}
                drawn = draw(
                    "x", "y", source=source, line_color=colour, line_width=1.5,
                    line_dash=DASHES[n % len(DASHES)], **more,
                )  # fmt: skip
        legend.append((curve.name, [drawn]))
    made.add_tools(HoverTool(tooltips=[("", "@y{0,0.######}")], mode="mouse"))
    if len(legend) > 1:
        made.add_layout(
            Legend(
                items=legend,
                orientation="horizontal",
                label_text_color=tokens["mute"],
                label_text_font_size="11px",
                background_fill_alpha=0,
                border_line_color=None,
                padding=0,
                margin=2,
            ),
            "above",
        )


def picture_page(picture: Picture, look: Look) -> pn.Template:
    """The page that shows a picture; it is drawn once and needs no frames."""
    pane = pn.pane.Bokeh(plot(picture, look["theme"]), sizing_mode="stretch_both", min_height=0)
    selection = Selection(symbol="", **look)
    return Page(picture.title, "single", {"widget": pane}, (), selection).template


def missing_picture_page(name: str, look: Look) -> pn.Template:
    """A page that says the picture is not here (the kernel has been restarted, most likely)."""
    words = pn.pane.HTML(
        f'<p class="empty">This session has no picture {html.escape(name)}. Run the cell again.</p>'
    )
    selection = Selection(symbol="", **look)
    return Page("No picture", "single", {"widget": words}, (), selection).template
