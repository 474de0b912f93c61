"""The numbers of an autoencoder's middle in, a picture out: the half of it that is kept, as it was trained."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.fitting import Config

KINDS = ("dense", "conv")
LARGEST, LARGEST_PX = 65536, 2048


@dataclass(frozen=True)
class NetworkConfig(Config):
    """widths: of the layers from the middle on. dense: the last is how much of each picture there is. conv: channels,
    the first ones at `start` px, doubled at each layer to `size`. codes: how many stations the walk may have."""

    kind: str
    size: int
    planes: int
    widths: tuple[int, ...]
    start: int = 1
    codes: int = 4

    def __post_init__(self) -> None:
        """Raises ValueError for what no network can be."""
        if self.kind not in KINDS or self.planes not in (1, 3):
            raise ValueError(f"[network]: expected kind dense or conv, 1 or 3 planes, found {self.kind}, {self.planes}")
        if not 2 <= len(self.widths) <= 12 or not all(1 <= n <= LARGEST for n in self.widths):
            raise ValueError(f"[network]: expected 2..12 widths of 1..{LARGEST}, found {self.widths}")
        if not (1 <= self.size <= LARGEST_PX and 1 <= self.start <= LARGEST_PX and 4 <= self.codes <= LARGEST):
            raise ValueError(f"[network]: expected a size and start of 1..{LARGEST_PX} px, 4..{LARGEST} codes")
        if self.kind == "conv" and self.start << (len(self.widths) - 1) != self.size:
            raise ValueError("[network]: expected a size of start, doubled once for each layer")

    @property
    def z_dim(self) -> int:
        return self.widths[0]


class Decoder(nn.Module):
    """The layers behind the middle: numbers (B, middle) -> how much of each picture (B, N), or pictures
    (B, planes, S, S)."""

    def __init__(self, config: NetworkConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.config, self.dropout, widths = config, dropout, config.widths
        self.layers = nn.ModuleList()
        if config.kind == "dense":
            self.layers.extend(nn.Linear(a, b) for a, b in pairwise(widths))
            return
        self.layers.append(nn.Linear(widths[0], widths[1] * config.start**2))
        for before, after in zip(widths[1:], [*widths[2:], config.planes], strict=True):
            self.layers.append(nn.ConvTranspose2d(before, after, 4, 2, 1))

    def forward(self, z: Tensor) -> Tensor:
        x = z
        for i in range(len(self.layers)):
            x = self.step(i, x)
            if self.training and self.dropout and i + 1 < len(self.layers):
                x = (F.dropout if x.ndim == 2 else F.dropout2d)(x, self.dropout)
        return x

    def step(self, number: int, x: Tensor) -> Tensor:
        """One layer, rectified but for the last."""
        x = self.layers[number](x)
        if self.config.kind == "conv" and number == 0:
            x = x.view(len(x), self.config.widths[1], self.config.start, self.config.start)
        return x if number + 1 == len(self.layers) else F.relu(x)


class Generator(nn.Module):
    """The whole of a kept model: a code of unit deviation -> middle -> decoder -> picture.

    codes (codes, middle): what the best squares were made from; pictures (N, planes, S, S): what a dense one mixes.
    """

    average: Tensor
    spread: Tensor
    codes: Tensor
    pictures: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.decoder = Decoder(config)
        self.register_buffer("average", torch.zeros(config.z_dim))
        self.register_buffer("spread", torch.eye(config.z_dim))
        self.register_buffer("codes", torch.zeros(config.codes, config.z_dim))
        if config.kind == "dense":
            shape = config.widths[-1], config.planes, config.size, config.size
            self.register_buffer("pictures", torch.zeros(shape))

    def middle(self, z: Tensor) -> Tensor:
        """z (B, middle) of unit deviation -> the numbers of the middle."""
        return torch.addmm(self.average, z, self.spread)

    def forward(self, z: Tensor) -> Tensor:
        """z (B, middle) -> pictures (B, planes, S, S), about -1..1."""
        x = self.decoder(self.middle(z))
        return x if self.config.kind == "conv" else torch.tensordot(x, self.pictures, 1)
