"""What a network did to the colours in, what to take off them again out: a coarse map of colour differences."""

from __future__ import annotations

import cv2
import numpy as np

from installation.stages.upscale.tiles import CELL_PX, Tile


class Drift:
    """How far the enlarged picture's colours have drifted from the input's, cell by cell of 16 x 16 input pixels.

    Networks shift the colour of whole areas; only what is coarser than a few cells is measured, so the detail that
    they make is left alone. Differences weigh by alpha. 0.05 byte for each pixel of the input is all that is kept.
    """

    def __init__(self, height: int, width: int) -> None:
        cells = -(-height // CELL_PX), -(-width // CELL_PX)
        self.sums, self.weights = np.zeros((*cells, 3), np.float32), np.zeros(cells, np.float32)

    def add(self, tile: Tile, before: np.ndarray, after: np.ndarray, alpha: np.ndarray) -> None:
        """before [shape=(h, w, 3), float32], after [shape=(h * s, w * s, 3)], alpha [shape=(h, w)], all of the tile."""
        small = cv2.resize(after, (tile.width, tile.height), interpolation=cv2.INTER_AREA)
        top, left = tile.top // CELL_PX, tile.left // CELL_PX
        sums = _sum_cells((small - before) * alpha[..., None])
        here = slice(top, top + sums.shape[0]), slice(left, left + sums.shape[1])
        self.sums[here], self.weights[here] = sums, _sum_cells(alpha)

    def smooth(self) -> np.ndarray:
        """The drift [shape=(cells down, cells across, 3), float32], without anything that changes from cell to cell."""
        mixed, weight = (
            cv2.GaussianBlur(x, (0, 0), 1.0, borderType=cv2.BORDER_REFLECT) for x in (self.sums, self.weights)
        )
        return mixed / np.maximum(weight, 1e-3)[..., None] * (weight > 1e-3)[..., None]


def take_off(band: np.ndarray, drift: np.ndarray, top: int, scale: int) -> None:
    """Take the drift off a band of the enlarged picture, in place.

    band [shape=(n, W, 3 or more), float32], its first row is row `top` of the enlarged picture.
    """
    cell = CELL_PX * scale
    down = np.clip((np.arange(top, top + len(band)) + 0.5) / cell - 0.5, 0, len(drift) - 1)
    across = np.clip((np.arange(band.shape[1]) + 0.5) / cell - 0.5, 0, drift.shape[1] - 1)
    first, last = int(down[0]), min(int(down[-1]) + 1, len(drift) - 1)
    left = across.astype(int)
    part = (across - left).astype(np.float32)[None, :, None]
    right = np.minimum(left + 1, drift.shape[1] - 1)
    lines = drift[first : last + 1]
    wide = lines[:, left] * (1 - part) + lines[:, right] * part  # (cells, W, 3)
    for cells in range(first, last + 1):
        rows = np.flatnonzero(down.astype(int) == cells)
        if rows.size:
            here = slice(rows[0], rows[-1] + 1)
            share = (down[here] - cells).astype(np.float32)[:, None, None]
            below = wide[min(cells + 1, last) - first]
            band[here, :, :3] -= wide[cells - first] * (1 - share) + below * share


def _sum_cells(values: np.ndarray) -> np.ndarray:
    down = np.add.reduceat(values, np.arange(0, values.shape[0], CELL_PX), axis=0)
    return np.add.reduceat(down, np.arange(0, values.shape[1], CELL_PX), axis=1)
