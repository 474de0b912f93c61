"""A trained student in, a model folder out: weights.safetensors, model.toml, samples.png."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from installation import files, weights
from installation.training import album
from installation.training.corpus import Corpus
from installation.training.losses import laplacian_l1
from installation.training.gan.student import Student

ANCHORS = 320  # as many codes of well redrawn pictures go into the file
SAMPLE_PX = 192


@torch.no_grad()
def anchors(student: Student, corpus: Corpus, size: int) -> Tensor:
    """w (K, w_dim) of well redrawn and varied pictures, ordered so that neighbours are alike: stations of a walk."""
    generator = student.generator
    w = torch.cat([generator.mapping(codes) for codes in student.codes.split(64)])
    errors = []
    for indices in torch.arange(len(corpus)).split(16):
        drawn = generator.synthesis(generator.broadcast(w[indices]), "none", up_to=size).cpu()
        target = corpus.batch(indices, size)
        errors += [laplacian_l1(a[None], b[None]) / b.std() for a, b in zip(drawn, target, strict=True)]
    best = torch.stack(errors).argsort()[: max(ANCHORS, len(corpus) * 2 // 3)]
    return _tour(_spread(w[best].cpu(), ANCHORS))


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
def export(student: Student, folder: Path, stations: Tensor | None, card: dict[str, Any]) -> Path:
    """Write the model folder; the weights first and the card that vouches for them last, each atomically.

    card holds what model.toml says besides kind, file, sha256 and network. Half precision keeps the file small.
    """
    generator = student.generator
    anchors = {} if stations is None else {"anchors": stations}
    sha256 = write_weights(folder, generator.state_dict() | anchors)
    album.save_picture(_samples(student, stations), folder / "samples.png")
    fixed = {"kind": "stylegan2", "file": "weights.safetensors", "sha256": sha256}
    files.write_text(folder / "model.toml", weights.to_toml(card | fixed | {"network": generator.config.to_dict()}))
    return folder


def write_weights(folder: Path, tensors: Mapping[str, Tensor]) -> str:
    """FOLDER/weights.safetensors in half precision, which keeps the file small; returns its sha256."""
    path = folder / "weights.safetensors"
    with files.whole(path) as part:
        save_file({k: v.detach().cpu().half().contiguous() for k, v in tensors.items()}, part, {"format": "pt"})
        return hashlib.sha256(part.read_bytes()).hexdigest()


def _samples(student: Student, stations: Tensor | None) -> Any:
    """Twelve anchors, twelve points half-way between two of them; without anchors, 24 free samples."""
    generator, device = student.generator, student.codes.device
    if stations is None:
        z = torch.randn(24, generator.config.z_dim, generator=torch.Generator().manual_seed(2))
        w = generator.mapping(z.to(device), 0.7)
    else:
        chosen = stations[torch.linspace(0, len(stations) - 1, 12).long()].to(device)
        w = torch.cat([chosen, (chosen + chosen.roll(1, 0)) / 2])
    pictures = torch.cat([generator.synthesis(generator.broadcast(part), "none").cpu() for part in w.split(8)])
    if pictures.shape[-1] > SAMPLE_PX:
        pictures = torch.nn.functional.interpolate(pictures, size=(SAMPLE_PX,) * 2, mode="bilinear", antialias=True)
    return album.sheet(pictures, 6)
