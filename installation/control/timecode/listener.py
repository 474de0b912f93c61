"""A clock in (MTC over MIDI, or LTC as sound), the cues whose time has come out, as commands."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from installation.control.feedback import quiet
from installation.control.midi.listener import Wire
from installation.control.midi.parser import Parser
from installation.control.midi.ports import Ports
from installation.control.timecode.calling import Caller
from installation.control.timecode.counting import RATES, Time
from installation.control.timecode.ltc import Ltc
from installation.control.timecode.mtc import Mtc
from installation.settings import Cue, SettingsError
from installation.settings import Timecode as Settings
from installation.signals import Command, SoundBlock

LOST_S = 1.0
log = quiet(logging.getLogger("installation.control.timecode"))


class Sound(Protocol):
    """A sound input, as of the room inputs."""

    @property
    def faults(self) -> Counter[str]: ...
    def start(self) -> None: ...
    def read(self, now_s: float) -> SoundBlock | None: ...
    def close(self) -> None: ...


class MidiClock:
    """MTC of one MIDI port."""

    def __init__(self, ports: Wire) -> None:
        self._ports = ports
        self._streams: dict[int, tuple[Parser, Mtc]] = {}
        self._refused: Counter[str] = Counter()
        self.start, self.close = ports.start, ports.close

    @property
    def faults(self) -> Counter[str]:
        return self._refused + self._ports.faults

    def read(self, now_s: float) -> Iterator[tuple[Time, bool]]:
        """Times since the last read, and whether each is further on."""
        for _, port, raw in self._ports.read():
            parser, mtc = self._streams.setdefault(port, (Parser(), Mtc()))
            for said in parser.feed(raw):
                found = said if isinstance(said, str) else mtc.take(said)
                if isinstance(found, str):
                    self._refused[found] += 1
                elif found is not None:
                    yield found


class SoundClock:
    """LTC of one sound input."""

    def __init__(self, sound: Sound, fps: float) -> None:
        self._sound, self._fps = sound, fps
        self._ltc, self._rate_hz = Ltc(fps, 48000), 48000
        self.start, self.close = sound.start, sound.close

    @property
    def faults(self) -> Counter[str]:
        return self._sound.faults

    def read(self, now_s: float) -> Iterator[tuple[Time, bool]]:
        """The same as of MidiClock."""
        block = self._sound.read(now_s)
        if block is not None:
            if block.sample_rate_hz != self._rate_hz:
                self._rate_hz = block.sample_rate_hz
                self._ltc = Ltc(self._fps, self._rate_hz)
            yield from self._ltc.take(block.samples)


class Timecode:
    """Calls the show's cues by a clock: bind(), start(), then poll() once a frame, close(). status is where it is.

    faults counts what its clock refused or lost. Raises SettingsError for a source, a rate or an `at` that cannot be.
    """

    def __init__(
        self, asked: Settings, cues: Sequence[Cue], sound: Sound | None = None, ports: Wire | None = None
    ) -> None:
        """sound is what LTC is heard with."""
        if asked.source not in ("mtc", "ltc"):
            raise SettingsError(f"timecode.source: expected mtc or ltc, found {asked.source[:40]!r}")
        if asked.fps not in RATES:
            known = ", ".join(f"{fps:g}" for fps in RATES)
            raise SettingsError(f"timecode.fps: expected {known}, found {asked.fps:g}")
        self._caller = Caller(cues, asked.fps)
        self._clock: MidiClock | SoundClock
        if asked.source == "mtc":
            self._clock = MidiClock(ports or Ports(asked.port, None, log))
        else:
            assert sound is not None, "LTC is heard with a sound input"
            self._clock = SoundClock(sound, asked.fps)
        self._by = f"timecode {asked.source}"
        self._heard_s = 0.0
        self.running = False
        self.time: Time | None = None

    @property
    def faults(self) -> Counter[str]:
        return self._clock.faults

    def bind(self) -> None:
        """A clock may begin at any time."""

    def start(self) -> None:
        """Listen."""
        self._clock.start()

    def poll(self, now_s: float) -> list[Command]:
        """Cues that are due since the last time."""
        calls: list[str] = []
        for time, _ in self._clock.read(now_s):
            if not self.running:
                log.info("timecode runs at %s", time)
            self._heard_s, self.running, self.time = now_s, True, time
            calls += self._caller.hear(time)
        if self.running and now_s - self._heard_s > LOST_S:
            self.running = False
            self._caller.lose()
            log.info("timecode stands at %s", self.time)
        return [Command("cue", number, 1.0, by=self._by) for number in calls]

    def tell(self, values: Mapping[str, Any], now_s: float = 0.0) -> None:
        """A clock is told nothing."""

    def close(self) -> None:
        """Stop listening."""
        self._clock.close()
