"""Controls in, a picture of a lightweight-gan out: a closed walk through chance, with bends in its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from installation import weights
from installation.generators import fitting, zspace
from installation.generators.lightweight import network
from installation.generators.lightweight.fast import Fast, layer_names
from installation.settings import Bend


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
    card, path = weights.open_model(settings.model)
    net = read_model(card, path)
    generator = Lightweight(net, settings, bends, device, seed, str(card.get("sha256", "")) or weights.digest(path))
    generator.set_defaults(card.get("knobs", {}))
    return generator


def read_model(card: Mapping[str, object], path: Path) -> network.Generator:
    """The network of a card and its file. Raises WeightsError naming what does not fit."""
    return fitting.read(network.NetworkConfig, network.Generator, card, path)


class Lightweight(zspace.Noisy):
    """One network at play; its noise is frozen, the same in every show, and as strong as the knob says."""

    def __init__(
        self,
        net: network.Generator,
        settings: Settings,
        bends: Sequence[Bend] = (),
        device: str = "auto",
        seed: int = 0,
        weights_sha256: str = "",
    ) -> None:
        super().__init__(device, settings.dtype, seed, weights_sha256)
        self.net, self.size = net, (net.config.image_size,) * 2
        self.layers = layer_names(net)
        self.set_out(settings, net.state_dict()["initial_conv.0.weight"].flatten(1).T)
        self.fast = Fast(net, self.device, self.dtype)
        self.attach(bends)

    def textbook(self, point: Tensor, noise: str) -> Tensor:
        return self.net(point, noise) * 2 - 1
