"""What each frame took in; how much may be drawn from now on out: less when late, more when there is room."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from installation.settings import Screen

log = logging.getLogger("installation.live.governor")

LATE, ROOM = 1.25, 0.7  # of the time there is
CALM_FRAMES, CALM_LIMIT = 300, 300 * 64
STEP = 1.26  # from one working size to the next: 1.6 times the pixels
EASY_FPS = 24.0  # what a machine without room is asked for before the picture gets softer
SMALLER = (0.75, 0.5)  # of the show's own working size, when nothing else helps
PICTURE_FRAMES = 4  # that a picture of the generator may stay before bends are left out


@dataclass(frozen=True)
class Rung:
    """One way to play. load is what it costs beside the others; fps and size are for whoever draws."""

    words: str
    budget_s: float
    load: float = 1.0
    fps: float = 0.0
    size: tuple[int, int] = (0, 0)


class Governor:
    """Stands on one of some rungs, the best one first, and goes down or up by what frames take.

    Down after `patience` late frames out of a window; up after a calm time in which the rung above, by its load, would
    have left room. What was gone up to and had to be left again soon is waited for twice as long, so that nothing
    comes and goes all evening. budget_s of a rung is the time that a frame may take on it.
    """

    def __init__(self, rungs: Sequence[Rung], at: int = 0, window: int = 60, patience: int = 30) -> None:
        self.rungs, self.at, self.patience = tuple(rungs), at, patience
        self._busy: deque[float] = deque(maxlen=window)
        self._calm_frames = 0
        self._calm_needed = CALM_FRAMES
        self._frames_since_up: int | None = None

    @property
    def rung(self) -> Rung:
        return self.rungs[self.at]

    def note(self, busy_s: float, room: bool = True) -> bool:
        """Record what one frame took; room=False says that others need what is left. True when the rung changed."""
        self._busy.append(busy_s)
        if self._frames_since_up is not None:
            self._frames_since_up += 1
        self._calm_frames = self._calm_frames + 1 if self.at and room and self._fits_above(busy_s) else 0
        late = sum(b > LATE * self.rung.budget_s for b in self._busy)
        if late >= self.patience and self.at < len(self.rungs) - 1:
            self._move(1, f"{late} of the last {len(self._busy)} frames were late")
            return True
        if self._calm_frames >= self._calm_needed:
            self._move(-1, "there is room")
            return True
        return False

    def _fits_above(self, busy_s: float) -> bool:
        above = self.rungs[self.at - 1]
        return busy_s * above.load / self.rung.load < ROOM * above.budget_s

    def _move(self, step: int, why: str) -> None:
        if step > 0 and self._frames_since_up is not None:
            soon = self._frames_since_up < self._calm_needed
            self._calm_needed = min(2 * self._calm_needed, CALM_LIMIT) if soon else CALM_FRAMES
        self._frames_since_up = 0 if step < 0 else None
        self.at += step
        self._busy.clear()
        self._calm_frames = 0
        log.log(logging.WARNING if step > 0 else logging.INFO, "drawing %s: %s", self.rung.words, why)


def drawing(screen: Screen, gpu: bool) -> Governor:
    """The governor of what is drawn: the effects' size up to the projector's own, then the pace, then a smaller size.

    A GPU begins at the projector's size; where effects are drawn by a processor they begin at the show's working size.
    """
    own, full = screen.working_size, screen.size
    steps = max(0, math.ceil(math.log(max(full[0] / own[0], full[1] / own[1])) / math.log(STEP) - 1e-6))
    larger = [_between(own, full, step / steps) for step in range(steps, 0, -1)]
    smaller = [(max(16, round(own[0] * s)), max(16, round(own[1] * s))) for s in SMALLER]
    easy_fps = min(screen.fps, EASY_FPS)
    rungs = [_rung(screen.fps, size) for size in (*larger, own)]
    if easy_fps < screen.fps:
        rungs.append(_rung(easy_fps, own))
    return Governor([*rungs, *(_rung(easy_fps, size) for size in smaller)], 0 if gpu else len(larger))


def painting(screen: Screen) -> Governor:
    """The governor of the generator: with its bends, or without them."""
    budget_s = PICTURE_FRAMES / screen.fps
    return Governor([Rung("with bends", budget_s, 1.2), Rung("without bends", budget_s)])


def _between(own: tuple[int, int], full: tuple[int, int], share: float) -> tuple[int, int]:
    """A size on the way from the show's to the projector's, each step as large as the one before."""
    width, height = (round(a * (b / a) ** share / 2) * 2 for a, b in zip(own, full, strict=True))
    return width, height


def _rung(fps: float, size: tuple[int, int]) -> Rung:
    words = f"{fps:g} frames a second at {size[0]}x{size[1]}"
    return Rung(words, 1.0 / fps, float(size[0] * size[1]), fps, size)
