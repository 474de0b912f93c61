"""A picture and an aim in; which way the picture has to move so that more of the aim is in it, out.

DeepDream (Mordvintsev, Olah and Tyka 2015). Prints dream tile by tile, shows dream the picture before.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.networks.eyes import Sight

SOFTER = (0.0, 1.5, 5.0)  # px: gradients are summed with softer ones of their own, else only grain grows
LONGEST_STEP = 4.0  # of the mean one


def uphill(picture: Tensor, sight: Sight, shift: tuple[int, int], most_px: int, colour: float) -> Tensor:
    """The gradient (1, 3, h, w) of the aim at a picture (1, 3, h, w) of 0..1, softened.

    shift (down, right), 0..most_px: how far the picture is moved before it is looked at, so that the net's own grid
    lies elsewhere each time; colour 0: only light and dark are to move.
    """
    x = picture.detach().requires_grad_()
    above, before = shift
    seen = sight(F.pad(x, (before, most_px - before, above, most_px - above), mode="reflect"))
    (gradient,) = torch.autograd.grad(seen, x)
    soft = softened(gradient)
    grey = soft.mean(1, keepdim=True)
    return grey + colour * (soft - grey)


def softened(gradient: Tensor) -> Tensor:
    """The sum of a gradient (1, 3, h, w) and of softer ones, each as strong as the others."""
    total = torch.zeros_like(gradient)
    for radius in SOFTER:
        soft = blurred(gradient, radius) if radius else gradient
        total += soft / soft.std().clamp(min=1e-12)
    return total * gradient.abs().mean() / total.abs().mean().clamp(min=1e-12)


def blurred(x: Tensor, radius: float) -> Tensor:
    """Gaussian blur of (1, 3, h, w), mirrored at the edges."""
    reach = min(round(2.5 * radius), x.shape[2] - 1, x.shape[3] - 1)
    steps = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (steps / radius) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="reflect"), kernel[:, :, None], groups=3)
    return F.conv2d(F.pad(x, (0, 0, reach, reach), mode="reflect"), kernel[..., None], groups=3)
