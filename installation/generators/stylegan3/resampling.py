"""What a convolution made in; up-sampled, rectified and down-sampled out: StyleGAN3's filters in few short passes.

No zero is ever multiplied. An up-filter is its phases, each a short filter at the low rate. Phases of columns are laid
side by side while the picture is small; phases of rows stay apart until the columns are down-sampled, so that the
large picture in between is written once and read once. It never exists as a whole either: bands of rows of a few
channels go through all passes within a core's own memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.generators.stylegan2 import onednn
from installation.generators.stylegan2.network import GAIN, SLOPE
from installation.generators.stylegan3.filters import parts
from installation.generators.stylegan3.shape import LayerShape

BAND = 1 << 22  # values at the high rate that are worked on at once on a CPU
LEAST_CHANNELS = 32  # of a group
LEAVES = {torch.float32: 1e-5, torch.bfloat16: 6e-3, torch.float16: 1e-3}  # of a round filter, relative


@dataclass(frozen=True)
class Phase:
    """Every up-th value at the high rate: `taps` over the low rate's values, for the first of them from `first` on."""

    first: int
    taps: Tensor


@dataclass(frozen=True)
class Band:
    """Rows start..stop of what goes out, and `count` rows of every phase, for which it is made."""

    start: int
    stop: int
    count: int


class Resampling:
    """The filters of one layer and the order of work."""

    def __init__(
        self,
        shape: LayerShape,
        up: Tensor,
        down: Tensor,
        clamp: float | None,
        device: torch.device,
        dtype: torch.dtype,
        followed: bool = False,
    ) -> None:
        """followed: in operations that gradients are known of."""
        self.shape, self.device, self.dtype = shape, device, dtype
        self.clamp = None if clamp is None else clamp / GAIN
        self.fused = device.type == "cpu" and onednn.available(dtype) and not followed
        self.phases = find_phases(shape, up)
        self.louder = gain_of(self.phases)
        self.reach = len(self.phases[0].taps) - 1
        down = down.double().flip(tuple(range(down.ndim)))
        self.round = down.ndim == 2 and self.fused  # whether a round filter is taken as it is, else in its parts
        self.down = (
            [] if self.round else [self._pair(rows * GAIN, columns) for rows, columns in parts(down, LEAVES[dtype])]
        )
        self.rounded = (
            [self._there(down[number :: shape.down] * GAIN) for number in range(shape.down)] if self.round else []
        )
        self.high = (shape.out_size - 1) * shape.down + shape.down_taps  # px at the high rate
        self.group, rows = self._tile()
        self.bands = [self._band(at, min(at + rows, shape.out_size)) for at in range(0, shape.out_size, rows)]
        self.first = min(phase.first for phase in self.phases)
        self.last = max(self._start(band) + band.count + self.reach for band in self.bands) + self._spread
        self.columns = -(-self.high // shape.up)
        taps = [phase.taps.to(device, dtype)[None, None] for phase in self.phases]
        self.kernels = [tap[:, :, None, :] for tap in taps], [tap[:, :, :, None] for tap in taps]  # across, along

    @property
    def _spread(self) -> int:
        """How much later than the first the last phase begins."""
        return max(phase.first for phase in self.phases) - min(phase.first for phase in self.phases)

    def _pair(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """The kernels (1, 1, taps, 1) and (1, 1, 1, taps)."""
        return self._there(rows[:, None]), self._there(columns[None])

    def _there(self, kernel: Tensor) -> Tensor:
        return kernel[None, None].to(self.device, self.dtype)

    def _tile(self) -> tuple[int, int]:
        """How many channels and rows go out at once; the rows begin anew where the phases do."""
        shape = self.shape
        if self.device.type != "cpu":
            return shape.outputs, shape.out_size
        group = max(LEAST_CHANNELS, min(shape.outputs, BAND // self.high**2 // 32 * 32))
        rows = (BAND // (min(group, shape.outputs) * self.high) - shape.down_taps) // shape.down
        return group, max(
            4, min(shape.out_size, rows // shape.up * shape.up)
        ) if rows < shape.out_size else shape.out_size

    def _band(self, start: int, stop: int) -> Band:
        high = (stop - start - 1) * self.shape.down + self.shape.down_taps
        return Band(start, stop, -(-high // self.shape.up))

    def _start(self, band: Band) -> int:
        """Where at the low rate the phases of a band begin, beside those of the first band."""
        return min(phase.first for phase in self.phases) + band.start * self.shape.down // self.shape.up

    def __call__(self, x: Tensor, out: Tensor) -> None:
        """x (1, C, H, W), a group of channels, all that the convolution made -> out (1, C, out_size, out_size)."""
        around = (-self.first, self.last - x.shape[2])
        x = F.pad(x, (*around, *around))
        channels = x.shape[1]
        across, along = ([taps.expand(channels, -1, -1, -1) for taps in kernels] for kernels in self.kernels)
        clamp = self.clamp if self._may_clamp(x) else None
        for band in self.bands:
            at = self._start(band) - self.first
            rows = x[:, :, at : at + band.count + self.reach + self._spread]
            wide = self._columns_up(rows, across)
            phases = self._rows_up(wide, along, band.count, clamp)
            into = out[:, :, band.start : band.stop]
            y = self._rounded(phases) if self.round else self._rows_down(self._columns_down(phases))
            into.copy_(y[:, :, : into.shape[2], : into.shape[3]])

    def _may_clamp(self, x: Tensor) -> bool:
        """Whether anything may reach the clamp; a captured graph does not ask."""
        if self.clamp is None or self.device.type != "cpu":
            return self.clamp is not None
        return loudest(x) * self.louder >= self.clamp

    def _columns_up(self, x: Tensor, kernels: list[Tensor]) -> Tensor:
        """(1, C, H, low) -> (1, C, H, high or a little more)."""
        lines = []
        for phase, kernel in zip(self.phases, kernels, strict=True):
            at = phase.first - self.first
            y = F.conv2d(x, kernel, groups=x.shape[1])
            lines.append(y[:, :, :, at : at + self.columns].permute(0, 2, 3, 1))  # (1, H, W, C)
        y = torch.stack(lines, 3)
        return y.view(1, y.shape[1], -1, y.shape[4]).permute(0, 3, 1, 2)

    def _rows_up(self, x: Tensor, kernels: list[Tensor], count: int, clamp: float | None) -> Iterator[Tensor]:
        """(1, C, low, high) -> every phase of rows, rectified: (1, C, count, high or a little more)."""
        for phase, kernel in zip(self.phases, kernels, strict=True):
            at = phase.first - self.first
            y = self._rectified(x[:, :, at : at + count + self.reach], kernel)
            if clamp is not None:
                y = y.clamp(-clamp, clamp) if y.requires_grad else y.clamp_(-clamp, clamp)
            yield y

    def _rectified(self, x: Tensor, kernel: Tensor) -> Tensor:
        if self.fused:
            return onednn.conv(x, kernel, None, SLOPE, x.shape[1], (0, 0))
        return F.leaky_relu_(F.conv2d(x, kernel, groups=x.shape[1]), SLOPE)

    def _columns_down(self, phases: Iterator[Tensor]) -> list[Tensor]:
        """For every part of the down-filter (1, C, high or a little more, out)."""
        lines: list[list[Tensor]] = [[] for _ in self.down]
        for y in phases:
            for line, (_, columns) in zip(lines, self.down, strict=True):
                line.append(_filtered(y, columns, (1, self.shape.down)))
        return [_woven(line) for line in lines]

    def _rows_down(self, narrow: list[Tensor]) -> Tensor:
        total: Tensor | None = None
        for x, (rows, _) in zip(narrow, self.down, strict=True):
            y = _filtered(x, rows, (self.shape.down, 1))
            total = y if total is None else total.add_(y)
        assert total is not None
        return total

    def _rounded(self, phases: Iterator[Tensor]) -> Tensor:
        """As `_columns_down` and `_rows_down`, in both dimensions at once: each kernel for every down-th row."""
        lines = list(phases)
        total: Tensor | None = None
        for number, kernel in enumerate(self.rounded):
            y = _filtered(_woven(lines[number :: self.shape.down]), kernel, (1, self.shape.down))
            total = y if total is None else total.add_(y)
        assert total is not None
        return total


def _filtered(x: Tensor, kernel: Tensor, stride: tuple[int, int]) -> Tensor:
    """Every channel by itself."""
    return F.conv2d(x, kernel.expand(x.shape[1], -1, -1, -1), stride=stride, groups=x.shape[1])


def find_phases(shape: LayerShape, up: Tensor) -> list[Phase]:
    """up (taps,): a layer's up-filter, in its phases."""
    flipped, before = up.double().flip(0) * shape.up, shape.padding[0]
    firsts = [(before - number) % shape.up for number in range(shape.up)]
    return [Phase((n + first - before) // shape.up, flipped[first :: shape.up]) for n, first in enumerate(firsts)]


def loudest(x: Tensor) -> float:
    """The greatest magnitude in x (1, C, H, W), channels last: read as it lies in memory."""
    return max(map(abs, map(float, x.detach().permute(0, 2, 3, 1).aminmax())))


def gain_of(phases: list[Phase]) -> float:
    """How much greater than all that comes in a value at the high rate may be, in two dimensions."""
    return float(max(phase.taps.abs().sum() for phase in phases)) ** 2


def _woven(lines: list[Tensor]) -> Tensor:
    """Phases (1, C, H, W) of rows -> (1, C, H * phases, W), row after row."""
    if len(lines) == 1:
        return lines[0]
    y = torch.stack([line.permute(0, 2, 3, 1) for line in lines], 2)
    return y.view(1, -1, y.shape[3], y.shape[4]).permute(0, 3, 1, 2)
