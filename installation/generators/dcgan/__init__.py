"""Controls in, a picture of a DCGAN out: a closed walk through chance, with bends in its layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from installation.generators import fitting, zspace
from installation.generators.classes import Classes, names_beside
from installation.generators.dcgan import network
from installation.generators.dcgan.fast import Fast
from installation.generators.gan import three_planes
from installation.settings import Bend

read_model = partial(fitting.read, network.NetworkConfig, network.Generator)  # of a card and its file


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

    def play(net: network.Generator, sha256: str, folder: Path) -> DCGAN:
        names = names_beside(folder, net.config.classes)
        return DCGAN(net, settings, bends, device, seed, sha256, names)

    return zspace.open_model(settings.model, read_model, play)


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
        return self.classes.told(shares) if self.classes else torch.zeros(0)

    def paint(self, point: Tensor) -> Tensor:
        """z and classes (1, z_dim + classes) -> picture (1, 3, H, W), -1..1."""
        x = self.fast(point, self.bends.apply if self.bends.attached else None)
        return three_planes(x.float().clamp(-1, 1))

    def textbook(self, point: Tensor, noise: str) -> Tensor:
        return self.net(point)
