"""The same pictures as `network.Synthesis`, for playing live: everything that does not depend on w is worked out once.

All styles come from one matrix product. A single picture has its style, demodulation and gains folded into the
(small) weights, so the (large) activations are only convolved, shifted and rectified; a batch has them folded into the
activations. Activations are channels_last throughout. Nothing waits for the device and no shape depends on values, so a
CUDA graph can capture it.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from installation.generators.stylegan2 import onednn
from installation.generators.stylegan2.network import (
    GAIN,
    SLOPE,
    Bend,
    Block,
    ModulatedConv,
    Noise,
    StyledConv,
    Synthesis,
    fir_kernel,
)


@dataclass
class Layer:
    """One prepared layer. Cut `styles[:, start:stop]` is its style, already normalised for half precision."""

    name: str
    resolution: int
    start: int
    stop: int
    weight: Tensor  # (out, in, k, k); (in, out, k, k) if up
    power: Tensor | None  # (in, out): squared weights summed over the kernel, for demodulation; None for torgb
    bias: Tensor  # (out,), times the gain
    noise: Tensor | None  # (1, 1, R, R), times strength and gain; None where the strength is 0
    strength: Tensor | None  # (), times the gain
    up: bool
    clamp: float | None
    fold: bool  # whether a single picture is cheaper with its style folded into the weight
    packed: Tensor | None  # the weight as oneDNN wants it, on a CPU


class FastSynthesis:
    """Calls like Synthesis, without gradients: ws (B, num_ws, w_dim) -> picture (B, 3, R, R) float32, about -1..1."""

    def __init__(self, net: Synthesis, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        self.config, self.dtype, self.device = net.config, dtype, torch.device(device)
        on_cpu = self.device.type == "cpu"
        self.fused = on_cpu and dtype in (torch.float32, torch.bfloat16) and onednn.available(dtype)
        self.layers: list[Layer] = []
        self.affines: list[tuple[int, Tensor, Tensor]] = []  # by layer: the w it listens to, (w_dim, in), (in,)
        with torch.no_grad():
            for index, name, conv in convs(net):
                self.layers.append(self._prepare(name, conv, sum(len(b) for _, _, b in self.affines)))
                self.affines.append((index, *_affine(conv)))
            self.affine = torch.cat([w.T for _, w, _ in self.affines]).to(self.device, torch.float32)  # (S, w_dim)
            self.affine_bias = torch.cat([b for _, _, b in self.affines]).to(self.device, torch.float32)
            listens = zip(self.layers, self.affines, strict=True)
            mine = [
                index * len(self.affine) + torch.arange(layer.start, layer.stop) for layer, (index, _, _) in listens
            ]
            self.pick = torch.cat(mine).to(self.device)  # (S,): where each style stands among those of every w
            self.const = self._begin(net)
            self.fir = fir_kernel(4.0).to(self.device, dtype)
            whole = torch.float32 if on_cpu else dtype  # three channels are too few for what is fast in bfloat16
            self.fir_rgb = fir_kernel(4.0).to(self.device, whole).expand(self.config.rgb_channels, 1, 4, 4).contiguous()

    @torch.no_grad()
    def refresh(self, net: Synthesis, names: Collection[str]) -> None:
        """Take over what has changed in the named layers of a network of the same shape, where a graph finds it.

        A layer that had no noise when this was made gets none.
        """
        for old, (_, weight, bias), (_, name, conv) in zip(self.layers, self.affines, convs(net), strict=True):
            if name not in names:
                continue
            new = self._prepare(name, conv, old.start)
            for part in ("weight", "power", "bias", "noise", "strength"):
                there, fresh = getattr(old, part), getattr(new, part)
                if there is not None:
                    there.copy_(fresh) if fresh is not None else there.zero_()
            old.packed = new.packed
            fresh_weight, fresh_bias = _affine(conv)
            weight.copy_(fresh_weight)
            bias.copy_(fresh_bias)
            self.affine[old.start : old.stop].copy_(fresh_weight.T)
            self.affine_bias[old.start : old.stop].copy_(fresh_bias)
        self.const.copy_(self._begin(net))

    def _begin(self, net: Synthesis) -> Tensor:
        """What every picture starts from, (1, C, h, w)."""
        const = net.get_submodule("b4").get_parameter("const").detach()
        return const[None].to(self.device, self.dtype, memory_format=torch.channels_last)

    def _prepare(self, name: str, conv: ModulatedConv, start: int) -> Layer:
        out, inputs, kernel, _ = conv.weight.shape
        styled = isinstance(conv, StyledConv)
        weight = conv.weight.detach().float()
        if styled:  # demodulation undoes any scale; this one keeps half precision away from its limits
            weight = weight / (
                weight.square().mean((1, 2, 3), keepdim=True).sqrt() * math.sqrt(weight[0].numel()) + 1e-12
            )
        power = weight.square().sum((2, 3)).T.contiguous().to(self.device) if styled else None
        gain = GAIN if styled else 1.0
        up = isinstance(conv, StyledConv) and conv.up
        noise = strength = None
        size = int(name[1 : name.index(".")])
        if isinstance(conv, StyledConv) and bool(conv.noise_strength != 0):
            strength = (conv.noise_strength.detach() * GAIN).to(self.device, self.dtype)
            noise = (conv.noise_const[None, None] * conv.noise_strength.detach() * GAIN).to(self.device, self.dtype)
        clamp = None if conv.conv_clamp is None else conv.conv_clamp * gain
        bias = (conv.bias.detach() * gain).to(self.device, self.dtype)
        fold = out * inputs * kernel**2 < (out + inputs) * size**2 // 16
        weight = (
            (weight.transpose(0, 1) if up else weight)
            .to(self.device, self.dtype)
            .contiguous(memory_format=torch.channels_last)
        )
        packed = None
        if self.fused and up:
            packed = onednn.pack_transpose(weight, size // 2)
        elif self.fused and styled and not fold:
            packed = onednn.pack(weight, size)
        return Layer(name, size, start, start + inputs, weight, power, bias, noise, strength, up, clamp, fold, packed)

    def styles(self, ws: Tensor) -> Tensor:
        """Every layer's style side by side: ws (B, num_ws, w_dim) -> (B, S) float32.

        A GPU is fastest with one product of everything, of which a part is picked; a CPU with what is needed only.
        """
        if self.device.type == "cpu":
            ws = ws.float()
            parts = [torch.addmm(bias, ws[:, index], weight) for index, weight, bias in self.affines]
            return torch.cat(parts, 1)
        every = torch.addmm(self.affine_bias, ws.reshape(-1, ws.shape[2]).float(), self.affine.T)  # (B * num_ws, S)
        return every.view(ws.shape[0], -1).index_select(1, self.pick)

    @torch.no_grad()
    def __call__(
        self, ws: Tensor, noise: Noise = "frozen", bend: Bend | None = None, up_to: int | None = None
    ) -> Tensor:
        styles = self.styles(ws)
        x, rgb = self.const.expand(ws.shape[0], -1, -1, -1), None
        fused = self.fused and ws.shape[0] == 1
        for layer in self.layers:
            style = styles[:, layer.start : layer.stop]
            if layer.power is None:
                y = self._to_rgb(layer, x, style)
                y = (y if bend is None else bend(layer.name, y)).to(self.fir_rgb.dtype)
                rgb = y if rgb is None else y.add_(self._upsample(rgb))
                if layer.resolution == up_to:
                    break
            else:
                x = self._fused(layer, x, style, noise) if fused else self._styled(layer, x, style, noise)
                x = x if bend is None else bend(layer.name, x)
        assert rgb is not None
        return rgb.float()

    def _fused(self, layer: Layer, x: Tensor, style: Tensor, noise: Noise) -> Tensor:
        """A single picture's layer, the leaky ReLU inside the convolution where no noise comes in between."""
        noisy = noise != "none" and layer.noise is not None
        x = self._convolved(layer, x, style, None if noisy else SLOPE)
        if noisy:
            F.leaky_relu_(self._add_noise(layer, x, noise), SLOPE)
        return x if layer.clamp is None else x.clamp_(-layer.clamp, layer.clamp)

    def _convolved(self, layer: Layer, x: Tensor, style: Tensor, slope: float | None) -> Tensor:
        style, demodulation = _scales(layer, style, unit=False)
        if layer.up:
            assert layer.packed is not None
            x = onednn.conv_transpose(x * style[:, :, None, None].to(self.dtype), layer.packed)
            kernel = (demodulation[0, :, None, None, None] * self.fir).to(self.dtype)
            return onednn.conv(x, kernel, layer.bias, slope, len(layer.bias))
        if layer.packed is None:
            weight = layer.weight * torch.outer(demodulation[0], style[0])[:, :, None, None].to(self.dtype)
            return onednn.conv(x, weight, layer.bias, slope)
        bias = (layer.bias / demodulation[0]).to(self.dtype)
        x = onednn.conv(x * style[:, :, None, None].to(self.dtype), layer.packed, bias, slope)
        return x.mul_(demodulation[:, :, None, None].to(self.dtype))  # may follow the leaky ReLU as it is positive

    def _styled(self, layer: Layer, x: Tensor, style: Tensor, noise: Noise) -> Tensor:
        style, demodulation = _scales(layer, style)
        single = x.shape[0] == 1
        x = self._up(layer, x, style, demodulation) if layer.up else self._flat(layer, x, style, demodulation, single)
        F.leaky_relu_(self._add_noise(layer, x, noise), SLOPE)
        return x if layer.clamp is None else x.clamp_(-layer.clamp, layer.clamp)

    def _add_noise(self, layer: Layer, x: Tensor, noise: Noise) -> Tensor:
        if noise == "frozen" and layer.noise is not None:
            x.add_(layer.noise)
        elif noise == "random" and layer.strength is not None:
            x.add_(torch.randn(x.shape[0], 1, *x.shape[2:], device=x.device, dtype=x.dtype).mul_(layer.strength))
        return x

    def _flat(self, layer: Layer, x: Tensor, style: Tensor, demodulation: Tensor, single: bool) -> Tensor:
        """Same size: x (B, in, R, R) -> (B, out, R, R), demodulated, with bias."""
        if single and layer.fold:
            scale = torch.outer(demodulation[0], style[0])[:, :, None, None].to(self.dtype)
            return F.conv2d(x, layer.weight * scale, layer.bias, padding=1)
        x = F.conv2d(x * style[:, :, None, None].to(self.dtype), layer.weight, padding=1)
        return torch.addcmul(layer.bias[None, :, None, None], x, demodulation[:, :, None, None].to(self.dtype))

    def _up(self, layer: Layer, x: Tensor, style: Tensor, demodulation: Tensor) -> Tensor:
        """Twice the size: x (B, in, R/2, R/2) -> (B, out, R, R); the FIR filter carries the demodulation and bias."""
        batch, channels = demodulation.shape
        x = x * style[:, :, None, None].to(self.dtype)
        x = F.conv_transpose2d(x, layer.weight, stride=2)
        if batch == 1:
            kernel = demodulation[0, :, None, None, None].to(self.dtype) * self.fir
            return F.conv2d(x, kernel, layer.bias, padding=1, groups=channels)
        x = F.conv2d(x, self.fir.expand(channels, 1, 4, 4), padding=1, groups=channels)
        return torch.addcmul(layer.bias[None, :, None, None], x, demodulation[:, :, None, None].to(self.dtype))

    def _to_rgb(self, layer: Layer, x: Tensor, style: Tensor) -> Tensor:
        if x.shape[0] == 1:
            y = F.conv2d(x, layer.weight * style[:, :, None, None].to(self.dtype), layer.bias)
        else:
            y = F.conv2d(x * style[:, :, None, None].to(self.dtype), layer.weight, layer.bias)
        return y if layer.clamp is None else y.clamp_(-layer.clamp, layer.clamp)

    def _upsample(self, rgb: Tensor) -> Tensor:
        return F.conv_transpose2d(rgb, self.fir_rgb, stride=2, padding=1, groups=rgb.shape[1])


def _scales(layer: Layer, style: Tensor, unit: bool = True) -> tuple[Tensor, Tensor]:
    """(style (B, in), demodulation (B, out) times the gain); their product is what counts.

    unit brings the style to unit size, which keeps half precision away from its limits.
    """
    assert layer.power is not None
    if unit:
        style = style * style.square().mean(1, keepdim=True).clamp_min(1e-12).rsqrt()
    return style, (style.square() @ layer.power).add_(1e-8).rsqrt_().mul_(GAIN)


def _affine(conv: ModulatedConv) -> tuple[Tensor, Tensor]:
    """What turns w into a layer's style, as a copy: (w_dim, in), (in,)."""
    gain = 1.0 if isinstance(conv, StyledConv) else 1 / math.sqrt(conv.weight.shape[1])
    weight, bias = conv.affine.weight.detach() * conv.affine.weight_gain * gain, conv.affine.bias.detach() * gain
    return weight.T.contiguous(), bias


def convs(net: Synthesis) -> list[tuple[int, str, ModulatedConv]]:
    """(which w it listens to, its name, the layer) in the order they run."""
    found: list[tuple[int, str, ModulatedConv]] = []
    for i, r in enumerate(net.config.resolutions):
        block = net.get_submodule(f"b{r}")
        assert isinstance(block, Block)
        if i:
            found.append((2 * i - 1, f"b{r}.conv0", block.conv0))
        found += [(2 * i, f"b{r}.conv1", block.conv1), (2 * i + 1, f"b{r}.torgb", block.torgb)]
    return found
