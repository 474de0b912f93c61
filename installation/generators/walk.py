"""Anchors in a latent space and a place on the lap in, a latent point out: one smooth closed curve through them all."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING

from installation.signals import Knob

if TYPE_CHECKING:
    import torch

KNOBS = (
    Knob("generator.speed", 0.0, 12.0, 0.5, "laps a minute of the closed walk through the latent space"),
    Knob(
        "generator.dwell",
        0.0,
        1.0,
        0.0,
        "how long the walk stays near its stations: 0 an even pace, 1 it rests at each",
    ),
    Knob("generator.truncation", 0.0, 1.5, 0.8, "psi: 0 the average picture, 1 the full variety"),
    Knob("generator.x", -1.0, 1.0, 0.0, "step along the first main direction of the latent space"),
    Knob("generator.y", -1.0, 1.0, 0.0, "step along the second main direction"),
    Knob("generator.z", -1.0, 1.0, 0.0, "step along the third main direction"),
    Knob("generator.kick", 0.0, 1.0, 0.0, "short push along the fourth main direction, for the beat"),
    Knob("generator.mix", 0.0, 1.0, 0.0, "style mixing: fine styles from the point half a lap away"),
    Knob("generator.noise", 0.0, 1.0, 1.0, "strength of the fine texture"),
)
"""What every generator offers, so that a show goes on when one generator stands in for another."""


def tour(anchors: torch.Tensor) -> list[int]:
    """Order anchors [shape=(K, D)] into a short closed tour: nearest neighbour, then 2-opt (Croes 1958)."""
    import torch

    far = torch.cdist(anchors.double(), anchors.double()).tolist()
    left, order = set(range(1, len(far))), [0]
    while left:
        here = far[order[-1]]
        order.append(min(left, key=lambda i: (here[i], i)))
        left.remove(order[-1])
    return _untangle(order, far)


def _untangle(order: list[int], far: Sequence[Sequence[float]]) -> list[int]:
    """Reverse stretches of the tour while that makes it shorter."""
    count, better = len(order), True
    while better:
        better = False
        for i in range(count - 1):
            for j in range(i + 2, count - (i == 0)):
                a, b, c, d = order[i], order[i + 1], order[j], order[(j + 1) % count]
                if far[a][c] + far[b][d] < far[a][b] + far[c][d] - 1e-9:
                    order[i + 1 : j + 1] = reversed(order[i + 1 : j + 1])
                    better = True
    return order


class Walk:
    """A closed curve through anchors, at an even pace: turns 0..1 is once around, and 1 is 0 again."""

    def __init__(self, anchors: torch.Tensor, order: Sequence[int] | None = None) -> None:
        """anchors [shape=(K, D)], K at least 4; the curve finds a short way through them, or goes in a given order."""
        self.order = list(order or tour(anchors))
        self.anchors = anchors[self.order]
        ahead = self.anchors.roll(-1, 0)
        self.gaps = (ahead - self.anchors).norm(dim=1).clamp(min=1e-6)  # from each anchor to the next
        speed = (ahead - self.anchors) / self.gaps[:, None]
        before, after = self.gaps.roll(1)[:, None], self.gaps[:, None]
        self.tangents = (speed.roll(1, 0) * after + speed * before) / (before + after)
        self.lengths = self.anchors.norm(dim=1)
        self.starts = [0.0, *(self.gaps.cumsum(0) / self.gaps.sum()).tolist()]

    def at(self, turns: float, dwell: float = 0.0) -> torch.Tensor:
        """The point of shape (D,): a cubic Hermite curve whose knots are as far apart as the anchors.

        Between two independent anchors a curve cuts through the middle, where pictures are dull; the point is scaled
        back to the length that its two anchors have.
        """
        place = turns % 1.0
        i = min(bisect.bisect_right(self.starts, place) - 1, len(self.gaps) - 1)
        j = (i + 1) % len(self.gaps)
        t = (place - self.starts[i]) / max(self.starts[i + 1] - self.starts[i], 1e-12)
        t = linger(t, dwell)
        gap = float(self.gaps[i])
        point = self.anchors[i] * (2 * t**3 - 3 * t**2 + 1) + self.anchors[j] * (3 * t**2 - 2 * t**3)
        point += self.tangents[i] * (gap * (t**3 - 2 * t**2 + t)) + self.tangents[j] * (gap * (t**3 - t**2))
        length = float(self.lengths[i] + (self.lengths[j] - self.lengths[i]) * (t * t * (3 - 2 * t)))
        return point * (length / max(float(point.norm()), 0.5 * length, 1e-6))


def linger(t: float, dwell: float) -> float:
    """A place 0..1 between two stations, drawn towards the nearer one; dwell 1 is Perlin's smootherstep."""
    return t + dwell * (t * t * t * (t * (6 * t - 15) + 10) - t)


def weights_at(turns: float, count: int) -> tuple[list[int], list[float]]:
    """Indices and Catmull-Rom weights of the four of `count` stations around the place at `turns`."""
    place = (turns % 1.0) * count
    first = int(place) % count
    t = place - int(place)
    weights = [
        0.5 * (-t + 2 * t**2 - t**3),
        0.5 * (2 - 5 * t**2 + 3 * t**3),
        0.5 * (t + 4 * t**2 - 3 * t**3),
        0.5 * (-(t**2) + t**3),
    ]
    return [(first + i) % count for i in (-1, 0, 1, 2)], weights
