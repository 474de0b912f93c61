"""Layers in, layers sampled anew out: shifts, turns, neighbourhoods and noise in units of the layer's own size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

GRAIN = 64  # rows of the frozen noise, whatever the size of the layer: a print has the grain of the show


def select(x: Tensor, axis: int, index: Tensor) -> Tensor:
    """index_select that reads channels_last memory in its own order, several times faster there."""
    if x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last):
        return x.index_select(axis, index)
    return x.permute(0, 2, 3, 1).index_select((0, 3, 1, 2)[axis], index).permute(0, 3, 1, 2)


def replace(x: Tensor, axis: int, index: Tensor, part: Tensor) -> Tensor:
    """A copy of x with `part` at `index` along the axis, in the memory order of x."""
    if x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last):
        return x.index_copy(axis, index, part)
    y = x.permute(0, 2, 3, 1).index_copy((0, 3, 1, 2)[axis], index, part.permute(0, 2, 3, 1))
    return y.permute(0, 3, 1, 2)


def layout(x: Tensor) -> torch.memory_format:
    by_pixel = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if by_pixel else torch.contiguous_format


def by_pixel(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def sorted_columns(x: Tensor) -> Tensor:
    """Columns in rising order. On the CPU numpy's sort, which is vectorised, takes a tenth of torch's time."""
    if x.device.type != "cpu":
        return x.sort(2).values
    columns = x.mT.float().clone(memory_format=torch.contiguous_format).numpy()
    columns.sort(axis=3)
    return torch.from_numpy(columns).mT.to(x.dtype)


def mean_of(x: Tensor) -> Tensor:
    return x.mean((2, 3), keepdim=True)


def rms_of(x: Tensor) -> Tensor:
    """Root mean square of the whole layer, 0-dim float32."""
    return torch.linalg.vector_norm(x, dtype=torch.float32) / x.numel() ** 0.5


def grain(x: Tensor, source: torch.Generator) -> Tensor:
    """Seeded normal noise (1, C, H, W) that looks the same at every size of the layer."""
    rows, columns = x.shape[2:]
    wide = max(1, round(GRAIN * columns / rows))
    rough = torch.randn(1, x.shape[1], GRAIN, wide, generator=source)
    return F.interpolate(rough, (rows, columns), mode="bilinear", align_corners=False, antialias=True)


def mirrored(place: Tensor, size: int) -> Tensor:
    """Fold pixel places into 0..size-1 by mirroring at the outer pixel edges."""
    folded = torch.remainder(place + 0.5, 2 * size)
    return torch.where(folded > size, 2 * size - folded, folded) - 0.5


def shifted(x: Tensor, amount: Tensor, axis: int) -> Tensor:
    """x moved along an axis by amount x its size, mirrored, with linear interpolation between pixels."""
    size = x.shape[axis]
    place = mirrored(torch.arange(size, device=x.device) - amount * size, size).clamp(0, size - 1)
    low = place.floor().to(torch.int64)
    part = (place - low).to(x.dtype).view([-1 if i == axis else 1 for i in range(4)])
    return torch.lerp(select(x, axis, low), select(x, axis, (low + 1).clamp(max=size - 1)), part)


def warped(x: Tensor, matrix: Tensor) -> Tensor:
    """x sampled at matrix (a, b, c, d) @ (x, y) around the middle, in units of half the height."""
    rows, columns = x.shape[2:]
    aspect = columns / rows
    a, b, c, d = matrix.unbind()
    zero = torch.zeros_like(a)
    theta = torch.stack([torch.stack([a, b / aspect, zero]), torch.stack([c * aspect, d, zero])])[None]
    grid = F.affine_grid(theta.expand(x.shape[0], -1, -1), list(x.shape), align_corners=False)
    # Half precision would place samples half a pixel off in a large layer.
    turned = F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return turned.to(x.dtype)


def dilated(x: Tensor) -> Tensor:
    """Maximum in a square of 4 % of the height to each side; a radius between two pixels is a mean of both."""
    radius = 0.04 * x.shape[2]
    low, part = int(radius), radius - int(radius)
    inner = maximum_within(x, low)
    return inner if part < 0.1 and low else torch.lerp(inner, maximum_within(x, low + 1), part)


def maximum_within(x: Tensor, radius: int) -> Tensor:
    if radius == 0:
        return x
    x = F.max_pool2d(by_pixel(x), (2 * radius + 1, 1), 1, (radius, 0))
    return F.max_pool2d(x, (1, 2 * radius + 1), 1, (0, radius))


def gaussian(size: int, sigma_px: Tensor, dtype: torch.dtype) -> Tensor:
    """Matrix (size, size) that blurs a line; rows sum to 1, so the border stays as bright as the middle."""
    place = torch.arange(size, device=sigma_px.device)
    far = (place[:, None] - place).float()
    weight = torch.exp(-0.5 * (far / sigma_px.clamp(min=0.05)).square())
    return (weight / weight.sum(1, keepdim=True)).to(dtype)
