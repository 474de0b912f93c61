"""A mapping network and stations in, styles of a class out: what the StyleGANs share, of which z becomes w first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from installation import weights
from installation.generators.classes import Classes
from installation.generators.gan import Gan, Knobs
from installation.generators.latent import STEERED, Latent, main_directions
from installation.settings import SettingsError
from installation.signals import Knob

SAMPLES = 1024  # styles from which the main directions are found when a model ships no anchors
LEAST = 4  # stations of a walk


class Settings(Protocol):
    """What is asked of the walk."""

    @property
    def anchors(self) -> int: ...
    @property
    def stations(self) -> tuple[int | str, ...]: ...
    @property
    def classes(self) -> tuple[int | str, ...]: ...


class Mapped(Gan):
    """One network at play whose points are styles: a w for each layer, in a conditional network one of a class.

    The walk passes the same stations in every class, each class' own ones: what z becomes in it, or the anchors that a
    model ships for it. Between two classes a z is told both labels by their shares; of two anchors it is the w between.
    """

    net: Any

    def set_out(
        self, settings: Settings, anchors: Tensor | None, names: Sequence[str], source: torch.Generator
    ) -> None:
        """Lay the walk. anchors (K, w_dim), or (classes, K, w_dim); names: of the classes; source: of the stations.

        Raises SettingsError for what the network does not have.
        """
        if settings.anchors < LEAST:
            raise SettingsError(f"generator: anchors must be at least {LEAST}, found {settings.anchors}")
        config = self.net.config
        if settings.classes and not config.classes:
            raise SettingsError(f"this model has no classes, found classes {list(settings.classes)}")
        self.z_dim = config.z_dim
        self.classes = Classes(config.classes, settings.classes, names) if config.classes else None
        z = torch.randn(SAMPLES if anchors is None else 0, config.z_dim, generator=source)
        styles, average = self._styles(anchors, z)
        found = None
        if anchors is not None and anchors.ndim == 3:
            found = main_directions(anchors.float().flatten(0, 1) - average, len(STEERED))
        wanted = settings.anchors, source, settings.stations
        self.latent = Latent(styles, average, config.num_ws, *wanted, directions=found)
        stations = self.latent.stations
        self._z = z[stations] if len(z) else z
        self._own = anchors[:, stations].float() if anchors is not None and anchors.ndim == 3 else None
        self._shares_now: dict[int, float] = {0: 1.0}

    @property
    def class_knobs(self) -> tuple[Knob, ...]:
        """Those by which a class is chosen, where there is a choice."""
        return self.classes.knobs if self.classes and self.classes.count > 1 else ()

    @torch.inference_mode()
    def _styles(self, anchors: Tensor | None, z: Tensor) -> tuple[Tensor, Tensor]:
        """Styles (K, w_dim) that the walk may pass through, and their average: a model's own, or those of z."""
        if anchors is not None:
            own = anchors.float()
            return own if own.ndim == 2 else own[0], own.flatten(0, -2).mean(0)
        styles = self.net.mapping(z)
        average = self.net.mapping.w_avg.float()
        return styles, average if bool(average.any()) else styles.mean(0)

    def follow_class(self, knob: Knobs, turns: float) -> None:
        """Lead the walk through the stations of the class, or of the two classes, that the knobs say."""
        if self.classes is None or (shares := self.classes.shares(knob, turns)) == self._shares_now:
            return
        self._shares_now = shares
        if self._own is not None:
            parts = [self._own[number] * share for number, share in shares.items()]
            self.latent.restyle(torch.stack(parts).sum(0))
        elif len(self._z):
            self.latent.restyle(self.mapped(self._z, shares))

    @torch.inference_mode()
    def mapped(self, z: Tensor, shares: Mapping[int, float], truncation: float = 1.0) -> Tensor:
        """w (N, w_dim) of z (N, z_dim), of classes by their shares."""
        label = self.classes.told(shares)[None] if self.classes else None
        return self.net.mapping(z, truncation, label)

    def of_z(self, z: Tensor, truncation: float = 1.0, klass: float | None = None) -> Tensor:
        """Styles (num_ws, w_dim) of z (1, z_dim)."""
        shares = self.classes.between(klass or 0.0) if self.classes else {}
        return self.net.broadcast(self.mapped(z, shares, truncation))[0]

    @torch.inference_mode()
    def samples(self, count: int, seed: int = 0, everywhere: bool = False) -> Tensor:
        """As many w by chance, of the first class or of every one, (count, w_dim)."""
        if everywhere and self.class_count:
            return super().samples(count, seed, everywhere)
        z = torch.from_numpy(np.random.RandomState(seed).randn(count, self.z_dim)).float()
        return torch.cat([self.mapped(part, {0: 1.0}) for part in z.split(1000)])


def check_anchors(anchors: Tensor | None, w_dim: int, classes: int, path: Path) -> None:
    """Raises WeightsError for anchors that fit no walk: expected (K, w_dim), or (classes, K, w_dim) of as many."""
    if anchors is None:
        return
    shape = tuple(anchors.shape)
    whole = len(shape) == 2 or (len(shape) == 3 and shape[0] == classes)
    if not whole or shape[-2] < LEAST or shape[-1] != w_dim:
        raise weights.WeightsError(f"{path}: anchors of {shape} where ({LEAST} or more, {w_dim}) belongs")
