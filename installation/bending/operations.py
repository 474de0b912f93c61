"""Activations and an amount in, bent activations out: one pure tensor function per operation of network bending.

After Broad, Leymarie and Grierson, Network Bending (2021). Adding an operation is adding one decorated function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

GRAIN = 64  # rows of the frozen noise, whatever the size of the layer: a print has the grain of the show
BLUR_ROWS = 32  # blurs are made at this size
Function = Callable[[Tensor, Tensor, "Site"], Tensor]


@dataclass(eq=False)
class Site:
    """Where one bend sits on one layer: its seeded constants, and what it remembers of the frame before."""

    seed: int = 0
    buffers: dict[str, Tensor] = field(default_factory=dict)
    history: dict[str, Tensor] = field(default_factory=dict)

    def constant(self, name: str, like: Tensor, make: Callable[[torch.Generator], Tensor]) -> Tensor:
        """A tensor made once from the seed, on the CPU so that every device sees the same one."""
        key = f"{name} {tuple(like.shape)} {like.dtype} {like.device}"
        if key not in self.buffers:
            self.buffers[key] = make(torch.Generator().manual_seed(self.seed))
            made = self.buffers[key].to(like.device)
            if made.is_floating_point():
                made = made.to(like.dtype, memory_format=_layout(like))
            self.buffers[key] = made
        return self.buffers[key]

    def before(self, name: str, x: Tensor) -> Tensor:
        """What `name` held in the frame before; x itself in the first frame or after a change of shape."""
        held = self.history.get(name)
        if held is None or held.shape != x.shape or held.dtype != x.dtype:
            held = self.history[name] = x.clone()
        return held


@dataclass(frozen=True)
class Operation:
    """One way to bend x (B, C, H, W) by an amount in low..high; at amount 0 the result is x, bit for bit."""

    name: str
    bend: Function
    about: str
    low: float = 0.0
    high: float = 1.0
    amplifies: bool = False  # may give more energy than it got: its output is held to ENERGY times the input
    remembers: bool = False  # must see every frame, also those with amount 0

    def __call__(self, x: Tensor, amount: Tensor, site: Site) -> Tensor:
        """amount is a 0-dim float32 tensor on x's device, so that a captured CUDA graph follows its changes."""
        if amount.device.type != "cpu":  # no branching on values there
            return torch.where(amount == 0, x, self.bend(x, amount, site))
        neutral = float(amount) == 0.0
        bent = x if neutral and not self.remembers else self.bend(x, amount, site)
        return x if neutral else bent


OPERATIONS: dict[str, Operation] = {}


def operation(
    low: float = 0.0, high: float = 1.0, amplifies: bool = False, remembers: bool = False
) -> Callable[[Function], Operation]:
    """Enter a function into OPERATIONS under its own name, without a trailing underscore."""

    def enter(function: Function) -> Operation:
        name = function.__name__.rstrip("_")
        about = (function.__doc__ or "").splitlines()[0]
        OPERATIONS[name] = Operation(name, function, about, low, high, amplifies, remembers)
        return OPERATIONS[name]

    return enter


@operation()
def ablate(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Fade the chosen channels out."""
    return x * (1 - amount)


@operation()
def invert(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Turn each channel upside down around its own mean."""
    return x + 2 * amount * (_mean(x) - x)


@operation(low=-1.0, amplifies=True)
def multiply(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Gain from 1/8 (at -1) to 8 (at 1), which the energy limit holds."""
    return x * torch.exp2(3 * amount)


@operation()
def threshold(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Two levels per channel, one deviation above and below its mean."""
    mean = _mean(x)
    above = x - mean
    spread = torch.linalg.vector_norm(above, dim=(2, 3), keepdim=True) / (x.shape[2] * x.shape[3]) ** 0.5
    return torch.lerp(x, above.sign_().mul_(spread).add_(mean), amount.to(x.dtype))


@operation()
def quantise(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Round to steps as large as two deviations of the layer at 1."""
    step = (2 * amount * _rms(x)).clamp(min=1e-3)
    return ((x / step).round() * step).to(x.dtype)


@operation(amplifies=True)
def noise(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Add frozen seeded noise, at 1 half again as strong as the layer; its grain is 1/64 of the height."""
    return x + (site.constant("noise", x, lambda g: _grain(x, g)) * (1.5 * amount.square() * _rms(x))).to(x.dtype)


@operation(low=-1.0)
def rotate(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Turn around the middle, by half a turn at 1; beyond the border the layer is mirrored."""
    turn = amount * torch.pi
    return _warp(x, torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()]))


@operation(low=-1.0)
def scale(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Zoom around the middle, four times larger at 1, four times smaller (and mirrored) at -1."""
    step = torch.exp2(-2 * amount)
    zero = torch.zeros_like(step)
    return _warp(x, torch.stack([step, zero, zero, step]))


@operation(low=-1.0)
def translate(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Shift to the right by the layer's width at 1; what leaves comes back mirrored."""
    return _shift(x, amount, 3)


@operation(low=-1.0)
def lift(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Shift downwards by the layer's height at 1 (upwards below 0); what leaves comes back mirrored."""
    return _shift(x, amount, 2)


@operation()
def flip(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Cross over to the mirror image; half way is symmetric."""
    return torch.lerp(x, x.flip(3), amount.to(x.dtype))


@operation()
def erode(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Cross over to the minimum within 4 % of the height: bright things shrink."""
    return torch.lerp(x, -_dilated(-x), amount.to(x.dtype))


@operation(amplifies=True)
def dilate(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Cross over to the maximum within 4 % of the height: bright things grow."""
    return torch.lerp(x, _dilated(x), amount.to(x.dtype))


@operation()
def blur(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Gaussian blur, deviation 8 % of the height at 1."""
    rows = min(x.shape[2], BLUR_ROWS)
    columns = max(1, round(rows * x.shape[3] / x.shape[2]))
    small = F.adaptive_avg_pool2d(_by_pixel(x), (rows, columns)) if rows < x.shape[2] else x
    sigma_px = amount.abs() * 0.08 * rows
    small = _gaussian(rows, sigma_px, x.dtype) @ small.contiguous() @ _gaussian(columns, sigma_px, x.dtype).mT
    if rows < x.shape[2]:
        small = F.interpolate(_by_pixel(small), x.shape[2:], mode="bilinear", align_corners=False)
    return torch.lerp(x, small, (amount.abs() * 6).clamp(max=1).to(x.dtype))


@operation()
def sort(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Cross over to columns whose activations are in rising order: pixel sorting inside the network."""
    return torch.lerp(x, _sorted_columns(x), amount.to(x.dtype))


@operation()
def shuffle(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Cross over to the channels in a seeded other order."""
    order = site.constant("order", x, lambda g: torch.randperm(x.shape[1], generator=g))
    return torch.lerp(x, select(x, 1, order), amount.to(x.dtype))


@operation(remembers=True)
def feedback(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Mix with the layer's own bent activations of the frame before."""
    held = site.before("frame", x)
    mixed = torch.lerp(x, held, (0.96 * amount).to(x.dtype))
    held.copy_(mixed)
    return mixed


@operation(remembers=True)
def freeze(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Cross over to the activations of the moment when the amount left 0."""
    held = site.before("held", x)
    held.copy_(torch.where(amount == 0, x, held))
    return torch.lerp(x, held, amount.to(x.dtype))


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


def _layout(x: Tensor) -> torch.memory_format:
    by_pixel = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if by_pixel else torch.contiguous_format


def _by_pixel(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _sorted_columns(x: Tensor) -> Tensor:
    """Columns in rising order. On the CPU numpy's sort, which is vectorised, takes a tenth of torch's time."""
    if x.device.type != "cpu":
        return x.sort(2).values
    columns = x.mT.float().clone(memory_format=torch.contiguous_format).numpy()
    columns.sort(axis=3)
    return torch.from_numpy(columns).mT.to(x.dtype)


def _mean(x: Tensor) -> Tensor:
    return x.mean((2, 3), keepdim=True)


def _rms(x: Tensor) -> Tensor:
    """Root mean square of the whole layer, 0-dim float32."""
    return torch.linalg.vector_norm(x, dtype=torch.float32) / x.numel() ** 0.5


def _grain(x: Tensor, source: torch.Generator) -> Tensor:
    """Seeded normal noise (1, C, H, W) that looks the same at every size of the layer."""
    rows, columns = x.shape[2:]
    wide = max(1, round(GRAIN * columns / rows))
    grain = torch.randn(1, x.shape[1], GRAIN, wide, generator=source)
    return F.interpolate(grain, (rows, columns), mode="bilinear", align_corners=False, antialias=True)


def _mirrored(place: Tensor, size: int) -> Tensor:
    """Fold pixel places into 0..size-1 by mirroring at the outer pixel edges."""
    folded = torch.remainder(place + 0.5, 2 * size)
    return torch.where(folded > size, 2 * size - folded, folded) - 0.5


def _shift(x: Tensor, amount: Tensor, axis: int) -> Tensor:
    """x moved along an axis by amount x its size, mirrored, with linear interpolation between pixels."""
    size = x.shape[axis]
    place = _mirrored(torch.arange(size, device=x.device) - amount * size, size).clamp(0, size - 1)
    low = place.floor().to(torch.int64)
    part = (place - low).to(x.dtype).view([-1 if i == axis else 1 for i in range(4)])
    return torch.lerp(select(x, axis, low), select(x, axis, (low + 1).clamp(max=size - 1)), part)


def _warp(x: Tensor, matrix: Tensor) -> Tensor:
    """x sampled at matrix (a, b, c, d) @ (x, y) around the middle, in units of half the height."""
    rows, columns = x.shape[2:]
    aspect = columns / rows
    a, b, c, d = matrix.unbind()
    zero = torch.zeros_like(a)
    theta = torch.stack([torch.stack([a, b / aspect, zero]), torch.stack([c * aspect, d, zero])])[None]
    grid = F.affine_grid(theta.expand(x.shape[0], -1, -1), list(x.shape), align_corners=False)
    # Half precision would place samples half a pixel off in a large layer.
    warped = F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return warped.to(x.dtype)


def _dilated(x: Tensor) -> Tensor:
    """Maximum in a square of 4 % of the height to each side; a radius between two pixels is a mean of both."""
    radius = 0.04 * x.shape[2]
    low, part = int(radius), radius - int(radius)
    inner = _maximum(x, low)
    return inner if part < 0.1 and low else torch.lerp(inner, _maximum(x, low + 1), part)


def _maximum(x: Tensor, radius: int) -> Tensor:
    if radius == 0:
        return x
    x = F.max_pool2d(_by_pixel(x), (2 * radius + 1, 1), 1, (radius, 0))
    return F.max_pool2d(x, (1, 2 * radius + 1), 1, (0, radius))


def _gaussian(size: int, sigma_px: Tensor, dtype: torch.dtype) -> Tensor:
    """Matrix (size, size) that blurs a line; rows sum to 1, so the border stays as bright as the middle."""
    place = torch.arange(size, device=sigma_px.device)
    far = (place[:, None] - place).float()
    weight = torch.exp(-0.5 * (far / sigma_px.clamp(min=0.05)).square())
    return (weight / weight.sum(1, keepdim=True)).to(dtype)
