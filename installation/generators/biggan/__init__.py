"""Controls in, a picture of a BigGAN out: a walk through chance and through classes that fade into each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from installation.generators import fitting, zspace
from installation.generators.biggan import network
from installation.generators.biggan.fast import Fast, layer_names
from installation.generators.classes import Classes
from installation.generators.gan import Knobs
from installation.settings import Bend

FARTHEST = 2.0  # deviations: the bound of a truncated normal z

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
) -> BigGAN:
    """Open a model. Raises WeightsError or SettingsError saying what to do; size is always the network's own."""
    return BigGAN.opened(read_model, settings, bends, device, seed)


class BigGAN(zspace.Drawn):
    """One network at play. Beside z a point keeps the class's embedding and the truncation, which its norms go by.

    What the network is handed is z, embedding, and the share of each of its tables of statistics.
    """

    cannot = frozenset({"generator.noise"})
    classes: Classes

    @staticmethod
    def count_classes(net: network.Generator) -> int:
        return net.config.num_classes

    def prepare(self) -> None:
        config = self.net.config
        self.size = (config.output_dim,) * 2
        self.layers = layer_names(config)
        self.set_out(self.net.generator.gen_z.weight[:, : config.z_dim], config.class_embed_dim + 1)
        self.fast = Fast(self.net, self.device, self.dtype)

    def draw(self, seed: int) -> Tensor:
        """A z of at most two deviations, drawn as pytorch-pretrained-biggan draws it: by the quantiles of chance."""
        from scipy.special import ndtr, ndtri

        low, high = ndtr(-FARTHEST), ndtr(FARTHEST)
        z = ndtri(low + zspace.chance(seed).uniform(size=self.z_dim) * (high - low))
        return torch.from_numpy(z).float()

    def tell(self, shares: dict[int, float], truncation: float) -> Tensor:
        """The embedding of classes by their shares, and the truncation."""
        embedded = sum(share * self.net.embeddings.weight[:, number] for number, share in shares.items())
        assert isinstance(embedded, Tensor)
        return torch.cat([embedded.cpu(), torch.tensor([min(max(truncation, 0.0), 1.0)])])

    def of_seed(self, seed: int, truncation: float = 1.0, klass: float | None = None) -> Tensor:
        """The point (1, D) of a seed, its truncation (0..1) with it; without a class, the knobs' one."""
        return super().of_seed(seed, min(max(truncation, 0.0), 1.0), klass)

    def point(self, knob: Knobs, turns: float) -> Tensor:
        """z, embedding and shares of statistics, (1, 2 * z_dim + n_stats)."""
        return super().point({**knob, "generator.truncation": min(knob["generator.truncation"], 1.0)}, turns)

    @property
    def class_width(self) -> int:
        return self.net.config.class_embed_dim

    def at_home(self, point: Tensor) -> Tensor:
        """A point (1, D) whose z is one that may be drawn."""
        return torch.cat([point[:, : self.z_dim].clamp(-FARTHEST, FARTHEST), point[:, self.z_dim :]], 1)

    def _told(self, point: Tensor, knob: Knobs, turns: float) -> Tensor:
        told = super()._told(point, knob, turns)
        truncations = [round(one, 6) for one in told[:, -1].tolist()]  # a hair beside a table, one takes the next
        shares = [network.shares_of(one, self.net.config.n_stats) for one in truncations]
        return torch.cat([told[:, :-1], torch.stack(shares)], 1)

    def textbook(self, point: Tensor, noise: str) -> Tensor:
        told = self.net.config.told
        return self.net(point[:, :told], point[:, told:])
