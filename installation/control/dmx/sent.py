"""What both protocols say: one source's levels of one universe, at one instant."""

from __future__ import annotations

from dataclasses import dataclass

SLOTS = 512  # of a universe


@dataclass(frozen=True, slots=True)
class Sent:
    """One packet of levels, whole and within bounds.

    source tells senders apart and name is what people call it; priority 0..200, the higher counts; sequence 0..255,
    None where the sender does not count; levels [0 to 512 bytes, from address 1 on]. preview: not meant for light;
    terminated: the sender stops, and its levels say nothing.
    """

    protocol: str  # sacn | artnet
    source: bytes
    name: str
    universe: int
    priority: int
    sequence: int | None
    start_code: int
    preview: bool
    terminated: bool
    levels: bytes


def words_of(raw: bytes) -> str:
    """Text as devices send it: up to its first zero, what is no UTF-8 or does not print replaced."""
    text = raw.partition(b"\0")[0].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
