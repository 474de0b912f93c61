"""An aim and chance in; a picture in which a net sees as much of it as can be, begun from noise, out.

Feature visualisation (Olah, Mordvintsev and Schubert 2017): the picture is a spectrum, in colours that are as
independent as those of photographs, and it has to please however it is moved, turned and scaled.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from installation.networks.adam import Adam
from installation.networks.eyes import Sight

COLOURS = ((0.56, 0.19, 0.04), (0.58, 0.0, -0.11), (0.58, -0.19, 0.07))  # of photographs: light, blue-red, green-violet
PAD_PX = 12
JITTER_PX, TURN_DEG, SCALES = 12, 6.0, (0.9, 1.12)
BEGIN = 0.02  # deviation of the noise it begins with
RATE = 0.05


def imagine(
    sight: Sight,
    size: tuple[int, int],
    steps: int,
    chance: np.random.Generator,
    step_done: Callable[[int, np.ndarray], object] = lambda step, rgb: None,
) -> np.ndarray:
    """The picture (H, W, 3), float32 0..1, of size (width, height)."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    width, height = size
    scale = _scale(height, width).to(device)
    noise = chance.standard_normal((3, height, width // 2 + 1, 2)).astype(np.float32)
    spectrum = (torch.from_numpy(noise) * BEGIN).to(device).requires_grad_()
    climbing = Adam([spectrum], RATE)
    for step in range(steps):
        picture = _paint(spectrum, scale, (height, width))
        loss = -sight(_moved(picture, chance))
        climbing.zero_grad()
        loss.backward()
        climbing.step()
        if step % 8 == 7:
            step_done(step, _as_array(picture))
    with torch.inference_mode():
        return _as_array(_paint(spectrum, scale, (height, width)))


def _paint(spectrum: Tensor, scale: Tensor, size: tuple[int, int]) -> Tensor:
    """A spectrum (3, H, W / 2 + 1, 2) as a picture (1, 3, H, W), 0..1."""
    waves = torch.fft.irfft2(torch.view_as_complex(spectrum) * scale, size, norm="ortho")  # (3, H, W)
    mixed = torch.tensordot(torch.tensor(COLOURS, device=waves.device), waves, 1)
    return torch.sigmoid(2.5 * mixed)[None]


def _scale(height: int, width: int) -> Tensor:
    """How strong each wave is at the start: as in photographs, the longer the stronger."""
    across, down = torch.fft.rfftfreq(width)[None], torch.fft.fftfreq(height)[:, None]
    frequency = torch.sqrt(across**2 + down**2).clamp(min=1 / max(height, width))
    return math.sqrt(height * width) / frequency / max(height, width) ** 1.0 / 8


def _moved(picture: Tensor, chance: np.random.Generator) -> Tensor:
    """A picture (1, 3, H, W) as somebody sees it who does not stand still: shifted, turned, nearer or farther."""
    height, width = picture.shape[2:]
    pad = min(PAD_PX, height - 1, width - 1)
    padded = F.pad(picture, (pad,) * 4, mode="reflect")
    angle = math.radians(float(chance.uniform(-TURN_DEG, TURN_DEG)))
    zoom = 1 / float(chance.uniform(*SCALES))
    shift = chance.uniform(-JITTER_PX, JITTER_PX, 2) * 2 / np.array([width, height])
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    ratio = height / width
    turned = torch.tensor([[cos, -sin * ratio, shift[0]], [sin / ratio, cos, shift[1]]], dtype=torch.float32)
    grid = F.affine_grid(turned[None].to(picture.device), [1, 3, height, width], align_corners=False)
    return F.grid_sample(padded, grid, padding_mode="reflection", align_corners=False)


def _as_array(picture: Tensor) -> np.ndarray:
    return picture.detach()[0].permute(1, 2, 0).cpu().numpy()
