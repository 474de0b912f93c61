"""Bytes of a packet in; whether it is ours, dark or neither, out; and the same question as a program for the kernel.

A large rig sends a hundred universes to everybody, and a machine gone wild sends anything at all: what is not for this
universe is thrown away by the kernel (Linux: classic BPF), but for one in SAMPLE, so that it can be named. What asks
for black, closed shutter or dimmer at zero, gets a socket of its own, which no flood can fill.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

from installation.control import steering
from installation.control.dmx import artnet, sacn
from installation.control.dmx.personality import CLOSED_BELOW
from installation.control.steering import ALL, AND, IF_AT_LEAST, IF_EQUAL, LOAD_BYTE, LOAD_SIZE, RETURN, Line

OURS, DARK, OTHER = 0, 1, 2
SAMPLE = 32
_LOAD_HALF, _LOAD_WORD = 0x28, 0x20  # from the start of the packet
_RANDOM = 0xFFFF_F038  # SKF_AD_OFF + SKF_AD_RANDOM: a word of chance
_HALF_BYTES = 2
_SHUTTER = 2  # behind the dimmer's two channels
Program = list[tuple[str, Line]]


class Sieve(NamedTuple):
    """What of a protocol's packets is for one universe and address; `is_` are pairs of where and what, as 16 bits."""

    head: bytes
    least: int  # bytes of a packet with levels
    universe: tuple[int, int]
    levels_at: int
    address: int
    asks: tuple[int, int] | None = None  # what else is for us: the questions of Art-Net
    lit: tuple[int, int, int] | None = None  # bits that have to be 0 where levels are meant as light: at, mask, code at

    def kind(self, raw: bytes) -> int:
        """OURS, DARK or OTHER; what is ours may still be refused."""
        if not raw.startswith(self.head) or len(raw) < len(self.head) + _HALF_BYTES:
            return OTHER
        if self.asks and _half(raw, self.asks[0]) == self.asks[1]:
            return OURS
        if len(raw) < self.least or _half(raw, self.universe[0]) != self.universe[1]:
            return OTHER
        if self.lit and (raw[self.lit[0]] & self.lit[1] or raw[self.lit[2]]):
            return OURS
        dimmer = self.levels_at + self.address - 1
        if len(raw) <= dimmer + _SHUTTER:
            return OURS
        return DARK if raw[dimmer + _SHUTTER] < CLOSED_BELOW or _half(raw, dimmer) == 0 else OURS

    def program(self, start: int, ours: int, dark: int, other: Program) -> Program:
        """The same for the kernel, where the packet begins at `start`; other is what is done with the rest."""
        dimmer = start + self.levels_at + self.address - 1
        lines: Program = [
            ("", (LOAD_SIZE, 0, "", "")),
            ("", (IF_AT_LEAST, start + len(self.head) + _HALF_BYTES, "", "other")),
        ]
        for at in range(0, len(self.head), 4):
            lines += _if(_LOAD_WORD, start + at, int.from_bytes(self.head[at : at + 4], "big"), "", "other")
        if self.asks:
            lines += _if(_LOAD_HALF, start + self.asks[0], self.asks[1], "ours", "")
        lines += [("", (LOAD_SIZE, 0, "", "")), ("", (IF_AT_LEAST, start + self.least, "", "other"))]
        lines += _if(_LOAD_HALF, start + self.universe[0], self.universe[1], "", "other")
        if self.lit:
            at, mask, code_at = self.lit
            lines += [("", (LOAD_BYTE, start + at, "", "")), ("", (AND, mask, "", "")), ("", (IF_EQUAL, 0, "", "ours"))]
            lines += _if(LOAD_BYTE, start + code_at, 0, "", "ours")
        return [
            *lines,
            ("", (LOAD_SIZE, 0, "", "")),
            ("", (IF_AT_LEAST, dimmer + _SHUTTER + 1, "", "ours")),
            ("", (LOAD_BYTE, dimmer + _SHUTTER, "", "")),
            ("", (IF_AT_LEAST, CLOSED_BELOW, "", "dark")),
            *_if(_LOAD_HALF, dimmer, 0, "dark", "ours"),
            ("ours", (RETURN, ours, "", "")),
            ("dark", (RETURN, dark, "", "")),
            *other,
        ]


def of_sacn(universe: int, address: int) -> Sieve:
    """E1.31: the universe at 113; neither preview nor terminated (112), start code 0 (125)."""
    at = sacn.LEVELS_AT
    return Sieve(sacn.HEAD, at, (113, universe), at, address, lit=(112, sacn.PREVIEW | sacn.TERMINATED, at - 1))


def of_artnet(port_address: int, address: int) -> Sieve:
    """Art-Net: the Port-Address at 14, its low byte first; ArtPoll at 8."""
    swapped = (port_address & 255) << 8 | port_address >> 8
    return Sieve(artnet.HEAD, artnet.LEVELS_AT, (14, swapped), artnet.LEVELS_AT, address, asks=(8, artnet.POLL >> 8))


def sort(first: socket.socket, sieve: Sieve) -> None:
    """Let the kernel choose between `first` and a socket bound after it. Raises OSError where it cannot."""
    other: Program = [("other", (RETURN, OURS, "", ""))]
    steering.attach(first, steering.SO_ATTACH_REUSEPORT_CBPF, sieve.program(0, OURS, DARK, other))


def admit(udp: socket.socket, sieve: Sieve, kind: int) -> None:
    """Let the kernel drop what is not for this socket: also broadcasts, which come to both. Raises OSError."""
    sample: Program = [
        ("other", (_LOAD_WORD, _RANDOM, "", "")),
        ("", (AND, SAMPLE - 1, "", "")),
        ("", (IF_EQUAL, 0, "", "none")),
        ("", (RETURN, ALL, "", "")),
        ("none", (RETURN, 0, "", "")),
    ]
    other = sample if kind == OURS else [("other", (RETURN, 0, "", ""))]
    verdicts = (ALL, 0) if kind == OURS else (0, ALL)
    steering.attach(udp, steering.SO_ATTACH_FILTER, sieve.program(steering.UDP_HEADER_BYTES, *verdicts, other))


def _half(raw: bytes, at: int) -> int:
    return raw[at] << 8 | raw[at + 1]


def _if(load: int, at: int, value: int, equal: str, other: str) -> Program:
    return [("", (load, at, "", "")), ("", (IF_EQUAL, value, equal, other))]
