"""A finished run as linked panes: price with fills, equity, drawdown.

A pane shows about a thousand candles at most; a longer run is aggregated so that every high, low
and all volume survive.  The plot is served from the widget server and framed, so a notebook cell
holds a few hundred bytes of it and not three megabytes.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import panel as pn
from bokeh.layouts import gridplot
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    CustomJSTickFormatter,
    FixedTicker,
    Range1d,
    Span,
)
from bokeh.plotting import figure
from numpy.typing import NDArray

from alphaforge.widgets.axis import PRICE_LABELS, TIME_LABELS, time_ticks
from alphaforge.widgets.component import Look, Selection
from alphaforge.widgets.desk import Fill
from alphaforge.widgets.theme import MONO, TOKENS
from alphaforge.widgets.workbench import Page

CANDLES = 1_000
HEIGHTS = (330, 130, 100)  #: least heights, pixels
SHARES = ("3fr", "1.2fr", "1fr")  #: of the page, when it is taller
Column = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """What the plot needs of a run: one value a bar, all columns of one length.

    Attributes
    ----------
    index : float64[n]
        Bar time, milliseconds since 1970 UTC.
    open, high, low, close, volume : float64[n]
        The bars; ``volume`` may be empty.
    equity : float64[n]
        Account value at each bar.
    fills : sequence of Fill
        What the run traded.
    title : str
        Heading of the page.
    price_decimals : int
        Decimals of the price axis.
    """

    index: Column
    open: Column
    high: Column
    low: Column
    close: Column
    equity: Column
    volume: Column = field(default_factory=lambda: np.empty(0))
    fills: Sequence[Fill] = ()
    title: str = "Run"
    price_decimals: int = 2


def aggregate(run: Run, most: int = CANDLES) -> tuple[dict[str, Column], NDArray[np.intp]]:
    """Return at most ``most`` candles and the first bar of each.

    The first open, the highest high, the lowest low, the last close, the sum of volume, the last
    equity, and the lowest equity (so that a drawdown inside a candle stays visible).
    """
    count = len(run.index)
    starts = np.arange(0, count, max(1, -(-count // most)))
    ends = np.append(starts[1:], count) - 1
    volume = np.asarray(run.volume) if len(run.volume) else np.zeros(count)
    peak = np.maximum.accumulate(run.equity)
    drawdown = 100.0 * (run.equity / peak - 1.0)
    columns = {
        "index": np.arange(len(starts), dtype=np.float64),
        "ts_open_ms": np.asarray(run.index, dtype=np.float64)[starts],
        "open": np.asarray(run.open)[starts],
        "high": np.maximum.reduceat(run.high, starts),
        "low": np.minimum.reduceat(run.low, starts),
        "close": np.asarray(run.close)[ends],
        "volume": np.add.reduceat(volume, starts),
        "equity": np.asarray(run.equity)[ends],
        "drawdown": np.minimum.reduceat(drawdown, starts),
    }
    return columns, starts


def plot(run: Run, theme: str = "dark") -> Any:
    """Return the linked panes as a Bokeh layout.

    Parameters
    ----------
    run : Run
        What to show.
    theme : str
        ``"dark"`` or ``"light"``.
    """
    tokens = TOKENS[theme]
    columns, starts = aggregate(run)
    up = columns["close"] >= columns["open"]
    source = ColumnDataSource(
        columns
        | {
            "mid": (columns["open"] + columns["close"]) / 2,
            "size": np.abs(columns["close"] - columns["open"]),
            "edge": np.where(up, tokens["up"], tokens["dn"]),
            "body": np.where(up, tokens["card"], tokens["dn"]),
        },
        name="run",
    )
    price = _pane("Price", HEIGHTS[0], source, tokens, run.price_decimals)
    price.segment("index", "high", "index", "low", source=source, line_color="edge")
    price.rect("index", "mid", 0.64, "size", source=source, fill_color="body", line_color="edge")
    _mark_fills(price, run, starts, tokens)
    equity = _pane("Equity", HEIGHTS[1], source, tokens, 0, price.x_range)
    equity.line("index", "equity", source=source, line_color=tokens["acc"], line_width=1.5)
    drawdown = _pane("Drawdown %", HEIGHTS[2], source, tokens, 2, price.x_range)
    drawdown.varea("index", 0, "drawdown", source=source, fill_color=tokens["dn"], fill_alpha=0.3)
    drawdown.line("index", "drawdown", source=source, line_color=tokens["dn"])
    _link([price, equity, drawdown], columns["ts_open_ms"], tokens)
    grid = gridplot(
        [[price], [equity], [drawdown]],
        toolbar_location=None,
        sizing_mode="stretch_both",
        merge_tools=False,
    )
    grid.rows = list(SHARES)
    return grid


def _pane(
    title: str,
    height: int,
    source: ColumnDataSource,
    tokens: dict[str, str],
    decimals: int,
    x_range: Any = None,
) -> figure:
    x_range = x_range or Range1d(-2, len(source.data["index"]) + 1)
    pane = figure(
        name=title.split()[0].lower(),
        title=title,
        height=height,
        min_height=60,
        min_border_right=78,
        min_border_left=10,
        y_axis_location="right",
        toolbar_location=None,
        tools="xpan,xwheel_zoom,reset",
        active_drag="xpan",
        active_scroll="xwheel_zoom",
        outline_line_color=None,
        background_fill_color=tokens["card"],
        border_fill_color=tokens["card"],
        lod_threshold=None,
        x_range=x_range,
    )
    pane.title.text_color = tokens["mute"]
    pane.title.text_font_size = "11px"
    pane.title.text_font_style = "normal"
    pane.grid.grid_line_color = tokens["grid"]
    pane.xaxis.formatter = CustomJSTickFormatter(args={"bars": source}, code=TIME_LABELS)
    pane.yaxis.formatter = CustomJSTickFormatter(args={"decimals": decimals}, code=PRICE_LABELS)
    pane.yaxis.ticker.desired_num_ticks = max(2, height // 45)
    for axis in pane.axis:
        axis.major_tick_line_color = axis.minor_tick_line_color = axis.axis_line_color = None
        axis.major_label_text_color = tokens["mute"]
        axis.major_label_text_font = MONO.replace('"', "")
        axis.major_label_text_font_size = "10.5px"
    return pane


def _mark_fills(pane: figure, run: Run, starts: NDArray[np.intp], tokens: dict[str, str]) -> None:
    times = np.asarray(run.index, dtype=np.float64)
    for side, marker, token in ((1, "triangle", "up"), (-1, "inverted_triangle", "dn")):
        fills = [fill for fill in run.fills if fill.side == side]
        bars = np.searchsorted(times, [fill.ts_ms for fill in fills], side="right") - 1
        at = np.searchsorted(starts, np.clip(bars, 0, None), side="right") - 1
        pane.scatter(
            at.astype(float),
            [fill.price for fill in fills],
            marker=marker,
            size=9,
            fill_color=tokens[token],
            line_color=tokens["card"],
        )


def _link(panes: list[figure], ts_ms: Column, tokens: dict[str, str]) -> None:
    """Share the crosshair's vertical line and the time labels; label the last pane only."""
    vertical = Span(dimension="height", line_color=tokens["faint"], line_dash="dotted")
    ticks = FixedTicker(ticks=[float(row) for row in time_ticks(ts_ms, len(ts_ms))])
    for pane in panes:
        pane.add_tools(CrosshairTool(overlay=vertical))
        pane.xaxis.ticker = ticks
        pane.xaxis.visible = pane is panes[-1]


def run_page(run: Run, look: Look) -> pn.Template:
    """Return the page that shows a run; it is drawn once and needs no frames."""
    pane = pn.pane.Bokeh(plot(run, look["theme"]), sizing_mode="stretch_both", min_height=0)
    page = Page(run.title, "single", {"widget": pane}, (), Selection(symbol="", **look))
    return page.template


def missing_run_page(run_id: str, look: Look) -> pn.Template:
    """Return a page that says the run is not here (the kernel has been restarted, most likely)."""
    words = pn.pane.HTML(
        f'<p class="empty">This session has no run {html.escape(run_id)}. Run the cell again.</p>'
    )
    selection = Selection(symbol="", **look)
    return Page(f"No run {run_id}", "single", {"widget": words}, (), selection).template
