"""What a convolution made in; up-sampled, rectified and down-sampled out, as products of small matrices.

The same filters as in resampling.py, for a CPU that multiplies matrices far faster than it filters: along an axis, a
block of what goes out needs a block at the high rate, and that a block of what comes in; both steps are one banded
matrix, the same for every block, so that a picture's rows are multiplied from the right and its columns from the left.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from installation.generators.stylegan2 import onednn
from installation.generators.stylegan2.network import GAIN, SLOPE
from installation.generators.stylegan3.filters import parts
from installation.generators.stylegan3.resampling import LEAVES, Phase, find_phases, gain_of, loudest
from installation.generators.stylegan3.shape import LayerShape

BLOCK = 75  # px that go out at once along an axis, at most
TILE = 1 << 21  # values at the high rate that are made, rectified and used up at once
LANES = 16  # channels of a tile and the sides of matrices are whole multiples, where they can be


@dataclass(frozen=True)
class Block:
    """Pixels start..stop of what goes out, low..high of what comes in, and the matrix that takes these up."""

    start: int
    stop: int
    low: int
    high: int
    rise: Tensor  # (T, high - low)


class Products:
    """The matrices of one layer and the order of work, on a CPU."""

    def __init__(self, shape: LayerShape, up: Tensor, down: Tensor, clamp: float | None, dtype: torch.dtype) -> None:
        self.clamp = None if clamp is None else clamp / GAIN
        phases = find_phases(shape, up)
        self.louder = gain_of(phases)
        count = -(-shape.out_size // BLOCK)
        even = max(1, shape.up // shape.down)  # blocks begin where the phases begin anew
        self.block = -(-shape.out_size // (count * even)) * even
        self.first, self.last = 0, shape.in_size + shape.kernel - 1  # all that the convolution makes
        matrix = _rise(phases, (self.block - 1) * shape.down + shape.down_taps)
        self.taps = len(matrix)
        begin, step = min(phase.first for phase in phases), self.block * shape.down // shape.up
        self.blocks = []
        for number in range(-(-shape.out_size // self.block)):
            at = begin + number * step
            low, high = max(0, at), min(self.last, at + matrix.shape[1])
            rise = matrix[:, low - at : high - at].to(dtype).contiguous()
            start = number * self.block
            self.blocks.append(Block(start, min(start + self.block, shape.out_size), low, high, rise))
        falls = parts(down.flip(tuple(range(down.ndim))), LEAVES[dtype])
        rows, columns = (
            [_fall(taps, self.block, shape.down, self.taps) for taps in axis] for axis in zip(*falls, strict=True)
        )
        self.down = (torch.cat(rows) * GAIN).to(dtype)  # (parts * block, T)
        self.across = [fall.T.to(dtype).contiguous() for fall in columns]  # (T, block) each
        self.step = max(LANES, TILE // self.taps**2 // LANES * LANES)  # channels of a tile
        self.group = shape.outputs  # a convolution is fastest in one piece

    def __call__(self, x: Tensor, out: Tensor) -> None:
        """x (1, C, H, W), a group of channels, all that the convolution made -> out (1, C, out_size, out_size)."""
        clamp = self.clamp
        if clamp is not None and loudest(x) * self.louder < clamp:
            clamp = None  # nothing gets so far
        for part, into in zip(x[0].split(self.step), out[0].split(self.step), strict=True):
            for column in self.blocks:
                lines = part[:, :, column.low : column.high].permute(1, 0, 2).contiguous()  # (H, C, low)
                for row in self.blocks:
                    y = self._tile(lines[row.low : row.high], row.rise, column.rise, clamp)
                    y = y[: row.stop - row.start, :, : column.stop - column.start]
                    into[:, row.start : row.stop, column.start : column.stop] = y.permute(1, 0, 2)

    def _tile(self, x: Tensor, rows: Tensor, columns: Tensor, clamp: float | None) -> Tensor:
        """x (low, C, low) -> (block, C, block): up along both axes, rectified, down along both."""
        tall = torch.mm(rows, x.view(len(x), -1)).view(-1, x.shape[2])  # (T * C, low)
        high = onednn.linear(tall, columns, SLOPE)  # (T * C, T)
        high = high if clamp is None else high.clamp_(-clamp, clamp)
        if len(self.across) == 1:  # the columns first, while the rows lie apart
            y = torch.mm(self.down, torch.mm(high, self.across[0]).view(self.taps, -1))
        else:  # the rows first: all parts of a round filter in one product
            tall = torch.mm(self.down, high.view(self.taps, -1)).view(len(self.across), -1, self.taps)
            y = torch.mm(tall[0], self.across[0])
            for part, across in zip(tall[1:], self.across[1:], strict=True):
                y.addmm_(part, across)
        return y.view(self.block, -1, self.block)


def _rise(phases: list[Phase], high: int) -> Tensor:
    """The matrix (high, low) of up-sampling; high made up to whole LANES: more is made, which no filter takes."""
    first, up, reach = min(phase.first for phase in phases), len(phases), len(phases[0].taps)
    high = -(-high // LANES) * LANES
    low = max(phase.first for phase in phases) - first + (high - 1) // up + reach
    matrix = torch.zeros(high, -(-low // 2) * 2, dtype=torch.float64)
    for row in range(high):
        phase = phases[row % up]
        start = phase.first - first + row // up
        matrix[row, start : start + reach] = phase.taps
    return matrix


def _fall(taps: Tensor, block: int, down: int, high: int) -> Tensor:
    """The matrix (block, high) of down-sampling."""
    matrix = torch.zeros(block, high, dtype=torch.float64)
    for row in range(block):
        matrix[row, row * down : row * down + len(taps)] = taps
    return matrix
