"""Frames in, pieces of a film out, each whole; pieces and sound in, one film out in which nothing is encoded again."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from installation import files
from installation.rendering.encoding import TIME_BASE, Coding
from installation.sounds import blocks_of

KEYFRAME_S = 2.0
THREADS = "4"  # of an encoder, on every machine: what it writes depends on how many they are
AVX512 = 256  # OpenCV's number of it
# With AVX-512, x264 (mb-tree) takes blocks of 16 px by eights past the end of a row, and after the last row whatever
# memory held before: the same frames became another film now and then. With AVX2 it minds the end.
SAME_EVERY_TIME = {"x264-params": "asm=avx2"}
CAREFUL = {"libx264": {"preset": "medium", "bf": "0"}, "libx265": {"preset": "medium"}}  # nobody waits for it
AAC_HZ = (44100, 48000, 32000, 88200, 96000)  # rates that are kept
AAC_BITS = {1: 128_000, 2: 256_000}  # a second
QUICK_START = {"movflags": "faststart"}  # a browser begins to play it before it has all of it


def careful(coding: Coding) -> Coding:
    """The same with all the time that it takes. No picture refers to a later one, so that pieces can be joined."""
    more = CAREFUL.get(coding.encoder, {}) | ({"threads": THREADS} if "threads" in coding.options else {})
    if coding.encoder == "libx264" and cv2.checkHardwareSupport(AVX512):
        more |= SAME_EVERY_TIME
    return dataclasses.replace(coding, options={**coding.options, **more})


def ticks(frame: int, fps: float) -> int:
    """When a frame is shown, counted in TIME_BASE."""
    return round(frame / fps / TIME_BASE)


class Piece:
    """Some frames of a film on their way to a file of their own, see `piece`."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float, coding: Coding, first: int) -> None:
        import av

        self.size, self.fps, self.coding, self.first = size, fps, coding, first
        self.frames = 0
        self._file: Any = av.open(str(path), "w", format=coding.container)
        self._video = coding.add_to(self._file, size, fps, KEYFRAME_S)
        self._encoder = ThreadPoolExecutor(1, "piece")  # while it is at one frame, the next is drawn
        self._writing: Future[None] | None = None

    def write(self, rgba: np.ndarray) -> None:
        """Take the next frame [shape=(H, W, 4), uint8, row 0 on top]; it must not change later. Raises OSError."""
        self._wait()
        self._writing = self._encoder.submit(self._encode, rgba, self.frames)
        self.frames += 1

    def finish(self) -> None:
        """Encode what is held back."""
        self._wait()
        self._file.mux(self._video.encode(None))

    def close(self) -> None:
        self._encoder.shutdown()
        self._file.close()

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()

    def _encode(self, rgba: np.ndarray, number: int) -> None:
        if rgba.shape[1::-1] != self.size:
            rgba = np.asarray(cv2.resize(rgba, self.size, interpolation=cv2.INTER_CUBIC), np.uint8)
        frame = self.coding.frame(rgba[: self._video.height, : self._video.width])
        frame.pts = ticks(self.first + number, self.fps) - ticks(self.first, self.fps)
        frame.time_base = TIME_BASE
        self._file.mux(self._video.encode(frame))


@contextlib.contextmanager
def piece(path: Path, size: tuple[int, int], fps: float, coding: Coding, first: int) -> Iterator[Piece]:
    """A piece of a film to write frames to; its file is there when the block ends well, else not at all.

    size (width, height) is what frames are scaled to; first: which frame of the film is its first. Raises OSError.
    """
    with files.whole(path) as part:
        made = Piece(part, size, fps, coding, first)
        try:
            yield made
            made.finish()
        finally:
            made.close()


def join(pieces: Sequence[Path], fps: float, music: Path, path: Path, says: str) -> None:
    """Pieces that follow each other, and a sound file from its beginning on, as one film that says this of itself.

    The sound ends with the last frame. Raises OSError and SoundError; nothing has changed at `path` then.
    """
    import av

    with (
        files.whole(path) as part,
        av.open(str(pieces[0])) as model,
        av.open(str(part), "w", options=QUICK_START) as film,
    ):
        film.metadata["comment"] = says
        video = film.add_stream_from_template(model.streams.video[0])
        video.time_base = TIME_BASE
        sound = _Sound(film, music)
        for frame, packet in _packets(pieces, fps):
            packet.stream = video
            film.mux(packet)
            sound.until((frame + 1) / fps)
        sound.close()


def _packets(pieces: Sequence[Path], fps: float) -> Iterator[tuple[int, Any]]:
    """Every frame's number and its packet, by the film's clock."""
    import av

    frame = 0
    for piece in pieces:
        with av.open(str(piece)) as film:
            for packet in film.demux(film.streams.video[0]):
                if packet.dts is None:  # the end
                    continue
                packet.time_base = TIME_BASE
                packet.pts = packet.dts = ticks(frame, fps)
                packet.duration = ticks(frame + 1, fps) - ticks(frame, fps)
                yield frame, packet
                frame += 1


class _Sound:
    """A sound file on its way into a film, never further than the picture."""

    def __init__(self, film: Any, music: Path) -> None:
        import av

        self._film, self._blocks = film, blocks_of(music)
        rate_hz, first = next(self._blocks)
        self._channels, self._rate_hz = (2 if first.shape[1] == 2 else 1), rate_hz
        layout = "stereo" if self._channels == 2 else "mono"
        rate = rate_hz if rate_hz in AAC_HZ else 48000
        self._stream = film.add_stream("aac", rate=rate, layout=layout)
        self._stream.bit_rate = AAC_BITS[self._channels]
        self._resampler = av.AudioResampler("fltp", layout, rate)
        self._waiting, self._given = self._mixed(first), 0

    def until(self, time_s: float) -> None:
        """Encode what is heard up to time_s."""
        goal = round(time_s * self._rate_hz)
        while self._given < goal:
            if not len(self._waiting):
                self._waiting = self._mixed(next(self._blocks, (0, np.zeros((0, self._channels), np.float32)))[1])
            samples = self._waiting[: goal - self._given]
            if not len(samples):
                return
            self._waiting = self._waiting[len(samples) :]
            self._encode(samples)

    def _mixed(self, samples: np.ndarray) -> np.ndarray:
        """Two channels as they are, any other number as one."""
        return samples if samples.shape[1] == self._channels else samples.mean(axis=1, keepdims=True)

    def close(self) -> None:
        """Encode what an encoder holds back."""
        for frame in self._resampler.resample(None):
            self._film.mux(self._stream.encode(frame))
        self._film.mux(self._stream.encode(None))

    def _encode(self, samples: np.ndarray) -> None:
        import av

        planes = np.ascontiguousarray(np.nan_to_num(samples.clip(-1.0, 1.0)).T, np.float32)
        frame = av.AudioFrame.from_ndarray(planes, "fltp", "stereo" if self._channels == 2 else "mono")
        frame.sample_rate, frame.pts, frame.time_base = self._rate_hz, self._given, Fraction(1, self._rate_hz)
        self._given += len(samples)
        for resampled in self._resampler.resample(frame):
            self._film.mux(self._stream.encode(resampled))


def first_frame(path: Path, longest_px: int) -> np.ndarray:
    """The first picture of a piece [shape=(H, W, 3), uint8], small."""
    import av

    with av.open(str(path)) as film:
        frame: Any = next(film.decode(video=0))
        scale = min(1.0, longest_px / max(frame.width, frame.height))
        small = frame.reformat(round(frame.width * scale), round(frame.height * scale), "rgb24")
        return np.asarray(small.to_ndarray(), np.uint8)
