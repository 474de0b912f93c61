"""Controls in, a picture of a lightweight-gan out: a closed walk through chance, with bends in its layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from installation.generators import fitting, zspace
from installation.generators.lightweight import network
from installation.generators.lightweight.fast import Fast, layer_names
from installation.settings import Bend

read_model = partial(fitting.read, network.NetworkConfig, network.Generator)  # of a card and its file


@dataclass(frozen=True)
class Settings(zspace.Settings):
    """As of every network that paints from chance."""


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Lightweight:
    """Open a model. Raises WeightsError or SettingsError saying what to do; size is always the network's own."""
    return Lightweight.opened(read_model, settings, bends, device, seed)


class Lightweight(zspace.Noisy):
    """One network at play; its noise is frozen, the same in every show, and as strong as the knob says."""

    def prepare(self) -> None:
        self.size = (self.net.config.image_size,) * 2
        self.layers = layer_names(self.net)
        self.set_out(self.net.state_dict()["initial_conv.0.weight"].flatten(1).T)
        self.fast = Fast(self.net, self.device, self.dtype)

    def textbook(self, point: Tensor, noise: str) -> Tensor:
        return self.net(point, noise) * 2 - 1
