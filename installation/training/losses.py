"""Two batches of pictures in, how far they are apart out."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

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


def looks(drawn: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """What is where: mean absolute difference of features relative to the target's mean, averaged over layers.

    It keeps shapes in place and leaves blur where it is unsure.
    """
    return torch.stack([relative_l1(x, y) for x, y in zip(drawn, target, strict=True)]).mean()


def textures(drawn: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """What textures there are: as `looks`, of Gram matrices (Gatys et al. 2015); blur costs (Reda et al. 2022)."""
    return torch.stack([relative_l1(gram(x), y) for x, y in zip(drawn, wanted, strict=True)]).mean()


def relative_l1(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).abs().mean() / (y.mean() + 1e-3)


def gram(x: Tensor) -> Tensor:
    """How features go together anywhere in the picture: (B, C, H, W) -> (B, C, C)."""
    flat = x.float().flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def view(*pictures: Tensor) -> list[Tensor]:
    """What a perceptual net is shown of pictures (B, 3, R, R), the same of each batch.

    Larger ones by turns: the whole at PERCEPTUAL_PX, or a window of a few more pixels at full size.
    """
    size = pictures[0].shape[-1]
    if size <= PERCEPTUAL_PX:
        return list(pictures)
    if torch.rand(()) < 0.5:
        return [F.avg_pool2d(batch, size // PERCEPTUAL_PX) for batch in pictures]
    window = PERCEPTUAL_PX + 16
    top, left = torch.randint(size - window + 1, (2,)).tolist()
    return [batch[..., top : top + window, left : left + window] for batch in pictures]


def whiteness(codes: Tensor, shares: Tensor | None = None) -> Tensor:
    """How far codes (N, D) are from zero mean and unit covariance: their sum of squared deviations over D.

    shares (N, classes), 1 at each one's own: the mean of every class has to be zero, so that no code says the class.
    """
    if shares is None:
        mean = codes.mean(0)
        centred = codes - mean
    else:
        mean = shares.T @ codes / shares.sum(0)[:, None]
        centred = codes - shares @ mean
    covariance, width = centred.T @ centred / len(codes), codes.shape[1]
    return (covariance - torch.eye(width, device=codes.device)).square().sum() / width + mean.square().mean()
