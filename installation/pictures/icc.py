"""The bytes of an ICC profile in, what it is out: a colour space by its numbers, or tables for LittleCMS."""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass

import numpy as np

from installation.pictures.spaces import D50, Curve, Space, power

CHANNELS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
TABLES = {b"A2B0", b"A2B1", b"A2B2"}
PARAMETERS = (1, 3, 4, 5, 7)  # of the five kinds of parametric curve
IDENTITY = power(1.0)


@dataclass(frozen=True)
class Profile:
    """channels: 1 grey, 3 RGB or 4 CMYK; space: its numbers, None where only its tables say what the colours are."""

    channels: int
    space: Space | None


@functools.lru_cache(maxsize=64)
def read_profile(icc: bytes) -> Profile | None:
    """What a profile is, by its tags [ICC.1:2022]; None for one that is broken or for colours other than these."""
    if len(icc) < 132 or icc[36:40] != b"acsp" or icc[16:20] not in CHANNELS:
        return None
    try:
        return _read(icc, CHANNELS[icc[16:20]])
    except (struct.error, ValueError, KeyError, IndexError, OverflowError):
        return None


def _read(icc: bytes, channels: int) -> Profile:
    tags = _tags(icc)
    if channels == 4 or TABLES & set(tags):
        return Profile(channels, None)
    if channels == 1:
        curve = _curve(tags[b"kTRC"])
        return Profile(1, Space.grey(_from_lightness(curve) if icc[20:24] == b"Lab " else curve))
    matrix = np.stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
    if not np.isfinite(np.linalg.inv(matrix)).all():
        raise ValueError("its primaries lie on one line")
    red, green, blue = (_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    return Profile(3, Space(matrix, (red, green, blue)))


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    places = [struct.unpack_from(">4sII", icc, 132 + 12 * index) for index in range(min(count, 200))]
    return {name: icc[offset : offset + size] for name, offset, size in places}


def _xyz(tag: bytes) -> np.ndarray:
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _curve(tag: bytes) -> Curve:
    """A curveType or parametricCurveType as a function, its answers within 0..1."""
    if tag[:4] == b"para":
        return _parametric(tag)
    if tag[:4] != b"curv":
        raise ValueError(f"expected a tone curve, found {tag[:4]!r}")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return IDENTITY
    if count == 1:
        return power(struct.unpack_from(">H", tag, 12)[0] / 256)
    values = np.frombuffer(tag, ">u2", count, 12) / 65535
    return lambda x: np.interp(x, np.linspace(0, 1, count), values)


def _parametric(tag: bytes) -> Curve:
    (kind,) = struct.unpack_from(">H", tag, 8)
    values = [v / 65536 for v in struct.unpack_from(f">{PARAMETERS[kind]}i", tag, 12)]
    gamma, a, b, c, d, e, f = values + [0.0] * (7 - len(values))
    if kind == 0:
        return power(gamma)
    if kind in (1, 2):  # flat up to -b / a, at c
        c, d, e, f = 0.0, -b / a if a else 0.0, c, c
    return lambda x: np.clip(np.where(x >= d, np.maximum(a * x + b, 0) ** gamma + e, c * x + f), 0, 1)


def _from_lightness(curve: Curve) -> Curve:
    """A grey profile connected through Lab gives lightness, not light. [CIE 1976]"""

    def light(x: np.ndarray) -> np.ndarray:
        lightness = curve(x) * 100
        return np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3) * D50[1]

    return light
