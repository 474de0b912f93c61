"""A sound device or a sound file in; a SoundBlock of everything heard since the last read out, through shared memory.

device is empty (the system's default), a name or part of one, an index, or the path of a sound file (played in time,
looped). A device that is not there is looked for again.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from installation.children import Child, Memory
from installation.inputs.microphone_child import BEGAN, RING_SAMPLES, list_devices
from installation.inputs.stepped import SteppedSound
from installation.settings import SettingsError
from installation.signals import SoundBlock
from installation.sounds import SOUND_FILES

log = logging.getLogger("installation.inputs")


@dataclass(frozen=True)
class Settings:
    """sample_rate_hz is asked of a device (its own rate is taken when it refuses); a file keeps its own.

    channel is the input of the interface that is heard, from 1; 0 is whichever of them is the loudest. synchronous: a
    file is read in this process and by the caller's clock, ahead_s before it, once and to its end: for films.
    """

    device: str = ""
    channel: int = 0
    sample_rate_hz: int = 44100
    block: int = 512
    silent_s: float = 1.0
    synchronous: bool = False
    ahead_s: float = 0.0


class Microphone:
    """The parent's side: reads the ring that its child (microphone_child) fills; the child is watched."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._piece = settings.device if is_file(settings.device) else ""
        self._memory = Memory(RING_SAMPLES * 4)
        self._ring = self._memory.bytes.view(np.float32)
        self._heard = 0
        asked = dataclasses.asdict(settings)
        module = "installation.inputs.microphone_child"
        self._child = Child("microphone", module, asked, self._memory, log=log, silent_s=settings.silent_s)

    @property
    def alive(self) -> bool:
        return self._child.alive

    @property
    def faults(self) -> collections.Counter[str]:
        """Changes to ill as "microphone", blocks that the device lost as "microphone overflow"."""
        overflows = collections.Counter({"microphone overflow": int(self._memory.counts[2])})
        return +(self._child.faults + overflows)

    @property
    def pids(self) -> list[int]:
        return self._child.pids

    def start(self) -> None:
        self._child.start()

    def read(self, now_s: float) -> SoundBlock | None:
        """All samples since the last read (the newest 1.5 s at most), or None when there are none; never blocks.

        time_s is on the caller's clock: now_s less the age of the newest sample.
        """
        written = int(self._memory.counts[0])
        first = max(self._heard, written - RING_SAMPLES // 2)  # older ones may be overwritten while they are copied
        if first >= written:
            return None
        samples = self._ring[np.arange(first, written) % RING_SAMPLES]
        self._heard = written
        rate_hz, heard_s = int(self._memory.counts[1]), now_s - self._memory.age_s()
        if not self._piece:
            return SoundBlock(samples, rate_hz, heard_s)
        place_s = max(0, written - int(self._memory.counts[BEGAN])) / max(rate_hz, 1)
        return SoundBlock(samples, rate_hz, heard_s, self._piece, place_s)

    def age_s(self, now_s: float) -> float:
        """Seconds since the newest sample arrived; infinite before the first."""
        return self._memory.age_s()

    def describe(self) -> str:
        return f"microphone {self._settings.device or 'default'}"

    def close(self) -> None:
        self._child.close()


def create(settings: Settings) -> Microphone | SteppedSound:
    """The microphone, not yet opened. Raises SettingsError for a channel that cannot be."""
    if settings.channel < 0:
        raise SettingsError(f"inputs.microphone: channel: expected 1 or more, or 0 for any, found {settings.channel}")
    if settings.synchronous:
        return SteppedSound(settings.device, settings.channel, settings.ahead_s)
    return Microphone(settings)


def is_file(device: str) -> bool:
    """Whether this is a sound file, there or not, rather than a device or the name of one."""
    return Path(device).suffix.lower() in SOUND_FILES or Path(device).is_file()


def devices() -> list[str]:
    """Sound inputs as "INDEX NAME"; empty when there are none or no sound system answers within a few seconds."""
    return list_devices()
