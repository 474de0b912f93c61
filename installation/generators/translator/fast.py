"""The same pictures as `networks.unet.UNet`, played live: norms and the code's shifts inside the convolutions, nothing
enlarged before it is convolved."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from installation.generators.convolution import UP, Convolution, Form, doubled
from installation.networks.unet import Bend, UNet, coloured, folded, layer_names, nearest_size, plain

IN, OUT = Form("leaky", padding=1, stride=2), dataclasses.replace(UP, then="leaky")
LAST = Form(padding=1)


class Fast:
    """Calls like UNet for one picture of one size: (1, inputs, H, W) and a code (code,) -> (1, 3, H, W), about -1..1.

    sight: what it is shown; palettes (K, code): the codes of what it was trained on.
    """

    def __init__(
        self,
        net: UNet,
        size: tuple[int, int],
        device: torch.device,
        dtype: torch.dtype,
        sight: str = "edges",
        palettes: Tensor | None = None,
        sha256: str = "",
    ) -> None:
        """size: (width, height) in px, brought to what the network can paint."""
        self.device, self.dtype, self.sight, self.sha256 = device, dtype, sight, sha256
        self.palettes = torch.zeros(1, net.config.code) if palettes is None else palettes
        self.is_coloured = net.config.code > 0
        self.size = nearest_size(size, net.config)
        self.layers = layer_names(net.config, self.size[1])
        rows = self.size[1], self.size[0]
        self.inward, self.outward, self.told = list[Convolution](), list[Convolution](), list[tuple[Tensor, Tensor]]()
        for layer in net.inward:
            self.inward.append(self._prepared(layer, rows, IN)[0])
            rows = rows[0] // 2, rows[1] // 2
        for layer in net.outward:
            convolution, bias = self._prepared(layer, rows, OUT)
            self.outward.append(convolution)
            told = layer.told.weight if isinstance(layer.told, nn.Linear) else bias.new_zeros(len(bias), 0)
            self.told.append((bias.clone(), told))  # the convolution's own is written over
            rows = rows[0] * 2, rows[1] * 2
        self.code = torch.zeros(1, net.config.code, device=device)
        assert net.rgb.bias is not None
        self.rgb = Convolution(net.rgb.weight, net.rgb.bias, rows, device, dtype, LAST)

    def _prepared(self, layer: nn.Module, rows: tuple[int, int], form: Form) -> tuple[Convolution, Tensor]:
        conv, norm = layer.conv, layer.norm
        assert isinstance(conv, nn.Conv2d) and (norm is None or isinstance(norm, nn.BatchNorm2d))
        weight, bias = folded(conv, norm)
        weight = doubled(weight) if form.transposed else weight
        return Convolution(weight, bias, rows, self.device, self.dtype, form), bias

    def colour(self, code: Tensor) -> None:
        """From now on pictures have this code (code,), float32 on the CPU."""
        for convolution, (bias, told) in zip(self.outward, self.told, strict=True):
            convolution.bias.copy_(bias + told @ code[: told.shape[1]])
        self.code = code[None].to(self.device)

    def __call__(self, seen: Tensor, bend: Bend = plain) -> Tensor:
        depth, kept = len(self.inward), list[Tensor]()
        x = seen.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        for at, convolution in enumerate(self.inward):
            x = bend(f"in{at + 1}", convolution(x))
            kept.append(x)
        for at, convolution in enumerate(self.outward):
            x = x if at == 0 else torch.cat([x, kept[depth - 1 - at]], 1)
            x = bend(f"out{depth - at}", convolution(x))
        return bend("rgb", coloured(self.rgb(x), self.code))
