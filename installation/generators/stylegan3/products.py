"""What a convolution made in; up-sampled, rectified and down-sampled out, as products of small matrices.

The same filters as in resampling.py, for a CPU that multiplies matrices far faster than it filters: along an axis, a
block of values at the high rate is a banded matrix times a block of what comes in, so that a picture's rows are
multiplied from the right and its columns from the left. A round filter is one convolution, which takes the values of a
row for its channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import torch
from torch import Tensor

from installation.generators.stylegan2 import onednn
from installation.generators.stylegan2.network import GAIN, SLOPE
from installation.generators.stylegan3.resampling import find_phases, gain_of, loudest
from installation.generators.stylegan3.shape import LayerShape

HIGH = 160  # values at the high rate of a block along an axis, at most
NARROW = 64  # and across, where a round filter follows: its convolution multiplies with all of them
TILE = 1 << 21  # values at the high rate that are made, rectified and used up at once
LANES = 16  # channels of a tile and the sides of matrices are whole multiples, where they can be


@dataclass(frozen=True)
class Block:
    """Pixels start..stop of what goes out along an axis, low..high of what comes in, and the matrix between them."""

    start: int
    stop: int
    low: int
    high: int
    rise: Tensor  # (T, high - low)


class Products:
    """The matrices of one layer and the order of work, on a CPU."""

    def __init__(self, shape: LayerShape, up: Tensor, down: Tensor, clamp: float | None, dtype: torch.dtype) -> None:
        self.clamp = None if clamp is None else clamp / GAIN
        self.shape, self.phases, self.dtype = shape, find_phases(shape, up), dtype
        self.louder, self.round = gain_of(self.phases), down.ndim == 2
        down = down.double().flip(tuple(range(down.ndim)))
        self.rows, self.columns = self._blocks(HIGH), self._blocks(NARROW if self.round else HIGH)
        self.across = [self._fall(block, (down.mT if self.round else down) * GAIN) for block in self.columns]
        self.along = [] if self.round else [self._fall(block, down) for block in self.rows]
        tile = len(self.rows[0].rise) * len(self.columns[0].rise)
        self.step = max(LANES, TILE // tile // LANES * LANES)  # channels of a tile
        self.group = shape.outputs  # a convolution is fastest in one piece

    def _blocks(self, most: int) -> list[Block]:
        """The picture along an axis, in blocks of one size."""
        size = self.shape.out_size
        count = -(-size // ((most - self.shape.down_taps) // self.shape.down + 1))
        each = -(-size // count)
        return [self._block(start, min(start + each, size)) for start in range(0, size, each)]

    def _block(self, start: int, stop: int) -> Block:
        shape, reach = self.shape, len(self.phases[0].taps)
        size = shape.in_size + shape.kernel - 1  # all that the convolution makes
        high = (stop - start - 1) * shape.down + shape.down_taps
        high = -(-high // LANES) * LANES  # more is made, which no filter takes
        places = range(start * shape.down, start * shape.down + high)
        phases = [self.phases[place % shape.up] for place in places]
        firsts = [phase.first + place // shape.up for phase, place in zip(phases, places, strict=True)]
        low, end, before = max(0, min(firsts)), min(size, max(firsts) + reach), max(0, -min(firsts))
        rise = torch.zeros(high, before + max(firsts) + reach, dtype=torch.float64)
        for row, phase, first in zip(rise, phases, firsts, strict=True):
            row[before + first : before + first + reach] = phase.taps
        return Block(start, stop, low, end, rise[:, before + low : before + end].to(self.dtype).contiguous())

    def _fall(self, block: Block, down: Tensor) -> Tensor:
        """What takes T values down to a block's pixels: (pixels, T), or of a round filter (pixels, T, taps, 1)."""
        fall = torch.zeros(block.stop - block.start, len(block.rise), *down.shape[1:], dtype=torch.float64)
        for number, row in enumerate(fall):
            row[number * self.shape.down : number * self.shape.down + len(down)] = down
        return (fall[..., None] if self.round else fall).to(self.dtype)

    def __call__(self, x: Tensor, out: Tensor) -> None:
        """x (1, C, H, W), a group of channels, all that the convolution made -> out (1, C, out_size, out_size)."""
        clamp = self.clamp
        if clamp is not None and loudest(x) * self.louder < clamp:
            clamp = None  # nothing gets so far
        for part, into in zip(x[0].split(self.step), out[0].split(self.step), strict=True):
            lines = _turned(part)
            for number, row in enumerate(self.rows):
                tall = torch.mm(row.rise, lines[row.low : row.high].flatten(1)).view(-1, lines.shape[2])  # (T * C, W)
                for column, across in zip(self.columns, self.across, strict=True):
                    high = onednn.linear(tall[:, column.low : column.high], column.rise, None, SLOPE)  # (T * C, T)
                    high = high if clamp is None else high.clamp_(-clamp, clamp)
                    if self.round:
                        y = self._rounded(high.view(len(row.rise), -1, high.shape[1]), across)
                    else:  # the columns first, while the rows lie apart
                        y = torch.mm(self.along[number], torch.mm(high, across.T).view(len(row.rise), -1))
                    y = y.view(len(y), -1, len(across))[: row.stop - row.start]
                    into[:, row.start : row.stop, column.start : column.stop] = y.permute(1, 0, 2)

    def _rounded(self, x: Tensor, weight: Tensor) -> Tensor:
        """x (T, C, T) -> (rows, C, columns): a convolution over rows, with a row's values for its channels."""
        x = x[None].permute(0, 3, 1, 2)
        return onednn.conv(x, weight, None, None, 1, (0, 0), (self.shape.down, 1))[0].permute(1, 2, 0)


def _turned(x: Tensor) -> Tensor:
    """x (C, H, W), channels last -> (H, C, W) in memory. OpenCV turns a row three times as quickly as torch does."""
    turned = torch.empty(x.shape[1], x.shape[0], x.shape[2], dtype=x.dtype)
    bits = torch.int16 if x.element_size() == 2 else torch.int32  # numpy knows no bfloat16
    for row, line in zip(x.permute(1, 2, 0).view(bits).numpy(), turned.view(bits).numpy(), strict=True):
        cv2.transpose(row, line)
    return turned
