"""Pictures and a motion in, pictures carried along it out; and what may be done to a motion before that."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

MOST_FOLDING = 2.2  # of a glitch, see _folding: more is mush
MOST_GAIN = 500.0  # beyond it bends did nothing that could be shown larger


@dataclass(frozen=True, eq=False)
class Motion:
    """Where a picture between two comes from, in px of the nets' size.

    to_first, to_second (B, 2, h, w): for each pixel, where it lies in the first and in the second picture, relative to
    itself. visible (B, 1, h, w), 0..1: how much of it is seen in the first (1) or in the second (0).
    forth, back (B, 2, h, w): the flow from the first to the second picture and from the second to the first.
    """

    to_first: Tensor
    to_second: Tensor
    visible: Tensor
    forth: Tensor = field(repr=False)
    back: Tensor = field(repr=False)


def places(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """The middles of all pixels in px, (1, 2, height, width): x, then y."""
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    return torch.stack([x, y])[None].float() + 0.5


def carried(picture: Tensor, flow: Tensor, padding: str = "border") -> Tensor:
    """picture (B, C, h, w) fetched from where flow (B, 2, h, w), in px, points: backward warping."""
    return sampled(picture, places(flow.shape[2], flow.shape[3], flow.device) + flow, padding)


def sampled(picture: Tensor, at: Tensor, padding: str = "border") -> Tensor:
    """picture (B, C, H, W) sampled at `at` (B, 2, h, w), px from its upper left corner."""
    height, width = picture.shape[2:]
    grid = torch.stack([at[:, 0] * (2 / width) - 1, at[:, 1] * (2 / height) - 1], 3)  # (B, h, w, 2)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def mixed(first: Tensor, second: Tensor, visible: Tensor, t: float | Tensor) -> Tensor:
    """Two carried pictures (B, C, H, W) as one: each weighs by its nearness in time and by how much of it is seen."""
    ours, theirs = (1 - t) * visible, t * (1 - visible)
    return (ours * first + theirs * second) / (ours + theirs).clamp(min=1e-6)


def enlarged(field: Tensor, size: tuple[int, int], rows: slice) -> Tensor:
    """field (1, C, h, w) at size (height, width), of which only these rows: (1, C, rows, width), Catmull-Rom."""
    down, across = (_spline(count, length, field.device) for count, length in zip(field.shape[2:], size, strict=True))
    return down[rows] @ (field @ across.mT)


@functools.lru_cache(maxsize=8)
def _spline(count: int, length: int, device: torch.device) -> Tensor:
    """Matrix (length, count) that samples `count` points at `length` places."""
    unit = torch.eye(count)[None, None]
    return F.interpolate(unit, (length, count), mode="bicubic", align_corners=False)[0, 0].to(device)


def repaired(motion: Motion, reach: float = 0.6) -> Motion:
    """The motion with what is not finite put to rest, and nothing fetched from farther than `reach` of a side away."""
    height, width = motion.visible.shape[2:]
    limit = torch.tensor([width * reach, height * reach], device=motion.visible.device)[None, :, None, None]

    def held(flow: Tensor) -> Tensor:
        flow = flow.nan_to_num(0.0, 0.0, 0.0)
        return torch.maximum(torch.minimum(flow, limit), -limit)

    visible = motion.visible.nan_to_num(0.5).clamp(0, 1)
    return Motion(held(motion.to_first), held(motion.to_second), visible, held(motion.forth), held(motion.back))


def exaggerated(
    plain: Motion, bent: Motion, reach_px: float, weights: Tensor, block_px: int = 0, most: float = MOST_GAIN
) -> tuple[Motion, Tensor]:
    """What bends did to a motion, made so strong that it carries pixels reach_px far; and the gain (0-dim) this took.

    So a glitch is as strong whichever layer it sits at, however lively the nets are. reach_px is the root mean square
    where weights (B, 1, h, w) say that there is something to be carried; single pixels go at most four times as far.
    block_px: squares of this side move as one, as in a broken video stream; 0 for none. The gain is at most `most`.
    """
    if reach_px <= 0:
        return plain, weights.new_zeros(())
    ways = [bent.to_first - plain.to_first, bent.to_second - plain.to_second]
    if block_px > 1:
        ways = [_blocks(way, block_px) for way in ways]
    far = torch.stack([way.square().sum(1, keepdim=True) for way in ways])
    found = ((far * weights).mean() / weights.mean().clamp(min=1e-6)).sqrt()
    gain = (reach_px / found.clamp(min=1e-6)).clamp(max=most)
    gain = torch.minimum(gain, MOST_FOLDING / _folding(ways, weights).clamp(min=1e-6))
    limit = 4 * reach_px
    held = [way * gain / (1 + way.square().sum(1, keepdim=True) * (gain / limit) ** 2).sqrt() for way in ways]
    return Motion(plain.to_first + held[0], plain.to_second + held[1], bent.visible, bent.forth, bent.back), gain


def _folding(ways: list[Tensor], weights: Tensor) -> Tensor:
    """How fast flows change from pixel to pixel, root mean square; far above 1 nothing is left of a shape."""
    down = torch.stack([way.diff(dim=2)[..., 1:].square().sum(1, keepdim=True) for way in ways])
    across = torch.stack([way.diff(dim=3)[:, :, 1:].square().sum(1, keepdim=True) for way in ways])
    seen = weights[:, :, 1:, 1:]
    return (((down + across) * seen).mean() / seen.mean().clamp(min=1e-6)).sqrt()


def _blocks(flow: Tensor, side: int) -> Tensor:
    rough = F.avg_pool2d(flow, side, ceil_mode=True, count_include_pad=False)
    whole = F.interpolate(rough, scale_factor=side, mode="nearest")
    return whole[:, :, : flow.shape[2], : flow.shape[3]]


def torn(visible: Tensor, t: float, sheet: Tensor, hardness: float) -> Tensor:
    """A visibility (B, 1, h, w) under which each place shows one picture or the other, instead of both at once.

    hardness 0 leaves it as it is, towards 1 tears ever sharper; sheet (B, 1, h, w), about -1..1, says where the first
    picture wins.
    """
    if hardness <= 0:
        return visible
    now = ((1 - t) * visible / ((1 - t) * visible + t * (1 - visible)).clamp(min=1e-6)).clamp(1e-4, 1 - 1e-4)
    first = ((now.logit() + hardness * 2 * sheet) / max(1 - hardness, 0.02)).sigmoid()
    return first * t / (first * t + (1 - first) * (1 - t)).clamp(min=1e-6)
