"""A picture and a network that enlarges in, the enlarged picture out: tile by tile, each with a rim that is cut off."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

log = logging.getLogger("installation.stages")

CELL_PX = 16  # tiles begin at whole cells: colour is compared cell by cell, and networks that fold pixels need it
SMALLEST_PX = 32


@dataclass(frozen=True)
class Tile:
    """The part of the input that a tile answers for, without its rim, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def halves(self) -> list[Tile]:
        """Two tiles that cover the same. Raises MemoryError when it cannot be any smaller."""
        longest = max(self.height, self.width)
        if longest <= SMALLEST_PX:
            raise MemoryError(
                f"a tile of {self.width}x{self.height} px does not fit the memory; free some, or use a GPU"
            )
        cut = max(CELL_PX, longest // 2 // CELL_PX * CELL_PX)
        if self.height >= self.width:
            rest = Tile(self.top + cut, self.left, self.height - cut, self.width)
            return [Tile(self.top, self.left, cut, self.width), rest]
        rest = Tile(self.top, self.left + cut, self.height, self.width - cut)
        return [Tile(self.top, self.left, self.height, cut), rest]


@dataclass(frozen=True)
class Window:
    """A tile with its rim, as far as the picture reaches: rows top .. bottom, columns left .. right."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area_px(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Where it lies in its picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, px: int, size: tuple[int, int]) -> Window:
        """So many pixels more on each side, as far as a picture of size (height, width) reaches."""
        bottom, right = min(size[0], self.bottom + px), min(size[1], self.right + px)
        return Window(max(0, self.top - px), bottom, max(0, self.left - px), right)

    def within(self, other: Window) -> tuple[slice, slice]:
        """Where it lies in what another window shows."""
        rows, columns = self.slices
        return (
            slice(rows.start - other.top, rows.stop - other.top),
            slice(columns.start - other.left, columns.stop - other.left),
        )


def with_rim(tile: Tile, size: tuple[int, int], pad_px: int) -> Window:
    """The window that a tile needs of a picture of size (height, width).

    At the picture's own edges there is no rim: there the network shall see that the picture ends.
    """
    return Window(tile.top, tile.top + tile.height, tile.left, tile.left + tile.width).grown(pad_px, size)


def plan_tiles(size: tuple[int, int], pad_px: int, most_px: int, tile_px: int = 0) -> list[Tile]:
    """Tiles, row by row, that cover a picture of size (height, width) with the least work in all.

    A tile with its rim has at most most_px pixels; tile_px, unless 0, is the longest side without the rim.
    """
    height, width = size
    choices = []
    for down in range(1, math.ceil(height / CELL_PX) + 1):
        tall = _whole_cells(height / down)
        row = min(height, tall + 2 * pad_px)
        side = max(CELL_PX, min(width, most_px // row - 2 * pad_px) if row * width > most_px else width)
        wide = _whole_cells(width / math.ceil(width / side)) if side < width else _whole_cells(width)
        if tile_px:
            tall, wide = min(tall, _whole_cells(tile_px)), min(wide, _whole_cells(tile_px))
        fits = min(height, tall + 2 * pad_px) * min(width, wide + 2 * pad_px) <= most_px or tall == wide == CELL_PX
        work = (height + 2 * pad_px * (math.ceil(height / tall) - 1)) * (
            width + 2 * pad_px * (math.ceil(width / wide) - 1)
        )
        choices.append((not fits, work, tall, wide))
    _, _, tall, wide = min(choices)
    return [
        Tile(top, left, min(tall, height - top), min(wide, width - left))
        for top in range(0, height, tall)
        for left in range(0, width, wide)
    ]


def _whole_cells(length_px: float) -> int:
    return max(1, math.ceil(length_px / CELL_PX)) * CELL_PX


def for_each_tile(
    tiles: list[Tile],
    size: tuple[int, int],
    pad_px: int,
    make: Callable[[Tile, Window], None],
    progress: Callable[[float], object] = lambda fraction: None,
) -> int:
    """make(tile, window) for every tile; one that does not fit the memory is made again in halves, as all after it.

    Returns how many did not fit. Raises MemoryError when not even the smallest does.
    """
    waiting, failures, done_px, limit_px = tiles[::-1], 0, 0, math.inf
    while waiting:
        tile = waiting.pop()
        window = with_rim(tile, size, pad_px)
        if window.area_px > limit_px and max(tile.height, tile.width) > SMALLEST_PX:
            waiting += tile.halves()[::-1]
            continue
        if not _fits(make, tile, window):
            failures, limit_px = failures + 1, window.area_px // 2
            log.warning("no memory for a tile of %dx%d px: smaller ones from here on", tile.width, tile.height)
            waiting += tile.halves()[::-1]
            continue
        done_px += tile.height * tile.width
        progress(done_px / (size[0] * size[1]))
    return failures


def _fits(make: Callable[[Tile, Window], None], tile: Tile, window: Window) -> bool:
    try:
        make(tile, window)
        return True
    except (MemoryError, RuntimeError) as error:  # torch's out-of-memory errors are RuntimeErrors
        if not is_out_of_memory(error):
            raise
    if torch.cuda.is_available():  # outside of the except: there the error still holds on to the tile's memory
        torch.cuda.empty_cache()
    return False


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of numpy's, torch's or CUDA's says that memory has run out."""
    text = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and ("allocate memory" in text or "out of memory" in text)
    )


def enlarge(network: nn.Module, rgb: np.ndarray) -> np.ndarray:
    """rgb [shape=(h, w, 3), float32, 0..1] -> [shape=(h * scale, w * scale, 3), float32, 0..1], by one pass."""
    height, width = rgb.shape[:2]
    multiple, scale = int(network.multiple), int(network.scale)  # type: ignore[arg-type]
    first = next(network.parameters())
    x = torch.from_numpy(np.ascontiguousarray(rgb)).to(first.device, first.dtype).permute(2, 0, 1)[None]
    x = nn.functional.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")  # (1, 3, H, W)
    with torch.inference_mode():
        y = network(x.contiguous(memory_format=torch.channels_last))[0, :, : height * scale, : width * scale]
        return y.permute(1, 2, 0).float().nan_to_num_().clamp_(0, 1).contiguous().cpu().numpy()
