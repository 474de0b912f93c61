"""The same pictures as `network.Generator`, played live: batch norm and noise prepared, pixels shuffled in runs."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.convolution import Convolution, Form
from installation.generators.folding import folded, scale_and_shift
from installation.generators.gated import GatedConvolution
from installation.generators.lightweight.attention import FastAttention
from installation.generators.lightweight.network import Generator
from installation.generators.zspace import first_words, frozen_noise, words_to_planes

Bend = Callable[[str, Tensor], Tensor]


class Fast:
    """Calls like Generator, for one point: z (1, latent_dim) -> picture (1, planes, R, R), about -1..1."""

    def __init__(self, net: Generator, device: torch.device, dtype: torch.dtype) -> None:
        self.dtype, config = dtype, net.config
        start, norm = net.initial_conv[0], net.initial_conv[1]
        weight, bias = folded(start.get_parameter("weight"), start.get_parameter("bias"), norm, out=1)
        self.start = [
            (first_words(half).to(device, dtype).contiguous(), part.repeat(16).to(device, dtype))
            for half, part in zip(weight.chunk(2, 1), bias.chunk(2), strict=True)
        ]
        self.layers: list[Layer] = []
        for i, (power, parts) in enumerate(zip(config.powers, net.layers, strict=True)):
            self.layers.append(Layer(f"layers.{i}", parts, power, config.excites(power), device, dtype))
        size, last = config.image_size, net.out_conv
        assert last.bias is not None
        form = Form(padding=1)  # from 0..1 to -1..1 inside the last weights
        self.last = Convolution(last.weight * 2, last.bias * 2 - 1, (size, size), device, dtype, form)

    def scale_noise(self, strength: float) -> None:
        """1 is the network's own, 0 none."""
        for layer in self.layers:
            layer.convolution.scale(strength)

    def __call__(self, z: Tensor, bend: Bend | None = None) -> Tensor:
        z = z.to(self.dtype)
        value, gate = (F.linear(z, weight, bias) for weight, bias in self.start)
        x = F.normalize(words_to_planes(value.mul_(gate.sigmoid_()), (4, 4)), dim=1)
        x = x if bend is None else bend("initial_conv", x)
        excitations: dict[int, Tensor] = {}
        for layer in self.layers:
            x = layer(x)
            x = x if bend is None else bend(layer.name, x)
            if layer.context is not None:
                excitations[layer.context.target] = layer.context(x)
            if (opened := excitations.get(layer.power)) is not None:
                x = x.mul_(opened) if bend is None else x * opened  # a bend may keep what it saw
        return self.last(x)


class Layer:
    """One enlargement: (1, C, R, R) -> (1, C', 2R, 2R)."""

    def __init__(
        self, name: str, layer: nn.Module, power: int, target: int | None, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.name, self.power, size = name, power, 2**power
        parts = dict(layer.named_children())
        shuffle, blur, convolution, noisy, norm, _ = parts["0"].children()
        spread = shuffle.get_submodule("net.0")
        order = torch.arange(len(spread.get_parameter("bias"))).reshape(-1, 4).T.flatten()  # (place, channel)
        weight, bias = spread.get_parameter("weight")[order], spread.get_parameter("bias")[order]
        self.spread = Convolution(weight, bias, (size, size), device, dtype, Form("swish"))
        taps = blur.get_buffer("f")
        kernel = torch.outer(taps, taps) / taps.sum() ** 2
        self.blur = kernel.expand(len(order) // 4, 1, 3, 3).to(device, dtype).contiguous()
        big = convolution.get_submodule("1")
        weight, bias = folded(big.get_parameter("weight"), big.get_parameter("bias"), norm)
        noise = None
        if bool((strength := noisy.get_parameter("weight")) != 0):
            noise = frozen_noise(name, size * 2, size * 2) * (scale_and_shift(norm)[0] * strength)[:, None, None]
        rows = size * 2 + 3
        self.convolution = GatedConvolution(weight, bias, (rows, rows), device, dtype, Form(), noise)
        self.context = None if target is None else Context(parts["1"], target, device, dtype)
        self.attention = FastAttention(parts["2"], size, device, dtype) if "2" in parts else None

    def __call__(self, x: Tensor) -> Tensor:
        if self.attention is not None:
            x = x + self.attention(x)
        rows = x.shape[2]
        places = self.spread(x).permute(0, 2, 3, 1).reshape(rows, rows, 2, 2, -1)
        x = words_to_planes(places.transpose(1, 2).reshape(1, -1), (rows * 2, rows * 2))
        x = F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), self.blur, groups=len(self.blur))
        return self.convolution(F.pad(x, (2, 1, 2, 1)))


class Context:
    """What is seen where it matters, (1, C, R, R), -> how strong each channel of the layer `target` is."""

    def __init__(self, context: nn.Module, target: int, device: torch.device, dtype: torch.dtype) -> None:
        self.target = target
        parts = (context.get_submodule(name) for name in ("to_k", "net.0", "net.2"))
        self.where, self.first, self.second = (
            (part.get_parameter("weight").flatten(1).to(device, dtype), part.get_parameter("bias").to(device, dtype))
            for part in parts
        )

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1).flatten(1, 2)[0]  # (N, C)
        where = torch.softmax(F.linear(rows, *self.where), 0)  # (N, 1)
        told = F.leaky_relu(F.linear(where.T @ rows, *self.first), 0.1)
        return F.linear(told, *self.second).sigmoid_()[:, :, None, None]


def layer_names(net: Generator) -> list[tuple[str, int, int]]:
    """Where bends attach, in the order they run: name, channels, rows."""
    layers = [("initial_conv", net.config.latent_dim, 4)]
    powers = enumerate(net.config.powers)
    return layers + [(f"layers.{i}", net.config.channels(power)[1], 2 ** (power + 1)) for i, power in powers]
