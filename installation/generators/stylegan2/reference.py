"""ws in, pictures out, written the textbook way: the yardstick for `fast.py`, in results and in speed.

Follows the reference implementation of Karras et al. 2020: weights modulated anew for every sample and run as one
grouped convolution, resampling by zero insertion and an explicit filter. Plain float32, nothing cached.
"""

import math

import torch.nn.functional as F
from torch import Tensor

from installation.generators.stylegan2.network import GAIN, SLOPE, Noise, StyledConv, Synthesis, ToRGB, fir_kernel


def synthesize(net: Synthesis, ws: Tensor, noise: Noise = "frozen") -> Tensor:
    """ws (B, num_ws, w_dim) -> picture (B, 3, R, R) float32, about -1..1; uses the parameters of net, not its code."""
    x = net.get_submodule("b4").get_parameter("const").expand(ws.shape[0], -1, -1, -1)
    rgb: Tensor | None = None
    for i, resolution in enumerate(net.config.resolutions):
        block = net.get_submodule(f"b{resolution}")
        if i:
            x = _styled(block.conv0, x, ws[:, 2 * i - 1], noise)  # type: ignore[arg-type]
        x = _styled(block.conv1, x, ws[:, 2 * i], noise)  # type: ignore[arg-type]
        y = _to_rgb(block.torgb, x, ws[:, 2 * i + 1])  # type: ignore[arg-type]
        rgb = y if rgb is None else y + _resample(rgb, up=2, pad=(2, 1), gain=4.0)
    assert rgb is not None
    return rgb


def _styled(layer: StyledConv, x: Tensor, w: Tensor, noise: Noise) -> Tensor:
    style = F.linear(w, layer.affine.weight / math.sqrt(w.shape[1]), layer.affine.bias)
    x = _modulated(x, layer.weight, style, demodulate=True, up=layer.up)
    if noise != "none":
        x = x + layer.noise_for(x, noise) * layer.noise_strength
    x = F.leaky_relu(x + layer.bias[None, :, None, None], SLOPE) * GAIN
    return layer.clamp(x, GAIN)


def _to_rgb(layer: ToRGB, x: Tensor, w: Tensor) -> Tensor:
    style = F.linear(w, layer.affine.weight / math.sqrt(w.shape[1]), layer.affine.bias)
    x = _modulated(x, layer.weight, style / math.sqrt(x.shape[1]), demodulate=False, up=False)
    return layer.clamp(x + layer.bias[None, :, None, None])


def _modulated(x: Tensor, weight: Tensor, style: Tensor, demodulate: bool, up: bool) -> Tensor:
    """x (B, in, H, W), weight (out, in, k, k), style (B, in) -> (B, out, H', W'), one weight per sample."""
    batch, channels, height, width = x.shape
    out, _, kernel, _ = weight.shape
    w = weight[None] * style[:, None, :, None, None]  # (B, out, in, k, k)
    if demodulate:
        w = w * (w.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    x = x.reshape(1, batch * channels, height, width)
    if up:
        w = w.transpose(1, 2).reshape(batch * channels, out, kernel, kernel)
        x = F.conv_transpose2d(x, w, stride=2, groups=batch)
        x = _resample(x, up=1, pad=(1, 1), gain=4.0)
    else:
        x = F.conv2d(x, w.reshape(batch * out, channels, kernel, kernel), padding=kernel // 2, groups=batch)
    return x.reshape(batch, out, *x.shape[2:])


def _resample(x: Tensor, up: int, pad: tuple[int, int], gain: float) -> Tensor:
    """Insert zeros between the pixels, pad, filter: (B, C, H, W) -> (B, C, H * up + sum(pad) - 3, ...)."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels, height, 1, width, 1)
    x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1))
    x = x.reshape(batch, channels, height * up, width * up)
    x = F.pad(x, (*pad, *pad))
    kernel = fir_kernel(gain).to(x).expand(channels, 1, 4, 4)
    return F.conv2d(x, kernel, groups=channels)
