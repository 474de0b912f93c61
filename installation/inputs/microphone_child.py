"""Settings in, samples in a shared ring out: the process that opens a sound device or plays a file in time."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from installation.children import Memory, enter, follow_parent
from installation.sounds import SOUND_FILES, SoundError, mono_of

RING_SAMPLES = 1 << 17  # 3 s at 44.1 kHz
BEGAN = 3  # place in the memory's counts
LATENCY_S = 0.04
LATE_S = 0.5
MOST_CHANNELS = 18  # that an interface has; who claims more is no interface
LOUDNESS_SHARE = 0.02  # of a block (12 ms) in a channel's loudness: half a second
CLEARLY_LOUDER = 4.0  # in power: 6 dB


class Ring:
    """The writer's end of the shared ring. counts: 0 samples written, 1 rate in Hz, 2 overflows, 3 how many of them had
    been written when a file began."""

    def __init__(self, memory: Memory) -> None:
        self._counts, self._times = memory.counts, memory.times
        self._samples = memory.bytes.view(np.float32)

    def open(self, rate_hz: int) -> None:
        self._counts[1] = rate_hz

    def begin(self) -> None:
        """What is written next is a file's first sample."""
        self._counts[BEGAN] = self._counts[0]

    def write(self, mono: np.ndarray) -> None:
        """Append mono [shape=(n,), n at most RING_SAMPLES]; the count moves only when the samples are there."""
        written = int(self._counts[0])
        first = written % RING_SAMPLES
        head = min(len(mono), RING_SAMPLES - first)
        self._samples[first : first + head] = mono[:head]
        self._samples[: len(mono) - head] = mono[head:]
        self._counts[0] = written + len(mono)
        self._times[0] = time.monotonic()

    def count_overflow(self) -> None:
        self._counts[2] += 1


def main() -> None:
    memory, settings = enter()
    follow_parent()
    try:
        device = str(settings["device"])
        if Path(device).suffix.lower() in SOUND_FILES or os.path.isfile(device):
            play(device, Ring(memory), int(settings["block"]), settings["channel"])
        else:
            listen(device, Ring(memory), int(settings["sample_rate_hz"]), int(settings["block"]), settings["channel"])
    except Exception as error:
        memory.say(str(error) or repr(error))
        os._exit(1)


def listen(device: str, ring: Ring, rate_hz: int, block: int, channel: int = 0) -> None:
    """Fill the ring from a sound device for ever. Raises SoundError when none can be opened."""
    import sounddevice

    chosen: int | str | None = int(device) if device.isdigit() else device or None
    try:
        about = sounddevice.query_devices(chosen, "input")
    except (ValueError, sounddevice.PortAudioError) as error:
        raise SoundError(f"no sound input {device or 'by default'}: {error}; see `installation doctor`") from error
    there = int(about["max_input_channels"])
    if there > MOST_CHANNELS:  # a sound server gives as many as it is asked for, mixed from those that it has
        there = channels_of_server() or max(2, channel)
    if channel > there:
        raise SoundError(f"sound input {about['name']} has {there} channels, channel = {channel} is not among them")
    mix = Mix(channel)

    def copy(samples: np.ndarray, count: int, when: Any, status: sounddevice.CallbackFlags) -> None:
        if status.input_overflow:
            ring.count_overflow()
        ring.write(mix(samples))

    own_rate_hz, reasons = int(about["default_samplerate"]), []
    for rate, channels in itertools.product(dict.fromkeys((rate_hz, own_rate_hz)), channels_to_ask(there, channel)):
        ring.open(rate)
        asked: dict[str, Any] = {"device": chosen, "samplerate": rate, "channels": channels, "blocksize": block}
        try:
            with sounddevice.InputStream(dtype="float32", latency=LATENCY_S, callback=copy, **asked) as stream:
                while stream.active:
                    time.sleep(0.2)
            raise SoundError(f"sound input {about['name']} stopped")
        except sounddevice.PortAudioError as error:
            reasons.append(f"{rate} Hz, {channels} ch: {error}")
    raise SoundError(f"cannot open sound input {about['name']}: " + "; ".join(reasons))


def channels_to_ask(there: int, channel: int) -> list[int]:
    """How many channels to open a device with, best first: all, as only so each is heard by itself; else fewer."""
    return list(dict.fromkeys((there, max(channel, min(2, there)), max(channel, 1))))


def channels_of_server() -> int:
    """How many channels the sound server's default source has; 0 when that cannot be told."""
    try:
        chosen = os.environ.get("PULSE_SOURCE") or _pactl("get-default-source").strip()
        for line in _pactl("list", "short", "sources").splitlines():
            _, name, _, kind, *_ = line.split("\t")
            if name == chosen and (found := re.search(r"(\d+)ch", kind)):
                return int(found[1])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        pass
    return 0


def _pactl(*words: str) -> str:
    return subprocess.run(["pactl", *words], capture_output=True, text=True, timeout=3, check=False).stdout


class Mix:
    """Samples of every channel in, one of them out: the one that is wished for (from 1), or (0) the loudest.

    Channels are not added up: silent neighbours would make the one that hears quieter, and two microphones that hear
    one drum cancel parts of it. The loudest changes over within a block, to one that is clearly louder for a while.
    """

    def __init__(self, channel: int = 0) -> None:
        self._channel = channel
        self._now = 0
        self._loudness = np.zeros(0, np.float32)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """samples [shape=(n, channels), float32] as mono [shape=(n,)]."""
        if self._channel or samples.shape[1] == 1:
            return samples[:, min(max(self._channel, 1), samples.shape[1]) - 1]
        power = np.einsum("ij,ij->j", samples, samples) / max(len(samples), 1)
        if len(self._loudness) != len(power):
            self._loudness, self._now = power, int(power.argmax())
        self._loudness += LOUDNESS_SHARE * (power - self._loudness)
        before, best = self._now, int(self._loudness.argmax())
        if self._loudness[best] > CLEARLY_LOUDER * self._loudness[before]:
            self._now = best
            over = np.linspace(0.0, 1.0, len(samples), dtype=np.float32)
            return samples[:, before] * (1.0 - over) + samples[:, best] * over
        return samples[:, before]


def play(path: str, ring: Ring, block: int, channel: int = 0) -> None:
    """Fill the ring from a sound file in time, looped without a gap. Raises SoundError for a bad file."""
    if not os.path.isfile(path):
        raise SoundError(f"no such file {path}")
    origin_s, played = time.monotonic(), 0
    while True:
        before = played
        ring.begin()
        for rate_hz, mono in mono_of(path, block, channel):
            ring.open(rate_hz)
            late_s = time.monotonic() - origin_s - played / rate_hz
            if late_s < 0:
                time.sleep(-late_s)
            elif late_s > LATE_S:  # the machine slept: go on from here instead of rushing after
                origin_s += late_s
            ring.write(mono)
            played += len(mono)
        if played == before:
            raise SoundError(f"{path} holds no sound")


def list_devices(timeout_s: float = 5.0) -> list[str]:
    """Ask in a process of its own: PortAudio may hang or print, and its list is frozen once it is loaded."""
    question = (
        "import sounddevice\nfor i, d in enumerate(sounddevice.query_devices()):\n"
        "    if d['max_input_channels'] > 0: print(i, d['name'])"
    )
    try:
        asked = subprocess.run(
            [sys.executable, "-c", question], capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return asked.stdout.splitlines()


if __name__ == "__main__":
    main()
