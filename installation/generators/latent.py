"""Knobs and a place on the walk in, a point of a latent space for every row out: the walk, vectors, steering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from installation.generators import walk
from installation.settings import SettingsError
from installation.signals import Knob

STEER = 1.5  # standard deviations at full steering
STEERED = ("generator.x", "generator.y", "generator.z", "generator.kick")
FARTHEST = 3.0  # standard deviations that a named direction leads to at either end of its knob
ZONES = {"coarse": (0.0, 1 / 3), "middle": (1 / 3, 2 / 3), "fine": (2 / 3, 1.0), "all": (0.0, 1.0)}


class Latent:
    """The closed walk of one model, points that may be faded to, and directions in which it may be steered.

    A point has `rows`: a network whose layers listen to vectors of their own has one for each, the coarse ones first;
    others have one row. Main directions: Härkönen et al. 2020, GANSpace.
    """

    def __init__(
        self,
        styles: Tensor,
        average: Tensor,
        rows: int,
        count: int,
        source: torch.Generator,
        stations: Sequence[int] = (),
        directions: Tensor | None = None,
    ) -> None:
        """styles [shape=(K, D)], float32: good points; the walk goes through `count` of them, drawn by `source`, or
        through the chosen `stations`. average (D,): what truncation leads to. directions (up to 4, D): where steering
        leads, each one deviation long; without, the styles' main ones. Raises SettingsError for a station that is not
        there."""
        if len(styles) < 4:
            raise ValueError(f"a walk needs at least 4 anchors, found {len(styles)}")
        self.average, self.rows = average, rows
        self.stations = self._stations(len(styles), count, source, stations)  # which of the styles the walk passes
        self.walk = walk.Walk(styles[self.stations] - self.average)
        self.directions = main_directions(styles - self.average, len(STEERED)) if directions is None else directions
        self.vectors: dict[str, Tensor] = {}
        self.named: dict[str, Tensor] = {}

    def restyle(self, stations: Tensor) -> None:
        """Lead the walk through other points (count, D) in the old order: the same stations, of another class."""
        self.walk = walk.Walk(stations - self.average, self.walk.order)

    @staticmethod
    def _stations(there: int, count: int, source: torch.Generator, chosen: Sequence[int]) -> list[int]:
        if not chosen:
            return torch.randperm(there, generator=source)[: max(4, count)].tolist()
        if len(set(chosen)) < 4 or not all(0 <= number < there for number in chosen):
            raise SettingsError(
                f"generator: stations: expected 4 or more different numbers 0..{there - 1}, found {chosen}"
            )
        return list(dict.fromkeys(chosen))

    def add_vector(self, name: str, point: Tensor) -> Knob:
        """A point (rows, D) or (D,) that the knob `generator.to.<name>` draws the walk to: 1 is there."""
        self.vectors[f"generator.to.{name}"] = point.float().expand(self.rows, -1)
        return Knob(
            f"generator.to.{name}", 0.0, 1.0, 0.0, f"how far the walk is drawn to the vector {name}: 1 is there"
        )

    def add_direction(self, name: str, direction: Tensor, zone: str = "all") -> Knob:
        """A direction (D,) or (rows, D), one standard deviation long, for the knob `generator.<name>`.

        zone: coarse | middle | fine | all, thirds of the rows (one row is in every zone).
        """
        low, high = ZONES[zone]
        row = (torch.arange(self.rows) + 0.5) / self.rows
        within = ((row >= low) & (row < high)).float()[:, None] if self.rows > 1 else torch.ones(1, 1)
        self.named[f"generator.{name}"] = direction.float().expand(self.rows, -1) * within
        about = f"along the direction {name}, in standard deviations"
        return Knob(f"generator.{name}", -FARTHEST, FARTHEST, 0.0, about)

    def at(self, knob: Mapping[str, float], turns: float) -> Tensor:
        """The point of one picture, (rows, D) float32 on the CPU: coarse rows first."""
        here = self._point(knob, turns).expand(self.rows, -1)
        mix = knob["generator.mix"]
        if mix > 0:
            there = self._point(knob, turns + 0.5)
            fine = (torch.arange(self.rows) >= self.rows // 2).float()[:, None] * mix
            here = torch.lerp(here, there.expand_as(here), fine)
        here = self._drawn(here, knob)
        steps = torch.tensor([STEER * knob[name] for name in STEERED[: len(self.directions)]])
        here = here + steps @ self.directions
        for name, direction in self.named.items():
            if amount := knob.get(name, 0.0):
                here = here + amount * direction
        return here

    def _point(self, knob: Mapping[str, float], turns: float) -> Tensor:
        """One station or what is between two, drawn towards the average by truncation (psi); steering comes later."""
        return self.average + self.walk.at(turns, knob["generator.dwell"]) * knob["generator.truncation"]

    def _drawn(self, here: Tensor, knob: Mapping[str, float]) -> Tensor:
        """Between the walk and the vectors, by their shares; shares that make more than 1 are shared out."""
        shares = {name: share for name in self.vectors if (share := knob.get(name, 0.0)) > 0}
        if not shares:
            return here
        total = sum(shares.values())
        there = sum((self.vectors[name] * (share / total) for name, share in shares.items()), torch.zeros(1))
        return torch.lerp(here, there, min(1.0, total))


def main_directions(styles: Tensor, count: int) -> Tensor:
    """Principal components [shape=(count, D)] of styles [shape=(N, D)], each as long as one deviation.

    Fewer come back when the styles span fewer.
    """
    centred = (styles - styles.mean(0)).double()  # so that near-equal directions do not swap on another machine
    _, strength, directions = torch.linalg.svd(centred, full_matrices=False)
    directions = directions[:count] * (strength[:count, None] / max(1, len(styles) - 1) ** 0.5)
    return _signed(directions)


def closed_form(weight: Tensor, count: int) -> Tensor:
    """Directions [shape=(count, D)], each of length 1, in which a first layer (F, D) answers most: the strongest first.

    Shen and Zhou 2021, SeFa: eigenvectors of the weights' own product. For a z of unit deviation in every direction,
    whose principal components would be chance.
    """
    product = weight.double().T @ weight.double()
    return _signed(torch.linalg.eigh(product).eigenvectors.T.flip(0)[:count])


def _signed(directions: Tensor) -> Tensor:
    """Directions (K, D) of which the largest coordinate is positive, so that left stays left on every machine."""
    largest = directions.abs().argmax(1)
    return (directions * directions[torch.arange(len(directions)), largest].sign()[:, None]).float()
