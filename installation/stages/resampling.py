"""Rows of a picture in, a picture of another size out, band by band, so that neither is ever wholly in memory."""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable

import numpy as np

from installation.stages.pixels import to_uint16

Rows = Callable[[int, int], np.ndarray]
"""rows(top, bottom) -> float32 (bottom - top, W, C), 0..1: a picture that is read where it is needed."""
Weights = Callable[[int, int, int, int], tuple[int, np.ndarray]]

BAND_VALUES = 1 << 21  # numbers of a band in memory at once, 8 MB as float32
BLOCK_PX = 128


def cubic_weights(length_in: int, length_out: int, start: int, stop: int) -> tuple[int, np.ndarray]:
    """Keys' cubic (1981, a = -0.5), widened when scaling down: which inputs make outputs start .. stop, and how much.

    Its one negative lobe keeps edges crisp; unlike Lanczos' there is no second one, so a cut-out gets no ring.
    Returns the first input and the weights [shape=(stop - start, inputs), float32, rows sum to 1].
    """
    ratio = length_in / length_out
    wide = max(1.0, ratio)
    centres = (np.arange(start, stop) + 0.5) * ratio - 0.5
    first = max(0, math.ceil(centres[0] - 2 * wide))
    last = min(length_in, math.floor(centres[-1] + 2 * wide) + 1)
    x = np.abs(np.arange(first, last)[None] - centres[:, None]) / wide
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    weights = np.where(x < 1, near, np.where(x < 2, far, 0))
    return first, (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def area_weights(length_in: int, length_out: int, start: int, stop: int) -> tuple[int, np.ndarray]:
    """The share that each input has of the area of an output, as a printer or an eye far away would mix them."""
    ratio = length_in / length_out
    low = np.arange(start, stop)[:, None] * ratio
    high = low + ratio
    first, last = int(low[0, 0]), min(length_in, math.ceil(high[-1, 0]))
    inputs = np.arange(first, last)[None]
    weights = np.clip(np.minimum(high, inputs + 1) - np.maximum(low, inputs), 0, None)
    return first, (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def bands(height: int, width: int, channels: int) -> list[tuple[int, int]]:
    """(top, bottom) of the bands in which a picture of that size is worked on."""
    rows = min(256, max(4, BAND_VALUES // (width * channels)))
    return [(top, min(top + rows, height)) for top in range(0, height, rows)]


def scale_band(
    rows: Rows,
    size_in: tuple[int, int],
    size_out: tuple[int, int],
    top: int,
    bottom: int,
    weigh: Weights = cubic_weights,
) -> np.ndarray:
    """Rows top .. bottom of the scaled picture; sizes are (height, width). -> float32 (bottom - top, W out, C)."""
    if size_in[0] == size_out[0]:
        band = rows(top, bottom)
    else:
        first, weights = weigh(size_in[0], size_out[0], top, bottom)
        band = rows(first, first + weights.shape[1])
        band = (weights @ band.reshape(len(band), -1)).reshape(bottom - top, *band.shape[1:])
    return band if size_in[1] == size_out[1] else _scale_width(band, size_out[1], weigh)


def _scale_width(band: np.ndarray, width: int, weigh: Weights) -> np.ndarray:
    height, width_in, channels = band.shape
    planes = np.ascontiguousarray(band.transpose(0, 2, 1)).reshape(-1, width_in)  # (H * C, W in)
    scaled = np.empty((planes.shape[0], width), np.float32)
    for left in range(0, width, BLOCK_PX):
        right = min(left + BLOCK_PX, width)
        first, weights = weigh(width_in, width, left, right)
        np.matmul(planes[:, first : first + weights.shape[1]], weights.T, out=scaled[:, left:right])
    return np.ascontiguousarray(scaled.reshape(height, channels, width).transpose(0, 2, 1))


def fill(
    out: np.ndarray, rows: Rows, size_in: tuple[int, int], progress: Callable[[float], object] = lambda fraction: None
) -> None:
    """Write the picture that `rows` reads, of size (height, width), into all of out [uint16], scaled to its size."""
    for top, bottom in bands(*out.shape):
        out[top:bottom] = to_uint16(scale_band(rows, size_in, out.shape[:2], top, bottom))
        release(out)
        progress(bottom / out.shape[0])


def release(pixels: np.ndarray) -> None:
    """Let go of a memory map's pages: what was written is with the system's file cache, no longer in our memory."""
    if isinstance(pixels, np.memmap) and pixels.mode in ("r", "r+", "w+") and hasattr(mmap, "MADV_DONTNEED"):
        pixels._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
