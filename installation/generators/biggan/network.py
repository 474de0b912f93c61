"""A z and a class in, a picture out: BigGAN-deep's generator, under the names of pytorch-pretrained-biggan's files.

Brock, Donahue and Simonyan 2019. Weights are those of its files without spectral norm (folding.without_spectral_norm).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.fitting import Config

REDUCTION = 4  # a block's middle is so much narrower than what goes in
START = 4  # px
FIRST = 16  # times the width: channels of the start


@dataclass(frozen=True)
class NetworkConfig(Config):
    """The fields of its config.json. layers: (1 where it enlarges, channels in, channels out), times channel_width."""

    output_dim: int
    layers: tuple[tuple[int, int, int], ...]
    z_dim: int = 128
    class_embed_dim: int = 128
    channel_width: int = 128
    num_classes: int = 1000
    attention_layer_position: int = 8
    eps: float = 1e-4
    n_stats: int = 51

    def __post_init__(self) -> None:
        """Raises ValueError for what no network can be."""
        if not 1 <= len(self.layers) <= 64 or not 1 <= self.channel_width <= 1024:
            raise ValueError("[network]: expected 1..64 layers and a channel_width of 1..1024")
        if not all(1 <= n <= 65536 for n in (self.z_dim, self.class_embed_dim, self.num_classes)):
            raise ValueError("[network]: expected z_dim, class_embed_dim and num_classes of 1..65536")
        if self.class_embed_dim != self.z_dim:
            raise ValueError("[network]: class_embed_dim is z_dim in every BigGAN-deep")
        if not 2 <= self.n_stats <= 1001 or not 0 < self.eps < 1:
            raise ValueError("[network]: expected n_stats of 2..1001 and eps between 0 and 1")
        before = FIRST
        for up, inputs, out in self.layers:
            if up not in (0, 1) or inputs != before or not 1 <= out <= inputs or out not in (inputs, inputs // 2):
                raise ValueError(f"[network]: layers: [{up}, {inputs}, {out}] does not follow {before} channels")
            before = out
        size = START * 2 ** sum(up for up, _, _ in self.layers)
        if before != 1 or size != self.output_dim or size > 4096 or self.channel_width % 8:
            raise ValueError(f"[network]: layers end in 1 x channel_width (of eights) and output_dim, found {size} px")

    @property
    def told(self) -> int:
        """Numbers that every block listens to: z and the class."""
        return self.z_dim + self.class_embed_dim


class Statistics(nn.Module):
    """A batch norm that knows its means and variances for n_stats truncations from 0 to 1."""

    running_means: Tensor
    running_vars: Tensor

    def __init__(self, channels: int, config: NetworkConfig, conditional: bool = True) -> None:
        super().__init__()
        self.eps = config.eps
        self.register_buffer("running_means", torch.zeros(config.n_stats, channels))
        self.register_buffer("running_vars", torch.ones(config.n_stats, channels))
        if conditional:
            self.scale = nn.Linear(config.told, channels, bias=False)
            self.offset = nn.Linear(config.told, channels, bias=False)
        else:
            self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, told: Tensor, shares: Tensor) -> Tensor:
        """x (B, C, H, W), told (B, told), shares (B, n_stats) of every truncation's statistics."""
        mean, variance = shares @ self.running_means, shares @ self.running_vars
        conditional = hasattr(self, "scale")
        scale, shift = (1 + self.scale(told), self.offset(told)) if conditional else (self.weight, self.bias)
        x = (x - mean[:, :, None, None]) / (variance + self.eps).sqrt()[:, :, None, None]
        return x * scale.reshape(-1, x.shape[1], 1, 1) + shift.reshape(-1, x.shape[1], 1, 1)


def shares_of(truncation: float, count: int) -> Tensor:
    """How much of each of `count` statistics a truncation 0..1 takes, (count,).

    What lies between two takes of the first the part that it is past it, and the rest of the next: the other way round
    than one would. So do the files' makers, so do all pictures made with them.
    """
    part, first = math.modf(min(max(truncation, 0.0), 1.0) / (1.0 / (count - 1)))
    start = min(int(first), count - 1)
    shares = torch.zeros(count)
    if part and start + 1 < count:
        shares[start], shares[start + 1] = part, 1 - part
    else:
        shares[start] = 1.0
    return shares


class Block(nn.Module):
    """Narrow, twice 3x3, wide again; what goes in is added, less the channels that are dropped."""

    def __init__(self, inputs: int, out: int, up: bool, config: NetworkConfig) -> None:
        super().__init__()
        self.up, self.out, middle = up, out, inputs // REDUCTION
        self.bn_0, self.conv_0 = Statistics(inputs, config), nn.Conv2d(inputs, middle, 1)
        self.bn_1, self.conv_1 = Statistics(middle, config), nn.Conv2d(middle, middle, 3, padding=1)
        self.bn_2, self.conv_2 = Statistics(middle, config), nn.Conv2d(middle, middle, 3, padding=1)
        self.bn_3, self.conv_3 = Statistics(middle, config), nn.Conv2d(middle, out, 1)

    def forward(self, x: Tensor, told: Tensor, shares: Tensor) -> Tensor:
        kept = x[:, : self.out]
        x = self.conv_0(self.bn_0(x, told, shares).relu())
        x = self.bn_1(x, told, shares).relu()
        if self.up:
            x, kept = (F.interpolate(part, scale_factor=2.0) for part in (x, kept))
        x = self.conv_1(x)
        x = self.conv_2(self.bn_2(x, told, shares).relu())
        return self.conv_3(self.bn_3(x, told, shares).relu()) + kept


class Attention(nn.Module):
    """Every place looks at all places of a picture half as large, and adds what it finds there (Zhang et al. 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.snconv1x1_theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.snconv1x1_phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.snconv1x1_g = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.snconv1x1_o_conv = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, told: Tensor, shares: Tensor) -> Tensor:
        theta = self.snconv1x1_theta(x).flatten(2)  # (B, c, N)
        phi, g = (F.max_pool2d(part(x), 2).flatten(2) for part in (self.snconv1x1_phi, self.snconv1x1_g))
        looks = (theta.transpose(1, 2) @ phi).softmax(2)  # (B, N, N / 4)
        found = (g @ looks.transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + self.gamma * self.snconv1x1_o_conv(found)


class Painter(nn.Module):
    """What the files call `generator`."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.channel_width
        self.gen_z = nn.Linear(config.told, START * START * FIRST * width)
        layers: list[nn.Module] = []
        for i, (up, inputs, out) in enumerate(config.layers):
            if i == config.attention_layer_position:
                layers.append(Attention(width * inputs))
            layers.append(Block(width * inputs, width * out, bool(up), config))
        self.layers = nn.ModuleList(layers)
        self.bn = Statistics(width, config, conditional=False)
        self.conv_to_rgb = nn.Conv2d(width, width, 3, padding=1)  # of whose planes three are shown

    def forward(self, told: Tensor, shares: Tensor) -> Tensor:
        x = self.gen_z(told).unflatten(1, (START, START, -1)).permute(0, 3, 1, 2)
        for layer in self.layers:
            x = layer(x, told, shares)
        return self.conv_to_rgb(self.bn(x, told, shares).relu())[:, :3].tanh()


class Generator(nn.Module):
    """The whole network: told (B, z_dim + class_embed_dim), shares (B, n_stats) -> pictures (B, 3, R, R), -1..1."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = nn.Linear(config.num_classes, config.class_embed_dim, bias=False)
        self.generator = Painter(config)

    def forward(self, told: Tensor, shares: Tensor) -> Tensor:
        return self.generator(told, shares)
