"""A jittery number and its time in; a smooth number out: the 1-euro filter, and easing to rest."""

from __future__ import annotations

import math


class OneEuro:
    """The 1-euro filter (Casiez, Roussel, Vogel 2012): little jitter when slow, little lag when fast.

    min_cutoff_hz sets the smoothing at rest; slope (the paper's beta) how fast the cutoff rises with speed (unit/s).
    """

    def __init__(self, min_cutoff_hz: float = 1.0, slope: float = 1.0, speed_cutoff_hz: float = 1.0) -> None:
        self.min_cutoff_hz, self.slope, self.speed_cutoff_hz = min_cutoff_hz, slope, speed_cutoff_hz
        self.value = math.nan
        self.speed = 0.0
        self._time_s = 0.0

    def __call__(self, value: float, time_s: float) -> float:
        """The smoothed value at time_s (s, rising); neither a time that stands nor a value not finite changes it."""
        if not math.isfinite(value):
            return self.value
        if math.isnan(self.value):
            self.value, self._time_s = value, time_s
            return value
        step_s = time_s - self._time_s
        if step_s <= 0:
            return self.value
        self._time_s = time_s
        self.speed += _share(self.speed_cutoff_hz, step_s) * ((value - self.value) / step_s - self.speed)
        self.value += _share(self.min_cutoff_hz + self.slope * abs(self.speed), step_s) * (value - self.value)
        return self.value

    def move_clock(self, by_s: float) -> None:
        """The caller's clock jumped by by_s: measure the next step from there."""
        self._time_s += by_s

    def start_at(self, value: float, time_s: float) -> None:
        """Forget the past and stand at value."""
        self.value, self.speed, self._time_s = value, 0.0, time_s


def ease(value: float, target: float, step_s: float, time_constant_s: float) -> float:
    """value moved towards target as an exponential with the given time constant does in step_s."""
    return target + (value - target) * math.exp(-max(0.0, step_s) / max(1e-6, time_constant_s))


def clamp(value: float, low: float = 0.0, high: float = 1.0) -> float:
    """value within low..high; anything not finite becomes low."""
    return min(high, max(low, value)) if math.isfinite(value) else low


def _share(cutoff_hz: float, step_s: float) -> float:
    return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz * step_s))
