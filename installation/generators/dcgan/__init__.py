"""Controls in, a picture of a DCGAN out: a closed walk through chance, with bends in its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from installation import weights
from installation.generators import fitting, zspace
from installation.generators.classes import Classes, names_beside
from installation.generators.dcgan import network
from installation.generators.dcgan.fast import Fast
from installation.generators.gan import three_planes
from installation.settings import Bend


@dataclass(frozen=True)
class Settings(zspace.Settings):
    """classes: the stations of the knob generator.class, by number or by name (classes.txt beside the model)."""

    classes: tuple[int | str, ...] = ()


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> DCGAN:
    """Open a model. Raises WeightsError or SettingsError saying what to do; size is always the network's own."""
    card, path = weights.open_model(settings.model)
    net = read_model(card, path)
    names = names_beside(weights.find(settings.model), net.config.classes)
    generator = DCGAN(net, settings, bends, device, seed, str(card.get("sha256", "")) or weights.digest(path), names)
    generator.set_defaults(card.get("knobs", {}))
    return generator


def read_model(card: Mapping[str, object], path: Path) -> network.Generator:
    """The network of a card and its file. Raises WeightsError naming what does not fit."""
    return fitting.read(network.NetworkConfig, network.Generator, card, path)


class DCGAN(zspace.FromZ):
    """One network at play, with or without classes."""

    cannot = frozenset({"generator.noise"})

    def __init__(
        self,
        net: network.Generator,
        settings: Settings,
        bends: Sequence[Bend] = (),
        device: str = "auto",
        seed: int = 0,
        weights_sha256: str = "",
        names: Sequence[str] = (),
    ) -> None:
        """names: those of the network's classes, in their order."""
        super().__init__(device, settings.dtype, seed, weights_sha256)
        self.net, config = net, net.config
        self.size = config.sizes[-1][1], config.sizes[-1][0]
        self.layers = [
            (f"main.{number}", channels, size[0])
            for number, channels, size in zip(config.at, config.channels[1:], config.sizes, strict=True)
        ]
        if config.classes:
            self.classes = Classes(config.classes, settings.classes, names)
        first = net.layers()[0][0].get_parameter("weight")[: config.z_dim]
        self.set_out(settings, first.flatten(1).T, config.classes)
        self.fast = Fast(net, self.device, self.dtype)
        self.attach(bends, self.classes.knobs if self.classes else ())

    def tell(self, shares: dict[int, float], truncation: float) -> Tensor:
        """Classes as shares of one."""
        told = torch.zeros(self.told)
        for number, share in shares.items():
            told[number] = share
        return told

    def paint(self, point: Tensor) -> Tensor:
        """z and classes (1, z_dim + classes) -> picture (1, 3, H, W), -1..1."""
        x = self.fast(point, self.bends.apply if self.bends.attached else None)
        return three_planes(x.float().clamp(-1, 1))

    def textbook(self, point: Tensor, noise: str) -> Tensor:
        return self.net(point)
