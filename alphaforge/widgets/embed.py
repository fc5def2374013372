"""A widget in a notebook cell: a frame that shows a page of the widget server.

The address is completed in the browser, because only the browser knows how it reached the
notebook: as ``localhost`` or ``127.0.0.1`` (a cookie for one isn't sent to the other), or through
a hub, where the page comes through jupyter-server-proxy.
"""

from __future__ import annotations

import html
import json
import os
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

SCRIPT = """
(() => {
  const box = document.getElementById(%(id)s)
  if (!box) return
  const frame = box.querySelector("iframe")
  const theme = () => document.body.dataset.jpThemeLight === "false" ? "dark"
    : document.body.dataset.jpThemeLight === "true" ? "light" : null
  const notebookBase = () => {
    const config = document.getElementById("jupyter-config-data")
    return (config && JSON.parse(config.textContent).baseUrl) || "/"
  }
  const local = ["localhost", "127.0.0.1"].includes(location.hostname)
  const base = %(proxy)s ?? (local ? `${location.protocol}//${location.hostname}:%(port)d/`
    : new URL("proxy/%(port)d/", new URL(notebookBase(), location.href)).href)
  const address = new URL(base + %(page)s, location.href)
  if (theme()) address.searchParams.set("th", theme())
  const tell = () => theme() &&
    frame.contentWindow?.postMessage({af_theme: theme()}, address.origin)
  frame.addEventListener("load", tell)
  new MutationObserver(tell).observe(document.body,
    {attributes: true, attributeFilter: ["data-jp-theme-light"]})
  frame.src = address.href
  frame.hidden = false
  box.querySelector("p").remove()
})()
"""


class Embedded:
    """A page of the widget server as a notebook output.

    Parameters
    ----------
    port : int
        Where the server listens on the kernel's machine.
    route : str
        The page, for instance ``"workbench"``.
    query : mapping of str to str
        What the page is asked to show.
    ticket : callable
        Gives a ticket that works once; called each time the output is made.
    height : int
        Height in pixels.
    title : str
        What a screen reader calls the frame.
    """

    def __init__(
        self,
        port: int,
        route: str,
        query: Mapping[str, str],
        ticket: Callable[[], str],
        height: int,
        title: str,
    ) -> None:
        self._port = port
        self._route = route
        self._query = dict(query)
        self._ticket = ticket
        self._height = height
        self._title = title

    def __repr__(self) -> str:
        return f"<AlphaForge {self._title}: shown by a notebook's cell, elsewhere by lab.serve()>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": f"<AlphaForge {self._title}>"}

    def _repr_html_(self) -> str:
        name = f"alphaforge-{uuid.uuid4().hex[:12]}"
        page = f"{self._route}?{urlencode(self._query | {'ticket': self._ticket()})}"
        script = SCRIPT % {
            "id": json.dumps(name),
            "proxy": json.dumps(hub_base(self._port)),
            "port": self._port,
            "page": json.dumps(page),
        }
        return (
            f'<div id="{name}"><p>Run this cell to see the {html.escape(self._title)}.</p>'
            f'<iframe hidden title="{html.escape(self._title)}" '
            f'style="width:100%;height:{self._height}px;border:0;border-radius:8px;display:block">'
            f"</iframe><script>{script}</script></div>"
        )


def behind_hub() -> bool:
    """Whether a JupyterHub or Binder runs this kernel: pages then come through its proxy."""
    return "JUPYTERHUB_SERVICE_PREFIX" in os.environ or "BINDER_LAUNCH_HOST" in os.environ


def hub_base(port: int) -> str | None:
    """Return the proxied base path when a hub or Binder runs this kernel, else None."""
    if not behind_hub():
        return None
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/")
    return f"{prefix.rstrip('/')}/proxy/{port}/"
