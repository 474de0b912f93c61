"""MIDI ports by a part of their name in; what they say, and a way to tell them something, out: a child has them open.

A driver may hang or crash, and finding out which ports there are takes time: none of it happens in the show's process.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator

from installation.children import Child
from installation.control.midi.ring import Ring
from installation.frames import Words
from installation.memory import Memory

ROWS_IN, ROWS_OUT, NAMES_BYTES = 1 << 14, 1 << 10, 1 << 14
IN, OUT, LONG, OPENED, INPUTS, OUTPUTS = range(6)
"""Places in the memory's counts: messages in and out, messages too long to pass on, how often a port was opened, how
many are open."""
SILENT_S = 6.0  # the child looks for ports every two


class Plan:
    """Where everything lies in the memory that show and child share."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.heard = Ring(memory, IN, 0, ROWS_IN)
        self.told = Ring(memory, OUT, Ring.bytes_of(ROWS_IN), ROWS_OUT)
        self.names = Words(memory, Ring.bytes_of(ROWS_IN) + Ring.bytes_of(ROWS_OUT), NAMES_BYTES)

    @staticmethod
    def bytes_of() -> int:
        return Ring.bytes_of(ROWS_IN) + Ring.bytes_of(ROWS_OUT) + Words.bytes_of(NAMES_BYTES)


class Ports:
    """The show's end: start(), then read() and send() once a frame, close(). Nothing here waits for a device."""

    def __init__(self, port: str, output: str | None, log: logging.Logger) -> None:
        """port and output are parts of names, port "" is every one; output "" is that of port, None tells none."""
        self._memory = Memory(Plan.bytes_of())
        self._plan = Plan(self._memory)
        asked = {"port": port, "output": output}
        self._child = Child(
            "MIDI", "installation.control.midi.ports_child", asked, self._memory, log=log, silent_s=SILENT_S
        )
        self._sent = False

    @property
    def faults(self) -> Counter[str]:
        """The child's troubles as "MIDI", messages lost in a flood as "overrun", others as "long sysex"."""
        more = {"overrun": self._plan.heard.lost, "long sysex": int(self._memory.counts[LONG])}
        return +(self._child.faults + Counter(more))

    @property
    def opened(self) -> int:
        """Changes whenever a port was opened: whoever is there now knows nothing of the show."""
        return int(self._memory.counts[OPENED])

    @property
    def outputs(self) -> int:
        """How many are there to be told something."""
        return int(self._memory.counts[OUTPUTS]) if self._child.alive else 0

    @property
    def names(self) -> dict[str, list[str]]:
        """in: the inputs that are open, by their numbers; out: the outputs; there: every input that there is."""
        return dict(self._plan.names.read() or {})

    def start(self) -> None:
        self._child.start()

    def read(self) -> Iterator[tuple[float, int, bytes]]:
        """What came since the last time: when, at which of the inputs, and its bytes."""
        return self._plan.heard.read()

    def send(self, message: bytes) -> None:
        """Say something to every output, when flush() is called."""
        self._sent |= self._plan.told.write(message, 0, time.monotonic())

    def flush(self) -> None:
        """Let the child send it."""
        if self._sent:
            self._sent = False
            self._child.wake()

    def close(self) -> None:
        self._child.close()
