"""How bright each part of the next frame would be in; how much of that frame may be shown out. Pure, no GL.

WCAG 2.3.1 (general flash and red flash thresholds): not more than three flashes within any one-second period. A flash
is a pair of opposing changes of relative luminance by a tenth of the maximum where the darker one is below 0.80, or a
pair of opposing changes to or from a saturated red, over more than a quarter of any 10 degrees of the visual field; as
the standard does for a screen, a third of the frame's width and height stands for those 10 degrees.
"""

from __future__ import annotations

from collections import deque

import numpy as np

GRID = (9, 16)  # cells, rows and columns
FIELD = (3, 5)  # cells of a 10 degree visual field
FIELD_SHARE = 0.25
SWING = np.array([0.09, 0.055]).reshape(2, 1, 1)  # luminance 0.1 and red 20/320, less a tenth for what rounding adds
DARK = np.array([0.8, np.inf]).reshape(2, 1, 1)  # red has no upper bound
SWINGS_A_SECOND = 6  # three pairs
PERIOD_S = 1.05  # a second, and a frame for the projector's own clock
SHARES = (1.0, 0.5, 0.25, 0.125, 0.0625)
GAMMA = 2.2


class FlashLimiter:
    """Follows what was shown, cell by cell, and holds the next frame back where it would flash a fourth time.

    `limited` counts the flashes that were held back. Arrays are [shape=(2, 9, 16)]: relative luminance and red, 0..1.
    """

    def __init__(self) -> None:
        shape = (2, *GRID)
        self.limited = 0
        self.holding = False
        self.level = 1.0
        self.shown = np.zeros(shape)  # the light on the wall now
        self.peak, self.valley = np.zeros(shape), np.zeros(shape)
        self.rising = np.zeros(shape, np.int8)  # 1 after a swing up, -1 after one down, 0 before any
        self.count = np.zeros(shape, np.int16)  # swings within the last second
        self.past: deque[tuple[float, np.ndarray]] = deque()

    def limit(self, light: np.ndarray, before: np.ndarray, level: float, now_s: float) -> tuple[float, float]:
        """The share of the new frame to mix over the one before, and the master level to show it at.

        light is the new frame's and before the shown frame's, both at full master; level 0..1 is the master asked
        for. A lower level is always granted at once: only brightening waits. Call `show` with what was then drawn.
        """
        self._forget(now_s)
        for share in SHARES:
            granted = self._ease(level, share)
            if not self._flashes(light, before, share, granted):
                self._count_hold(share < 1.0)
                return share, granted
        self._count_hold(True)
        return 0.0, self._ease(level, 0.0)

    def show(self, light: np.ndarray, level: float, now_s: float) -> None:
        """Note what is on the wall from now on: light at full master, and the master."""
        self.level = level
        self.shown = np.clip(light, 0.0, 1.0) * level**GAMMA
        up, down = self._swings(self.shown)
        self.rising[up], self.rising[down] = 1, -1
        self.peak = np.where(up, self.shown, np.maximum(self.peak, self.shown))
        self.valley = np.where(down, self.shown, np.minimum(self.valley, self.shown))
        swung = up | down
        if swung.any():
            self.past.append((now_s, swung))
            self.count += swung

    def _ease(self, level: float, share: float) -> float:
        return level if level <= self.level else self.level + (level - self.level) * share

    def _forget(self, now_s: float) -> None:
        while self.past and not 0.0 <= now_s - self.past[0][0] < PERIOD_S:
            self.count -= self.past.popleft()[1]

    def _swings(self, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which cells would complete a swing up, or down, against their own last turning point."""
        up = (light - self.valley >= SWING) & (self.valley < DARK) & (self.rising != 1)
        down = (self.peak - light >= SWING) & (light < DARK) & (self.rising != -1)
        return up, down

    def _flashes(self, light: np.ndarray, before: np.ndarray, share: float, level: float) -> bool:
        """Whether this mix would be one swing too many in a large enough part of any visual field."""
        mixes = [before + (light - before) * share]
        if share < 1.0:  # pixels are mixed in display values: an even cell comes out darker than its mean light
            mixes.append((before ** (1 / GAMMA) * (1 - share) + light ** (1 / GAMMA) * share) ** GAMMA)
        for mixed in mixes:
            up, down = self._swings(mixed * level**GAMMA)
            over = (up | down) & (self.count >= SWINGS_A_SECOND)
            if over.any() and any(_covers_field(cells) for cells in over):
                return True
        return False

    def _count_hold(self, holding: bool) -> None:
        self.limited += holding and not self.holding
        self.holding = holding


def _covers_field(cells: np.ndarray) -> bool:
    """Whether a quarter of any window of FIELD cells is set."""
    fields = np.lib.stride_tricks.sliding_window_view(cells, FIELD)
    return bool((fields.sum((2, 3)) > FIELD_SHARE * FIELD[0] * FIELD[1]).any())
