"""Activations and an amount in, bent activations out: one pure tensor function per operation of network bending.

After Broad, Leymarie and Grierson, Network Bending (2021). Adding an operation is adding one decorated function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.bending.sampling import (
    by_pixel,
    dilated,
    gaussian,
    grain,
    layout,
    mean_of,
    rms_of,
    select,
    shifted,
    sorted_columns,
    warped,
)

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
                made = made.to(like.dtype, memory_format=layout(like))
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
    return x + 2 * amount * (mean_of(x) - x)


@operation(low=-1.0, amplifies=True)
def multiply(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Gain from 1/8 (at -1) to 8 (at 1), which the energy limit holds."""
    return x * torch.exp2(3 * amount)


@operation()
def threshold(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Two levels per channel, one deviation above and below its mean."""
    mean = mean_of(x)
    above = x - mean
    spread = torch.linalg.vector_norm(above, dim=(2, 3), keepdim=True) / (x.shape[2] * x.shape[3]) ** 0.5
    return torch.lerp(x, above.sign_().mul_(spread).add_(mean), amount.to(x.dtype))


@operation()
def quantise(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Round to steps as large as two deviations of the layer at 1."""
    step = (2 * amount * rms_of(x)).clamp(min=1e-3)
    return ((x / step).round() * step).to(x.dtype)


@operation(amplifies=True)
def noise(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Add frozen seeded noise, at 1 half again as strong as the layer; its grain is 1/64 of the height."""
    return x + (site.constant("noise", x, lambda g: grain(x, g)) * (1.5 * amount.square() * rms_of(x))).to(x.dtype)


@operation(low=-1.0)
def rotate(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Turn around the middle, by half a turn at 1; beyond the border the layer is mirrored."""
    turn = amount * torch.pi
    return warped(x, torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()]))


@operation(low=-1.0)
def scale(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Zoom around the middle, four times larger at 1, four times smaller (and mirrored) at -1."""
    step = torch.exp2(-2 * amount)
    zero = torch.zeros_like(step)
    return warped(x, torch.stack([step, zero, zero, step]))


@operation(low=-1.0)
def translate(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Shift to the right by the layer's width at 1; what leaves comes back mirrored."""
    return shifted(x, amount, 3)


@operation(low=-1.0)
def lift(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Shift downwards by the layer's height at 1 (upwards below 0); what leaves comes back mirrored."""
    return shifted(x, amount, 2)


@operation()
def flip(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Cross over to the mirror image; half way is symmetric."""
    return torch.lerp(x, x.flip(3), amount.to(x.dtype))


@operation()
def erode(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Cross over to the minimum within 4 % of the height: bright things shrink."""
    return torch.lerp(x, -dilated(-x), amount.to(x.dtype))


@operation(amplifies=True)
def dilate(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Cross over to the maximum within 4 % of the height: bright things grow."""
    return torch.lerp(x, dilated(x), amount.to(x.dtype))


@operation()
def blur(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Gaussian blur, deviation 8 % of the height at 1."""
    rows = min(x.shape[2], BLUR_ROWS)
    columns = max(1, round(rows * x.shape[3] / x.shape[2]))
    small = F.adaptive_avg_pool2d(by_pixel(x), (rows, columns)) if rows < x.shape[2] else x
    sigma_px = amount.abs() * 0.08 * rows
    small = gaussian(rows, sigma_px, x.dtype) @ small.contiguous() @ gaussian(columns, sigma_px, x.dtype).mT
    if rows < x.shape[2]:
        small = F.interpolate(by_pixel(small), x.shape[2:], mode="bilinear", align_corners=False)
    return torch.lerp(x, small, (amount.abs() * 6).clamp(max=1).to(x.dtype))


@operation()
def sort(x: Tensor, amount: Tensor, site: Site) -> Tensor:
    """Cross over to columns whose activations are in rising order: pixel sorting inside the network."""
    return torch.lerp(x, sorted_columns(x), amount.to(x.dtype))


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
