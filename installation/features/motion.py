"""Camera frames in; how much moves, where, and whether somebody is there out, 0..1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from installation.features.euro import OneEuro, clamp, ease
from installation.signals import CameraFrame

SOURCE = "camera"
WIDTH, HEIGHT = 64, 36
NOISE = 6.0  # grey levels of 255 that a sensor's noise may differ by
REST = {"energy": 0.0, "x": 0.5, "y": 0.5, "presence": 0.0}


@dataclass(frozen=True)
class Settings:
    """gain scales energy; the empty room is learnt over room_s; rest_s is how fast everything eases out."""

    gain: float = 6.0
    room_s: float = 30.0
    rest_s: float = 0.5


class Motion:
    """Differences of small grey pictures: to the last (energy and its centroid) and to the empty room (presence)."""

    names = tuple(f"motion.{name}" for name in REST)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._last: np.ndarray | None = None
        self._room = np.zeros((HEIGHT, WIDTH), np.float32)
        self._values = dict(REST)
        self._target = dict(REST)
        self._filters = {name: OneEuro(1.5, 2.0) for name in REST}
        self._frame_s = -math.inf
        self._asked_s: float | None = None
        self._columns = np.arange(WIDTH, dtype=np.float32) / (WIDTH - 1)
        self._rows = np.arange(HEIGHT, dtype=np.float32) / (HEIGHT - 1)

    def extract(self, signal: CameraFrame | None, now_s: float) -> dict[str, float]:
        """All features at now_s, by name, 0..1; x is 0 at the left, y 0 at the top."""
        step_s = 0.0 if self._asked_s is None else now_s - self._asked_s
        if step_s < 0.0:  # the clock began anew
            self._frame_s += step_s
            for smooth in self._filters.values():
                smooth.move_clock(step_s)
            step_s = 0.0
        self._asked_s = now_s
        if signal is not None:
            self._measure(signal)
        elif now_s - self._frame_s > 2 * self._settings.rest_s:
            for name, rest in REST.items():
                self._target[name] = ease(self._target[name], rest, step_s, self._settings.rest_s)
        for name in REST:
            self._values[name] = clamp(self._filters[name](self._target[name], now_s))
        return {f"motion.{name}": value for name, value in self._values.items()}

    def _measure(self, frame: CameraFrame) -> None:
        grey = small_grey(frame.rgb)
        step_s, self._frame_s = frame.time_s - self._frame_s, frame.time_s
        if self._last is None or self._last.shape != grey.shape:
            self._last, self._room = grey, grey.copy()
            return
        moved = np.maximum(np.abs(grey - self._last) - NOISE, 0.0)
        self._last = grey
        total = float(moved.sum())
        energy = total / (moved.size * 255.0) * self._settings.gain
        self._target["energy"] = math.sqrt(clamp(energy))
        if energy > 1e-4:
            self._target["x"] = float(moved.sum(axis=0) @ self._columns) / total
            self._target["y"] = float(moved.sum(axis=1) @ self._rows) / total
        strange = np.abs(grey - self._room) > 4 * NOISE
        self._target["presence"] = clamp(4.0 * float(strange.mean()))
        # The room is learnt slowly where somebody stands and quickly elsewhere, so light changes are forgiven.
        share = np.where(strange, 0.25, 1.0) * (1.0 - math.exp(-min(step_s, 1.0) / self._settings.room_s))
        self._room += share * (grey - self._room)


def small_grey(rgb: np.ndarray) -> np.ndarray:
    """rgb [shape=(H, W, 3), uint8] as grey [shape=(36, 64), float32, 0..255]: means of a few green pixels each.

    Green alone is what the eye calls bright, and a sixth of the pixels keeps this far under a millisecond.
    """
    height, width = rgb.shape[:2]
    rows = (np.arange(HEIGHT * 3) * height) // (HEIGHT * 3)
    columns = (np.arange(WIDTH * 3) * width) // (WIDTH * 3)
    green = rgb[rows[:, None], columns[None, :], 1]
    return green.reshape(HEIGHT, 3, WIDTH, 3).mean(axis=(1, 3), dtype=np.float32)


def create(settings: Settings) -> Motion:
    return Motion(settings)
