"""Nets and scenes whose motion is known in, how wrong the nets are about it out, by kind."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.bending.carrying import Motion, carried, mixed
from installation.bending.slomo import SloMo
from installation.training.features import VGG
from installation.training.losses import laplacian_l1, relative_l1
from installation.training.slomo.motion import Scenes

FLOW, FLOW_BETWEEN, WARPING, SMOOTHNESS = 0.1, 0.1, 0.1, 0.002  # weights of the losses; pixels weigh 1


def losses(nets: SloMo, scenes: Scenes, vgg: VGG | None = None, perceptual: float = 0.0) -> dict[str, Tensor]:
    """Super SloMo's losses, and beside them the known flows, which no film could tell; already weighted."""
    first, last, t = scenes.first, scenes.last, scenes.t
    motion: Motion = nets(first, last, t)
    from_first, from_last = carried(first, motion.to_first), carried(last, motion.to_second)
    drawn = mixed(from_first, from_last, motion.visible, t)
    telling = _telling(scenes.middle)
    between = far(motion.to_first, scenes.to_first, telling) + far(motion.to_second, scenes.to_second, telling)
    warped = (from_first - scenes.middle).abs().mean() + (from_last - scenes.middle).abs().mean()
    parts = flow_losses(motion.forth, motion.back, scenes) | {
        "pixels": (drawn - scenes.middle).abs().mean() + 0.25 * laplacian_l1(drawn, scenes.middle),
        "between": FLOW_BETWEEN * between / _reach(scenes),
        "warped": WARPING * warped,
    }
    if vgg is not None and perceptual:
        seen, wanted = vgg(drawn * 2 - 1), vgg(scenes.middle * 2 - 1)
        parts["look"] = perceptual * torch.stack([relative_l1(a, b) for a, b in zip(seen, wanted, strict=True)]).mean()
    return parts


def flow_losses(forth: Tensor, back: Tensor, scenes: Scenes) -> dict[str, Tensor]:
    """What the first net alone is taught: the known flows, smooth ones, and pictures that they carry to the other."""
    warped = (carried(scenes.last, forth) - scenes.first).abs().mean()
    warped = warped + (carried(scenes.first, back) - scenes.last).abs().mean()
    wrong = far(forth, scenes.forth, _telling(scenes.first)) + far(back, scenes.back, _telling(scenes.last))
    return {
        "flow": FLOW * wrong / _reach(scenes),
        "warping": WARPING * warped,
        "rough": SMOOTHNESS * (_roughness(forth) + _roughness(back)),
    }


def _reach(scenes: Scenes) -> Tensor:
    """How far things go, in px: errors count relative to it."""
    return 0.5 + far(scenes.forth, torch.zeros_like(scenes.forth))


def far(flow: Tensor, known: Tensor, weights: float | Tensor = 1.0) -> Tensor:
    """Mean distance of two flows (B, 2, h, w), in px."""
    return ((flow - known).square().sum(1, keepdim=True).add(1e-4).sqrt() * weights).mean()


def _telling(picture: Tensor) -> Tensor:
    """Where a picture shows how it moves: (B, 1, h, w), 1 on average, little on bare paper, where nobody can tell."""
    x = F.pad(picture, (0, 1, 0, 1), mode="replicate")
    edges = ((x[:, :, :-1, 1:] - picture).abs() + (x[:, :, 1:, :-1] - picture).abs()).amax(1, keepdim=True)
    near = F.max_pool2d(edges, 5, 1, 2).clamp(0.02, 0.4)
    return near / near.mean()


def _roughness(flow: Tensor) -> Tensor:
    return flow.diff(dim=2).abs().mean() + flow.diff(dim=3).abs().mean()
