"""Parts of names in, whatever the MIDI ports of these names say out through a ring: the process that has them open.

Ports are looked for every two seconds; what is plugged in is opened, what is pulled out is closed. What the show wants
said comes through another ring; a byte down the pipe tells that there is something.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from installation.children import enter
from installation.control.midi.ports import INPUTS, LONG, OPENED, OUTPUTS, Plan

LOOK_EVERY_S = 2.0
CLOCK = b"\xf8"  # 24 a beat, and nobody here counts them
OURS = "installation show"  # what our end is called; we do not listen to ourselves
ECHOES = ("Midi Through",)  # ALSA's: what goes in there comes back


class MidiError(RuntimeError):
    """MIDI cannot be had; the text says what to do."""


def load() -> Any:
    """The rtmidi module. Raises MidiError where it is not installed."""
    try:
        import rtmidi
    except ImportError:
        raise MidiError("python-rtmidi is not installed; pip install 'installation[midi]'") from None
    return rtmidi


def ends(rtmidi: Any, kind: str) -> Iterator[Any]:
    """A fresh MidiIn or MidiOut for each of the system's ways to MIDI that works now (ALSA, JACK, ...)."""
    for way in rtmidi.get_compiled_api():
        with contextlib.suppress(Exception):  # no sequencer in this kernel, no JACK server now
            yield getattr(rtmidi, kind)(way, name=OURS)


def matching(names: Sequence[str], part: str) -> list[str]:
    """Those that are meant by a part of a name, whatever the case; for "" all, but our own and what only echoes."""
    if part:
        return [name for name in names if part.lower() in name.lower() and not name.startswith(OURS)]
    return [name for name in names if not name.startswith((OURS, *ECHOES))]


class Side:
    """All inputs or all outputs that are meant: looked for again and again, each opened by a client of its own."""

    def __init__(self, rtmidi: Any, kind: str, part: str) -> None:
        self._rtmidi, self._kind, self._part = rtmidi, kind, part
        self.open: dict[str, Any] = {}
        self.there: list[str] = []
        self._looking: list[Any] = []

    def look(self) -> list[tuple[str, Any]]:
        """Close what is gone, open what is new; the new ones."""
        there: dict[str, Any] = {}
        for looking in self._lookers():
            with contextlib.suppress(Exception):
                there |= dict.fromkeys(looking.get_ports(), looking)
        self.there = [name for name in there if not name.startswith(OURS)]
        meant = matching(list(there), self._part)
        for name in [name for name in self.open if name not in meant]:
            self._drop(name)
        return [(name, end) for name in meant if name not in self.open and (end := self._open(name, there[name]))]

    def _drop(self, name: str) -> None:
        with contextlib.suppress(Exception):
            end = self.open.pop(name)
            end.close_port()
            end.delete()

    def _lookers(self) -> list[Any]:
        """A client of each way, kept while it answers: a server that is started later is found later."""
        for looking in self._looking:
            with contextlib.suppress(Exception):
                looking.delete()
        self._looking = list(ends(self._rtmidi, self._kind))
        return self._looking

    def _open(self, name: str, looking: Any) -> Any:
        with contextlib.suppress(Exception):
            end = getattr(self._rtmidi, self._kind)(looking.get_current_api(), name=OURS)
            end.open_port(end.get_ports().index(name), "in" if self._kind == "MidiIn" else "out")
            self.open[name] = end
            return end
        return None


class Opened:
    """Everything that is open, and the rings."""

    def __init__(self, rtmidi: Any, plan: Plan, port: str, output: str | None) -> None:
        self._plan, self._counts = plan, plan.memory.counts
        self._inputs = Side(rtmidi, "MidiIn", port)
        self._outputs = None if output is None else Side(rtmidi, "MidiOut", output or port)
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()

    def look(self) -> None:
        """Open what came, close what went, and say so before any of it is heard."""
        new = self._inputs.look()
        told = self._outputs.look() if self._outputs is not None else []
        for name, _ in new:
            self._numbers.setdefault(name, len(self._numbers))
        outputs = list(self._outputs.open) if self._outputs else []
        numbered = [name if name in self._inputs.open else "" for name in self._numbers]
        self._plan.names.write({"in": numbered, "out": outputs, "there": self._inputs.there})
        self._counts[INPUTS], self._counts[OUTPUTS] = len(self._inputs.open), len(outputs)
        self._counts[OPENED] += len(new) + len(told)
        for name, end in new:
            number = self._numbers[name]
            end.ignore_types(sysex=False, timing=False, active_sense=True)
            end.set_callback(lambda event, _=None, number=number: self._take(bytes(event[0]), number))

    def _take(self, message: bytes, number: int) -> None:
        if message[:1] == CLOCK:
            return
        with self._lock:  # each port has a thread of its own
            if not self._plan.heard.write(message, number, time.monotonic()):
                self._counts[LONG] += 1

    def say(self) -> None:
        """What the show wants said, to every output."""
        for _, _, message in self._plan.told.read():
            for end in list(self._outputs.open.values() if self._outputs else ()):
                with contextlib.suppress(Exception):  # pulled out a moment ago
                    end.send_message(message)


def main() -> None:
    memory, asked = enter()
    plan = Plan(memory)
    plan.told.skip()
    try:
        opened = Opened(load(), plan, asked["port"], asked["output"])
        looked_s = -LOOK_EVERY_S
        while True:
            if time.monotonic() - looked_s >= LOOK_EVERY_S:
                opened.look()
                looked_s = time.monotonic()
                memory.times[0] = looked_s  # after, not before: whoever hangs in there is known by it
            if select.select([0], [], [], max(0.0, looked_s + LOOK_EVERY_S - time.monotonic()))[0]:
                if not os.read(0, 4096):
                    return
                opened.say()
    except Exception as error:
        memory.say(str(error) or repr(error))
        raise


if __name__ == "__main__":
    main()
