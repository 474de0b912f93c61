"""A z in, pictures out: what the networks share that paint straight from chance, without a space of styles.

A point of theirs is one row: z, then what else the network is told (a class), and whether the point itself says that or
leaves it to the knobs. Station and seed are one: station 23 of the walk is the z of seed 23.
"""

from __future__ import annotations

import threading
import zlib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation import weights
from installation.generators.classes import Classes, names_beside
from installation.generators.gan import Gan, Knobs, three_planes
from installation.generators.latent import STEERED, Latent, closed_form
from installation.settings import Bend, SettingsError

CLASSED = "z and class"
SEEDS = 1024  # of which the walk takes its stations
_OF_THREAD = threading.local()
ReadModel = Callable[[Mapping[str, Any], Path], nn.Module]  # of a card and its file


@dataclass(frozen=True)
class Settings:
    """model: a folder of models/ or a path; anchors: how many stations the walk has; stations: their seeds, 0..1023,
    or vectors of the show.

    dtype auto is float16 on CUDA, bfloat16 on a CPU that computes in it, else float32.
    """

    model: str
    anchors: int = 12
    stations: tuple[int | str, ...] = ()
    dtype: str = "auto"


def chance(seed: int) -> np.random.RandomState:
    """NumPy's RandomState(seed), to be drawn from at once: to make one takes forty times as long as to seed it anew."""
    if not hasattr(_OF_THREAD, "source"):
        _OF_THREAD.source = np.random.RandomState()
    source: np.random.RandomState = _OF_THREAD.source
    source.seed(seed)
    return source


class FromZ(Gan):
    """One network at play whose latent space is chance itself: z of unit deviation in every direction."""

    z_dim: int
    isotropic = True
    latent: Latent
    settings: Settings

    def set_out(self, first: Tensor, told: int = 0, styles: Tensor | None = None) -> None:
        """Lay the walk that the settings ask for.

        first (F, z_dim): the weights that meet z first; told: numbers of a point beside z; styles (K, z_dim): what the
        walk goes through, in place of the first seeds. Raises SettingsError for too few stations.
        """
        settings = self.settings
        if settings.anchors < 4:
            raise SettingsError(f"generator: anchors must be at least 4, found {settings.anchors}")
        self.z_dim, self.told = first.shape[1], told
        beside = told + 1 if told else 0
        stations = torch.stack([self.draw(seed) for seed in range(SEEDS)]) if styles is None else styles
        styles = F.pad(stations, (0, beside))
        directions = F.pad(closed_form(first, len(STEERED)), (0, beside))
        self._first = F.pad(first.detach().float().cpu(), (0, beside))
        source = torch.Generator().manual_seed(self.seed)
        average = torch.zeros(styles.shape[1])
        self.latent = Latent(styles, average, 1, settings.anchors, source, settings.stations, directions)

    def listening(self) -> Tensor:
        """The weights (F, D) that meet z first; what a point has beside z meets none."""
        return self._first

    def draw(self, seed: int) -> Tensor:
        """The z (z_dim,) of a seed, drawn as NVIDIA's tools draw theirs."""
        return torch.from_numpy(chance(seed).randn(self.z_dim)).float()

    def tell(self, shares: dict[int, float], truncation: float) -> Tensor:
        """What the network is told beside z, (told,), of classes: their shares, unless a kind says it otherwise."""
        return self.classes.told(shares) if self.classes else torch.zeros(0)

    def of_seed(self, seed: int, truncation: float = 1.0, klass: float | None = None) -> Tensor:
        """The point (1, D) of a seed; without a class, the knobs' one is painted. Raises SettingsError for no class."""
        return self.of_z(self.draw(seed)[None], truncation, klass)

    def of_z(self, z: Tensor, truncation: float = 1.0, klass: float | None = None) -> Tensor:
        """The point (1, D) of z (1, z_dim). Raises SettingsError for no class."""
        z = z[0] * truncation
        if klass is not None and self.classes is None:
            raise SettingsError(f"this model has no classes, found class {klass}")
        if klass is None or self.classes is None:
            return F.pad(z, (0, self.told + 1 if self.told else 0))[None]
        return torch.cat([z, self.tell(self.classes.between(klass), truncation), torch.ones(1)])[None]

    def samples(self, count: int, seed: int = 0, everywhere: bool = False) -> Tensor:
        """As many points, (count, D), of seeds from `seed` on; everywhere: of every class, where there are any."""
        classes = self.classes_by_chance(count, seed, everywhere)
        return torch.cat([self.of_seed(seed + i, 1.0, klass) for i, klass in enumerate(classes)])

    @property
    def spaces(self) -> tuple[str, ...]:  # type: ignore[override]
        """z, and, where there are classes, what the network is told of them as well."""
        return ("z", CLASSED) if self.class_count else ("z",)

    @property
    def class_width(self) -> int:
        """Numbers of a point, behind z, that say which class it is."""
        return self.told

    def moves(self, space: str) -> Tensor:
        """z, or z and class; how far it is truncated, and that it says so itself, stays."""
        free = torch.zeros(len(self.latent.average))
        free[: self.z_dim + (self.class_width if space == CLASSED else 0)] = 1.0
        return free

    def at_home(self, point: Tensor) -> Tensor:
        """A point (1, D) whose z is no longer than chance makes it."""
        z, beside = point[:, : self.z_dim], point[:, self.z_dim :]
        longest = self.z_dim**0.5
        return torch.cat([z * (longest / z.norm(dim=1, keepdim=True).clamp_min(longest)), beside], 1)

    def trace(self, points: Tensor) -> Tensor:
        """The pictures of points (B, 1, D), with gradients; the knobs at rest say what the points do not."""
        rest = {name: knob.default for name, knob in self.knobs.items()}
        return three_planes(self.textbook(self._told(points[:, 0], rest, 0.0), "frozen"))

    def painted(self, point: Tensor) -> Tensor:
        """As the show paints it; the knobs at rest say what the point does not."""
        rest = {name: knob.default for name, knob in self.knobs.items()}
        return self.paint(self._told(point, rest, 0.0).to(self.device))

    @torch.inference_mode()
    def exact(self, point: Tensor, noise: str = "frozen") -> Tensor:
        """The picture (1, C, H, W) of a point (1, D), float32 and -1..1: the network's own planes, unbent, as the
        textbook has it. noise: frozen | random | none."""
        rest = {name: knob.default for name, knob in self.knobs.items()}
        return self.textbook(self._told(point.float(), rest, 0.0), noise).clamp(-1, 1)

    @abstractmethod
    def textbook(self, point: Tensor, noise: str) -> Tensor:
        """The picture (1, C, H, W) of what `paint` is handed, in float32 on the CPU."""

    def point(self, knob: Knobs, turns: float) -> Tensor:
        """What the network is handed, (1, z_dim + told)."""
        return self._told(self.latent.at(knob, turns), knob, turns)

    def _told(self, point: Tensor, knob: Knobs, turns: float) -> Tensor:
        """A point with all that it does not say itself filled in from the knobs."""
        if self.classes is None or not self.told:
            return point
        said = point[:, -1:]
        mine = self.tell(self.classes.shares(knob, turns), knob["generator.truncation"])
        z, theirs = point[:, : self.z_dim], point[:, self.z_dim : -1]
        return torch.cat([z, theirs + (1 - said) * mine], 1)


class Drawn(FromZ):
    """A network of torch's at play; a kind says in `prepare` what it is made of."""

    net: Any
    fast: Any  # what `paint` asks, fast(point, bend) -> planes about -1..1

    def __init__(
        self,
        net: nn.Module,
        settings: Settings,
        bends: Sequence[Bend] = (),
        device: str = "auto",
        seed: int = 0,
        weights_sha256: str = "",
        names: Sequence[str] = (),
    ) -> None:
        """names: those of the network's classes, in their order. Raises SettingsError for what does not fit."""
        super().__init__(device, settings.dtype, seed, weights_sha256)
        self.net, self.settings = net, settings
        if count := self.count_classes(net):
            self.classes = Classes(count, getattr(settings, "classes", ()), names)
        self.prepare()
        self.attach(bends, self.classes.knobs if self.classes else ())

    @classmethod
    def opened(cls, read_model: ReadModel, settings: Settings, bends: Sequence[Bend], device: str, seed: int) -> Self:
        """The model that the settings name, with the card's own defaults.

        Raises WeightsError or SettingsError saying what to do.
        """
        card, path = weights.open_model(settings.model)
        sha256 = str(card.get("sha256", "")) or weights.digest(path)
        net = read_model(card, path)
        names = names_beside(weights.find(settings.model), cls.count_classes(net))
        generator = cls(net, settings, bends, device, seed, sha256, names)
        generator.set_defaults(card.get("knobs", {}))
        return generator

    @staticmethod
    def count_classes(net: Any) -> int:
        """How many classes a network knows."""
        return 0

    @abstractmethod
    def prepare(self) -> None:
        """Find out `size` and `layers`, lay the walk (`set_out`), and make `fast` of the network."""

    def paint(self, point: Tensor) -> Tensor:
        """What `point` made -> picture (1, 3, H, W), -1..1."""
        x = self.fast(point, self.bends.apply if self.bends.attached else None)
        return three_planes(x.float().clamp(-1, 1))


class Noisy(Drawn):
    """One whose noise is frozen, the same in every show, and as strong as the knob says: fast.scale_noise(strength)."""

    _noise_now = 1.0

    def tune(self, knob: Knobs) -> None:
        """Scale the frozen noise."""
        if (strength := knob["generator.noise"]) != self._noise_now:
            self.fast.scale_noise(strength)
            self._noise_now = strength


def frozen_noise(name: str, rows: int, columns: int) -> Tensor:
    """The noise (1, 1, rows, columns) of a layer, the same on every machine, in every show."""
    seeded = np.random.RandomState(zlib.crc32(name.encode()))
    return torch.from_numpy(seeded.randn(1, 1, rows, columns)).float()


def words_to_planes(x: Tensor, rows: tuple[int, int]) -> Tensor:
    """(1, H * W * C) -> (1, C, H, W), channels_last without a copy."""
    return x.reshape(1, *rows, -1).permute(0, 3, 1, 2)


def first_words(weight: Tensor) -> Tensor:
    """The weight (in, out, H, W) of a transposed convolution of one pixel -> (H * W * out, in), for words_to_planes."""
    return weight.permute(2, 3, 1, 0).reshape(-1, weight.shape[0])
