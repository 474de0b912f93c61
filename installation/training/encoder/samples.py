"""A generator in; the points that it may be asked for, by number, and small pictures of them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from installation import plugins, weights
from installation.generators.latent import STEER
from installation.networks.encoder import looked_at
from installation.settings import SettingsError
from installation.training.encoder import Settings

KEPT = 16384  # pictures that are kept; older ones are never asked for again
FIRST = 1 << 20  # seeds of what is learnt from; those below are what it is tried on
USUAL = 2  # points for each number of a w that say what is usual


class Samples:
    """What a generator paints: half by chance, half between the stations of its walk and beside it.

    A number is always the same point, and the same picture, which is painted when it is first asked for: a run that
    was killed needs to keep none of them.
    """

    def __init__(self, generator: Any, size: int, seed: int = 0) -> None:
        self.generator, self.size, self.seed = generator, size, seed
        self.rows = len(generator.of_seed(0))
        self.count = 0  # numbers that were learnt from
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}  # w, and the picture as bytes

    def __len__(self) -> int:
        return self.count

    def chosen(self, fresh: int, batch: int) -> list[int]:
        """Numbers of one batch: some that are new, the others any that are kept. Draws from torch's own generator."""
        first = self.count
        self.count += fresh
        old = torch.randint(max(0, self.count - KEPT), self.count, (batch - fresh,)).tolist()
        return [*range(first, self.count), *old]

    def batch(self, numbers: list[int]) -> tuple[Tensor, Tensor]:
        """Their w (B, D) and pictures (B, 3, size, size), -1..1."""
        if missing := [number for number in dict.fromkeys(numbers) if number not in self._kept]:
            points = torch.stack([self._point(FIRST + number) for number in missing])
            self._kept |= dict(zip(missing, zip(points, to_bytes(self.paint(points)), strict=True), strict=True))
        points, painted = (torch.stack(column) for column in zip(*(self._kept[n] for n in numbers), strict=True))
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return points, painted.float() / 127.5 - 1

    def trials(self, count: int) -> Tensor:
        """Points (count, D) by chance that nothing is ever learnt from."""
        points: Tensor = self.generator.samples(count, self.seed)
        return points

    @torch.no_grad()
    def paint(self, points: Tensor) -> Tensor:
        """Pictures (B, 3, size, size), -1..1, of points (B, D)."""
        return self.trace(points).clamp(-1, 1)

    def trace(self, points: Tensor) -> Tensor:
        """The same with gradients, from a shallow layer where that shows enough, without the generator's rim."""
        rows = points[:, None].expand(-1, self.rows, -1)
        shallow = self.size <= 64
        pictures = self.generator.glimpse(rows) if shallow else self.generator.trace(rows)
        return _without_rim(pictures, self._rim, self.size) if shallow else looked_at(pictures, self.size)

    @property
    def _rim(self) -> float:
        """What share of the network's own side the generator shows."""
        net = getattr(self.generator, "net", None)
        whole = getattr(getattr(net, "config", None), "size", self.generator.size)
        return float(min(self.generator.size) / min(whole))

    def usual(self) -> Tensor:
        """Points (N, D) that say where the w lie and how far apart."""
        return torch.stack([self._point(FIRST + i) for i in range(USUAL * len(self.generator.latent.average))])

    def _point(self, seed: int) -> Tensor:
        """One w (D,): by chance, between a few stations, or between both; some steered."""
        dice = torch.Generator().manual_seed(seed * 7919 + self.seed)
        latent = self.generator.latent
        sample = self.generator.samples(1, seed)[0]
        shares = torch.rand(len(latent.styles), generator=dice).clamp_min(1e-9).pow(-1.0 / 1.2)  # few are large
        shares = torch.where(shares >= shares.topk(min(3, len(shares))).values[-1], shares, torch.zeros(()))
        station = (shares / shares.sum()) @ latent.styles
        kind, far, steered = torch.rand(3, generator=dice).tolist()
        point = torch.lerp(sample, station, min(1.0, max(0.0, (kind - 0.4) * 5)))
        if steered < 0.3:
            steps = STEER * (torch.rand(len(latent.directions), generator=dice) * 2 - 1)
            point = point + steps @ latent.directions
        return torch.lerp(latent.average, point, 0.6 + 0.6 * far)


def _without_rim(pictures: Tensor, shown: float, size: int) -> Tensor:
    """Small pictures of the whole network's field as the same pictures without its rim, (B, 3, size, size)."""
    if shown >= 1:
        return looked_at(pictures, size)
    whole = F.interpolate(pictures, (round(size / shown),) * 2, mode="bilinear", align_corners=False)
    cut = (whole.shape[2] - size) // 2
    return whole[:, :, cut : cut + size, cut : cut + size]


def to_bytes(pictures: Tensor) -> Tensor:
    """-1..1 as uint8."""
    return ((pictures + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def open_samples(settings: Settings) -> Samples:
    """The samples of the model that is asked for. Raises WeightsError or SettingsError for one that has no w."""
    model = str(settings.folder)
    kind = str(weights.read_config(model).get("kind", ""))
    if kind not in plugins.available("generators"):
        raise weights.WeightsError(f"{model}: {kind or 'no kind'}: this model paints no pictures")
    module = plugins.load("generators", kind)
    generator = module.create(module.Settings(model=model), device="cpu", seed=settings.seed)
    if getattr(generator, "spaces", ("",))[0] != "w":
        raise SettingsError(f"{Path(model).name}: a {kind} has no w that an encoder could read")
    return Samples(generator, settings.size, settings.seed)
