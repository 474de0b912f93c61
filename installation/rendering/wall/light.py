"""Places of the source in; how much of its light a projector sends there, so that several add up to one, out. No GL.

Where two projectors overlap, each fades with a ramp, and the ramps add up to 1 in light: values are dimmed to
ramp ** (1 / gamma). Where fewer projectors overlap than anywhere else on the wall their black is lifted, so that a dark
picture shows no brighter strips.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from installation import files, pictures
from installation.checking import SettingsError
from installation.rendering.wall.venue import Edge, Mask, Output

GAMMA = 2.2  # of what has no gamma of its own: colour and black
SUBPIXELS = 4  # bits of a polygon's corners


def turn(within: np.ndarray, output: Output) -> np.ndarray:
    """Places of the frame's mesh to places of its source [both shape=(..., 2), 0..1]: the turn and the mirrors."""
    x, y = within[..., 0], within[..., 1]
    x, y = (1 - x if output.mirror_x else x), (1 - y if output.mirror_y else y)
    turned = {0: (x, y), 90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}[output.rotation]
    return np.stack(turned, -1)


def in_picture(within: np.ndarray, output: Output) -> np.ndarray:
    """The same as places of the whole picture."""
    x, y, width, height = output.source
    return turn(within, output) * (width, height) + (x, y)


def is_shaded(output: Output) -> bool:
    """Whether anything is to be done to an output's light."""
    even = output.colour == (1.0, 1.0, 1.0) and not any(edge.width for edge in output.blend.sides)
    return not even or bool(output.masks or output.mask_file)


def tint(output: Output) -> np.ndarray:
    """What values are multiplied by for each channel's share of light [shape=(3,)]."""
    return np.array(output.colour, "f8") ** (1 / GAMMA)


def shade(part: np.ndarray, output: Output) -> tuple[np.ndarray, np.ndarray]:
    """For places of the source [shape=(H, W, 2), 0..1]: what values there are multiplied by, and what is then added
    [both shape=(H, W, 3), 0..1]. The masks are not yet in it."""
    (x, y), blend = np.moveaxis(np.clip(part, 0.0, 1.0), -1, 0), output.blend
    gain = np.broadcast_to(tint(output).astype("f4"), (*x.shape, 3)).copy()
    alone = [np.ones(x.shape, bool), np.ones(x.shape, bool)]
    for along, edge, axis in ((x, blend.left, 0), (1 - x, blend.right, 0), (y, blend.top, 1), (1 - y, blend.bottom, 1)):
        if edge.width:
            alone[axis] &= along >= edge.width
            _dim(gain, along, edge)
    most = [2 if any(edge.width for edge in pair) else 1 for pair in (blend.sides[:2], blend.sides[2:])]
    missing = most[0] * most[1] / ((2.0 - alone[0]) * (2.0 - alone[1])) - 1
    lift = np.maximum(missing, 0.0)[..., None] ** (1 / GAMMA) * np.array(output.black)
    return gain * (1 - lift), lift


def _dim(gain: np.ndarray, along: np.ndarray, edge: Edge) -> None:
    """One side's ramp; along is how far inside each place is."""
    fading = along < edge.width
    t = np.clip(along[fading] / edge.width, 0.0, 1.0)[:, None]
    gain[fading] *= (t * t * (3 - 2 * t)) ** (1 / np.array(edge.gamma))


def mask_of(output: Output, size: tuple[int, int], folder: Path) -> np.ndarray | None:
    """What the masks leave of the frame [shape=(H, W), uint8, 255: all]; None without any.

    Raises SettingsError for a PNG that is not there or cannot be read.
    """
    if not (output.masks or output.mask_file):
        return None
    left = np.full((size[1], size[0]), 255, np.uint8)
    if output.mask_file:
        left = _read_mask(output.mask_file, size, folder)
    for mask in output.masks:
        left = np.asarray(cv2.multiply(left, _draw_mask(mask, size), scale=1 / 255))
    return left


def _read_mask(name: str, size: tuple[int, int], folder: Path) -> np.ndarray:
    path = files.find(folder, name) if files.is_one_name(name) else None
    if path is None:
        raise SettingsError(f"mask_file: no file {files.shown(name)} beside the venue's own")
    try:
        rgb = pictures.read_8_bit(path, ground=0)
    except pictures.PictureError as error:
        raise SettingsError(f"mask_file: {error}") from error
    return np.asarray(cv2.resize(rgb[..., 1], size, interpolation=cv2.INTER_AREA))


def _draw_mask(mask: Mask, size: tuple[int, int]) -> np.ndarray:
    """One polygon [shape=(H, W), uint8]: 0 inside and 255 outside, or the other way round; the edge in the ramp."""
    ring = np.array(mask.points) * size - 0.5
    ring = np.clip(np.round(ring * 2**SUBPIXELS), -(2**24), 2**24).astype(np.int32)
    inside = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(inside, [ring], 255, cv2.LINE_AA, SUBPIXELS)
    soft_px = mask.softness * size[1]
    if soft_px > 1.0:
        inside = _soften(inside, soft_px)
    return inside if mask.keep else 255 - inside


def _soften(inside: np.ndarray, soft_px: float) -> np.ndarray:
    """A shape with a smooth ramp of so many pixels across its edge; the frame's own edge is none of the shape's."""
    solid = (inside > 127).astype(np.uint8)
    into, off = (cv2.distanceTransform(one, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for one in (solid, 1 - solid))
    into, off = (np.minimum(one, soft_px) for one in (into, off))  # far from any edge it may be without end
    t = np.clip(0.5 + (into - off) / (2 * (soft_px / 2 + 0.5)), 0.0, 1.0)
    return np.round(t * t * (3 - 2 * t) * 255).astype(np.uint8)
