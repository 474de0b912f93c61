"""A z in, a picture out: the averaged generator of lightweight-gan, under the names of its files without `GE.`.

A FastGAN (Liu et al. 2021) with pixel shuffling, blurring, global context (Cao et al. 2020) for skip-layer excitation,
and at chosen sizes attention: linear, and over the nine places around each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.fitting import Config
from installation.generators.zspace import frozen_noise

HEADS, HEAD = 8, 64
EXCITED_BY = {7: 3, 8: 4, 9: 5, 10: 6}  # layers by the power of two that goes in
COEFFICIENT = 12  # 2^12 / size: the most channels of a size
NARROW, NARROW_FROM = 3, 8


@dataclass(frozen=True)
class NetworkConfig(Config):
    """image_size a power of two; attn_res_layers are the sizes (px) before whose enlargement there is attention."""

    image_size: int
    latent_dim: int = 256
    fmap_max: int = 512
    planes: int = 3
    attn_res_layers: tuple[int, ...] = ()
    freq_chan_attn: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for what no network can be, or what is not played."""
        if self.image_size not in (2**n for n in range(4, 12)):
            raise ValueError(f"[network]: image_size is a power of two, 16..2048, found {self.image_size}")
        if not all(1 <= n <= 8192 for n in (self.latent_dim, self.fmap_max)) or self.planes not in (1, 3, 4):
            raise ValueError("[network]: expected latent_dim and fmap_max of 1..8192 and 1, 3 or 4 planes")
        if self.freq_chan_attn:
            raise ValueError("[network]: freq_chan_attn (frequency channel attention) is not played; without it, is")

    @property
    def powers(self) -> range:
        """The power of two of the size that goes into each layer."""
        return range(2, self.image_size.bit_length() - 1)

    def channels(self, power: int) -> tuple[int, int]:
        """Channels that go into, and come out of, the layer that takes pictures of 2^power px."""

        def out(n: int) -> int:
            return NARROW if n >= NARROW_FROM else min(2 ** (COEFFICIENT - n), self.fmap_max)

        return (self.latent_dim if power == 2 else out(power - 1)), out(power)

    def excites(self, power: int) -> int | None:
        """The power of the layer whose output a layer's own excites, if there is one in this network."""
        target = next((big for big, small in EXCITED_BY.items() if small == power), 0)
        return target - 1 if target - 1 in self.powers else None


class ChannelNorm(nn.Module):
    """Every place to mean 0 and deviation 1 over its channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.g, self.b = nn.Parameter(torch.ones(1, channels, 1, 1)), nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, 1, unbiased=False, keepdim=True)
        return (x - mean) * (variance + 1e-5).rsqrt() * self.g + self.b


class LinearAttention(nn.Module):
    """Attention whose cost grows with the places, not with their square; and full attention to the nearest nine."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = HEADS * HEAD
        self.to_lin_q = nn.Conv2d(channels, inner, 1, bias=False)
        self.to_lin_kv = nn.Module()
        each = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.to_lin_kv.net = nn.Sequential(each, nn.Conv2d(channels, inner * 2, 1, bias=False))
        self.to_q = nn.Conv2d(channels, inner, 1, bias=False)
        self.to_kv = nn.Conv2d(channels, inner * 2, 1, bias=False)
        self.to_out = nn.Conv2d(inner * 2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        far = self._far(self.to_lin_q(x), *self.to_lin_kv.get_submodule("net")(x).chunk(2, 1))
        near = self._near(self.to_q(x), *self.to_kv(x).chunk(2, 1))
        return self.to_out(torch.cat([F.gelu(far), near], 1))

    @staticmethod
    def _far(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        size = q.shape
        q, k, v = (part.reshape(len(part), HEADS, HEAD, -1) for part in (q, k, v))  # (B, heads, c, N)
        context = v @ k.softmax(3).transpose(2, 3)  # (B, heads, c of v, c of k)
        return (context @ q.softmax(2) * HEAD**-0.5).reshape(size)

    @staticmethod
    def _near(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        size = q.shape
        q = q.reshape(len(q), HEADS, HEAD, 1, -1) * HEAD**-0.5
        k, v = (F.unfold(part, 3, padding=1).reshape(len(q), HEADS, HEAD, 9, -1) for part in (k, v))
        looks = (q * k).sum(2, keepdim=True).softmax(3)  # (B, heads, 1, 9, N)
        return (looks * v).sum(3).reshape(size)


def _attention(channels: int) -> nn.Module:
    block = nn.Module()
    block.fn, block.norm = LinearAttention(channels), ChannelNorm(channels)
    return block


def _context(inputs: int, out: int) -> nn.Module:
    """What is seen where it matters -> how strong each channel of another size is, 0..1."""
    block, middle = nn.Module(), max(3, out // 2)
    block.to_k = nn.Conv2d(inputs, 1, 1)
    block.net = nn.Sequential(nn.Conv2d(inputs, middle, 1), nn.LeakyReLU(0.1), nn.Conv2d(middle, out, 1), nn.Sigmoid())
    return block


def _enlarging(inputs: int, out: int) -> nn.Sequential:
    shuffle, noise, blur = nn.Module(), nn.Module(), nn.Module()
    shuffle.net = nn.Sequential(nn.Conv2d(inputs, inputs * 4, 1), nn.SiLU(), nn.PixelShuffle(2))
    blur.register_buffer("f", torch.tensor([1.0, 2.0, 1.0]))
    noise.weight = nn.Parameter(torch.zeros(1))
    convolution = nn.Sequential(nn.ZeroPad2d((2, 1, 2, 1)), nn.Conv2d(inputs, out * 2, 4))
    return nn.Sequential(shuffle, blur, convolution, noise, nn.BatchNorm2d(out * 2), nn.GLU(1))


class Generator(nn.Module):
    """z (B, latent_dim) -> pictures (B, planes, R, R), about 0..1. layers.<i> is (enlargement, context, attention)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config, z_dim = config, config.latent_dim
        start = nn.ConvTranspose2d(z_dim, z_dim * 2, 4)
        self.initial_conv = nn.Sequential(start, nn.BatchNorm2d(z_dim * 2), nn.GLU(1))
        self.layers = nn.ModuleList()
        for power in config.powers:
            inputs, out = config.channels(power)
            layer = nn.Module()
            layer.add_module("0", _enlarging(inputs, out))
            if (target := config.excites(power)) is not None:
                layer.add_module("1", _context(out, config.channels(target)[1]))
            if 2**power in config.attn_res_layers:
                layer.add_module("2", _attention(inputs))
            self.layers.append(layer)
        self.out_conv = nn.Conv2d(config.channels(config.powers[-1])[1], config.planes, 3, padding=1)

    def forward(self, z: Tensor, noise: str = "frozen") -> Tensor:
        """noise: frozen | random | none."""
        x = F.normalize(self.initial_conv(z[:, :, None, None]), dim=1)
        excitations: dict[int, Tensor] = {}
        for i, (power, layer) in enumerate(zip(self.config.powers, self.layers, strict=True)):
            parts = dict(layer.named_children())
            if "2" in parts:
                attention = parts["2"]
                x = x + attention.get_submodule("fn")(attention.get_submodule("norm")(x))
            x = self._enlarged(f"layers.{i}", parts["0"], x, noise)
            if "1" in parts:
                excitations[self.config.excites(power) or 0] = seen(parts["1"], x)
            if power in excitations:
                x = x * excitations[power]
        return self.out_conv(x)

    @staticmethod
    def _enlarged(name: str, parts: nn.Module, x: Tensor, noise: str) -> Tensor:
        shuffle, blur, convolution, noisy, norm, gate = parts.children()
        x = blurred(shuffle.get_submodule("net")(x), blur.get_buffer("f"))
        x = convolution(x)
        if noise != "none":
            rows, columns = x.shape[2:]
            field = torch.randn(len(x), 1, rows, columns) if noise == "random" else frozen_noise(name, rows, columns)
            x = x + noisy.get_parameter("weight") * field.to(x.device)
        return gate(norm(x))


def blurred(x: Tensor, taps: Tensor) -> Tensor:
    """x (B, C, H, W) filtered by three taps each way, mirrored at its border."""
    kernel = torch.outer(taps, taps) / taps.sum() ** 2
    channels = x.shape[1]
    return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), kernel.expand(channels, 1, 3, 3), groups=channels)


def seen(context: nn.Module, x: Tensor) -> Tensor:
    """x (B, C, H, W) -> strengths (B, C', 1, 1): the places that matter most, summed and judged."""
    where = context.get_submodule("to_k")(x).flatten(2).softmax(2)  # (B, 1, N)
    return context.get_submodule("net")((x.flatten(2) @ where.transpose(1, 2))[:, :, :, None])
