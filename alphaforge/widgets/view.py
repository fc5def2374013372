"""The pump: one thread that gives every open page its frames, at most ``fps`` a second.

A page is a :class:`View`.  The pump asks its document for one callback a frame and asks again
only when that one has run and the browser has taken its frame in, so a slow page skips frames
instead of queueing them.  The callback brings every component up to date inside one hold: one
batch a frame goes down the socket.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

import panel as pn
from bokeh.document import Document

from alphaforge.widgets.component import Component, Pulse
from alphaforge.widgets.desk import Desk, Frame

log = logging.getLogger(__name__)
IN_FLIGHT = 15  #: frames that may be on their way to the browser
ECHO_EVERY = 5  #: frames between two echoes: asking for each would cost a message a frame
PATIENCE_S = 2.0  #: after which a frame is tried anyway: an echo may be lost with its socket


class View:
    """One page: its document and the components on it."""

    def __init__(
        self,
        desk: Desk,
        components: Sequence[Component],
        pulse: Pulse,
        document: Document,
    ) -> None:
        self._desk = desk
        self._components = components
        self._pulse = pulse
        self._document = document
        self._pending = threading.Event()
        self._drawn_at = 0.0
        self._count = 0
        self.alive = True

    def ask(self) -> bool:
        """Ask for one frame; return False when the page is not ready for it."""
        if self._pending.is_set() or not self.watched or not self._caught_up():
            return False
        self._pending.set()
        try:
            self._document.add_next_tick_callback(self._tick)
        except (RuntimeError, ValueError):  # the server or the document has gone
            self.alive = False
        return True

    @property
    def watched(self) -> bool:
        """Whether a browser is connected; the document outlives its socket by some seconds."""
        session = getattr(self._document.session_context, "session", None)
        return session is None or session.connection_count > 0

    def _caught_up(self) -> bool:
        waiting = self._count - self._pulse.seen >= IN_FLIGHT
        return not waiting or time.monotonic() - self._drawn_at > PATIENCE_S

    def _tick(self) -> None:
        try:
            if self.alive:
                self.draw()
        finally:
            self._pending.clear()

    def draw(self) -> None:
        """Bring every component that is due up to the newest frame, as one batch."""
        frame = self._desk.frame()
        with pn.io.hold(self._document):
            for component in self._components:
                if self._count % component.every == 0:
                    self._update(component, frame)
            self._count += 1
            if self._count % ECHO_EVERY == 0:
                self._pulse.sent = self._count
        self._drawn_at = time.monotonic()

    def _update(self, component: Component, frame: Frame) -> None:
        # One widget that fails must not take the kill switch down with it.
        try:
            component.update(frame)
        except Exception:
            log.exception("%s could not show a frame", type(component).__name__)


class Pump:
    """The thread that drives the views."""

    def __init__(self, frames_per_second: float) -> None:
        self._period = 1.0 / frames_per_second
        self._views: list[View] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.frames = 0
        self.skipped = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="alphaforge-pump", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for it."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def add(self, view: View) -> None:
        """Give a page its frames from now on."""
        with self._lock:
            self._views.append(view)

    def remove(self, view: View) -> None:
        """Forget a page whose socket has gone."""
        view.alive = False
        with self._lock:
            self._views = [kept for kept in self._views if kept is not view]

    @property
    def views(self) -> int:
        """Number of pages that get frames."""
        return len(self._views)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            # A late frame is dropped, never made up for.
            due = max(due + self._period, time.monotonic())
            for view in list(self._views):
                if not view.alive:
                    self.remove(view)
                elif view.ask():
                    self.frames += 1
                else:
                    self.skipped += 1
