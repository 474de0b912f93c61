"""Corpus in, one latent code per picture out: where reconstruction starts, and the anchors a show can walk through."""

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.training.corpus import Corpus
from installation.training.features import VGG


@torch.no_grad()
def first_codes(corpus: Corpus, z_dim: int, vgg: VGG | None, device: torch.device) -> Tensor:
    """Whitened principal components of small pictures and their VGG features: (N, z_dim), zero mean, unit covariance.

    With more dimensions than the pictures span, the rest is filled with small noise.
    """
    views = [_unit(torch.cat([corpus.batch(i, 16).flatten(1) for i in torch.arange(len(corpus)).split(64)]))]
    if vgg is not None:
        views.append(
            _unit(torch.cat([_looks(corpus.batch(i, 64).to(device), vgg) for i in torch.arange(len(corpus)).split(32)]))
        )
    table = torch.cat(views, 1)
    u, _, _ = torch.linalg.svd(table, full_matrices=False)
    spanned = min(z_dim, u.shape[1] - 1)
    codes = torch.randn(len(corpus), z_dim) * 0.05
    codes[:, :spanned] = u[:, :spanned] * len(corpus) ** 0.5
    return codes


def _looks(pictures: Tensor, vgg: VGG) -> Tensor:
    return F.adaptive_avg_pool2d(vgg(pictures)[-1], 4).flatten(1).cpu()


def _unit(view: Tensor) -> Tensor:
    """Centre (N, D) and scale it to unit total variance, so that each view counts alike."""
    view = view - view.mean(0)
    return view / view.square().sum(1).mean().sqrt()
