"""TCP connections in; WebSocket connections out that are counted, and refused before anything of them is read."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol

from websockets.asyncio.server import Server, ServerConnection


class Porter(Protocol):
    """Who says which connections come in, and hears of each that goes."""

    def admit(self, host: str) -> bool: ...
    def leave(self, host: str, was_bad: bool) -> None: ...


class Counted(ServerConnection):
    """A connection that its porter knows of."""

    def __init__(self, porter: Porter, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._porter, self._came = porter, False
        self.host = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.host = host_of(transport.get_extra_info("peername"))
        self._came = self._porter.admit(self.host)
        if not self._came:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._came:
            self._porter.leave(self.host, was_bad=self.request is None)


def host_of(peer: tuple[Any, ...] | None) -> str:
    """The address at the other end, IPv4 as such."""
    return str(peer[0]).removeprefix("::ffff:") if peer else ""


async def shut(server: Server, within_s: float) -> None:
    """End a server and all of its connections."""
    server.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.wait_closed(), within_s)
