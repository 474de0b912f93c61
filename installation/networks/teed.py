"""Pictures in, three side outputs and their fusion out: TEED, tiny and quick, and the reader of its checkpoint."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from installation.networks import dexined
from installation.networks.dexined import SIZE_MULTIPLE_PX, fingerprint

__all__ = ["SIZE_MULTIPLE_PX", "TEED", "fingerprint", "load"]
BGR_MEAN = (103.939, 116.779, 123.68)  # of 0..255


def smish(x: Tensor) -> Tensor:
    """x tanh(ln(1 + sigmoid(x))) (Wang et al. 2022)."""
    return x * torch.tanh(torch.log1p(torch.sigmoid(x)))


class Smish(nn.Module):
    """The activation as a layer, so that the checkpoint's layer numbers fit."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return smish(x)


class DoubleConv(nn.Module):
    """Two 3x3 convolutions with Smish between, and after where the block's output is not summed."""

    def __init__(self, width: int, out: int, stride: int, last_smish: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.last_smish = last_smish

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, out, H / stride, W / stride)."""
        x = self.conv2(smish(self.conv1(x)))
        return smish(x) if self.last_smish else x


class Fusion(nn.Module):
    """Double fusion: two depthwise convolutions over the three sides, summed."""

    def __init__(self) -> None:
        super().__init__()
        self.DWconv1 = nn.Conv2d(3, 24, 3, padding=1, groups=3)
        self.DWconv2 = nn.Conv2d(24, 24, 3, padding=1, groups=24)

    def forward(self, sides: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1, H, W)."""
        first = self.DWconv1(smish(sides))  # (B, 24, H, W)
        return smish((first + self.DWconv2(smish(first))).sum(dim=1, keepdim=True))


class TEED(nn.Module):
    """Tiny and efficient edge detector (Soria et al. 2023, arXiv:2308.06468); attributes are the checkpoint's keys."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.block_1, self.block_2 = DoubleConv(3, 16, 2, True), DoubleConv(16, 32, 1, False)
        layer = nn.Sequential()
        layer.add_module("conv1", nn.Conv2d(32, 48, 3, padding=2))
        layer.add_module("smish1", Smish())
        layer.add_module("conv2", nn.Conv2d(48, 48, 3))
        self.dblock_3 = nn.ModuleDict({"denselayer1": layer})
        self.side_1 = nn.ModuleDict({"conv": nn.Conv2d(16, 32, 1, stride=2)})
        self.pre_dense_3 = nn.ModuleDict({"conv": nn.Conv2d(32, 48, 1)})
        self.up_block_1 = dexined.Upsampling(16, 1, Smish)
        self.up_block_2 = dexined.Upsampling(32, 1, Smish)
        self.up_block_3 = dexined.Upsampling(48, 2, Smish)
        self.block_cat = Fusion()
        self.register_buffer("mean", torch.tensor(BGR_MEAN)[None, :, None, None], persistent=False)
        self.requires_grad_(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures (B, 3, H, W), RGB 0..1, H and W multiples of 16 -> four logits (B, 1, H, W), the fusion last."""
        one = self.block_1(pictures.flip(1) * 255 - self.mean)  # (B, 16, H / 2, W / 2)
        two = self.block_2(one)  # (B, 32, H / 2, W / 2)
        down = nn.functional.max_pool2d(two, 3, stride=2, padding=1)
        summed = down + self.side_1["conv"](one)  # (B, 32, H / 4, W / 4)
        three = 0.5 * (self.dblock_3["denselayer1"](smish(summed)) + self.pre_dense_3["conv"](down))
        sides = [self.up_block_1(one), self.up_block_2(two), self.up_block_3(three)]
        return [*sides, self.block_cat(torch.cat(sides, dim=1))]


@lru_cache(maxsize=1)
def load(device: str = "cpu", weights_file: str = "") -> nn.Module:
    """TEED from a checkpoint that the user has downloaded. Raises WeightsError when it is missing or another's."""
    return dexined.read_checkpoint(TEED(), weights_file, "teed").to(device)
