"""A colour space by its numbers (primaries, white, tone curves) in, pixels in sRGB out; no name is ever read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

D50 = (0.9642, 1.0, 0.8249)  # the white of the ICC's connection space
D65_XY = (0.3127, 0.3290)
BT709 = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE_RGB, ADOBE_GAMMA = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), 2.19921875
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SAME_MATRIX, SAME_CURVE = 0.001, 0.002  # how far profiles that mean sRGB lie apart: rounded, sampled, adapted otherwise
ENCODED_STEPS = 1 << 20  # a step is less than one of 65,536 where sRGB's curve is steepest
BLOCK_PX = 1 << 20
Curve = Callable[[np.ndarray], np.ndarray]
Chromaticities = tuple[tuple[float, float], ...]


def srgb_curve(encoded: np.ndarray) -> np.ndarray:
    """sRGB 0..1 -> linear light 0..1. [IEC 61966-2-1]"""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def power(gamma: float) -> Curve:
    """The tone curve of a plain exponent."""
    return lambda encoded: encoded**gamma


def to_xyz_matrix(primaries_xy: Chromaticities, white_xy: tuple[float, float] = D65_XY) -> np.ndarray:
    """Linear RGB -> XYZ under D50 [shape=(3, 3)], adapted after Bradford. [Lam 1985]

    Raises ValueError (or LinAlgError, which is one) for chromaticities that no colours can have.
    """
    if any(not 0 < y <= 1 for _, y in (*primaries_xy, white_xy)):
        raise ValueError(f"no primaries: {primaries_xy}, white {white_xy}")
    xyz = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries_xy]).T
    x, y = white_xy
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    matrix = xyz * np.linalg.solve(xyz, white)
    gains = (BRADFORD @ np.array(D50)) / (BRADFORD @ white)
    return np.linalg.inv(BRADFORD) @ np.diag(gains) @ BRADFORD @ matrix


SRGB_MATRIX = to_xyz_matrix(BT709)


@dataclass(frozen=True)
class Space:
    """matrix: linear RGB -> XYZ under D50 [shape=(3, 3)]; curves: encoded 0..1 -> linear light 0..1, of R, G and B."""

    matrix: np.ndarray
    curves: tuple[Curve, Curve, Curve]

    @classmethod
    def of(cls, primaries_xy: Chromaticities, white_xy: tuple[float, float], curve: Curve) -> Space:
        """A space of one curve for all three. Raises ValueError for chromaticities that no colours can have."""
        return cls(to_xyz_matrix(primaries_xy, white_xy), (curve, curve, curve))

    @classmethod
    def grey(cls, curve: Curve) -> Space:
        """A space of greys: only how light they are is said."""
        return cls(SRGB_MATRIX, (curve, curve, curve))

    @property
    def is_srgb(self) -> bool:
        """Whether these numbers are sRGB's, near enough that a picture's own are kept as they are."""
        ramp = np.linspace(0, 1, 256)
        told = [encode(curve(ramp)) / 65535 for curve in self.curves]
        near = all(np.abs(values - ramp).max() < SAME_CURVE for values in told)
        return near and bool(np.abs(self.matrix - SRGB_MATRIX).max() < SAME_MATRIX)

    def to_srgb(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, 1 or 3) uint8 or uint16 in this space -> the same shape, uint16 sRGB; what sRGB lacks is clipped."""
        if self.is_srgb:
            return widen(pixels)
        ramp = np.linspace(0, 1, np.iinfo(pixels.dtype).max + 1)
        tables = [curve(ramp).astype(np.float32) for curve in self.curves]
        if pixels.shape[2] == 1:
            return encode(tables[1])[pixels]
        mix = (np.linalg.inv(SRGB_MATRIX) @ self.matrix).T.astype(np.float32)
        found = np.empty(pixels.shape, np.uint16)
        rows = max(1, BLOCK_PX // pixels.shape[1])
        for top in range(0, len(pixels), rows):
            block = pixels[top : top + rows]
            linear = np.stack([table[block[..., band]] for band, table in enumerate(tables)], axis=-1)
            found[top : top + rows] = encode(linear @ mix)
        return found


def encode(linear: np.ndarray) -> np.ndarray:
    """Linear light -> uint16 sRGB, clipped to 0..1."""
    return _encoded()[np.rint(np.clip(linear, 0, 1) * (ENCODED_STEPS - 1)).astype(np.int32)]


def widen(pixels: np.ndarray) -> np.ndarray:
    """uint8 or uint16 -> uint16 of the same values."""
    return pixels.astype(np.uint16) * np.uint16(257) if pixels.dtype == np.uint8 else pixels


@functools.lru_cache(maxsize=1)
def _encoded() -> np.ndarray:
    linear = np.linspace(0, 1, ENCODED_STEPS)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(encoded * 65535).astype(np.uint16)


SRGB = Space(SRGB_MATRIX, (srgb_curve, srgb_curve, srgb_curve))
