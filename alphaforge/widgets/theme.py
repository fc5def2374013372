"""The design tokens, once: CSS for the page, colours for Bokeh, a Panel design that adds nothing.

Custom properties inherit through shadow roots, so the tokens stand on ``:root[data-theme]`` and
every component sees them; only classes must reach each shadow root, through one stylesheet whose
name carries its digest, so that a browser fetches it once and keeps it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import param
from panel.theme.base import DefaultTheme, Design, Inherit
from panel.viewable import Viewable

HERE = Path(__file__).parent
ASSETS = "af"

#: Colour of each meaning.  Up is teal and hollow, down is vermilion and filled: shape says it too.
TOKENS: dict[str, dict[str, str]] = {
    "dark": {
        "bg": "#0d1117",
        "card": "#141a22",
        "line": "#232c38",
        "grid": "#1c2430",
        "text": "#dde5ee",
        "mute": "#8f9eb0",
        "faint": "#5f7085",
        "up": "#2fb8a6",
        "dn": "#ef6a4c",
        "acc": "#6aa6ff",
        "warn": "#e6b450",
        "bad": "#f0524f",
        "chip": "#1b2430",
        "hover": "#1a2230",
        "ink": "#0d1117",
        "shadow": "none",
    },
    "light": {
        "bg": "#f4f6f9",
        "card": "#ffffff",
        "line": "#dfe5ec",
        "grid": "#eef1f5",
        "text": "#1b2533",
        "mute": "#5b6a7f",
        "faint": "#8a98aa",
        "up": "#0b7d70",
        "dn": "#c2431f",
        "acc": "#2563c9",
        "warn": "#9a6200",
        "bad": "#c62828",
        "chip": "#eef2f7",
        "hover": "#f5f8fb",
        "ink": "#ffffff",
        "shadow": "0 1px 2px rgba(20,30,50,.06)",
    },
}
SANS = 'Inter,system-ui,"Segoe UI",Roboto,sans-serif'
MONO = '"JetBrains Mono",ui-monospace,Menlo,Consolas,monospace'


def tokens_css() -> str:
    """Return the tokens as custom properties, one block a theme."""
    blocks = [f":root {{ --f: {SANS}; --m: {MONO}; --r: 8px; --g: 8px; }}"]
    for name, tokens in TOKENS.items():
        body = " ".join(f"--{key}: {value};" for key, value in tokens.items())
        blocks.append(f":root[data-theme={name}] {{ color-scheme: {name}; {body} }}")
    return "\n".join(blocks)


@lru_cache(maxsize=1)
def stylesheet() -> str:
    """Return the one stylesheet: tokens first, then the rules of the page and its components."""
    return tokens_css() + "\n" + (HERE / "static" / "alphaforge.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def script() -> str:
    """Return the page's own script: theme, number formats, hold gesture."""
    return (HERE / "static" / "alphaforge.js").read_text(encoding="utf-8")


def digest(text: str) -> str:
    """Return a short digest for a file name that may be cached for ever."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def stylesheet_url() -> str:
    """Return the stylesheet's address, relative to the page."""
    return f"{ASSETS}/alphaforge-{digest(stylesheet())}.css"


def script_url() -> str:
    """Return the script's address, relative to the page."""
    return f"{ASSETS}/alphaforge-{digest(script())}.js"


class PlainTheme(DefaultTheme):
    """Panel's theme hook, emptied: Panel never touches a figure or the page."""

    base_css = param.Parameter(default=None)
    bokeh_theme = param.Parameter(default=None)


class PlainDesign(Design):
    """Every component takes our stylesheet and nothing else."""

    modifiers: ClassVar[dict[Any, Any]] = {Viewable: {"stylesheets": [Inherit, stylesheet_url()]}}
    _themes: ClassVar[dict[str, Any]] = {"default": PlainTheme, "dark": PlainTheme}
