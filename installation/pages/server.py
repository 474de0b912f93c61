"""Pages by name, with what each of them shows, in; a server for browsers on this machine, in a thread of its own, out.

A page is a folder beside this file: its create(SHOWN) gives routes, its html, css and js lie there, <name>.html first.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from installation import plugins
from installation.pages import guard
from installation.pages.guard import Guard, Guarded

log = logging.getLogger("installation.pages")
HERE = Path(__file__).parent
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
BACKLOG = 64  # a browser asks for many pictures at once
CLOSING_S = 0.5  # what is being answered when the server ends has so long


class PageServer:
    """Serves the pages named, each at /NAME/, the first at / too; runs from `with` or start() on, until close().

    port 0 takes any free one; `guard` knows which, and the address to open. host is this machine's own address alone
    unless told otherwise. No signal is caught, nothing is logged that bears the token. A server made again with the
    same port and token is the same to the pages that are open. Raises OSError when the port cannot be had.
    """

    def __init__(
        self, pages: Mapping[str, Any], port: int = 0, host: str = guard.LOOPBACK[0], token: str | None = None
    ) -> None:
        routes = {name: routes_of(name, shown) for name, shown in pages.items()}
        self.socket = _listen(host, port)
        port = int(self.socket.getsockname()[1])
        self.guard = Guard(port, host, token) if token else Guard(port, host)
        mounts = [Mount(f"/{name}", routes=found) for name, found in routes.items()]
        first = next(iter(routes.values()), [])
        app = Starlette(routes=[Route("/favicon.ico", _no_icon), *mounts, *first])
        config = uvicorn.Config(
            Guarded(app, self.guard),
            loop="asyncio",
            http=Patient,
            ws="websockets-sansio",
            ws_max_size=guard.LONGEST_BODY,
            ws_per_message_deflate=False,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",  # the guard says what fails; a browser that goes away is no news
            access_log=False,  # the first address bears the token
            proxy_headers=False,
            server_header=False,
        )
        self._server = Leaving(config)
        self._thread = threading.Thread(target=self._run, name="pages", daemon=True)

    def start(self) -> None:
        """Serve from now on; returns at once."""
        self._thread.start()

    def wait(self) -> None:
        """Until the server ends; ctrl-c comes through."""
        while self._thread.is_alive():
            self._thread.join(1.0)

    def close(self) -> None:
        """Let go of the port and of every page; may be called twice."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(4 * CLOSING_S)
        if not self._thread.is_alive():  # a loop that still ends on a busy machine closes its own listeners
            self.socket.close()

    def __enter__(self) -> PageServer:
        self.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def serve(self) -> None:
        """The same in the loop of a program of its own."""
        await self._server.serve(sockets=[self.socket])

    def _run(self) -> None:
        try:
            asyncio.run(self.serve())
        except Exception:
            log.exception("the pages have ended; whatever runs beside them goes on")


class Leaving(uvicorn.Server):
    """A server that leaves no connection behind: uvicorn's own forgets one that comes while it closes its door."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell every page, let answers end that soon do, cut off the rest."""
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        open_, clock = self.server_state.connections, asyncio.get_running_loop().time
        until_s = clock() + CLOSING_S
        while open_ and clock() < until_s:
            for connection in [found for found in open_ if not found.transport.is_closing()]:
                connection.shutdown()
            await asyncio.sleep(0.01)
        for connection in list(open_):
            connection.transport.abort()
        await asyncio.sleep(0)  # they hear of it, and what they were asked comes to its end


class Patient(H11Protocol):
    """HTTP/1.1 that ends a connection whose next request stops half-way through its head; uvicorn's own waits on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_for_head()

    def _wait_for_head(self) -> None:
        waits = self.timeout_keep_alive_task is None and self.conn.their_state is h11.IDLE
        if waits and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(guard.PATIENCE_S, self.timeout_keep_alive_handler)


def routes_of(name: str, shown: Any) -> list[BaseRoute]:
    """A page's own routes and its files; what lies beside this file is any page's. Raises LookupError for no page."""
    page = plugins.load("pages", name)
    folder = HERE / name
    files = {path.name: path for path in (*HERE.iterdir(), *folder.iterdir()) if path.suffix in KINDS}
    first = Route("/", _serve(files.pop(f"{name}.html")))
    return [*page.create(shown), first, *(Route(f"/{path.name}", _serve(path)) for path in files.values())]


def _serve(path: Path) -> Any:
    async def serve(_: Request) -> Response:
        return FileResponse(path, media_type=KINDS[path.suffix])

    return serve


async def _no_icon(_: Request) -> Response:
    return Response(status_code=204, media_type="image/x-icon")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise OSError(f"port {port} of {host}: {why}; name another port, or 0 for any free one") from error
