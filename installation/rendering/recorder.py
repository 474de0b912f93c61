"""Shown frames and what was heard in, a film out, streamed: memory does not grow, the show never waits."""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from installation.children import give_way
from installation.files import named, settle
from installation.rendering.encoding import TIME_BASE, Coding, choose
from installation.rendering.readback import four_channels

log = logging.getLogger("installation.recorder")
KEYFRAME_S = 2.0
RECORDER_NICENESS = 5  # a frame in time goes before a film of it
WAITING = 6  # frames that may wait for the encoder before one is dropped
APART_S = 0.25  # how far sound may be from its picture before silence is put between
BEHIND_S = 2.0  # how far the sound's end may stay behind the picture: what is heard late is still to come


def part_of(path: Path) -> Path:
    """What a film is called until it is finished."""
    return path.with_name(path.name + ".part")


class Recorder:
    """Encodes pictures (and AAC when sound comes) in a thread of its own.

    The file is written under a temporary name, in fragments, so that a run that is killed still leaves a playable
    video; close() renames it. size is (width, height) in pixels, of which an odd last one is left out; coding None is
    what the file's name asks for.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], fps: float, sample_rate_hz: int = 0, coding: Coding | None = None
    ) -> None:
        import av

        self._coding = coding = coding or choose(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._part = path, part_of(path)
        self.faults: Counter[str] = Counter()
        self.frames = 0
        self._file: Any = av.open(str(self._part), "w", format=coding.container, options=dict(coding.muxing))
        self._video = coding.add_to(self._file, size, fps, KEYFRAME_S)
        self._sound: Any = self._file.add_stream("aac", rate=sample_rate_hz, layout="mono") if sample_rate_hz else None
        self._heard = 0
        self._resampler: Any = None
        self._resampled_hz = 0
        self._last_pts = -1
        self._waiting: queue.Queue[tuple[str, np.ndarray, float, int] | None] = queue.Queue()  # _put keeps it short
        self._thread = threading.Thread(target=self._encode, name="recorder", daemon=True)
        self._thread.start()

    def write(self, rgb: np.ndarray, now_s: float) -> None:
        """Take one frame [shape=(H, W, 3), uint8, row 0 on top]; returns at once. The array must not change later."""
        self._put(("video", rgb, now_s, 0), WAITING)

    def hear(self, samples: np.ndarray, now_s: float, rate_hz: int) -> None:
        """Take what was heard since the last call [shape=(n,), float32, -1..1], the newest of it at now_s."""
        if self._sound is not None:
            self._put(("sound", samples, now_s, rate_hz), WAITING * 4)

    def _put(self, item: tuple[str, np.ndarray, float, int], limit: int) -> None:
        if self._waiting.qsize() >= limit or not self._thread.is_alive():
            self.faults["recorder dropped"] += 1
            return
        self._waiting.put_nowait(item)

    def _encode(self) -> None:
        give_way(RECORDER_NICENESS)
        try:
            while (item := self._waiting.get()) is not None:
                kind, array, now_s, rate_hz = item
                if kind == "video":
                    self._encode_frame(array, now_s)
                    self._encode_silence(now_s - BEHIND_S)
                else:
                    samples = self._at_own_rate(array, rate_hz)
                    self._encode_silence(now_s, len(samples))
                    self._encode_sound(samples)
        except Exception as error:  # a full disk ends the recording, not the show
            self.faults["recorder"] += 1
            log.error("recording to %s stopped: %s", self.path, error)

    def _encode_frame(self, rgb: np.ndarray, now_s: float) -> None:
        even = four_channels(rgb)[: self._video.height, : self._video.width]
        frame = self._coding.frame(even)
        pts = max(int(now_s / TIME_BASE), self._last_pts + 1)
        frame.pts, frame.time_base, self._last_pts = pts, TIME_BASE, pts
        self._file.mux(self._video.encode(frame))
        self.frames += 1

    def _at_own_rate(self, samples: np.ndarray, rate_hz: int) -> np.ndarray:
        """Finite samples at the film's rate, whatever the device gives; an encoder refuses NaN for good."""
        import av

        assert self._sound is not None
        samples = np.nan_to_num(np.clip(samples, -1.0, 1.0)).astype(np.float32, copy=False)
        if rate_hz == self._sound.rate:
            return samples
        if rate_hz != self._resampled_hz:
            self._resampler, self._resampled_hz = av.AudioResampler("fltp", "mono", self._sound.rate), rate_hz
        frame = av.AudioFrame.from_ndarray(samples[None], "fltp", "mono")
        frame.sample_rate = rate_hz
        pieces = [piece.to_ndarray()[0] for piece in self._resampler.resample(frame)]
        return np.concatenate([*pieces, np.zeros(0, np.float32)])

    def _encode_silence(self, until_s: float, coming: int = 0) -> None:
        """Fill the time in which no microphone was heard, so that what comes after it belongs to its picture."""
        if self._sound is not None:
            missing = int(until_s * self._sound.rate) - coming - self._heard
            if missing > APART_S * self._sound.rate:
                self._encode_sound(np.zeros(missing, np.float32))

    def _encode_sound(self, samples: np.ndarray) -> None:
        import av

        assert self._sound is not None
        if not len(samples):
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), "fltp", "mono")
        rate = int(self._sound.rate or 44100)
        frame.sample_rate, frame.pts, frame.time_base = rate, self._heard, Fraction(1, rate)
        self._heard += len(samples)
        self._file.mux(self._sound.encode(frame))

    def close(self) -> None:
        """Finish the file and give it its name; one that broke off keeps its temporary one, and plays up to there."""
        self._waiting.put(None)
        self._thread.join(timeout=30)
        broke_off = self.faults["recorder"] > 0
        try:
            for stream in (self._video, self._sound):
                if stream is not None and not broke_off:  # FFmpeg may crash on more after a failure
                    self._file.mux(stream.encode(None))
            self._file.close()
            if not broke_off:
                named.make_room(self.path)
                settle(self._part, self.path)
                named.note(self.path)
        except Exception as error:
            self.faults["recorder"] += 1
            log.error("%s could not be finished: %s", self.path, error)
