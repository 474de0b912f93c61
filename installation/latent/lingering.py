"""Where on a map the show stands in, moment by moment; how long visitors lingered where out: numbers, and no more."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from installation import files

SIDE = 48  # cells of the map, each way
SAVE_EVERY_S = 30.0
FILE = "lingered.json"


class Lingering:
    """Seconds for each cell of one map, carried on from evening to evening."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.seconds = read(folder)
        self._saved_s = 0.0

    def note(self, x: float, y: float, seconds: float) -> None:
        """So long at a place 0..1."""
        row, column = (min(SIDE - 1, max(0, int(place * SIDE))) for place in (y, x))
        self.seconds[row, column] += max(0.0, seconds)

    def save(self, now_s: float, at_once: bool = False) -> None:
        """Onto the disk, now and then. Raises OSError."""
        if at_once or now_s - self._saved_s >= SAVE_EVERY_S:
            self._saved_s = now_s
            files.write_json(self.path, {"seconds": self.seconds.round(1).tolist()}, lasting=False)


def read(folder: Path) -> np.ndarray:
    """Seconds (SIDE, SIDE); none where nothing was counted, or what was is torn."""
    try:
        seconds = np.array(json.loads((folder / FILE).read_text("utf-8"))["seconds"], float)
        if seconds.shape == (SIDE, SIDE) and np.isfinite(seconds).all() and (seconds >= 0).all():
            return seconds
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return np.zeros((SIDE, SIDE))
