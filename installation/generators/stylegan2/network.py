"""Latent vectors in, pictures out: StyleGAN2 (Karras et al. 2020), parameters named as in NVIDIA's StyleGAN2-ADA.

This is the trainable form. `fast.py` turns it into the form the live show runs, `reference.py` is the textbook form.
"""

import math
from collections.abc import Callable
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.generators.stylegan2.shape import NetworkConfig, layer_names

__all__ = ["NetworkConfig", "layer_names"]  # and what stands below
Noise = Literal["frozen", "random", "none"]
Bend = Callable[[str, Tensor], Tensor]

SLOPE = 0.2  # of the leaky ReLU, everywhere
GAIN = math.sqrt(2)  # keeps the variance after the leaky ReLU
FIR = (1.0, 3.0, 3.0, 1.0)  # the low-pass filter around every change of size


def fir_kernel(gain: float = 1.0) -> Tensor:
    """The separable [1, 3, 3, 1] filter as a (4, 4) kernel that sums to `gain`."""
    taps = torch.tensor(FIR)
    return torch.outer(taps, taps) * (gain / taps.sum() ** 2)


class FullyConnected(nn.Module):
    """A linear layer with its learning rate built in as a run-time gain (equalised learning rate)."""

    def __init__(self, inputs: int, outputs: int, bias_init: float = 0.0, lr_mult: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_mult)
        self.bias = nn.Parameter(torch.full((outputs,), bias_init / lr_mult))
        self.weight_gain, self.bias_gain = lr_mult / math.sqrt(inputs), lr_mult

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)


class Mapped(Protocol):
    """What a mapping has to know of a network."""

    @property
    def z_dim(self) -> int: ...
    @property
    def w_dim(self) -> int: ...
    @property
    def mapping_layers(self) -> int: ...
    @property
    def classes(self) -> int: ...


class Mapping(nn.Module):
    """z (B, z_dim), standard normal -> w (B, w_dim), with the truncation trick around the running mean of w.

    A conditional one hears a class too: a label (B, classes) that is 1 at the class, or shares of several.
    """

    w_avg: Tensor

    def __init__(self, config: Mapped, lr_mult: float = 0.01) -> None:
        super().__init__()
        self.layers = config.mapping_layers
        self.classes = config.classes
        widths = [config.z_dim + config.w_dim * bool(config.classes)] + [config.w_dim] * self.layers
        if config.classes:
            self.embed = FullyConnected(config.classes, config.w_dim)
        for i in range(self.layers):
            self.add_module(f"fc{i}", FullyConnected(widths[i], widths[i + 1], lr_mult=lr_mult))
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, z: Tensor, psi: float | Tensor = 1.0, label: Tensor | None = None) -> Tensor:
        """psi: 1 keeps w, 0 gives the average picture; a float or a tensor of shape () or (B, 1).

        label (1 or B, classes): without one, the first class.
        """
        x = unit(z)
        if self.classes:
            heard = torch.eye(1, self.classes, device=z.device) if label is None else label
            x = torch.cat([x, unit(self.embed(heard)).expand(len(z), -1)], 1)
        for i in range(self.layers):
            x = F.leaky_relu(self.get_submodule(f"fc{i}")(x), SLOPE) * GAIN
        return self.w_avg + (x - self.w_avg) * psi


def unit(x: Tensor) -> Tensor:
    """Every row (B, D) brought to a mean square of 1."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class ModulatedConv(nn.Module):
    """Convolution with input channels scaled by a style: (x * s) -> conv -> * demodulation, right for any batch."""

    def __init__(self, config: NetworkConfig, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.affine = FullyConnected(config.w_dim, inputs, bias_init=1.0)
        weight = torch.randn(outputs, inputs, kernel, kernel)
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.conv_clamp = config.conv_clamp

    def clamp(self, x: Tensor, gain: float = 1.0) -> Tensor:
        return x if self.conv_clamp is None else x.clamp(-self.conv_clamp * gain, self.conv_clamp * gain)


class StyledConv(ModulatedConv):
    """One styled 3x3 layer: style, (doubling of size,) noise, bias, leaky ReLU."""

    noise_const: Tensor
    fir: Tensor

    def __init__(self, config: NetworkConfig, inputs: int, outputs: int, resolution: int, up: bool) -> None:
        super().__init__(config, inputs, outputs)
        self.up = up
        self.noise_strength = nn.Parameter(torch.zeros([]))
        rows, columns = (resolution * side // 4 for side in config.start)
        self.register_buffer("noise_const", torch.randn(rows, columns))
        self.register_buffer("fir", fir_kernel(gain=4.0), persistent=False)

    def forward(self, x: Tensor, w: Tensor, noise: Noise) -> Tensor:
        """x (B, in, R or R/2, ...), w (B, w_dim) -> (B, out, R, R)."""
        weight = self.weight / math.sqrt(self.weight[0].numel())
        with torch.autocast(w.device.type, enabled=False):  # half precision is too coarse for these sums
            style = self.affine(w)  # (B, in)
            demodulation = (style.square() @ weight.square().sum((2, 3)).T + 1e-8).rsqrt() * GAIN  # (B, out)
        x = x * style[:, :, None, None].to(x.dtype)
        if self.up:
            x = F.conv_transpose2d(x, weight.to(x.dtype).transpose(0, 1), stride=2)
            channels = x.shape[1]
            x = F.conv2d(x, self.fir.to(x.dtype).expand(channels, 1, 4, 4), padding=1, groups=channels)
        else:
            x = F.conv2d(x, weight.to(x.dtype), padding=1)
        shift = self.bias[None, :, None, None] * GAIN
        if noise != "none":
            shift = shift + self.noise_for(x, noise) * (self.noise_strength * GAIN)
        x = torch.addcmul(shift.to(x.dtype), x, demodulation[:, :, None, None].to(x.dtype))
        return self.clamp(F.leaky_relu(x, SLOPE), GAIN)

    def noise_for(self, x: Tensor, noise: Noise) -> Tensor:
        if noise == "frozen":
            return self.noise_const
        return torch.randn(x.shape[0], 1, *x.shape[2:], device=x.device)


class ToRGB(ModulatedConv):
    """Styled 1x1 layer without demodulation: (B, in, R, R) -> (B, 3, R, R)."""

    def __init__(self, config: NetworkConfig, inputs: int) -> None:
        super().__init__(config, inputs, config.rgb_channels, kernel=1)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.affine(w) / math.sqrt(self.weight.shape[1])
        x = F.conv2d(x * style[:, :, None, None].to(x.dtype), self.weight.to(x.dtype), self.bias.to(x.dtype))
        return self.clamp(x)


def upsample(rgb: Tensor, fir: Tensor) -> Tensor:
    """Double the size with the FIR filter: (B, C, R, R) -> (B, C, 2R, 2R); beyond the border is zero."""
    channels, rows, columns = rgb.shape[1:]
    kernel = fir.to(rgb.dtype).expand(channels, 1, 4, 4)
    return F.conv_transpose2d(rgb, kernel, stride=2, groups=channels)[:, :, 1 : 2 * rows + 1, 1 : 2 * columns + 1]


class Block(nn.Module):
    """All layers of one resolution."""

    const: nn.Parameter
    conv0: StyledConv

    def __init__(self, config: NetworkConfig, resolution: int) -> None:
        super().__init__()
        channels = config.channels[resolution]
        if resolution == 4:
            self.const = nn.Parameter(torch.randn(channels, *config.start))
        else:
            self.conv0 = StyledConv(config, config.channels[resolution // 2], channels, resolution, up=True)
        self.conv1 = StyledConv(config, channels, channels, resolution, up=False)
        self.torgb = ToRGB(config, channels)


class Synthesis(nn.Module):
    """ws (B, num_ws, w_dim) -> picture (B, 3, R, R), about -1..1; the skip architecture of StyleGAN2."""

    fir: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        for r in config.resolutions:
            self.add_module(f"b{r}", Block(config, r))
        self.register_buffer("fir", fir_kernel(gain=4.0), persistent=False)

    def forward(
        self, ws: Tensor, noise: Noise = "frozen", bend: Bend | None = None, up_to: int | None = None
    ) -> Tensor:
        """bend(name, x) -> x sees every layer's output; up_to stops at that resolution and gives its picture."""
        bend = bend or (lambda name, x: x)
        first: Block = self.get_submodule("b4")  # type: ignore[assignment]
        x = first.const.expand(ws.shape[0], -1, -1, -1).contiguous(memory_format=torch.channels_last)
        rgb: Tensor | None = None
        for i, r in enumerate(self.config.resolutions):
            block: Block = self.get_submodule(f"b{r}")  # type: ignore[assignment]
            if i:
                x = bend(f"b{r}.conv0", block.conv0(x, ws[:, 2 * i - 1], noise))
            x = bend(f"b{r}.conv1", block.conv1(x, ws[:, 2 * i], noise))
            y = bend(f"b{r}.torgb", block.torgb(x, ws[:, 2 * i + 1]))
            rgb = y if rgb is None else y + upsample(rgb, self.fir)
            if r == (up_to or self.config.resolution):
                return rgb
        raise ValueError(f"up_to must be one of {self.config.resolutions}, found {up_to}")


class Generator(nn.Module):
    """Mapping and synthesis under the names NVIDIA's files use."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)

    def forward(
        self, z: Tensor, psi: float | Tensor = 1.0, noise: Noise = "frozen", up_to: int | None = None
    ) -> Tensor:
        """z (B, z_dim) -> picture (B, 3, R, R), about -1..1."""
        return self.synthesis(self.broadcast(self.mapping(z, psi)), noise, up_to=up_to)

    def broadcast(self, w: Tensor) -> Tensor:
        """w (B, w_dim) -> ws (B, num_ws, w_dim)."""
        return w[:, None].expand(-1, self.config.num_ws, -1)
