"""The same pictures as `network.Generator`, played live: all norms from one product, weights laid out beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.biggan.network import FIRST, START, Attention, Block, Generator, NetworkConfig, Statistics
from installation.generators.convolution import UP, Convolution, Form, doubled
from installation.generators.zspace import words_to_planes

Bend = Callable[[str, Tensor], Tensor]
Norms = Iterator[tuple[Tensor, Tensor]]


class Fast:
    """point (1, told + n_stats) -> picture (1, 3, R, R), -1..1."""

    def __init__(self, net: Generator, device: torch.device, dtype: torch.dtype) -> None:
        painter, self.config, self.dtype = net.generator, net.config, dtype
        self.first = painter.gen_z.weight.to(device, dtype)
        self.first_bias = painter.gen_z.bias.to(device, dtype)
        self.norms = AllNorms([part for part in painter.modules() if isinstance(part, Statistics)], device, dtype)
        self.layers: list[FastBlock | FastAttention] = []
        size = START
        for layer in painter.layers:
            if isinstance(layer, Block):
                self.layers.append(FastBlock(layer, size, device, dtype))
                size *= 1 + layer.up
            else:
                assert isinstance(layer, Attention)
                self.layers.append(FastAttention(layer, size, device, dtype))
        last = painter.conv_to_rgb
        self.last = Convolution(last.weight[:3], _bias(last)[:3], (size, size), device, dtype, Form("tanh", 1))

    def __call__(self, point: Tensor, bend: Bend | None = None) -> Tensor:
        told = point[:, : self.config.told]
        norms = self.norms(told, point[:, self.config.told :])
        x = words_to_planes(F.linear(told.to(self.dtype), self.first, self.first_bias), (START, START))
        x = x if bend is None else bend("gen_z", x)
        for i, layer in enumerate(self.layers):
            x = layer(x, norms)
            x = x if bend is None else bend(f"layers.{i}", x)
        return self.last(_normed(x, norms))


class AllNorms:
    """What every norm of the network does to each channel of one picture, in the order they come."""

    def __init__(self, norms: list[Statistics], device: torch.device, dtype: torch.dtype) -> None:
        self.dtype, self.eps = dtype, norms[0].eps
        self.sizes = [norm.running_means.shape[1] for norm in norms]
        learned = [_learned(norm, norms[0].scale.in_features) for norm in norms]
        self.scale, self.shift, self.ones, self.zeros = (
            torch.cat(part).to(device) for part in zip(*learned, strict=True)
        )
        self.means = torch.cat([norm.running_means for norm in norms], 1).to(device)  # (n_stats, S)
        self.variances = torch.cat([norm.running_vars for norm in norms], 1).to(device)

    def __call__(self, told: Tensor, shares: Tensor) -> Norms:
        """told (1, told), shares (1, n_stats) -> scale and shift (1, C, 1, 1) of one norm after the other."""
        scale = torch.addmm(self.ones, told, self.scale.T) * (shares @ self.variances + self.eps).rsqrt()
        shift = torch.addmm(self.zeros, told, self.shift.T) - shares @ self.means * scale
        parts = ((x.to(self.dtype)[:, :, None, None]).split(self.sizes, 1) for x in (scale, shift))
        return zip(*parts, strict=True)


def _learned(norm: Statistics, told: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What a norm makes of what it is told, for scale and shift (C, told), and what these are without (C,)."""
    count = norm.running_means.shape[1]
    if hasattr(norm, "scale"):
        return norm.scale.weight, norm.offset.weight, torch.ones(count), torch.zeros(count)
    return torch.zeros(count, told), torch.zeros(count, told), norm.weight, norm.bias


class FastBlock:
    """One block of the network; an enlargement is inside the convolution that follows it."""

    def __init__(self, block: Block, size: int, device: torch.device, dtype: torch.dtype) -> None:
        self.up, self.out, big = block.up, block.out, size * (1 + block.up)

        def prepared(conv: nn.Conv2d, rows: int, form: Form, up: bool = False) -> Convolution:
            weight = doubled(conv.weight) if up else conv.weight
            return Convolution(weight, _bias(conv), (rows, rows), device, dtype, form)

        self.convolutions = (
            prepared(block.conv_0, size, Form()),
            prepared(block.conv_1, size, UP if block.up else Form(padding=1), block.up),
            prepared(block.conv_2, big, Form(padding=1)),
            prepared(block.conv_3, big, Form()),
        )

    def __call__(self, x: Tensor, norms: Norms) -> Tensor:
        kept = x[:, : self.out]
        for convolution in self.convolutions:
            x = convolution(_normed(x, norms))
        return x.add_(F.interpolate(kept, scale_factor=2.0) if self.up else kept)


class FastAttention:
    """Attention with its three looks as one convolution, and its strength inside the last one."""

    def __init__(self, layer: Attention, size: int, device: torch.device, dtype: torch.dtype) -> None:
        looks = (layer.snconv1x1_theta.weight, layer.snconv1x1_phi.weight, layer.snconv1x1_g.weight)
        self.sizes = [len(weight) for weight in looks]
        nothing = torch.zeros(sum(self.sizes)), torch.zeros(len(layer.snconv1x1_o_conv.weight))
        self.looks = Convolution(torch.cat(looks), nothing[0], (size, size), device, dtype)
        self.out = Convolution(layer.snconv1x1_o_conv.weight * layer.gamma, nothing[1], (size, size), device, dtype)

    def __call__(self, x: Tensor, norms: Norms) -> Tensor:
        theta, phi, g = self.looks(x).split(self.sizes, 1)
        rows = theta.permute(0, 2, 3, 1).flatten(1, 2)  # (1, N, c)
        phi, g = (F.max_pool2d(part, 2).permute(0, 2, 3, 1).flatten(1, 2) for part in (phi, g))  # (1, N / 4, c)
        found = torch.softmax(rows @ phi.transpose(1, 2), 2) @ g  # (1, N, C / 2)
        return self.out(words_to_planes(found, (x.shape[2], x.shape[3]))).add_(x)


def _normed(x: Tensor, norms: Norms) -> Tensor:
    scale, shift = next(norms)
    return torch.addcmul(shift, x, scale).relu_()


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def layer_names(config: NetworkConfig) -> list[tuple[str, int, int]]:
    """Where bends attach, in the order they run: name, channels, rows."""
    width, size, number = config.channel_width, START, 0
    layers = [("gen_z", FIRST * width, START)]
    for i, (up, inputs, out) in enumerate(config.layers):
        if i == config.attention_layer_position:
            layers.append((f"layers.{number}", inputs * width, size))
            number += 1
        size *= 1 + up
        layers.append((f"layers.{number}", out * width, size))
        number += 1
    return layers
