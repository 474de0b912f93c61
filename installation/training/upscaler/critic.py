"""Large pictures in, how real their detail looks from place to place out: the critic of the upscaler."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

WIDTHS = (32, 64, 96)
LEAK = 0.2
STRENGTH = 8.0  # detail is faint: about a tenth of the range
GAIN = 2.0  # a norm of 1 for the worst case leaves far less of the usual one


class Critic(nn.Module):
    """A patch discriminator (Isola et al. 2017) with spectral norms (Miyato et al. 2018): (B, 3, H, W) 0..1 ->
    (B, 1, H / 8, W / 8), high: looks real.

    It is shown detail alone: what the picture has beyond its means over areas of 4 x 4 pixels, smoothly enlarged.
    Those are given; seen by the critic, they would only tell which picture it is.
    """

    def __init__(self) -> None:
        super().__init__()
        steps = zip((12, *WIDTHS), WIDTHS, strict=False)
        self.convs = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 3, 2 if i else 1, 1)) for i, (a, b) in enumerate(steps)
        )
        self.last = nn.Conv2d(WIDTHS[-1], 1, 3, padding=1)  # free to be sure

    def forward(self, pictures: Tensor) -> Tensor:
        coarse = F.interpolate(F.avg_pool2d(pictures, 4), scale_factor=4, mode="bilinear")
        x = F.pixel_unshuffle(STRENGTH * (pictures - coarse), 2)
        for conv in self.convs:
            x = GAIN * F.leaky_relu(conv(x), LEAK)
        return self.last(x)
