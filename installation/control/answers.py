"""Status of the show in, packets to everyone who asked out: pong, and /installation/status/... to subscribers.

Who is told of changes too, and how each is reached, is known here; what there is to tell, `telling` knows.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import psutil

import installation
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

    def __init__(self, reply_port: int) -> None:
        self._reply_port = reply_port
        self.subscribers, self._callers = Subscribers(), Subscribers()
        self._port_of: dict[str, int] = {}  # of each caller: where he sent from last
        self._heard: set[str] = set()
        self._status: Mapping[str, StatusValue] | None = None
        self._frame = 0

    def open(self, udp: socket.socket, streams: Streams) -> None:
        """What is said goes out by these; never to ourselves, who would do it."""
        self._udp, self._streams = udp, streams
        host, self._port = udp.getsockname()[:2]
        everywhere = {one.address for found in psutil.net_if_addrs().values() for one in found}
        self._ours = everywhere if host in ("0.0.0.0", "::") else {host}

    def tell(self, values: Mapping[str, StatusValue]) -> None:
        """How the show is now; frame, or else how often this was called, is what a ping is answered with."""
        self._frame = int(values.get("frame", self._frame + 1))
        self._status = values

    def hear(self, sender: Sender, now_s: float) -> None:
        """Note that somebody said something sensible: subscriptions of that host live on, changes are told there."""
        if len(self._heard) < HEARD_LIMIT:
            self._heard.add(sender.host)
        if sender.stream is None:
            self._callers.hear(sender.host, now_s)
            self._port_of[sender.host] = self._reply_port or sender.port

    def pong(self, sender: Sender) -> None:
        """Answer a ping."""
        packet = encode(f"{ROOT}/pong", installation.__version__, self._frame)
        if sender.stream is not None:
            sender.stream.send(packet)
        else:
            self._send_udp(packet, sender.host, self._reply_port or sender.port)

    def subscribe(self, sender: Sender, arguments: Sequence[Argument], now_s: float) -> Hashable:
        """Let a sender see the status from now on; gives back whom. Raises Refused for a port that cannot be."""
        port = arguments[0] if arguments else self._reply_port or sender.port
        whom: Hashable = sender.stream
        if sender.stream is None:
            if not (isinstance(port, int | float) and 1024 <= port <= 65535):
                raise Refused("bad argument", f"expected a port of 1024 to 65535, found {port!r:.60}")
            whom = (sender.host, int(port))
        self.subscribers.hear(whom, now_s)
        return whom

    def audience(self, now_s: float) -> dict[Hashable, str]:
        """Everybody who is told of changes, with his host: subscribers, streams that have spoken, senders over UDP."""
        found: dict[Hashable, str] = {one: one.host for one in self._streams.open if one.frames.framing}
        found |= {whom: str(whom[0]) for whom in self.subscribers.now(now_s) if isinstance(whom, tuple)}
        served = {host for whom, host in found.items() if isinstance(whom, tuple)}
        callers = [host for host in self._callers.now(now_s) if isinstance(host, str)]
        self._port_of = {host: self._port_of[host] for host in callers}
        return found | {host: host for host in callers if host not in served}

    def reach(self, whom: Hashable, packets: Sequence[bytes]) -> None:
        """Send to one of the audience."""
        for packet in packets:
            if isinstance(whom, Stream):
                whom.send(packet)
            elif isinstance(whom, tuple):
                self._send_udp(packet, *whom)
            elif isinstance(whom, str):
                self._send_udp(packet, whom, self._port_of[whom])

    def report(self, now_s: float) -> None:
        """Send the status to every subscriber, if there is something new to say."""
        self._keep(now_s)
        values, self._status = self._status, None
        everyone = self.subscribers.now(now_s)
        if values is None or not everyone:
            return
        bundle = encode_bundle(encode(f"{ROOT}/status/{plain(n)}", _sent(v)) for n, v in values.items())
        for whom in everyone:
            self.reach(whom, [bundle])

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
        if port == self._port and host in self._ours:
            return
        with contextlib.suppress(OSError):  # a subscriber that is gone is no fault of the show
            self._udp.sendto(packet, (host, port))


def _sent(value: StatusValue) -> StatusValue:
    """As every desk reads it: truth as 1 or 0."""
    return int(value) if isinstance(value, bool) else value
