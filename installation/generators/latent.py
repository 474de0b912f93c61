"""Knobs and a place on the walk in, a point of a latent space for every row out: the walk, vectors, steering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from installation.generators import walk
from installation.generators.places import Places
from installation.settings import SettingsError

STEER = 1.5  # standard deviations at full steering
STEERED = ("generator.x", "generator.y", "generator.z", "generator.kick")


class Latent(Places):
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
        stations: Sequence[int | str] = (),
        directions: Tensor | None = None,
    ) -> None:
        """styles [shape=(K, D)], float32: good points; the walk goes through `count` of them, drawn by `source`, or
        through the chosen `stations`; where some of those are names, it waits in `asked` until it is led through them.
        average (D,): what truncation leads to. directions (up to 4, D): where steering leads, each one deviation long;
        without, the styles' main ones. Raises SettingsError for a station that is not there."""
        if len(styles) < 4:
            raise ValueError(f"a walk needs at least 4 anchors, found {len(styles)}")
        super().__init__(rows)
        self.average, self.styles = average, styles
        self.asked = tuple(stations) if any(isinstance(one, str) for one in stations) else ()
        numbers = [one for one in stations if isinstance(one, int) and not self.asked]
        self.stations = self._stations(len(styles), count, source, numbers)  # which of the styles the walk passes
        self.walk = walk.Walk(styles[self.stations] - self.average)
        self.directions = main_directions(styles - self.average, len(STEERED)) if directions is None else directions
        self.led = False

    def restyle(self, stations: Tensor) -> None:
        """Lead the walk through other points (count, D) in the old order: the same stations, of another class.

        A walk that was led through points of a show's own stays there.
        """
        if not self.led:
            self.walk = walk.Walk(stations - self.average, self.walk.order)

    def lead(self, stations: Tensor) -> None:
        """Lead the walk through points of a show's own (K, rows, D), K at least 4, from now on."""
        self.led = True
        self.walk = walk.Walk((stations - self.average).flatten(1))

    @staticmethod
    def _stations(there: int, count: int, source: torch.Generator, chosen: Sequence[int]) -> list[int]:
        if not chosen:
            return torch.randperm(there, generator=source)[: max(4, count)].tolist()
        if len(set(chosen)) < 4 or not all(0 <= number < there for number in chosen):
            raise SettingsError(
                f"generator: stations: expected 4 or more different numbers 0..{there - 1}, found {chosen}"
            )
        return list(dict.fromkeys(chosen))

    def at(self, knob: Mapping[str, float], turns: float) -> Tensor:
        """The point of one picture, (rows, D) float32 on the CPU: coarse rows first."""
        here = self._point(knob, turns).expand(self.rows, -1)
        mix = knob["generator.mix"]
        if mix > 0:
            there = self._point(knob, turns + 0.5)
            fine = (torch.arange(self.rows) >= self.rows // 2).float()[:, None] * mix
            here = torch.lerp(here, there.expand_as(here), fine)
        here = self.drawn(here, knob)
        steps = torch.tensor([STEER * knob[name] for name in STEERED[: len(self.directions)]])
        return self.pushed(here + steps @ self.directions, knob)

    def _point(self, knob: Mapping[str, float], turns: float) -> Tensor:
        """One station or what is between two, drawn towards the average by truncation (psi); steering comes later."""
        away = self.walk.at(turns, knob["generator.dwell"]).view(-1, len(self.average))  # one row, or all of them
        return self.average + away * knob["generator.truncation"]


def main_directions(styles: Tensor, count: int) -> Tensor:
    """Principal components [shape=(count, D)] of styles [shape=(N, D)], each as long as one deviation.

    Fewer come back when the styles span fewer.
    """
    centred = (styles - styles.mean(0)).double()  # so that near-equal directions do not swap on another machine
    spread, directions = torch.linalg.eigh(centred.T @ centred / max(1, len(styles) - 1))  # the weakest first
    most = min(count, *centred.shape)
    deviation = spread.flip(0)[:most].clamp(min=0).sqrt()
    return _signed(directions.T.flip(0)[:most] * deviation[:, None])


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
