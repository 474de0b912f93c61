"""Weights as they were trained in, weights with what follows or divides them inside out: spectral and batch norms."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def without_spectral_norm(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State as torch.nn.utils.spectral_norm keeps it (weight_orig, weight_u, weight_v) -> plain weights.

    A weight is divided by its largest singular value as training last knew it: u (out,), v (the rest,) of the weight as
    a matrix. Miyato et al. 2018. Transposed convolutions keep `out` second: u's length tells.
    """
    plain = {name: tensor for name, tensor in tensors.items() if not name.endswith(("_orig", "_u", "_v"))}
    for name, weight in tensors.items():
        if not name.endswith("_orig"):
            continue
        stem = name.removesuffix("_orig")
        u, v = tensors[f"{stem}_u"].double(), tensors[f"{stem}_v"].double()
        matrix = weight.double().flatten(1)
        if matrix.shape != (len(u), len(v)):
            matrix = weight.double().transpose(0, 1).flatten(1)
        plain[stem] = (weight.double() / (u @ matrix @ v)).to(weight.dtype)
    return plain


def folded(weight: Tensor, bias: Tensor | None, norm: nn.Module | None, out: int = 0) -> tuple[Tensor, Tensor]:
    """A convolution's weight and bias (O,) with the batch norm that follows it inside. out: the weight's axis of O."""
    count = weight.shape[out]
    bias = torch.zeros(count) if bias is None else bias
    if norm is None:
        return weight, bias
    gain, shift = scale_and_shift(norm)
    shape = [1] * weight.ndim
    shape[out] = count
    return weight * gain.reshape(shape), bias * gain + shift


def scale_and_shift(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """What a batch norm at play does to each channel: x * scale (C,) + shift (C,)."""
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    gain = norm.get_parameter("weight") / (variance + norm.eps).sqrt()  # type: ignore[operator]
    return gain, norm.get_parameter("bias") - mean * gain
