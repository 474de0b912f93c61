"""A square network in, the same network painting wide pictures out: what it starts from is mirrored to both sides."""

from __future__ import annotations

import torch
from torch import Tensor

from installation.generators.stylegan2.fast import FastSynthesis, Layer
from installation.generators.stylegan2.network import ModulatedConv, Synthesis


class WideSynthesis(FastSynthesis):
    """StyleGAN2 is convolutional: with `extend` more columns on each side of its 4x4 start it goes on painting there.

    A picture of R rows gets R + extend * R / 2 columns, and takes that much longer.
    """

    def __init__(self, net: Synthesis, device: torch.device, dtype: torch.dtype, extend: int) -> None:
        self.extend = extend
        super().__init__(net, device, dtype)

    def _begin(self, net: Synthesis) -> Tensor:
        return _widened(super()._begin(net), self.extend)

    def _prepare(self, name: str, conv: ModulatedConv, start: int) -> Layer:
        layer = super()._prepare(name, conv, start)
        if layer.noise is not None:
            layer.noise = _widened(layer.noise, self.extend * layer.resolution // 4)
        return layer


def _widened(x: Tensor, columns: int) -> Tensor:
    """x (1, C, H, W) with the mirror image of its outer columns on both sides: (1, C, H, W + 2 * columns)."""
    x = torch.cat([x[..., :columns].flip(3), x, x[..., x.shape[3] - columns :].flip(3)], 3)
    return x.contiguous(memory_format=torch.channels_last)
