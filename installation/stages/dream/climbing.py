"""A picture of any size on disk and an aim in; the picture with more of the aim in it out, tile by tile.

DeepDream (Mordvintsev, Olah and Tyka 2015): each tile is moved along the gradient of what a net sees in it. The tiles
lie elsewhere at every step, so that no seam stays, and only one of them is in memory at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from installation.networks.dreaming import LONGEST_STEP, uphill
from installation.networks.eyes import Sight
from installation.stages.upscale.resampling import release, write_part


@dataclass(frozen=True)
class Stride:
    """How one climbs: rate is the mean change of a step, 0..1; tile, rim and jitter in px; colour 0: grey alone."""

    steps: int
    rate: float
    tile_px: int
    rim_px: int
    jitter_px: int
    colour: float


def climb(
    canvas: np.ndarray, sight: Sight, stride: Stride, chance: np.random.Generator, step_done: Callable[[int], object]
) -> None:
    """Move canvas [shape=(H, W, 3), uint16] in place; the same chance leads to the same picture."""
    level = 0.0
    for step in range(stride.steps):
        sizes = []
        for rows, columns in _tiles(canvas.shape, stride.tile_px, chance):
            gradient = _look(canvas, rows, columns, sight, stride, chance)
            size = float(gradient.abs().mean())
            sizes.append(size)
            part = canvas[rows, columns]
            change = gradient / max(level or size, 1e-12)
            moved = part.astype(np.float32) / 65535 + stride.rate * change.clamp_(-LONGEST_STEP, LONGEST_STEP).numpy()
            write_part(part, moved)
            release(canvas)
        level = float(np.mean(sizes))
        step_done(step)


def _tiles(shape: tuple[int, ...], tile_px: int, chance: np.random.Generator) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of tiles that cover a picture, of a grid that begins anywhere; a small picture is one tile."""
    return (
        (rows, columns) for rows in _cuts(shape[0], tile_px, chance) for columns in _cuts(shape[1], tile_px, chance)
    )


def _cuts(length: int, tile_px: int, chance: np.random.Generator) -> list[slice]:
    if length <= 1.3 * tile_px:
        return [slice(0, length)]
    first = int(chance.integers(tile_px // 2, tile_px + 1))
    ends = [0, *range(first, length, tile_px), length]
    return [slice(start, end) for start, end in itertools.pairwise(ends)]


def _seen(part: slice, length: int, stride: Stride) -> tuple[int, int]:
    """From where to where one sees around a tile: of all tiles as much, also at the border.

    A net keeps what it has made ready for each size that it was shown: many sizes took twice the memory.
    """
    side = max(part.stop - part.start, min(length, stride.tile_px + 2 * stride.rim_px))
    first = min(max(0, part.start - stride.rim_px), length - side)
    return first, first + side


def _look(
    canvas: np.ndarray, rows: slice, columns: slice, sight: Sight, stride: Stride, chance: np.random.Generator
) -> Tensor:
    """The gradient (h, w, 3) of the aim at a tile, softened; the net's own grid lies elsewhere each time."""
    top, bottom = _seen(rows, canvas.shape[0], stride)
    left, right = _seen(columns, canvas.shape[1], stride)
    window = canvas[top:bottom, left:right].astype(np.float32) / 65535
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x = torch.from_numpy(window).permute(2, 0, 1)[None].to(device)  # (1, 3, h, w)
    most = min(stride.jitter_px, min(window.shape[:2]) - 1)
    above, before = (int(chance.integers(0, most + 1)) for _ in range(2))
    soft = uphill(x, sight, (above, before), most, stride.colour)
    mine = soft[0, :, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return mine.permute(1, 2, 0).cpu()
