"""Every message that a desk sent in, the last hundred of each protocol out: who sent what, and why one was refused."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

KEPT = 100  # of one protocol
LONGEST = 80  # letters of what is told of one value or address


@dataclass(frozen=True, slots=True)
class Message:
    """time_s is the wall clock's. source is an address or a channel, as its protocol calls it; refused is the kind.

    spare: nothing is led from this source to a knob yet, so that one may learn it.
    """

    number: int
    time_s: float
    protocol: str
    sender: str
    source: object
    values: Sequence[object] = ()
    refused: str = ""
    spare: bool = False

    def told(self) -> list[object]:
        """As a page shows it: number, time, sender, what, value, why it was refused."""
        value = ", ".join(_short(one) for one in self.values)
        return [self.number, round(self.time_s, 1), self.sender, str(self.source)[:LONGEST], value, self.refused]


class Heard:
    """What several threads note, and one looks at. A note costs no more in a flood: its words are made when asked."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._rows: dict[str, deque[Message]] = {}
        self.newest = 0

    def note(
        self,
        protocol: str,
        sender: str,
        source: object,
        values: Sequence[object] = (),
        refused: str = "",
        spare: bool = False,
    ) -> None:
        """One message came; what it takes the place of is forgotten."""
        row = self._rows.get(protocol)
        if row is None:
            row = self._rows.setdefault(protocol, deque(maxlen=KEPT))
        number = next(self._numbers)
        row.append(Message(number, time.time(), protocol, sender, source, values, refused, spare))
        self.newest = number

    def since(self, number: int) -> list[Message]:
        """What came after that number and is still known, in order."""
        return sorted((m for row in self._all() for m in row if m.number > number), key=lambda m: m.number)

    def last(self) -> dict[str, list[list[object]]]:
        """The last of every protocol, the newest first, as plain values."""
        return {row[-1].protocol: [message.told() for message in reversed(row)] for row in self._all() if row}

    def _all(self) -> Iterator[list[Message]]:
        for row in list(self._rows.values()):
            for _ in range(8):  # others may be writing
                try:
                    yield list(row)
                    break
                except RuntimeError:
                    continue


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text[: LONGEST // 2]
