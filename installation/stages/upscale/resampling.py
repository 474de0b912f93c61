"""Rows of a picture in, a picture of another size out, band by band, so that neither is ever wholly in memory."""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

Rows = Callable[[int, int], np.ndarray]
"""rows(top, bottom) -> float32 (bottom - top, W, C), 0..1: a picture that is read where it is needed."""
Weights = Callable[[int, int, int, int], tuple[int, csr_array]]

BAND_VALUES = 1 << 21  # numbers of a band in memory at once, 8 MB as float32


@lru_cache(maxsize=8)  # every band of a picture needs the same weights across
def cubic_weights(length_in: int, length_out: int, start: int, stop: int) -> tuple[int, csr_array]:
    """Keys' cubic (1981, a = -0.5), widened when scaling down: which inputs make outputs start .. stop, and how much.

    Its one negative lobe keeps edges crisp; unlike Lanczos' there is no second one, so a cut-out gets no ring.
    Returns the first input that counts and the weights [shape=(stop - start, inputs), rows sum to 1].
    """
    ratio = length_in / length_out
    wide = max(1.0, ratio)
    centres = (np.arange(start, stop) + 0.5) * ratio - 0.5
    inputs = _neighbours(np.ceil(centres - 2 * wide), math.ceil(4 * wide) + 1)
    x = np.abs(inputs - centres[:, None]) / wide
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return _sparse(inputs, np.where(x < 1, near, np.where(x < 2, far, 0)), length_in)


@lru_cache(maxsize=8)
def area_weights(length_in: int, length_out: int, start: int, stop: int) -> tuple[int, csr_array]:
    """The share that each input has of the area of an output, as a printer or an eye far away would mix them."""
    ratio = length_in / length_out
    low = np.arange(start, stop)[:, None] * ratio
    inputs = _neighbours(np.floor(low[:, 0]), math.ceil(ratio) + 1)
    shares = np.minimum(low + ratio, inputs + 1) - np.maximum(low, inputs)
    return _sparse(inputs, np.clip(shares, 0, None), length_in)


def _neighbours(first: np.ndarray, count: int) -> np.ndarray:
    return first.astype(np.int64)[:, None] + np.arange(count)


def _sparse(inputs: np.ndarray, weights: np.ndarray, length: int) -> tuple[int, csr_array]:
    """Weights of some inputs for each output; those beyond the picture's edges do not count."""
    weights = np.where((inputs >= 0) & (inputs < length), weights, 0)
    inputs = np.clip(inputs, 0, length - 1)
    weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    first, ends = int(inputs.min()), np.arange(0, inputs.size + 1, inputs.shape[1])
    shape = (len(inputs), int(inputs.max()) - first + 1)
    return first, csr_array((weights.ravel(), (inputs - first).ravel(), ends), shape)


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
    _, weights = weigh(width_in, width, 0, width)
    columns = np.ascontiguousarray(band.transpose(1, 0, 2)).reshape(width_in, -1)  # (W in, H * C)
    return np.ascontiguousarray((weights @ columns).reshape(width, height, channels).transpose(1, 0, 2))


def fill(
    out: np.ndarray, rows: Rows, size_in: tuple[int, int], progress: Callable[[float], object] = lambda fraction: None
) -> None:
    """Write the picture that `rows` reads, of size (height, width), into all of out [uint16], scaled to its size."""
    for top, bottom in bands(*out.shape):
        write(out, top, scale_band(rows, size_in, out.shape[:2], top, bottom))
        progress(bottom / out.shape[0])


def read(pixels: np.ndarray, top: int, bottom: int) -> np.ndarray:
    """Rows of a uint16 picture -> float32 0..1, in one pass, since there may be a hundred million of them."""
    band = np.multiply(pixels[top:bottom], np.float32(1 / 65535), dtype=np.float32)
    release(pixels)
    return band


def write(out: np.ndarray, top: int, band: np.ndarray) -> None:
    """Round float32 rows to uint16 into out, from row `top` on; the band is used up."""
    write_part(out[top : top + len(band)], band)
    release(out)


def write_part(there: np.ndarray, values: np.ndarray) -> None:
    """Round float32 to uint16 into a view of the same shape; the values are used up."""
    np.clip(values, 0, 1, out=values)
    values *= 65535
    values += 0.5
    there[...] = values


def release(pixels: np.ndarray) -> None:
    """Let go of a memory map's pages: what was written is with the system's file cache, no longer in our memory."""
    if isinstance(pixels, np.memmap) and pixels.mode in ("r", "r+", "w+") and hasattr(mmap, "MADV_DONTNEED"):
        pixels._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
