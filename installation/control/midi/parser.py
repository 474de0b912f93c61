"""Bytes of MIDI 1.0 in; whole messages, or why there is none, out.

A stream may be cut anywhere: status bytes run on, real-time bytes come between any two others, and a system exclusive
message may be of any length, of which only so much is kept as anything here reads.
"""

from __future__ import annotations

from typing import NamedTuple

SYSEX_LIMIT = 64  # bytes that are kept of one; a longer one is passed over
LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
COMMON = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}
REAL_TIME = frozenset({0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF})
BEGIN, END = 0xF0, 0xF7


class Message(NamedTuple):
    """One message: its status byte and up to two values 0..127; body is that of a system exclusive one."""

    status: int
    one: int = 0
    two: int = 0
    body: bytes = b""


class Parser:
    """One port's stream. Refusals are words: stray byte, cut short, undefined, unfinished sysex, long sysex."""

    def __init__(self) -> None:
        self._status = self._need = 0  # of the message in hand; a channel's status runs on
        self._got: list[int] = []
        self._sysex: bytearray | None = None
        self._strays = False

    def feed(self, raw: bytes) -> list[Message | str]:
        """What these bytes complete, in order. At most one message or two refusals a byte; never raises."""
        said: list[Message | str] = []
        for byte in raw:
            if byte >= 0xF8:
                said.append(Message(byte) if byte in REAL_TIME else "undefined")
            elif byte >= 0x80:
                self._begin(byte, said)
            elif self._sysex is not None:
                if len(self._sysex) <= SYSEX_LIMIT:
                    self._sysex.append(byte)
            elif self._status:
                self._got.append(byte)
                if len(self._got) == self._need:
                    self._end(said)
            elif not self._strays:  # of a run of them, one is told
                self._strays = True
                said.append("stray byte")
        return said

    def _begin(self, byte: int, said: list[Message | str]) -> None:
        body, self._sysex, self._strays = self._sysex, None, False
        if body is not None and byte == END:
            said.append(Message(BEGIN, body=bytes(body)) if len(body) <= SYSEX_LIMIT else "long sysex")
            return
        if body is not None:
            said.append("unfinished sysex")
        elif self._got:
            said.append("cut short")
        elif byte == END:
            said.append("stray byte")
        self._status, self._need, self._got = 0, 0, []
        if byte == BEGIN:
            self._sysex = bytearray()
        elif byte < BEGIN:
            self._status, self._need = byte, LENGTHS[byte & 0xF0]
        elif byte in COMMON:
            self._status, self._need = byte, COMMON[byte]
            if not self._need:
                self._end(said)
        elif byte != END:
            said.append("undefined")

    def _end(self, said: list[Message | str]) -> None:
        one, two = (*self._got, 0, 0)[:2]
        said.append(Message(self._status, one, two))
        self._got = []
        if self._status >= BEGIN:
            self._status = 0
