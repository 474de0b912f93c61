"""The panel's own process: what the show leaves in shared memory in, pages for browsers out; their wishes go back."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from typing import Any

from installation.children import enter, follow_parent
from installation.control.places import URGENT
from installation.control.said import LONGEST, PRESSED, STROKED, WALL
from installation.live.desk_of_page import PageDesk
from installation.live.inviting import addresses
from installation.live.panel_plan import LOOKED, Plan
from installation.live.paper import Paper
from installation.memory import Memory
from installation.pages.server import PageServer
from installation.settings import Panel

BEAT_S, AGAIN_S = 0.5, 2.0
MOST_PRESSES = 64  # that wait for a show that does not read


class Outbox:
    """What pages wish for, on its way to the show: the newest of each knob, every press; blackout and panic at once.

    A show that hangs for a while reads it later; nothing here waits for that but one thread.
    """

    def __init__(self, urgent: socket.socket, plain: socket.socket) -> None:
        self._urgent, self._plain = urgent, plain
        urgent.setblocking(False)
        self._waiting: dict[tuple[str, str, int], bytes] = {}
        self._presses = 0
        self._ready = threading.Condition()
        threading.Thread(target=self._send, name="wishes", daemon=True).start()

    def put(self, wish: dict[str, Any]) -> None:
        """One wish: a command of the page, as `control.said` reads it."""
        said = json.dumps(wish | {"at": time.monotonic()}).encode()
        if len(said) > LONGEST:
            return
        verb, name = str(wish.get("verb")), str(wish.get("name", ""))
        if WALL in wish:  # of a stroke the newest place, of everything else each one
            verb, name = "wall", str([wish.get(key) for key in ("output", "mask", "point", "dial", "stroke")])
        if verb in URGENT:
            try:
                self._urgent.send(said)
                return
            except OSError:  # the show does not read just now
                pass
        with self._ready:
            pressed = verb in PRESSED or (verb == "wall" and wish[WALL] not in STROKED)
            if (pressed or verb == "wall") and len(self._waiting) > MOST_PRESSES:
                return
            self._presses += pressed
            key = "knob" if verb == "release" and name else verb, name, self._presses * pressed
            self._waiting.pop(key, None)
            self._waiting[key] = said
            self._ready.notify()

    def _send(self) -> None:
        while True:
            with self._ready:
                while not self._waiting:
                    self._ready.wait()
                said = self._waiting.pop(next(iter(self._waiting)))
            self._plain.send(said)


def pages_of(told: dict[str, Any], plan: Plan, desk: PageDesk) -> dict[str, Any]:
    """The panel, and paper where the show paints from drawings."""
    pages: dict[str, Any] = {"panel": desk}
    if told["draws"]:
        pages["draw"] = Paper(told["draws"], plan.paper.write, lambda: desk.news()["picture"])
    return pages


def open_server(told: dict[str, Any], pages: dict[str, Any]) -> PageServer:
    """At the port that was asked for; where any would do and that one is taken, at another. Raises OSError."""
    asked, token = told["panel"], told["token"] or None
    try:
        return PageServer(pages, asked["port"], asked["host"], token)
    except OSError:
        if not asked["any"]:
            raise
        return PageServer(pages, 0, asked["host"], token)


async def serve(told: dict[str, Any], memory: Memory, plan: Plan, pages: dict[str, Any]) -> None:
    """Serve for ever; the beat comes from the loop that answers browsers, so that one that hangs is noticed."""

    async def beat() -> None:
        while True:
            memory.times[0] = time.monotonic()
            await asyncio.sleep(BEAT_S)

    beating = asyncio.create_task(beat())
    asked = told["panel"]
    settings = Panel(host=asked["host"], port=asked["port"])
    while True:
        try:
            server = open_server(told, pages)
        except OSError as error:
            plan.page.write({"trouble": str(error), "token": told["token"]})
            await asyncio.sleep(AGAIN_S)
            continue
        guard = server.guard
        found = addresses(settings, guard.port, guard.token)
        plan.page.write({"port": guard.port, "token": guard.token, "addresses": found, "trouble": ""})
        await server.serve()
        server.close()
        if beating.done():
            return


def main() -> None:
    memory, told = enter()
    follow_parent()
    plan = Plan(memory)
    urgent, plain = (socket.socket(fileno=descriptor) for descriptor in told["descriptors"])
    outbox = Outbox(urgent, plain)

    def looked() -> None:
        memory.times[LOOKED] = time.monotonic()

    try:
        desk = PageDesk(told, plan, outbox.put, looked)
        asyncio.run(serve(told, memory, plan, pages_of(told, plan, desk)))
    except Exception as error:
        memory.say(f"{type(error).__name__}: {error}")
        raise


if __name__ == "__main__":
    main()
