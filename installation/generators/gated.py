"""Weights in, a prepared gated convolution out: two of them, one of which opens and shuts the other's channels."""

from __future__ import annotations

import torch
from torch import Tensor

from installation.generators.convolution import Convolution, Form


class GatedConvolution:
    """x (1, in, H, W) -> (1, out, H', W') channels_last: value * sigmoid(gate), each with its share of the noise.

    As two convolutions neither half is cut out of the other's memory, and the gate's sigmoid runs inside where no noise
    comes between.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        rows: tuple[int, int],
        device: torch.device,
        dtype: torch.dtype,
        form: Form,
        noise: Tensor | None = None,
    ) -> None:
        """weight (2 * out, in, k, k), (in, 2 * out, k, k) if transposed; noise (1, 2 * out, H', W') is added."""
        halves = zip(weight.chunk(2, int(form.transposed)), bias.chunk(2), strict=True)
        forms = form, form if noise is not None else Form("sigmoid", *list(vars(form).values())[1:])
        self.value, self.gate = (
            Convolution(w, b, rows, device, dtype, one) for (w, b), one in zip(halves, forms, strict=True)
        )
        self.full: tuple[Tensor, ...] = ()
        if noise is not None:
            parts = (part.to(device, dtype).contiguous(memory_format=torch.channels_last) for part in noise.chunk(2, 1))
            self.full = tuple(parts)
        self.noise = tuple(part.clone() for part in self.full)

    def scale(self, strength: float) -> None:
        """From now on the noise is this much of its own strength: changed in place."""
        for part, full in zip(self.noise, self.full, strict=True):
            torch.mul(full, strength, out=part)

    def __call__(self, x: Tensor) -> Tensor:
        value, gate = self.value(x), self.gate(x)
        if self.noise:
            value.add_(self.noise[0])
            gate.add_(self.noise[1]).sigmoid_()
        return value.mul_(gate)
