"""Knobs and a place on the walk in, one w for every layer out: truncation, style mixing, main directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from installation.generators import walk
from installation.generators.stylegan2 import network
from installation.settings import SettingsError

SAMPLES = 1024  # styles from which the main directions are found when a model ships no anchors
STEER = 1.5  # standard deviations at full steering
STEERED = ("generator.x", "generator.y", "generator.z", "generator.kick")


class Latent:
    """The closed walk of one model, and the directions in which it may be steered (Härkönen et al. 2020, GANSpace)."""

    def __init__(
        self, net: network.Generator, anchors: Tensor | None, count: int, seed: int, stations: Sequence[int] = ()
    ) -> None:
        """anchors [shape=(K, w_dim)]: good codes that the model ships; the walk goes through `count` seeded ones,
        or through the chosen `stations`. Raises SettingsError for a station that is not there."""
        source = torch.Generator().manual_seed(seed)
        if anchors is None:
            with torch.inference_mode():
                styles = net.mapping(torch.randn(SAMPLES, net.config.z_dim, generator=source))
        else:
            styles = anchors.float()
        if len(styles) < 4:
            raise ValueError(f"a walk needs at least 4 anchors, found {len(styles)}")
        average = net.mapping.w_avg.float() if anchors is None else styles.mean(0)
        self.average = average if bool(average.any()) else styles.mean(0)
        self.walk = walk.Walk(styles[self._stations(len(styles), count, source, stations)] - self.average)
        self.directions = main_directions(styles - self.average, len(STEERED))
        self.num_ws = net.config.num_ws

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
        """Styles of one picture, (1, num_ws, w_dim) float32 on the CPU: coarse layers first."""
        here = self._point(knob, turns)
        ws = here.expand(self.num_ws, -1)
        mix = knob["generator.mix"]
        if mix > 0:
            there = self._point(knob, turns + 0.5)
            fine = (torch.arange(self.num_ws) >= self.num_ws // 2).float()[:, None] * mix
            ws = torch.lerp(ws, there.expand_as(ws), fine)
        return ws[None]

    def _point(self, knob: Mapping[str, float], turns: float) -> Tensor:
        """One w: truncation towards the average (psi), then the steering, which truncation must not weaken."""
        steps = torch.tensor([STEER * knob[name] for name in STEERED[: len(self.directions)]])
        return (
            self.average
            + self.walk.at(turns, knob["generator.dwell"]) * knob["generator.truncation"]
            + steps @ self.directions
        )


def main_directions(styles: Tensor, count: int) -> Tensor:
    """Principal components [shape=(count, w_dim)] of styles [shape=(N, w_dim)], each as long as one deviation.

    Fewer come back when the styles span fewer. The sign is fixed, so that left stays left on every machine.
    """
    centred = (styles - styles.mean(0)).double()  # so that near-equal directions do not swap on another machine
    _, strength, directions = torch.linalg.svd(centred, full_matrices=False)
    directions = directions[:count] * (strength[:count, None] / max(1, len(styles) - 1) ** 0.5)
    largest = directions.abs().argmax(1)
    return (directions * directions[torch.arange(len(directions)), largest].sign()[:, None]).float()
