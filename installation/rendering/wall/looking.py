"""What a camera saw of every projector's stripes in; the venue whose picture is a straight rectangle on the wall out.

The wall is flat: each projector is a homography away from the camera, once the bend of the camera's own lens is taken
out of its picture. Both are found together, from all pixels at once, which is far more exact than any pixel. The
picture is then laid, as large as it fits and upright as the camera stands, into what the projectors reach; and so each
mesh is four corners.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.optimize import least_squares, linprog

from installation.rendering.wall import light
from installation.rendering.wall.faults import faults
from installation.rendering.wall.layouts import blended
from installation.rendering.wall.mesh import SQUARE, as_points, through
from installation.rendering.wall.venue import Mesh, Output, Venue

FEWEST_PIXELS = 400
MOST_PIXELS = 8000  # of each projector are fitted: more make it hardly better
STRIPE = 1 / 256  # of the frame: how exact one pixel is
MARGIN = 0.004  # of the frame, that is left dark along its edge
SEED = 1


class UnseenError(RuntimeError):
    """The camera did not see what it should have; the text says what to do."""


@dataclass(frozen=True)
class View:
    """A camera that looks at a flat wall: its lens, and the homography to each projector's frame.

    bend: how far the lens pulls a place outward by the square and the fourth power of its distance from the middle,
    which counts 1 at the picture's left and right edge. Places of the wall are camera places without that.
    """

    aspect: float
    bend: tuple[float, float]
    frames: tuple[np.ndarray, ...]  # wall to frame (0..1) [each shape=(3, 3)]
    error: float  # of the frame: the usual distance between what was seen and what this says


def straighten(camera: np.ndarray, aspect: float, bend: Sequence[float]) -> np.ndarray:
    """Places of a camera's picture [shape=(n, 2), 0..1] to places of the wall: x in -1..1, y in the same unit."""
    at = (camera * 2 - 1) * (1.0, 1 / aspect)
    square = (at**2).sum(-1, keepdims=True)
    return at * (1 + bend[0] * square + bend[1] * square**2)


def look(seen: Sequence[tuple[np.ndarray, np.ndarray]], aspect: float) -> View:
    """The camera, from what it saw of each projector, see `gray.decode`; aspect is its picture's width by its height.

    Raises UnseenError for a projector that it did not see, or not well.
    """
    chance = np.random.default_rng(SEED)
    few = []
    for number, (camera, frame) in enumerate(seen):
        if len(camera) < FEWEST_PIXELS:
            raise UnseenError(
                f"the camera does not see projector {number + 1}: point it at the wall, darken the room, take away "
                "what stands between"
            )
        chosen = chance.permutation(len(camera))[:MOST_PIXELS]
        few.append((camera[chosen], frame[chosen]))
    flat = [_homography(straighten(camera, aspect, (0, 0)), frame) for camera, frame in few]
    start = np.concatenate([[0.0, 0.0], *(matrix.ravel()[:8] for matrix in flat)])
    found = least_squares(_misses, start, loss="soft_l1", f_scale=STRIPE, x_scale="jac", args=(few, aspect))
    bend, frames = _unpack(found.x, len(few))
    error = float(np.median(np.hypot(*_misses(found.x, few, aspect).reshape(-1, 2).T)))
    if error > 3 * STRIPE:
        raise UnseenError(f"what the camera sees is no flat wall ({error:.1%} of the frame off): fit it by hand")
    return View(aspect, bend, frames, error)


def _homography(wall: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The start: the lens taken for straight, and what does not fit left out."""
    found, _ = cv2.findHomography(wall, frame, cv2.RANSAC, 4 * STRIPE)
    if found is None or not np.isfinite(found).all() or abs(found[2, 2]) < 1e-9:
        raise UnseenError("the camera sees a projector's light too small or too slantwise: place it before the wall")
    return np.asarray(found / found[2, 2])


def _unpack(numbers: np.ndarray, count: int) -> tuple[tuple[float, float], tuple[np.ndarray, ...]]:
    matrices = (np.append(numbers[2 + 8 * i : 10 + 8 * i], 1.0).reshape(3, 3) for i in range(count))
    return (float(numbers[0]), float(numbers[1])), tuple(matrices)


def _misses(numbers: np.ndarray, seen: Sequence[tuple[np.ndarray, np.ndarray]], aspect: float) -> np.ndarray:
    """How far each pixel is from where the numbers have it."""
    bend, frames = _unpack(numbers, len(seen))
    off = [through(f, straighten(at, aspect, bend)) - to for f, (at, to) in zip(frames, seen, strict=True)]
    return np.concatenate(off).ravel()


def fit(venue: Venue, view: View, picture_aspect: float) -> Venue:
    """The venue whose projectors show the picture as one upright rectangle on the wall, each its own piece of it, and
    blended where they overlap. Turns and mirrors are found by the camera: they are taken out of the venue.

    Raises UnseenError where there is no such rectangle.
    """
    left, top, width = _largest(venue, view, picture_aspect)
    outputs = []
    for output, matrix in zip(venue.outputs, view.frames, strict=True):
        plain = dataclasses.replace(output, rotation=0, mirror_x=False, mirror_y=False)
        corners = light.in_picture(SQUARE, plain) * (width, width / picture_aspect) + (left, top)
        mesh = Mesh(points=as_points(through(matrix, corners)), smooth=output.mesh.smooth)
        outputs.append(dataclasses.replace(plain, mesh=mesh))
    fitted = dataclasses.replace(venue, outputs=tuple(outputs))
    fitted = blended(fitted) if len(outputs) > 1 else fitted
    for fault in faults(fitted):
        raise UnseenError(f"no rectangle fits into what the projectors reach: {fault}")
    return fitted


def _largest(venue: Venue, view: View, aspect: float) -> tuple[float, float, float]:
    """Left, top and width of the largest rectangle of an aspect that lies within the outer sides of all projectors: a
    linear program, since the sides are straight."""
    rows, bounds = [], []
    spans = np.array([[0, 0], [1, 0], [0, 1 / aspect], [1, 1 / aspect]])  # of its corners, by its width
    for output, matrix in zip(venue.outputs, view.frames, strict=True):
        reach = through(np.linalg.inv(matrix), MARGIN + SQUARE * (1 - 2 * MARGIN))
        middle = reach.mean(0)
        for one, other in _outer_sides(output, reach):
            normal = np.array([other[1] - one[1], one[0] - other[0]])
            normal = normal / np.hypot(*normal) * (1 if normal @ (one - middle) > 0 else -1)
            for span in spans:
                rows.append([*normal, normal @ span])
                bounds.append(normal @ one)
    found = linprog([0, 0, -1], rows, bounds, bounds=[(None, None), (None, None), (0.02, 4)])
    if not found.success:
        raise UnseenError("no rectangle fits into what the projectors reach: turn them towards the same piece of wall")
    return float(found.x[0]), float(found.x[1]), float(found.x[2])


def _outer_sides(output: Output, reach: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The sides of a projector's light on the wall that no other one continues: those at the picture's own edge.

    reach: its corners there [shape=(4, 2)], in any order that is a frame's. Which of its sides is the left one is seen
    on the wall, however the projector stands.
    """
    x, y, width, height = output.source
    middle = reach.mean(0)
    ring = reach[[0, 1, 3, 2]]
    sides = []
    for one, other in zip(ring, np.roll(ring, -1, 0), strict=True):
        away = (one + other) / 2 - middle
        across = abs(away[0]) > abs(away[1])
        at_edge = (x if away[0] < 0 else 1 - x - width) if across else (y if away[1] < 0 else 1 - y - height)
        if at_edge < 1e-6:
            sides.append((one, other))
    return sides
