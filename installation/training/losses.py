"""Two batches of pictures in, how far they are apart out."""

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.training.features import VGG

PERCEPTUAL_PX = 64  # the perceptual net looks at this many pixels a side: whole pictures shrunk, or windows


def laplacian_l1(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of every band of the Laplacian pyramid, summed (Lap1 of Bojanowski et al. 2018)."""
    difference = a - b
    total = difference.new_zeros(())
    while difference.shape[-1] > 4:
        small = F.avg_pool2d(difference, 2)
        total = total + (difference - F.interpolate(small, scale_factor=2, mode="nearest")).abs().mean()
        difference = small
    return total + difference.abs().mean()


def perceptual(
    net: VGG, drawn: Tensor, target: Tensor, between: Tensor | None = None, there: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """(what is where, what textures there are): differences of features and of their Gram matrices from target's.

    drawn, target [shape=(B, 3, H, W)]. between [shape=(B, 3, H, W)] are pictures part of the way `there`
    [shape=(B, 1), 0..1] from each picture to the one before it in the batch: their textures should be, too. Each figure
    is a mean absolute difference relative to the target's mean, averaged over layers. Features keep shapes in place and
    leave blur where they are unsure; Gram matrices (Gatys et al. 2015, against blur Reda et al. 2022) punish it.
    """
    batch = len(target)
    shown = drawn if between is None else torch.cat([drawn, between])
    shown, target = _view(shown, target)
    with torch.no_grad():
        targets = net(target)
    looks, textures = [], []
    for x, y in zip(net(shown), targets, strict=True):
        looks.append(relative_l1(x[:batch], y))
        wanted = gram(y)
        textures.append(relative_l1(gram(x[:batch]), wanted))
        if there is not None:
            textures.append(relative_l1(gram(x[batch:]), torch.lerp(wanted, wanted.roll(1, 0), there[:, :, None])))
    return torch.stack(looks).mean(), torch.stack(textures).mean()


def relative_l1(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).abs().mean() / (y.mean() + 1e-3)


def gram(x: Tensor) -> Tensor:
    """How features go together anywhere in the picture: (B, C, H, W) -> (B, C, C)."""
    flat = x.float().flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def _view(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Larger pictures: by turns the whole at PERCEPTUAL_PX, or a window of a few more pixels at full size."""
    size = a.shape[-1]
    if size <= PERCEPTUAL_PX:
        return a, b
    if torch.rand(()) < 0.5:
        scale = size // PERCEPTUAL_PX
        return F.avg_pool2d(a, scale), F.avg_pool2d(b, scale)
    window = PERCEPTUAL_PX + 16
    top, left = torch.randint(size - window + 1, (2,)).tolist()
    cut = (..., slice(top, top + window), slice(left, left + window))
    return a[cut], b[cut]


def whiteness(codes: Tensor) -> Tensor:
    """How far codes (N, D) are from zero mean and unit covariance: their sum of squared deviations over D."""
    mean = codes.mean(0)
    covariance = (codes - mean).T @ (codes - mean) / len(codes)
    return (covariance - torch.eye(len(mean), device=codes.device)).square().sum() / len(mean) + mean.square().mean()
