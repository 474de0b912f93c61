"""Pictures in, one number each out (high: looks real): the residual discriminator of StyleGAN2 (Karras et al. 2020)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.stylegan2.network import GAIN, SLOPE, FullyConnected, fir_kernel


class Conv(nn.Module):
    """Equalised convolution, with a blur before a halving of size, and the leaky ReLU's gain in its weight."""

    fir: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, down: bool = False, linear: bool = False) -> None:
        super().__init__()
        weight = torch.randn(outputs, inputs, kernel, kernel)
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        self.bias = None if linear else nn.Parameter(torch.zeros(outputs))
        self.gain = (1.0 if linear else GAIN) / math.sqrt(inputs * kernel**2)
        self.down, self.linear = down, linear
        self.register_buffer("fir", fir_kernel(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * self.gain).to(x.dtype)
        pad = weight.shape[-1] // 2
        if self.down:
            channels = x.shape[1]
            if weight.shape[-1] == 1:
                x = F.avg_pool2d(x, 2)
            else:
                x, pad = F.conv2d(x, self.fir.to(x.dtype).expand(channels, 1, 4, 4), padding=2, groups=channels), 0
        stride = 2 if self.down and weight.shape[-1] > 1 else 1
        if self.linear:
            return F.conv2d(x, weight, None, stride, pad)
        assert self.bias is not None
        return F.leaky_relu(F.conv2d(x, weight, (self.bias * GAIN).to(x.dtype), stride, pad), SLOPE)


class Block(nn.Module):
    """Two convolutions and a halving, beside a linear shortcut: (B, in, R, R) -> (B, out, R/2, R/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv0 = Conv(inputs, inputs, 3)
        self.conv1 = Conv(inputs, outputs, 3, down=True)
        self.skip = Conv(inputs, outputs, 1, down=True, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv1(self.conv0(x)) + self.skip(x)) * math.sqrt(0.5)


class Discriminator(nn.Module):
    """pictures (B, 3, size, size) in -1..1 -> logits (B,) float32.

    A conditional one hears labels (B, classes) too: what it sees counts more the more it is like the class' own vector
    (the projection discriminator, Miyato and Koyama 2018).
    """

    def __init__(self, size: int, channels: dict[int, int], classes: int = 0) -> None:
        super().__init__()
        self.size = size
        sizes = [2**i for i in range(size.bit_length() - 1, 2, -1)]
        self.fromrgb = Conv(3, channels[size], 1)
        self.blocks = nn.ModuleList(Block(channels[r], channels[r // 2]) for r in sizes)
        self.conv = Conv(channels[4] + 1, channels[4], 3)
        self.fc = FullyConnected(channels[4] * 16, channels[4])
        self.out = FullyConnected(channels[4], 1)
        self.embed = FullyConnected(classes, channels[4]) if classes else None

    def forward(self, pictures: Tensor, label: Tensor | None = None) -> Tensor:
        x = self.fromrgb(pictures.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            x = block(x)
        x = self.conv(torch.cat([x, spread(x)], 1))
        x = F.leaky_relu(self.fc(x.flatten(1)), SLOPE) * GAIN
        logits: Tensor = self.out(x).flatten()
        if self.embed is not None and label is not None:
            logits = logits + (x * F.normalize(self.embed(label))).sum(1)
        return logits.float()


def spread(x: Tensor, group: int = 4) -> Tensor:
    """How much pictures of one group differ, as one more channel: (B, C, H, W) -> (B, 1, H, W) (Karras et al. 2018)."""
    batch, channels, height, width = x.shape
    group = math.gcd(batch, group)
    grouped = x.float().reshape(group, -1, channels, height, width)
    deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))  # (B / group,)
    return deviation.repeat(group)[:, None, None, None].expand(-1, 1, height, width).to(x.dtype)
