"""Anchors in a latent space and a place on the lap in, a latent point out: one smooth closed curve through them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from installation.signals import Knob

if TYPE_CHECKING:
    import torch

KNOBS = (
    Knob("generator.speed", 0.0, 12.0, 1.0, "laps a minute of the closed walk through the latent space"),
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


def weights_at(turns: float, count: int) -> tuple[list[int], list[float]]:
    """Indices and weights of the four anchors that make the point at `turns` (1.0 = once around), Catmull-Rom."""
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


def point_at(anchors: torch.Tensor, turns: float) -> torch.Tensor:
    """The point of shape (D,) at `turns` on the closed walk through anchors [shape=(K, D), in walking order].

    A weighted mean of independent points is shorter than they are; the point is scaled back to the typical length of
    its four neighbours, so that pictures between anchors are as strong as the anchors' own.
    """
    index, weights = weights_at(turns, len(anchors))
    near = anchors[index]
    point = (near * near.new_tensor(weights)[:, None]).sum(0)
    length = (near.norm(dim=1) * near.new_tensor(weights)).sum()
    return point * (length / point.norm().clamp(min=1e-6)).clamp(1.0, 1.6)
