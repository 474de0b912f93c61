"""Frame times in, what to leave out next out: bends, then working size, so that a slow machine keeps the pace."""

from __future__ import annotations

import logging
from collections import deque

log = logging.getLogger("installation.live.governor")

LEVELS = ("everything", "without bends", "at 3/4 working size", "at 1/2 working size")
SCALES = (1.0, 1.0, 0.75, 0.5)
CALM_FRAMES, CALM_LIMIT = 600, 600 * 32


class Governor:
    """Sheds one level after `patience` late frames out of a window, takes it back after a long time with room to spare.

    budget_s is the time a frame may take; a frame is late above 1.25 x budget, and there is room below 0.6 x. What was
    taken back and had to be shed again soon is waited for twice as long, so that nothing comes and goes all evening.
    """

    def __init__(self, budget_s: float, window: int = 60, patience: int = 30) -> None:
        self.budget_s = budget_s
        self.level = 0
        self.patience = patience
        self._busy: deque[float] = deque(maxlen=window)
        self._calm_frames = 0
        self._calm_needed = CALM_FRAMES
        self._frames_since_back: int | None = None

    @property
    def scale(self) -> float:
        """Working size as a share of the show's own."""
        return SCALES[self.level]

    def note(self, busy_s: float) -> bool:
        """Record the busy time of one frame; True when the level changed."""
        self._busy.append(busy_s)
        late = sum(b > 1.25 * self.budget_s for b in self._busy)
        room = busy_s < 0.6 * self.budget_s
        if self._frames_since_back is not None:
            self._frames_since_back += 1
        self._calm_frames = self._calm_frames + 1 if room else 0
        if late >= self.patience and self.level < len(LEVELS) - 1:
            return self._move(1, late)
        if self.level and self._calm_frames >= self._calm_needed:
            return self._move(-1, late)
        return False

    def _move(self, step: int, late: int) -> bool:
        if step > 0 and self._frames_since_back is not None:
            soon = self._frames_since_back < self._calm_needed
            self._calm_needed = min(2 * self._calm_needed, CALM_LIMIT) if soon else CALM_FRAMES
        self._frames_since_back = 0 if step < 0 else None
        self.level += step
        self._busy.clear()
        self._calm_frames = 0
        why = f"{late} of the last frames were late" if step > 0 else "there is room again"
        log.warning("drawing %s: %s", LEVELS[self.level], why)
        return True
