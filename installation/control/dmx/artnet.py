"""Bytes of a UDP packet in; the levels or the question that Art-Net 4 carries, or why there are none, out; answers too.

"Art-Net(TM) Designed by and Copyright Artistic Licence". Its packets are read and written here by our own code; every
length is held against the packet before anything is taken from it. Nothing is raised.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from installation import __version__
from installation.control.dmx.sent import SLOTS, Sent

PORT = 0x1936
LOWEST, HIGHEST = 0, 32_767  # Port-Address: 7 bits of net, 4 of sub-net, 4 of universe
LOSS_S = 10.0  # Art-Net: a console may send what does not change every 4 s only
HEAD = b"Art-Net\0"
POLL, _REPLY, _DMX = 0x2000, 0x2100, 0x5000
_OLDEST_PROTOCOL = 14
LEVELS_AT, _POLL_BYTES, _TARGET_BYTES = 18, 14, 18
_TARGETED = 0x20
_OUTPUT, _LIVE, _WIDE_ADDRESS, _MEDIA_SERVER, _OEM_UNKNOWN = 0x80, 0x80, 0x08, 2, 0x00FF
_ANSWER = struct.Struct("<8sH4sH 2sBB 2sBBH 18s64s64s 2s4s4s4s4s4s 3B3xB6s4sBB26x")


class Poll(NamedTuple):
    """A console asks who is there: those whose Port-Address lies within the range are meant."""

    lowest: int = LOWEST
    highest: int = HIGHEST


def decode(packet: bytes, host: str, priority: int = 100) -> Sent | Poll | str | None:
    """What a host sent; None where it is whole and for others; else the kind of refusal: what is wrong with it.

    Art-Net knows no priority: its sources get the one given here, to be held against sACN's.
    """
    if len(packet) < 10 or not packet.startswith(HEAD):
        return "no Art-Net"
    code = packet[8] | packet[9] << 8
    if code not in (POLL, _DMX):
        return None  # others' answers, synchronisation (we show what comes when it comes), timecode, addresses
    if len(packet) < _POLL_BYTES:
        return "cut short"
    if packet[10] << 8 | packet[11] < _OLDEST_PROTOCOL:
        return "unknown version"
    if code == POLL:
        return _poll(packet)
    if len(packet) < LEVELS_AT:
        return "cut short"
    universe, count = packet[14] | packet[15] << 8, packet[16] << 8 | packet[17]
    if not 1 <= count <= SLOTS:
        return "wrong length"
    if LEVELS_AT + count > len(packet):
        return "cut short"
    if universe > HIGHEST:
        return "no such universe"
    return Sent(
        protocol="artnet",
        source=host.encode("ascii", "replace"),
        name=host,
        universe=universe,
        priority=priority,
        sequence=packet[12] or None,
        start_code=0,
        preview=False,
        terminated=False,
        levels=packet[LEVELS_AT : LEVELS_AT + count],
    )


def _poll(packet: bytes) -> Poll:
    if not packet[12] & _TARGETED or len(packet) < _TARGET_BYTES:
        return Poll()
    highest, lowest = struct.unpack_from(">HH", packet, 14)
    return Poll(lowest, highest)


def answer(address: str, universe: int, name: str, report: str, live: bool) -> bytes:
    """An ArtPollReply: one output at this Port-Address, with the show's name and how it is; address is our own."""
    major, minor = (int(part) for part in __version__.split(".")[:2])
    short, long = (text.encode("ascii", "replace") for text in (name, f"installation {__version__}: {name}"))
    return _ANSWER.pack(
        *(HEAD, _REPLY, socket.inet_aton(address), PORT),
        *(bytes((major, minor)), universe >> 8, universe >> 4 & 15),
        *(_OEM_UNKNOWN.to_bytes(2, "big"), 0, 0, 0),
        *(short[:17], long[:63], report.encode("ascii", "replace")[:63]),
        *(b"\0\1", bytes((_OUTPUT,)), b"", bytes((_LIVE * live,)), b"", bytes((universe & 15,))),  # of four ports one
        *(0, 0, 0, _MEDIA_SERVER, b"", socket.inet_aton(address), 1, _WIDE_ADDRESS),
    )
