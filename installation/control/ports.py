"""Bound sockets in, their packets out: a bounded number at a time, what is urgent first, each with when it came."""

from __future__ import annotations

import contextlib
import functools
import selectors
import socket
import struct
import time
from collections.abc import Callable, Sequence

from installation.control import steering
from installation.control.sockets import open_sockets
from installation.packets import UDP_LIMIT_BYTES

BATCH, BATCH_BYTES = 64, 32_768
PAUSE_S = 0.005
CLOCK_SET_S = 0.02  # wall clock and monotonic clock drift apart by less than this, or one of them was set
HALTED_S, MEASURES = 0.005, 20  # a machine that is busy halts threads anywhere, for longer than that
OLDEST_S = 5.0  # nothing lies in a queue for longer
LONGEST_AWAY_S = 600.0  # but what came while there was no show to read it
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("@ll")
_SLASH, _HASH = b"/#"
Take = Callable[[bytes, tuple, float, float], None]  # type: ignore[type-arg]
"""What gets each packet: its bytes, its sender, when it arrived at this machine, and when it was read."""


class Ports:
    """The sockets of one desk. Raises OSError saying which port is taken.

    `sorted_by_kernel` says whether the `urgent` addresses (blackout) have a queue of their own; if so, a flood is read
    at most at BATCH packets per PAUSE_S, and the kernel drops (and counts) the rest, so that it does not take time from
    the picture.
    """

    def __init__(
        self,
        host: str,
        port: int,
        selector: selectors.BaseSelector,
        take: Take,
        refuse: Callable[..., None],
        urgent: Sequence[bytes] = (),
    ) -> None:
        self._selector, self._take, self._refuse = selector, take, refuse
        self._buffer = bytearray(UDP_LIMIT_BYTES + 1)
        self._view = memoryview(self._buffer)
        self._resume_s: float | None = None
        self._apart_s = 0.0
        for _ in range(MEASURES):
            if self._measure():
                break
        self._began_s: float | None = None  # to read
        found = open_sockets(host, port, urgent)
        self.listener, self._sockets, self.port = found.listener, list(found.udp), found.port
        self.udp = self._sockets[0]
        self._dropped = {udp: steering.count_dropped(udp) for udp in self._sockets}
        self.sorted_by_kernel = len(self._sockets) > 1
        for udp in self._sockets[:2]:
            selector.register(udp, selectors.EVENT_READ, self._reading(udp))
        for sink in self._sockets[2:]:
            selector.register(sink, selectors.EVENT_READ, functools.partial(_pour_away, sink))

    def wait_s(self, now_s: float) -> float | None:
        """Until when reading rests, in seconds from now, below 0 where that is over; None when it does not."""
        return None if self._resume_s is None else self._resume_s - now_s

    def resume(self, now_s: float) -> None:
        """Read on after a rest, once it is over."""
        if self._resume_s is not None and now_s >= self._resume_s:
            self._resume_s = None
            self._selector.register(self.udp, selectors.EVENT_READ, self._reading(self.udp))

    def count_dropped(self) -> None:
        """Count what the kernel dropped since the last time: it was no OSC, or the queue was full."""
        for udp in self._sockets:
            dropped = steering.count_dropped(udp)
            fresh = (dropped - self._dropped[udp]) & 0xFFFFFFFF
            self._dropped[udp] = dropped
            if fresh:
                self._refuse("overrun" if udp in self._sockets[:2] else "malformed", count=fresh)

    def close(self) -> None:
        """Close the UDP sockets."""
        for udp in self._sockets:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(udp)
            udp.close()

    def _reading(self, udp: socket.socket) -> Callable[[float], None]:
        return lambda now_s: self._read(udp, now_s)

    def _read(self, udp: socket.socket, now_s: float) -> None:
        """Take up to BATCH packets; what cannot be OSC costs no more than a look at its size and first byte."""
        taken = 0
        self._measure()
        for _ in range(BATCH):
            try:
                size, stamps, _, address = udp.recvmsg_into([self._buffer], 64)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._refuse("socket error", text=error)
                return
            first = self._buffer[0]
            if not size or (first != _HASH and (first != _SLASH or size & 3)):
                self._refuse("malformed", address[0], f"{size} bytes that are no OSC packet")
            else:
                self._take(bytes(self._view[:size]), address, self._came_s(stamps, now_s), now_s)
            taken += size
            if taken > BATCH_BYTES:
                break
        if udp is self.udp and self.sorted_by_kernel:
            self._selector.unregister(udp)
            self._resume_s = now_s + PAUSE_S

    def _measure(self) -> bool:
        """How far wall clock and monotonic clock are apart, unless this thread was halted between looking at both."""
        before_s, wall_s, after_s = time.monotonic(), time.time(), time.monotonic()
        if after_s - before_s > HALTED_S:
            return False
        apart_s = wall_s - after_s
        if abs(apart_s - self._apart_s) > CLOCK_SET_S:  # else the same for all: who came first must not depend on it
            self._apart_s = apart_s
        return True

    def _came_s(self, stamps: Sequence[tuple[int, int, bytes]], now_s: float) -> float:
        """When a packet arrived, on the monotonic clock; now where the system does not tell."""
        for level, kind, stamp in stamps:
            if (level, kind, len(stamp)) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS, _STAMP.size):
                seconds, nanoseconds = _STAMP.unpack(stamp)
                came_s: float = seconds - self._apart_s + nanoseconds * 1e-9
                if came_s >= (latest_s := now_s + CLOCK_SET_S):  # it came while a thread that was halted read on
                    latest_s = time.monotonic() + CLOCK_SET_S
                return came_s if self._since_s(now_s) < came_s < latest_s else now_s
        return now_s

    def _since_s(self, now_s: float) -> float:
        """What seems to be older than this is not: the clock that stamped it was set meanwhile."""
        if self._began_s is None:
            self._began_s = now_s
        return self._began_s - LONGEST_AWAY_S if now_s < self._began_s + OLDEST_S else now_s - OLDEST_S


def _pour_away(sink: socket.socket, now_s: float) -> None:
    """What lies in the sink is a copy of a broadcast that another socket took."""
    with contextlib.suppress(OSError):
        for _ in range(BATCH):
            sink.recv(1)
