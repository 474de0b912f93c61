"""Sightings of one hand in; what it does out, 0..1: smoothed, coming and going gently, and what it is taken for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from installation.features.euro import OneEuro, clamp, ease
from installation.features.hand_shape import centre_of, shape_of

if TYPE_CHECKING:
    from installation.features.hands import Settings

REST = {"x": 0.5, "y": 0.5, "height": 0.0, "openness": 0.0, "pinch": 0.0, "spread": 0.0, "roll": 0.5, "speed": 0.0}
BELIEF_SHARE = 0.1  # of one sighting in what a hand is taken for: about a second of sightings
FAST = 1.2  # picture heights a second: speed reads 0.63 there


class Hand:
    """One side's hand: what was last measured, smoothed, and how present it is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._filters = {name: OneEuro(settings.min_cutoff_hz, settings.slope) for name in REST}
        self._measured = dict(REST)
        self.centre = (0.5, 0.5)
        self.velocity = (0.0, 0.0)  # of the centre, a second
        self.right = 0.5  # how surely it is a right hand, by all that was seen of it
        self.seen_s = -math.inf
        self.presence = 0.0

    def see(self, points: np.ndarray, right: float, aspect: float, time_s: float) -> None:
        """Take in landmarks [shape=(21, 3)] of the frame at time_s, of a hand that is `right` surely a right one."""
        centre, step_s = centre_of(points), time_s - self.seen_s
        if 0 < step_s < self._settings.hold_s:
            now = ((centre[0] - self.centre[0]) / step_s, (centre[1] - self.centre[1]) / step_s)
            self.velocity = (self.velocity[0] + now[0]) / 2, (self.velocity[1] + now[1]) / 2
            self.right += BELIEF_SHARE * (right - self.right)
        else:
            self.velocity, self.right = (0.0, 0.0), right
        moved = math.hypot(centre[0] - self.centre[0], (centre[1] - self.centre[1]) * aspect) / aspect
        speed = moved / step_s if 0 < step_s < self._settings.hold_s else 0.0
        self._measured = shape_of(points, aspect) | {"speed": 1.0 - math.exp(-speed / FAST)}
        if self.presence < 0.02:  # a new hand: nothing of the last one's place may linger
            for name, smooth in self._filters.items():
                smooth.start_at(self._measured[name], time_s)
        self.centre, self.seen_s = centre, time_s

    def expected(self, time_s: float) -> tuple[float, float]:
        """Where it will be at time_s, if it moves on as it does."""
        step_s = min(max(0.0, time_s - self.seen_s), self._settings.hold_s)
        return self.centre[0] + step_s * self.velocity[0], self.centre[1] + step_s * self.velocity[1]

    def move_clock(self, by_s: float) -> None:
        self.seen_s += by_s
        for smooth in self._filters.values():
            smooth.move_clock(by_s)

    def held(self, now_s: float) -> bool:
        return now_s - self.seen_s <= self._settings.hold_s

    def values(self, now_s: float, step_s: float) -> dict[str, float]:
        """present and every name of REST at now_s: the smoothed measurement, faded from and to rest by presence."""
        here = self.held(now_s)
        fade_s = self._settings.appear_s if here else self._settings.rest_s
        self.presence = ease(self.presence, 1.0 if here else 0.0, step_s, fade_s)
        values = {"present": clamp(self.presence)}
        for name, rest in REST.items():
            smooth = self._filters[name](self._measured[name], now_s) if here else self._filters[name].value
            value = rest if math.isnan(smooth) else rest + self.presence * (smooth - rest)
            values[name] = clamp(value)
        return values
