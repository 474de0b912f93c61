"""A z in, a picture out: the network of FastGAN, under the names of its authors' files, without spectral norm.

Liu, Zhu, Song and Elgammal 2021: skip-layer excitation, gated linear units, noise of learned strength.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.fitting import Config
from installation.generators.zspace import frozen_noise

WIDTHS = {4: 16.0, 8: 8.0, 16: 4.0, 32: 2.0, 64: 2.0, 128: 1.0, 256: 0.5, 512: 0.25, 1024: 0.125}  # times ngf
TWICE = (8, 32, 128, 512)  # sizes that are reached by two convolutions, with noise
EXCITES = {64: 4, 128: 8, 256: 16, 512: 32}  # whose channels answer to which smaller size
SMALLEST = 4  # of a size, what skip-layer excitation looks at


@dataclass(frozen=True)
class NetworkConfig(Config):
    """resolution 256, 512 or 1024 px; width is the authors' ngf; planes 1, 3 or 4."""

    resolution: int
    z_dim: int = 256
    width: int = 64
    planes: int = 3

    def __post_init__(self) -> None:
        """Raises ValueError for what no network can be."""
        if self.resolution not in (256, 512, 1024):
            raise ValueError(f"[network]: resolution is 256, 512 or 1024, found {self.resolution}")
        if not 1 <= self.z_dim <= 8192 or not 8 <= self.width <= 1024 or self.planes not in (1, 3, 4):
            raise ValueError("[network]: expected z_dim 1..8192, width 8..1024 and 1, 3 or 4 planes")

    @property
    def sizes(self) -> list[int]:
        """Every size on the way, 4 px first."""
        return [size for size in WIDTHS if size <= self.resolution]

    def channels(self, size: int) -> int:
        return int(WIDTHS[size] * self.width)


class Gated(nn.Module):
    """Half the channels, each times how open the other half is (Dauphin et al. 2017)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.glu(x, 1)


class Noise(nn.Module):
    """Adds noise (1, 1, H, W) of one learned strength."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


def _gated(inputs: int, out: int, noisy: bool) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, out * 2, 3, padding=1, bias=False)
    return [convolution, *([Noise()] if noisy else []), nn.BatchNorm2d(out * 2), Gated()]


def _excitation(small: int, big: int) -> nn.Module:
    """What is seen at a small size -> how strong each channel of a big one is, 0..1."""
    seen = nn.Conv2d(small, big, SMALLEST, bias=False)
    block = nn.Module()
    block.main = nn.Sequential(
        nn.AdaptiveAvgPool2d(SMALLEST), seen, nn.SiLU(), nn.Conv2d(big, big, 1, bias=False), nn.Sigmoid()
    )
    return block


class Generator(nn.Module):
    """The network as it was trained, spectral norm folded into the weights (folding.without_spectral_norm)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config, width = config, config.channels
        self.init = nn.Module()
        start = nn.ConvTranspose2d(config.z_dim, width(4) * 2, 4, bias=False)
        self.init.init = nn.Sequential(start, nn.BatchNorm2d(width(4) * 2), Gated())
        for before, size in zip(config.sizes, config.sizes[1:], strict=False):
            noisy = size in TWICE
            parts = [nn.Upsample(scale_factor=2), *_gated(width(before), width(size), noisy)]
            parts += _gated(width(size), width(size), True) if noisy else []
            self.add_module(f"feat_{size}", nn.Sequential(*parts))
            if size in EXCITES:
                self.add_module(f"se_{size}", _excitation(width(EXCITES[size]), width(size)))
        self.to_128 = nn.Conv2d(width(128), config.planes, 1, bias=False)  # a second picture, for training only
        self.to_big = nn.Conv2d(width(config.resolution), config.planes, 3, padding=1, bias=False)

    def forward(self, z: Tensor, noise: str = "frozen") -> Tensor:
        """z (B, z_dim) -> pictures (B, planes, R, R), about -1..1. noise: frozen | random | none."""
        x = self.get_submodule("init.init")(z[:, :, None, None])
        seen = {4: x}
        for size in self.config.sizes[1:]:
            for index, part in enumerate(self.get_submodule(f"feat_{size}").children()):
                x = self._noisy(f"feat_{size}.{index}", part, x, noise) if isinstance(part, Noise) else part(x)
            if size in EXCITES:
                x = x * self.get_submodule(f"se_{size}.main")(seen[EXCITES[size]])
            seen[size] = x
        x = self.to_big(x)
        return torch.tanh(x) if self.config.resolution == 1024 else x

    @staticmethod
    def _noisy(name: str, part: Noise, x: Tensor, noise: str) -> Tensor:
        if noise == "none":
            return x
        rows, columns = x.shape[2:]
        field = torch.randn(len(x), 1, rows, columns) if noise == "random" else frozen_noise(name, rows, columns)
        return x + part.weight * field.to(x.device)
