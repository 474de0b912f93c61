"""Convolutions with the leaky ReLU inside and weights laid out beforehand: what torch's own compiler runs on a CPU.

These operators are not part of torch's public face, so `available()` tries them once; the torch version is pinned.
"""

import functools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

ONCE, TWICE = [1, 1], [2, 2]


@functools.cache
def available(dtype: torch.dtype = torch.float32) -> bool:
    """Whether this torch has the fused operators, in this format on this CPU, and they do what is expected of them."""
    x = torch.linspace(-1, 1, 8 * 36).reshape(1, 8, 6, 6).contiguous(memory_format=torch.channels_last)
    weight, bias = torch.linspace(-1, 1, 8 * 8 * 9).reshape(8, 8, 3, 3), torch.linspace(-1, 1, 8)
    rows, columns = x.permute(0, 2, 3, 1).reshape(36, 8), weight[:, :, 0, 0]
    expected = F.leaky_relu(F.conv2d(x, weight, bias, padding=1), 0.2)
    wide, flat = F.conv_transpose2d(x, weight, stride=2), F.leaky_relu(F.linear(rows, columns, bias), 0.2)
    x, weight, bias, rows, columns = (tensor.to(dtype) for tensor in (x, weight, bias, rows, columns))
    try:
        made = [conv(x, pack(weight, 6), bias, 0.2), conv(x, weight, bias, 0.2), linear(rows, columns, bias, 0.2)]
        made.append(conv_transpose(x, pack_transpose(weight, 6)))
    except (AttributeError, RuntimeError):
        return False
    within = 1e-4 if dtype == torch.float32 else 0.02 * float(expected.abs().max())
    return all(
        torch.allclose(y.float(), z, atol=within) for y, z in zip(made, [expected, expected, flat, wide], strict=True)
    )


def pack(weight: Tensor, size: int, padding: Sequence[int] = ONCE) -> Tensor:
    """Lay out a weight (out, in, k, k) for pictures of that size."""
    shape = [1, weight.shape[1], size, size]
    return torch.ops.mkldnn._reorder_convolution_weight(weight, padding, ONCE, ONCE, 1, shape)


def pack_transpose(weight: Tensor, size: int) -> Tensor:
    """Lay out the weight (in, out, 3, 3) of a transposed convolution of stride 2 for pictures of that size."""
    shape = [1, weight.shape[0], size, size]
    return torch.ops.mkldnn._reorder_convolution_transpose_weight(weight, [0, 0], [0, 0], TWICE, ONCE, 1, shape)


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    slope: float | None,
    groups: int = 1,
    padding: Sequence[int] = ONCE,
    stride: Sequence[int] = ONCE,
) -> Tensor:
    """leaky_relu(conv2d(x, weight, bias, padding)), or without the leaky ReLU; weight packed or plain."""
    return torch.ops.mkldnn._convolution_pointwise(x, weight, bias, padding, stride, ONCE, groups, *_then(slope), "")


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, slope: float | None) -> Tensor:
    """leaky_relu(x @ weight.T + bias), or without the leaky ReLU: x (N, in), weight (out, in)."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, *_then(slope), "")


def _then(slope: float | None) -> tuple[str, list[float]]:
    return ("none", []) if slope is None else ("leaky_relu", [slope])


def conv_transpose(x: Tensor, weight: Tensor) -> Tensor:
    """conv_transpose2d(x, weight, stride=2) with a packed weight."""
    return torch.ops.mkldnn._convolution_transpose_pointwise(
        x, weight, None, [0, 0], [0, 0], TWICE, ONCE, 1, "none", [], ""
    )
