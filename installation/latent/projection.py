"""A picture and a generator in; the point whose picture looks most like it out (the method of NVIDIA's projector).

Karras et al. 2020, appendix D: a w, or a z where there is no w, led by what VGG sees, its speed and its trembling
slowly taken back, noise kept noise. It begins at the likest of many samples; then, on request, every row goes a way of
its own (w+), or z and class do.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.latent.likeness import Eye, resized
from installation.networks.adam import Adam

LOOKED_PX = 256  # the longest side that is looked at
LR, BETAS = 0.05, (0.9, 0.99)
RAMP_UP, RAMP_DOWN = 0.05, 0.35  # shares of the steps
TREMBLE, TREMBLE_UNTIL = 0.05, 0.75  # of the deviation of w
NOISE_WEIGHT = 1e5
PIXEL_WEIGHT = 0.1  # keeps colours where VGG cares little
FINALISTS = 8
AT_FULL_SIZE = " at full size"
BATCH = 32


@dataclass(frozen=True)
class Effort:
    """How many samples are drawn and how many steps taken: with one w, with all rows, and of those at full size."""

    samples: int = 1000
    steps: int = 80
    plus: int = 230
    full: int = 110


@dataclass(frozen=True, eq=False)
class Found:
    """A point (rows, D), its picture (1, 3, H, W), -1..1, as the show paints it, and how far from the target it is."""

    name: str
    point: Tensor
    picture: Tensor
    apart: float


Watch = Callable[[str, int, int, Tensor | None], None]  # what is being done, step, of so many, the picture by now


class Projector:
    """One picture to be found; generator is one that can be followed backwards (Gan.trace)."""

    def __init__(self, generator: Any, target: Tensor, watch: Watch | None = None, seed: int = 0) -> None:
        """target (1, 3, H, W), -1..1, of the generator's size. Raises SettingsError for a kind that cannot."""
        self.generator, self.target = generator, target
        self.eye = Eye()
        self._watch = watch or (lambda *_: None)
        self._source = torch.Generator().manual_seed(seed)
        width, height = generator.size
        scale = min(1.0, LOOKED_PX / max(width, height))
        self.size = (round(width * scale), round(height * scale))
        self.half = (self.size[0] // 2, self.size[1] // 2)

    def find(self, effort: Effort, plus: bool = True, read: Tensor | None = None) -> list[Found]:
        """The likest sample, the w (or z) found from it, and with plus the w+ (or z and class) found from that.

        read: a w (1, D) that an encoder read in the target: it stands for both, and nothing is looked for before it.
        """
        if read is not None:
            return self._freer([self.judge("as the encoder reads it", read)], effort, plus)
        samples = self.generator.samples(effort.samples, everywhere=True)
        best = self.likest(samples)
        found = [self.judge("best sample", best)]
        first = self.generator.spaces[0]
        free = self.generator.moves(first)
        spread = float(((samples - samples.mean(0)) * free).square().sum(1).mean().sqrt())
        with _free(self.generator.noises()) as noises:
            point = self._descend(first, found[0].point[:1], effort.steps, self.half, spread * TREMBLE, noises)
        found.append(self.judge(first, point))
        return self._freer(found, effort, plus)

    def _freer(self, found: list[Found], effort: Effort, plus: bool) -> list[Found]:
        """What was found, and with plus the points found from the last of it in the freer spaces."""
        start = found[-1].point
        for space in self.generator.spaces[1:] if plus else ():
            rows = self._descend(space, start, effort.plus - effort.full, self.half)
            rows = self._descend(space + AT_FULL_SIZE, rows, effort.full, self.size)
            found.append(self.judge(space, rows))
        return found

    @torch.no_grad()
    def likest(self, samples: Tensor) -> Tensor:
        """Of samples (N, D) the one (1, D) whose picture is nearest; all at a glance first, then the best looked at."""
        rows, apart = len(self.generator.of_seed(0)), []
        for i, part in enumerate(samples.split(BATCH)):
            self._watch("samples", i * BATCH, len(samples), None)
            pictures = self.generator.glimpse(part[:, None].expand(-1, rows, -1))
            small = resized(self.target, (pictures.shape[3], pictures.shape[2]))
            apart.append(self.eye.apart(self.eye.look(pictures), self.eye.look(small)))
        finalists = samples[torch.cat(apart).argsort()[:FINALISTS]]
        near = [self.judge("", point[None]).apart for point in finalists]
        return finalists[near.index(min(near))][None]

    @torch.no_grad()
    def judge(self, name: str, point: Tensor) -> Found:
        """A point (1 or rows, D), its picture, and how far it is from the target, at the size that is looked at."""
        point = point.detach().expand(len(self.generator.of_seed(0)), -1)
        picture = self.generator.trace(point[None])
        seen = (self.eye.look(resized(shown, self.size)) for shown in (picture, self.target))
        return Found(name, point, picture.clamp(-1, 1), float(self.eye.apart(*seen)))

    def _descend(
        self,
        what: str,
        start: Tensor,
        steps: int,
        size: tuple[int, int],
        tremble: float = 0.0,
        noises: Sequence[Tensor] = (),
    ) -> Tensor:
        """From a point (1 or rows, D) downhill; noises are carried along, so that w need not paint what is chance."""
        with torch.no_grad():
            target = resized(self.target, size)
            sought = self.eye.look(target)
        point = start.detach().clone().requires_grad_()
        rows, free = len(self.generator.of_seed(0)), self.generator.moves(what.removesuffix(AT_FULL_SIZE))
        adam = Adam([point, *noises], lr=LR, betas=BETAS)
        for step in range(steps):
            t = step / steps
            for group in adam.param_groups:
                group["lr"] = LR * _pace(t)
            shaken = point
            if tremble:
                much = tremble * max(0.0, 1.0 - t / TREMBLE_UNTIL) ** 2 / math.sqrt(free.sum())
                shaken = point + torch.randn(point.shape, generator=self._source) * much * free
            picture = self.generator.trace(shaken.expand(rows, -1)[None])
            small = resized(picture, size)
            loss = self.eye.apart(self.eye.look(small), sought).sum() + PIXEL_WEIGHT * (small - target).abs().mean()
            loss = loss + NOISE_WEIGHT * sum((_order_in(noise) for noise in noises), torch.zeros(()))
            adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            assert point.grad is not None
            point.grad.mul_(free)
            adam.step()
            with torch.no_grad():
                point.copy_(self.generator.at_home(point))
                for noise in noises:
                    noise.sub_(noise.mean()).mul_(noise.square().mean().rsqrt())
            self._watch(what, step + 1, steps, picture.detach())
        return point.detach()


def _pace(t: float) -> float:
    """How fast, 0..1, when a share t of the steps is done: soon up, slowly down."""
    down = min(1.0, (1.0 - t) / RAMP_DOWN)
    return (0.5 - 0.5 * math.cos(math.pi * down)) * min(1.0, (t + 1e-2) / RAMP_UP)


def _order_in(noise: Tensor) -> Tensor:
    """How much neighbours in noise (H, W) are alike, at every scale from its own to 8 px: none in true noise."""
    x, order = noise[None, None], torch.zeros(())
    while True:
        order = order + sum((x * x.roll(1, axis)).mean().square() for axis in (2, 3))
        if min(x.shape[2:]) <= 8:
            return order
        x = F.avg_pool2d(x, 2)


@contextlib.contextmanager
def _free(noises: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Noises that may be changed meanwhile; afterwards they are what they were."""
    before = [noise.clone() for noise in noises]
    try:
        yield [noise.requires_grad_() for noise in noises]
    finally:
        for noise, old in zip(noises, before, strict=True):
            noise.requires_grad_(False).copy_(old)
