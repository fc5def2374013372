"""Who may open a page: a ticket once, then a cookie; a socket only with a signed token.

A page can place orders, and any program on this machine can reach a loopback port, so the page
asks for a secret.  A saved notebook must hold no lasting secret, so a frame in a cell carries a
ticket that works once, for some minutes, and is worth nothing afterwards. The page answers to the
names of this machine only, so that no other site's name can be pointed at it.
"""

from __future__ import annotations

import hmac
import math
import secrets
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from bokeh.server.auth_provider import AuthProvider
from bokeh.util.token import check_token_signature
from tornado.httputil import HTTPServerRequest
from tornado.web import Finish, RequestHandler

REFUSAL = """<!doctype html><meta charset="utf-8"><title>AlphaForge: closed</title>
<body style="font: 14px/1.5 system-ui, sans-serif; margin: 3em; max-width: 40em">
<h1 style="font-size: 18px">This page needs a ticket</h1>
<p>The address carries no ticket, or one that has been used. Run the notebook cell again, or open
the address that <code>alphaforge serve</code> printed.</p>"""
COOKIE_LIFE_DAYS = 7
TICKET_LIFE_S = 600.0  # a cell's frame is loaded when it is scrolled to, not when it was run


class Tickets:
    """The tickets in circulation.  Safe from any thread."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[int | None, float]] = {}
        self._lock = threading.Lock()

    def issue(self, uses: int | None = 1) -> str:
        """Return a new ticket.

        Parameters
        ----------
        uses : int or None
            How often it opens a page, within ``TICKET_LIFE_S``; None for as often as it is shown.
        """
        ticket = secrets.token_urlsafe(24)
        now = time.monotonic()
        with self._lock:
            self._left = {k: v for k, v in self._left.items() if v[1] > now}
            self._left[ticket] = uses, math.inf if uses is None else now + TICKET_LIFE_S
        return ticket

    def redeem(self, ticket: str) -> bool:
        """Return whether ``ticket`` opens a page now, and count the use."""
        with self._lock:
            left, until = self._left.get(ticket, (0, 0.0))
            if time.monotonic() > until:
                return False
            if left is not None and left <= 1:
                del self._left[ticket]
            elif left is not None:
                self._left[ticket] = left - 1, until
            return True


class Gate(AuthProvider):
    """Bokeh's authorization hook.

    Parameters
    ----------
    tickets : Tickets
        What opens the door the first time.
    port : int
        Cookies don't know ports; the name does, so two servers don't share one.
    secret_key : bytes
        The key that session tokens are signed with.
    hosts : collection of str or None
        What the request's Host may be, ``"host:port"``; None where a hub stands in front.
    """

    def __init__(
        self, tickets: Tickets, port: int, secret_key: bytes, hosts: Collection[str] | None
    ) -> None:
        self._tickets = tickets
        self._hosts = hosts
        self._secret_key = secret_key
        self._pass = secrets.token_urlsafe(32)
        self.cookie = f"alphaforge-{port}"
        super().__init__()

    @property
    def get_user(self) -> Callable[[Any], Any]:
        """Return the function that names the visitor, or None to refuse."""
        return self._admit

    @property
    def get_login_url(self) -> Callable[[Any], str]:
        """There is nowhere to log in: say so, and end the request."""
        return refuse

    def _admit(self, handler: RequestHandler) -> str | None:
        if self._hosts is not None and handler.request.host not in self._hosts:
            return None
        shown = handler.get_cookie(self.cookie)
        if shown is not None and hmac.compare_digest(shown, self._pass):
            return "owner"
        if handler.request.headers.get("Upgrade", "").lower() == "websocket":
            # A browser that keeps no cookie for a frame still has the token of its page.
            return "owner" if self._signed(handler.request) else None
        if not self._tickets.redeem(handler.get_argument("ticket", "")):
            return None
        handler.set_cookie(
            self.cookie,
            self._pass,
            expires_days=COOKIE_LIFE_DAYS,
            httponly=True,
            samesite="Lax",
            secure=handler.request.headers.get("X-Forwarded-Proto") == "https",
        )
        return "owner"

    def _signed(self, request: HTTPServerRequest) -> bool:
        """Return whether the socket's subprotocol header brings a token that we signed."""
        parts = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        if len(parts) != 2:
            return False
        try:
            return bool(check_token_signature(parts[1].strip(), self._secret_key, signed=True))
        except (ValueError, TypeError):
            return False


def refuse(handler: RequestHandler) -> str:
    """Answer 403 with a sentence."""
    handler.set_status(403)
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    handler.finish(REFUSAL)
    raise Finish
