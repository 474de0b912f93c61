"""WebSockets of other software in; what each of them listens to, and packets of what changes there, out."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from functools import partial

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from installation.control.oscquery.tree import STATUS, Tree, type_of, typed
from installation.control.places import Place, Refused
from installation.control.told import Key, Settings, Told, changed, keys_of
from installation.packets import Argument, encode

ADDRESSES_KEPT = 4096  # that one visitor listens to
MOST_EACH, MOST = 128, 512  # packets in a round


class Visitor:
    """One that is connected: what it listens to, and whether it may turn knobs."""

    def __init__(self, connection: ServerConnection, host: str, may_write: bool) -> None:
        self.connection, self.host, self.may_write = connection, host, may_write
        self.told = Told(host)
        self.status: dict[str, Argument] = {}  # addresses of the status, and what was said of each
        self._sending: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether it has not taken yet what was sent: the newest is told when it has."""
        return self._sending is not None and not self._sending.done()

    def command(self, text: str, tree: Tree, status: Mapping[str, Argument]) -> None:
        """LISTEN or IGNORE. Raises Refused for what is neither, or has no such address."""
        try:
            table = json.loads(text)
        except (ValueError, RecursionError):
            table = None
        verb, path = (table.get("COMMAND"), table.get("DATA")) if isinstance(table, dict) else (None, None)
        if verb not in ("LISTEN", "IGNORE") or not isinstance(path, str):
            raise Refused("unknown command", f"expected LISTEN or IGNORE and an address, found {text!r:.60}")
        place = tree.place(path)
        if verb == "IGNORE":
            self.told.leave(path)
            self.status.pop(path, None)
        elif path.startswith(f"{STATUS}/") and path[len(STATUS) + 1 :] in status:
            self.status.setdefault(path, None)
        elif place is None:
            raise Refused("unknown address", "no such address")
        elif path not in self.told.places and len(self.told.places) < ADDRESSES_KEPT:
            self.told.show(path, place)

    def send(self, packets: Sequence[bytes]) -> None:
        """Send, without waiting for a reader that does not read."""
        if packets:
            self._sending = asyncio.create_task(self._send(packets))

    async def _send(self, packets: Sequence[bytes]) -> None:
        with contextlib.suppress(ConnectionClosed):
            for packet in packets:
                await self.connection.send(packet)


class Visitors:
    """All that are connected; each is told what others set, never what it set itself."""

    def __init__(self) -> None:
        self.all: list[Visitor] = []
        self._setters: dict[Key, Visitor] = {}
        self._before: Settings = {}

    def leave(self, one: Visitor) -> None:
        """It has hung up."""
        self.all.remove(one)
        self._setters = {key: setter for key, setter in self._setters.items() if setter is not one}

    def note(self, one: Visitor, place: Place, now_s: float) -> None:
        """It sets what lies at this place."""
        keys = keys_of(place)
        self._setters |= dict.fromkeys(keys, one)
        one.told.move(keys, now_s)

    def tell(self, settings: Settings, status: Mapping[str, Argument], now_s: float) -> None:
        """A round: everybody is sent what is new to him."""
        fresh, self._before = changed(self._before, settings), settings
        most = min(MOST_EACH, MOST // len(self.all)) if self.all else 0
        for one in self.all:
            one.told.freshen(fresh)
            one.told.settle(now_s)
            if not one.is_busy:
                news = one.told.news(settings, partial(self._is_own, one, settings), most)
                one.send([*(self._packet(one, *said) for said in news), *_status_news(one, status)])

    def _packet(self, one: Visitor, address: str, arguments: tuple[Argument, ...]) -> bytes:
        return encode(address, *typed(type_of(one.told.places[address]), arguments))

    def _is_own(self, one: Visitor, settings: Settings, key: Key) -> bool:
        return self._setters.get(key) is one and settings[key][1] == f"oscquery {one.host}"


def _status_news(one: Visitor, status: Mapping[str, Argument]) -> list[bytes]:
    packets = []
    for path, before in one.status.items():
        value = status.get(path[len(STATUS) + 1 :])
        if value != before:
            one.status[path] = value
            packets.append(encode(path, value))
    return packets
