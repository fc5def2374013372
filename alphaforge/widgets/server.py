"""The widget server: the pages, on the loopback interface, from a thread of the kernel.

It runs in its own thread, so a busy cell does not stop it; pages reach it with a ticket (see
:mod:`alphaforge.widgets.access`) and get their frames from the pump (:mod:`~.view`).
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import panel as pn
from panel.io.server import Server, get_server
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler
from tornado.websocket import WebSocketClosedError

from alphaforge.errors import ConfigError
from alphaforge.ports import HOST, first_free
from alphaforge.widgets import theme
from alphaforge.widgets.access import Gate, Tickets
from alphaforge.widgets.component import Look, Selection
from alphaforge.widgets.desk import Desk
from alphaforge.widgets.embed import Embedded, behind_hub
from alphaforge.widgets.picture import Picture, missing_picture_page, picture_page
from alphaforge.widgets.tearsheet import Run, missing_run_page, run_page
from alphaforge.widgets.view import Pump, View
from alphaforge.widgets.workbench import PAGES

START_TIMEOUT_S = 30.0
HEIGHTS = {"workbench": 720, "chart": 480, "ladder": 560, "run": 640, "picture": 420}
PICTURES_KEPT = 100


class WidgetServer:
    """Serves the workbench and every widget of one desk.

    Parameters
    ----------
    desk : Desk
        The session to show.
    port : int, optional
        Where to listen; the first free one of ``ports`` when left out.
    ports : pair of int
        First and last port to choose from.
    fps : float
        Frames a second that a page gets at most.
    theme : str
        ``"dark"``, ``"light"``, or ``"follow"``: JupyterLab's, or the system's where there is none.
    origins : sequence of str
        Further names (``"host:port"``) that the server may be reached by.

    Examples
    --------
    >>> server = WidgetServer(desk).start()          # doctest: +SKIP
    >>> server.url("workbench")                      # doctest: +SKIP
    """

    def __init__(
        self,
        desk: Desk,
        port: int | None = None,
        ports: tuple[int, int] = (8900, 8999),
        fps: float = 20.0,
        theme: str = "follow",
        origins: Sequence[str] = (),
    ) -> None:
        self._desk = desk
        self._theme = theme
        self._wanted = port
        self._ports = ports
        self._origins = list(origins)
        self._tickets = Tickets()
        self._pump = Pump(fps)
        self._runs: dict[str, Run] = {}
        self._pictures: dict[str, Picture] = {}
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: IOLoop | None = None
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    # ---------------------------------------------------------------- life

    def start(self) -> WidgetServer:
        """Start serving; return when the port listens.

        Raises
        ------
        ConfigError
            When the port is taken, or the server did not come up.
        """
        if self._thread is not None:
            return self
        self._check_desk()
        self.port = self._wanted if self._wanted is not None else first_free(*self._ports)
        self._thread = threading.Thread(target=self._run, name="alphaforge-ui", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise ConfigError(f"The widget server did not listen within {START_TIMEOUT_S:.0f} s.")
        if self._failure is not None:
            self._thread = None
            self._ready.clear()
            failure, self._failure = self._failure, None
            if isinstance(failure, OSError):
                raise ConfigError(
                    f"port {self.port} is taken by another program. "
                    "Give another port, or leave it out for a free one."
                ) from failure
            raise ConfigError(f"The widget server could not start: {failure}") from failure
        self._pump.start()
        return self

    def stop(self) -> None:
        """Stop serving; open pages show that they are disconnected."""
        if self._thread is None or self._loop is None:
            return
        self._pump.stop()
        self._loop.add_callback(self._shut)
        self._thread.join(timeout=10)
        self._thread = None

    def __enter__(self) -> WidgetServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _check_desk(self) -> None:
        if not self._desk.symbols():
            raise ConfigError("The session has no instrument to show. Add one first.")

    def _run(self) -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        self._loop = IOLoop.current()
        self._loop.asyncio_loop.set_exception_handler(_quietly)  # type: ignore[attr-defined]  # no stub
        try:
            self._server = self._build()
            self._server.start()
        except BaseException as failure:  # handed to the thread that called start()
            self._failure = failure
            self._ready.set()
            return
        self._loop.add_callback(self._ready.set)
        self._loop.start()
        self._loop.close(all_fds=True)

    def _shut(self) -> None:
        if self._server is not None:
            self._server.stop(wait=False)
        if self._loop is not None:
            self._loop.stop()

    def _build(self) -> Server:
        # A key of our own, made at start: tokens of an earlier kernel are worth nothing.
        key = secrets.token_hex(32)
        own = [f"{HOST}:{self.port}", f"localhost:{self.port}", *self._origins]
        hosts = None if behind_hub() else own
        return get_server(
            {f"/{route}": self._opener(route) for route in (*PAGES, "run", "picture")},
            title={f"/{route}": f"AlphaForge {route}" for route in (*PAGES, "run", "picture")},
            port=self.port,
            address=HOST,
            # A hub's own name isn't known here: its login and our signed sessions stand instead.
            websocket_origin=own if hosts is not None else ["*"],
            auth_provider=Gate(self._tickets, self.port, key.encode(), hosts),
            secret_key=key.encode(),
            sign_sessions=True,
            generate_session_ids=True,
            # The token is readable in the page, so the cookie must not ride in it.
            include_headers=["User-Agent"],
            include_cookies=[],
            exclude_cookies=None,
            extra_patterns=[(rf"/{theme.ASSETS}/alphaforge-[0-9a-f]+\.(css|js)", AssetHandler)],
            check_unused_sessions_milliseconds=2_000,
            unused_session_lifetime_milliseconds=15_000,
            location=False,
            use_index=False,  # Panel's list of pages asks other machines for its looks
            start=False,
            show=False,
        )

    # ---------------------------------------------------------------- pages

    def _opener(self, route: str) -> Any:
        def open_page() -> Any:
            if route == "run":
                return self._open_run()
            if route == "picture":
                return self._open_picture()
            return self._open_live(route)

        return open_page

    def _open_live(self, route: str) -> Any:
        page = PAGES[route](self._desk, self._selection())
        document = pn.state.curdoc
        view = View(self._desk, page.components, page.pulse, document)
        view.draw()  # the page arrives with its first frame in it
        document.on_session_destroyed(lambda _: self._pump.remove(view))
        pn.state.onload(lambda: self._pump.add(view))
        return page.template

    def _open_run(self) -> Any:
        run = self._runs.get(_argument("id"))
        if run is None:
            return missing_run_page(_argument("id"), self._look())
        return run_page(run, self._look())

    def _open_picture(self) -> Any:
        picture = self._pictures.get(_argument("id"))
        if picture is None:
            return missing_picture_page(_argument("id"), self._look())
        return picture_page(picture, self._look())

    def _selection(self) -> Selection:
        infos = {info.symbol: info for info in self._desk.symbols()}
        info = infos.get(_argument("symbol"), next(iter(infos.values())))
        wanted = _argument("spec")
        spec = wanted if wanted in info.specs else info.specs[0]
        return Selection(symbol=info.symbol, spec=spec, **self._look())

    def _look(self) -> Look:
        """The theme to begin with, and whether it follows the notebook's or the system's."""
        if self._theme != "follow":
            return {"theme": self._theme, "follows": False}
        wanted = _argument("th")
        return {"theme": wanted if wanted in theme.TOKENS else "dark", "follows": True}

    # ---------------------------------------------------------------- addresses

    def issue(self, uses: int | None = 1) -> str:
        """Return a ticket: ``uses=1`` for a frame in a cell, None for an address to print."""
        return self._tickets.issue(uses)

    def url(self, route: str = "workbench", uses: int | None = None, **query: str) -> str:
        """Return a full address with a ticket in it.

        Parameters
        ----------
        route : str
            The page.
        uses : int or None
            How often the address opens the page in a new browser; None for always.
        **query
            ``symbol=``, ``spec=``, ``th=``.
        """
        return (
            f"http://{HOST}:{self.port}/{route}?{urlencode(query | {'ticket': self.issue(uses)})}"
        )

    def embed(self, route: str = "workbench", height: int | None = None, **query: str) -> Embedded:
        """Return a page as a notebook output."""
        tall = height or HEIGHTS.get(route, 320)
        title = f"{query.get('symbol', '')} {route}".strip()
        return Embedded(self.port, route, query, self.issue, tall, title)

    def register_run(self, run_id: str, data: Run) -> None:
        """Make a finished run's plot available at ``/run?id=run_id``."""
        self._runs[run_id] = data

    def register_picture(self, picture: Picture) -> str:
        """Make a picture available at ``/picture?id=...``; its id. The last hundred are kept."""
        name = uuid.uuid4().hex[:12]
        self._pictures[name] = picture
        while len(self._pictures) > PICTURES_KEPT:
            del self._pictures[next(iter(self._pictures))]
        return name

    @property
    def pages(self) -> int:
        """Number of pages that get frames now."""
        return self._pump.views


class AssetHandler(RequestHandler):
    """Our stylesheet and script.  The name holds the digest, so a browser may keep them."""

    def get(self, kind: str) -> None:
        """Answer with the text."""
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.set_header("Content-Type", "text/css" if kind == "css" else "text/javascript")
        self.finish(theme.stylesheet() if kind == "css" else theme.script())


def _quietly(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore that a tab was closed while a frame was on its way; report everything else."""
    if not isinstance(context.get("exception"), WebSocketClosedError | StreamClosedError):
        loop.default_exception_handler(context)


def _argument(name: str) -> str:
    values = (pn.state.session_args or {}).get(name, [b""])
    return bytes(values[0]).decode("utf-8", "replace")
