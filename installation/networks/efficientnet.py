"""Pictures in, ImageNet features or class scores out: EfficientNet-Lite0 with the weights that a package brings."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from installation import weights
from installation.networks import reading

MODEL = "efficientnet-lite0"
LAYERS = (  # kernel, stride, expansion, width, repeats
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
CLASSES = 1000


class Lite0(nn.Module):
    """EfficientNet-Lite0 (Tan and Le 2019): pictures (B, 3, H, W) in -1..1 -> features (B, 1280).

    With `classifies` it also has the last layer: `score` gives the 1000 ImageNet classes' logits.
    """

    PAIRS = (("_conv_stem", "_bn0"), ("_conv_head", "_bn1"))

    def __init__(self, classifies: bool = False) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _conv(3, 32, 3, 2), _norm(32)
        self._blocks = nn.ModuleList()
        width = 32
        for kernel, stride, expansion, out, repeats in LAYERS:
            for i in range(repeats):
                self._blocks.append(Inverted(width, out, kernel, stride if i == 0 else 1, expansion))
                width = out
        self._conv_head, self._bn1 = _conv(width, 1280, 1), _norm(1280)
        self._fc = nn.Linear(1280, CLASSES) if classifies else None
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> Tensor:
        x = F.relu6(self._bn0(_same(self._conv_stem, pictures)))  # (B, 32, H/2, W/2)
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))  # (B, 1280, H/32, W/32) -> (B, 1280)

    def fold(self) -> Lite0:
        """Fold each normalisation into the convolution before it, which gradients pass in half the time."""
        for layer in (self, *self._blocks):
            for conv, norm in layer.PAIRS:
                if hasattr(layer, conv):
                    setattr(layer, conv, fuse_conv_bn_eval(getattr(layer, conv), getattr(layer, norm)))
                    setattr(layer, norm, nn.Identity())
        return self.requires_grad_(False)

    def score(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in -1..1 -> logits (B, 1000). Raises ValueError when built without its last layer."""
        if self._fc is None:
            raise ValueError("this Lite0 has no classifier: expected Lite0(classifies=True)")
        return self._fc(self(pictures))


class Inverted(nn.Module):
    """Expand, filter each channel by itself, project; added to the input where shapes allow (inverted residual)."""

    PAIRS = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        if expansion > 1:
            self._expand_conv, self._bn0 = _conv(inputs, wide, 1), _norm(wide)
        self._depthwise_conv, self._bn1 = _conv(wide, wide, kernel, stride, wide), _norm(wide)
        self._project_conv, self._bn2 = _conv(wide, outputs, 1), _norm(outputs)
        self.expands, self.adds = expansion > 1, stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(_same(self._depthwise_conv, y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=1e-3)


def _same(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """TensorFlow's "same" padding, which is uneven at stride 2."""
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    pads: tuple[int, ...] = ()
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += (total // 2, total - total // 2)
    return conv(F.pad(x, pads))


def load_lite0(device: torch.device, classifies: bool = False) -> Lite0:
    """The net with its verified weights. Raises weights.WeightsError saying what to install when they are missing."""
    path, expected = weights.fetch(MODEL), "EfficientNet-Lite0's weights"
    state = reading.read_tensors(path, expected)
    wanted = {k: v for k, v in state.items() if classifies or not k.startswith("_fc")}
    return reading.fill(Lite0(classifies), wanted, path, expected).to(device)  # type: ignore[return-value]
