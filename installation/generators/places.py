"""Points and directions by name in, and a point of a latent space; the same point led to the ones, along the others,
as far as their knobs say, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from installation.generators import walk
from installation.signals import Knob

FARTHEST = 3.0  # standard deviations that a named direction leads to at either end of its knob
ZONES = {"coarse": (0.0, 1 / 3), "middle": (1 / 3, 2 / 3), "fine": (2 / 3, 1.0), "all": (0.0, 1.0)}
TIME_S, TURNS = "clock.time_s", "clock.turns"  # beside the knobs of a picture: when it is, where on the walk
NOWHERE = "; this generator has nothing there"


@dataclass(frozen=True, eq=False)
class Keyframes:
    """A closed curve through points (K, rows, D), at each after an even share of `seconds`; then it begins anew.

    loop leads from the last point straight to the first; without, the same way back.
    """

    points: Tensor
    seconds: float
    loop: bool = True

    def at(self, knob: Mapping[str, float]) -> Tensor:
        """The point (rows, D) of an instant."""
        time_s = knob.get(TIME_S, 0.0)
        back = [] if self.loop else list(range(len(self.points) - 2, 0, -1))
        order = [*range(len(self.points)), *back]
        index, weights = walk.weights_at(time_s / self.seconds, len(order))
        return torch.tensordot(torch.tensor(weights), self.points[[order[i] for i in index]], 1)


class Moving(Protocol):
    """A point that moves."""

    def at(self, knob: Mapping[str, float]) -> Tensor:
        """Where it is: (rows, D) or (1, D)."""


class Places:
    """What is known by name in a latent space whose points have `rows`, the coarse ones first."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.vectors: dict[str, Tensor | Moving] = {}
        self.named: dict[str, Tensor] = {}

    def add_vector(self, name: str, point: Tensor | Moving | None) -> Knob:
        """A point (rows, D) or (D,) that the knob `generator.to.<name>` draws the walk to: 1 is there.

        Keyframes and a map are points that move. None is a point that is not there: its knob moves nothing.
        """
        if point is not None:
            there = point.float().expand(self.rows, -1) if isinstance(point, Tensor) else point
            self.vectors[f"generator.to.{name}"] = there
        about = f"how far the walk is drawn to {name}: 1 is there{NOWHERE if point is None else ''}"
        return Knob(f"generator.to.{name}", 0.0, 1.0, 0.0, about)

    def add_direction(self, name: str, direction: Tensor | None, zone: str = "all") -> Knob:
        """A direction (D,) or (rows, D), one standard deviation long, for the knob `generator.<name>`.

        zone: coarse | middle | fine | all, thirds of the rows (one row is in every zone). None moves nothing.
        """
        if direction is not None:
            within = in_zone(zone, self.rows)[:, None].float()
            self.named[f"generator.{name}"] = direction.float().expand(self.rows, -1) * within
        about = f"along the direction {name}, in standard deviations{NOWHERE if direction is None else ''}"
        return Knob(f"generator.{name}", -FARTHEST, FARTHEST, 0.0, about)

    def drawn(self, here: Tensor, knob: Mapping[str, float]) -> Tensor:
        """Between a point (rows, D) and the vectors, by their shares; shares that make more than 1 are shared out."""
        shares = {name: share for name in self.vectors if (share := knob.get(name, 0.0)) > 0}
        if not shares:
            return here
        total = sum(shares.values())
        there = torch.zeros(1)
        for name, share in shares.items():
            place = self.vectors[name]
            point = place if isinstance(place, Tensor) else place.at(knob)
            there = there + point * (share / total)
        return torch.lerp(here, there, min(1.0, total))

    def pushed(self, here: Tensor, knob: Mapping[str, float]) -> Tensor:
        """A point (rows, D) moved along the named directions."""
        for name, direction in self.named.items():
            if amount := knob.get(name, 0.0):
                here = here + amount * direction
        return here


def in_zone(zone: str, rows: int) -> Tensor:
    """Which rows a zone has, (rows,) bool; a single row is in every zone."""
    low, high = ZONES[zone]
    share = (torch.arange(rows) + 0.5) / rows
    return (share >= low) & (share < high) if rows > 1 else torch.ones(1, dtype=torch.bool)
