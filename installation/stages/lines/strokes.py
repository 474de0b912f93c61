"""A map of edge strengths in, ink strokes out: thinned, followed from pixel to pixel, smoothed, drawn at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, -1), (-1, 1))  # (dy, dx), straight ones first
FINER = 4  # strokes are drawn this much larger and averaged: 17 steps from bare to inked
Pixel = tuple[int, int]


@dataclass(frozen=True)
class Stroke:
    """One line: points [shape=(n, 2), x and y in pixels of the edge map, centres at .5], strength [shape=(n,), 0..1].

    free says of its first and last end whether the line stops there; at a crossing or in a ring it does not.
    """

    points: np.ndarray
    strength: np.ndarray
    free: tuple[bool, bool]


def thin(edges: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """The ridges of an edge map (h, w), 0..1: bool (h, w), a pixel wide, and their sub-pixel shifts (h, w, 2), x and y.

    Non-maximum suppression across the edge (Canny 1986; the direction from second derivatives, as Dollar and Zitnick
    2013), then hysteresis: what is stronger than low stays when it hangs together with something stronger than high.
    """
    edges = cv2.GaussianBlur(edges, (0, 0), 1.0)
    smooth = cv2.GaussianBlur(edges, (0, 0), 2.0)
    xx, yy = cv2.Sobel(smooth, cv2.CV_32F, 2, 0, ksize=3), cv2.Sobel(smooth, cv2.CV_32F, 0, 2, ksize=3)
    xy = cv2.Sobel(smooth, cv2.CV_32F, 1, 1, ksize=3) * 4  # the kernels' sums of weights differ by four
    # Across a ridge the curvature is most negative: the eigenvector of the smaller eigenvalue of [[xx, xy], [xy, yy]].
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    nx, ny = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    y, x = np.indices(edges.shape, np.float32)
    ahead = cv2.remap(edges, x + nx, y + ny, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    behind = cv2.remap(edges, x - nx, y - ny, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    ridge = (edges >= ahead) & (edges >= behind) & (edges > low)
    bend = 2 * edges - ahead - behind
    shift = np.clip(0.5 * (ahead - behind) / np.maximum(bend, 1e-6), -0.7, 0.7) * (bend > 1e-6)
    count, label = cv2.connectedComponents(ridge.astype(np.uint8), connectivity=8)
    strong = np.bincount(label[ridge & (edges > high)], minlength=count) > 0
    kept = strong[label] & ridge
    fine = cv2.ximgproc.thinning(kept.astype(np.uint8) * 255) > 0
    return fine, np.dstack([shift * nx, shift * ny])


def follow(
    ridge: np.ndarray, shift: np.ndarray, edges: np.ndarray, shortest_px: float, smoothness_px: float
) -> list[Stroke]:
    """Strokes along the ridges, weakest first, at least shortest_px long where they end freely, smoothed along."""
    strokes = []
    for path, free in _trace(_without_spurs(ridge, shortest_px)):
        rows, columns = np.array(path).T
        points = np.stack([columns, rows], axis=1) + 0.5 + shift[rows, columns]
        strength = _smooth(edges[rows, columns][:, None], 2 * smoothness_px, path[0] == path[-1])[:, 0]
        strokes.append(Stroke(_smooth(points, smoothness_px, path[0] == path[-1]), strength, free))
    return sorted(strokes, key=lambda stroke: float(stroke.strength.mean()))


def snap(drawn: Sequence[Stroke], picture: np.ndarray, reach_px: float, smoothness_px: float) -> list[Stroke]:
    """Move strokes sideways, by reach_px at most, onto the steepest change of a picture (h, w, 3) in CIELAB nearby.

    Networks say where there is a contour, pixels where it runs; nearer changes count more, and the way that a line
    moves is evened out along it.
    """
    change = _measure_change(picture)
    steps = np.linspace(-1, 1, 2 * int(np.ceil(reach_px)) * 2 + 1)
    prior = np.exp(-0.5 * (steps / 0.5) ** 2)
    moved = []
    for stroke in drawn:
        across = _normals(stroke.points)
        places = (stroke.points[:, None] + across[:, None] * (steps * reach_px)[:, None] - 0.5).astype(np.float32)
        found = cv2.remap(change, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        weight = (found * prior) ** 4 + 1e-12 * prior
        offset = (weight * steps).sum(axis=1) / weight.sum(axis=1) * reach_px
        closed = not any(stroke.free) and bool(np.hypot(*(stroke.points[0] - stroke.points[-1])) < 2)
        even = _smooth(offset[:, None], 1.5 * smoothness_px, closed)
        moved.append(Stroke(stroke.points + across * np.clip(even, -reach_px, reach_px), stroke.strength, stroke.free))
    return moved


def draw(
    strokes: Sequence[Stroke], widths: Sequence[np.ndarray], scale: tuple[float, float], size: tuple[int, int], top: int
) -> np.ndarray:
    """Ink (h, w), float32 0..1, on the part of the full picture that begins at row top; size is (width, height).

    scale (x, y) brings points to full size; widths are full, in pixels there, one for each point. Where strokes cross,
    the stronger covers the weaker.
    """
    width, height = size
    fine = np.zeros((height * FINER, width * FINER), np.uint8)
    for stroke, wide in zip(strokes, widths, strict=True):
        points = (stroke.points * scale - (0, top)).astype(np.float64)
        reach = float(wide.max())
        if points[:, 1].max() < -reach or points[:, 1].min() > height + reach or len(points) < 2:
            continue
        shades = np.clip(stroke.strength * 255, 1, 255).astype(int).tolist()
        for quad, shade in zip(_ribbon(points * FINER, wide * FINER), shades, strict=False):
            cv2.fillConvexPoly(fine, quad, shade, cv2.LINE_8, 4)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def taper(stroke: Stroke, over_px: float) -> np.ndarray:
    """How wide a stroke is along its length, 0..1: it thins out towards its free ends."""
    steps = np.linalg.norm(np.diff(stroke.points, axis=0), axis=1)
    along = np.concatenate([[0], np.cumsum(steps)])
    over = max(min(over_px, along[-1] / 2), 1e-6)
    start = np.clip(along / over, 0, 1) if stroke.free[0] else np.ones(len(along))
    end = np.clip((along[-1] - along) / over, 0, 1) if stroke.free[1] else np.ones(len(along))
    return np.sqrt(np.minimum(start, end))


def _without_spurs(ridge: np.ndarray, shortest_px: float) -> np.ndarray:
    """The ridges without short pieces that end freely; what was a crossing with them becomes part of a line, or an end.

    Where that makes a new end of a piece as short, it goes in its turn.
    """
    ridge = ridge.copy()
    for _ in range(4):
        spurs = [(path, free) for path, free in _trace(ridge) if any(free) and len(path) < shortest_px]
        if not spurs:
            break
        for path, free in spurs:
            inner = path[0 if free[0] else 1 : None if free[1] else -1]  # the crossing itself belongs to others
            rows, columns = np.array(inner).T
            ridge[rows, columns] = False
    return ridge


def _trace(ridge: np.ndarray) -> list[tuple[list[Pixel], tuple[bool, bool]]]:
    """Paths from end or crossing to end or crossing, then rings; (row, column) each, and which ends are free."""
    pixels = set(zip(*(axis.tolist() for axis in np.nonzero(ridge)), strict=True))
    links = {pixel: _links(pixel, pixels) for pixel in sorted(pixels)}
    used: set[tuple[Pixel, Pixel]] = set()
    paths = []
    nodes = [pixel for pixel, near in links.items() if len(near) != 2]
    for start in [*nodes, *links]:
        for step in links[start]:
            if (start, step) in used:
                continue
            path, here = [start, step], step
            used |= {(start, step), (step, start)}
            while len(links[here]) == 2 and here != start:
                here = next(n for n in links[here] if n != path[-2])
                used |= {(path[-1], here), (here, path[-1])}
                path.append(here)
            paths.append((path, (len(links[start]) == 1, len(links[here]) == 1)))
    return paths


def _links(pixel: Pixel, pixels: set[Pixel]) -> list[Pixel]:
    """The next pixels of a line; a diagonal one only where no straight one leads there."""
    found: list[Pixel] = []
    row, column = pixel
    for dy, dx in NEIGHBOURS:
        there = (row + dy, column + dx)
        if there not in pixels:
            continue
        if dy and dx and ((row + dy, column) in pixels or (row, column + dx) in pixels):
            continue
        found.append(there)
    return found


def _smooth(values: np.ndarray, sigma: float, closed: bool) -> np.ndarray:
    """Gaussian along the first axis; open lines keep their ends (mirrored through the end point), rings wrap."""
    count = len(values)
    radius = min(int(3 * sigma + 0.5), count - 1)
    if radius < 1:
        return values
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    if closed:
        longer = np.concatenate([values[-1 - radius : -1], values, values[1 : 1 + radius]])
    else:
        before, after = 2 * values[0] - values[radius:0:-1], 2 * values[-1] - values[-2 : -2 - radius : -1]
        longer = np.concatenate([before, values, after])
    columns = [np.convolve(column, kernel / kernel.sum(), mode="valid") for column in longer.T]
    return np.stack(columns, axis=1)


def _measure_change(picture: np.ndarray) -> np.ndarray:
    """How steeply the colours of (h, w, 3) change at each pixel, all channels together."""
    soft = cv2.GaussianBlur(picture, (0, 0), 0.8)
    dx, dy = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3)
    return np.sqrt((dx * dx + dy * dy).sum(axis=2))


def _normals(points: np.ndarray) -> np.ndarray:
    """Unit vectors (n, 2) across a line of two points or more."""
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    return np.stack([-along[:, 1], along[:, 0]], axis=1)


def _ribbon(points: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """A quad (n - 1, 4, 2), int32 in sixteenths of a pixel, along each piece of a line; they overlap a little."""
    normals = _normals(points)
    across, along = normals * widths[:, None] / 2, np.stack([normals[:, 1], -normals[:, 0]], axis=1)
    left, right = points + across, points - across
    over = along * 0.35
    quads = np.stack([left[:-1] - over[:-1], left[1:] + over[1:], right[1:] + over[1:], right[:-1] - over[:-1]], axis=1)
    return np.round((quads - 0.5) * 16).astype(np.int32)
