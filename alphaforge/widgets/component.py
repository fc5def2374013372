"""A component: a source that the browser mirrors, a root that shows it, ``update(frame)``.

Nothing else.  ``update`` computes what the screen should say and hands it to the source, which
sends only what differs from last time.  A component that has missed frames catches up from its
own index at the next one, so a slow browser loses frames and never data.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypedDict

import param
from panel.custom import JSComponent
from panel.viewable import Viewable

from alphaforge.widgets.desk import Frame

ESM = Path(__file__).parent / "esm"
Message = dict[str, Any]


class Component(Protocol):
    """What the view drives.  ``every`` is how many UI frames pass between two updates."""

    every: int

    @property
    def root(self) -> Viewable:
        """What the page shows."""

    def update(self, frame: Frame) -> None:
        """Bring the source up to ``frame``."""


class Island(JSComponent):
    """A small piece of HTML drawn by a JavaScript file beside the Python.

    Its parameters are the source: setting one to an equal value sends nothing.

    Parameters
    ----------
    on : mapping of str to callable, optional
        What to do when the browser sends a message ``{"do": name, ...}``.
    """

    __abstract = True

    def __init__(self, on: dict[str, Callable[[Message], None]] | None = None, **params: Any):
        params.setdefault("css_classes", ["fill"])
        super().__init__(**params)
        self._on = on or {}
        self.on_msg(self._receive)

    def _receive(self, event: Any) -> None:
        handler = self._on.get(event.data.get("do", ""))
        if handler is not None:
            handler(event.data)


class Pulse(Island):
    """Invisible: the number of a frame sent, of the last one taken in, and the page's theme."""

    _esm = ESM / "pulse.js"
    sent = param.Integer(default=0)
    seen = param.Integer(default=0)
    theme = param.Selector(default="dark", objects=["dark", "light"])


class Look(TypedDict):
    """The theme that a page begins with, and whether it follows the notebook's or the system's."""

    theme: str
    follows: bool


class Selection(param.Parameterized):
    """What one page is looking at; its components watch it instead of each other."""

    symbol = param.String(doc="The instrument shown.")
    spec = param.String(doc="The bar specification of the chart.")
    price = param.Number(default=None, allow_None=True, doc="A price picked in the ladder.")
    theme = param.Selector(default="dark", objects=["dark", "light"])
    follows = param.Boolean(default=True, doc="Whether the theme is the notebook's or system's.")
