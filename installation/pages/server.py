"""Requests of one browser on this machine in; the page, pictures and the state of the wall out, choices handed on."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from installation.pages.guard import HEADERS, LONGEST_BODY, Guard

log = logging.getLogger("installation.pages")
FILES = {
    "/": ("select.html", "text/html; charset=utf-8"),
    "/select.css": ("select.css", "text/css; charset=utf-8"),
    "/select.js": ("select.js", "text/javascript; charset=utf-8"),
    "/sheet.js": ("sheet.js", "text/javascript; charset=utf-8"),
    "/viewer.js": ("viewer.js", "text/javascript; charset=utf-8"),
}
HERE = Path(__file__).parent / "select"
PICTURE = re.compile(r"/picture/([0-9a-zA-Z]{1,128})")
SIZES_PX = {"small": 640, "large": 1600}
CHOICES = ("keep", "reject", "")
PATIENCE_S = 30.0  # a browser that stops half-way through a request is not waited for


class Wall(Protocol):
    """What hangs on the wall; called from several threads at once."""

    def state(self) -> dict[str, Any]:
        """All takes with their figures, ranks and choices: plain JSON values."""

    def judge(self, key: str, choice: str) -> dict[str, Any]:
        """Write down "keep", "reject" or "" (not judged), then the new state. Raises KeyError for an unknown take."""

    def picture(self, key: str, longest_px: int) -> bytes:
        """A take as JPEG. Raises KeyError for an unknown take."""


class PageServer(ThreadingHTTPServer):
    """Listens on this machine's own address alone; port 0 takes any free one. Raises OSError when it is taken."""

    daemon_threads = True
    request_queue_size = 64  # a browser asks for many pictures at once

    def __init__(self, wall: Wall, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Visit)
        self.wall = wall
        self.guard = Guard(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no news; anything else is logged, and the page goes on."""
        log.debug("a request ended early", exc_info=True)


class Visit(BaseHTTPRequestHandler):
    """One request."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "installation", ""
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        guard, url = self.server.guard, urlsplit(self.path)
        if not guard.knows_host(self.headers):
            return self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "this page answers to 127.0.0.1 and localhost only")
        if url.path == "/" and "token" in parse_qs(url.query, max_num_fields=8):
            return self._welcome(url.query)
        if not guard.knows_visitor(self.headers):
            return self._refuse(HTTPStatus.FORBIDDEN, "open the address that `installation select` printed")
        if url.path == "/favicon.ico":
            return self._send(b"", "image/x-icon", HTTPStatus.NO_CONTENT)
        if url.path in FILES:
            name, kind = FILES[url.path]
            return self._send((HERE / name).read_bytes(), kind)
        if url.path == "/takes":
            return self._answer(self.server.wall.state)
        if match := PICTURE.fullmatch(url.path):
            size = parse_qs(url.query, max_num_fields=8).get("size", ["small"])[0]
            return self._show(match[1], SIZES_PX.get(size, SIZES_PX["small"]))
        return self._refuse(HTTPStatus.NOT_FOUND, "no such page")

    def do_POST(self) -> None:
        guard = self.server.guard
        if not guard.knows_host(self.headers):
            return self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "this page answers to 127.0.0.1 and localhost only")
        if not (guard.knows_origin(self.headers) and guard.knows_visitor(self.headers)):
            return self._refuse(HTTPStatus.FORBIDDEN, "only the select page itself may choose")
        if self.path != "/choice":
            return self._refuse(HTTPStatus.NOT_FOUND, "no such page")
        body = self._body()
        if body is None:
            return self._refuse(HTTPStatus.BAD_REQUEST, f"expected JSON of at most {LONGEST_BODY} bytes")
        key, choice = body.get("key"), body.get("choice")
        if not isinstance(key, str) or choice not in CHOICES:
            return self._refuse(HTTPStatus.BAD_REQUEST, 'expected {"key": ..., "choice": "keep", "reject" or ""}')
        return self._answer(lambda: self.server.wall.judge(key, str(choice)))

    def _body(self) -> dict[str, Any] | None:
        length = self.headers.get("Content-Length", "")
        fits = length.isdecimal() and len(length) < 6 and int(length) <= LONGEST_BODY
        if not fits or self.headers.get_content_type() != "application/json":
            return None
        try:
            table = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return None
        return table if isinstance(table, dict) else None

    def _welcome(self, query: str) -> None:
        """Trade the token in the address for a cookie."""
        if not self.server.guard.knows_token(query):
            return self._refuse(HTTPStatus.FORBIDDEN, "open the address that `installation select` printed")
        headers = {"Location": "/", "Set-Cookie": self.server.guard.cookie}
        return self._send(b"", "text/plain", HTTPStatus.SEE_OTHER, headers)

    def _answer(self, ask: Callable[[], dict[str, Any]]) -> None:
        try:
            told = json.dumps(ask(), allow_nan=False).encode()
        except KeyError:
            return self._refuse(HTTPStatus.NOT_FOUND, "no such take; reload the page")
        except (OSError, ValueError) as error:  # a full disk: the page says so, the artist's choice is not lost unseen
            log.error("the select page: %s", error)
            return self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        return self._send(told, "application/json")

    def _show(self, key: str, longest_px: int) -> None:
        try:
            jpeg = self.server.wall.picture(key, longest_px)
        except KeyError:
            return self._refuse(HTTPStatus.NOT_FOUND, "no such take")
        except (OSError, ValueError) as error:
            log.error("the select page cannot show %s: %s", key, error)
            return self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        return self._send(jpeg, "image/jpeg", headers={"Cache-Control": "private, max-age=86400"})

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.close_connection = True  # whatever body came along is not read
        self._send(f"{why}\n".encode(), "text/plain; charset=utf-8", status, {"Connection": "close"})

    def _send(
        self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        told = HEADERS | {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        for name, value in (told | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests hold keys and, once, the token: they are not logged."""
