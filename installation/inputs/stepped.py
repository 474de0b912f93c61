"""A sound file, a film and the caller's clock in; what lies in them at that instant out: none dropped, none early."""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Iterator

import numpy as np

from installation.inputs.camera_child import CameraError, timed, to_rgb
from installation.signals import CameraFrame, SoundBlock
from installation.sounds import mono_of

USUAL_FPS = 25  # of a film that does not say its own


class _Stepped:
    """The face of an input whose file is read by whoever asks."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.faults: collections.Counter[str] = collections.Counter()
        self.pids: list[int] = []
        self.alive = False

    def start(self) -> None:
        self.alive = True

    def age_s(self, now_s: float) -> float:
        return 0.0 if self.alive else math.inf

    def describe(self) -> str:
        return f"{self.device}, frame by frame"

    def close(self) -> None:
        self.alive = False


class SteppedSound(_Stepped):
    """A sound file by the caller's clock, once. Reading raises SoundError for a file that breaks off."""

    def __init__(self, device: str, channel: int = 0, ahead_s: float = 0.0) -> None:
        super().__init__(device)
        self._blocks = mono_of(device, channel=channel)
        self._ahead_s, self._rate_hz = ahead_s, 0
        self._waiting = np.zeros(0, np.float32)
        self._given = 0

    def read(self, now_s: float) -> SoundBlock | None:
        """The samples from where the last call ended to ahead_s after now_s; None when there are no more."""
        while self._rate_hz == 0 or self._given + len(self._waiting) < self._until(now_s):
            rate_hz, samples = next(self._blocks, (0, None))
            if samples is None:
                break
            self._rate_hz, self._waiting = rate_hz, np.concatenate([self._waiting, samples])
        count = min(max(0, self._until(now_s) - self._given), len(self._waiting))
        if not count:
            return None
        samples, self._waiting = self._waiting[:count], self._waiting[count:]
        self._given += count
        return SoundBlock(samples, self._rate_hz, now_s, self.device, self._given / self._rate_hz)

    def _until(self, now_s: float) -> int:
        return round((now_s + self._ahead_s) * self._rate_hz)


class SteppedSight(_Stepped):
    """A film's pictures by the caller's clock, looped. Reading raises CameraError, and what PyAV raises."""

    def __init__(self, device: str, mirror: bool = False, rotate: int = 0) -> None:
        super().__init__(device)
        self._mirror, self._turns = mirror, rotate // 90
        self._frames = self._looped()
        self._next: tuple[float, np.ndarray] | None = None
        self._number = 0

    def read(self, now_s: float) -> CameraFrame | None:
        """The newest frame at now_s, None while it is the one of the last call."""
        found: tuple[float, np.ndarray] | None = None
        self._next = self._next or next(self._frames)
        while self._next[0] <= now_s + 1e-9:
            found, self._next = self._next, next(self._frames)
        if found is None:
            return None
        rgb = np.rot90(found[1], -self._turns)
        self._number += 1
        rgb = np.ascontiguousarray(rgb[:, ::-1] if self._mirror else rgb)
        return CameraFrame(rgb, found[0], self._number, self._mirror)

    def _looped(self) -> Iterator[tuple[float, np.ndarray]]:
        """Every frame and when it is shown, over and over; a still picture again and again."""
        import av

        origin_s = 0.0
        for lap in itertools.count():
            with av.open(self.device) as film:
                if not film.streams.video:
                    raise CameraError(f"{self.device} holds no picture")
                stream = film.streams.video[0]
                step_s = float(1 / (stream.average_rate or USUAL_FPS))
                at_s = -step_s
                for at_s, frame in timed(film.decode(stream), step_s):
                    yield origin_s + at_s, to_rgb(frame)
            if lap == 0 and at_s < 0:
                raise CameraError(f"{self.device} holds no frame that can be decoded")
            origin_s += at_s + step_s
