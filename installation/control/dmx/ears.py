"""An address and a port in, a socket that hears a console out: opened as soon as it can be, however late that is."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import selectors
import socket
import sys
from collections.abc import Callable

from installation.control import steering
from installation.control.sockets import widen

BATCH = 64
PACKET_BYTES = 2048  # the longest that either protocol has is 638; what is cut off here is refused for its length
_IP_MULTICAST_ALL = 49
Take = Callable[[bytes, tuple[str, int], float], None]
"""What gets each packet: its bytes, its sender, and when it was read."""


class Ear:
    """One protocol's socket: exclusive on the loopback; elsewhere shared, as broadcasts and multicasts come to all.

    host is our own address in the console's network; any but a loopback one hears all networks, which the allow list
    tells apart, because a socket of one address hears no broadcast. group is joined where host is, 0.0.0.0 everywhere.
    """

    def __init__(self, host: str, port: int, group: str, selector: selectors.BaseSelector, take: Take) -> None:
        self.host, self.port, self.group = host, port, group
        self._selector, self._take = selector, take
        self._buffer = bytearray(PACKET_BYTES)
        self._dropped = 0
        self.udp: socket.socket | None = None

    def keep(self) -> None:
        """Open the socket if it is not, join the group wherever it is not joined. Raises OSError; ask again later."""
        if self.udp is None:
            self.udp = self._open()
            self._dropped = steering.count_dropped(self.udp)
            self._selector.register(self.udp, selectors.EVENT_READ, self.read)
        if self.group and not ipaddress.ip_address(self.host).is_loopback:
            self._join(self.udp)

    def read(self, now_s: float) -> bool:
        """Hand on what has come, up to BATCH packets; whether there may be more. Raises OSError for a dead socket."""
        assert self.udp is not None
        for _ in range(BATCH):
            try:
                size, address = self.udp.recvfrom_into(self._buffer)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                self.close()
                raise
            self._take(bytes(self._buffer[:size]), address, now_s)
        return True

    def dropped(self) -> int:
        """How many packets found no room since the last time, because nobody could read them quickly enough."""
        if self.udp is None:
            return 0
        before, self._dropped = self._dropped, steering.count_dropped(self.udp)
        return (self._dropped - before) & 0xFFFFFFFF

    def close(self) -> None:
        if self.udp is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(self.udp)
            self.udp.close()
            self.udp = None

    def _open(self) -> socket.socket:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            widen(udp)
            alone = ipaddress.ip_address(self.host).is_loopback
            if not alone:
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if sys.platform.startswith("linux"):  # else other programs' groups are heard too
                    udp.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            udp.bind((self.host if alone else "", self.port))
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
