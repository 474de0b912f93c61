"""Networks in; from then on the kernel lets this process's own TCP sockets hear from nobody else. Linux only.

For libraries that listen on every address and cannot be told otherwise. A socket filter on a socket that listens drops
what comes from elsewhere, and every connection that it accepts has it too.
"""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import os
import socket
import struct
from collections.abc import Sequence

SO_ATTACH_FILTER = 26
LOAD, AND, JUMP_IF_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06  # of classic BPF, see linux/filter.h
NETWORK_HEADER, SOURCE = 0xFFF00000, 12  # SKF_NET_OFF; where IPv4 says from whom a packet is
WHOLE_PACKET = 0xFFFFFFFF
Network = ipaddress.IPv4Network


def read_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """IPv4 networks in CIDR, single addresses among them. Raises ValueError."""
    return tuple(Network(text, strict=False) for text in texts)


def close_in(networks: Sequence[Network]) -> None:
    """Let only these reach the IPv4 TCP sockets that this process has open now. Raises OSError where that fails."""
    program = filter_for(networks)
    room = ctypes.create_string_buffer(program)
    asked = struct.pack("HP", len(program) // 8, ctypes.addressof(room))
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one that listed them
            if os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):
                _ask(int(descriptor), asked)


def _ask(descriptor: int, asked: bytes) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as one:
        if one.family == socket.AF_INET and one.type == socket.SOCK_STREAM:
            one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, asked)


def filter_for(networks: Sequence[Network]) -> bytes:
    """The filter as instructions of 8 bytes: the whole packet when its source lies in a network, else nothing of it."""
    steps = []
    for network in networks:
        steps.append((LOAD, 0, 0, NETWORK_HEADER + SOURCE))
        steps.append((AND, 0, 0, int(network.netmask)))
        steps.append((JUMP_IF_EQUAL, 0, 1, int(network.network_address)))
        steps.append((RETURN, 0, 0, WHOLE_PACKET))
    steps.append((RETURN, 0, 0, 0))
    return b"".join(struct.pack("HBBI", *step) for step in steps)
