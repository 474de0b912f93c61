"""What MIDI controllers say in, commands for the next frame out; what is set goes back to their motors and lamps.

A process of its own has the ports open; here its messages are taken once a frame. Ports may come and go.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from installation.control.feedback import quiet
from installation.control.heard import Heard
from installation.control.midi.controllers import Controllers, Source, Turn, wire
from installation.control.midi.mapping import Line, Table
from installation.control.midi.parser import Message, Parser
from installation.control.midi.ports import Ports
from installation.control.midi.turning import Hands
from installation.control.refusals import Refusals
from installation.control.wishes import Wishes
from installation.settings import Cue
from installation.settings import Midi as Settings
from installation.signals import Command, Knob, Levels

MOST_PER_FRAME = 24  # messages to a motor or lamp: a MIDI line carries about 1000 a second
UNMAPPED, OWN_STATUS = "not mapped", 0xF0
log = quiet(logging.getLogger("installation.control.midi"))


class Wire(Protocol):
    """The ports: see Ports."""

    @property
    def faults(self) -> Counter[str]: ...
    @property
    def opened(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def names(self) -> dict[str, list[str]]: ...
    def start(self) -> None: ...
    def read(self) -> Iterator[tuple[float, int, bytes]]: ...
    def send(self, message: bytes) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class Midi:
    """The controllers' way into the show: bind(), start(), then poll(), follow() and tell() once a frame, close().

    table is what leads a source to a knob; heard notes every message, also those that lead nowhere yet.
    faults counts what was refused: stray byte, cut short, undefined, unfinished sysex, long sysex, overrun, too many
    triggers; and MIDI, a driver that was lost. Raises SettingsError, naming the line of the map that is to mend.
    """

    def __init__(
        self,
        asked: Settings,
        knobs: Mapping[str, Knob],
        cues: Sequence[Cue],
        heard: Heard | None = None,
        ports: Wire | None = None,
    ) -> None:
        self.asked, self.heard = asked, heard or Heard()
        self.table = Table(asked.map, knobs, cues, asked.pickup)
        self._refused: Counter[str] = Counter()
        self.refuse = Refusals(self._refused, protocol="MIDI", heard=self.heard)
        self._ports = ports or Ports(asked.port, asked.output if asked.feedback else None, log)
        self._wishes = Wishes(self.refuse)
        self._hands = Hands()
        self._streams: dict[int, tuple[Parser, Controllers]] = {}
        self._opened = self._told = 0
        self._levels: Levels | None = None
        self._lines: Mapping[Source, Line] = {}
        self._is_due = True  # whether a motor or lamp may show something else than is set
        self._names: list[str] = []

    @property
    def faults(self) -> Counter[str]:
        return self._refused + self._ports.faults

    def bind(self) -> None:
        """Nothing has to be had before the show: a controller may be plugged in at any time."""

    def start(self) -> None:
        """Look for ports, and listen."""
        self._ports.start()

    def poll(self, now_s: float) -> list[Command]:
        """What people turned and pressed since the last time: the newest value of each knob, every press."""
        if self._opened != self._ports.opened:
            self._meet()
        refused: Counter[tuple[str, int]] = Counter()  # noise costs a line a frame, not one a byte
        for came_s, port, raw in self._ports.read():
            parser, controllers = self._stream(port)
            for said in parser.feed(raw):
                if isinstance(said, str):
                    refused[said, port] += 1
                elif said.status < OWN_STATUS:
                    self._take(controllers, said, port, came_s)
        for (kind, port), count in refused.items():
            self.refuse(kind, self._name(port), count=count)
        return self._wishes.take()

    def follow(self, levels: Levels, now_s: float) -> None:
        """Tell motors and lamps what is set, where it differs from what they show; the rest in the next frames."""
        if levels is self._levels and self.table.lines is self._lines and not self._is_due:
            return  # they show it already
        self._levels, self._lines = levels, self.table.lines
        self._hands.follow(levels)
        if not (self.asked.feedback and self._ports.outputs):
            return
        self._is_due, room = False, MOST_PER_FRAME
        lines = list(self._lines.values())
        for i in range(len(lines)):
            line = lines[(self._told + i) % len(lines)]
            value = self._hands.shows(line)
            for message in () if value is None else wire(line.source, value):
                self._ports.send(message)
                room -= 1
            if room <= 0:
                self._told, self._is_due = (self._told + i + 1) % len(lines), True  # each has its turn
                break
        self._ports.flush()

    def tell(self, values: Mapping[str, Any], now_s: float = 0.0) -> None:
        """A controller has nowhere to show more than what is set."""

    def close(self) -> None:
        """Let go of the ports."""
        self._ports.close()

    def _take(self, controllers: Controllers, message: Message, port: int, came_s: float) -> None:
        turn = controllers.take(message)
        if turn is None:
            return
        line, sender = self._line(turn.source), self._name(port)
        if line is None:
            is_fader = turn.source.kind not in ("program", "note") or (turn.source.kind == "note" and turn.value > 0)
            self._note(turn, sender, UNMAPPED, is_fader)
            return
        self._is_due = True
        wish = self._hands.wish(line, turn, f"midi {sender}")
        self._note(turn, sender, wish if isinstance(wish, str) else "")
        if isinstance(wish, tuple):
            pressed, command = wish
            self._wishes.add(command, pressed, came_s)

    def _note(self, turn: Turn, sender: str, refused: str, spare: bool = False) -> None:
        self.heard.note("MIDI", sender, turn.source, (turn.share,), refused, spare)

    def _line(self, source: Source) -> Line | None:
        return self.table.lines.get(source)

    def _stream(self, port: int) -> tuple[Parser, Controllers]:
        found = self._streams.get(port)
        if found is None:
            found = self._streams[port] = Parser(), Controllers(lambda source: source in self.table.lines)
        return found

    def _name(self, port: int) -> str:
        return (self._names[port : port + 1] or [""])[0]

    def _meet(self) -> None:
        """A port was opened: what was half said is over, and what is there now is to be told everything."""
        names = self._ports.names
        self._opened, self._names = self._ports.opened, names.get("in", [])
        self._streams.clear()
        self._hands.forget_shown()
        self._is_due = True
        told = ", ".join(names.get("out", [])) or "none"
        log.info("MIDI: heard: %s; told what is set: %s", ", ".join(filter(None, self._names)) or "none", told)
