"""Tensors under NVIDIA's names and a z in; the picture that the papers' equations give out, in float64, slowly.

StyleGAN2: Karras et al. 2020, arXiv:1912.04958, sections 2 and 3; the classes of ADA: arXiv:2006.06676, appendix.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SLOPE, GAIN = 0.2, math.sqrt(2)
LEAST_CONTRAST = 8  # a plain surface would agree with anything


def unit(x: Tensor) -> Tensor:
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def mapping(t: dict[str, Tensor], z: Tensor, label: Tensor | None, psi: float, lr: float = 0.01) -> Tensor:
    """(1, z_dim) -> w (1, w_dim), truncated towards the running average."""
    x = unit(z.double())
    if label is not None:
        weight = t["mapping.embed.weight"]
        x = torch.cat([x, unit(label @ weight.T / math.sqrt(weight.shape[1]) + t["mapping.embed.bias"])], 1)
    for i in range(sum(name.startswith("mapping.fc") and name.endswith("weight") for name in t)):
        weight, bias = t[f"mapping.fc{i}.weight"], t[f"mapping.fc{i}.bias"]
        x = F.leaky_relu(x @ weight.T * (lr / math.sqrt(weight.shape[1])) + bias * lr, SLOPE) * GAIN
    return t["mapping.w_avg"] + psi * (x - t["mapping.w_avg"])


def stuffed(x: Tensor) -> Tensor:
    """Zeros after every pixel of every row and column."""
    out = torch.zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3], dtype=x.dtype)
    out[:, :, ::2, ::2] = x
    return out


def low_pass(x: Tensor, before: int, after: int) -> Tensor:
    """The [1, 3, 3, 1] filter with the gain of 4 that stuffing with zeros needs."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8
    kernel = (torch.outer(taps, taps) * 4).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (before, after, before, after)), kernel, groups=x.shape[1])


def modulated(t: dict[str, Tensor], stem: str, x: Tensor, w: Tensor, up: bool, rgb: bool) -> Tensor:
    """Equations 1 and 3: every weight times its input's scale, every output brought to deviation 1."""
    weight, affine = t[f"{stem}.weight"], t[f"{stem}.affine.weight"]
    scale = w @ affine.T / math.sqrt(w.shape[1]) + t[f"{stem}.affine.bias"]
    weight = weight * scale[0][None, :, None, None]
    if rgb:
        return F.conv2d(x, weight / math.sqrt(weight.shape[1]))
    weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
    if not up:
        return F.conv2d(x, weight, padding=1)
    wide = F.pad(stuffed(x)[:, :, :-1, :-1], (2, 2, 2, 2))
    return low_pass(F.conv2d(wide, weight.flip(2, 3)), 1, 1)


def clamped(x: Tensor, at: float | None) -> Tensor:
    return x if at is None else x.clamp(-at, at)


def synthesis(t: dict[str, Tensor], w: Tensor, noise: str = "const", clamp: float | None = None) -> Tensor:
    """w (1, w_dim) or (num_ws, w_dim) -> picture (1, C, H, W), about -1..1."""
    sizes = sorted({int(name.split(".")[1][1:]) for name in t if name.startswith("synthesis.b")})
    ws = w.expand(2 * len(sizes), -1)
    x, rgb = t["synthesis.b4.const"][None], None
    for i, size in enumerate(sizes):
        for conv in ("conv1",) if i == 0 else ("conv0", "conv1"):
            stem = f"synthesis.b{size}.{conv}"
            up = conv == "conv0"
            x = modulated(t, stem, x, ws[2 * i - up][None], up, rgb=False)
            if noise == "const" and f"{stem}.noise_const" in t:
                x = x + t[f"{stem}.noise_const"] * t[f"{stem}.noise_strength"]
            x = F.leaky_relu(x + t[f"{stem}.bias"][None, :, None, None], SLOPE) * GAIN
            x = clamped(x, clamp and clamp * GAIN)
        stem = f"synthesis.b{size}.torgb"
        y = modulated(t, stem, x, ws[2 * i + 1][None], False, rgb=True) + t[f"{stem}.bias"][None, :, None, None]
        y = clamped(y, clamp)
        rgb = y if rgb is None else low_pass(stuffed(rgb), 2, 1) + y
    assert rgb is not None
    return rgb


def z_of(seed: int, z_dim: int) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).randn(1, z_dim))


def picture(
    tensors: dict[str, Tensor],
    seed: int,
    psi: float = 1.0,
    klass: int | None = None,
    noise: str = "const",
    clamp: float | None = None,
    lr: float = 0.01,
) -> np.ndarray:
    """The picture of a seed as NVIDIA's generate.py writes it: (H, W, C) or (H, W) uint8, but with its fractions."""
    t = {name: tensor.double() for name, tensor in tensors.items()}
    embed = t.get("mapping.embed.weight")
    label = None if embed is None else F.one_hot(torch.tensor([klass or 0]), embed.shape[1]).double()
    z_dim = t["mapping.fc0.weight"].shape[1] - (0 if embed is None else len(embed))
    rgb = synthesis(t, mapping(t, z_of(seed, z_dim), label, psi, lr), noise, clamp)
    pixels = (rgb[0] * 127.5 + 128).clamp(0, 255).permute(1, 2, 0).numpy()
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def farthest(found: np.ndarray, expected: np.ndarray) -> float:
    """The most that two pictures differ anywhere, in steps of 1/255; `expected` has its fractions."""
    assert found.shape == expected.shape, (found.shape, expected.shape)
    assert expected.std() > LEAST_CONTRAST
    return float(np.abs(found.astype(float) - np.floor(expected)).max())
