"""A generator and this machine in; floating-point operations out: of one picture, and the most that it does a second.

A multiplication and an addition count as two. Biases, rectifiers and bends are not counted: they move bytes rather than
multiply, and are about a hundredth of the rest.
"""

from __future__ import annotations

import time
from typing import Any

SIZES = {"cpu": (768, 1536), "cuda": (4096, 8192)}
ROUNDS = 3
FIR_TAPS = 16


def flops_of(generator: Any) -> float | None:
    """Operations of one picture, counted from the network's shapes; None for another generator than a StyleGAN2.

    For a layer of `in` and `out` channels, R rows and C columns: its 3x3 convolution takes 2 * 9 * in * out for each of
    R * C pixels, or of a quarter of them where it doubles the size (a transposed convolution visits each pixel that
    goes in once; the filter after it takes 2 * 16 * out for each that comes out); its style 2 * w_dim * in, its
    demodulation 2 * in * out. To that come the 1x1 convolutions to colour, and the filters that double the colours.
    """
    synthesis = getattr(generator, "synthesis", None)
    if not hasattr(getattr(synthesis, "config", None), "resolutions"):
        return None
    assert synthesis is not None
    config = synthesis.config
    wide = 1 + generator.settings.extend / 2
    total, before = 0.0, 0
    for rows in config.resolutions:
        pixels, out = rows * rows * wide, config.channels[rows]
        if before:
            total += _styled(before, out, config.w_dim, pixels / 4) + 2 * FIR_TAPS * out * pixels
            total += 2 * FIR_TAPS / 4 * config.rgb_channels * pixels  # a doubling meets a quarter of its taps
        total += _styled(out, out, config.w_dim, pixels)
        total += 2 * config.rgb_channels * out * pixels + 2 * config.w_dim * out
        before = out
    return total


def _styled(inputs: int, out: int, w_dim: int, pixels: float) -> float:
    return 2 * 9 * inputs * out * pixels + 2 * w_dim * inputs + 2 * inputs * out


def peak_gflops(dtype: Any, device: Any) -> float:
    """The best of several large matrix products [random, n x n] in this number format, with torch's threads of now."""
    import torch

    settle = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    best = 0.0
    for n in SIZES[device.type]:
        a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
        for _ in range(ROUNDS + 1):
            settle()
            began = time.perf_counter()
            a @ b
            settle()
            best = max(best, 2 * n**3 / (time.perf_counter() - began) / 1e9)
    return best
