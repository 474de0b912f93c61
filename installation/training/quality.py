"""Drawn and real pictures in, one figure out: the kernel inception distance on a net that nothing is trained against.

KID (Binkowski et al. 2018) on EfficientNet-Lite0 instead of Inception: unbiased for a few hundred pictures; 0 is the
corpus itself, lower is better. Figures compare runs on one corpus only.
"""

import warnings
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.networks.efficientnet import Lite, load_lite0
from installation.training.corpus import Corpus
from installation.weights import WeightsError

SEEN_PX = 128
SAMPLES = 300


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

    net: Lite
    real: Tensor
    device: torch.device

    def __call__(self, drawn: Tensor) -> float:
        """KID x 1000 of pictures (N, 3, R, R) in -1..1."""
        return kid(self.real, look(self.net, drawn, self.device)) * 1000


@torch.no_grad()
def look(net: Lite, pictures: Tensor, device: torch.device) -> Tensor:
    """Features (N, 1280) of pictures of any size, seen at SEEN_PX."""
    views = [F.interpolate(p, size=(SEEN_PX, SEEN_PX), mode="bilinear", antialias=True) for p in pictures.split(20)]
    return torch.cat([net(view.to(device)).float().cpu() for view in views])


def open_judge(corpus: Corpus, device: torch.device, seed: int = 0) -> Judge | None:
    """A judge that has seen SAMPLES pictures of the corpus (all, if it has fewer), or None where the net is missing."""
    try:
        net = load_lite0(device)
    except WeightsError as error:
        warnings.warn(f"no quality figure: {error}", stacklevel=2)
        return None
    chosen = torch.randperm(len(corpus), generator=torch.Generator().manual_seed(seed))[:SAMPLES]
    size = min(corpus.images.shape[1], SEEN_PX)
    return Judge(net, look(net, corpus.batch(chosen, size), device), device)
