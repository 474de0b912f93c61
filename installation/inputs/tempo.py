"""Ableton Link, or the clock of a MIDI port, in; where the beat is now out, from a process of its own.

[[inputs]]
name = "tempo"
settings = { source = "link" }          # or "midi", with part of a port's name: port = "deck"
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from installation.children import Child
from installation.memory import Memory
from installation.settings import SettingsError
from installation.signals import Beat

log = logging.getLogger("installation.inputs")
BEAT, BPM, AT, PLAYING = 1, 2, 3, 4
"""Places in the memory's times: beats so far, beats a minute, when that was so (monotonic), 1 while it plays."""
SILENT_S = 5.0
SEQUENCE = 1  # place in the memory's counts: odd while those are written


@dataclass(frozen=True)
class Settings:
    """source is link (every program on the network that has Link on) or midi (24 clocks a beat, of the ports whose name
    has `port` in it); beats_per_bar is what a bar is counted in."""

    source: str = "link"
    port: str = ""
    beats_per_bar: int = 4


class Tempo:
    """The parent's side: reads the place of the beat, and carries it on to now."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._memory = Memory(64)
        asked: Mapping[str, object] = dataclasses.asdict(settings)
        module = "installation.inputs.tempo_child"
        self._child = Child("tempo", module, asked, self._memory, log=log, silent_s=SILENT_S)

    @property
    def alive(self) -> bool:
        """Whether there is a beat to follow."""
        return self._child.alive and bool(self._memory.times[PLAYING])

    @property
    def faults(self) -> collections.Counter[str]:
        return self._child.faults

    @property
    def pids(self) -> list[int]:
        return self._child.pids

    def start(self) -> None:
        self._child.start()

    def read(self, now_s: float) -> Beat | None:
        """The beat at now_s; None while none plays. Never blocks."""
        if not self.alive:
            return None
        for _ in range(3):
            before = int(self._memory.counts[SEQUENCE])
            beat, bpm, at_s = (float(self._memory.times[i]) for i in (BEAT, BPM, AT))
            if before % 2 == 0 and int(self._memory.counts[SEQUENCE]) == before:
                beat += (time.monotonic() - at_s) * bpm / 60
                return Beat(beat, bpm, self._settings.beats_per_bar, now_s)
        return None

    def age_s(self, now_s: float) -> float:
        """Seconds since the clock was last known; infinite before."""
        return self._memory.age_s()

    def describe(self) -> str:
        return f"tempo from {self._settings.source} {self._settings.port}".rstrip()

    def close(self) -> None:
        self._child.close()


def create(settings: Settings) -> Tempo:
    """The clock, not yet followed. Raises SettingsError for a source or a bar that cannot be."""
    if settings.source not in ("link", "midi"):
        raise SettingsError(f"inputs.tempo: source: expected link or midi, found {settings.source[:40]!r}")
    if not 1 <= settings.beats_per_bar <= 64:
        raise SettingsError(f"inputs.tempo: beats_per_bar: expected 1 to 64, found {settings.beats_per_bar}")
    return Tempo(settings)
