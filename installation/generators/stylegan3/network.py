"""A model's numbers in, what `fast.py` and `reference.py` play out: StyleGAN3 (Karras et al. 2021), named as NVIDIA's.

Only what is kept stands here: weights, and the filters, of which a file's own win over those designed by the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from installation.generators.stylegan2.network import FullyConnected, Mapping
from installation.generators.stylegan3.filters import low_pass
from installation.generators.stylegan3.shape import LayerShape, NetworkConfig, layer_names, layer_shapes

__all__ = ["NetworkConfig", "layer_names"]  # and what stands below


class SynthesisInput(nn.Module):
    """Waves of fixed frequency, of which w turns and shifts the plane: w (B, w_dim) -> (B, channels, size, size)."""

    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, w_dim: int, first: LayerShape) -> None:
        super().__init__()
        self.channels, self.size, self.rate, self.bandwidth = (
            first.inputs,
            first.in_size,
            first.in_rate,
            first.in_cutoff,
        )
        freqs = torch.randn(self.channels, 2)
        radii = freqs.norm(dim=1, keepdim=True)
        self.register_buffer("freqs", freqs / (radii * radii.square().exp().pow(0.25)) * self.bandwidth)
        self.register_buffer("phases", torch.rand(self.channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))
        self.weight = nn.Parameter(torch.randn(self.channels, self.channels))
        self.affine = FullyConnected(w_dim, 4)
        with torch.no_grad():
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.eye(4)[0])


class SynthesisLayer(nn.Module):
    """One layer: style, convolution, up, leaky ReLU, down: (B, inputs, in_size, ...) -> (B, outputs, out_size, ...)."""

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(self, config: NetworkConfig, shape: LayerShape) -> None:
        super().__init__()
        self.shape, self.clamp = shape, config.conv_clamp
        self.affine = FullyConnected(config.w_dim, shape.inputs, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(shape.outputs, shape.inputs, shape.kernel, shape.kernel))
        self.bias = nn.Parameter(torch.zeros(shape.outputs))
        self.register_buffer("magnitude_ema", torch.ones([]))  # of the square of what comes in
        up = low_pass(shape.up_taps, shape.in_cutoff, 2 * shape.in_width, shape.rate)
        down = low_pass(shape.down_taps, shape.out_cutoff, 2 * shape.out_width, shape.rate, shape.radial)
        self.register_buffer("up_filter", up)
        self.register_buffer("down_filter", down)


class Synthesis(nn.Module):
    """The input and every layer, under their names."""

    input: SynthesisInput

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        shapes = layer_shapes(config)
        self.input = SynthesisInput(config.w_dim, shapes[0])
        self.names = [shape.name for shape in shapes]
        for shape in shapes:
            self.add_module(shape.name, SynthesisLayer(config, shape))

    @property
    def layers(self) -> list[SynthesisLayer]:
        return [self.get_submodule(name) for name in self.names]  # type: ignore[misc]


class Generator(nn.Module):
    """Mapping and synthesis under the names NVIDIA's files use."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)

    def broadcast(self, w: Tensor) -> Tensor:
        """w (B, w_dim) -> ws (B, num_ws, w_dim)."""
        return w[:, None].expand(-1, self.config.num_ws, -1)
