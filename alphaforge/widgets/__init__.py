"""Live widgets: readers of a desk, drawn with Panel and Bokeh, served to cells and browsers."""

from alphaforge.widgets.desk import (
    Alert,
    Bars,
    Depth,
    Desk,
    Fill,
    Frame,
    Limit,
    Position,
    Quote,
    SymbolInfo,
    Ticket,
    WhatIf,
    WorkingOrder,
)
from alphaforge.widgets.embed import Embedded
from alphaforge.widgets.server import WidgetServer
from alphaforge.widgets.tearsheet import Run, plot

__all__ = [
    "Alert",
    "Bars",
    "Depth",
    "Desk",
    "Embedded",
    "Fill",
    "Frame",
    "Limit",
    "Position",
    "Quote",
    "Run",
    "SymbolInfo",
    "Ticket",
    "WhatIf",
    "WidgetServer",
    "WorkingOrder",
    "plot",
]
