"""Controls in, a picture of a constrained autoencoder out: a closed walk through its middle, past what it made of the
pictures it was trained on, which leak into each other on the way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from installation.generators import fitting, zspace
from installation.generators.autoencoder import network
from installation.generators.autoencoder.fast import Fast
from installation.generators.gan import three_planes
from installation.settings import Bend

read_model = partial(fitting.read, network.NetworkConfig, network.Generator)  # of a card and its file


class Settings(zspace.Settings):
    """stations: numbers of the pictures it was trained on, in the order of their names; or vectors of the show."""


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Autoencoder:
    """Open a model. Raises WeightsError or SettingsError saying what to do; size is always the network's own."""
    return Autoencoder.opened(read_model, settings, bends, device, seed)


class Autoencoder(zspace.Drawn):
    """One network at play: a code of unit deviation in every direction, whose stations are what pictures became."""

    cannot = frozenset({"generator.noise"})

    def prepare(self) -> None:
        config = self.net.config
        self.size = config.size, config.size
        first = self.net.decoder.layers[0].get_parameter("weight") @ self.net.spread.T
        self.set_out(first, styles=self.net.codes)
        self.fast = Fast(self.net, self.device, self.dtype)
        self.layers = self.fast.places

    def paint(self, point: Tensor) -> Tensor:
        """A code (1, middle) -> picture (1, 3, S, S), -1..1."""
        x = self.fast(point, self.bends.apply if self.bends.attached else None, self.bends.places)
        return three_planes(x.float().clamp(-1, 1))

    def textbook(self, point: Tensor, noise: str) -> Tensor:
        return self.net(point)
