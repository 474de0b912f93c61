"""Bytes of a UDP packet in; the levels that sACN carries (ANSI E1.31-2018), or why there are none, out.

Every length that the packet gives is held against the packet before anything is taken from it. Nothing is raised.
"""

from __future__ import annotations

import struct

from installation.control.dmx.sent import SLOTS, Sent, words_of

PORT = 5568
LOWEST, HIGHEST = 1, 63_999  # universe
MOST_PRIORITY = 200
LOSS_S = 2.5  # E1.31: a source that was silent for so long is lost
HEAD = b"\x00\x10\x00\x00ASC-E1.17\x00\x00\x00"
_DATA, _EXTENDED = 4, 8  # root vectors: levels; synchronisation and discovery
_LEVELS = 2  # framing vector
_SET_PROPERTY, _BYTES_IN_A_ROW = 0x02, 0xA1
_ROOT = struct.Struct(">16sHI16s")
_FRAME = struct.Struct(">HI64sBHBBH")
_PROPERTIES = struct.Struct(">HBBHHH")
_ROOT_AT, _FRAME_AT, _PROPERTIES_AT, LEVELS_AT = 16, 38, 115, 126
PREVIEW, TERMINATED = 0x80, 0x40


def decode(packet: bytes) -> Sent | str | None:
    """A packet's levels; None where it is whole and for others; else the kind of refusal: what is wrong with it."""
    if len(packet) < _FRAME_AT or not packet.startswith(HEAD):
        return "no sACN"
    _, root, vector, source = _ROOT.unpack_from(packet)
    if not _fits(root, packet, _ROOT_AT):
        return "wrong length"
    if vector == _EXTENDED:
        return None
    if vector != _DATA:
        return "unknown vector"
    if len(packet) < LEVELS_AT:
        return "cut short"
    frame, vector, name, priority, _, sequence, options, universe = _FRAME.unpack_from(packet, _FRAME_AT)
    length, act, kind, first, step, count = _PROPERTIES.unpack_from(packet, _PROPERTIES_AT)
    if vector != _LEVELS or act != _SET_PROPERTY:
        return "unknown vector"
    if (kind, first, step) != (_BYTES_IN_A_ROW, 0, 1) or not 1 <= count <= SLOTS + 1:
        return "unknown addressing"
    end = LEVELS_AT - 1 + count  # the start code is the first property
    if end > len(packet):
        return "cut short"
    layers = ((root, _ROOT_AT), (frame, _FRAME_AT), (length, _PROPERTIES_AT))
    if any(layer != 0x7000 | (end - at) for layer, at in layers):
        return "wrong length"
    if not LOWEST <= universe <= HIGHEST:
        return "no such universe"
    if priority > MOST_PRIORITY:
        return "no such priority"
    return Sent(
        protocol="sacn",
        source=source,
        name=words_of(name),
        universe=universe,
        priority=priority,
        sequence=sequence,
        start_code=packet[LEVELS_AT - 1],
        preview=bool(options & PREVIEW),
        terminated=bool(options & TERMINATED),
        levels=packet[LEVELS_AT:end],
    )


def group_of(universe: int) -> str:
    """The multicast address of a universe."""
    return f"239.255.{universe >> 8}.{universe & 255}"


def _fits(length: int, packet: bytes, at: int) -> bool:
    """Whether a layer that begins at `at` has the flags of one, and ends within the packet."""
    return length >> 12 == 7 and at + (length & 0xFFF) <= len(packet)
