"""Controls in, a hanging cloth out, gathered by two hands: the CPPN of `pattern` folds it; no weights, any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.generators import pattern
from installation.settings import Bend

LIGHT = (-0.62, -0.42)  # where it comes from: left, and above
REST = ((0.52, -0.34), (-0.60, -0.46))  # where the cloth is held while no hand moves it; y downwards, 1 half a height


@dataclass(frozen=True)
class Settings(pattern.Settings):
    """folds: how many of them half a picture's height is wide."""

    size: tuple[int, int] = (480, 270)
    folds: float = 4.2


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Veil:
    """A cloth that needs no weights. Raises SettingsError for a bend at a layer that does not exist."""
    return Veil(settings, bends, size or settings.size, device, seed)


class Veil(pattern.Pattern):
    """The walk, the fields and the colours are the pattern's; x and y lead one hand that holds it, z the other."""

    settings: Settings

    def drawn(self, field: Tensor, knob: dict[str, float], turns: float, aspect: float) -> Tensor:
        """Folds in the light: fields (6, H, W) -> (3, H, W), -1..1."""
        x, y = pattern.plane_of(aspect, field.shape[1], field.shape[2], self.device)
        turn, kick = 2 * math.pi * turns, knob["generator.kick"]
        field = _smooth(field)
        (ax, ay), (bx, by) = REST
        held = (
            (ax + 0.75 * knob["generator.x"], ay - 0.8 * knob["generator.y"]),
            (bx + 0.8 * knob["generator.z"], by + 0.12 * math.sin(turn)),
        )
        across, taut = torch.add(x, field[0], alpha=0.30), torch.zeros_like(x)
        for px, py in held:
            dx, dy = x - px, y - py
            near = torch.exp(-(dx * dx * 1.6 + dy * dy * 0.55) * (1.5 - 0.6 * kick))
            across = torch.addcmul(across, torch.atan2(dx, torch.sqrt(dy * dy + 0.05)), near, value=0.62)  # it fans out
            taut = torch.maximum(taut, near)
        phase = torch.add(across * self.settings.folds, field[1], alpha=1.1).add_(y * 0.35 * math.cos(turn))
        fold = torch.add(phase.sin(), torch.sin(phase * 2.13 + 2.0 * field[2]), alpha=0.38)
        fold = fold.add_(torch.sin(phase * 4.7 + 3.0 * field[4]), alpha=0.10 + 0.10 * kick)
        deep = (0.20 + 0.05 * kick) * (1.0 - 0.35 * taut)
        light = self._lit(fold * deep, field.shape[1])
        hollow = torch.sigmoid(fold * 2.4 + 0.9)  # little light comes into the depth of a fold
        thread = torch.add(6.0 * field[5], phase, alpha=26.0).cos_()
        light = light * (0.42 + 0.58 * hollow) * (1.0 + 0.05 * knob["generator.noise"] * thread)
        light = light * torch.exp(-0.16 * (x * x / aspect + y * y))
        tone = 0.34 + 0.62 * light.clamp(0, 1) + 0.05 * field[3]
        return self.coloured(tone, light.mul_(0.9).add_(0.16), turns + 0.5 * knob["generator.mix"], kick)

    def _lit(self, height: Tensor, rows: int) -> Tensor:
        """How much light falls on a surface (H, W) of this height, in half heights of the picture: 0..about 1.3."""
        step = rows / 2
        dy, dx = (slope * step for slope in torch.gradient(height))
        length = torch.sqrt(dx * dx + dy * dy + 1.0)
        facing = (dx * -LIGHT[0] + dy * -LIGHT[1] + 0.72).neg_().add_(1.44) / length / 1.04
        return 0.24 + 0.70 * facing.clamp(0, 1) + 0.45 * facing.clamp(0, 1) ** 14


def _smooth(field: Tensor) -> Tensor:
    """Fields (C, H, W) without the kinks of having been enlarged four times: light would show them."""
    wide = F.avg_pool2d(field[None], (1, 9), 1, (0, 4), count_include_pad=False)
    return F.avg_pool2d(wide, (9, 1), 1, (4, 0), count_include_pad=False)[0]
