"""The same pictures as `network.Generator`, played live: batch norm inside the weights, the first layer a product."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.generators.convolution import Convolution, Form
from installation.generators.dcgan.network import Generator
from installation.generators.folding import folded
from installation.generators.zspace import first_words, words_to_planes

Bend = Callable[[str, Tensor], Tensor]


class Fast:
    """Calls like Generator, for one point: (1, z_dim + classes) -> (1, planes, H, W), -1..1."""

    def __init__(self, net: Generator, device: torch.device, dtype: torch.dtype) -> None:
        self.dtype, self.slope, config = dtype, net.config.slope, net.config
        self.sizes, self.names = config.sizes, [f"main.{number}" for number in config.at]
        (first, norm), *rest = net.layers()
        weight, bias = folded(first.get_parameter("weight"), first.bias, norm, out=1)  # type: ignore[arg-type]
        self.first = first_words(weight).to(device, dtype).contiguous()
        self.first_bias = bias.repeat(self.sizes[0][0] * self.sizes[0][1]).to(device, dtype)
        self.rest: list[Convolution] = []
        for i, (convolution, norm) in enumerate(rest, 1):
            weight, bias = folded(convolution.get_parameter("weight"), convolution.bias, norm, out=1)  # type: ignore[arg-type]
            then = "tanh" if i == len(rest) else "none" if self.slope else "relu"
            form = Form(then, config.paddings[i - 1], config.strides[i - 1], True, config.output_paddings[i - 1])
            self.rest.append(Convolution(weight, bias, self.sizes[i - 1], device, dtype, form))

    def __call__(self, point: Tensor, bend: Bend | None = None) -> Tensor:
        x = words_to_planes(F.linear(point.to(self.dtype), self.first, self.first_bias), self.sizes[0])
        x = self._rectified(x) if self.rest else x.tanh()
        x = x if bend is None else bend(self.names[0], x)
        for name, convolution in zip(self.names[1:], self.rest, strict=True):
            x = convolution(x)
            x = self._rectified(x) if convolution.form.then == "none" else x
            x = x if bend is None else bend(name, x)
        return x

    def _rectified(self, x: Tensor) -> Tensor:
        return F.leaky_relu_(x, self.slope) if self.slope else x.relu_()
