"""A pattern's name and a venue in; a picture to fit that venue's projectors by, out. It takes the way of every picture.

All are drawn in the picture, so that projectors which overlap show one and the same line where they fit.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from installation.rendering.wall.venue import Output, Venue

Size = tuple[int, int]
INK, ROSE, FAINT, GROUND = (237, 229, 219), (237, 64, 107), (80, 72, 80), (14, 13, 15)
TINTS = [(255, 176, 64), (64, 200, 255), (140, 255, 120), (255, 110, 200), (200, 160, 255), (255, 240, 120)]
BARS = [(255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0)]
LONGEST_WORDS = 400  # of a code that a telephone still reads from a wall


def paint(name: str, venue: Venue, size: Size, words: str = "") -> np.ndarray:
    """One of PATTERNS [shape=(H, W, 4), uint8, row 0 at the bottom, as drawings are] for a picture of size (W, H).

    words, such as the address of a page, stand on `names` as a QR code, one beside each projector's name.
    """
    rgb = np.full((size[1], size[0], 3), GROUND, np.uint8)
    PATTERNS[name](rgb, venue, words)
    return np.ascontiguousarray(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])[::-1])


def _grid(rgb: np.ndarray, venue: Venue, _words: str) -> None:
    """Square cells, counted from the middle; both diagonals; the outermost pixels, rose: all four must show."""
    height, width = rgb.shape[:2]
    unit, thin = height / 12, _thin(rgb)
    for length, along in ((width, 0), (height, 1)):
        for step in np.arange(-int(length / unit / 2), int(length / unit / 2) + 1):
            at = round(length / 2 + step * unit)
            start, end = ((at, 0), (at, height)) if along == 0 else ((0, at), (width, at))
            cv2.line(rgb, start, end, INK if step == 0 else FAINT, thin * (2 if step == 0 else 1))
    for y in (0, height):
        cv2.line(rgb, (0, y), (width, height - y), FAINT, thin, cv2.LINE_AA)
    _round(rgb, (0.5, 0.5), 0.4)
    _frame(rgb)


def _circles(rgb: np.ndarray, venue: Venue, _words: str) -> None:
    """Circles that must look round, in the middle and in every corner."""
    for radius in (0.12, 0.24, 0.36, 0.48):
        _round(rgb, (0.5, 0.5), radius)
    aspect = rgb.shape[0] / rgb.shape[1]
    for x in (0.16 * aspect, 1 - 0.16 * aspect):
        for y in (0.16, 0.84):
            _round(rgb, (x, y), 0.14)
    _frame(rgb)


def _greys(rgb: np.ndarray, venue: Venue, _words: str) -> None:
    """Sixteen steps, a ramp, and steps of one in fifty at either end: all must be told apart."""
    height, width = rgb.shape[:2]
    across = (np.arange(width) + 0.5) / width
    rgb[: height * 4 // 10] = np.floor(across * 16)[:, None] / 15 * 255
    rgb[height * 4 // 10 : height * 7 // 10] = across[:, None] * 255
    ends = np.where(across < 0.5, np.floor(across * 16) / 50, 1 - np.floor((1 - across) * 16) / 50)
    rgb[height * 7 // 10 :] = ends[:, None] * 255


def _blend(rgb: np.ndarray, venue: Venue, _words: str) -> None:
    """Even light, on which no blend may show, and in its projector's colour the line where each blend begins."""
    rgb[:] = 190
    for number, output in enumerate(venue.outputs):
        left, top, right, bottom = _sides(rgb, output)
        inner = [left, top, right, bottom]
        for i, (edge, way) in enumerate(zip(output.blend.sides, (1, -1, 1, -1), strict=True)):
            inner[(0, 2, 1, 3)[i]] += round(way * edge.width * (right - left if i < 2 else bottom - top))
        cv2.rectangle(rgb, inner[:2], inner[2:], _tint(number), _thin(rgb))


def _bars(rgb: np.ndarray, venue: Venue, _words: str) -> None:
    """Eight colours at full light, and at half below."""
    height, width = rgb.shape[:2]
    bars = np.array(BARS, np.uint8)[np.arange(width) * len(BARS) // width]
    rgb[:], rgb[height * 2 // 3 :] = bars, bars // 2


def _focus(rgb: np.ndarray, venue: Venue, _words: str) -> None:
    """Stars whose points run together where a lens is not sharp, in the middle and the corners of each projector."""
    for output in venue.outputs:
        left, top, right, bottom = _sides(rgb, output)
        radius = min(right - left, bottom - top) * 0.14
        for x in (0.12, 0.5, 0.88):
            for y in (0.18, 0.5, 0.82):
                if (x == 0.5) == (y == 0.5):
                    _star(rgb, left + x * (right - left), top + y * (bottom - top), radius)
    _frame(rgb)


def _names(rgb: np.ndarray, venue: Venue, words: str) -> None:
    """What each projector is called, on its own piece of the picture, and which way is up; words as a QR code."""
    scanned = code(words) if words else None
    for number, output in enumerate(venue.outputs):
        left, top, right, bottom = _sides(rgb, output)
        cv2.rectangle(rgb, (left, top), (right, bottom), _tint(number), 2 * _thin(rgb))
        whole = right - left
        left += round(output.blend.left.width * whole)  # where it is the only one
        right -= round(output.blend.right.width * whole)
        wide, high, middle = right - left, bottom - top, (left + right) / 2
        _write(rgb, venue.name_of(number), (middle, top + high * 0.24), wide * 0.8, high * 0.22, _tint(number))
        turn = f", turned {output.rotation} degrees" if output.rotation else ""
        where = (output.monitor or "any monitor") + turn
        _write(rgb, where, (middle, top + high * 0.44), wide * 0.7, high * 0.07, INK)
        if scanned is not None:
            side = int(min(wide * 0.5, high * 0.44))
            _paste(rgb, scanned, round(middle - side / 2), round(top + high * 0.52), side)


PATTERNS: dict[str, Callable[[np.ndarray, Venue, str], None]] = {
    "grid": _grid,
    "circles": _circles,
    "greys": _greys,
    "blend": _blend,
    "bars": _bars,
    "focus": _focus,
    "names": _names,
}


def _thin(rgb: np.ndarray) -> int:
    return max(1, round(rgb.shape[0] / 540))


def _tint(number: int) -> tuple[int, int, int]:
    return TINTS[number % len(TINTS)]


def _sides(rgb: np.ndarray, output: Output) -> tuple[int, int, int, int]:
    """The first and last pixels of an output's piece: left, top, right, bottom."""
    x, y, width, height = output.source
    rows, columns = rgb.shape[:2]
    return round(x * columns), round(y * rows), round((x + width) * columns) - 1, round((y + height) * rows) - 1


def _round(rgb: np.ndarray, middle: tuple[float, float], radius: float) -> None:
    """A circle; middle in parts of the picture, radius of its height."""
    height, width = rgb.shape[:2]
    at = round(middle[0] * width * 16), round(middle[1] * height * 16)
    cv2.circle(rgb, at, round(radius * height * 16), INK, _thin(rgb), cv2.LINE_AA, 4)


def _frame(rgb: np.ndarray) -> None:
    thick = 2 * _thin(rgb)
    rgb[:thick], rgb[-thick:], rgb[:, :thick], rgb[:, -thick:] = ROSE, ROSE, ROSE, ROSE


def _star(rgb: np.ndarray, x: float, y: float, radius: float) -> None:
    """A Siemens star of 36 rays, each pixel as light as the share of it that a ray covers, nearly."""
    left, top, side = int(x - radius), int(y - radius), int(2 * radius) + 1
    rows, columns = np.mgrid[top : top + side, left : left + side]
    away = np.hypot(columns - x, rows - y)
    rays = np.sin(np.arctan2(rows - y, columns - x) * 36) * np.maximum(away, 0.5) / 36
    inside = np.clip(radius - away + 0.5, 0, 1)[..., None]
    light = np.clip(0.5 + rays, 0, 1)[..., None] * INK
    part = rgb[max(top, 0) : top + side, max(left, 0) : left + side]
    light, inside = (one[-part.shape[0] :, -part.shape[1] :][: len(part)] for one in (light, inside))
    part[:] = part * (1 - inside) + light * inside


def _write(
    rgb: np.ndarray, words: str, middle: tuple[float, float], wide: float, high: float, ink: tuple[int, int, int]
) -> None:
    """Words as large as they fit into a box around a point, px."""
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, height), _ = cv2.getTextSize(words, font, 1.0, 2)
    scale = min(wide / max(width, 1), high / max(height, 1))
    at = round(middle[0] - width * scale / 2), round(middle[1] + height * scale / 2)
    cv2.putText(rgb, words, at, font, scale, ink, max(1, round(scale * 2)), cv2.LINE_AA)


def code(words: str) -> np.ndarray:
    """A QR code [shape=(n, n), uint8], a pixel a module, with its quiet border."""
    modules = cv2.QRCodeEncoder.create().encode(words[:LONGEST_WORDS])
    return np.asarray(cv2.copyMakeBorder(modules, 2, 2, 2, 2, 0, value=(255,)))


def _paste(rgb: np.ndarray, code: np.ndarray, left: int, top: int, side: int) -> None:
    times = max(1, side // len(code))
    large = code.repeat(times, 0).repeat(times, 1)
    left += (side - len(large)) // 2
    part = rgb[max(top, 0) : top + len(large), max(left, 0) : left + len(large)]
    part[:] = large[: part.shape[0], : part.shape[1], None]
