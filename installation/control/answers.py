"""Status of the show in, packets to everyone who asked out: pong, and /installation/status/... to subscribers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from installation.control.places import ROOT, Refused, plain
from installation.control.streams import Stream, Streams
from installation.packets import Argument, encode, encode_bundle

SUBSCRIBERS_LIMIT = 16
SUBSCRIBED_S = 600.0
HEARD_LIMIT = 64
StatusValue = float | int | str | bool


class Sender(NamedTuple):
    """Where a packet came from, and how an answer gets back: by its stream, or to a port of its host."""

    host: str
    port: int
    stream: Stream | None = None


class Subscribers:
    """Who wants to see the status: a bounded number, each until SUBSCRIBED_S after it was last heard."""

    def __init__(self) -> None:
        self._heard_s: dict[Hashable, float] = {}

    def hear(self, whom: Hashable, now_s: float) -> None:
        """Add someone, or keep them longer; one too many sends away the one heard longest ago."""
        self._heard_s.pop(whom, None)
        self._heard_s[whom] = now_s
        if len(self._heard_s) > SUBSCRIBERS_LIMIT:
            del self._heard_s[next(iter(self._heard_s))]

    def drop(self, whom: Hashable) -> None:
        """Someone left."""
        self._heard_s.pop(whom, None)

    def now(self, now_s: float) -> list[Hashable]:
        """Everyone who is still there."""
        self._heard_s = {whom: s for whom, s in self._heard_s.items() if now_s - s < SUBSCRIBED_S}
        return list(self._heard_s)


class Answers:
    """What goes back to desks: by the stream they hold open, or by UDP to reply_port (0: the port they send from)."""

    def __init__(self, udp: socket.socket, streams: Streams, reply_port: int) -> None:
        self._udp, self._streams, self._reply_port = udp, streams, reply_port
        self.subscribers = Subscribers()
        self._heard: set[str] = set()

    def hear(self, host: str) -> None:
        """Note that a host said something sensible: its subscriptions live on."""
        if len(self._heard) < HEARD_LIMIT:
            self._heard.add(host)

    def send(self, sender: Sender, packet: bytes) -> None:
        """Answer a sender."""
        if sender.stream is not None:
            sender.stream.send(packet)
        else:
            self._send_udp(packet, sender.host, self._reply_port or sender.port)

    def subscribe(self, sender: Sender, arguments: Sequence[Argument], now_s: float) -> None:
        """Let a sender see the status from now on. Raises Refused for a port that cannot be."""
        port = arguments[0] if arguments else self._reply_port or sender.port
        if sender.stream is not None:
            self.subscribers.hear(sender.stream, now_s)
        elif isinstance(port, int | float) and 1024 <= port <= 65535:
            self.subscribers.hear((sender.host, int(port)), now_s)
        else:
            raise Refused("bad argument", f"expected a port of 1024 to 65535, found {port!r:.60}")

    def report(self, values: Mapping[str, StatusValue] | None, now_s: float) -> None:
        """Send the status to every subscriber; None when there is nothing new to say."""
        self._keep(now_s)
        everyone = self.subscribers.now(now_s)
        if values is None or not everyone:
            return
        bundle = encode_bundle(encode(f"{ROOT}/status/{plain(n)}", _sent(v)) for n, v in values.items())
        for whom in everyone:
            if isinstance(whom, Stream):
                whom.send(bundle)
            elif isinstance(whom, tuple):
                self._send_udp(bundle, *whom)

    def _keep(self, now_s: float) -> None:
        """Who was heard stays, who hung up goes; a reply port makes subscribers of all who were heard."""
        for whom in self.subscribers.now(now_s):
            if isinstance(whom, Stream):
                if whom in self._streams.open:
                    self.subscribers.hear(whom, now_s)
                else:
                    self.subscribers.drop(whom)
            elif isinstance(whom, tuple) and whom[0] in self._heard:
                self.subscribers.hear(whom, now_s)
        if self._reply_port:
            for host in self._heard:
                self.subscribers.hear((host, self._reply_port), now_s)
        self._heard.clear()

    def _send_udp(self, packet: bytes, host: str, port: int) -> None:
        with contextlib.suppress(OSError):  # a subscriber that is gone is no fault of the show
            self._udp.sendto(packet, (host, port))


def _sent(value: StatusValue) -> StatusValue:
    """As every desk reads it: truth as 1 or 0."""
    return int(value) if isinstance(value, bool) else value
