"""Lines in, the ink that a pen leaves on paper out: how much of each pixel it covers, at any size, strip by strip."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

SHIFT = 4  # places of a sixteenth of a pixel
HAIR_PX = 1.35  # how wide OpenCV's thinnest soft line is
BROAD_PX = 4.0  # from here on lines are filled; below, which takes a tenth of the time, they are laid of hairs
SOFT_PX = 0.7  # by which the soft edges widen a filled one
FINER = 3  # broad lines are drawn so much larger, with soft edges, and averaged


def ink(
    closed: np.ndarray,
    open_: Sequence[np.ndarray],
    width_px: float,
    size: tuple[int, int],
    top: int = 0,
) -> np.ndarray:
    """How much of each pixel is inked, (h, w) uint8, in the part of size (width, height) that begins at row top.

    closed [shape=(M, n, 2)] and open lines [each shape=(n, 2)]: x and y in pixels of the whole picture.
    """
    rim = math.ceil(width_px) + 2  # lines that are cut at the very edge of a strip would leave a seam
    tall = (size[0], size[1] + 2 * rim)
    rings = closed[_reach(closed[..., 1], top, size[1], rim)] - (0, top - rim)
    rest = [line - (0, top - rim) for line in open_ if _reach(line[None, :, 1], top, size[1], rim)[0]]
    return _cover(rings, rest, width_px, tall)[rim:-rim]


def _cover(rings: np.ndarray, rest: Sequence[np.ndarray], width_px: float, size: tuple[int, int]) -> np.ndarray:
    if width_px >= BROAD_PX:
        return _fill(rings, rest, width_px, size)
    cover = np.zeros(size[::-1], np.uint8)
    shade = round(255 * min(1.0, width_px / HAIR_PX))
    if width_px <= HAIR_PX:
        _draw(cover, rings, True, shade)
        _draw(cover, rest, False, shade)
        return cover
    segments = np.concatenate([_segments(rings, True), *(_segments(line[None], False) for line in rest)])
    for hair in _hairs(segments, width_px):
        _draw(cover, hair, False, shade)
    return cover


def _fill(rings: np.ndarray, rest: Sequence[np.ndarray], width_px: float, size: tuple[int, int]) -> np.ndarray:
    fine = np.zeros((size[1] * FINER, size[0] * FINER), np.uint8)
    thick = max(1, round(width_px * FINER - SOFT_PX))
    _draw(fine, rings * FINER, True, 255, thick)
    _draw(fine, [line * FINER for line in rest], False, 255, thick)
    return cv2.resize(fine, size, interpolation=cv2.INTER_AREA)


def _draw(
    cover: np.ndarray, lines: np.ndarray | Sequence[np.ndarray], closed: bool, shade: int, thick: int = 1
) -> None:
    """Pixels' middles are at .5 here, at whole numbers there."""
    if len(lines):
        places = [np.round((line - 0.5) * (1 << SHIFT)).astype(np.int32) for line in lines]
        cv2.polylines(cover, places, closed, shade, thick, cv2.LINE_AA, SHIFT)


def _reach(y: np.ndarray, top: int, height: int, rim: int) -> np.ndarray:
    """Which lines, of which all y (M, n) are given, touch a strip with its rim."""
    return (y.max(1) >= top - rim) & (y.min(1) <= top + height + rim)


def _segments(lines: np.ndarray, closed: bool) -> np.ndarray:
    """Lines (M, n, 2) as single strokes (K, 2, 2)."""
    ends = np.roll(lines, -1, 1) if closed else lines[:, 1:]
    return np.stack([lines[:, : ends.shape[1]], ends], 2).reshape(-1, 2, 2)


def _hairs(segments: np.ndarray, width_px: float) -> list[np.ndarray]:
    """Strokes (K, 2, 2) side by side that together are that wide, and a little longer so that corners are filled."""
    along = segments[:, 1] - segments[:, 0]
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], 1)[:, None]
    span = width_px - HAIR_PX
    longer = segments + np.stack([-along, along], 1) * (span / 2)
    offsets = np.linspace(-span / 2, span / 2, math.ceil(span / 0.9) + 1)
    return [longer + across * offset for offset in offsets]
