"""Controls in, a picture of a DCGAN out: a closed walk through chance, with bends in its layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from installation.generators import fitting, zspace
from installation.generators.dcgan import network
from installation.generators.dcgan.fast import Fast
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
    return DCGAN.opened(read_model, settings, bends, device, seed)


class DCGAN(zspace.Drawn):
    """One network at play, with or without classes."""

    cannot = frozenset({"generator.noise"})

    @staticmethod
    def count_classes(net: network.Generator) -> int:
        return net.config.classes

    def prepare(self) -> None:
        config = self.net.config
        self.size = config.sizes[-1][1], config.sizes[-1][0]
        self.layers = [
            (f"main.{number}", channels, size[0])
            for number, channels, size in zip(config.at, config.channels[1:], config.sizes, strict=True)
        ]
        first = self.net.layers()[0][0].get_parameter("weight")[: config.z_dim]
        self.set_out(first.flatten(1).T, config.classes)
        self.fast = Fast(self.net, self.device, self.dtype)

    def textbook(self, point: Tensor, noise: str) -> Tensor:
        return self.net(point)
