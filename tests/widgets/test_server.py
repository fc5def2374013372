"""Who gets in, who doesn't, and what a taken port says."""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie

import pytest
import websocket
from desk import FakeDesk
from waiting import until

from alphaforge.errors import ConfigError
from alphaforge.ports import first_free
from alphaforge.widgets import WidgetServer
from alphaforge.widgets.access import TICKET_LIFE_S
from alphaforge.widgets.workbench import PAGES


@pytest.fixture(scope="module")
def server() -> Iterator[WidgetServer]:
    with WidgetServer(FakeDesk(bars=100)) as running:
        yield running


def get(
    server: WidgetServer, path: str, cookie: str = ""
) -> tuple[int, str, http.client.HTTPMessage]:
    """Fetch ``path``; no redirect is followed."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text, response.headers


def enter(server: WidgetServer) -> tuple[str, str]:
    """Open the workbench with a ticket; return the cookie to show next and the page."""
    status, page, headers = get(server, f"/workbench?ticket={server.issue()}")
    assert status == 200
    cookie = SimpleCookie(headers["Set-Cookie"])
    name, morsel = next(iter(cookie.items()))
    assert name == f"alphaforge-{server.port}"
    assert morsel["httponly"]
    assert morsel["samesite"].lower() == "lax"
    return f"{name}={morsel.value}", page


@pytest.mark.parametrize("path", ["/workbench", "/workbench?ticket=guess", "/run?id=x"])
def test_without_a_ticket_the_answer_is_a_sentence(server: WidgetServer, path: str) -> None:
    status, text, _ = get(server, path)
    assert status == 403
    assert "Run the notebook cell again" in text


def test_a_ticket_opens_once_and_the_cookie_afterwards(server: WidgetServer) -> None:
    ticket = server.issue()
    status, _, headers = get(server, f"/chart?ticket={ticket}")
    assert status == 200
    assert get(server, f"/chart?ticket={ticket}")[0] == 403
    name, morsel = next(iter(SimpleCookie(headers["Set-Cookie"]).items()))
    assert get(server, f"/chart?ticket={ticket}", f"{name}={morsel.value}")[0] == 200
    assert get(server, "/chart", f"{name}=forged")[0] == 403


def test_a_printed_address_opens_again(server: WidgetServer) -> None:
    ticket = server.issue(uses=None)
    assert [get(server, f"/risk?ticket={ticket}")[0] for _ in range(3)] == [200] * 3


def test_two_servers_do_not_share_a_cookie(server: WidgetServer) -> None:
    cookie, _ = enter(server)
    with WidgetServer(FakeDesk(bars=50)) as other:
        assert get(other, "/chart", cookie)[0] == 403
        renamed = cookie.replace(str(server.port), str(other.port))
        assert get(other, "/chart", renamed)[0] == 403


@pytest.mark.parametrize("route", PAGES)
def test_every_widget_has_a_page(server: WidgetServer, route: str) -> None:
    cookie, _ = enter(server)
    status, text, _ = get(server, f"/{route}?symbol=ETHUSDT&spec=5s&th=light", cookie)
    assert status == 200
    assert 'theme: "light"' in text
    assert 'follows: "True"' in text
    title = {
        "workbench": "AlphaForge workbench",
        "chart": "ETHUSDT chart",
        "ladder": "ETHUSDT depth",
    }
    assert f"<title>{title.get(route, route.title())}</title>" in text


def test_the_page_names_no_other_host(server: WidgetServer) -> None:
    _, page = enter(server)
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//[^"']+""", page) == []


def test_the_page_does_not_hold_the_cookie(server: WidgetServer) -> None:
    cookie, _ = enter(server)
    _, page, _ = get(server, "/workbench", cookie)
    secret = cookie.split("=", 1)[1]
    assert secret not in page
    assert secret not in token_payload(page)


def token_payload(page: str) -> str:
    """Return what the page's session token says, as anybody who has the page can read it."""
    from bokeh.util.token import get_token_payload

    token = re.search(r'"token":\s*"([^"]+)"', page)
    assert token is not None
    return repr(get_token_payload(token.group(1)))


def connect(server: WidgetServer, token: str, origin: str, cookie: str = "") -> websocket.WebSocket:
    return websocket.create_connection(
        f"ws://127.0.0.1:{server.port}/workbench/ws",
        subprotocols=["bokeh", token],
        origin=origin,
        header=[f"Cookie: {cookie}"] if cookie else [],
        timeout=20,
    )


def page_token(page: str) -> str:
    found = re.search(r'"token":\s*"([^"]+)"', page)
    assert found is not None
    return found.group(1)


def test_a_socket_needs_a_signed_token(server: WidgetServer) -> None:
    own = f"http://127.0.0.1:{server.port}"
    _, page = enter(server)
    token = page_token(page)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect(server, token[:-3] + ("AAA" if token[-3:] != "AAA" else "BBB"), own)
    assert refused.value.status_code == 403
    connection = connect(server, token, own)
    assert connection.connected
    connection.close()


def test_a_cookie_does_not_replace_the_signature(server: WidgetServer) -> None:
    own = f"http://127.0.0.1:{server.port}"
    cookie, page = enter(server)
    token = page_token(page)
    connection = connect(server, token[:-3] + "AAA", own, cookie)
    # Bokeh checks the signature after the handshake and hangs up without an ACK.
    assert connection.recv() in ("", b"")
    connection.close()


@pytest.mark.parametrize("origin", ["http://example.org", "http://127.0.0.1:1", "null"])
def test_a_socket_from_elsewhere_is_refused(server: WidgetServer, origin: str) -> None:
    cookie, page = enter(server)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect(server, page_token(page), origin, cookie)
    assert refused.value.status_code == 403


def test_assets_may_be_kept(server: WidgetServer) -> None:
    _, page = enter(server)
    for asset in re.findall(r"af/alphaforge-[0-9a-f]+\.(?:css|js)", page):
        status, text, headers = get(server, f"/{asset}")
        assert status == 200
        assert "immutable" in headers["Cache-Control"]
        assert text


def test_a_taken_port_is_a_clear_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = WidgetServer(FakeDesk(bars=50), port=port)
        with pytest.raises(ConfigError, match=f"port {port} is taken.*leave it out"):
            server.start()


def test_stop_frees_the_port() -> None:
    port = first_free(8900, 8999)
    for _ in range(2):
        server = WidgetServer(FakeDesk(bars=50), port=port).start()
        assert server.port == port
        server.stop()
        until(lambda: not listens(port), f"port {port} closed")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_frame_in_a_cell_holds_no_lasting_secret(server: WidgetServer) -> None:
    frame = server.embed("chart", symbol="BTCUSDT", spec="1s")
    html = frame._repr_html_()
    assert len(html) < 3_000
    assert 'title="BTCUSDT chart"' in html
    found = re.search(r"ticket=([\w-]+)", html)
    assert found is not None
    assert get(server, f"/chart?ticket={found.group(1)}")[0] == 200
    assert get(server, f"/chart?ticket={found.group(1)}")[0] == 403
    assert frame._repr_mimebundle_()["text/plain"] == "<AlphaForge BTCUSDT chart>"


def test_behind_a_hub_the_frame_goes_through_its_proxy(
    server: WidgetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    assert f'"/user/ada/proxy/{server.port}/"' in server.embed()._repr_html_()


def test_a_range_without_a_free_port_says_how_to_set_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"no port from {port} to {port}.*ALPHAFORGE_PORTS"):
            WidgetServer(FakeDesk(bars=50), ports=(port, port)).start()


def test_a_theme_that_is_set_wins_over_the_address() -> None:
    with WidgetServer(FakeDesk(bars=50), theme="light") as fixed:
        cookie, _ = enter(fixed)
        _, text, _ = get(fixed, "/ladder?th=dark", cookie)
    assert 'theme: "light"' in text
    assert 'follows: "False"' in text


def test_another_site_s_name_for_this_machine_is_refused(server: WidgetServer) -> None:
    cookie, _ = enter(server)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    headers = {"Cookie": cookie, "Host": f"evil.example:{server.port}"}
    connection.request("GET", "/workbench", headers=headers)
    assert connection.getresponse().status == 403
    connection.close()


def test_a_ticket_that_nobody_used_is_worth_nothing_later(
    server: WidgetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, always = server.issue(), server.issue(uses=None)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + TICKET_LIFE_S + 1.0)
    tickets = server._tickets
    assert not tickets.redeem(once)
    assert tickets.redeem(always)


def test_behind_a_hub_its_own_pages_may_open_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINDER_LAUNCH_HOST", "https://binder.example/")
    with WidgetServer(FakeDesk(bars=50)) as behind:
        _, page = enter(behind)
        connect(behind, page_token(page), "https://hub.binder.example").close()


def test_there_is_no_list_of_pages(server: WidgetServer) -> None:
    """Panel's own asks other machines for its fonts and pictures."""
    cookie, _ = enter(server)
    assert get(server, "/", cookie)[0] == 404
