"""ws in, pictures out, written the textbook way: the yardstick for `fast.py`, in results and in speed.

Follows the paper (Karras et al. 2021): weights modulated anew for every sample and run as one grouped convolution,
up-sampling by zeros between the pixels, every filter an explicit convolution at the high rate. Any float; plain.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.generators.stylegan2.network import GAIN, SLOPE
from installation.generators.stylegan3.network import Synthesis, SynthesisInput, SynthesisLayer


def synthesize(net: Synthesis, ws: Tensor, move: Tensor | None = None) -> Tensor:
    """ws (B, num_ws, w_dim) -> picture (B, C, R, R), about -1..1; move (3, 3): where each point of it is taken from."""
    x = _input(net.input, ws[:, 0], move)
    for i, layer in enumerate(net.layers):
        x = _layer(layer, x, ws[:, i + 1])
    return x * net.config.output_scale


def _affine(layer: SynthesisInput | SynthesisLayer, w: Tensor) -> Tensor:
    return F.linear(w, layer.affine.weight / math.sqrt(w.shape[1]), layer.affine.bias)


def _input(net: SynthesisInput, w: Tensor, move: Tensor | None) -> Tensor:
    turn = _affine(net, w)
    turn = turn / turn[:, :2].norm(dim=1, keepdim=True)
    rotation, shift = torch.eye(3).to(w).repeat(2, len(w), 1, 1)
    rotation[:, 0, 0], rotation[:, 0, 1] = turn[:, 0], -turn[:, 1]
    rotation[:, 1, 0], rotation[:, 1, 1] = turn[:, 1], turn[:, 0]
    shift[:, 0, 2], shift[:, 1, 2] = -turn[:, 2], -turn[:, 3]
    place = rotation @ shift @ net.transform
    place = place if move is None else place @ move.to(w)
    phases = net.phases + (net.freqs @ place[:, :2, 2:])[..., 0]  # (B, C)
    freqs = net.freqs @ place[:, :2, :2]  # (B, C, 2)
    strength = (1 - (freqs.norm(dim=2) - net.bandwidth) / (net.rate / 2 - net.bandwidth)).clamp(0, 1)
    line = (torch.arange(net.size).to(w) + 0.5 - net.size / 2) / net.rate
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)  # (H, W, 2): x, y
    waves = torch.einsum("hwd,bcd->bhwc", grid, freqs) + phases[:, None, None]
    waves = torch.sin(waves * (2 * math.pi)) * strength[:, None, None]
    return (waves @ (net.weight / math.sqrt(net.channels)).T).permute(0, 3, 1, 2)


def _layer(layer: SynthesisLayer, x: Tensor, w: Tensor) -> Tensor:
    shape, style = layer.shape, _affine(layer, w)
    if shape.colours:
        style = style / math.sqrt(layer.weight[0].numel())
    x = _modulated(x, layer.weight, style, not shape.colours, layer.magnitude_ema.rsqrt())
    x = x + layer.bias[:, None, None]
    before, behind = shape.padding
    x = _resampled(x, layer.up_filter, shape.up, 1, before, behind, shape.up)
    x = x if shape.colours else F.leaky_relu(x, SLOPE) * GAIN
    x = x if layer.clamp is None else x.clamp(-layer.clamp, layer.clamp)
    return _resampled(x, layer.down_filter, 1, shape.down, 0, 0, 1)


def _modulated(x: Tensor, weight: Tensor, style: Tensor, demodulate: bool, gain: Tensor) -> Tensor:
    """x (B, in, H, W), weight (out, in, k, k), style (B, in) -> (B, out, H + k - 1, ...), one weight per sample."""
    batch, channels, height, width = x.shape
    out, _, kernel, _ = weight.shape
    if demodulate:
        weight = weight * weight.square().mean((1, 2, 3), keepdim=True).rsqrt()
        style = style * style.square().mean().rsqrt()
    w = weight[None] * style[:, None, :, None, None]  # (B, out, in, k, k)
    if demodulate:
        w = w * (w.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    w = (w * gain).reshape(batch * out, channels, kernel, kernel)
    x = F.conv2d(x.reshape(1, batch * channels, height, width), w, padding=kernel - 1, groups=batch)
    return x.reshape(batch, out, *x.shape[2:])


def _resampled(x: Tensor, fir: Tensor | None, up: int, down: int, before: int, behind: int, gain: float) -> Tensor:
    """Zeros between the pixels, zeros around them, filter, every `down`-th pixel; gain for each axis."""
    batch, channels, height, width = x.shape
    x = F.pad(x.reshape(batch, channels, height, 1, width, 1), (0, up - 1, 0, 0, 0, up - 1))
    x = F.pad(x.reshape(batch, channels, height * up, width * up), (before, behind, before, behind))
    if fir is not None and fir.ndim == 1:
        kernel = (fir.to(x) * gain).flip(0).expand(channels, 1, 1, -1)
        x = F.conv2d(F.conv2d(x, kernel, groups=channels), kernel.transpose(2, 3), groups=channels)
    elif fir is not None:
        x = F.conv2d(x, (fir.to(x) * gain**2).flip((0, 1)).expand(channels, 1, -1, -1), groups=channels)
    return x[:, :, ::down, ::down]
