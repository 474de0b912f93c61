"""Weights in, a prepared convolution out: laid out once for one size of picture, with what follows it inside.

On a CPU these are the operators that torch's own compiler uses. They are not part of torch's public face, so they are
tried once (the version of torch is pinned), and torch's plain ones stand in, as on a GPU.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

AFTER: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "relu": torch.relu_,
    "swish": lambda x: F.silu(x, inplace=True),
    "sigmoid": torch.sigmoid_,
    "tanh": torch.tanh_,
    "leaky": lambda x: F.leaky_relu_(x, LEAK),
}
LEAK = 0.2
FUSED: dict[str, tuple[str, list[float]]] = {"leaky": ("leaky_relu", [LEAK])}  # where the library's name is another
DOUBLING = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0))
ONCE = [1, 1]


@dataclass(frozen=True)
class Form:
    """How a convolution is laid over a picture, and what follows it: one of AFTER."""

    then: str = "none"
    padding: int = 0
    stride: int = 1
    transposed: bool = False
    output_padding: int = 0

    def plainly(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """With torch's public operators."""
        if self.transposed:
            y = F.conv_transpose2d(x, weight, bias, self.stride, self.padding, self.output_padding)
        else:
            y = F.conv2d(x, weight, bias, self.stride, self.padding)
        return AFTER[self.then](y)

    def pack(self, weight: Tensor, shape: list[int]) -> Tensor:
        """The weight as a CPU's library wants it for pictures of that shape (1, in, H, W)."""
        stride, padding, extra = self._pairs()
        if self.transposed:
            return torch.ops.mkldnn._reorder_convolution_transpose_weight(
                weight, padding, extra, stride, ONCE, 1, shape
            )
        return torch.ops.mkldnn._reorder_convolution_weight(weight, padding, stride, ONCE, 1, shape)

    def fused(self, x: Tensor, packed: Tensor, bias: Tensor) -> Tensor:
        """What `plainly` does, in one piece; also with a weight that is not packed."""
        (stride, padding, extra), (then, numbers) = self._pairs(), FUSED.get(self.then, (self.then, []))
        if self.transposed:
            return torch.ops.mkldnn._convolution_transpose_pointwise(
                x, packed, bias, padding, extra, stride, ONCE, 1, then, numbers, ""
            )
        return torch.ops.mkldnn._convolution_pointwise(x, packed, bias, padding, stride, ONCE, 1, then, numbers, "")

    def _pairs(self) -> tuple[list[int], list[int], list[int]]:
        return [self.stride] * 2, [self.padding] * 2, [self.output_padding] * 2


class Convolution:
    """x (1, in, H, W) channels_last -> (1, out, H', W') channels_last, in one number format on one device."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        rows: tuple[int, int],
        device: torch.device,
        dtype: torch.dtype,
        form: Form = Form(),
    ) -> None:
        """weight (out, in, k, k), or (in, out, k, k) if transposed; rows: (H, W) of what comes in."""
        self.form, self.bias = form, bias.to(device, dtype)
        self.weight = weight.to(device, dtype).contiguous(memory_format=torch.channels_last)
        self.run: Callable[..., Tensor] = form.plainly
        if device.type == "cpu" and fuses(dtype):
            self.run = form.fused
            self.weight = form.pack(self.weight, [1, weight.shape[0 if form.transposed else 1], *rows])

    def __call__(self, x: Tensor) -> Tensor:
        return self.run(x, self.weight, self.bias)


@functools.cache
def fuses(dtype: torch.dtype) -> bool:
    """Whether this torch has the fused operators for this CPU and format, and they do what is expected of them."""
    if dtype not in (torch.float32, torch.bfloat16):
        return False
    x = torch.linspace(-1, 1, 8 * 36).reshape(1, 8, 6, 6).to(dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.linspace(-0.2, 0.2, 8 * 8 * 16).reshape(8, 8, 4, 4).to(dtype)
    bias = torch.linspace(-1, 1, 8).to(dtype)
    for form in (Form(then, 1, 2, transposed) for then in AFTER for transposed in (False, True)):
        try:
            found = form.fused(x, form.pack(weight, [1, 8, 6, 6]), bias)
        except (AttributeError, RuntimeError):
            return False
        if not torch.allclose(found.float(), form.plainly(x, weight, bias).float(), atol=0.05):
            return False
    return True


def doubled(weight: Tensor) -> Tensor:
    """A 3x3 weight (out, in, 3, 3) for a picture enlarged twice by repeating its pixels -> (in, out, 4, 4), transposed.

    Run with stride 2 and padding 1 on the small picture that makes the same numbers with 4/9 of the multiplications,
    because repeated pixels meet summed weights.
    """
    sums = torch.tensor(DOUBLING, dtype=weight.dtype, device=weight.device)
    return torch.einsum("ak,oikl,bl->ioab", sums, weight, sums).contiguous()


UP = Form(padding=1, stride=2, transposed=True)  # how a weight of `doubled` is run
