"""A start, a goal and a time in; the value of any instant on the way out. What is written down is gone on with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST = 1e15


@dataclass(frozen=True, slots=True)
class Ramp:
    """From start to goal, smoothly, over fade_s seconds from begin_s on."""

    start: float
    goal: float
    begin_s: float = 0.0
    fade_s: float = 0.0

    @property
    def end_s(self) -> float:
        """From when on it is at its goal."""
        return self.begin_s + self.fade_s if self.fade_s > 0.0 else -math.inf

    def progress(self, now_s: float) -> float:
        """How far along, 0..1."""
        if self.fade_s <= 0.0 or now_s >= self.begin_s + self.fade_s:
            return 1.0
        x = max(0.0, (now_s - self.begin_s) / self.fade_s)
        return x * x * (3.0 - 2.0 * x)

    def at(self, now_s: float) -> float:
        """The value at an instant."""
        return mix(self.start, self.goal, self.progress(now_s))

    def left(self, now_s: float) -> list[float]:
        """Value now, goal, and seconds still to go."""
        return [self.at(now_s), self.goal, max(0.0, self.begin_s + self.fade_s - now_s)]


def mix(start: float, goal: float, progress: float) -> float:
    """From start (progress 0) to goal (progress 1), both exactly."""
    return start * (1.0 - progress) + goal * progress


def is_number(value: Any) -> bool:
    """Whether what was written down is a number that can be reckoned with; an int may be too long for that."""
    return isinstance(value, int | float) and -MOST <= value <= MOST


def ramps(table: Any, now_s: float) -> dict[str, Ramp]:
    """Fades as `Ramp.left` wrote them down, by name, begun anew at now_s; what is none is left out."""
    found = {}
    for name, row in table.items() if isinstance(table, Mapping) else ():
        if isinstance(row, list) and len(row) == 3 and all(map(is_number, row)):
            found[str(name)] = Ramp(float(row[0]), float(row[1]), now_s, max(0.0, float(row[2])))
    return found
