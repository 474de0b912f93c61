"""Pictures in, six side outputs and their fusion out: DexiNed, and the reader of its published checkpoint."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation import weights
from installation.networks import reading

SIZE_MULTIPLE_PX = 16
BGR_MEAN = (103.939, 116.779, 123.68)  # of 0..255
DECONV_PADDING = {1: 0, 2: 1, 3: 3, 4: 7}  # by the number of doublings; kernels are 2 ** doublings wide
Activation = Callable[[], nn.Module]


def normed(conv: nn.Conv2d) -> nn.Sequential:
    """A 1x1 convolution and its batch norm, under the names of the checkpoint: conv, bn."""
    return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(conv.out_channels)))


class Upsampling(nn.Module):
    """1x1 convolution, activation, transposed convolution, once per doubling: features -> one map, enlarged."""

    def __init__(self, width: int, doublings: int, activation: Activation = nn.ReLU) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(doublings):
            out = 1 if i == doublings - 1 else 16
            up = nn.ConvTranspose2d(out, out, 2**doublings, stride=2, padding=DECONV_PADDING[doublings])
            layers += [nn.Conv2d(width, out, 1), activation(), up]
            width = out
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 1, H * 2 ** doublings, W * 2 ** doublings)."""
        up: Tensor = self.features(x)
        return up


class DoubleConv(nn.Module):
    """Two 3x3 convolutions with batch norm; the second activation is left out where the block's output is summed."""

    def __init__(self, width: int, middle: int, out: int, stride: int, last_relu: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, middle, 3, stride=stride, padding=1), nn.BatchNorm2d(middle)
        self.conv2, self.bn2 = nn.Conv2d(middle, out, 3, padding=1), nn.BatchNorm2d(out)
        self.last_relu = last_relu

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, out, H / stride, W / stride)."""
        x = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(x) if self.last_relu else x


class DenseBlock(nn.Module):
    """Layers of two 3x3 convolutions, each averaged with the same skip; the first pads by 2, the second by none."""

    def __init__(self, count: int, width: int, out: int) -> None:
        super().__init__()
        for i in range(count):
            layer = OrderedDict(
                conv1=nn.Conv2d(width if i == 0 else out, out, 3, padding=2),
                norm1=nn.BatchNorm2d(out),
                relu1=nn.ReLU(),
                conv2=nn.Conv2d(out, out, 3),
                norm2=nn.BatchNorm2d(out),
            )
            self.add_module(f"denselayer{i + 1}", nn.Sequential(layer))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """x (B, C, H, W), skip (B, out, H, W) -> (B, out, H, W)."""
        for layer in self.children():
            x = 0.5 * (layer(F.relu(x)) + skip)
        return x


class DexiNed(nn.Module):
    """Dense extreme inception network (Soria et al. 2020, arXiv:1909.01955); attributes are the checkpoint's keys."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.block_1, self.block_2 = DoubleConv(3, 32, 64, 2, True), DoubleConv(64, 128, 128, 1, False)
        self.dblock_3, self.dblock_4 = DenseBlock(2, 128, 256), DenseBlock(3, 256, 512)
        self.dblock_5, self.dblock_6 = DenseBlock(3, 512, 512), DenseBlock(3, 512, 256)
        for name, width, out, stride in (("side_1", 64, 128, 2), ("side_2", 128, 256, 2), ("side_3", 256, 512, 2)):
            self.add_module(name, normed(nn.Conv2d(width, out, 1, stride=stride)))
        self.side_4, self.side_5 = normed(nn.Conv2d(512, 512, 1)), normed(nn.Conv2d(512, 256, 1))  # side_5 is unused
        self.pre_dense_2 = normed(nn.Conv2d(128, 256, 1, stride=2))
        self.pre_dense_3, self.pre_dense_4 = normed(nn.Conv2d(128, 256, 1)), normed(nn.Conv2d(256, 512, 1))
        self.pre_dense_5, self.pre_dense_6 = normed(nn.Conv2d(512, 512, 1)), normed(nn.Conv2d(512, 256, 1))
        for i, (width, doublings) in enumerate([(64, 1), (128, 1), (256, 2), (512, 3), (512, 4), (256, 4)], 1):
            self.add_module(f"up_block_{i}", Upsampling(width, doublings))
        self.block_cat = normed(nn.Conv2d(6, 1, 1))  # its norm is stored but never applied
        self.register_buffer("mean", torch.tensor(BGR_MEAN)[None, :, None, None], persistent=False)
        self.requires_grad_(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures (B, 3, H, W), RGB 0..1, H and W multiples of 16 -> seven logits (B, 1, H, W), the fusion last."""
        net, pool = dict(self.named_children()), nn.MaxPool2d(3, stride=2, padding=1)
        one = net["block_1"](pictures.flip(1) * 255 - self.mean)  # (B, 64, H / 2, W / 2)
        two = net["block_2"](one)  # (B, 128, H / 2, W / 2)
        two_down = pool(two)
        two_sum = two_down + net["side_1"](one)
        three = net["dblock_3"](two_sum, net["pre_dense_3"](two_down))  # (B, 256, H / 4, W / 4)
        three_down = pool(three)
        three_sum = three_down + net["side_2"](two_sum)
        four_skip = net["pre_dense_4"](three_down + net["pre_dense_2"](two_down))
        four = net["dblock_4"](three_sum, four_skip)  # (B, 512, H / 8, W / 8)
        four_down = pool(four)
        four_sum = four_down + net["side_3"](three_sum)
        five = net["dblock_5"](four_sum, net["pre_dense_5"](four_down))  # (B, 512, H / 16, W / 16)
        six = net["dblock_6"](five + net["side_4"](four_sum), net["pre_dense_6"](five))  # (B, 256, H / 16, W / 16)
        sides = [net[f"up_block_{i}"](x) for i, x in enumerate((one, two, three, four, five, six), 1)]
        return [*sides, self.block_cat[0](torch.cat(sides, dim=1))]


def read_checkpoint(net: nn.Module, file: str, model: str) -> nn.Module:
    """Fill a network from a published .pth: only tensors are read. Raises WeightsError saying where to get one."""
    path, config = Path(file).expanduser(), weights.read_own(model)
    if not file or not path.is_file():
        where = f'download one from {config["url"]} and set `weights` to it, or choose network = "hed"'
        raise weights.WeightsError(f"{model}: expected a checkpoint file, found {file or 'none set'!r}; {where}")
    expected = f"{model}'s published weights"
    reading.fill(net, reading.read_tensors(path, expected), path, expected)
    return net.eval()


@lru_cache(maxsize=1)
def load(device: str = "cpu", weights_file: str = "") -> nn.Module:
    """DexiNed from a checkpoint that the user has downloaded. Raises WeightsError when it is missing or another's."""
    return read_checkpoint(DexiNed(), weights_file, "dexined").to(device)


def fingerprint(weights_file: str = "") -> str:
    """What stands for the weights in a result's key: the checkpoint's sha256."""
    path = Path(weights_file).expanduser()
    return weights.digest(path) if path.is_file() else ""
