"""Stills in, cut-outs out: what is visible of each, cropped, and small copies of it for the search."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import cv2
import numpy as np

from installation.signals import Still
from installation.stages import pixels as px
from installation.stages.photographs import find_object

FAINT = 0.02  # alpha below this is nothing
SMALL_PX = 144  # longer side of a cut-out in the search
PHOTO_PX = 320  # longer side of a photograph in which an object is looked for
KEPT = 128  # cut-outs that are kept for the next composition


@dataclass(frozen=True)
class Cutout:
    """What is visible of a still: box (top, bottom, left, right) px; alpha and interest of it, small [(h, w), 0..1].

    mask [(h, w), 0..1] or None says what of the box belongs to it where the still has no alpha of its own.
    Two cut-outs of the same key are the same, so that what was worked out of one is kept for the next composition.
    """

    key: str
    still: Still = field(compare=False, repr=False)
    box: tuple[int, int, int, int] = field(compare=False)
    alpha: np.ndarray = field(compare=False, repr=False)
    interest: np.ndarray = field(compare=False, repr=False)
    mask: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px of the visible part."""
        top, bottom, left, right = self.box
        return right - left, bottom - top

    @property
    def opaque(self) -> bool:
        """Whether all of its box is solid, as of a photograph that was not cut out."""
        return bool(self.alpha.min() > 1 - FAINT)

    @property
    def extent_px(self) -> float:
        """How large it looks: between its longer side and the root of its area, so that thin things count for less."""
        width, height = self.size
        return (max(width, height) + (width * height) ** 0.5) / 2


def cut(still: Still, photographs: bool = True) -> Cutout:
    """The visible part of a still, small. Raises ValueError when all of it is transparent.

    With `photographs`, what stands out of an opaque picture is cut out of it. A still that was never looked at for
    interest is of interest where it is solid. What was cut before is found again by the still's key, which always
    stands for the same pixels, and by its map.
    """
    found = still.maps.get("interest")
    key = f"{still.key}-{0 if found is None else zlib.crc32(np.ascontiguousarray(found).tobytes())}-{photographs}"
    if not still.key or key not in _cut:
        while len(_cut) >= KEPT:
            _cut.pop(next(iter(_cut)))
        _cut[key] = _cut_new(still, key, photographs)
    return _cut[key]


_cut: dict[str, Cutout] = {}


def _cut_new(still: Still, key: str, photographs: bool) -> Cutout:
    small, box = reduce_to_content(still.pixels, PHOTO_PX)
    rgb, alpha = px.split(small)
    found = still.maps.get("interest")
    size = alpha.shape[1], alpha.shape[0]
    interest = alpha if found is None else cv2.resize(_crop(found, box, still), size, interpolation=cv2.INTER_AREA)
    mask = find_object(rgb, interest) if photographs and found is not None and alpha.min() > 1 - FAINT else None
    if mask is not None:
        box, alpha, interest, mask = _crop_to(mask, box, interest)
    alpha, interest = _shrink(alpha), _shrink((interest * alpha).astype(np.float32))
    if interest.sum() <= 0:
        interest = alpha
    if not still.key:
        key += f"-{still.pixels.shape}-{zlib.crc32(small.tobytes())}"
    return Cutout(key, still, box, alpha, interest, mask)


Box = tuple[int, int, int, int]


def _crop_to(mask: np.ndarray, box: Box, interest: np.ndarray) -> tuple[Box, np.ndarray, np.ndarray, np.ndarray]:
    """The box (px of the still), alpha, interest and mask of what a mask of that box shows."""
    rows, columns = np.flatnonzero((mask > FAINT).any(1)), np.flatnonzero((mask > FAINT).any(0))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    high, wide = (box[1] - box[0]) / mask.shape[0], (box[3] - box[2]) / mask.shape[1]
    top, bottom = (box[0] + round(row * high) for row in (window[0].start, window[0].stop))
    left, right = (box[2] + round(column * wide) for column in (window[1].start, window[1].stop))
    tight = np.ascontiguousarray(mask[window])
    return (top, bottom, left, right), tight, np.ascontiguousarray(interest[window]), tight


def _shrink(matrix: np.ndarray) -> np.ndarray:
    size = px.fit((matrix.shape[1], matrix.shape[0]), SMALL_PX)
    return cv2.resize(matrix, size, interpolation=cv2.INTER_AREA)


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
