"""Settings in, samples in a shared ring out: the process that opens a sound device or plays a file in time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from installation.children import Memory, enter, follow_parent

RING_SAMPLES = 1 << 17  # 3 s at 44.1 kHz
LATENCY_S = 0.04
LATE_S = 0.5
SOUND_FILES = {
    ".wav",
    ".ogg",
    ".oga",
    ".flac",
    ".mp3",
    ".opus",
    ".aif",
    ".aiff",
    ".m4a",
    ".mp4",
    ".webm",
    ".mkv",
    ".mov",
}


class SoundError(RuntimeError):
    """The device or file cannot be heard; the text says what was expected and what to do."""


class Ring:
    """The writer's end of the shared ring. counts: 0 samples written, 1 rate in Hz, 2 overflows."""

    def __init__(self, memory: Memory) -> None:
        self._counts, self._times = memory.counts, memory.times
        self._samples = memory.bytes.view(np.float32)

    def open(self, rate_hz: int) -> None:
        self._counts[1] = rate_hz

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
            play(device, Ring(memory), int(settings["block"]))
        else:
            listen(device, Ring(memory), int(settings["sample_rate_hz"]), int(settings["block"]))
    except Exception as error:
        memory.say(str(error) or repr(error))
        os._exit(1)


def listen(device: str, ring: Ring, rate_hz: int, block: int) -> None:
    """Fill the ring from a sound device for ever. Raises SoundError when none can be opened."""
    import sounddevice

    chosen: int | str | None = int(device) if device.isdigit() else device or None
    try:
        about = sounddevice.query_devices(chosen, "input")
    except (ValueError, sounddevice.PortAudioError) as error:
        raise SoundError(f"no sound input {device or 'by default'}: {error}; see `installation doctor`") from error

    def copy(samples: np.ndarray, count: int, when: Any, status: sounddevice.CallbackFlags) -> None:
        if status.input_overflow:
            ring.count_overflow()
        ring.write(samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1))

    own_rate_hz, most = int(about["default_samplerate"]), min(2, int(about["max_input_channels"]))
    reasons = []
    for rate, channels in dict.fromkeys([(rate_hz, 1), (own_rate_hz, 1), (rate_hz, most), (own_rate_hz, most)]):
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


def play(path: str, ring: Ring, block: int) -> None:
    """Fill the ring from a sound file in time, looped without a gap. Raises SoundError for a bad file."""
    if not os.path.isfile(path):
        raise SoundError(f"no such file {path}")
    origin_s, played = time.monotonic(), 0
    while True:
        before = played
        for rate_hz, mono in sound_of(path, block):
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


def sound_of(path: str, block: int) -> Iterator[tuple[int, np.ndarray]]:
    """(rate in Hz, mono float32 samples [shape=(up to block,)]) of a file from start to end."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            for samples in file.blocks(block, dtype="float32", always_2d=True):
                yield file.samplerate, samples.mean(axis=1)
    except soundfile.LibsndfileError:  # not one of libsndfile's formats: the sound of a film
        yield from _sound_of_film(path, block)


def _sound_of_film(path: str, block: int) -> Iterator[tuple[int, np.ndarray]]:
    import av

    with av.open(path) as film:
        if not film.streams.audio:
            raise SoundError(f"{path} holds no sound")
        stream = film.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=stream.rate)
        for frame in film.decode(stream):
            for piece in resampler.resample(frame):
                samples = piece.to_ndarray().reshape(-1)
                for first in range(0, len(samples), block):
                    yield stream.rate, samples[first : first + block]


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
