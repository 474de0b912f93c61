"""A sound file of any kind in, the sound of a film too; its samples out, block by block, as they lie in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BLOCK = 1 << 14
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


@dataclass(frozen=True, slots=True)
class Track:
    """What a sound file holds."""

    rate_hz: int
    channels: int
    samples: int  # of each channel

    @property
    def seconds(self) -> float:
        return self.samples / self.rate_hz


def track_of(path: str | Path) -> Track:
    """Read a whole file once, to its last sample. Raises SoundError for one that is broken, or holds no sound."""
    found = Track(0, 0, 0)
    for rate_hz, block in blocks_of(path):
        found = Track(rate_hz, block.shape[1], found.samples + len(block))
    if not found.samples:
        raise SoundError(f"{path} holds no sound")
    return found


def blocks_of(path: str | Path, block: int = BLOCK) -> Iterator[tuple[int, np.ndarray]]:
    """(rate in Hz, samples [shape=(up to block, channels), float32, about -1..1]) of a file from start to end.

    Raises SoundError for what is no sound, and OSError for a file that cannot be opened.
    """
    import soundfile

    with open(path, "rb"):  # why not, in the system's own words
        pass
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError:  # not one of libsndfile's formats: the sound of a film
        yield from _blocks_of_film(path, block)
        return
    with file:
        try:
            for samples in file.blocks(block, dtype="float32", always_2d=True):
                yield file.samplerate, samples
        except soundfile.LibsndfileError as error:
            raise SoundError(f"{path} is broken: {error}") from error


def _blocks_of_film(path: str | Path, block: int) -> Iterator[tuple[int, np.ndarray]]:
    import av

    try:
        with av.open(str(path)) as film:
            if not film.streams.audio:
                raise SoundError(f"{path} holds no sound")
            stream = film.streams.audio[0]
            resampler = av.AudioResampler(format="fltp", rate=stream.rate)
            for frame in film.decode(stream):
                for piece in resampler.resample(frame):
                    samples = piece.to_ndarray().T
                    for first in range(0, len(samples), block):
                        yield stream.rate, samples[first : first + block]
    except av.FFmpegError as error:
        raise SoundError(f"{path} is no sound that can be read: {error.strerror}") from error


def mono_of(path: str | Path, block: int = BLOCK, channel: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """(rate in Hz, samples [shape=(up to block,), float32]) of a file; channel 0 is all mixed. Raises SoundError."""
    for rate_hz, samples in blocks_of(path, block):
        if channel > samples.shape[1]:
            raise SoundError(f"{path} has {samples.shape[1]} channels, channel = {channel} is not among them")
        yield rate_hz, samples[:, channel - 1] if channel else samples.mean(axis=1)
