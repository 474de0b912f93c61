"""What a page is about, looked at again and again, in; what changed out, to every page that follows over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

log = logging.getLogger("installation.pages")
MOST_SAID = 240  # messages a second of one page: ten fingers on sliders say fewer
SIGN_OF_LIFE_S = 10.0  # so that a page notices a connection that is dead but was never closed
News = dict[str, str]  # topic -> its newest value as JSON


class Feed:
    """One look for all pages that follow, none while nobody does. A page that is slow gets the newest of each topic.

    look() gives {topic: plain JSON values}, the same objects while nothing has changed, so that it is cheap; it is
    called in a thread, every_s seconds apart. What it raises is told as the topic "trouble" until that is over.
    hear, if given, takes what pages say, message by message, at once; a page that says too much is read more slowly.
    """

    def __init__(
        self,
        look: Callable[[], Mapping[str, Any]],
        every_s: float = 0.5,
        hear: Callable[[str], None] | None = None,
    ) -> None:
        self.look, self.every_s, self.hear = look, every_s, hear
        self._seen: dict[str, Any] = {}
        self._told: News = {}
        self._followers: set[_Follower] = set()
        self._wake = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    def nudge(self) -> None:
        """Look again at once, since something was changed here; called where the server's pages run."""
        self._wake.set()

    async def serve(self, socket: WebSocket) -> None:
        """Tell one page everything, then what changes, until it goes."""
        try:
            await socket.accept()
        except (WebSocketDisconnect, OSError):  # it went before it was let in
            return
        follower = _Follower(self._told)
        self._followers.add(follower)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._keep_watch())
        self.nudge()
        telling = asyncio.create_task(follower.tell(socket))
        pace = Pace()
        try:
            while (message := await socket.receive())["type"] != "websocket.disconnect":
                if self.hear is not None and (text := message.get("text")):
                    self.hear(text)
                    await pace.keep()
        finally:
            telling.cancel()
            self._followers.discard(follower)

    async def _keep_watch(self) -> None:
        while self._followers:
            self._wake.clear()
            changed = await run_in_threadpool(self._look)
            self._told |= changed
            for follower in self._followers if changed else ():
                follower.hear(changed)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self.every_s)
        self._seen, self._told = {}, {}

    def _look(self) -> News:
        """What is new since the last look, already as JSON."""
        try:
            found = {"trouble": "", **self.look()}
            changed = {name: _encode(value) for name, value in found.items() if self._is_new(name, value)}
        except Exception as error:  # whatever it is, the pages hear of it and the next look may do
            found = {"trouble": str(error) or type(error).__name__}
            changed = {name: _encode(value) for name, value in found.items() if self._is_new(name, value)}
            if changed:
                log.warning("the pages cannot be told what is new: %s", found["trouble"])
        self._seen |= found
        return changed

    def _is_new(self, name: str, value: Any) -> bool:
        return name not in self._seen or (value is not self._seen[name] and value != self._seen[name])


class Pace:
    """How fast one page may say things: MOST_SAID a second, then it waits."""

    def __init__(self) -> None:
        self._since_s, self._count = 0.0, 0

    async def keep(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._since_s >= 1.0:
            self._since_s, self._count = now_s, 0
        self._count += 1
        if self._count > MOST_SAID:
            await asyncio.sleep(max(0.0, self._since_s + 1.0 - now_s))


class _Follower:
    """One page that follows: what it has not been told yet."""

    def __init__(self, news: News) -> None:
        self._news = dict(news)
        self._ready = asyncio.Event()
        if news:
            self._ready.set()

    def hear(self, news: News) -> None:
        self._news |= news
        self._ready.set()

    async def tell(self, socket: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):  # it went: whoever listens to it notices
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ready.wait(), SIGN_OF_LIFE_S)
                self._ready.clear()
                news, self._news = self._news, {}
                await socket.send_text("{" + ",".join(f"{_encode(name)}:{told}" for name, told in news.items()) + "}")


def _encode(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
