"""Strokes by chance and several classifiers in; strokes that all of them take for one thing out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation.networks.adam import Adam
from installation.networks.efficientnet import VERSIONS
from installation.networks.eyes import CLASS, LITES, look_through
from installation.pen import Colour
from installation.stages.drawing.strokes import Strokes, paint, throw

DRAWN_PX = 112  # at which strokes are painted while they move
SOFT = (0.020, 0.005)  # of their edges, at first and in the end
RATES = {"points": 0.016, "wide": 0.08, "inks": 0.05}
SEEN_PX = 224
VIEWS = 1  # of each picture at each step
TURN_DEG, SCALES, SHIFT = 8.0, (0.85, 1.1), 0.06  # a drawing shall be seen however it hangs
INSIDE = (0.06, 0.94)  # where strokes shall stay


@dataclass(frozen=True)
class Judge:
    """A classifier: its name, its logits of pictures (B, 3, S, S) and the side it was trained at."""

    name: str
    look: Callable[[Tensor], Tensor]
    side_px: int

    def score(self, pictures: Tensor, category: int) -> float:
        """How sure it is of the class, 0..1, of one picture (1, 3, H, W)."""
        with torch.inference_mode():
            small = F.interpolate(pictures, (self.side_px,) * 2, mode="bilinear", antialias=True, align_corners=False)
            return float(self.look(small).softmax(1)[0, category])


def open_judges(nets: Sequence[str], device: str) -> list[Judge]:
    """Raises weights.WeightsError for a net whose weights are not there."""
    judges = []
    for net in nets:
        look = look_through(net, (CLASS,), device)
        side = VERSIONS[LITES[net]][2] if net in LITES else SEEN_PX
        judges.append(Judge(net, lambda pictures, look=look: look(pictures)[CLASS], side))  # type: ignore[misc]
    return judges


def agree(
    judges: Sequence[Judge],
    category: int,
    begin: Callable[[int], Strokes],
    paper: Colour,
    steps: int,
    tries: int,
    chance: np.random.Generator,
    step_done: Callable[[float, Strokes], object],
) -> Strokes:
    """The beginning that the judges like best of several, moved for all steps; begin(number) throws one."""
    liked = [_like(judges, category, begin(number), paper) for number in range(tries)]
    strokes = begin(int(np.argmax(liked)))
    groups = [{"params": [getattr(strokes, name)], "lr": rate} for name, rate in RATES.items()]
    moving = Adam(groups, betas=(0.8, 0.98))
    for step in range(steps):
        part = step / max(steps - 1, 1)
        for group, rate in zip(moving.param_groups, RATES.values(), strict=True):
            group["lr"] = rate * (0.1 + 0.9 * math.cos(part * math.pi / 2) ** 2)
        picture = paint(strokes, paper, DRAWN_PX, SOFT[0] * (SOFT[1] / SOFT[0]) ** part)
        loss = _disbelief(judges, category, picture, paper, chance) + _outside(strokes)
        moving.zero_grad()
        loss.backward()
        moving.step()
        if step % 10 == 9:
            step_done((step + 1) / steps, strokes)
    return strokes


def _like(judges: Sequence[Judge], category: int, strokes: Strokes, paper: Colour) -> float:
    """How near judges come to the class: the mean of their logarithms."""
    with torch.inference_mode():
        picture = paint(strokes, paper, DRAWN_PX, SOFT[1])
    return float(np.mean([math.log(max(judge.score(picture, category), 1e-9)) for judge in judges]))


def _disbelief(
    judges: Sequence[Judge], category: int, picture: Tensor, paper: Colour, chance: np.random.Generator
) -> Tensor:
    """How far the judges are from the class: the mean of their cross entropies, in nats."""
    total = picture.new_zeros(())
    wanted = torch.full((VIEWS,), category, device=picture.device)
    for judge in judges:
        total = total + F.cross_entropy(judge.look(_views(picture, judge.side_px, paper, chance)), wanted)
    return total / len(judges)


def _views(picture: Tensor, side_px: int, paper: Colour, chance: np.random.Generator) -> Tensor:
    """A picture (1, 3, H, W) as it hangs, a little turned, nearer or farther: (VIEWS, 3, side, side)."""
    matrices = []
    for _ in range(VIEWS):
        angle = math.radians(float(chance.uniform(-TURN_DEG, TURN_DEG)))
        zoom = 1 / float(chance.uniform(*SCALES))
        x, y = chance.uniform(-SHIFT, SHIFT, 2)
        cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
        matrices.append([[cos, -sin, x], [sin, cos, y]])
    grid = F.affine_grid(
        torch.tensor(matrices, dtype=torch.float32, device=picture.device),
        [VIEWS, 3, side_px, side_px],
        align_corners=False,
    )
    ground = torch.tensor(paper, device=picture.device)[None, :, None, None]
    seen = F.grid_sample((picture - ground).expand(VIEWS, -1, -1, -1), grid, align_corners=False)
    noise = torch.from_numpy(chance.normal(0, 0.01, tuple(seen.shape)).astype(np.float32))
    return (seen + ground + noise.to(seen.device)).clamp(0, 1)


def _outside(strokes: Strokes) -> Tensor:
    """A penalty on strokes that leave the sheet."""
    low, high = INSIDE
    return 20 * (F.relu(low - strokes.points).square().mean() + F.relu(strokes.points - high).square().mean())


def thrower(
    count: int,
    inks: list[Colour],
    widths: tuple[float, float],
    chances: Callable[[int], np.random.Generator],
    device: str,
) -> Callable[[int], Strokes]:
    """Beginnings by number."""
    return lambda number: throw(count, inks, widths, chances(number), device)
