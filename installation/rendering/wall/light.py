"""Places of the source in; how much of its light a projector sends there, so that several add up to one, out. No GL.

Where two projectors overlap, each fades with a ramp, and the ramps add up to 1 in light: values are dimmed to
ramp ** (1 / gamma). Where fewer projectors overlap than anywhere else on the wall their black is lifted, so that a dark
picture shows no brighter strips.
"""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np

from installation import files, pictures
from installation.checking import SettingsError
from installation.rendering.wall.venue import Edge, Mask, Output, Size

GAMMA = 2.2  # of what has no gamma of its own: colour and black
STEPS = 4096  # of a ramp
MOST_KEPT = 8  # masks, each as large as a frame
SUBPIXELS = 4  # bits of a polygon's corners
TILE_PX = 64  # of a frame that is dimmed in places


def turn(within: np.ndarray, output: Output) -> np.ndarray:
    """Places of the frame's mesh to places of its source [both shape=(..., 2), 0..1]: the turn and the mirrors."""
    x, y = within[..., 0], within[..., 1]
    x, y = (1 - x if output.mirror_x else x), (1 - y if output.mirror_y else y)
    turned = {0: (x, y), 90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}[output.rotation]
    return np.stack(turned, -1)


def in_picture(within: np.ndarray, output: Output) -> np.ndarray:
    """The same as places of the whole picture."""
    source = np.array(output.source, within.dtype)
    return turn(within, output) * source[2:] + source[:2]


def in_source(at: np.ndarray, output: Output) -> np.ndarray:
    """Places of the whole picture to places of an output's source [both shape=(..., 2)]."""
    source = np.array(output.source, at.dtype)
    return (at - source[:2]) / source[2:]


def is_shaded(output: Output) -> bool:
    """Whether anything is to be done to an output's light."""
    return is_blended(output) or bool(output.masks or output.mask_file)


def is_blended(output: Output) -> bool:
    """Whether it is anything but to mask it."""
    return output.colour != (1.0, 1.0, 1.0) or any(edge.width for edge in output.blend.sides)


def tint(output: Output) -> np.ndarray:
    """What values are multiplied by for each channel's share of light [shape=(3,)]."""
    return np.array(output.colour, "f8") ** (1 / GAMMA)


def shade(part: np.ndarray, output: Output) -> tuple[np.ndarray, np.ndarray | None]:
    """For places of the source [shape=(H, W, 2), 0..1]: what values there are multiplied by, and what is then added
    [both shape=(H, W, 3), 0..1, float32]; None: nothing. The masks are not yet in it."""
    x, y, blend = part[..., 0], part[..., 1], output.blend
    gain = np.empty((*x.shape, 3), "f4")
    gain[:] = tint(output)
    for along, edge in ((x, blend.left), (1 - x, blend.right), (y, blend.top), (1 - y, blend.bottom)):
        if edge.width:
            box = box_of(along < edge.width)
            gain[box] *= _ramp(edge)[_steps(along[box], edge.width)]
    if not any(output.black):
        return gain, None
    lifts = np.arange(4.0)[:, None] ** (1 / GAMMA) * output.black
    lift = lifts.astype("f4")[missing(part, output)]
    return gain * (1 - lift), lift


def _steps(along: np.ndarray, width: float) -> np.ndarray:
    """How far into a ramp each place is, in STEPS of it [int]; along is how far it is from the ramp's foot."""
    return np.clip(along * np.float32(STEPS / width) + np.float32(0.5), 0, STEPS).astype(np.int16)


def _ramp(edge: Edge) -> np.ndarray:
    """What values are multiplied by along one side's ramp [shape=(STEPS + 1, 3), float32]."""
    t = np.linspace(0.0, 1.0, STEPS + 1)[:, None]
    return ((t * t * (3 - 2 * t)) ** (1 / np.array(edge.gamma))).astype("f4")


def missing(part: np.ndarray, output: Output) -> np.ndarray:
    """How many projectors' blacks fewer there are at places of the source than where most of them overlap, for each
    that is there [shape=(H, W), uint8, 0..3]."""
    found = np.ones(part.shape[:2], np.uint8)
    for axis, (low, high) in enumerate((output.blend.sides[:2], output.blend.sides[2:])):
        if low.width or high.width:
            at = np.clip(part[..., axis], 0.0, 1.0)
            found *= np.where((at < low.width) | (at > 1 - high.width), np.uint8(1), np.uint8(2))
    return found - np.uint8(1)


def box_of(where: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns that hold all that is set [shape=(H, W)]."""
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def boxes_of(where: np.ndarray) -> list[tuple[slice, slice]]:
    """Boxes apart from each other that together hold all that is set [shape=(H, W)], and not much besides.

    The frame is looked at in tiles; neighbours in a row are one box, and rows of the same boxes are one too.
    """
    height, width = where.shape
    open_boxes: dict[tuple[int, int], int] = {}  # left and right: where it began
    boxes: list[tuple[slice, slice]] = []
    for top in (*range(0, height, TILE_PX), height):
        columns = np.atleast_1d(where[top : top + TILE_PX].any(0))  # below the last row nothing is set
        tiles = [False, *(bool(columns[left : left + TILE_PX].any()) for left in range(0, width, TILE_PX)), False]
        turns = [i * TILE_PX for i in range(len(tiles) - 1) if tiles[i] != tiles[i + 1]]
        runs = set(zip(turns[::2], turns[1::2], strict=True))
        for left, right in open_boxes.keys() - runs:
            boxes.append((slice(open_boxes.pop((left, right)), top), slice(left, min(right, width))))
        for run in runs - open_boxes.keys():
            open_boxes[run] = top
    return boxes


def mask_of(output: Output, size: Size, folder: Path) -> np.ndarray | None:
    """What the masks leave of the frame [shape=(H, W), uint8, 255: all]; None without any.

    Raises SettingsError for a PNG that is not there or cannot be read.
    """
    if not (output.masks or output.mask_file):
        return None
    left = np.full((size[1], size[0]), 255, np.uint8)
    if output.mask_file:
        left = _find_mask(output.mask_file, size, folder)
    for mask in output.masks:
        left = np.asarray(cv2.multiply(left, _draw_mask(mask, size), scale=1 / 255))
    return left


def _find_mask(name: str, size: Size, folder: Path) -> np.ndarray:
    path = files.find(folder, name) if files.is_one_name(name) else None
    if path is None:
        raise SettingsError(f"mask_file: no file {files.shown(name)} beside the venue's own")
    return _read_mask(path, path.stat().st_mtime_ns, size)


@functools.lru_cache(MOST_KEPT)
def _read_mask(path: Path, written_ns: int, size: Size) -> np.ndarray:
    """A mask's file as it was written then: a point that is dragged does not read it again."""
    try:
        rgb = pictures.read_8_bit(path, ground=0)
    except pictures.PictureError as error:
        raise SettingsError(f"mask_file: {error}") from error
    return np.asarray(cv2.resize(rgb[..., 1], size, interpolation=cv2.INTER_AREA))


@functools.lru_cache(MOST_KEPT)
def _draw_mask(mask: Mask, size: Size) -> np.ndarray:
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
