"""A picture and networks in, the picture at any larger size out, pass by pass, through memory maps."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from installation.stages.upscale.drift import Drift, take_off
from installation.stages.upscale.resampling import Rows, fill, read, release, write_part
from installation.stages.upscale.sharpening import Look
from installation.stages.upscale.tiles import Tile, Window, enlarge, for_each_tile, plan_tiles
from installation.stages.upscale.underpaint import read_window

FINISHING = 0.1  # share of the progress that is not the networks'
MOST_PX_ON_GPU = 2_500_000  # what comes back of it, 16 times as much, shall not fill the machine's own memory
LEFT_OVER = 0.06  # of the way from bare to opaque, at both ends
NEIGHBOURS = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Enlarging:
    """How a picture is enlarged.

    network makes the colours, alpha_network the alpha (asked for only when there is one): a network that draws smooth
    edges, given the alpha as grey. folder takes the maps of the passes between; they are gone at the end. look is how
    the picture is read, those between passes as they are.
    """

    network: nn.Module
    alpha_network: Callable[[], nn.Module]
    folder: Path
    tile_px: int = 0
    pad_px: int = -1
    memory_mb: int = 1200
    keep_colour: float = 1.0
    stretch: float = 1.5
    look: Look = read_window
    progress: Callable[..., None] = lambda fraction, note="": None

    @property
    def scale(self) -> int:
        return int(self.network.scale)  # type: ignore[arg-type]

    @property
    def rim_px(self) -> int:
        """The rim of a tile: what was asked for, else what makes tiles as good as one piece; whole cells of folding."""
        return math.ceil((self.pad_px if self.pad_px >= 0 else int(self.network.rim_px)) / 4) * 4  # type: ignore[arg-type]

    def run(self, picture: np.ndarray, out: np.ndarray) -> dict[str, Any]:
        """Fill out [uint16 (H, W, C)] with picture [uint16 (h, w, C)]; returns how many passes, tiles, misfits."""
        sizes = self.plan_passes(picture.shape[:2], out.shape[:2])
        notes = {"passes": len(sizes), "tiles": 0, "out_of_memory": 0}
        source, shares = picture, _shares(sizes)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".pass-") as name:
            for number, size in enumerate(sizes):
                last = number == len(sizes) - 1
                full = (size[0] * self.scale, size[1] * self.scale)
                target = out if last else _map(Path(name, f"between{number}"), sizes[number + 1], out.shape[2])
                large = target if target.shape[:2] == full else _map(Path(name, f"pass{number}"), full, out.shape[2])
                drift = self._pass(source, large, shares[number], notes, read_window if number else self.look)
                fill(target, self._true_rows(large, drift), full)
                source = target
        return notes

    def plan_passes(self, size: tuple[int, int], target: tuple[int, int]) -> list[tuple[int, int]]:
        """The sizes (height, width) that the network is given, one after the other."""
        sizes, scale = [size], self.scale
        while scale > 1 and target[1] > sizes[-1][1] * scale * self.stretch:
            height, width = (
                min(n * scale, math.ceil(whole / scale)) for n, whole in zip(sizes[-1], target, strict=True)
            )
            sizes.append((height, width))
        return sizes

    def most_px(self) -> int:
        """How many pixels a tile with its rim may have."""
        first = next(self.network.parameters())
        each = int(self.network.bytes_per_px) * first.element_size() // 4  # type: ignore[arg-type]
        if first.device.type == "cuda":
            half = torch.cuda.get_device_properties(first.device).total_memory // 2  # not what is free: that would vary
            return min(half // each, MOST_PX_ON_GPU)
        return self.memory_mb * 2**20 // each

    def _pass(
        self, source: np.ndarray, large: np.ndarray, share: tuple[float, float], notes: dict[str, Any], look: Look
    ) -> np.ndarray:
        """One pass of the networks over source; returns the drift of its colours."""
        height, width = size = source.shape[:2]
        drift, scale, begun_s = Drift(height, width), self.scale, time.perf_counter()

        def make(tile: Tile, window: Window) -> None:
            rgb, alpha = look(source, window)
            colour = _cut(enlarge(self.network, rgb), tile, window, scale)
            there = _part(large, tile, scale)
            if source.shape[2] == 4:
                write_part(there[..., 3], _cut(self._enlarge_alpha(alpha), tile, window, scale))
            drift.add(tile, _cut(rgb, tile, window), colour, _cut(alpha, tile, window))
            write_part(there[..., :3], colour)
            notes["tiles"] += 1
            release(large)

        def tell(done: float) -> None:
            speed = done * height * width * scale**2 / 1e6 / (time.perf_counter() - begun_s)
            self.progress(share[0] + share[1] * done, f"{width}x{height} px, {speed:.2f} megapixels a second")

        tiles = plan_tiles(size, self.rim_px, self.most_px(), self.tile_px)
        notes["out_of_memory"] += for_each_tile(tiles, size, self.rim_px, make, tell)
        return drift.smooth() * self.keep_colour

    def _enlarge_alpha(self, alpha: np.ndarray) -> np.ndarray:
        """Alpha (h, w) at scale: drawn by the network as grey, but nowhere outside of what its neighbours have.

        So what is plain stays plain to the last bit, and no ring appears around a cut-out. The ends of what the network
        leaves not quite opaque or not quite bare are drawn out to what the neighbours have.
        """
        size = (alpha.shape[1] * self.scale, alpha.shape[0] * self.scale)
        low, high = cv2.erode(alpha, NEIGHBOURS), cv2.dilate(alpha, NEIGHBOURS)
        if low.min() == high.max():
            return np.full(size[::-1], alpha[0, 0], np.float32)
        drawn = enlarge(self.alpha_network(), np.repeat(alpha[..., None], 3, 2)).mean(2)
        how = cv2.INTER_AREA if drawn.shape[1] > size[0] else cv2.INTER_CUBIC
        drawn = cv2.resize(drawn, size, interpolation=how)
        low, high = (cv2.resize(x, size, interpolation=cv2.INTER_LINEAR) for x in (low, high))
        span = high - low
        place = np.clip((drawn - low - LEFT_OVER * span) / np.maximum((1 - 2 * LEFT_OVER) * span, 1e-6), 0, 1)
        return low + place * span

    def _true_rows(self, large: np.ndarray, drift: np.ndarray) -> Rows:
        """A reader of the enlarged picture that takes the drift off."""

        def rows(top: int, bottom: int) -> np.ndarray:
            band = read(large, top, bottom)
            take_off(band, drift, top, self.scale)
            return band

        return rows


def _shares(sizes: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """(begin, length) of each pass on a scale of 0..1 - FINISHING, by how many pixels it has."""
    areas = np.array([height * width for height, width in sizes], np.float64)
    lengths = areas / areas.sum() * (1 - FINISHING)
    return [(float(begin), float(length)) for begin, length in zip(np.cumsum(lengths) - lengths, lengths, strict=True)]


def _map(path: Path, size: tuple[int, int], channels: int) -> np.ndarray:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint16, shape=(*size, channels))


def _part(pixels: np.ndarray, tile: Tile, scale: int) -> np.ndarray:
    """The view of an enlarged picture that belongs to a tile."""
    top, left = tile.top * scale, tile.left * scale
    return pixels[top : top + tile.height * scale, left : left + tile.width * scale]


def _cut(pixels: np.ndarray, tile: Tile, window: Window, scale: int = 1) -> np.ndarray:
    """A window's pixels without the tile's rim."""
    top, left = (tile.top - window.top) * scale, (tile.left - window.left) * scale
    return pixels[top : top + tile.height * scale, left : left + tile.width * scale]
