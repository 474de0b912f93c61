"""The server of all pages: a folder is a page, it runs beside other work, lets go at once and gives no secret away."""

from __future__ import annotations

import gc
import http.client
import json
import logging
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hung import select_process, speak
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from websockets.sync.client import connect

from installation import plugins
from installation.pages import server as serving
from installation.pages.server import PageServer
from installation.stills.choosing import JobWall


def test_a_page_is_a_folder_and_each_hangs_at_its_name_the_first_at_the_root_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "follow.js").write_text("// any page's")
    for name in ("panel", "map"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.html").write_text(f"the {name}")
        (tmp_path / name / "__init__.py").write_text("secret = 1")

    def create(shown: str) -> list[Route]:
        async def tell(_: Request) -> PlainTextResponse:
            return PlainTextResponse(f"shows {shown}")

        return [Route("/shown", tell)]

    monkeypatch.setattr(serving, "HERE", tmp_path)
    monkeypatch.setattr(plugins, "load", lambda room, name: SimpleNamespace(create=create))
    with PageServer({"panel": "the show", "map": "the wall"}) as server:
        bears = {"Cookie": server.guard.cookie.partition(";")[0]}
        told = {
            path: speak(server, "GET", path, **bears)[2].decode()
            for path in ("/", "/panel/", "/map/", "/shown", "/map/shown", "/follow.js", "/map/follow.js")
        }
        assert [told[path] for path in ("/", "/panel/", "/map/")] == ["the panel", "the panel", "the map"]
        assert (told["/shown"], told["/map/shown"]) == ("shows the show", "shows the wall")
        assert told["/follow.js"] == told["/map/follow.js"] == "// any page's"
        for path in ("/__init__.py", "/map/__init__.py", "/panel/../map/__init__.py", "/map/map.html/x"):
            assert speak(server, "GET", path, **bears)[0] == 404
        status, headers, _ = speak(server, "GET", f"/map/?token={server.guard.token}")
        assert status == 303 and headers["Location"] == "/map/"
        status, headers, _ = speak(server, "GET", f"//evil.example/?token={server.guard.token}")
        assert status == 303 and headers["Location"] == "/evil.example/", "nobody is sent elsewhere"


def test_a_page_that_does_not_exist_is_named(wall: JobWall) -> None:
    with pytest.raises(LookupError, match="no pages called 'selct'; did you mean 'select'"):
        PageServer({"selct": wall})


def test_a_port_that_is_taken_is_said_in_one_line(server: PageServer, wall: JobWall) -> None:
    with pytest.raises(OSError, match=rf"^port {server.guard.port} of 127\.0\.0\.1: .*in use.*; name another") as found:
        PageServer({"select": wall}, server.guard.port)
    assert "\n" not in str(found.value)
    with pytest.raises(OSError, match="port 99999 of"):
        PageServer({"select": wall}, 99999)


def test_it_lets_go_at_once_though_pages_follow_and_a_request_is_half_sent(
    wall: JobWall, visitor: dict[str, str], server: PageServer, caplog: pytest.LogCaptureFixture
) -> None:
    port = server.guard.port
    address = f"ws://127.0.0.1:{port}/follow"
    half = socket.create_connection(("127.0.0.1", port))
    with connect(address, additional_headers=visitor, proxy=None) as follower, half:
        follower.recv(timeout=20)
        told = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json", "Content-Length": "40"} | visitor
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        half.sendall(f"POST /choice HTTP/1.1\r\n{lines}\r\n{{".encode())
        speak(server, "GET", "/takes", **visitor)  # by now the half one has arrived too
        gc.disable()  # what is let go is let go by the server, not by chance
        try:
            server.close()
            assert "pages" not in {thread.name for thread in threading.enumerate()}
            half.settimeout(20)
            while half.recv(4096):
                pass  # it ends: nobody is left to wait for an answer that never comes
        finally:
            gc.enable()
    assert not caplog.records, "an end is no news"
    with PageServer({"select": wall}, port) as again:
        assert again.guard.port == port
    server.close()


def test_no_signal_is_taken_from_the_program_that_it_runs_beside(server: PageServer, visitor: dict[str, str]) -> None:
    assert speak(server, "GET", "/takes", **visitor)[0] == 200
    for taken in (signal.SIGINT, signal.SIGTERM):
        assert "uvicorn" not in str(getattr(signal.getsignal(taken), "__module__", ""))


def test_the_token_is_in_no_log_however_much_is_logged(
    server: PageServer, visitor: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = server.guard.token
    speak(server, "GET", f"/?token={token}")
    speak(server, "GET", f"/nowhere?token={token}", **visitor)
    speak(server, "POST", f"/choice?token={token}", b"[]", **visitor)
    speak(server, "GET", f"/?token={token}", Host="evil.example")
    port = server.guard.port
    with connect(f"ws://127.0.0.1:{port}/follow?token={token}", additional_headers=visitor, proxy=None) as follower:
        follower.recv(timeout=20)
    server.close()
    ours = [record for record in caplog.records if not record.name.startswith("websockets.client")]
    assert token not in "".join(map(caplog.handler.format, ours)) and token not in repr(server.guard)


def test_ctrl_c_ends_it_with_a_page_open_and_says_what_was_chosen(job: Path) -> None:
    with select_process(job) as (child, port, bears):
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        choice = json.dumps({"key": "00000000000000001000", "choice": "keep"})
        asked.request("POST", "/choice", choice, bears)
        assert asked.getresponse().read()
        address = f"ws://127.0.0.1:{port}/follow"
        with connect(address, additional_headers=bears, proxy=None) as page:
            page.recv(timeout=20)
            child.send_signal(signal.SIGINT)
            told, complaints = child.communicate(timeout=20)
    assert child.returncode == 0 and "1 kept, 0 rejected" in told and not complaints


def test_a_page_that_fails_is_logged_and_goes_on(
    server: PageServer,
    wall: JobWall,
    visitor: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wait_for: Callable[..., object],
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(wall, "state", lambda: 1 / 0)
        assert speak(server, "GET", "/takes", **visitor)[0] == 500
    wait_for(lambda: "ZeroDivisionError" in caplog.text)
    assert server.guard.token not in caplog.text
    assert speak(server, "GET", "/takes", **visitor)[0] == 200


def test_the_files_of_every_page_name_nothing_from_elsewhere() -> None:
    files = [path for path in serving.HERE.rglob("*") if path.suffix in serving.KINDS]
    assert {"follow.js", "select.js", "select.html"} <= {path.name for path in files}
    for path in files:
        text = path.read_text("utf-8")
        assert not any(word in text for word in ("http://", "https://", "//cdn", "@import", "url(")), path
