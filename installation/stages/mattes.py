"""Pixels and a coarse alpha in, a fine alpha and colours freed of their ground out, strip by strip."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from installation.stages import pixels

STRIP_PX = 4_000_000  # of one strip: about 0.3 GB while it is worked on


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB-encoded float32 0..1 (H, W, 3) -> CIELAB under D65: lightness 0..100, a, b."""
    return cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2LAB)


def lay_on(rgb: np.ndarray, alpha: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """rgb (H, W, 3) over a plain ground (3,), mixed as encoded, as cut-outs are made."""
    return rgb * alpha[..., None] + ground.astype(np.float32) * (1 - alpha[..., None])


def shrink(picture: np.ndarray, longest_px: int) -> tuple[np.ndarray, np.ndarray]:
    """A still of any size as rgb and alpha, float32 0..1, its longer side at most longest_px; by area, by strips.

    Rows are narrowed strip by strip, so that a print's worth of pixels is never in memory as floats.
    """
    height, width = picture.shape[:2]
    new_width, new_height = pixels.fit((width, height), longest_px)
    if (new_width, new_height) == (width, height):
        return pixels.split(picture)
    narrow = np.empty((height, new_width, 4), np.float32)
    for top, bottom in rows(height, width):
        rgb, alpha = pixels.split(picture[top:bottom])
        whole = pixels.join(rgb * alpha[..., None], alpha)
        narrow[top:bottom] = cv2.resize(whole, (new_width, bottom - top), interpolation=cv2.INTER_AREA)
    small = cv2.resize(narrow, (new_width, new_height), interpolation=cv2.INTER_AREA).reshape(new_height, new_width, 4)
    alpha = np.clip(small[..., 3], 0, 1)
    rgb = np.where(alpha[..., None] > 1e-4, small[..., :3] / np.maximum(alpha[..., None], 1e-4), 0)
    return np.clip(rgb, 0, 1), alpha


def rows(height: int, width: int) -> Iterator[tuple[int, int]]:
    """(top, bottom) of strips that together cover a picture."""
    step = max(1, min(height, STRIP_PX // max(1, width)))
    for top in range(0, height, step):
        yield top, min(height, top + step)


def strips(height: int, width: int, margin_px: int) -> Iterator[tuple[slice, slice, slice]]:
    """Strips with a margin above and below: rows to read, rows to write, and where the latter lie in the former."""
    for top, bottom in rows(height, width):
        first, last = max(0, top - margin_px), min(height, bottom + margin_px)
        yield slice(first, last), slice(top, bottom), slice(top - first, bottom - first)


def enlarge(small: np.ndarray, height: int, width: int, read: slice) -> np.ndarray:
    """Some rows of a small float32 map (h, w[, c]) as they are at height x width: linear, pixel centres in place."""
    down, across = small.shape[0] / height, small.shape[1] / width
    y = np.clip((np.arange(read.start, read.stop, dtype=np.float32) + 0.5) * down - 0.5, 0, small.shape[0] - 1)
    first, last = int(y[0]), min(small.shape[0], int(y[-1]) + 2)
    wide = small[first:last]
    if small.shape[1] != width:
        x = np.clip((np.arange(width, dtype=np.float32) + 0.5) * across - 0.5, 0, small.shape[1] - 1)
        left, weight = np.minimum(x.astype(int), small.shape[1] - 1), (x - x.astype(int))
        right = np.minimum(left + 1, small.shape[1] - 1)
        weight = weight if small.ndim == 2 else weight[:, None]
        wide = wide[:, left] * (1 - weight) + wide[:, right] * weight
    above = np.minimum(y.astype(int) - first, len(wide) - 1)
    below = np.minimum(above + 1, len(wide) - 1)
    part = (y - y.astype(int)).reshape(-1, *[1] * (small.ndim - 1))
    return (wide[above] * (1 - part) + wide[below] * part).astype(np.float32)


def guide(target: np.ndarray, by: np.ndarray, radius_px: int, epsilon: float) -> np.ndarray:
    """Coefficients (H, W, 2) of the guided filter (He, Sun and Tang 2013): target is c0 x by + c1 around each pixel.

    Taken at a small size and enlarged they carry a coarse alpha onto a fine picture (He and Sun 2015).
    """
    size = (2 * radius_px + 1,) * 2

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, size, borderType=cv2.BORDER_REFLECT)

    mean_by, mean_target = mean(by), mean(target)
    slope = (mean(by * target) - mean_by * mean_target) / (mean(by * by) - mean_by * mean_by + epsilon)
    offset = mean_target - slope * mean_by
    return np.dstack([mean(slope), mean(offset)]).astype(np.float32)


def free_of_ground(rgb: np.ndarray, alpha: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """The colour of the object itself where the ground (3,) shines through: rgb = alpha object + (1 - alpha) ground.

    Where alpha is too low to say, the colour is drawn from the surer pixels nearby, so that no fringe is left.
    """
    solved = (rgb - (1 - alpha[..., None]) * ground.astype(np.float32)) / np.maximum(alpha[..., None], 0.05)
    solved = np.clip(solved, 0, 1)
    weight = alpha * alpha
    size = (9, 9)
    near = cv2.blur(solved * weight[..., None], size) / np.maximum(cv2.blur(weight, size), 1e-3)[..., None]
    trust = smoothstep(0.1, 0.5, alpha)[..., None]
    return np.clip(solved * trust + near * (1 - trust), 0, 1)


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 up to low, 1 from high, smooth between."""
    t = np.clip((x - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    return t * t * (3 - 2 * t)
