"""A StyleGAN3 of random weights, laid out as its files are, and its pictures as the paper's equations have them.

Karras et al. 2021, arXiv:2106.12423: section 3.2 and appendices C and D for the layers' bands, sizes and filters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import paper
import scipy  # its parts are loaded when they are asked for
import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Bands:
    """What such a network is made with, under NVIDIA's names."""

    img_resolution: int = 32
    img_channels: int = 3
    num_layers: int = 6
    num_critical: int = 2
    margin_size: int = 4
    channel_base: int = 512
    channel_max: int = 24
    conv_kernel: int = 3
    use_radial_filters: bool = False
    filter_size: int = 6
    lrelu_upsampling: int = 2
    conv_clamp: float | None = 256.0
    output_scale: float = 0.25


@dataclass(frozen=True)
class Layer:
    name: str
    channels: tuple[int, int]
    kernel: int
    up: int
    down: int
    padding: tuple[int, int]
    filters: tuple[Tensor | None, Tensor | None]
    last: bool


def low_pass(taps: int, cutoff: float, width: float, rate: float, radial: bool) -> Tensor | None:
    if taps == 1:
        return None
    if not radial:
        return torch.from_numpy(scipy.signal.firwin(taps, cutoff, width=width, fs=rate)).float()
    x = (np.arange(taps) - (taps - 1) / 2) / rate
    far = np.hypot(*np.meshgrid(x, x))
    window = np.kaiser(taps, scipy.signal.kaiser_beta(scipy.signal.kaiser_atten(taps, width / (rate / 2))))
    kernel = scipy.special.j1(2 * cutoff * np.pi * far) / (np.pi * far) * np.outer(window, window)
    return torch.from_numpy(kernel / kernel.sum()).float()


def layers_of(b: Bands) -> tuple[list[Layer], float, int, int]:
    """Every layer; and of the input: its bandwidth, rate and size."""
    share = np.minimum(np.arange(b.num_layers + 1) / (b.num_layers - b.num_critical), 1)
    cutoffs = 2 * (b.img_resolution / 2 / 2) ** share
    stops = 2**2.1 * (b.img_resolution / 2 * 2**0.3 / 2**2.1) ** share
    rates = np.exp2(np.ceil(np.log2(np.minimum(stops * 2, b.img_resolution))))
    widths = np.maximum(stops, rates / 2) - cutoffs
    sizes = rates + 2 * b.margin_size
    sizes[-2:] = b.img_resolution
    channels = np.rint(np.minimum(b.channel_base / 2 / cutoffs, b.channel_max))
    channels[-1] = b.img_channels
    layers = []
    for i in range(b.num_layers + 1):
        j, last = max(i - 1, 0), i == b.num_layers
        rate = max(rates[j], rates[i]) * (1 if last else b.lrelu_upsampling)
        up, down, kernel = int(rate / rates[j]), int(rate / rates[i]), 1 if last else b.conv_kernel
        taps = [b.filter_size * factor if factor > 1 and not last else 1 for factor in (up, down)]
        radial = b.use_radial_filters and i < b.num_layers - b.num_critical
        total = int((sizes[i] - 1) * down + 1 - (sizes[j] + kernel - 1) * up + sum(taps) - 2)
        low = (total + up) // 2
        filters = (
            low_pass(taps[0], cutoffs[j], 2 * widths[j], rate, False),
            low_pass(taps[1], cutoffs[i], 2 * widths[i], rate, radial),
        )
        name = f"L{i}_{int(sizes[i])}_{int(channels[i])}"
        both = (int(channels[j]), int(channels[i]))
        layers.append(Layer(name, both, kernel, up, down, (low, total - low), filters, last))
    return layers, float(cutoffs[0]), int(rates[0]), int(sizes[0])


def tensors_of(b: Bands, z: int = 12, w: int = 16, classes: int = 0, seed: int = 1) -> dict[str, Tensor]:
    """A generator's state under NVIDIA's names."""
    source = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source)

    layers, bandwidth, _, _ = layers_of(b)
    t = {"mapping.w_avg": normal(w) * 0.2}
    if classes:
        t |= {"mapping.embed.weight": normal(w, classes), "mapping.embed.bias": normal(w) * 0.3}
    for i in range(2):
        inputs = w if i else z + (w if classes else 0)
        t |= {f"mapping.fc{i}.weight": normal(w, inputs) * 100, f"mapping.fc{i}.bias": normal(w) * 20}
    count, s = layers[0].channels[0], "synthesis.input"
    t |= {f"{s}.weight": normal(count, count), f"{s}.transform": torch.eye(3), f"{s}.phases": normal(count)}
    t |= {f"{s}.freqs": normal(count, 2) * bandwidth / 3, f"{s}.affine.weight": normal(4, w) * 0.3}
    t[f"{s}.affine.bias"] = torch.tensor([1.0, 0.2, 0.1, -0.1])
    for layer in layers:
        s = f"synthesis.{layer.name}"
        t |= {f"{s}.affine.weight": normal(layer.channels[0], w), f"{s}.affine.bias": normal(layer.channels[0]) + 1}
        t[f"{s}.weight"] = normal(layer.channels[1], layer.channels[0], layer.kernel, layer.kernel)
        t |= {f"{s}.bias": normal(layer.channels[1]) * 0.3, f"{s}.magnitude_ema": torch.tensor(0.8)}
        kinds = zip(("up_filter", "down_filter"), layer.filters, strict=True)
        t |= {f"{s}.{kind}": kernel for kind, kernel in kinds if kernel is not None}
    return t


def states_of(b: Bands) -> dict[str, dict[str, Any]]:
    """What a file says of each layer beside its tensors."""
    return {
        layer.name: {"padding": [*layer.padding] * 2, "up_factor": layer.up, "down_factor": layer.down}
        for layer in layers_of(b)[0]
    }


def _filtered(x: Tensor, kernel: Tensor | None, up: int, down: int, padding: tuple[int, int]) -> Tensor:
    stuffed = torch.zeros(*x.shape[:2], x.shape[2] * up, x.shape[3] * up, dtype=x.dtype)
    stuffed[:, :, ::up, ::up] = x
    x = F.pad(stuffed, (*padding, *padding))
    if kernel is not None:
        square = (torch.outer(kernel, kernel) if kernel.ndim == 1 else kernel).double() * up**2
        x = F.conv2d(x, square.flip(0, 1).expand(x.shape[1], 1, *square.shape), groups=x.shape[1])
    return x[:, :, ::down, ::down]


def synthesis(t: dict[str, Tensor], w: Tensor, b: Bands) -> Tensor:
    """w (1, w_dim) -> picture (1, C, R, R), float64."""
    layers, bandwidth, rate, size = layers_of(b)

    def affine(stem: str) -> Tensor:
        return w @ t[f"{stem}.affine.weight"].T / math.sqrt(w.shape[1]) + t[f"{stem}.affine.bias"]

    cos, sin, across, down = (value := affine("synthesis.input")[0]) / value[:2].norm()
    turn = torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], dtype=w.dtype)
    shift = torch.tensor([[1, 0, -across], [0, 1, -down], [0, 0, 1]], dtype=w.dtype)
    place = turn @ shift @ t["synthesis.input.transform"]
    phases = t["synthesis.input.phases"] + t["synthesis.input.freqs"] @ place[:2, 2]
    freqs = t["synthesis.input.freqs"] @ place[:2, :2]
    strength = (1 - (freqs.norm(dim=1) - bandwidth) / (rate / 2 - bandwidth)).clamp(0, 1)
    line = (torch.arange(size, dtype=w.dtype) + 0.5 - size / 2) / rate
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    waves = columns[..., None] * freqs[:, 0] + rows[..., None] * freqs[:, 1] + phases
    weight = t["synthesis.input.weight"] / math.sqrt(len(phases))
    x = (torch.sin(2 * math.pi * waves) * strength @ weight.T).permute(2, 0, 1)[None]
    for layer in layers:
        s = f"synthesis.{layer.name}"
        weight = t[f"{s}.weight"] * affine(s)[0][:, None, None]
        if layer.last:
            weight = weight / math.sqrt(weight[0].numel())
        else:
            weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
        x = F.conv2d(x / t[f"{s}.magnitude_ema"].sqrt(), weight, padding=layer.kernel - 1)
        x = _filtered(x + t[f"{s}.bias"][:, None, None], layer.filters[0], layer.up, 1, layer.padding)
        x = x if layer.last else F.leaky_relu(x, 0.2) * math.sqrt(2)
        x = paper.clamped(x, b.conv_clamp)
        x = _filtered(x, layer.filters[1], 1, layer.down, (0, 0))
    return x * b.output_scale


def picture(tensors: dict[str, Tensor], b: Bands, seed: int, psi: float = 1.0, klass: int | None = None) -> np.ndarray:
    """As paper.picture."""
    t = {name: tensor.double() for name, tensor in tensors.items()}
    embed = t.get("mapping.embed.weight")
    label = None if embed is None else F.one_hot(torch.tensor([klass or 0]), embed.shape[1]).double()
    z_dim = t["mapping.fc0.weight"].shape[1] - (0 if embed is None else len(embed))
    rgb = synthesis(t, paper.mapping(t, paper.z_of(seed, z_dim), label, psi), b)
    pixels = (rgb[0] * 127.5 + 128).clamp(0, 255).permute(1, 2, 0).numpy()
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels
