"""Square pictures in; their inner products and what a mixture of them looks like out, at any resolution.

A dense autoencoder whose last layer is linear can only move in the span of its pictures. So it is trained in their
principal coordinates, of which there are one fewer than pictures, and every square it makes is a mixture: so much of
each picture, the sum being one. Its size in pixels costs once here and once for each square that is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation.training.corpus import Corpus

STRIP_BYTES = 64 << 20  # of the pictures, in float, at once
SEEN_PX = 128  # at which squares are judged
GREY = (0.299, 0.587, 0.114)
LEAST_SHARE = 1e-7  # of the largest axis: shorter ones are copies of pictures that are there already


@dataclass(frozen=True)
class Squares:
    """Pictures of a corpus as they go in: one channel or three, with more or less contrast; strips of them in 0..1."""

    corpus: Corpus
    colour: bool = False
    contrast: float = 1.0

    def __len__(self) -> int:
        return len(self.corpus)

    @property
    def size(self) -> int:
        return int(self.corpus.images.shape[1])

    @property
    def planes(self) -> int:
        return 3 if self.colour else 1

    def strips(self) -> Iterator[tuple[int, Tensor]]:
        """Every few rows of all pictures: the first row's number, and (N, rows, S, planes) float32 0..1."""
        rows = max(1, STRIP_BYTES // (len(self) * self.size * 3 * 4))
        for top in range(0, self.size, rows):
            strip = torch.from_numpy(np.array(self.corpus.images[:, top : top + rows]))
            yield top, self._toned(strip.float().div_(255))

    @cached_property
    def small(self) -> Tensor:
        """All of them as they are judged, (N, planes, SEEN_PX, SEEN_PX) 0..1."""
        return self.at(SEEN_PX)

    def at(self, size: int) -> Tensor:
        """All of them at another size, (N, planes, size, size) 0..1."""
        pictures = [
            F.interpolate(torch.from_numpy(np.array(part)).permute(0, 3, 1, 2).float() / 255, (size, size), mode="area")
            for part in np.array_split(self.corpus.images, max(1, len(self) // 16))
        ]
        return self._toned(torch.cat(pictures).permute(0, 2, 3, 1)).permute(0, 3, 1, 2).contiguous()

    @cached_property
    def _means(self) -> Tensor:
        """The mean of every picture, (N, 1, 1, planes)."""
        seen = torch.from_numpy(np.array(self.corpus.images[:, ::4, ::4])).float().div_(255)
        return self._channels(seen).mean((1, 2), keepdim=True)

    def _toned(self, pictures: Tensor) -> Tensor:
        pictures = self._channels(pictures)
        if self.contrast == 1:
            return pictures
        return torch.lerp(self._means, pictures, self.contrast).clamp_(0, 1)

    def _channels(self, pictures: Tensor) -> Tensor:
        return pictures if self.colour else (pictures @ torch.tensor(GREY))[..., None]


def gram(squares: Squares) -> np.ndarray:
    """Inner products (N, N), float64, of the pictures less 0.5, over the number of their pixels."""
    total = np.zeros((len(squares), len(squares)))
    for _, strip in squares.strips():
        flat = strip.flatten(1).sub_(0.5)
        total += (flat @ flat.T).double().numpy()
    return total / (squares.size**2 * squares.planes)


def fine_gram(pictures: Tensor) -> np.ndarray:
    """The same of what is drawn in them, (N, planes, h, w): lines and forms, without large areas of light and dark."""
    flat = drawn(pictures).flatten(1)
    return (flat.double() @ flat.double().T).numpy() / flat.shape[1]


def tone_gram(pictures: Tensor) -> np.ndarray:
    """The same of all their lights and darks, each around its own mean."""
    flat = (pictures - pictures.mean((1, 2, 3), keepdim=True)).flatten(1).double()
    return (flat @ flat.T).numpy() / flat.shape[1]


def drawn(pictures: Tensor) -> Tensor:
    """Pictures (B, planes, h, w) without what is larger than an eighth of them, nor finer than is seen from afar."""
    side = pictures.shape[-1]
    soft = F.interpolate(F.avg_pool2d(pictures, max(1, side // 8)), (side, side), mode="bilinear", align_corners=False)
    return F.avg_pool2d(pictures - soft, 2)


@dataclass(frozen=True, eq=False)
class Span:
    """The principal coordinates (n, D) of n pictures, of unit mean square; axes (n, D) are of length 1.

    scale: what a coordinate of 1 is in root mean square of pixels; variance: of a pixel, over all pictures.
    """

    coordinates: Tensor
    axes: Tensor
    lengths: Tensor
    scale: float
    variance: float

    def mixture(self, found: Tensor) -> Tensor:
        """Coordinates (M, D) as so much of each picture, (M, n), every row's sum being 1."""
        return 1 / len(self.axes) + (found.double() * self.scale / self.lengths) @ self.axes.T


def span_of(products: np.ndarray) -> Span:
    """The span of pictures by their inner products (n, n). Raises ValueError where they are all alike."""
    n = len(products)
    centred = products - products.mean(0) - products.mean(1)[:, None] + products.mean()
    strength, axes = torch.linalg.eigh(torch.from_numpy(centred))
    strength, axes = strength.flip(0), axes.flip(1)
    there = strength > LEAST_SHARE * strength[0].clamp_min(1e-9)
    if not there.any():
        raise ValueError("expected pictures that differ from each other, found all alike")
    lengths, axes = strength[there].sqrt(), axes[:, there]
    signs = axes[axes.abs().argmax(0), torch.arange(axes.shape[1])].sign()  # the same on every machine
    axes = axes * signs
    coordinates = axes * lengths
    scale = float(coordinates.square().mean().sqrt())
    return Span((coordinates / scale).float(), axes, lengths, scale, float(strength[there].sum()) / n)


def mixed(squares: Squares, mixtures: Tensor) -> np.ndarray:
    """What mixtures (M, N) of all pictures look like: (M, S, S, planes) uint8."""
    canvas = np.empty((len(mixtures), squares.size, squares.size, squares.planes), np.uint8)
    for top, strip in squares.strips():
        rows = (mixtures.float() @ strip.flatten(1)).view(len(mixtures), *strip.shape[1:])
        canvas[:, top : top + strip.shape[1]] = rows.mul_(255).round_().clamp_(0, 255).to(torch.uint8).numpy()
    return canvas


def stacked(squares: Squares, chosen: list[int]) -> Tensor:
    """The chosen pictures as they went in: (n, planes, S, S) float16, -1..1."""
    canvas = torch.empty(len(chosen), squares.planes, squares.size, squares.size, dtype=torch.float16)
    for top, strip in squares.strips():
        canvas[:, :, top : top + strip.shape[1]] = (strip[chosen] * 2 - 1).permute(0, 3, 1, 2).half()
    return canvas
