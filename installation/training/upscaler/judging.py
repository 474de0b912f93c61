"""Small pictures, what they became and what they were in; figures of how well out, beside plain ways of enlarging."""

from __future__ import annotations

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from installation.networks.vgg import VGG, load
from installation.weights import WeightsError

TAPS = ("1_2", "2_2", "3_3")
PLAIN = {"bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS}


def load_eye(device: torch.device) -> VGG | None:
    """What the perceptual distance looks through, or None and a warning that says how to get it."""
    try:
        return load("vgg16", TAPS, device=str(device))
    except WeightsError as error:
        warnings.warn(f"no perceptual figure: {error}", stacklevel=2)
        return None


def enlarge_plainly(small: Tensor, scale: int, way: str) -> Tensor:
    """(B, 3, h, w) 0..1 -> (B, 3, h * scale, w * scale), by Pillow's filter of that name."""
    size = (small.shape[3] * scale, small.shape[2] * scale)
    planes = small.reshape(-1, *small.shape[2:]).cpu().numpy()
    large = [np.asarray(Image.fromarray(plane).resize(size, PLAIN[way])) for plane in planes]
    return torch.from_numpy(np.stack(large)).reshape(*small.shape[:2], *size[::-1]).clamp(0, 1).to(small.device)


def measure(large: Tensor, true: Tensor, small: Tensor, eye: VGG | None, rim: int = 4) -> dict[str, float]:
    """psnr (dB, more is better), look (perceptual distance x 100, less is better), off (mean absolute difference of
    the picture made small again by area from the small one, in 1/255), averaged over the pictures.

    All (B, 3, H, W) 0..1. look is LPIPS without its learned weights (Zhang et al. 2018, arXiv:1801.03924) on VGG-16.
    psnr leaves out `rim` pixels at the border, as is the custom.
    """
    inner = (large - true)[..., rim:-rim, rim:-rim]
    found = {"psnr": float(-10 * inner.square().mean((1, 2, 3)).clamp(min=1e-8).log10().mean())}
    if eye is not None:
        apart = [
            (F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(1).mean()
            for a, b in zip(eye(large).values(), eye(true).values(), strict=True)
        ]
        found["look"] = 100 * float(torch.stack(apart).mean())
    scale = true.shape[3] // small.shape[3]
    return found | {"off": 255 * float((F.avg_pool2d(large, scale) - small).abs().mean())}
