"""Requests and sockets in; what a page of ours asked goes on to the pages, a refusal to all others comes out."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import re
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("installation.pages")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LONGEST_BODY = 4096  # bytes; also of a message that comes over a socket
PATIENCE_S = 30.0  # a browser that stops half-way through a request is not waited for
HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]{2,45}\]|[0-9a-zA-Z.-]{1,253})(:(?P<port>[0-9]{1,5}))?")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
READING = ("GET", "HEAD")


@dataclass(frozen=True)
class Guard:
    """Who may speak: whoever has the token that was printed once, in a browser that shows a page of this very server.

    The token is traded for a cookie at the first visit, so that it does not stay in the address. The Host has to name
    this machine itself (no name that was bent to it, DNS rebinding), and the Origin, of what changes something and of
    sockets, has to be that Host (no other page's script or form); the cookie is never sent along from other sites.
    Its port may be another: the near end of a tunnel, `ssh -L 9999:127.0.0.1:PORT`.
    """

    port: int
    host: str = "127.0.0.1"
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def address(self) -> str:
        """What the artist opens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{'127.0.0.1' if self._everywhere else host}:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The Set-Cookie header; named by port, since cookies of one host reach all its ports."""
        return f"{self._name}={self.token}; HttpOnly; SameSite=Strict; Path=/"

    def knows_host(self, headers: Headers) -> bool:
        """Whether the Host names this machine; at another port than ours, an Origin that came along must agree too."""
        found = HOST.fullmatch(headers.get("host", ""))
        if found is None or not self._is_ours(found["name"]):
            return False
        return found["port"] == str(self.port) or "origin" not in headers or self.knows_origin(headers)

    def knows_origin(self, headers: Headers) -> bool:
        """For what changes something: asked by a page of ours, in words that only a script of ours sends."""
        ours = headers.getlist("origin") == [f"http://{headers.get('host', '')}"]
        return ours and headers.get("sec-fetch-site", "same-origin") == "same-origin"

    def knows_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode("utf-8", "replace"), self.token.encode())

    def knows_visitor(self, headers: Headers) -> bool:
        found = cookie_parser("; ".join(headers.getlist("cookie"))).get(self._name)
        return found is not None and self.knows_token(found)

    @property
    def _name(self) -> str:
        return f"installation-{self.port}"

    @property
    def _everywhere(self) -> bool:
        return self.host in ("0.0.0.0", "::", "")

    def _is_ours(self, name: str) -> bool:
        """Beyond loopback, a server that other machines may reach answers to its address: a number cannot be bent."""
        if name in LOOPBACK or name.strip("[]") == self.host:
            return True
        return self._everywhere and _is_number(name.strip("[]"))


class Guarded:
    """An ASGI application that lets nothing through to the pages but what the guard knows, HTTP and WebSocket alike.

    A body is read before a page hears of the request: JSON of at most LONGEST_BODY bytes, within PATIENCE_S.
    """

    def __init__(self, pages: ASGIApp, guard: Guard) -> None:
        self.pages, self.guard = pages, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        except asyncio.CancelledError:
            pass  # the server ends, and nobody hears the answer
        except Exception:
            log.exception("a page failed at a request; it and the others go on")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        answer = self._judge(scope, headers)
        if answer is None and scope["type"] == "http" and scope["method"] not in READING:
            receive, answer = await _read_ahead(receive)
        await (answer or self.pages)(scope, receive, _armoured(send))

    def _judge(self, scope: Scope, headers: Headers) -> Response | None:
        """What a request is answered without any page: a welcome or a refusal; None lets it through."""
        reads = scope["type"] == "http" and scope["method"] in READING
        if not self.guard.knows_host(headers):
            return refuse(HTTPStatus.MISDIRECTED_REQUEST, "this page answers to 127.0.0.1 and localhost only")
        token = _token_in(scope["query_string"]) if reads else None
        if token is not None and self.guard.knows_token(token):
            told = {"Location": quote("/" + scope["path"].lstrip("/")), "Set-Cookie": self.guard.cookie}
            return Response(status_code=HTTPStatus.SEE_OTHER, headers=told)
        if token is not None or not self.guard.knows_visitor(headers):
            return refuse(HTTPStatus.FORBIDDEN, "open the address that was printed when this page's server began")
        if not reads and not self.guard.knows_origin(headers):
            return refuse(HTTPStatus.FORBIDDEN, "only the page itself may do this")
        return None if scope["type"] == "websocket" or _fits(headers, reads) else _too_much()


def refuse(status: HTTPStatus, why: str) -> Response:
    """A refusal in a line; whatever body came along is not read, so the connection ends."""
    return PlainTextResponse(f"{why}\n", status, {"Connection": "close"})


def _too_much() -> Response:
    return refuse(HTTPStatus.BAD_REQUEST, f"expected JSON of at most {LONGEST_BODY} bytes")


def _fits(headers: Headers, reads: bool) -> bool:
    """Whether a body of known and small length comes along where something is to be changed, and none elsewhere."""
    length = headers.get("content-length", "")
    if reads or "transfer-encoding" in headers:
        return length in ("", "0") and "transfer-encoding" not in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return length.isdecimal() and len(length) < 6 and int(length) <= LONGEST_BODY and kind == "application/json"


async def _read_ahead(receive: Receive) -> tuple[Receive, Response | None]:
    """The whole body, to be received by a page in one piece; a refusal when it is too long, or too long on its way."""
    body, more = b"", True
    try:
        async with asyncio.timeout(PATIENCE_S):
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message["type"] == "http.request" and message.get("more_body", False)
                if len(body) > LONGEST_BODY:
                    return receive, _too_much()
    except TimeoutError:
        return receive, refuse(
            HTTPStatus.REQUEST_TIMEOUT, f"the rest of the request did not come in {PATIENCE_S:.0f} s"
        )
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay, None


def _armoured(send: Send) -> Send:
    """The same with the headers that forbid foreign scripts, frames, guessing and keeping, unless a page says else."""

    async def armour(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return armour


def _token_in(query: bytes) -> str | None:
    """The token that an address brings; "" in one too long to look through."""
    try:
        return parse_qs(query.decode("latin-1"), max_num_fields=8).get("token", [None])[0]
    except ValueError:
        return ""


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
