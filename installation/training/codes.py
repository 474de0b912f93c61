"""Corpus in, one latent code per picture out: where reconstruction starts, and the anchors a show can walk through."""

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.generators.stylegan2.network import Generator
from installation.training.corpus import Corpus
from installation.training.features import VGG

COMPARED_PX = 32
CANDIDATES = 1024
INVERT_STEPS, INVERT_LR = 600, 0.05


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


def known_codes(corpus: Corpus, generator: Generator, anchors: Tensor | None) -> Tensor:
    """z (N, z_dim): for each picture what a trained generator draws most alike, among its anchors or random samples."""
    with torch.no_grad():
        free = torch.randn(CANDIDATES, generator.config.z_dim)
        w = generator.mapping(free) if anchors is None else anchors.float()
        drawn = [generator.synthesis(generator.broadcast(part), "none", up_to=COMPARED_PX) for part in w.split(32)]
        pictures = [corpus.batch(i, COMPARED_PX) for i in torch.arange(len(corpus)).split(64)]
        apart = torch.cdist(torch.cat(pictures).flatten(1), torch.cat(drawn).float().flatten(1), p=1.0)
        return inverted(generator, w[apart.argmin(1)])


@torch.enable_grad()
def inverted(generator: Generator, w: Tensor) -> Tensor:
    """z (N, z_dim), each as long as a normal sample, whose mapping is w (N, w_dim) as nearly as it can be."""
    z = torch.randn(len(w), generator.config.z_dim, requires_grad=True)
    adam = torch.optim.Adam([z], lr=INVERT_LR)
    for step in range(INVERT_STEPS):
        adam.param_groups[0]["lr"] = INVERT_LR * (1 - step / INVERT_STEPS)
        loss = (generator.mapping(z) - w).square().mean()
        (z.grad,) = torch.autograd.grad(loss, z)
        adam.step()
    return F.normalize(z.detach()) * generator.config.z_dim**0.5
