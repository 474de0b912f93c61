"""ws and a place in, pictures out: StyleGAN3 in the form that is played.

A layer's style goes into its weights where these are few beside the pixels, else onto the pixels; its filters are
worked out by `products.py` or `resampling.py`, whichever suits the machine.
Nothing here waits for the device (but for a clamp that a CPU looks for) and no shape depends on values, so a CUDA
graph can capture it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from installation.generators.stylegan2 import onednn
from installation.generators.stylegan3.network import Synthesis, SynthesisInput, SynthesisLayer
from installation.generators.stylegan3.products import Products
from installation.generators.stylegan3.resampling import Resampling
from installation.generators.stylegan3.shape import LayerShape
from installation.generators.winograd import Winograd

MIXES = 1 << 17  # weights of a 3x3 kernel's pixel from which on Winograd's way is the faster one, in float32
FOLDS = 4.0  # times that a value of the weights costs what a pixel's costs
Bend = Callable[[str, Tensor], Tensor]


@dataclass
class Layer:
    """One prepared layer. Cut `styles[:, start:stop]` is its style."""

    shape: LayerShape
    start: int
    stop: int
    gain: Tensor  # (), for what comes in
    weights: list[Tensor]  # (group, in, k, k) for every group of channels; float32 if it folds, else laid out
    winograd: Winograd | None  # convolves in their place
    power: Tensor  # (in, out): squared weights summed over the kernel, for demodulation
    bias: Tensor  # (out,)
    clamp: float | None
    folds: bool  # whether a picture is cheaper with its style folded into the weights
    resampling: Resampling | Products | None  # None for the last layer


class FastSynthesis:
    """ws (B, num_ws, w_dim) -> picture (B, C, R, R) float32, about -1..1; gradients are for `follow`."""

    def __init__(
        self,
        net: Synthesis,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        followed: bool = False,
    ) -> None:
        """followed: in operations that gradients are known of, for `follow`."""
        self.config, self.dtype, self.device, self.followed = net.config, dtype, torch.device(device), followed
        self.packs = self.device.type == "cpu" and onednn.available(dtype) and not followed
        self.layers: list[Layer] = []
        affines: list[tuple[int, Tensor, Tensor]] = []  # the w it listens to, (w_dim, in), (in,)
        with torch.no_grad():
            self.waves = Waves(net.input, self.device)
            for index, layer in enumerate(net.layers):
                gain = 1 / math.sqrt(layer.weight[0].numel()) if layer.shape.colours else 1.0
                weight, bias = layer.affine.weight * layer.affine.weight_gain * gain, layer.affine.bias * gain
                self.layers.append(self._prepare(layer, sum(len(b) for _, _, b in affines)))
                affines.append((index + 1, weight.T.float().contiguous(), bias.float()))
        self.affines = [(i, w.to(self.device), b.to(self.device)) for i, w, b in affines]

    def _prepare(self, layer: SynthesisLayer, start: int) -> Layer:
        shape, weight = layer.shape, layer.weight.detach().float()
        power, folds, resampling, winograd = torch.empty(0), True, None, None
        if not shape.colours:  # demodulation undoes any scale; this one keeps half precision away from its limits
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True).sqrt() + 1e-12)
            power = weight.square().sum((2, 3)).T.contiguous().to(self.device)
            mixes = self.packs and self.dtype == torch.float32 and shape.kernel == 3
            if mixes and shape.inputs * shape.outputs >= MIXES:
                winograd = Winograd(weight, shape.kernel - 1)
            pixels = (shape.inputs + shape.outputs) * shape.in_size**2
            folds = winograd is None and FOLDS * weight.numel() < pixels
            resampling = self._resampling(layer)
        group = resampling.group if resampling else shape.outputs
        weight = weight.to(self.device).contiguous(memory_format=torch.channels_last)
        parts = weight.split(group) if winograd is None else ()
        weights = [part if folds else self._packed(part, shape) for part in parts]
        gain, bias = (t.detach().to(self.device, torch.float32) for t in (layer.magnitude_ema.rsqrt(), layer.bias))
        bias = bias.to(self.dtype) if folds else bias
        stop = start + shape.inputs
        return Layer(shape, start, stop, gain, weights, winograd, power, bias, layer.clamp, folds, resampling)

    def _resampling(self, layer: SynthesisLayer) -> Resampling | Products:
        up, down = (torch.ones(1) if f is None else f.float().cpu() for f in (layer.up_filter, layer.down_filter))
        if self.packs and self.dtype == torch.bfloat16:
            return Products(layer.shape, up, down, layer.clamp, self.dtype)
        return Resampling(layer.shape, up, down, layer.clamp, self.device, self.dtype, self.followed)

    def _packed(self, weight: Tensor, shape: LayerShape) -> Tensor:
        weight = weight.to(self.dtype).contiguous(memory_format=torch.channels_last)
        packs = self.packs and shape.kernel > 1
        return onednn.pack(weight, shape.in_size, (shape.kernel - 1,) * 2) if packs else weight

    def styles(self, ws: Tensor) -> Tensor:
        """Every layer's style side by side: ws (1, num_ws, w_dim) -> (1, S) float32."""
        return torch.cat([torch.addmm(bias, ws[:, index].float(), weight) for index, weight, bias in self.affines], 1)

    @torch.no_grad()
    def __call__(self, ws: Tensor, move: Tensor | None = None, bend: Bend | None = None) -> Tensor:
        """move (2, 3) or (3, 3): where each point of the picture is taken from; bend(name, x) sees every layer."""
        return torch.cat([self._picture(ws[i : i + 1], move, bend) for i in range(len(ws))])

    def follow(self, ws: Tensor) -> Tensor:
        """The same with gradients, for which every layer is worked out once more on the way back: memory is dearer."""
        layer = partial(checkpoint, self._layer, use_reentrant=False)
        return torch.cat([self._picture(ws[i : i + 1], None, None, layer) for i in range(len(ws))])

    def _picture(
        self, ws: Tensor, move: Tensor | None, bend: Bend | None, run: Callable[..., Tensor] | None = None
    ) -> Tensor:
        styles = self.styles(ws)[0]
        x = self.waves(ws[:, 0].float(), move).to(self.dtype)
        x = x if bend is None else bend("input", x)
        for layer in self.layers:
            x = (run or self._layer)(layer, x, styles[layer.start : layer.stop])
            x = x if bend is None else bend(layer.shape.name, x)
        return x.float() * self.config.output_scale

    def _layer(self, layer: Layer, x: Tensor, style: Tensor) -> Tensor:
        """x (1, in, H, W) -> (1, out, H', W'), channels last."""
        shape = layer.shape
        if layer.resampling is None:
            y = F.conv2d(x, self._scaled(layer.weights[0], style * layer.gain), layer.bias)
            return y if layer.clamp is None else y.clamp_(-layer.clamp, layer.clamp)
        style = style * style.square().mean().clamp_min(1e-12).rsqrt()
        loudness = (style.square() @ layer.power).add_(1e-8).rsqrt_()
        out = torch.empty(1, shape.out_size, shape.out_size, shape.outputs, dtype=self.dtype, device=self.device)
        out = out.permute(0, 3, 1, 2)
        for part, y in self._convolved(layer, layer.resampling.group, x, style * layer.gain, loudness):
            layer.resampling(y, out[:, part])
        return out

    def _convolved(
        self, layer: Layer, group: int, x: Tensor, style: Tensor, loudness: Tensor
    ) -> Iterator[tuple[slice, Tensor]]:
        """So many channels at a time, which ones go out and what the convolution makes of x for them."""
        padding, outputs = layer.shape.kernel - 1, layer.shape.outputs
        if not layer.folds:
            x = x * style[:, None, None].to(self.dtype)
        whole = layer.winograd(x) if layer.winograd else None
        for number, part in enumerate(slice(at, at + group) for at in range(0, outputs, group)):
            bias, loud = layer.bias[part], loudness[part]
            if whole is not None:
                yield part, whole[:, part].mul(loud[:, None, None]).add_(bias[:, None, None])
            elif layer.folds:
                weight = self._scaled(layer.weights[number], torch.outer(loud, style))
                yield part, self._conv(x, weight, bias, padding)
            else:
                y = self._conv(x, layer.weights[number], (bias / loud).to(self.dtype), padding)
                yield part, y.mul_(loud[:, None, None].to(self.dtype))

    def _scaled(self, weight: Tensor, scale: Tensor) -> Tensor:
        return (weight * scale[..., None, None]).to(self.dtype)

    def _conv(self, x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
        if not self.packs:
            return F.conv2d(x, weight, bias, padding=padding)
        if padding:
            return onednn.conv(x, weight, bias, None, 1, (padding, padding))
        x = x.permute(0, 2, 3, 1)  # every pixel by itself: a product, which is faster
        y = onednn.linear(x.reshape(-1, x.shape[3]), weight.flatten(1), bias, None)
        return y.view(*x.shape[:3], -1).permute(0, 3, 1, 2)


class Waves:
    """The input of the network: waves over a plane that w and a hand may turn and shift."""

    def __init__(self, net: SynthesisInput, device: torch.device) -> None:
        def there(tensor: Tensor) -> Tensor:
            return tensor.detach().to(device, torch.float32)

        self.rate, self.bandwidth = net.rate, net.bandwidth
        self.weight = there(net.weight).T.contiguous() / math.sqrt(net.channels)
        self.freqs, self.phases, self.transform = there(net.freqs), there(net.phases), there(net.transform)
        self.affine, self.bias = there(net.affine.weight).T * net.affine.weight_gain, there(net.affine.bias)
        self.line = ((torch.arange(net.size) + 0.5 - net.size / 2) / net.rate).to(device)

    def __call__(self, w: Tensor, move: Tensor | None) -> Tensor:
        """w (1, w_dim), move (2, 3) or None -> (1, C, size, size), channels last, float32.

        A wave over x + y is made of waves over x and over y: sin(a + b) = sin a cos b + cos a sin b.
        """
        turn = torch.addmm(self.bias, w, self.affine)[0]
        cos, sin, x, y = (turn / turn[:2].norm()).unbind()
        matrix = torch.stack([cos, -sin, sin * y - cos * x, sin, cos, -sin * x - cos * y]).view(2, 3)
        matrix = matrix @ self.transform
        if move is not None:
            matrix = torch.cat([matrix[:, :2] @ move[:2, :2], matrix[:, :2] @ move[:2, 2:] + matrix[:, 2:]], 1)
        freqs = self.freqs @ matrix  # (C, 3): along x, along y, and what the phases gain
        strength = (1 - (freqs[:, :2].norm(dim=1) - self.bandwidth) / (self.rate / 2 - self.bandwidth)).clamp(0, 1)
        across = (self.line[:, None] * freqs[:, 0] + freqs[:, 2] + self.phases) * (2 * math.pi)  # (W, C)
        along = (self.line[:, None, None] * freqs[:, 1]) * (2 * math.pi)  # (H, 1, C)
        waves = across.sin() * along.cos() + across.cos() * along.sin()
        return ((waves * strength) @ self.weight)[None].permute(0, 3, 1, 2)
