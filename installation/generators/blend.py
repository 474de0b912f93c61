"""Two StyleGAN2 of one shape in, pictures of a third out: zone by zone between the one's layers and the other's, live.

Pinkney and Adler 2020: a network that was trained on from another keeps its layers' meanings, so that coarse layers
of faces paint with the fine layers of flowers. What maps z to w, and the walk, are the first model's.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from installation.generators import stylegan2
from installation.generators.gan import Knobs
from installation.generators.places import in_zone
from installation.generators.stylegan2 import network
from installation.generators.stylegan2.fast import convs
from installation.settings import Bend, SettingsError
from installation.signals import Knob

ZONES = ("coarse", "middle", "fine")


@dataclass(frozen=True)
class Settings(stylegan2.Settings):
    """model and second: two StyleGAN2 of one shape; coarse, middle, fine: where the second's shares rest, 0..1."""

    second: str = "bloom"
    coarse: float = 0.0
    middle: float = 0.0
    fine: float = 1.0


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Blend:
    """Open both. Raises WeightsError or SettingsError saying what to do; size is always the network's own."""
    (config, first, rest), (_, second, other) = (
        stylegan2.open_model(name) for name in (settings.model, settings.second)
    )
    check_alike(first, second)
    settings = stylegan2.as_it_says(settings, config)
    anchors, sha256, rim_px = rest
    sha256 = hashlib.sha256(f"{sha256} {other[1]}".encode()).hexdigest()
    generator = Blend(first, second, settings, bends, device, seed, anchors, sha256, rim_px)
    generator.set_defaults(config.get("knobs", {}))
    return generator


class Blend(stylegan2.StyleGAN2):
    """A StyleGAN2 whose weights lie between two others'; they are mixed anew only when a share has changed."""

    def __init__(
        self,
        first: network.Generator,
        second: network.Generator,
        settings: Settings,
        bends: Sequence[Bend] = (),
        device: str = "auto",
        seed: int = 0,
        anchors: Tensor | None = None,
        weights_sha256: str = "",
        rim_px: int = 0,
    ) -> None:
        self.ends = first, second
        net, half = copy.deepcopy(first), dict.fromkeys(ZONES, 0.5)
        mix(net, first, second, half)  # so that every layer that has noise in one of them has a place for it
        super().__init__(net, settings, bends, device, seed, anchors, weights_sha256, rim_px)
        self._shares: Mapping[str, float] = half
        rest = {zone: float(getattr(settings, zone)) for zone in ZONES}
        if not all(0 <= share <= 1 for share in rest.values()):
            raise SettingsError(f"generator: the shares of a blend are 0..1, found {rest}")
        about = "share of the second model in the {} layers"
        knobs = [Knob(f"generator.blend.{zone}", 0.0, 1.0, share, about.format(zone)) for zone, share in rest.items()]
        self.knobs |= {knob.name: knob for knob in knobs}

    def tune(self, knob: Knobs) -> None:
        """Mix the zones whose shares have changed, and the noise."""
        shares = {zone: knob[f"generator.blend.{zone}"] for zone in ZONES}
        if changed := [zone for zone in ZONES if shares[zone] != self._shares[zone]]:
            names = mix(self.net, *self.ends, shares, changed)
            self.synthesis.refresh(self.net.synthesis, names)
            self.grain.read()
            self._shares = shares
        super().tune(knob)


def check_alike(first: network.Generator, second: network.Generator) -> None:
    """Whether the synthesis of both has the same shape. Raises SettingsError naming what differs."""
    shapes = [{n: tuple(t.shape) for n, t in net.synthesis.state_dict().items()} for net in (first, second)]
    for name in sorted(shapes[0].keys() | shapes[1].keys()):
        if (one := shapes[0].get(name)) != (other := shapes[1].get(name)):
            raise SettingsError(f"these two cannot be blended: {name} is {one} in the first and {other} in the second")


@torch.no_grad()
def mix(
    net: network.Generator,
    first: network.Generator,
    second: network.Generator,
    shares: Mapping[str, float],
    zones: Iterable[str] = ZONES,
) -> set[str]:
    """Give the layers of these zones weights between both networks'; the names of the layers."""
    rows, names = net.config.num_ws, set()
    parts = zip(*(convs(one.synthesis) for one in (net, first, second)), strict=True)
    for (row, name, mixed), (_, _, one), (_, _, other) in parts:
        zone = next(zone for zone in ZONES if bool(in_zone(zone, rows)[row]))
        if zone in zones:
            names.add(name)
            _lerp(mixed.state_dict(), one.state_dict(), other.state_dict(), shares[zone])
    if "coarse" in zones:
        mixed, one, other = (n.synthesis.get_submodule("b4").get_parameter("const") for n in (net, first, second))
        _lerp({"": mixed}, {"": one}, {"": other}, shares["coarse"])
    return names


def _lerp(mixed: Mapping[str, Tensor], one: Mapping[str, Tensor], other: Mapping[str, Tensor], share: float) -> None:
    for name, tensor in mixed.items():
        tensor.copy_(torch.lerp(one[name], other[name], share))
