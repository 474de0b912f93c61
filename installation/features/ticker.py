"""Numbers of a series in; where they stand in their range and how fast they change out, 0..1."""

from __future__ import annotations

import collections
import math
from dataclasses import dataclass

from installation.features.euro import clamp, ease
from installation.signals import Number

SOURCE = "ticker"
LEAST_SPEED, FORGET_S = 1e-3, 600.0


@dataclass(frozen=True)
class Settings:
    """low and high fix the range (equal: the series' own, or that of the last `window` readings); smooth_s eases.

    Of the readings the least and greatest fiftieth, but one of eight or more at least, do not count for the range.
    """

    low: float = 0.0
    high: float = 0.0
    smooth_s: float = 1.0
    window: int = 720


class Ticker:
    """ticker.value: the place in the range, 0.5 before anything is known. ticker.change: 0.5 still, above it rising."""

    names = ("ticker.value", "ticker.change")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._readings: collections.deque[float] = collections.deque(maxlen=max(2, settings.window))
        self._target = self._value = 0.5
        self._change = 0.5
        self._most = LEAST_SPEED  # fastest change of late, ranges a second
        self._asked_s: float | None = None

    def extract(self, signal: Number | None, now_s: float) -> dict[str, float]:
        """Both features at now_s, 0..1; the last value is held while nothing new comes."""
        step_s = 0.0 if self._asked_s is None else max(0.0, now_s - self._asked_s)
        self._asked_s = now_s
        if signal is not None and all(map(math.isfinite, (signal.value, signal.low, signal.high))):
            self._place(signal)
        before = self._value
        self._value = ease(before, self._target, step_s, self._settings.smooth_s)
        speed = (self._value - before) / step_s if step_s > 0 else 0.0
        self._most = max(ease(self._most, LEAST_SPEED, step_s, FORGET_S), abs(speed))
        self._change = ease(self._change, 0.5 + 0.5 * speed / self._most, step_s, self._settings.smooth_s)
        return {"ticker.value": clamp(self._value), "ticker.change": clamp(self._change)}

    def _place(self, number: Number) -> None:
        low, high = self._settings.low, self._settings.high
        if low >= high:
            low, high = self._usual(number)
        self._target = clamp((number.value - low) / (high - low)) if high > low else 0.5

    def _usual(self, number: Number) -> tuple[float, float]:
        """The series' own range, where it is known, else that of its readings without those that stand out."""
        if number.low < number.high and math.isfinite(number.high - number.low):
            return number.low, number.high
        self._readings.append(number.value)
        cut = max(1, len(self._readings) // 50) if len(self._readings) >= 8 else 0
        inner = sorted(self._readings)[cut : len(self._readings) - cut]
        return inner[0], inner[-1]


def create(settings: Settings) -> Ticker:
    return Ticker(settings)
