"""The same pictures as `network.Generator`, played live: batch norm and noise prepared, nothing enlarged before it is
convolved."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.convolution import UP, Convolution, Form, doubled
from installation.generators.fastgan.network import EXCITES, SMALLEST, Generator, Noise
from installation.generators.folding import folded, scale_and_shift
from installation.generators.gated import GatedConvolution
from installation.generators.zspace import first_words, frozen_noise, words_to_planes

Bend = Callable[[str, Tensor], Tensor]


class Fast:
    """Calls like Generator, for one point: z (1, z_dim) -> picture (1, planes, R, R), about -1..1."""

    def __init__(self, net: Generator, device: torch.device, dtype: torch.dtype) -> None:
        self.config, self.dtype, self.device = net.config, dtype, device
        start, norm = list(net.init.init)[:2]  # type: ignore[arg-type]
        weight, bias = folded(start.weight, None, norm, out=1)
        halves = zip(weight.chunk(2, 1), bias.chunk(2), strict=True)
        self.start = [
            (first_words(w).to(device, dtype).contiguous(), b.repeat(16).to(device, dtype)) for w, b in halves
        ]
        self.blocks: dict[int, list[tuple[str, GatedConvolution]]] = {}
        self.excitations: dict[int, tuple[Tensor, Tensor]] = {}
        for size in net.config.sizes[1:]:
            self.blocks[size] = self._block(f"feat_{size}", list(net.get_submodule(f"feat_{size}").children()), size)
            if size in EXCITES:
                parts = net.get_submodule(f"se_{size}.main")
                first, second = (parts.get_submodule(n).get_parameter("weight") for n in "13")
                self.excitations[size] = first.flatten(1).to(device, dtype), second.flatten(1).to(device, dtype)
        last, no_bias = net.to_big.weight, torch.zeros(net.config.planes)
        form = Form("tanh" if net.config.resolution == 1024 else "none", padding=1)
        self.last = Convolution(last, no_bias, (net.config.resolution,) * 2, device, dtype, form)

    def _block(self, name: str, parts: list[nn.Module], size: int) -> list[tuple[str, GatedConvolution]]:
        block = []
        for at, part in enumerate(parts):
            if not isinstance(part, nn.Conv2d):
                continue
            noisy = parts[at + 1] if isinstance(parts[at + 1], Noise) else None
            norm = parts[at + 1 + (noisy is not None)]
            weight, bias = folded(part.weight, None, norm)
            noise = None
            if noisy is not None and bool(noisy.get_parameter("weight") != 0):
                gain = scale_and_shift(norm)[0] * noisy.get_parameter("weight")
                noise = frozen_noise(f"{name}.{at + 1}", size, size) * gain[:, None, None]
            if at == 1:  # behind the enlargement
                weight, rows, form = doubled(weight), size // 2, UP
            else:
                rows, form = size, Form(padding=1)
            convolution = GatedConvolution(weight, bias, (rows, rows), self.device, self.dtype, form, noise)
            block.append((f"{name}.{at}", convolution))
        return block

    def scale_noise(self, strength: float) -> None:
        """1 is the network's own, 0 none."""
        for block in self.blocks.values():
            for _, convolution in block:
                convolution.scale(strength)

    def __call__(self, z: Tensor, bend: Bend | None = None) -> Tensor:
        z = z.to(self.dtype)
        value, gate = (F.linear(z, weight, bias) for weight, bias in self.start)
        x = words_to_planes(value.mul_(gate.sigmoid_()), (4, 4))
        x = x if bend is None else bend("init", x)
        seen = {4: x}
        for size, block in self.blocks.items():
            for name, convolution in block:
                x = convolution(x)
                x = x if bend is None else bend(name, x)
            if size in EXCITES:
                open_ = self._excitation(size, seen[EXCITES[size]])
                x = x.mul_(open_) if bend is None else x * open_  # a bend may keep what it saw
            if size in EXCITES.values():
                seen[size] = x
        return self.last(x)

    def _excitation(self, size: int, small: Tensor) -> Tensor:
        """(1, c, s, s) -> (1, C, 1, 1), 0..1."""
        first, second = self.excitations[size]
        looked_at = F.adaptive_avg_pool2d(small, SMALLEST).flatten(1)
        return F.linear(F.silu(F.linear(looked_at, first)), second).sigmoid_()[:, :, None, None]


def layer_names(net: Generator) -> list[tuple[str, int, int]]:
    """Where bends attach, in the order they run: name, channels, rows."""
    layers = [("init", net.config.channels(4), 4)]
    for size in net.config.sizes[1:]:
        parts = net.get_submodule(f"feat_{size}").named_children()
        layers += [(f"feat_{size}.{n}", net.config.channels(size), size) for n, p in parts if isinstance(p, nn.Conv2d)]
    return layers
