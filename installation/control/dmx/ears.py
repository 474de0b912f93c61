"""An address and a port in, the packets of a console out: heard as soon as there is a way to, however late that is."""

from __future__ import annotations

import errno
import ipaddress
import selectors
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from installation.control.dmx import sieve
from installation.control.dmx.sieve import DARK, OTHER, OURS, SAMPLE, Sieve
from installation.control.sockets import widen

BATCH = 64
PACKET_BYTES = 2048  # the longest that either protocol has is 638; what is cut off here is refused for its length
_IP_MULTICAST_ALL, _SO_TIMESTAMPNS = 49, 35
_STAMP = struct.Struct("@ll")


class Packet(NamedTuple):
    """What came, from whom, when it was read, and, where the system tells, when it came (seconds of the wall clock).

    dark asks for black; stands_for counts packets like it that were thrown away unread.
    """

    raw: bytes
    address: tuple[str, int]
    now_s: float
    came_s: float = 0.0
    dark: bool = False
    stands_for: int = 1


class Ear:
    """One protocol's port: exclusive on the loopback; elsewhere shared, as broadcasts and multicasts come to all.

    host is our own address in the console's network; any but a loopback one hears all networks, which the allow list
    tells apart, because a socket of one address hears no broadcast. group is joined where host is, 0.0.0.0 everywhere.
    Where the kernel sorts (`sorted_by_kernel`), what asks for black has a socket of its own, read first.
    """

    def __init__(
        self,
        host: str,
        port: int,
        group: str,
        sifting: Sieve,
        selector: selectors.BaseSelector,
        take: Callable[[Packet], None],
    ) -> None:
        self.host, self.port, self.group = host, port, group
        self._sieve, self._selector, self._take = sifting, selector, take
        self._buffer = bytearray(PACKET_BYTES)
        self.sockets: list[socket.socket] = []  # by kind: what is ours, and what of it is dark

    @property
    def udp(self) -> socket.socket | None:
        """Where answers go out; None while it is not open."""
        return self.sockets[0] if self.sockets else None

    @property
    def sorted_by_kernel(self) -> bool:
        return len(self.sockets) > 1

    def keep(self) -> None:
        """Open what is not open, join the group wherever it is not joined. Raises OSError; ask again later."""
        if not self.sockets:
            self.sockets = self._open()
            for udp in self.sockets:
                self._selector.register(udp, selectors.EVENT_READ, self.read)
        if self.group and not self._alone:
            for udp in self.sockets:
                self._join(udp)

    def read(self, now_s: float) -> bool:
        """Hand on what has come, up to BATCH packets of each kind; whether there may be more. Raises OSError."""
        more = False
        for udp in reversed(self.sockets):  # what is dark first
            for _ in range(BATCH):
                try:
                    size, ancillary, _, address = udp.recvmsg_into([self._buffer], 64)
                except (BlockingIOError, InterruptedError):
                    break
                except OSError:
                    self.close()
                    raise
                raw = bytes(self._buffer[:size])
                kind = self._sieve.kind(raw)
                stands_for = SAMPLE if self.sorted_by_kernel and kind == OTHER else 1
                self._take(Packet(raw, address, now_s, _came_s(ancillary), kind == DARK, stands_for))
            else:
                more = True
        return more

    def close(self) -> None:
        for udp in self.sockets:
            self._selector.unregister(udp)
            udp.close()
        self.sockets = []

    @property
    def _alone(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    def _open(self) -> list[socket.socket]:
        if self._alone:  # sockets that share a port with each other would share it with another show too
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((self.host, self.port))
                port = probe.getsockname()[1]
        else:
            port = self.port
        first = self._bound(port)
        try:
            sieve.admit(first, self._sieve, OURS)
            sieve.sort(first, self._sieve)
            second = self._bound(first.getsockname()[1], DARK)
        except OSError:  # a kernel that does not sort: all of it in one queue
            first.close()
            return [self._bound(port)]
        return [first, second]

    def _bound(self, port: int, kind: int = OURS) -> socket.socket:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            widen(udp)
            if hasattr(socket, "SO_REUSEPORT"):
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if not self._alone:
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if sys.platform.startswith("linux"):  # else other programs' groups are heard too
                    udp.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            if kind == DARK:
                sieve.admit(udp, self._sieve, DARK)
            udp.bind((self.host if self._alone else "", port))
            udp.setblocking(False)
        except OSError:
            udp.close()
            raise
        return udp

    def _join(self, udp: socket.socket) -> None:
        """Anew every time: a network that went away and came back has forgotten us."""
        failed: OSError | None = None
        for address in [self.host] if self.host != "0.0.0.0" else addresses():
            member = socket.inet_aton(self.group) + socket.inet_aton(address)
            try:
                udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:  # else it is joined already
                    failed = OSError(error.errno, f"no network here has the address {address}: {error.strerror}")
        if failed is not None and self.host != "0.0.0.0":
            raise failed


def addresses() -> list[str]:
    """The IPv4 addresses that this machine has now."""
    import psutil

    return [one.address for rows in psutil.net_if_addrs().values() for one in rows if one.family == socket.AF_INET]


def _came_s(ancillary: Sequence[tuple[int, int, bytes]]) -> float:
    """When the kernel had the packet; 0 where it does not tell."""
    for level, kind, stamp in ancillary:
        if (level, kind, len(stamp)) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS, _STAMP.size):
            seconds, nanoseconds = _STAMP.unpack(stamp)
            return float(seconds + nanoseconds * 1e-9)
    return 0.0


def own_address(asker: tuple[str, int]) -> str:
    """The address of ours from which packets go to somebody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(asker)
        return str(udp.getsockname()[0])
