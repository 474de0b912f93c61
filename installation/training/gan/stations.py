"""A trained student in; the stations of a walk through its pictures out, and samples to look at."""

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from installation.training import album
from installation.training.corpus import Corpus
from installation.training.gan.student import Student
from installation.training.labels import Labels
from installation.training.losses import laplacian_l1

MOST = 320  # as many codes of well redrawn pictures go into the file
MOST_OF_CLASS, LEAST_OF_CLASS = 96, 4
SHOWN = 6  # classes on a sheet
SAMPLE_PX = 192


@torch.no_grad()
def find_stations(student: Student, corpus: Corpus, size: int, labels: Labels | None = None) -> Tensor:
    """w (K, w_dim) of well redrawn and varied pictures, ordered so that neighbours are alike: stations of a walk.

    With labels (classes, K, w_dim), each class' own; a station of one class is the nearest to that of another that its
    codes allow, so that a show fades from class to class at one place of its walk.
    """
    generator = student.generator
    w = student.w(slice(None))
    errors = []
    for indices in torch.arange(len(corpus)).split(16):
        drawn = generator.synthesis(generator.broadcast(w[indices]), "none", up_to=size).cpu()
        target = corpus.batch(indices, size)
        errors += [laplacian_l1(a[None], b[None]) / b.std() for a, b in zip(drawn, target, strict=True)]
    ranked = torch.stack(errors).argsort()
    if labels:
        return _of_each_class(w.cpu(), student.codes.cpu(), ranked, labels)
    best = ranked[: max(MOST, len(corpus) * 2 // 3)]
    kept = w[best].cpu()
    kept = kept[_spread(kept, MOST)]
    return kept[_tour(kept)]


def _of_each_class(w: Tensor, codes: Tensor, ranked: Tensor, labels: Labels) -> Tensor:
    """As many of every class, (classes, K, w_dim); a class of few pictures has some of them again."""
    from scipy.optimize import linear_sum_assignment

    mine = [ranked[labels.numbers[ranked] == klass] for klass in range(len(labels.names))]
    count = max(LEAST_OF_CLASS, min(MOST_OF_CLASS, *(len(one) * 2 // 3 for one in mine)))
    chosen = [one[_spread(w[one], count)].repeat(-(-count // len(one)))[:count] for one in mine]
    first = chosen[0][_tour(w[chosen[0]])]
    matched = [torch.from_numpy(linear_sum_assignment(torch.cdist(codes[first], codes[one]))[1]) for one in chosen[1:]]
    order = [first, *(one[places] for one, places in zip(chosen[1:], matched, strict=True))]
    return torch.stack([w[one] for one in order])


def _spread(w: Tensor, count: int) -> list[int]:
    """Which of the points, up to `count`: each the farthest from those before it; first the best redrawn one."""
    chosen, nearest = [0], torch.cdist(w, w[:1])[:, 0]
    while len(chosen) < min(count, len(w)):
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, torch.cdist(w, w[chosen[-1:]])[:, 0])
    return chosen


def _tour(w: Tensor) -> list[int]:
    """The points in the order of a walk that always goes to the nearest one not yet visited."""
    distance = torch.cdist(w, w)
    order = [0]
    while len(order) < len(w):
        distance[:, order[-1]] = torch.inf
        order.append(int(distance[order[-1]].argmin()))
    return order


@torch.no_grad()
def of_classes(student: Student, count: int, psi: float) -> list[Tensor]:
    """w (count, w_dim) of the same free z in each of the first SHOWN classes."""
    config, device = student.generator.config, student.codes.device
    z = torch.randn(count, config.z_dim, generator=torch.Generator().manual_seed(2)).to(device)
    every = torch.eye(config.classes, device=device)[:SHOWN]
    return [student.generator.mapping(z, psi, label[None]) for label in every]


@torch.no_grad()
def draw_samples(student: Student, stations: Tensor | None, device: torch.device) -> Image.Image:
    """Twelve stations and twelve free samples; without stations, 24 of these.

    With classes six of each, a row a class, the same place of the walk, or the same z, below each other.
    """
    generator = student.generator
    if generator.config.classes and stations is None:
        w = torch.cat(of_classes(student, 6, 0.7))
    elif stations is not None and stations.ndim == 3:
        w = stations[:SHOWN, torch.linspace(0, stations.shape[1] - 1, 6).long()].flatten(0, 1).to(device)
    else:
        z = torch.randn(24, generator.config.z_dim, generator=torch.Generator().manual_seed(2)).to(device)
        if stations is None:
            w = generator.mapping(z, 0.7)
        else:
            chosen = stations[torch.linspace(0, len(stations) - 1, 12).long()].to(device)
            w = torch.cat([chosen, generator.mapping(z[:12])])
    pictures = torch.cat([generator.synthesis(generator.broadcast(part), "none").cpu() for part in w.split(8)])
    if pictures.shape[-1] > SAMPLE_PX:
        pictures = F.interpolate(pictures, size=(SAMPLE_PX,) * 2, mode="bilinear", antialias=True)
    return album.sheet(pictures, 6)
