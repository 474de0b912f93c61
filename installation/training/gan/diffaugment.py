"""Pictures in, the same pictures disturbed out, with gradients: what lets a GAN learn from a few hundred images.

Differentiable augmentation (Zhao et al. 2020): colour, translation, cutout, applied alike to real and drawn pictures.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def augment(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 3, H, W), every picture disturbed in its own way."""
    return cutout(translate(recolour(pictures)))


def recolour(x: Tensor) -> Tensor:
    """Brightness by up to 0.5, saturation by 0..2, contrast by 0.5..1.5."""
    brightness, saturation, contrast = torch.rand(3, len(x), 1, 1, 1, device=x.device, dtype=x.dtype).unbind()
    x = x + (brightness - 0.5)
    grey = x.mean(1, keepdim=True)
    x = (x - grey) * (saturation * 2) + grey
    middle = x.mean((1, 2, 3), keepdim=True)
    return (x - middle) * (contrast + 0.5) + middle


def translate(x: Tensor, ratio: float = 0.125) -> Tensor:
    """Shift by up to an eighth of the size each way; zeros come in."""
    batch, _, height, width = x.shape
    most_y, most_x = round(height * ratio), round(width * ratio)
    shift_y = torch.randint(-most_y, most_y + 1, (batch, 1, 1), device=x.device)
    shift_x = torch.randint(-most_x, most_x + 1, (batch, 1, 1), device=x.device)
    rows = (torch.arange(height, device=x.device)[None, :, None] + shift_y + 1).clamp(0, height + 1)
    columns = (torch.arange(width, device=x.device)[None, None, :] + shift_x + 1).clamp(0, width + 1)
    padded = F.pad(x, (1, 1, 1, 1)).permute(0, 2, 3, 1)
    which = torch.arange(batch, device=x.device)[:, None, None]
    return padded[which, rows, columns].permute(0, 3, 1, 2)


def cutout(x: Tensor, ratio: float = 0.5) -> Tensor:
    """Blacken one window of half the size each way, wherever it falls."""
    batch, _, height, width = x.shape
    cut_y, cut_x = int(height * ratio), int(width * ratio)
    centre_y = torch.randint(0, height + 1, (batch, 1, 1), device=x.device)
    centre_x = torch.randint(0, width + 1, (batch, 1, 1), device=x.device)
    rows = torch.arange(height, device=x.device)[None, :, None]
    columns = torch.arange(width, device=x.device)[None, None, :]
    inside = ((rows - centre_y).abs() * 2 < cut_y) & ((columns - centre_x).abs() * 2 < cut_x)
    return x * (~inside)[:, None].to(x.dtype)
