"""Cut-outs and placements in, a collage out: drawn at any size from the pixels that the references have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from installation.stages import pixels as px
from installation.stages.cutouts import Cutout

STRIP_ROWS = 512
MAP_PX = 320
KEPT_PX = 2_000_000  # larger pictures are not kept for the next composition


@dataclass(frozen=True)
class Placement:
    """Where a cut-out lies, in units that no picture size changes.

    size is its extent in parts of the root of the frame's area, x and y its middle in parts of width and height.
    """

    source: str
    key: str
    size: float
    rotation_deg: float
    flip: bool
    x: float
    y: float

    def to_note(self) -> dict[str, Any]:
        """Plain values for the sidecar."""
        return {
            name: round(float(value), 5) if isinstance(value, float) else value for name, value in asdict(self).items()
        }


def lay(size: tuple[int, int], extent: float, place: Placement, frame: tuple[float, float]) -> np.ndarray:
    """The 2x3 matrix that carries a cut-out of size (width, height) and that extent to its place in a frame, in px.

    Both count from the upper left corner of the first pixel, not from its middle.
    """
    scale = place.size * (frame[0] * frame[1]) ** 0.5 / extent
    angle = np.radians(place.rotation_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * scale
    if place.flip:
        turn[:, 0] *= -1
    middle = np.array([place.x * frame[0], place.y * frame[1]])
    return np.column_stack([turn, middle - turn @ (np.array(size) / 2)])


def warp(picture: np.ndarray, matrix: np.ndarray, frame: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """A picture (float32, premultiplied) carried by a matrix -> the part of the frame it touches, its corner (y, x).

    It is first made smaller by area, so that nothing is left out between the samples.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    height, width = picture.shape[:2]
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.array([[width / size[0], 0, 0], [0, height / size[1], 0], [0, 0, 1]])
        height, width = picture.shape[:2]
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    x0, y0 = (int(max(0, np.floor(c.min()) - 1)) for c in corners)
    x1, y1 = (int(min(side, np.ceil(c.max()) + 1)) for c, side in zip(corners, frame, strict=True))
    if x1 <= x0 or y1 <= y0:
        return np.zeros((0, 0, *picture.shape[2:]), np.float32), (0, 0)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (0.5, 0.5) - (0.5, 0.5) - (x0, y0)  # OpenCV counts from the middles of pixels
    drawn = cv2.warpAffine(picture, moved, (x1 - x0, y1 - y0), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    return np.clip(drawn, 0, 1), (y0, x0)


def draw(cutouts: Sequence[Cutout], places: Sequence[Placement], frame: tuple[int, int]) -> np.ndarray:
    """Lay cut-outs over one another, the first lowest, on transparent ground -> (H, W, 4) float32, straight alpha."""
    whole = np.zeros((frame[1], frame[0], 4), np.float32)
    for cutout, place in zip(cutouts, places, strict=True):
        matrix = lay(cutout.size, cutout.extent_px, place, frame)
        picture, shrunk = _premultiplied(cutout, matrix)
        drawn, (y, x) = warp(picture, matrix @ np.diag([*shrunk, 1.0]), frame)
        part = whole[y : y + drawn.shape[0], x : x + drawn.shape[1]]
        part *= 1 - drawn[..., 3:]
        part += drawn
    alpha = whole[..., 3:]
    whole[..., :3] *= 1 / np.maximum(alpha, 1e-4)
    return np.clip(whole, 0, 1, out=whole)


def draw_interest(cutouts: Sequence[Cutout], places: Sequence[Placement], frame: tuple[int, int]) -> np.ndarray:
    """The maps of interest as far as they can still be seen, laid as the cut-outs are -> (h, w) float32, at most 1."""
    size = px.fit(frame, MAP_PX)
    whole = np.zeros((size[1], size[0]), np.float32)
    for cutout, place in zip(cutouts, places, strict=True):
        both = np.dstack([cutout.interest, cutout.alpha])
        matrix = lay(cutout.size, cutout.extent_px, place, size)
        shrunk = cutout.size[0] / both.shape[1], cutout.size[1] / both.shape[0]
        drawn, (y, x) = warp(both, matrix @ np.diag([*shrunk, 1.0]), size)
        part = whole[y : y + drawn.shape[0], x : x + drawn.shape[1]]
        part *= 1 - drawn[..., 1]
        part += drawn[..., 0]
    return np.clip(whole, 0, 1)


def _premultiplied(cutout: Cutout, matrix: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """The cut-out's pixels, halved as often as the matrix allows, and how many of its pixels one of them stands for."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    halvings = max(0, int(np.floor(-np.log2(max(scale, 1e-9)))))
    size = cutout.size[0] >> halvings, cutout.size[1] >> halvings
    shrink = _halved if size[0] * size[1] <= KEPT_PX else _halved.__wrapped__
    picture = shrink(cutout, halvings)
    return picture, (cutout.size[0] / picture.shape[1], cutout.size[1] / picture.shape[0])


@lru_cache(maxsize=32)
def _halved(cutout: Cutout, halvings: int) -> np.ndarray:
    """The visible part, premultiplied float32 (H, W, 4), made smaller by area; strip by strip, as it may be huge."""
    top, bottom, left, right = cutout.box
    step = 2**halvings
    width, height = max(1, (right - left) // step), max(1, (bottom - top) // step)
    whole = np.empty((height, width, 4), np.float32)
    mask = None if cutout.mask is None else _enlarge(cutout.mask, cutout.size)
    edges = [(row, min(row + STRIP_ROWS, height)) for row in range(0, height, STRIP_ROWS)]
    for first, last in edges:
        y0, y1 = (top + round(row * (bottom - top) / height) for row in (first, last))
        rgb, alpha = px.split(cutout.still.pixels[y0:y1, left:right])
        if mask is not None:
            alpha = alpha * mask[y0 - top : y1 - top]
        strip = np.dstack([rgb * alpha[..., None], alpha])
        whole[first:last] = cv2.resize(strip, (width, last - first), interpolation=cv2.INTER_AREA)
    return whole


def _enlarge(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A small soft mask at size (width, height), its edge about as soft as before in pixels of the picture."""
    factor = max(1.0, size[0] / mask.shape[1])
    smooth = cv2.resize(mask, size, interpolation=cv2.INTER_CUBIC)
    return np.clip((smooth - 0.5) * min(factor, 4) + 0.5, 0, 1)
