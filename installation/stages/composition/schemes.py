"""A name in, a composition scheme out: matrices that say how well a point of the frame suits something of interest.

Each scheme has three matrices: for the first object, for the second, for all further ones; in each, soft lines lead to
focal points, where lines cross.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

GOLDEN = (5**0.5 - 1) / 2
GROUND = 0.12  # what a point far from every line is worth
LINE = 0.45  # what a point on a line is worth; a focal point is worth 1
LINE_WIDTH, FOCAL_WIDTH = 0.045, 0.12  # standard deviations, in parts of the frame's shorter side

Point = tuple[float, float]  # x, y in parts of the frame's width and height, from its upper left corner
Line = tuple[Point, ...]


@dataclass(frozen=True)
class Scheme:
    """matrices [3 of shape=(H, W), float32, 0..1] for the first, the second and further objects; name says which."""

    name: str
    matrices: tuple[np.ndarray, ...]

    def of(self, number: int) -> np.ndarray:
        """The matrix for the object of that number, from 0."""
        return self.matrices[min(number, len(self.matrices) - 1)]


def _diagonals() -> list[tuple[list[Line], list[Point]]]:
    """The armature: both diagonals, then the lines from corners to the middles of the sides; eyes where they cross."""
    falling, rising = ((0.0, 0.0), (1.0, 1.0)), ((0.0, 1.0), (1.0, 0.0))
    halves: list[Line] = [((0, 1), (0.5, 0)), ((0.5, 0), (1, 1)), ((0, 0), (0.5, 1)), ((0.5, 1), (1, 0))]
    third = 1 / 3
    return [
        ([rising], [(1 - third, third), (0.5, 0.5)]),
        ([falling, rising], [(third, third), (third, 1 - third)]),
        ([falling, *halves], [(1 - third, 1 - third), (third, third), (third, 1 - third)]),
    ]


def _grid(part: float) -> list[tuple[list[Line], list[Point]]]:
    """Two lines each way at `part` from the far side: the golden section or the thirds; the second eye is opposite."""
    low, high = 1 - part, part

    def across(y: float) -> Line:
        return ((0.0, y), (1.0, y))

    def down(x: float) -> Line:
        return ((x, 0.0), (x, 1.0))

    return [
        ([down(high), across(low)], [(high, low)]),
        ([down(low), across(high)], [(low, high)]),
        ([down(low), down(high), across(low), across(high)], [(low, low), (high, high)]),
    ]


def _spiral() -> list[tuple[list[Line], list[Point]]]:
    """The golden spiral from the lower left over the top and in: its eye first, then its outer turn, then all."""
    eye, wide = (0.7236, 0.7236), 1 / GOLDEN
    turns = np.linspace(0, 7, 141)  # quarters
    radius, angle = 1.203 * GOLDEN**turns, np.radians(166.7 + 90 * turns)
    xs, ys = eye[0] + radius * np.cos(angle) / wide, eye[1] + radius * np.sin(angle)
    curve = [(0.5 + 0.9 * (float(x) - 0.5), 0.5 + 0.9 * (float(y) - 0.5)) for x, y in zip(xs, ys, strict=True)]
    return [
        ([tuple(curve[30:])], [curve[-1]]),
        ([tuple(curve[:50])], [curve[9]]),
        ([tuple(curve)], [curve[28], curve[48]]),
    ]


SCHEMES = {
    "diagonals": _diagonals,
    "golden": lambda: _grid(GOLDEN),
    "thirds": lambda: _grid(2 / 3),
    "spiral": _spiral,
}


@lru_cache(maxsize=64)
def open_scheme(name: str, size: tuple[int, int], mirrored: bool = False, upside_down: bool = False) -> Scheme:
    """A scheme drawn at size (width, height), perhaps mirrored; a name that ends in .png is a picture of the artist's.

    In such a picture white is where interest belongs; in a coloured one red is for the first object, green for the
    second, blue for further ones. Raises ValueError for an unknown name, PictureError for a file that is no picture.
    """
    if name.lower().endswith(".png"):
        matrices = _read(Path(name), size)
    elif name in SCHEMES:
        matrices = [_draw(lines, points, size) for lines, points in SCHEMES[name]()]
    else:
        raise ValueError(f"no composition scheme {name!r}; expected a .png file or one of: {', '.join(SCHEMES)}")
    step_x, step_y = -1 if mirrored else 1, -1 if upside_down else 1
    return Scheme(name, tuple(np.ascontiguousarray(m[::step_y, ::step_x]) for m in matrices))


def _draw(lines: list[Line], points: list[Point], size: tuple[int, int]) -> np.ndarray:
    """Soft lines and focal points on the ground: at each point the worth of the best of them."""
    width, height = size
    short = min(size)
    x, y = np.meshgrid((np.arange(width) + 0.5) / short, (np.arange(height) + 0.5) / short)
    scale = np.array([width / short, height / short])
    worth = np.full((height, width), GROUND)
    for line in lines:
        for start, end in pairwise(line):
            away = _distance(x, y, np.array(start) * scale, np.array(end) * scale)
            worth = np.maximum(worth, GROUND + (LINE - GROUND) * np.exp(-(away**2) / (2 * LINE_WIDTH**2)))
    for point in points:
        away = np.hypot(x - point[0] * scale[0], y - point[1] * scale[1])
        worth = np.maximum(worth, GROUND + (1 - GROUND) * np.exp(-(away**2) / (2 * FOCAL_WIDTH**2)))
    return worth.astype(np.float32)


def _distance(x: np.ndarray, y: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """How far each point is from a stretch of line."""
    along = end - start
    part = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(float(along @ along), 1e-9)
    part = np.clip(part, 0, 1)
    return np.hypot(x - start[0] - part * along[0], y - start[1] - part * along[1])


def _read(path: Path, size: tuple[int, int]) -> list[np.ndarray]:
    """The matrices of a picture: its three colours, or its grey three times; stretched to 0..1."""
    from installation.pictures import PictureError, read_picture
    from installation.stages import pixels as px

    rgb = px.flatten(px.resize(read_picture(path), size), (0.0, 0.0, 0.0))
    if np.ptp(rgb) < 2 / 255:
        raise PictureError(f"{path}: a composition scheme needs light and dark places, found one colour")
    if np.ptp(rgb, axis=2).max() < 0.1:
        rgb = np.dstack([rgb.mean(2)] * 3)
    low, high = rgb.min((0, 1)), rgb.max((0, 1))
    stretched = (rgb - low) / np.maximum(high - low, 1e-6)
    return [np.ascontiguousarray(stretched[..., i], np.float32) for i in range(3)]
