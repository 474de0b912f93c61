"""TCP connections in, their packets out: a bounded number, none of which can hold memory or a place for long."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable

from installation.packets import Frames, PacketError

STREAMS_LIMIT = 16
STREAMS_PER_HOST = 8
UNFINISHED_LIMIT_S = 10.0
READ_BYTES = 8192
UNSENT_LIMIT_BYTES = 65_536


class Stream:
    """One desk connected over TCP."""

    def __init__(self, connection: socket.socket, host: str, now_s: float) -> None:
        self.connection = connection
        self.host = host
        self.frames = Frames()
        self.spoke_s = now_s  # when it last finished a packet
        self.unsent = b""

    def send(self, packet: bytes) -> None:
        """Send, or keep what does not go out now; what a reader that does not read misses is lost."""
        if len(self.unsent) < UNSENT_LIMIT_BYTES:
            self.unsent += self.frames.wrap(packet)
        self._flush()

    def is_full(self) -> bool:
        """Whether its reader has not taken all of what was sent."""
        self._flush()
        return bool(self.unsent)

    def _flush(self) -> None:
        with contextlib.suppress(OSError):  # full, or gone: reading says that
            sent = self.connection.send(self.unsent)
            self.unsent = self.unsent[sent:]


class Streams:
    """All connections of a listening socket; `take` gets each packet with the stream that it came by."""

    def __init__(
        self,
        listener: socket.socket,
        selector: selectors.BaseSelector,
        allow: Callable[[str], bool],
        take: Callable[[bytes, Stream, float], None],
        refuse: Callable[..., None],
    ) -> None:
        self._listener, self._selector = listener, selector
        self._allow, self._take, self._refuse = allow, take, refuse
        self.open: list[Stream] = []
        selector.register(listener, selectors.EVENT_READ, self._welcome)

    def _welcome(self, now_s: float) -> None:
        with contextlib.suppress(OSError):  # it hung up at the door
            connection, address = self._listener.accept()  # the next one is told of anew
            self._accept(connection, address[0], now_s)

    def _accept(self, connection: socket.socket, host: str, now_s: float) -> None:
        """Let one connection in; one too many sends away the one that has been silent longest."""
        if not self._allow(host):
            self._refuse("refused sender", host)
            connection.close()
            return
        of_host = [stream for stream in self.open if stream.host == host]
        crowd = of_host if len(of_host) >= STREAMS_PER_HOST else self.open if len(self.open) >= STREAMS_LIMIT else []
        if crowd:
            self._refuse("too many streams", host)
            self.close(min(crowd, key=lambda stream: stream.spoke_s))
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        stream = Stream(connection, host, now_s)
        self._selector.register(connection, selectors.EVENT_READ, lambda now_s: self._read(stream, now_s))
        self.open.append(stream)

    def expire(self, now_s: float) -> None:
        """Close streams that began a packet long ago and never end it."""
        for stream in list(self.open):
            if stream.frames.waiting_bytes and now_s - stream.spoke_s > UNFINISHED_LIMIT_S:
                self._refuse("unfinished stream", stream.host)
                self.close(stream)

    def close(self, stream: Stream) -> None:
        """End one connection."""
        if stream in self.open:
            self.open.remove(stream)
            self._selector.unregister(stream.connection)
            stream.connection.close()

    def close_all(self) -> None:
        """End every connection and stop listening."""
        for stream in list(self.open):
            self.close(stream)
        self._listener.close()

    def _read(self, stream: Stream, now_s: float) -> None:
        try:
            received = stream.connection.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self.close(stream)
            return
        if not stream.frames.waiting_bytes:
            stream.spoke_s = now_s  # silence does not count against an idle desk: a packet begins now
        try:
            for packet in stream.frames.feed(received):
                stream.spoke_s = now_s
                self._take(packet, stream, now_s)
        except PacketError as error:
            self._refuse("malformed", stream.host, f"{error}; the connection was ended")
            self.close(stream)
