"""What pictures look like, as rows of numbers, in; a place in the plane for each, like beside like, out.

t-SNE (van der Maaten and Hinton 2008) with every pair worked out, which a few thousand rows allow: it needs no library
and gives the same plane every time.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

PERPLEXITY = 30.0  # about how many neighbours a row has
STEPS, EARLY = 500, 120  # the first ones pull neighbours together more than they push others apart
PULL = 12.0


def spread_out(rows: Tensor, watch: Callable[[int, int], None] | None = None) -> Tensor:
    """rows (N, F) -> places (N, 2), each coordinate 0..1."""
    near = _neighbourhood(rows)
    places = _first(rows)
    speed, gains = torch.zeros_like(places), torch.ones_like(places)
    rate = max(50.0, len(rows) / PULL)
    for step in range(STEPS):
        pull = PULL if step < EARLY else 1.0
        apart = torch.cdist(places, places).square_().add_(1.0).reciprocal_().fill_diagonal_(0.0)  # Student's t
        force = (near * pull - apart / apart.sum()).mul_(apart)  # (N, N)
        slope = 4.0 * (force.sum(1, keepdim=True) * places - force @ places)
        gains = torch.where(slope.sign() == speed.sign(), gains * 0.8, gains + 0.2).clamp_(min=0.01)
        speed = speed * (0.5 if step < EARLY else 0.8) - rate * gains * slope
        places = places + speed
        places = places - places.mean(0)
        if watch:
            watch(step + 1, STEPS)
    low, high = places.amin(0), places.amax(0)
    return (places - low) / (high - low).clamp_min(1e-12)


def tidied(places: Tensor) -> Tensor:
    """places (N, 2) -> a cell (N, 2) of the smallest square grid for each, int64, as near to its place as may be."""
    from scipy.optimize import linear_sum_assignment

    side = math.ceil(math.sqrt(len(places)))
    line = (torch.arange(side) + 0.5) / side
    cells = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)
    even = places.argsort(0).argsort(0).float().add(0.5) / len(places)  # as if they were spread evenly
    _, chosen = linear_sum_assignment(torch.cdist(even, cells).square().numpy())
    number = torch.from_numpy(np.asarray(chosen, np.int64))
    return torch.stack([number % side, number // side], 1)


def _first(rows: Tensor) -> Tensor:
    """The plane of the two main directions, small: (N, 2)."""
    centred = rows - rows.mean(0)
    u, strength, _ = torch.linalg.svd(centred, full_matrices=False)
    plane = u[:, :2] * strength[:2]
    plane = plane * plane[plane.abs().argmax(0), torch.arange(2)].sign()
    return plane / plane.std(0).clamp_min(1e-12) * 1e-2


def _neighbourhood(rows: Tensor) -> Tensor:
    """How near each pair is, (N, N), all together 1; how far "near" reaches is each row's own."""
    count = len(rows)
    square = torch.cdist(rows, rows).square()
    beta, wanted = torch.full((count, 1), 1.0) / square.mean(), math.log(min(PERPLEXITY, (count - 1) / 3))
    low, high = torch.zeros_like(beta), torch.full_like(beta, torch.inf)
    for _ in range(50):
        weight = (-(square - square.topk(2, largest=False).values[:, 1:]) * beta).exp_().fill_diagonal_(0.0)
        total = weight.sum(1, keepdim=True)
        share = weight / total
        entropy = -(share * share.clamp_min(1e-12).log()).sum(1, keepdim=True)
        wide = entropy > wanted
        low, high = torch.where(wide, beta, low), torch.where(wide, high, beta)
        beta = torch.where(high.isinf(), beta * 2, (low + high) / 2)
    return (share + share.T) / (2 * count)
