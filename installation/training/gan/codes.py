"""Corpus in, one latent code per picture out: where reconstruction starts, and the anchors a show can walk through."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.generators.stylegan2.network import Generator
from installation.networks.adam import Adam
from installation.training.corpus import Corpus
from installation.training.features import VGG
from installation.training.labels import Labels

COMPARED_PX = 32
CANDIDATES = 1024
INVERT_STEPS, INVERT_LR = 600, 0.05


@torch.no_grad()
def first_codes(
    corpus: Corpus, z_dim: int, vgg: VGG | None, device: torch.device, labels: Labels | None = None
) -> Tensor:
    """Whitened principal components of small pictures and their VGG features: (N, z_dim), zero mean, unit covariance.

    With labels, of how each differs from the mean of its class: what a class has in common is the label's to say, and
    a code means in one class what it means in another. With more dimensions than the pictures span, the rest is
    filled with small noise.
    """
    views = [_unit(torch.cat([corpus.batch(i, 16).flatten(1) for i in torch.arange(len(corpus)).split(64)]))]
    if vgg is not None:
        views.append(
            _unit(torch.cat([_looks(corpus.batch(i, 64).to(device), vgg) for i in torch.arange(len(corpus)).split(32)]))
        )
    table = torch.cat(views, 1)
    if labels:
        table = table - labels.shares @ (labels.shares.T @ table / labels.shares.sum(0)[:, None])
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


@torch.no_grad()
def known_codes(corpus: Corpus, generator: Generator, anchors: Tensor | None, labels: Labels | None = None) -> Tensor:
    """z (N, z_dim): for each picture what a trained generator draws most alike, among its anchors or random samples.

    anchors (K, w_dim), or (classes, K, w_dim): a picture is looked for in its own class.
    """
    small = torch.cat([corpus.batch(i, COMPARED_PX) for i in torch.arange(len(corpus)).split(64)]).flatten(1)
    codes = torch.zeros(len(corpus), generator.config.z_dim)
    for klass in range(len(labels.names) if labels else 1):
        mine = labels.numbers == klass if labels else torch.ones(len(corpus), dtype=torch.bool)
        label = labels.shares[mine][:1] if labels else None
        free = torch.randn(CANDIDATES, generator.config.z_dim)
        w = generator.mapping(free, label=label) if anchors is None else anchors.float()
        w = w[klass] if w.ndim == 3 else w
        drawn = [generator.synthesis(generator.broadcast(part), "none", up_to=COMPARED_PX) for part in w.split(32)]
        apart = torch.cdist(small[mine], torch.cat(drawn).float().flatten(1), p=1.0)
        codes[mine] = inverted(generator, w[apart.argmin(1)], label)
    return codes


def rows_of(corpus: Corpus, known: Sequence[str]) -> tuple[Tensor, Tensor]:
    """For each picture the row (N,) of the code it goes on with, among those of the known names; which are new (N,).

    A picture is known by its file's name. A new one begins with the code of the known one that looks most alike.
    """
    row = {name: index for index, name in enumerate(known)}
    new = torch.tensor([name not in row for name in corpus.names])
    rows = torch.tensor([row.get(name, 0) for name in corpus.names])
    if new.any() and not new.all():
        small = corpus.batch(torch.arange(len(corpus)), COMPARED_PX).flatten(1)
        rows[new] = rows[~new][torch.cdist(small[new], small[~new], p=1.0).argmin(1)]
    return rows, new


@torch.enable_grad()
def inverted(generator: Generator, w: Tensor, label: Tensor | None = None) -> Tensor:
    """z (N, z_dim), each as long as a normal sample, whose mapping is w (N, w_dim) as nearly as it can be.

    label (1, classes): of the class that they are of.
    """
    z = torch.randn(len(w), generator.config.z_dim, requires_grad=True)
    adam = Adam([z], lr=INVERT_LR)
    for step in range(INVERT_STEPS):
        adam.param_groups[0]["lr"] = INVERT_LR * (1 - step / INVERT_STEPS)
        loss = (generator.mapping(z, label=label) - w).square().mean()
        (z.grad,) = torch.autograd.grad(loss, z)
        adam.step()
    return F.normalize(z.detach()) * generator.config.z_dim**0.5
