"""Still pictures in, short moving scenes out: layers that turn, grow, bend and hide each other, every motion known.

Each layer is a window of a picture whose points go straight from p to p + u(p) while time goes from 0 to 1. Frames are
drawn by solving p + s u(p) = x for every pixel x, so that flows and the frame between are exact, not estimates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from installation.bending.carrying import places, sampled

LAYERS = 3  # the ground and up to two things before it
WAVES = 3  # of a layer's elastic motion, and of the outline of a thing
SOLVING_STEPS = 4
PLAIN_GROUNDS = 0.2  # part of the scenes whose ground is paper, as under a cut-out


@dataclass(frozen=True, eq=False)
class Scenes:
    """first, middle, last (B, 3, h, w) 0..1; middle is at t (B, 1, 1, 1). Flows (B, 2, h, w) in px.

    forth and back lead from the first to the last picture and from the last to the first, at every pixel of the one
    they start from; to_first and to_second start from the middle one.
    """

    first: Tensor
    middle: Tensor
    last: Tensor
    t: Tensor
    forth: Tensor
    back: Tensor
    to_first: Tensor
    to_second: Tensor


class _Dice:
    """Random numbers of shape (B, n, 1, 1), from the generator given or from the global one."""

    def __init__(self, batch: int, generator: torch.Generator | None) -> None:
        self.batch, self.generator = batch, generator

    def uniform(self, low: float, high: float, count: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(self.batch, count, 1, 1, generator=self.generator)

    def normal(self, count: int = 1) -> Tensor:
        return torch.randn(self.batch, count, 1, 1, generator=self.generator)

    def whether(self, chance: float) -> Tensor:
        return (torch.rand(self.batch, 1, 1, 1, generator=self.generator) < chance).float()

    def choice(self, count: int) -> Tensor:
        return torch.randint(count, (self.batch,), generator=self.generator)


class _Layer:
    """One thing: its picture, its outline, its motion; places are in px of the scene, 0..size."""

    def __init__(self, pictures: Tensor, size: int, ground: bool, dice: _Dice) -> None:
        self.size, self.ground = size, ground
        self.picture = pictures[dice.choice(len(pictures))].float().div(255)
        paper = 1 - 0.25 * dice.uniform(0, 1, 3) * dice.uniform(0, 1)
        plain = dice.whether(PLAIN_GROUNDS if ground else 0.0)
        self.picture = torch.lerp(self.picture, paper, plain)
        self.zoom = dice.uniform(0.45, 1.0)  # pixels of the picture in one of the scene: never so many that it flickers
        self.corner = dice.uniform(0, 1, 2) * (self.picture.shape[-1] - self.zoom * size)
        strong = dice.uniform(0.02, 1) * (1 - plain)  # paper lies still
        self.shift = dice.normal(2) * 0.10 * size * strong
        turn, grow = dice.normal() * 0.20 * strong, dice.normal() * 0.16 * strong
        shear = dice.normal(2) * 0.06 * strong
        self.linear = torch.stack([grow + shear[:, :1], -turn, turn + shear[:, 1:], grow - shear[:, :1]], 1)
        self.tilt = dice.normal(2) * 0.25 * strong / size  # far things move less: the perspective part
        self.waves = dice.normal(2 * WAVES) * 2 * math.pi / size  # about one wave across the picture
        self.phases = dice.uniform(0, 2 * math.pi, 2 * WAVES)
        self.swing = dice.normal(2 * WAVES) * 0.02 * size * strong
        self.middle = dice.uniform(0.15, 0.85, 2) * size
        self.radius = dice.uniform(0.08, 0.42) * size
        self.lobes = dice.normal(WAVES) * 0.16
        self.lobe_phases = dice.uniform(0, 2 * math.pi, WAVES)
        self.there = torch.ones_like(self.radius) if ground else dice.whether(0.8)

    def displacement(self, p: Tensor) -> Tensor:
        """u(p): where a point goes from p (B, 2, h, w) in the time from 0 to 1, relative to itself."""
        away = p - self.size / 2
        a, b, c, d = self.linear[:, :, 0].split(1, 1)
        x, y = away.split(1, 1)
        u = torch.cat([a * x + b * y, c * x + d * y], 1) + self.shift
        u = u * (1 + (self.tilt * away).sum(1, keepdim=True)).clamp(0.3, 1.7)
        for i in range(WAVES):
            wave = self.waves[:, 2 * i : 2 * i + 2]
            angle = (wave * p).sum(1, keepdim=True) + self.phases[:, 2 * i : 2 * i + 1]
            u = u + angle.sin() * self.swing[:, 2 * i : 2 * i + 2]
        return u

    def origin(self, x: Tensor, s: float | Tensor) -> Tensor:
        """p with p + s u(p) = x, by fixed-point steps: these motions are gentle enough to shrink the error."""
        p = x.expand(len(self.shift), -1, -1, -1)
        for _ in range(SOLVING_STEPS):
            p = x - s * self.displacement(p)
        return p

    def drawn(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Colours (B, 3, h, w) and cover (B, 1, h, w) at points p of the layer."""
        colours = sampled(self.picture, self.corner + p * self.zoom, "reflection")
        if self.ground:
            return colours, torch.ones_like(colours[:, :1])
        x, y = (p - self.middle).split(1, 1)
        angle = torch.atan2(y, x)
        outline = torch.ones_like(x)
        for k in range(WAVES):
            outline = outline + self.lobes[:, k : k + 1] * ((k + 2) * angle + self.lobe_phases[:, k : k + 1]).cos()
        inside = self.radius * outline - torch.sqrt(x * x + y * y + 1e-6)
        return colours, (inside + 0.5).clamp(0, 1) * self.there


def make_scenes(pictures: Tensor, batch: int, size: int, generator: torch.Generator | None = None) -> Scenes:
    """pictures (N, 3, S, S) uint8, about twice as large as the scenes -> a batch of scenes of size x size px."""
    dice = _Dice(batch, generator)
    layers = [_Layer(pictures, size, i == 0, dice) for i in range(LAYERS)]
    t = dice.uniform(0.04, 0.96)
    gain = 1 + dice.whether(0.6) * 0.15 * dice.normal(3)  # light changes, too
    lift = dice.whether(0.4) * 0.05 * dice.normal(3)
    x = places(size, size)
    frames: list[tuple[Tensor, Tensor]] = []
    for s in (torch.zeros_like(t), t, torch.ones_like(t)):
        colours, going = torch.zeros(batch, 3, size, size), torch.zeros(batch, 2, size, size)
        for layer in layers:
            p = layer.origin(x, s)
            above, cover = layer.drawn(p)
            colours = torch.lerp(colours, above, cover)
            going = torch.where(cover > 0.5, layer.displacement(p), going)
        lit = colours * (1 + s * (gain - 1)) + s * lift
        frames.append((lit.clamp(0, 1).contiguous(memory_format=torch.channels_last), going))
    (first, forth), (middle, between), (last, onward) = frames
    return Scenes(first, middle, last, t, forth, -onward, -t * between, (1 - t) * between)
