"""Knobs and a place on the walk in, the frozen noise of every layer, changed in place, out: by zones, each with a
strength and a seed of its own, still or on a closed loop."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from installation.generators.places import TURNS, in_zone
from installation.generators.stylegan2.fast import Layer
from installation.signals import Knob

ZONES = ("coarse", "middle", "fine")
LOOPS = "generator.noise.loops"
KNOBS = (
    *(Knob(f"generator.noise.{z}", 0.0, 1.0, 1.0, f"strength of the {z} layers' noise") for z in ZONES),
    *(
        Knob(f"generator.noise.{z}_seed", 0.0, 9999.0, 0.0, f"the {z} layers' noise: 0 the model's own", "int")
        for z in ZONES
    ),
    Knob(LOOPS, 0.0, 8.0, 0.0, "how often the noise goes round a loop of its own in one lap of the walk", "int"),
)


class Grain:
    """The noise of one prepared network. A loop is a circle between two noises, so its strength never changes."""

    def __init__(self, layers: Sequence[Layer], rows: Sequence[int], count: int) -> None:
        """rows: which of `count` rows of a point each layer listens to: they decide its zone."""
        zones = [next(zone for zone in ZONES if bool(in_zone(zone, count)[row])) for row in rows]
        self._layers = [
            (i, layer, zone)
            for i, (layer, zone) in enumerate(zip(layers, zones, strict=True))
            if layer.noise is not None
        ]
        self._drawn: dict[tuple[int, int, int], Tensor] = {}
        self.read()

    def read(self) -> None:
        """Take what the layers have now for the model's own."""
        self._own = {i: layer.noise.clone() for i, layer, _ in self._layers if layer.noise is not None}
        self._now: dict[str, tuple[float, int, float]] = dict.fromkeys(ZONES, (1.0, 0, 0.0))
        self._drawn.clear()

    def set(self, knob: Mapping[str, float]) -> None:
        """Change the noise of those zones whose knobs, or whose place on the loop, have changed."""
        place = (round(knob[LOOPS]) * knob.get(TURNS, 0.0)) % 1.0
        for zone in ZONES:
            strength = knob["generator.noise"] * knob[f"generator.noise.{zone}"]
            wish = (strength, round(knob[f"generator.noise.{zone}_seed"]), place)
            if wish != self._now[zone]:
                self._now[zone] = wish
                for i, layer, own in self._layers:
                    if own == zone and layer.noise is not None:
                        layer.noise.copy_(self._noise(i, layer, wish[1], place) * strength)

    def _noise(self, i: int, layer: Layer, seed: int, place: float) -> Tensor:
        here = self._draw(i, layer, seed, 0)
        if not place:
            return here
        turn = 2 * math.pi * place
        return here * math.cos(turn) + self._draw(i, layer, seed, 1) * math.sin(turn)

    def _draw(self, i: int, layer: Layer, seed: int, way: int) -> Tensor:
        """Noise of a layer at full strength: the model's own, or what a seed draws; drawn once."""
        if not seed and not way:
            return self._own[i]
        if (key := (i, seed, way)) not in self._drawn:
            for old in [key for key in self._drawn if key[0] == i and key[1] != seed]:
                del self._drawn[old]
            source = torch.Generator().manual_seed((seed * 2 + way) * 1009 + i)
            assert layer.noise is not None and layer.strength is not None
            noise = torch.randn(layer.noise.shape, generator=source)
            self._drawn[key] = noise.to(layer.noise) * layer.strength
        return self._drawn[key]
