"""What the tests of MIDI share: a cable that is not plugged into anything, and a show to play on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rehearsal import CUES, KNOBS

from installation.control.cues import Board
from installation.control.heard import Heard
from installation.control.midi.listener import Midi
from installation.settings import Midi as Settings
from installation.signals import Command, Knob

ALL = KNOBS | {"effect.cut.press": Knob("effect.cut.press", 0.0, 1.0, 0.0, "a cut", "event")}


class Cable:
    """Stands in for the ports: bytes are put in as a device sends them, and what it would be told is kept."""

    def __init__(self, outputs: int = 1) -> None:
        self.faults: Counter[str] = Counter()
        self.opened, self.outputs = 1, outputs
        self.names = {"in": ["desk", "other"], "out": ["desk"]}
        self.waiting: list[tuple[float, int, bytes]] = []
        self.told: list[bytes] = []
        self._time_s = 0.0

    def put(self, *raw: int, port: int = 0) -> None:
        self._time_s += 0.001
        self.waiting.append((self._time_s, port, bytes(raw)))

    def start(self) -> None:
        pass

    def read(self) -> Iterator[tuple[float, int, bytes]]:
        waiting, self.waiting = self.waiting, []
        yield from waiting

    def send(self, message: bytes) -> None:
        self.told.append(message)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class Stage:
    """A listener, its cable and a board, stepped frame by frame as the show does."""

    def __init__(self, outputs: int = 1, pickup: bool = False, **lines: object) -> None:
        self.cable, self.notes = Cable(outputs), Heard()
        told = {name.replace("_", " ", 1).replace("_", "/"): to for name, to in lines.items()}
        self.midi = Midi(Settings(pickup=pickup, map=told), ALL, CUES, self.notes, self.cable)
        self.board = Board(ALL, CUES)
        self.now_s = 0.0
        self.frame()

    def frame(self, *others: Command) -> list[Command]:
        """One frame; what MIDI asked for in it. `told` is then what went out."""
        self.now_s += 1.0
        self.cable.told.clear()
        wishes = self.midi.poll(self.now_s)
        for command in (*others, *wishes):
            self.board.apply(command, self.now_s)
        self.midi.follow(self.board.levels(self.now_s), self.now_s)
        return wishes

    @property
    def told(self) -> list[tuple[int, ...]]:
        return [tuple(message) for message in self.cable.told]

    def level(self, knob: str) -> float:
        return self.board.levels(self.now_s).base[knob]
