"""Stills in, cut-outs out: what is visible of each; cut-outs and placements in, a collage out."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from installation.signals import Still
from installation.stages import pixels as px

FAINT = 0.02  # alpha below this is nothing
SMALL_PX = 144  # longer side of a cut-out in the search
STRIP_ROWS = 512
MAP_PX = 320
KEPT = 128  # cut-outs that are kept for the next composition
KEPT_PX = 2_000_000  # larger pictures are not kept for the next composition


@dataclass(frozen=True)
class Cutout:
    """What is visible of a still: box (top, bottom, left, right) px; alpha and interest of it, small [(h, w), 0..1].

    Two cut-outs of the same key are the same, so that what was worked out of one is kept for the next composition.
    """

    key: str
    still: Still = field(compare=False, repr=False)
    box: tuple[int, int, int, int] = field(compare=False)
    alpha: np.ndarray = field(compare=False, repr=False)
    interest: np.ndarray = field(compare=False, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px of the visible part."""
        top, bottom, left, right = self.box
        return right - left, bottom - top

    @property
    def extent_px(self) -> float:
        """How large it looks: between its longer side and the root of its area, so that thin things count for less."""
        width, height = self.size
        return (max(width, height) + (width * height) ** 0.5) / 2


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


def cut(still: Still) -> Cutout:
    """The visible part of a still, small. Raises ValueError when all of it is transparent.

    A still that was never looked at for interest is of interest where it is solid. What was cut before is found again
    by the still's key, which always stands for the same pixels, and by its map.
    """
    found = still.maps.get("interest")
    key = f"{still.key}-{0 if found is None else zlib.crc32(np.ascontiguousarray(found).tobytes())}"
    if not still.key or key not in _cut:
        while len(_cut) >= KEPT:
            _cut.pop(next(iter(_cut)))
        _cut[key] = _cut_new(still, key)
    return _cut[key]


_cut: dict[str, Cutout] = {}


def _cut_new(still: Still, key: str) -> Cutout:
    small, box = reduce_to_content(still.pixels, SMALL_PX)
    alpha = px.split(small)[1]
    size = alpha.shape[1], alpha.shape[0]
    found = still.maps.get("interest")
    interest = alpha if found is None else cv2.resize(_crop(found, box, still), size, interpolation=cv2.INTER_AREA)
    interest = (interest * alpha).astype(np.float32)
    if interest.sum() <= 0:
        interest = alpha
    if not still.key:
        key += f"-{still.pixels.shape}-{zlib.crc32(small.tobytes())}"
    return Cutout(key, still, box, alpha, interest)


def content_box(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) px of what is visible. Raises ValueError when nothing is."""
    height, width = pixels.shape[:2]
    if pixels.shape[2] < 4:
        return 0, height, 0, width
    white = np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 1
    visible = pixels[..., 3] > FAINT * white
    rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    if not len(rows):
        raise ValueError(f"nothing of interest: all of its {width}x{height} pixels are transparent")
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def reduce_to_content(pixels: np.ndarray, longest_px: int) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """The visible part of a picture, small (float32 0..1), and where it lies: (top, bottom, left, right) px.

    Huge pictures are thinned before they are averaged, so that no copy of them is made.
    """
    top, bottom, left, right = box = content_box(pixels)
    size = px.fit((right - left, bottom - top), longest_px)
    steps = max(1, (bottom - top) // (4 * size[1])), max(1, (right - left) // (4 * size[0]))
    return px.resize(pixels[top : bottom : steps[0], left : right : steps[1]], size), box


def _crop(found: np.ndarray, box: tuple[int, int, int, int], still: Still) -> np.ndarray:
    """The part of a still's map that belongs to a box of its pixels; at least one cell."""
    height, width = still.pixels.shape[:2]
    rows, columns = found.shape[0] / height, found.shape[1] / width
    top, left = int(box[0] * rows), int(box[2] * columns)
    bottom, right = max(top + 1, round(box[1] * rows)), max(left + 1, round(box[3] * columns))
    return np.ascontiguousarray(found[top:bottom, left:right], np.float32)


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
    edges = [(row, min(row + STRIP_ROWS, height)) for row in range(0, height, STRIP_ROWS)]
    for first, last in edges:
        y0, y1 = (top + round(row * (bottom - top) / height) for row in (first, last))
        rgb, alpha = px.split(cutout.still.pixels[y0:y1, left:right])
        strip = np.dstack([rgb * alpha[..., None], alpha])
        whole[first:last] = cv2.resize(strip, (width, last - first), interpolation=cv2.INTER_AREA)
    return whole
