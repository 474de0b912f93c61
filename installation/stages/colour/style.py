"""Features of pictures in, their style as statistics out, and the pull of one style on the features of a picture.

What a layer of VGG sees in a picture is taken as one cloud of features, wherever they lie: its mean and covariance are
the style. The distance of two clouds is Wasserstein-2 between Gaussians; the pull is its gradient.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from installation import pictures

LAYERS = ("1_1", "2_1", "3_1", "4_1", "5_1")
LEAST_EIGENVALUE = 6e-5  # beside the largest; what is smaller is noise
ROOT_ROUNDS = 12  # of Newton-Schulz: 2.25^-12 is as small
RIDGE = 1e-6
Sums = dict[str, tuple[Tensor, Tensor, Tensor]]  # by layer: weight (), features (C,), their products (C, C)
Moments = dict[str, tuple[Tensor, Tensor]]  # by layer: mean (C,), second moment about zero (C, C)
Pull = dict[str, tuple[Tensor, Tensor]]  # by layer: constant (C,) and matrix (C, C) of the gradient of each feature


@dataclass(frozen=True)
class Reference:
    """A style picture and how much it counts beside the others, together 1."""

    path: Path
    weight: float


def parse_references(styles: Sequence[str]) -> list[Reference]:
    """("scream.jpg:0.6", "wreck.jpg") -> references, weights made to sum to 1; a weight that is not given is 1.

    Raises PictureError naming a picture that is not there, ValueError for a weight below zero.
    """
    found = [_parse(text) for text in styles]
    total = sum(reference.weight for reference in found)
    if found and total <= 0:
        raise ValueError(f"styles {list(styles)}: expected at least one weight above 0")
    return [Reference(r.path, r.weight / total) for r in found if r.weight > 0]


def _parse(text: str) -> Reference:
    path, share = pictures.split_weight(text)
    if not Path(path).is_file():
        raise pictures.PictureError(f"{path}: no such style picture; expected PICTURE or PICTURE:WEIGHT")
    return Reference(Path(path), share)


def add_up(features: Mapping[str, Tensor], where: Mapping[str, Tensor]) -> Sums:
    """Features (1, C, h, w) and how much each place counts (1, 1, h, w) -> sums that add up over tiles."""
    sums: Sums = {}
    for layer, weight in where.items():
        flat = features[layer].float().flatten(2)[0]  # (C, N)
        weighted = flat * weight.flatten()
        sums[layer] = weight.sum(), weighted.sum(1), weighted @ flat.T
    return sums


def moments(parts: Iterable[Sums]) -> Moments:
    """Sums over tiles -> moments of the whole."""
    parts = list(parts)
    whole: Moments = {}
    for layer in parts[0]:
        weight, first, second = (sum((part[layer][i] for part in parts[1:]), parts[0][layer][i]) for i in range(3))
        whole[layer] = first / (weight + 1e-6), second / (weight + 1e-6)
    return whole


def blend(styles: Sequence[tuple[float, Moments]]) -> Moments:
    """Several styles as one: the moments of their pictures laid side by side, each with its weight as its area."""
    blended: Moments = {}
    for layer in styles[0][1]:
        first, second = (torch.stack([w * m[layer][i] for w, m in styles]).sum(0) for i in range(2))
        blended[layer] = first, second
    return blended


class Style:
    """What a picture's features should be distributed like, and how far off and where to others are."""

    def __init__(self, wanted: Moments, weights: Mapping[str, float]) -> None:
        self.means = {layer: mean for layer, (mean, _) in wanted.items()}
        covariances = {layer: covariance(*pair) for layer, pair in wanted.items()}
        self.roots = {layer: roots(matrix)[0] for layer, matrix in covariances.items()}
        self.traces = {layer: matrix.trace() for layer, matrix in covariances.items()}
        # A layer's distance is relative to how large its features are, so that weights say what they seem to say.
        self.weights = {layer: weights[layer] / second.trace() for layer, (_, second) in wanted.items()}

    def pull(self, found: Moments) -> Pull:
        """The gradient of the distance at features f of weight 1: constant + matrix f, by layer.

        With T the matrix that moves one Gaussian onto the other (Dowson and Landau 1982), it is
        2 (T m - wanted m) + 2 (1 - T) f.
        """
        pulls: Pull = {}
        for layer, (mean, second) in found.items():
            root, weight = self.roots[layer], 2 * self.weights[layer]
            _, inverse = roots(root @ covariance(mean, second) @ root)
            transport = root @ inverse @ root
            unit = torch.eye(len(mean), device=mean.device)
            pulls[layer] = weight * (transport @ mean - self.means[layer]), weight * (unit - transport)
        return pulls

    def distance(self, found: Moments) -> Tensor:
        """The weighted sum over layers of the squared Wasserstein-2 distance."""
        total = torch.zeros(())
        for layer, (mean, second) in found.items():
            root, matrix = self.roots[layer], covariance(mean, second)
            common = roots(root @ matrix @ root)[0].trace()
            spread = (matrix.trace() + self.traces[layer] - 2 * common).clamp(min=0)
            total = total.to(mean.device) + self.weights[layer] * ((mean - self.means[layer]).square().sum() + spread)
        return total


def covariance(mean: Tensor, second: Tensor) -> Tensor:
    """Mean and second moment about zero -> covariance, of a plain picture too: rounding must not make it negative."""
    ridge = (second.trace() * RIDGE + 1e-12) * torch.eye(len(mean), device=mean.device, dtype=mean.dtype)
    return second - torch.outer(mean, mean) + ridge


def roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Square root of a positive semi-definite matrix and the root's inverse, damped where eigenvalues are but noise."""
    if matrix.device.type == "cpu":
        with contextlib.suppress(torch.linalg.LinAlgError):  # rare, and the other way knows no such thing
            return roots_by_eigenvalues(matrix)
    return roots_by_products(matrix)


def roots_by_eigenvalues(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """In double precision: the faster way on a CPU; single precision sometimes does not converge."""
    values, vectors = torch.linalg.eigh(((matrix + matrix.T) / 2).double())
    values = values.clamp(min=float(values[-1]) * LEAST_EIGENVALUE + 1e-12).sqrt()
    root, inverse = (vectors * values) @ vectors.T, (vectors / values) @ vectors.T
    return root.to(matrix.dtype), inverse.to(matrix.dtype)


def roots_by_products(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """By Newton-Schulz iteration (Higham 2008, 6.35): nothing here waits for the graphics card."""
    size = matrix.norm() + 1e-12
    unit = torch.eye(len(matrix), device=matrix.device)
    root, inverse = (matrix + matrix.T) / (2 * size), unit
    for _ in range(ROOT_ROUNDS):
        step = 1.5 * unit - 0.5 * inverse @ root
        root, inverse = root @ step, step @ inverse
    return root * size.sqrt(), inverse / size.sqrt()
