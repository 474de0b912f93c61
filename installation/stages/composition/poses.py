"""Cut-outs in, poses out: how a cut-out looks on the search's grid, turned and scaled, with its Fourier transforms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from installation.stages.composition.collage import Placement, lay, warp
from installation.stages.cutouts import Cutout

SIZE_STEP = 1.1  # sizes of the search are powers of it, so that transforms are found again
SEEN = 0.05  # alpha on the grid from which a cell belongs to an object


@dataclass(frozen=True)
class Grid:
    """The frame in the search: (width, height) cells of it, and a rim all round for what hangs over."""

    frame: tuple[int, int]
    rim: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) with the rim."""
        return self.frame[1] + 2 * self.rim, self.frame[0] + 2 * self.rim

    @property
    def inner(self) -> tuple[slice, slice]:
        """The frame without the rim, as an index."""
        return np.s_[self.rim : self.rim + self.frame[1], self.rim : self.rim + self.frame[0]]


@dataclass(frozen=True, eq=False)
class Pose:
    """A cut-out turned and scaled: alpha and interest of its tight box, their transforms, and how large it is.

    area is the sum of alpha in cells; middle (y, x) is where the cut-out's middle lies from the box's corner. The
    transforms are of alpha and interest that sum to 1, conjugated, so that a product with a field's is a correlation.
    """

    size: float
    rotation_deg: float
    flip: bool
    alpha: np.ndarray
    interest: np.ndarray
    area: float
    middle: tuple[float, float]
    alpha_waves: np.ndarray
    interest_waves: np.ndarray

    def room(self, grid: Grid) -> tuple[int, int]:
        """How many positions (rows, columns) its box has on the grid."""
        return grid.shape[0] - self.alpha.shape[0] + 1, grid.shape[1] - self.alpha.shape[1] + 1


def make_grid(frame: tuple[int, int], longest: int) -> Grid:
    """The grid for a frame (width, height) px: only its shape counts, so that every working size composes alike."""
    scale = longest / max(frame)
    return Grid((max(8, round(frame[0] * scale)), max(8, round(frame[1] * scale))), max(2, longest // 10))


def waves(matrix: np.ndarray) -> np.ndarray:
    """The Fourier transform of a matrix on the grid."""
    return np.fft.rfft2(matrix).astype(np.complex64)


@lru_cache(maxsize=2048)
def pose_of(cutout: Cutout, step: int, rotation_deg: float, flip: bool, grid: Grid) -> Pose | None:
    """A cut-out at the size SIZE_STEP ** step, turned and flipped; None when it is larger than the grid."""
    place = Placement("", "", SIZE_STEP**step, rotation_deg, flip, 1.0, 1.0)
    twice = 2 * grid.frame[0], 2 * grid.frame[1]  # room to turn in: the middle lies at (frame width, frame height)
    both, corner = warp(np.dstack([cutout.alpha, cutout.interest]), lay_small(cutout, place, grid), twice)
    box = seen_box(both[..., 0])
    if box is None:  # thinner than a cell: a dot stands for it
        return make_pose(np.ones((1, 1, 2), np.float32), place, (0.5, 0.5), grid)
    tight = both[box]
    if tight.shape[0] > grid.shape[0] or tight.shape[1] > grid.shape[1]:
        return None
    middle = grid.frame[1] - corner[0] - float(box[0].start), grid.frame[0] - corner[1] - float(box[1].start)
    return make_pose(tight, place, middle, grid)


def make_pose(both: np.ndarray, place: Placement, middle: tuple[float, float], grid: Grid) -> Pose:
    """A pose from its tight alpha and interest [(h, w, 2)], with their transforms."""
    alpha, interest = np.ascontiguousarray(both[..., 0]), np.ascontiguousarray(both[..., 1])
    area, mass = max(float(alpha.sum()), 1e-6), max(float(interest.sum()), 1e-6)
    found = np.conj(np.fft.rfft2(np.stack([alpha / area, interest / mass]), grid.shape)).astype(np.complex64)
    return Pose(place.size, place.rotation_deg, place.flip, alpha, interest, area, middle, found[0], found[1])


def seen_box(alpha: np.ndarray) -> tuple[slice, slice] | None:
    """The tight box of what can be seen, as an index; None when nothing can."""
    seen = alpha > SEEN
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    return np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else None


def lay_small(cutout: Cutout, place: Placement, grid: Grid) -> np.ndarray:
    """The matrix that carries a cut-out's small maps to its place in the grid's frame."""
    height, width = cutout.alpha.shape
    shrunk = cutout.size[0] / width, cutout.size[1] / height
    return lay(cutout.size, cutout.extent_px, place, grid.frame) @ np.diag([*shrunk, 1.0])
