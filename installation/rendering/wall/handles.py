"""Where a technician is at one output in; the handles of its points, drawn to lie over its frame, out."""

from __future__ import annotations

import cv2
import numpy as np

from installation.rendering.wall.mesh import FINE, place
from installation.rendering.wall.venue import Output, Point, Size

INSET = 0.012  # of the frame's height: a handle that lies beyond the frame is seen so far inside
RADIUS = 0.011  # of the frame's height
MESH, MASK, CHOSEN, DARK = (255, 176, 64, 255), (64, 200, 255, 255), (237, 64, 107, 255), (8, 8, 8, 255)


def points_of(output: Output, mask: int) -> tuple[Point, ...]:
    """The points of a mask, or of the mesh (-1)."""
    return output.mesh.points if mask < 0 else output.masks[mask].points


def handle_at(point: Point, size: Size) -> Point:
    """Where a point's handle is seen in a frame: at the point, or just inside where that lies beyond."""
    low_x, low_y = INSET * size[1] / size[0], INSET
    return min(max(point[0], low_x), 1 - low_x), min(max(point[1], low_y), 1 - low_y)


def draw(output: Output, size: Size, mask: int | None, point: int, words: str = "") -> np.ndarray:
    """Lines and handles of mesh and masks [shape=(H, W, 4), uint8, row 0 on top]; alpha 0 lets the picture through.

    mask and point are chosen, see `points_of`; mask None: nothing of this output is.
    """
    over = np.zeros((size[1], size[0], 4), np.uint8)
    _draw_mesh(over, output, size)
    for one in output.masks:
        _line(over, np.array((*one.points, one.points[0])), size, MASK)
    for layer in range(-1, len(output.masks)):
        for number, at in enumerate(points_of(output, layer)):
            chosen = layer == mask and number == point
            _draw_handle(over, handle_at(at, size), size, CHOSEN if chosen else MESH if layer < 0 else MASK, chosen)
    if words:
        _draw_words(over, words, size)
    return over


def _draw_mesh(over: np.ndarray, output: Output, size: Size) -> None:
    """A line through every row and column of the mesh's points, bent as the picture is."""
    mesh, along = output.mesh, np.linspace(0.0, 1.0, FINE + 1)
    for i in range(mesh.columns):
        _line(over, place(mesh, np.array([i / (mesh.columns - 1)]), along)[:, 0], size, MESH)
    for i in range(mesh.rows):
        _line(over, place(mesh, along, np.array([i / (mesh.rows - 1)]))[0], size, MESH)


def _line(over: np.ndarray, points: np.ndarray, size: Size, ink: tuple[int, ...]) -> None:
    px = np.clip(np.round(points * size - 0.5), -30000, 30000).astype(np.int32)
    thin = max(1, round(size[1] / 540))
    for wide, colour in ((thin + 2, DARK), (thin, ink)):
        cv2.polylines(over, [px], False, colour, wide)


def _draw_handle(over: np.ndarray, at: Point, size: Size, ink: tuple[int, ...], chosen: bool) -> None:
    """A ring; a cross through the chosen one, whose middle is the very pixel."""
    middle = round(at[0] * size[0] - 0.5), round(at[1] * size[1] - 0.5)
    radius, thin = max(3, round(RADIUS * size[1])), max(1, round(size[1] / 540))
    for wide, colour in ((thin + 2, DARK), (thin, ink)):
        cv2.circle(over, middle, radius, colour, wide)
    if chosen:
        cv2.drawMarker(over, middle, ink, cv2.MARKER_CROSS, 4 * radius, thin)


def _draw_words(over: np.ndarray, words: str, size: Size) -> None:
    """A line of words near the foot of the frame, on a dark strip."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, size[1] / 900
    (width, height), below = cv2.getTextSize(words, font, scale, 1)
    x, y = max(0, (size[0] - width) // 2), round(size[1] * 0.9)
    cv2.rectangle(over, (x - height, y - 2 * height), (x + width + height, y + height + below), DARK, cv2.FILLED)
    cv2.putText(over, words, (x, y), font, scale, (237, 229, 219, 255), 1)
    strip = over[y - 2 * height : y + height + below, max(x - height, 0) : x + width + height]
    strip[..., 3] = 255  # letters are drawn with soft edges, in alpha too
