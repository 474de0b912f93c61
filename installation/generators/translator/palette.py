"""A picture in, its colour code out: the colours of what is in its middle, of its ground, of its heart; codes, turned.

A code is nine numbers in -1..1: red, green and blue of the subject, of the ground round it, and of the subject's heart.
"""

from __future__ import annotations

import colorsys

import torch
import torch.nn.functional as F
from torch import Tensor

SEEN_PX = 24
RIM = 0.14  # of a side: what lies so near the border is ground
MIDDLE = 0.22  # of a side: how far from the middle the subject is looked for, as a deviation
COUNT = 12  # palettes of a corpus that a translator keeps
ROUNDS = 30


def codes_of(pictures: Tensor) -> Tensor:
    """pictures (B, 3, H, W) in -1..1 -> codes (B, 9)."""
    small = F.interpolate(pictures.float(), (SEEN_PX, SEEN_PX), mode="area").flatten(2)  # (B, 3, N)
    line = (torch.arange(SEEN_PX) + 0.5) / SEEN_PX - 0.5
    y, x = torch.meshgrid(line, line, indexing="ij")
    rim = (torch.maximum(x.abs(), y.abs()) > 0.5 - RIM).float().flatten().to(small)
    middle = torch.exp(-(x.square() + y.square()) / (2 * MIDDLE**2)).flatten().to(small)
    ground = (small * rim).sum(2) / rim.sum()
    unlike = (small - ground[:, :, None]).square().sum(1)  # (B, N): the subject is what differs from the ground
    weight = middle * (unlike + 0.02)
    subject = (small * weight[:, None]).sum(2) / weight.sum(1, keepdim=True)
    unlike_both = (small - subject[:, :, None]).square().sum(1) * unlike / (unlike + 0.1)
    weight = middle.square() * (unlike_both + 0.002)  # the heart is nearer to the middle, and like neither
    heart = (small * weight[:, None]).sum(2) / weight.sum(1, keepdim=True)
    return torch.cat([subject, ground, heart], 1)


def find_palettes(codes: Tensor, count: int = COUNT, seed: int = 0) -> Tensor:
    """The palettes (count, 9) that stand for codes (N, 9) best (k-means, Lloyd 1982), in the order of their hue.

    Only of those whose colours stand out from each other more than most: of the others little would be seen. They are
    codes that are there, since means of several would be grey.
    """
    subject, ground, heart = codes.split(3, 1)
    contrast = (subject - ground).norm(dim=1) + (heart - subject).norm(dim=1)
    codes = codes[contrast >= contrast.median()]
    centres = codes[torch.randint(len(codes), (1,), generator=torch.Generator().manual_seed(seed))]
    while len(centres) < min(count, len(codes)):  # each begins far from those before it
        centres = torch.cat([centres, codes[torch.cdist(codes, centres).amin(1).argmax()][None]])
    for _ in range(ROUNDS):
        nearest = torch.cdist(codes, centres).argmin(1)
        for i in range(len(centres)):
            if (nearest == i).any():
                centres[i] = codes[nearest == i].mean(0)
    centres = codes[torch.cdist(centres, codes).argmin(1)]
    hues = [colorsys.rgb_to_hsv(*(float(v) * 0.5 + 0.5 for v in code[:3]))[0] for code in centres]
    return centres[sorted(range(len(centres)), key=lambda i: (hues[i] + 0.12) % 1.0)]


def blend(palettes: Tensor, at: float) -> Tensor:
    """The code (D,) at a place 0..1 on the round through palettes (K, D)."""
    place = at % 1.0 * len(palettes)
    first = int(place) % len(palettes)
    return torch.lerp(palettes[first], palettes[(first + 1) % len(palettes)], place - int(place))


def turn(code: Tensor, hue: float, vivid: float, light: float, heart: float = 0.0) -> Tensor:
    """A code whose subject's and heart's hues are turned (-0.5..0.5 of the circle); subject and heart made more or less
    vivid (times), and all lighter (-1..1)."""
    subject, ground, middle = code.tolist()[:3], code.tolist()[3:6], code.tolist()[6:]
    lighter = [min(max(value + 0.5 * light, -1.0), 1.0) for value in ground]
    return torch.tensor([*_turned(subject, hue, vivid, light), *lighter, *_turned(middle, heart, vivid, light)])


def _turned(rgb: list[float], hue: float, vivid: float, light: float) -> list[float]:
    h, s, v = colorsys.rgb_to_hsv(*(min(max(value * 0.5 + 0.5, 0.0), 1.0) for value in rgb))
    turned = colorsys.hsv_to_rgb((h + hue) % 1.0, min(1.0, s * vivid), min(max(v + 0.5 * light, 0.0), 1.0))
    return [value * 2 - 1 for value in turned]
