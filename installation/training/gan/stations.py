"""A trained student in; the stations of a walk through its pictures out, and samples to look at."""

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from installation.generators.stylegan2.network import Generator
from installation.training import album
from installation.training.corpus import Corpus
from installation.training.gan.student import Student
from installation.training.losses import laplacian_l1

MOST = 320  # as many codes of well redrawn pictures go into the file
SAMPLE_PX = 192


@torch.no_grad()
def find_stations(student: Student, corpus: Corpus, size: int) -> Tensor:
    """w (K, w_dim) of well redrawn and varied pictures, ordered so that neighbours are alike: stations of a walk."""
    generator = student.generator
    w = torch.cat([generator.mapping(codes) for codes in student.codes.split(64)])
    errors = []
    for indices in torch.arange(len(corpus)).split(16):
        drawn = generator.synthesis(generator.broadcast(w[indices]), "none", up_to=size).cpu()
        target = corpus.batch(indices, size)
        errors += [laplacian_l1(a[None], b[None]) / b.std() for a, b in zip(drawn, target, strict=True)]
    best = torch.stack(errors).argsort()[: max(MOST, len(corpus) * 2 // 3)]
    return _tour(_spread(w[best].cpu(), MOST))


def _spread(w: Tensor, count: int) -> Tensor:
    """Up to `count` of the points, each the farthest from those before it; the first is the best redrawn one."""
    chosen, nearest = [0], torch.cdist(w, w[:1])[:, 0]
    while len(chosen) < min(count, len(w)):
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, torch.cdist(w, w[chosen[-1:]])[:, 0])
    return w[chosen]


def _tour(w: Tensor) -> Tensor:
    """The points in the order of a walk that always goes to the nearest one not yet visited."""
    distance = torch.cdist(w, w)
    order = [0]
    while len(order) < len(w):
        distance[:, order[-1]] = torch.inf
        order.append(int(distance[order[-1]].argmin()))
    return w[order]


@torch.no_grad()
def draw_samples(generator: Generator, stations: Tensor | None, device: torch.device) -> Image.Image:
    """Twelve stations, twelve points half-way between two of them; without stations, 24 free samples."""
    if stations is None:
        z = torch.randn(24, generator.config.z_dim, generator=torch.Generator().manual_seed(2))
        w = generator.mapping(z.to(device), 0.7)
    else:
        chosen = stations[torch.linspace(0, len(stations) - 1, 12).long()].to(device)
        w = torch.cat([chosen, (chosen + chosen.roll(1, 0)) / 2])
    pictures = torch.cat([generator.synthesis(generator.broadcast(part), "none").cpu() for part in w.split(8)])
    if pictures.shape[-1] > SAMPLE_PX:
        pictures = F.interpolate(pictures, size=(SAMPLE_PX,) * 2, mode="bilinear", antialias=True)
    return album.sheet(pictures, 6)
