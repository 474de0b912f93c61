"""A network's two halves in, a generator of the show out: a point in a latent space becomes a picture, bent.

What every GAN of this room shares: knobs, bends, number formats and, on CUDA, a captured graph that is replayed while
amounts, points and noise change in its memory. A kind of network brings `point` and `paint`, and `tune` where it has
something to tune.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation import signals
from installation.bending.layers import Bends, Layer, bend_knobs
from installation.generators import walk
from installation.generators.classes import Classes
from installation.generators.devices import best_dtype, chosen_device
from installation.generators.graph import Captured
from installation.generators.latent import Latent
from installation.generators.places import TIME_S, TURNS
from installation.settings import Bend, SettingsError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
GLANCE_PX = 64
BUFFERS = 4  # pictures on a CUDA device that may be on their way to the screen at once
Knobs = Mapping[str, float]
log = logging.getLogger("installation.generators")


class Gan(ABC):
    """One network at play; a picture is always of the network's own `size`."""

    size: tuple[int, int]  # (width, height) in px
    z_dim: int  # numbers that a seed draws
    layers: list[Layer]  # where bends attach, in the order they run: (name, channels, rows)
    latent: Latent  # the walk, and what is known by name
    spaces: tuple[str, ...] = ("w", "w+")  # where a picture is looked for: in points of one row, then more freely
    isotropic = False  # whether its points are chance itself, alike in every direction
    classes: Classes | None = None  # of a conditional network
    cannot: frozenset[str] = frozenset()  # shared knobs that move nothing here; they stay, so that any show plays

    def __init__(self, device: str, dtype: str, seed: int, weights_sha256: str) -> None:
        """device: auto, cpu, cuda...; dtype: auto or one of DTYPES. Raises SettingsError for another."""
        if dtype not in (*DTYPES, "auto"):
            raise SettingsError(f"generator: dtype is auto or one of {', '.join(DTYPES)}, found {dtype!r}")
        self.device = chosen_device(device)
        self.dtype = DTYPES[dtype] if dtype != "auto" else best_dtype(self.device)
        self.seed, self.weights_sha256, self.number = seed, weights_sha256, 0
        self._graphs: dict[Hashable, Captured] = {}
        self._point = torch.empty(0)
        self._ring: list[Tensor] = []
        self._pinned: list[Tensor] = []

    def attach(self, bends: Sequence[Bend], knobs: Sequence[signals.Knob] = ()) -> None:
        """Once `size` and `layers` are known: put the bends in place. knobs: the kind's own, beside the walk's.

        Raises SettingsError for a bend that does not fit.
        """
        self.bends = Bends(bends, self.layers, self.seed, self.device)
        self.faults = self.bends.faults
        self.knobs: dict[str, signals.Knob] = {k.name: k for k in (*walk.KNOBS, *knobs, *bend_knobs(bends))}
        if self.cannot:
            names = ", ".join(sorted(self.cannot))
            log.info("%s: nothing here for %s to move: left out", type(self).__name__, names)

    @abstractmethod
    def point(self, knob: Knobs, turns: float) -> Tensor:
        """Where in the latent space: always of one shape, float32, on the CPU."""

    @abstractmethod
    def paint(self, point: Tensor) -> Tensor:
        """The picture (1, C, H, W) of a point that lies on the device; nothing in here may wait for the device."""

    @property
    def class_count(self) -> int:
        """Of a conditional network; 0 for others."""
        return self.classes.count if self.classes else 0

    def of_z(self, z: Tensor, truncation: float = 1.0, klass: float | None = None) -> Tensor:
        """The point (rows, D), float32 on the CPU, of z (1, z_dim); truncation as NVIDIA's tools mean it.

        klass: which class of a conditional network, the first for None; between two whole numbers a blend of both.
        """
        raise SettingsError("generator: this kind of network has no z")

    def of_seed(self, seed: int, truncation: float = 1.0, klass: float | None = None) -> Tensor:
        """The point (rows, D) of a seed, which means what it means in NVIDIA's tools."""
        z = np.random.RandomState(seed).randn(1, self.z_dim)
        return self.of_z(torch.from_numpy(z).float(), truncation, klass)

    def samples(self, count: int, seed: int = 0, everywhere: bool = False) -> Tensor:
        """As many points by chance, one row of each (count, D); everywhere: of every class, where there are any."""
        z = torch.from_numpy(np.random.RandomState(seed).randn(count, self.z_dim)).float()
        classes = self.classes_by_chance(count, seed, everywhere)
        return torch.stack([self.of_z(one[None], 1.0, klass)[0] for one, klass in zip(z, classes, strict=True)])

    def classes_by_chance(self, count: int, seed: int, everywhere: bool = True) -> list[int | None]:
        """As many classes, or None where nobody asks for them, or there are none."""
        if not (everywhere and self.class_count):
            return [None] * count
        return [int(klass) for klass in np.random.RandomState(seed).randint(self.class_count, size=count)]

    def listening(self) -> Tensor:
        """The weights (F, D) that hear a row of a point first: what they answer to most, moves most (SeFa).

        Raises SettingsError where a kind has none to show.
        """
        raise SettingsError("generator: this kind of network has no closed-form directions (sefa)")

    def trace(self, points: Tensor) -> Tensor:
        """The pictures (B, 3, H, W), of `size`, of points (B, rows, D), to be followed backwards by gradients.

        Raises SettingsError for a kind that cannot.
        """
        raise SettingsError("generator: into this kind of network no picture can be projected")

    def glimpse(self, points: Tensor) -> Tensor:
        """The pictures (B, 3, h, w) of points (B, rows, D) at a first glance, small."""
        width, height = self.size
        scale = min(1.0, GLANCE_PX / max(self.size))
        small = (round(height * scale), round(width * scale))
        pictures = (self.painted(point).float().cpu() for point in points)
        return torch.cat([F.interpolate(one, small, mode="bilinear", antialias=True) for one in pictures])

    def moves(self, space: str) -> Tensor:
        """Which numbers of a point (D,) are free in one of the `spaces`: 1, else 0."""
        return torch.ones(len(self.latent.average))

    def at_home(self, point: Tensor) -> Tensor:
        """The nearest point to one (1 or rows, D) that the network was taught to paint."""
        return point

    def noises(self) -> list[Tensor]:
        """The frozen noise (H, W) of every layer, as `trace` adds it; those that it does not show are left out."""
        return []

    def painted(self, point: Tensor) -> Tensor:
        """The picture (1, 3, H, W) of a point (rows, D) that of_z gave, as the show paints it."""
        return self.paint(point[None].to(self.device))

    def exact(self, point: Tensor, noise: str = "frozen") -> Tensor:
        """The whole picture (1, C, H, W) of a point (rows, D), in float32, without bends, however long it takes.

        noise: frozen | none | random, for networks that have noise.
        """
        raise SettingsError("generator: this kind of network paints no exact pictures")

    def tune(self, knob: Knobs) -> None:  # noqa: B027 (few kinds have something to tune)
        """Change in place, where a captured graph finds it, what is neither point nor bend."""

    def variant(self) -> Hashable:
        """What decides which kernels run: a graph is captured for each."""
        return self.bends.attached

    def set_defaults(self, defaults: Mapping[str, float]) -> None:
        """Let a model state where its knobs look best. Raises SettingsError for a knob that does not exist."""
        for name in defaults:
            if name not in self.knobs:
                raise SettingsError(f"model.toml: [knobs]: no knob {name!r}; there are: {', '.join(self.knobs)}")
        self.knobs = {
            n: dataclasses.replace(k, default=float(defaults.get(n, k.default))) for n, k in self.knobs.items()
        }

    def shed(self, level: int) -> None:
        """0 draws everything; from 1 on bends are skipped."""
        self.bends.shed(level)

    @property
    def remembers(self) -> bool:
        """Whether a picture depends on those before it."""
        return self.bends.remembers

    def reset(self) -> None:
        """Forget earlier frames; on CUDA the graph, which holds their memory, is captured anew."""
        self._graphs.clear()
        self.bends.reset()

    @torch.inference_mode()
    def render(self, controls: signals.Controls, size: tuple[int, int] | None = None) -> signals.Picture:
        """Picture of `controls` at the network's own size, whatever `size` says."""
        start_s = time.perf_counter()
        knob = self.knobs_of(controls)
        self.bends.set(knob)
        self.tune(knob)
        point = self.point(knob, controls.turns)
        pixels = self._replay(point) if self.device.type == "cuda" else self.paint(point)[0]
        self.number += 1
        return signals.Picture(pixels, controls, self.number, time.perf_counter() - start_s)

    def knobs_of(self, controls: signals.Controls) -> dict[str, float]:
        """Every knob of this generator, and the instant (places.TIME_S, TURNS)."""
        knob = {name: controls.values.get(name, k.default) for name, k in self.knobs.items()}
        return knob | {TIME_S: controls.time_s, TURNS: controls.turns}

    def where(self, controls: signals.Controls) -> Tensor:
        """The point (rows, D), float32 on the CPU, that `controls` are painted from; may be asked from any thread."""
        return self.latent.at(self.knobs_of(controls), controls.turns)

    def bend(self, name: str, x: Tensor) -> Tensor:
        """What a network's forward pass hands every layer's output to."""
        return self.bends.apply(name, x) if self.bends.attached else x

    def _replay(self, point: Tensor) -> Tensor:
        """Copy the point to the device and replay; the picture goes to the next buffer of a ring."""
        if not self._ring:
            torch.backends.cudnn.benchmark = True
            self._ring = [torch.empty(3, *reversed(self.size), device=self.device) for _ in range(BUFFERS)]
            self._pinned = [torch.empty(point.shape).pin_memory() for _ in range(BUFFERS)]
            self._point = torch.empty(point.shape, device=self.device)
        self._pinned.append(self._pinned.pop(0))
        self._pinned[0].copy_(point)
        self._point.copy_(self._pinned[0], non_blocking=True)
        if (key := self.variant()) not in self._graphs:
            self._graphs[key] = Captured(lambda: self.paint(self._point))
        self._ring.append(self._ring.pop(0))
        return self._ring[0].copy_(self._graphs[key].replay()[0])


def three_planes(picture: Tensor) -> Tensor:
    """A picture (1, C, H, W) of -1..1 as (1, 3, H, W): one plane is grey, a fourth is how much of it covers black."""
    if picture.shape[1] == 1:
        return picture.expand(-1, 3, -1, -1)
    if picture.shape[1] == 4:
        return (picture[:, :3] + 1) * ((picture[:, 3:] + 1) / 2) - 1
    return picture
