"""Activations in, what every place found in the others out: the attention of `network.LinearAttention`, played live."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.convolution import Convolution
from installation.generators.lightweight.network import HEAD, HEADS
from installation.generators.zspace import words_to_planes

INNER = HEADS * HEAD


class FastAttention:
    """x (1, C, R, R) channels_last -> the same shape; all that looks at single places is one product."""

    def __init__(self, block: nn.Module, size: int, device: torch.device, dtype: torch.dtype) -> None:
        self.dtype, self.size, attention = dtype, size, block.get_submodule("fn")
        norm = block.get_submodule("norm")
        self.scale, self.shift = (norm.get_parameter(name).to(device, torch.float32) for name in ("g", "b"))
        places = (attention.get_submodule(name).get_parameter("weight") for name in ("to_lin_q", "to_q", "to_kv"))
        weight, rows = torch.cat(tuple(places)), (size, size)
        self.looks = Convolution(weight, torch.zeros(len(weight)), rows, device, dtype)
        self.around = attention.get_submodule("to_lin_kv.net.0").get_parameter("weight").to(device, dtype)
        weight = attention.get_submodule("to_lin_kv.net.1").get_parameter("weight")
        self.spread = Convolution(weight, torch.zeros(len(weight)), rows, device, dtype)
        out = attention.get_submodule("to_out")
        self.out = Convolution(out.get_parameter("weight"), out.get_parameter("bias"), rows, device, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x.float(), 1, unbiased=False, keepdim=True)
        x = torch.addcmul(self.shift, (x - mean) * (variance + 1e-5).rsqrt(), self.scale).to(self.dtype)
        far_q, q, k, v = (_rows(part) for part in self.looks(x).split(INNER, 1))  # (R, R, heads, c)
        around = F.conv2d(x, self.around, padding=1, groups=len(self.around))
        far_k, far_v = (_rows(part) for part in self.spread(around).split(INNER, 1))
        found = torch.cat([F.gelu(self._far(far_q, far_k, far_v)), self._near(q, k, v)], 2)
        return self.out(words_to_planes(found.reshape(1, -1), (self.size, self.size)))

    def _far(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (part.flatten(0, 1).transpose(0, 1) for part in (q, k, v))  # (heads, N, c)
        context = torch.softmax(k, 1).transpose(1, 2) @ v  # (heads, c of k, c of v)
        found = torch.softmax(q, 2) @ (context * HEAD**-0.5)  # (heads, N, c)
        return found.transpose(0, 1).reshape(self.size, self.size, INNER)

    def _near(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = q * HEAD**-0.5, *(F.pad(part, (0, 0, 0, 0, 1, 1, 1, 1)) for part in (k, v))
        looks = torch.stack([(q * part).sum(3) for part in self._nine(k)], 3).softmax(3)  # (R, R, heads, 9)
        found = torch.zeros_like(q)
        for share, part in zip(looks.unbind(3), self._nine(v), strict=True):
            found.addcmul_(share[..., None], part)
        return found.reshape(self.size, self.size, INNER)

    def _nine(self, x: Tensor) -> list[Tensor]:
        """x (R + 2, R + 2, heads, c) as each place's neighbours see it, the upper left first."""
        return [x[i : i + self.size, j : j + self.size] for i in range(3) for j in range(3)]


def _rows(x: Tensor) -> Tensor:
    return x[0].permute(1, 2, 0).unflatten(2, (HEADS, HEAD))
