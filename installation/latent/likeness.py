"""Pictures in, how unlike they look out: the distance between what VGG-16 sees in both, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.generators.devices import best_dtype
from installation.networks import vgg

TAPS = ("1_2", "2_2", "3_3", "4_3", "5_3")


class Eye:
    """LPIPS (Zhang et al. 2018) with equal weights: 0 is the same picture; unrelated photographs are about 1.2 apart.

    Raises WeightsError saying what to install.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._net = vgg.load("vgg16", TAPS, device=str(device))
        self._dtype = best_dtype(self.device)

    def look(self, pictures: Tensor) -> list[Tensor]:
        """pictures (B, 3, H, W), -1..1 -> what is seen at every tap (B, C, h, w), of length 1 at each place."""
        narrow = self.device.type == "cpu" and self._dtype == torch.bfloat16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=narrow):
            seen = self._net((pictures + 1) / 2).values()
        return [F.normalize(features.float(), dim=1, eps=1e-8) for features in seen]

    @staticmethod
    def apart(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
        """How unlike (B,) two lists of what was seen are; one of both may be of a single picture."""
        parts = [(a - b).square().sum(1).mean((1, 2)) for a, b in zip(one, other, strict=True)]
        return torch.stack(parts).mean(0)


def resized(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """pictures (B, C, H, W) at size (width, height), px, smoothly."""
    if tuple(pictures.shape[:1:-1]) == size:
        return pictures
    return F.interpolate(pictures, (size[1], size[0]), mode="bilinear", antialias=True, align_corners=False)
