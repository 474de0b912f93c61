"""Messages of one port in; what was turned or pressed, and how far, out: pairs of 14 bits and NRPN put together.

A source is written as in a show file: "cc 1/7" (channel 1 to 16, controller 0 to 127), "cc14 1/7" (with 39, its finer
half), "nrpn 1/1234", "note 1/60", "bend 1", "pressure 1", "program 1".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from installation.control.midi.parser import Message

FINER = 32  # controller n + 32 is the finer half of n
DATA, DATA_FINE = 6, 38
NRPN_FINE, NRPN, RPN = 98, 99, 101
MOST_PAIRS = 4096  # whose coarse half is known; there are 262,144 NRPN
NOTHING = 127  # as both halves of a parameter's number: none is chosen
TOPS = {"cc": 127, "cc14": 16383, "nrpn": 16383, "note": 127, "bend": 16383, "pressure": 127, "program": 128}
MOST = {"cc": 127, "cc14": FINER - 1, "nrpn": 16383, "note": 127, "program": 128}
"""The greatest number behind the channel, of those that have one; programs count from 1, as displays do."""
_SOURCE = re.compile(r"([a-z]+(?:14)?) (\d{1,2})(?:/(\d{1,5}))?")


class Source(NamedTuple):
    """kind, channel 0..15 as on the wire, and number (-1 for none)."""

    kind: str
    channel: int
    number: int = -1

    def __str__(self) -> str:
        return f"{self.kind} {self.channel + 1}" + (f"/{self.number}" if self.number >= 0 else "")


class Turn(NamedTuple):
    """Where a source is now: value 0..top of its kind; a note's 0 is its release."""

    source: Source
    value: int

    @property
    def share(self) -> float:
        """0..1 of the way."""
        return self.value / TOPS[self.source.kind]


def source_of(text: str) -> Source:
    """A source by its name in a show file. Raises ValueError, saying what was expected."""
    found = _SOURCE.fullmatch(text.strip())
    kind, channel, number = found.groups() if found else ("", "0", None)
    if kind not in TOPS or not 1 <= int(channel) <= 16:
        raise ValueError('expected a source such as "cc 1/7", "cc14 1/7", "nrpn 1/99", "note 1/60", "bend 1"')
    if number is None and kind in MOST and kind != "program":
        raise ValueError(f'expected a number behind the channel, such as "{kind} {channel}/7"')
    least = 1 if kind == "program" else 0
    if number is not None and not least <= int(number) <= MOST.get(kind, -1):
        raise ValueError(f"{kind}: expected {least} to {MOST[kind]}" if kind in MOST else f"{kind} has no number")
    return Source(kind, int(channel) - 1, -1 if number is None else int(number))


class Controllers:
    """Where every controller of one port stands; is_mapped says whether a show leads a source somewhere."""

    def __init__(self, is_mapped: Callable[[Source], bool]) -> None:
        self._is_mapped = is_mapped
        self._coarse: dict[Source, int] = {}  # of pairs, and of data
        self._chosen: dict[int, list[int]] = {}  # channel -> halves of the NRPN's number

    def take(self, message: Message) -> Turn | None:
        """What a message turns; None for what turns nothing by itself, and for other kinds."""
        kind, channel = message.status & 0xF0, message.status & 0x0F
        if kind == 0xB0:
            return self._control(channel, message.one, message.two)
        if kind in (0x80, 0x90):
            return Turn(Source("note", channel, message.one), message.two if kind == 0x90 else 0)
        if kind == 0xE0:
            return Turn(Source("bend", channel), message.two << 7 | message.one)
        if kind == 0xD0:
            return Turn(Source("pressure", channel), message.one)
        if kind == 0xC0:
            one = Source("program", channel, message.one + 1)
            return Turn(one if self._is_mapped(one) else Source("program", channel), message.one + 1)
        return None

    def _control(self, channel: int, number: int, value: int) -> Turn | None:
        plain = Source("cc", channel, number)
        if self._is_mapped(plain):
            return Turn(plain, value)
        if NRPN_FINE <= number <= RPN:
            halves = self._chosen.setdefault(channel, [NOTHING, NOTHING])
            halves[number in (NRPN, RPN)] = value if number in (NRPN_FINE, NRPN) else NOTHING
            return None
        if number in (DATA, DATA_FINE) and NOTHING not in (halves := self._chosen.get(channel, [NOTHING])):
            return self._pair(Source("nrpn", channel, halves[1] << 7 | halves[0]), number == DATA, value)
        pair = Source("cc14", channel, number % FINER)
        if number < 2 * FINER and self._is_mapped(pair):
            return self._pair(pair, number < FINER, value)
        return Turn(plain, value)

    def _pair(self, source: Source, coarse: bool, value: int) -> Turn:
        """A coarse half sets the finer one to 0, as the standard says."""
        if coarse:
            if len(self._coarse) >= MOST_PAIRS:
                self._coarse.clear()
            self._coarse[source] = value
        return Turn(source, self._coarse.get(source, 0) << 7 | (0 if coarse else value))


def wire(source: Source, value: int) -> list[bytes]:
    """The messages that set a source's motor, ring or lamp to a value 0..top; none for what cannot be set."""
    kind, channel, number = source
    coarse, fine, control = value >> 7, value & 0x7F, 0xB0 | channel
    if kind == "cc":
        return [bytes((control, number, value))]
    if kind == "cc14":
        return [bytes((control, number, coarse)), bytes((control, number + FINER, fine))]
    if kind == "nrpn":
        rows = ((NRPN, number >> 7), (NRPN_FINE, number & 0x7F), (DATA, coarse), (DATA_FINE, fine))
        return [bytes((control, *row)) for row in rows]
    if kind == "note":
        return [bytes((0x90 | channel, number, value))]
    return [bytes((0xE0 | channel, fine, coarse))] if kind == "bend" else []
