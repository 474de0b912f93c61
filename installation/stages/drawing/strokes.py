"""A few strokes of a brush in, the picture of them out, softly enough that it says how each stroke should move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from installation.pen import Colour, Layer, Stroke

PIECES = 14  # straight ones that a stroke is measured by


@dataclass
class Strokes:
    """Strokes as numbers that may be moved, all float32 tensors.

    points (S, 4, 2): cubic Béziers in a square of 0..1, x and y from the top left; wide (S,): 0 the least width, 1 the
    most, before a sigmoid; inks (I, 3): sRGB before a sigmoid; of (S,): which ink each is drawn in, the last on top.
    """

    points: Tensor
    wide: Tensor
    inks: Tensor
    of: Tensor
    widths: tuple[float, float]

    @property
    def free(self) -> list[Tensor]:
        """What may be moved."""
        return [self.points, self.wide, self.inks]

    def width(self) -> Tensor:
        """Of each stroke (S,), in parts of the square."""
        low, high = self.widths
        return low + (high - low) * torch.sigmoid(self.wide)

    def colour(self) -> Tensor:
        """Of each ink (I, 3), sRGB 0..1."""
        return torch.sigmoid(self.inks)


def throw(
    count: int, inks: list[Colour], widths: tuple[float, float], chance: np.random.Generator, device: str = "cpu"
) -> Strokes:
    """Strokes by chance, short ones over the middle, shared out over the inks; the first ink's lie below."""
    middle = chance.uniform(0.25, 0.75, (count, 1, 2))
    along = chance.normal(0, 0.16, (count, 1, 2)) * np.linspace(-1, 1, 4)[None, :, None]
    points = middle + along + chance.normal(0, 0.05, (count, 4, 2))
    of = np.sort(np.arange(count) % len(inks))
    colours = np.clip(np.array(inks), 0.02, 0.98)

    def free(values: np.ndarray) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device, requires_grad=True)

    return Strokes(
        free(points),
        free(chance.normal(-0.4, 0.7, count)),
        free(np.log(colours / (1 - colours))),
        torch.tensor(of, device=device),
        widths,
    )


def paint(strokes: Strokes, paper: Colour, side_px: int, soft: float) -> Tensor:
    """The picture (1, 3, side, side), sRGB 0..1; soft: how far an edge spreads, in parts of the square."""
    device = strokes.points.device
    t = torch.linspace(0, 1, PIECES + 1, device=device)[:, None]
    bernstein = torch.cat([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], 1)  # (K, 4)
    along = torch.einsum("kb,sbc->skc", bernstein, strokes.points)  # (S, K, 2)
    places = (torch.arange(side_px, device=device) + 0.5) / side_px
    grid = torch.stack(torch.meshgrid(places, places, indexing="xy"), -1).reshape(-1, 2)  # (P, 2)
    far = _distance(grid, along)  # (P, S)
    cover = torch.sigmoid((strokes.width() / 2 - far) / soft)
    colour = strokes.colour()[strokes.of]  # (S, 3)
    picture = torch.tensor(paper, device=device).expand(len(grid), 3)
    for number in range(len(colour)):
        picture = torch.lerp(picture, colour[number].expand_as(picture), cover[:, number, None])
    return picture.T.reshape(1, 3, side_px, side_px)


def _distance(places: Tensor, along: Tensor) -> Tensor:
    """How far places (P, 2) are from each line of straight pieces (S, K, 2): (P, S), never quite 0."""
    start = along[:, :-1].flatten(0, 1)  # (S (K - 1), 2)
    way = along[:, 1:].flatten(0, 1) - start
    length = way.square().sum(1).clamp(min=1e-8)
    ahead = places @ way.T - (start * way).sum(1)  # (P, S (K - 1))
    part = (ahead.detach() / length.detach()).clamp(0, 1)  # where on a piece one is nearest: there its change is none
    squares = places.square().sum(1, keepdim=True) + start.square().sum(1) - 2 * places @ start.T
    squares = squares - 2 * part * ahead + part * part * length
    return squares.view(len(places), len(along), -1).amin(2).clamp(min=1e-8).sqrt()


def to_layers(strokes: Strokes, corner_mm: tuple[float, float], side_mm: float) -> list[Layer]:
    """The same strokes for an SVG: a layer for each ink, in a square of that side at that corner."""
    points = strokes.points.detach().cpu().numpy() * side_mm + np.array(corner_mm)
    widths = strokes.width().detach().cpu().numpy() * side_mm
    layers = []
    for ink, colour in enumerate(strokes.colour().detach().cpu().tolist()):
        mine = [Stroke(points[i], float(widths[i]), curved=True) for i in torch.where(strokes.of == ink)[0].tolist()]
        layers.append(Layer(f"ink {ink + 1}", (colour[0], colour[1], colour[2]), mine))
    return layers
