"""HTTP requests and WebSockets in; the address space, what changes in it, and commands for the next frame out.

A thread of its own; the show asks once a frame. Whatever is asked, and however badly, costs the show nothing: requests
are few and small, visitors bounded, and what cannot be answered is counted. The WebSocket server of `websockets` also
answers plain requests, which is all of HTTP that OSCQuery needs: no web framework comes into this room.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from installation.control.addresses import Space
from installation.control.feedback import quiet
from installation.control.oscquery.answering import Answering
from installation.control.oscquery.doors import Counted, host_of, shut
from installation.control.oscquery.gate import Gate
from installation.control.oscquery.hearing import Hearing
from installation.control.oscquery.tree import Tree, defaults
from installation.control.oscquery.visitors import Visitor, Visitors
from installation.control.places import Refused
from installation.control.refusals import Refusals
from installation.control.told import settings_of
from installation.senders import Buckets
from installation.settings import Cue, Osc
from installation.settings import OscQuery as Settings
from installation.signals import Command, Knob, Levels

ROUND_S, IDLE_S = 0.05, 0.25
KEEP_EVERY_S = 5.0
VISITORS_LIMIT, CONNECTIONS_LIMIT = 16, 64
REQUESTS_HZ, REQUESTS_AT_ONCE = 200.0, 1000.0
LONGEST_MESSAGE = 65_536
PATIENCE_S, LEAVING_S = 10.0, 1.0
log = quiet(logging.getLogger("installation.control.oscquery"))
wire = logging.getLogger("installation.control.oscquery.wire")
wire.disabled = True  # what fails is counted here


class OscQuery:
    """Other software's way into the show: bind(), start(), then poll(), follow() and tell(), close(); as the OSC desk.

    faults counts what was refused: refused sender, foreign page, bad request, too many requests, too many visitors, may
    not write, unknown command, and as the OSC desk what is sent; cannot listen, cannot announce. Raises SettingsError.
    """

    def __init__(
        self,
        asked: Settings,
        osc: Osc,
        osc_port: Callable[[], int],
        knobs: Mapping[str, Knob],
        cues: Sequence[Cue],
        show: str = "",
    ) -> None:
        self.asked, self.show, self.port = asked, show, asked.port
        self.faults: Counter[str] = Counter()
        self.refuse = Refusals(self.faults, protocol="OSCQuery")
        space = Space(knobs, cues, osc.aliases)
        self._tree, self._gate, self._visitors = Tree(space, cues), Gate(asked), Visitors()
        self._hearing = Hearing(space, self.refuse, asked.packets_per_s)
        self._answering = Answering(self._tree, show, osc, osc_port)
        self._requests = Buckets(REQUESTS_HZ, REQUESTS_AT_ONCE)
        self._levels, self._status = Levels(defaults(knobs)), dict[str, Any]()
        self._socket: socket.socket | None = None
        self._open = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = threading.Event()

    def bind(self) -> None:
        """Take the port, if it can be had; if not, it is tried again for as long as the show plays."""
        if self._socket is not None:
            return
        family = socket.AF_INET6 if ":" in self.asked.host else socket.AF_INET
        try:
            self._socket = socket.create_server((self.asked.host, self.asked.port), family=family, backlog=64)
            self.port = int(self._socket.getsockname()[1])
        except OSError as error:
            self.refuse("cannot listen", text=f"{self.asked.host} port {self.asked.port}: {error.strerror}")

    def start(self) -> None:
        """Answer from now on."""
        if self._thread is None:
            self.bind()
            self._thread = threading.Thread(target=self._run, name="oscquery", daemon=True)
            self._thread.start()

    def poll(self, now_s: float) -> list[Command]:
        """What people want since the last time: the newest value of each knob, every press, in order of arrival."""
        return self._hearing.take()

    def follow(self, levels: Levels, now_s: float) -> None:
        """What is set in this frame; whoever listens is told of changes by this listener's own thread."""
        self._levels = levels

    def tell(self, values: Mapping[str, Any], now_s: float = 0.0) -> None:
        """Say how the show is: it can be read below /installation/status."""
        self._status = dict(values)

    def close(self) -> None:
        """Hang up; returns when the thread has ended."""
        self._over.set()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stir.set)
        if self._thread is not None:
            self._thread.join(5.0)
            self._thread = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except Exception:
            self.faults["desk error"] += 1
            log.exception("OSCQuery has ended; the show goes on")

    async def _live(self) -> None:
        self._stir, self._loop = asyncio.Event(), asyncio.get_running_loop()
        kept = asyncio.create_task(self._keep())
        while not self._over.is_set():
            try:
                self._round()
            except Exception:
                self.faults["desk error"] += 1
                log.exception("OSCQuery: a step failed; it goes on")
            with contextlib.suppress(TimeoutError):
                busy = self._visitors.all or self._hearing.waits
                await asyncio.wait_for(self._stir.wait(), ROUND_S if busy else IDLE_S)
        kept.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await kept

    def _round(self) -> None:
        now_s = time.monotonic()
        self._hearing.catch_up(now_s)
        if self._visitors.all:
            self._visitors.tell(settings_of(self._levels), self._status, now_s)

    async def _keep(self) -> None:
        """Listen, and say so in the network; again as long as one of them cannot be."""
        async with contextlib.AsyncExitStack() as closing:
            while not self._socket:
                await asyncio.sleep(KEEP_EVERY_S)
                self.bind()
            server = await self._serve(self._socket)
            closing.push_async_callback(shut, server, LEAVING_S)
            log.info("OSCQuery: http://%s:%d/, from %s", self.asked.host, self.port, ", ".join(self.asked.allow))
            while self.asked.announce and not await self._announce(closing):
                await asyncio.sleep(KEEP_EVERY_S)
            await asyncio.Event().wait()

    async def _announce(self, closing: contextlib.AsyncExitStack) -> bool:
        from installation.control.oscquery.announcing import Announced

        try:
            announced = Announced(self.show, self.asked.host, self.port)
            closing.push_async_callback(announced.end)
            self._gate.name = announced.server.rstrip(".")
            await announced.begin()
            return True
        except Exception as error:  # whatever a network or an mDNS of another kind does
            self.refuse("cannot announce", text=repr(error)[:120])
            return False

    async def _serve(self, ours: socket.socket) -> Server:
        return await serve(
            self._talk,
            sock=ours,
            process_request=self._answer,
            create_connection=partial(Counted, self),  # type: ignore[arg-type]
            logger=wire,
            compression=None,
            server_header=None,
            max_size=LONGEST_MESSAGE,
            open_timeout=PATIENCE_S,
            close_timeout=LEAVING_S,
        )

    def admit(self, host: str) -> bool:
        """Whether there is room for one more connection, and its network may look."""
        if not self._gate.may_come(host):
            self.refuse("refused sender", host)
        elif self._open >= CONNECTIONS_LIMIT:
            self.refuse("too many visitors", host)
        else:
            self._open += 1
            return True
        return False

    def leave(self, host: str, was_bad: bool) -> None:
        """A connection has ended; a bad one never asked for anything that could be read."""
        self._open -= 1
        if was_bad:
            self.refuse("bad request", host)

    def _answer(self, connection: Any, request: Request) -> Response | None:
        """Answer a plain request; let one for a WebSocket come in (None)."""
        host = connection.host
        path, _, query = request.path.partition("?")
        if not self._gate.knows_page(request.headers):
            self.refuse("foreign page", host)
            return self._answering.refusal(421, "this show answers to its own address, and to no other page\n")
        if request.headers.get_all("Upgrade"):
            if len(self._visitors.all) < VISITORS_LIMIT:
                return None
            self.refuse("too many visitors", host)
            return self._answering.refusal(503, "too many are connected\n")
        if not self._requests.take(host, time.monotonic(), self._answering.cost(path, query)):
            self.refuse("too many requests", host)
            return self._answering.refusal(429, "ask less often, or LISTEN over a WebSocket\n")
        return self._answering.answer(path, query, settings_of(self._levels), self._status, self.port)

    async def _talk(self, connection: ServerConnection) -> None:
        """One visitor, from its first message to its last."""
        host, request = host_of(connection.remote_address), connection.request
        query = request.path.partition("?")[2] if request else ""
        one = Visitor(connection, host, request is not None and self._gate.may_write(host, query, request.headers))
        self._visitors.all.append(one)
        try:
            async for message in connection:
                if not self._take(one, message):
                    await asyncio.sleep(0)  # a whole batch may have come at once: others come in between
        finally:  # also of one that was cut off, or sent what is no WebSocket
            self._visitors.leave(one)

    def _take(self, one: Visitor, message: str | bytes) -> bool:
        """Whether it was obeyed in time; who says anything else, or too much, is not alone here."""
        try:
            if isinstance(message, str):
                one.command(message, self._tree, self._status)
            elif not one.may_write:
                raise Refused("may not write", "see [oscquery] write and token")
            else:
                return self._hearing.obey(message, one, self._visitors.note)
        except Refused as refused:
            self.refuse(refused.kind, one.host, refused)
        except Exception:
            self.faults["desk error"] += 1
            log.exception("OSCQuery: a message failed; it goes on")
        return False
