"""Host and port in, bound sockets out: UDP, and TCP on the same number; handed down to the show by whoever keeps it.

While a show is started anew its keeper holds them open: what a desk sends meanwhile waits in the kernel, blackout and
panic in a queue of their own, and the next show reads it, in the order in which it came.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from installation.control import steering
from installation.control.addresses import Space
from installation.packets import ADDRESS_LIMIT_BYTES
from installation.settings import Osc, SettingsError

HANDED_DOWN = "INSTALLATION_PORTS"  # environment: whose, for which host and port, and the descriptors
BUFFER_BYTES = 1 << 20
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_TRIES = 20


@dataclass(frozen=True)
class Sockets:
    """One desk's: TCP; UDP, and where the kernel sorts packets two further ones, for what is urgent and what is none.

    host and port are what was asked for.
    """

    host: str
    asked: int
    listener: socket.socket
    udp: tuple[socket.socket, ...]

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def descriptors(self) -> tuple[int, ...]:
        return tuple(one.fileno() for one in (self.listener, *self.udp))

    @property
    def words(self) -> dict[str, str]:
        """For the environment of a process that is given the descriptors."""
        row = {"keeper": os.getpid(), "host": self.host, "port": self.asked, "descriptors": self.descriptors}
        return {HANDED_DOWN: json.dumps(row)}

    def close(self) -> None:
        for one in (self.listener, *self.udp):
            one.close()


def open_sockets(host: str, port: int, urgent: Sequence[bytes] = ()) -> Sockets:
    """Those that were handed down for this host and port, or new ones. Raises OSError saying which port is taken."""
    return _handed_down(host, port, urgent) or bind(host, port, urgent)


def bind(host: str, port: int, urgent: Sequence[bytes] = ()) -> Sockets:
    """New sockets, for as long as they are open nobody else's. Raises OSError saying which port is taken."""
    listener, ordinary = _bind_both(host, port)
    return Sockets(host, port, listener, (ordinary, *_sort(host, ordinary, urgent)))


def urgent_of(osc: Osc) -> list[bytes]:
    """The addresses of blackout and panic, also those that a show gives them; its knobs need not be known."""
    space = Space({}, ())
    found = set(space.urgent)
    for there, to in osc.aliases.items():
        with contextlib.suppress(SettingsError):  # leads to a knob
            found |= {there} & set(Space({}, (), {there: to}).urgent)
    return in_bytes(found)


def in_bytes(urgent: set[str] | Sequence[str]) -> list[bytes]:
    """Addresses as the kernel looks for them; none that no packet may have."""
    return sorted(address.encode() for address in urgent if len(address) <= ADDRESS_LIMIT_BYTES)


def _handed_down(host: str, port: int, urgent: Sequence[bytes]) -> Sockets | None:
    """What the keeper of this process gave it, once; None where that is not what the show asks for."""
    row = json.loads(os.environ.pop(HANDED_DOWN, "{}"))
    if row.get("keeper") != os.getppid() or (row["host"], row["port"]) != (host, port):
        return None
    listener, *udp = (socket.socket(fileno=number) for number in row["descriptors"])
    for one in (listener, *udp):
        one.set_inheritable(False)
    if len(udp) > 1:
        with contextlib.suppress(OSError):  # then it goes on as the keeper had it
            _steer(udp, urgent)
    return Sockets(host, port, listener, tuple(udp))


def _steer(udp: Sequence[socket.socket], urgent: Sequence[bytes]) -> None:
    """Sort by these addresses from now on. Raises OSError where the kernel has no room for so many."""
    steering.steer(udp[steering.ORDINARY], urgent)
    for kind in (steering.URGENT, steering.SINK, steering.ORDINARY):
        steering.admit(udp[kind], kind, urgent)


def _bind_both(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """TCP first: it is what finds out that another show has this port, as UDP sockets share theirs."""
    for left in reversed(range(_TRIES)):
        listener = socket.socket(_family(host), socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(64)
            listener.setblocking(False)
            return listener, _udp(host, listener.getsockname()[1])
        except OSError as error:
            listener.close()
            if port or not left:
                raise OSError(
                    error.errno,
                    f"cannot listen on {host} port {port}: {error.strerror}; is another show running? --osc-port N",
                ) from error
    raise AssertionError("the last try returns or raises")


def _sort(host: str, ordinary: socket.socket, urgent: Sequence[bytes]) -> list[socket.socket]:
    """Two further sockets on the same port, where the kernel sorts what comes; none where it does not."""
    further: list[socket.socket] = []
    try:
        steering.steer(ordinary, urgent)
        for kind in (steering.URGENT, steering.SINK):
            further.append(_udp(host, ordinary.getsockname()[1], kind, urgent))
        steering.admit(ordinary, steering.ORDINARY, urgent)
    except OSError:
        for udp in further:
            udp.close()
        return []
    return further


def _udp(host: str, port: int, kind: int = steering.ORDINARY, urgent: Sequence[bytes] = ()) -> socket.socket:
    udp = socket.socket(_family(host), socket.SOCK_DGRAM)
    try:
        if hasattr(socket, "SO_REUSEPORT"):
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        widen(udp)
        if kind != steering.ORDINARY:
            steering.admit(udp, kind, urgent)
        udp.bind((host, port))
        udp.setblocking(False)
    except OSError:
        udp.close()
        raise
    return udp


def widen(udp: socket.socket) -> None:
    """As much room as the system gives (the force needs rights that a show seldom has), and a stamp on each packet."""
    if sys.platform.startswith("linux"):
        udp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    for option in (_SO_RCVBUFFORCE, socket.SO_RCVBUF):
        with contextlib.suppress(OSError):
            udp.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
            return


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
