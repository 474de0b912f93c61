"""Who may touch the panel: whoever has its token, from a page of ours; a stranger in the network gets nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hung import speak
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from installation.pages.server import PageServer

READ = ("/", "/state", "/panel.js", "/panel.css", "/moment/2026", "/panel/", "/panel/state", "/panel/moment/2026")
DO = ("/save", "/discard", "/preset", "/panel/save", "/panel/preset")


class Wall:
    """A show's side of the page that writes down what reached it."""

    def __init__(self) -> None:
        self.did: list[object] = []

    def state(self) -> dict[str, Any]:
        self.did.append("state")
        return {"name": "secret"}

    def news(self) -> dict[str, Any]:
        return {"set": {"cue": "secret"}}

    def hear(self, text: str) -> None:
        self.did.append(text)

    def thumbnail(self, name: str) -> bytes:
        self.did.append(name)
        return b"secret"

    def save(self) -> dict[str, Any]:
        self.did.append("save")
        return {"said": "saved"}

    def discard(self) -> dict[str, Any]:
        self.did.append("discard")
        return {"said": "discarded"}

    def keep_preset(self, name: str) -> dict[str, Any]:
        self.did.append(("keep", name))
        return {"said": name}

    def recall_preset(self, name: str, fade_s: float) -> dict[str, Any]:
        self.did.append(("recall", name, fade_s))
        return {"said": name}

    def drop_preset(self, name: str) -> dict[str, Any]:
        raise ValueError("no such preset")


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def panel(wall: Wall, request: pytest.FixtureRequest) -> Iterator[PageServer]:
    with PageServer({"panel": wall}, host=request.param) as made:
        yield made


def bears(panel: PageServer) -> dict[str, str]:
    return {"Cookie": panel.guard.cookie.partition(";")[0], "Origin": f"http://127.0.0.1:{panel.guard.port}"}


def follow(panel: PageServer, said: str = "", **headers: str) -> int:
    """Open the socket as any program could, and say something; the status it is answered with."""
    plain = socket.create_connection(("127.0.0.1", panel.guard.port), timeout=10)
    host = headers.pop("Host", f"127.0.0.1:{panel.guard.port}")
    try:
        with connect(f"ws://{host}/follow", sock=plain, additional_headers=headers, proxy=None) as opened:
            assert opened.recv(timeout=20)
            if said:
                opened.send(said)
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize("guess", [{}, {"Cookie": "installation={token}"}, {"Cookie": "installation-{port}=guess"}])
def test_a_stranger_without_the_token_gets_nothing_by_http_or_socket(
    panel: PageServer, wall: Wall, guess: dict[str, str]
) -> None:
    headers = {n: v.format(token=panel.guard.token, port=panel.guard.port) for n, v in guess.items()}
    origin = {"Origin": f"http://127.0.0.1:{panel.guard.port}"}
    for path in (*READ, *(f"{path}?token=guess" for path in READ)):
        status, _, body = speak(panel, "GET", path, **headers)
        assert status == 403 and b"secret" not in body
    for path in DO:
        assert speak(panel, "POST", path, {"act": "keep", "name": "x"}, **headers, **origin)[0] == 403
    assert follow(panel, '{"verb": "blackout"}', **headers, **origin) == 403
    assert wall.did == []


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "panel.local"])
def test_a_name_that_was_bent_to_this_machine_is_refused_even_with_the_token(
    panel: PageServer, wall: Wall, host: str
) -> None:
    host = host.format(port=panel.guard.port)
    bent = bears(panel) | {"Host": host, "Origin": f"http://{host}"}
    for path in READ:
        assert speak(panel, "GET", path, **bent)[0] == 421
    assert speak(panel, "GET", f"/?token={panel.guard.token}", Host=host)[0] == 421
    for path in DO:
        assert speak(panel, "POST", path, {"act": "keep", "name": "x"}, **bent)[0] == 421
    assert follow(panel, '{"verb": "blackout"}', **bent) == 421
    assert wall.did == []


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}"])
def test_another_sites_page_can_do_nothing_with_the_visitors_cookie(panel: PageServer, wall: Wall, origin: str) -> None:
    theirs = bears(panel) | {"Origin": origin.format(port=panel.guard.port)}
    for path in DO:
        assert speak(panel, "POST", path, {"act": "keep", "name": "x"}, **theirs)[0] == 403
    assert follow(panel, '{"verb": "blackout"}', **theirs) == 403
    cross = bears(panel) | {"Sec-Fetch-Site": "cross-site"}
    assert speak(panel, "POST", "/save", {}, **cross)[0] == 403
    assert wall.did == []


def test_who_has_the_token_is_let_in_and_nothing_from_outside_may_be_loaded(panel: PageServer, wall: Wall) -> None:
    status, headers, _ = speak(panel, "GET", f"/?token={panel.guard.token}")
    assert status == 303 and "HttpOnly" in headers["Set-Cookie"] and "SameSite=Strict" in headers["Set-Cookie"]
    status, headers, body = speak(panel, "GET", "/", **bears(panel))
    assert status == 200 and "default-src 'none'" in headers["Content-Security-Policy"]
    assert b"//" not in body.replace(b"<!doctype", b"")
    assert speak(panel, "GET", "/state", **bears(panel))[0] == 200
    assert follow(panel, **bears(panel)) == 101


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"act": "keep"},
        {"act": "burn", "name": "x"},
        {"act": ["keep"], "name": "x"},
        {"act": "keep", "name": 3},
        {"act": "recall", "name": "x", "fade_s": -1},
        {"act": "recall", "name": "x", "fade_s": True},
        {"act": "recall", "name": "x", "fade_s": 1e9},
        {"act": "drop", "name": "x"},
        [1],
    ],
)
def test_what_cannot_be_done_is_answered_in_words(panel: PageServer, wall: Wall, asked: Any) -> None:
    status, _, body = speak(panel, "POST", "/preset", asked, **bears(panel))
    assert status == 400 and body and wall.did == []


def test_what_is_asked_for_is_done(panel: PageServer, wall: Wall) -> None:
    for path, asked in {"/save": {}, "/discard": {}, "/preset": {"act": "recall", "name": "x", "fade_s": 2}}.items():
        status, _, body = speak(panel, "POST", path, asked, **bears(panel))
        assert status == 200 and json.loads(body)["said"]
    assert wall.did == ["save", "discard", ("recall", "x", 2.0)]
