"""Who may speak to the pages: tunnels with the token, never a bent name, another site or a request that never ends."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator

import pytest
from browser import Browser
from hung import speak
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from installation.pages import guard
from installation.pages.guard import Guard
from installation.pages.server import PageServer
from installation.stills.choosing import JobWall

KEY = "00000000000000001000"
TUNNELS = ("localhost:9999", "127.0.0.1:9999", "[::1]:9999", "localhost")


def follow(server: PageServer, host: str, headers: dict[str, str]) -> int:
    """Open the page's socket as any program could; the status it is answered with, 101 when it was opened."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    plain = socket.create_connection(("127.0.0.1", server.guard.port), timeout=10)
    try:
        with connect(f"ws://{host}/follow", sock=plain, additional_headers=told, proxy=None) as opened:
            assert opened.recv(timeout=20)
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


# ---- tunnels


@pytest.mark.parametrize("host", TUNNELS)
def test_a_tunnel_with_another_local_port_is_let_in_with_the_token(
    server: PageServer, visitor: dict[str, str], wall: JobWall, host: str
) -> None:
    status, headers, _ = speak(server, "GET", f"/?token={server.guard.token}", Host=host)
    assert status == 303 and headers["Set-Cookie"] == server.guard.cookie
    bears = visitor | {"Host": host, "Origin": f"http://{host}"}
    assert speak(server, "GET", "/takes", **bears)[0] == 200
    assert speak(server, "POST", "/choice", {"key": KEY, "choice": "keep"}, **bears)[0] == 200
    assert [t["choice"] for t in wall.state()["takes"] if t["key"] == KEY] == ["keep"]
    assert follow(server, host, {"Cookie": visitor["Cookie"], "Origin": f"http://{host}"}) == 101


def test_a_tunnel_without_the_token_is_told_to_open_the_address(server: PageServer) -> None:
    for path in ("/", "/takes", "/?token=guess"):
        status, headers, body = speak(server, "GET", path, Host="localhost:9999")
        assert status == 403 and b"address" in body and "Set-Cookie" not in headers
    assert follow(server, "localhost:9999", {"Origin": "http://localhost:9999"}) == 403


def test_a_page_of_another_port_is_not_taken_for_the_tunnels_own(server: PageServer, visitor: dict[str, str]) -> None:
    port = server.guard.port
    for host, origin in ((f"localhost:{port}", "localhost:9999"), ("localhost:9999", f"localhost:{port}")):
        bears = visitor | {"Host": host, "Origin": f"http://{origin}"}
        assert speak(server, "POST", "/choice", {"key": KEY, "choice": "keep"}, **bears)[0] in (403, 421)
        assert follow(server, host, {"Cookie": visitor["Cookie"], "Origin": f"http://{origin}"}) in (403, 421)


# ---- names bent to this machine


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:9999", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.9", "[::2]"],
)
def test_a_bent_name_is_refused_even_with_the_token(server: PageServer, visitor: dict[str, str], host: str) -> None:
    bears = visitor | {"Host": host, "Origin": f"http://{host}"}
    assert speak(server, "GET", "/takes", **bears)[0] == 421
    assert speak(server, "GET", f"/?token={server.guard.token}", Host=host)[0] == 421
    assert speak(server, "POST", "/choice", {"key": KEY, "choice": "keep"}, **bears)[0] == 421
    assert follow(server, host, {"Cookie": visitor["Cookie"], "Origin": f"http://{host}"}) == 421


def test_a_host_that_is_no_host_is_refused(server: PageServer, visitor: dict[str, str]) -> None:
    for host in ("", "localhost:9999@evil.example", "localhost:", "localhost:999999", "http://localhost", "localhost/"):
        assert speak(server, "GET", "/takes", **(visitor | {"Host": host}))[0] in (400, 421)


def test_a_server_that_others_may_reach_answers_to_numbers_and_to_no_foreign_name() -> None:
    everywhere, one = Guard(8000, "0.0.0.0"), Guard(8000, "192.168.1.9")
    for host, by_all, by_one in (
        ("192.168.1.9:8000", True, True),
        ("10.0.0.7:8000", True, False),
        ("localhost:8000", True, True),
        ("evil.example:8000", False, False),
    ):
        headers = Headers({"host": host})
        assert (everywhere.knows_host(headers), one.knows_host(headers)) == (by_all, by_one), host


# ---- other sites, other local servers


def test_the_pages_own_socket_is_opened(server: PageServer, visitor: dict[str, str]) -> None:
    assert follow(server, f"127.0.0.1:{server.guard.port}", visitor) == 101


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "https://127.0.0.1"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Cookie": "installation-1=guess"},
        {"Cookie": ""},
    ],
    ids=str,
)
def test_a_strangers_socket_is_refused(server: PageServer, visitor: dict[str, str], changed: dict[str, str]) -> None:
    assert follow(server, f"127.0.0.1:{server.guard.port}", visitor | changed) == 403


def test_a_socket_without_an_origin_is_refused(server: PageServer, visitor: dict[str, str]) -> None:
    assert follow(server, f"127.0.0.1:{server.guard.port}", {"Cookie": visitor["Cookie"]}) == 403


@pytest.fixture
def stranger() -> Iterator[str]:
    """Another server on this machine, whose pages the browser sends our cookie with, as they are of the same host."""

    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html data-ready=yes>")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_address[1]}/"
        made.shutdown()


def test_a_page_of_another_site_hears_and_chooses_nothing_in_a_real_browser(
    page: Browser, server: PageServer, wall: JobWall, stranger: str
) -> None:
    page.until("document.documentElement.dataset.link === 'up'")
    page.open(stranger)
    ours = f"127.0.0.1:{server.guard.port}"
    heard = page.evaluate(
        f"new Promise((answer) => {{ const socket = new WebSocket('ws://{ours}/follow');"
        "socket.onmessage = () => answer('heard'); socket.onclose = () => answer('refused'); })"
    )
    told = json.dumps({"key": KEY, "choice": "keep"})
    chosen = page.evaluate(
        f"fetch('http://{ours}/choice', {{method: 'POST', credentials: 'include', body: '{told}'}}).catch(() => 'no')"
    )
    assert heard == "refused" and chosen == "no"
    assert not any(take["choice"] for take in wall.state()["takes"])
    page.complaints.clear()  # the browser says so too


def test_a_strange_cookie_beside_ours_locks_nobody_out(server: PageServer, visitor: dict[str, str]) -> None:
    cookies = f'odd[name]={{"a": 1}}; {visitor["Cookie"]}; =; other="'
    assert speak(server, "GET", "/takes", **(visitor | {"Cookie": cookies}))[0] == 200


# ---- requests that are too long or never end


def half_said(server: PageServer, words: bytes) -> bytes:
    """What is answered to a request that is never finished, until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", server.guard.port), timeout=20) as plain:
        plain.sendall(words)
        heard = b""
        while piece := plain.recv(4096):
            heard += piece
        return heard


@pytest.mark.parametrize("words", [b"", b"GET /takes HTTP/1.1\r\nHost: local"], ids=["nothing", "half a head"])
def test_a_request_that_stops_in_its_head_is_not_waited_for(
    server: PageServer, monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    monkeypatch.setattr(guard, "PATIENCE_S", 0.05)
    assert half_said(server, words) == b""


def test_a_request_that_stops_after_another_is_not_waited_for(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "PATIENCE_S", 0.05)
    cookie = server.guard.cookie.partition(";")[0]
    whole = f"GET /favicon.ico HTTP/1.1\r\nHost: localhost:{server.guard.port}\r\nCookie: {cookie}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.guard.port), timeout=20) as plain:
        plain.sendall(whole.encode())
        assert plain.recv(4096).startswith(b"HTTP/1.1 204 ")
        plain.sendall(b"GET /ta")
        assert plain.recv(4096) == b"", "the connection is ended"


def test_a_request_that_stops_in_its_body_is_told_so(
    server: PageServer, visitor: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "PATIENCE_S", 0.05)
    told = {"Host": f"127.0.0.1:{server.guard.port}", "Content-Type": "application/json", "Content-Length": "40"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (told | visitor).items())
    assert half_said(server, f"POST /choice HTTP/1.1\r\n{lines}\r\n{{".encode()).startswith(b"HTTP/1.1 408 ")


def test_bodies_of_unknown_length_or_where_none_belongs_are_refused(
    server: PageServer, visitor: dict[str, str], wall: JobWall
) -> None:
    chunked = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    told = {"Host": f"127.0.0.1:{server.guard.port}"} | visitor
    for method, path, more in (("POST", "/choice", chunked), ("GET", "/takes", chunked)):
        lines = "".join(f"{name}: {value}\r\n" for name, value in (told | more).items())
        words = f'{method} {path} HTTP/1.1\r\n{lines}\r\n23\r\n{{"key": "{KEY}", "choice": "keep"}}\r\n0\r\n\r\n'
        assert half_said(server, words.encode()).startswith(b"HTTP/1.1 400 ")
    assert speak(server, "GET", "/takes", b"x" * 9, **visitor)[0] == 400
    assert not any(take["choice"] for take in wall.state()["takes"])


def test_refusals_bear_the_same_armour_as_pages(server: PageServer, visitor: dict[str, str]) -> None:
    for path, bears in (("/takes", {}), ("/nowhere", visitor), ("/takes", visitor)):
        _, headers, _ = speak(server, "GET", path, **bears)
        assert "default-src 'none'" in headers["Content-Security-Policy"] and headers["Cache-Control"] == "no-store"
        assert headers.get("Server") is None, "which program answers is nobody's business"
