"""Weights of the ESRGAN family in, the network that they belong to out: it makes a picture 1 to 8 times as large.

Every network here takes and gives (B, 3, H, W) of 0..1, sRGB-encoded, and has
    scale         how many times larger its output is
    multiple      what its input's sides have to divide by
    rim_px        the rim around a tile from which on tiles equal one piece: SRVGG's to the bit, RRDB's within 3/255
    bytes_per_px  what a pixel of the input takes in float32 while it runs; measured
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation.networks import reading
from installation.networks.bare import Bare
from installation.networks.ncnn import read_layers

SLOPE = 0.2
EXPECTED = "expected weights of an RRDBNet (ESRGAN, BasicSR) or an SRVGGNetCompact"
STRANGERS = {  # what only the names of other upscalers hold
    "overlap_attn": "HAT",
    "before_RG": "DAT",
    "relative_position_bias_table": "SwinIR",
    "attn.logit_scale": "Swin2SR",
    "residual_layer.": "OmniSR",
    "block_1.c1_r": "SPAN",
}
FUSED = getattr(torch.ops.mkldnn, "_convolution_pointwise", None) if torch.backends.mkldnn.is_available() else None
STRIP_PX = {"cpu": 1 << 14, "cuda": 1 << 17}  # whose enlargement is in memory at once: 16 x 64 channels of each


def _convolve_leaky(conv: nn.Module, x: Tensor) -> Tensor:
    """A convolution, then a leaky ReLU; on the CPU oneDNN does both in one go, 17 % faster, to the same bits."""
    if FUSED is not None and x.device.type == "cpu" and x.dtype == torch.float32:
        return FUSED(x, conv.weight, conv.bias, [1, 1], [1, 1], [1, 1], 1, "leaky_relu", [SLOPE], "")
    return F.leaky_relu(conv(x), SLOPE, inplace=True)


class ResidualDenseBlock(nn.Module):
    """Five convolutions, each of which sees all before it (Wang et al. 2018, ESRGAN, arXiv:1809.00219)."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for i in range(5):
            out = growth if i < 4 else features
            setattr(self, f"conv{i + 1}", nn.Conv2d(features + i * growth, out, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        seen = x  # (B, features + i * growth, H, W)
        for i in range(1, 5):
            seen = torch.cat((seen, _convolve_leaky(self.get_submodule(f"conv{i}"), seen)), 1)
        return torch.add(x, self.get_submodule("conv5")(seen), alpha=SLOPE)


class ResidualInResidual(nn.Module):
    """Three dense blocks around which the input is carried."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(features, growth)
        self.rdb2 = ResidualDenseBlock(features, growth)
        self.rdb3 = ResidualDenseBlock(features, growth)

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.rdb3(self.rdb2(self.rdb1(x))), alpha=SLOPE)


class RRDBNet(nn.Module):
    """The generator of ESRGAN and Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833), for inference only.

    unshuffle folds that many pixels a side into channels first: Real-ESRGAN's way to a scale of 2 (unshuffle 2) or 1
    (unshuffle 4) with two enlargements. The enlargements run strip by strip, since they take ten times the memory of
    all that comes before; strips overlap by what the last convolutions see, so that the result is the same.
    """

    def __init__(self, features: int = 64, blocks: int = 23, growth: int = 32, doublings: int = 2, unshuffle: int = 1):
        super().__init__()
        self.scale, self.multiple = 2**doublings // unshuffle, unshuffle
        self.rim_px = (64 if blocks > 8 else 48) * unshuffle
        self.bytes_per_px = 2600 // unshuffle**2 + 200
        self.conv_first = nn.Conv2d(3 * unshuffle**2, features, 3, padding=1)
        self.body = nn.Sequential(*(ResidualInResidual(features, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(features, features, 3, padding=1)
        self.ups = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(doublings))
        self.conv_hr = nn.Conv2d(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if self.multiple > 1:
            x = F.pixel_unshuffle(x, self.multiple)
        first = self.conv_first(x)
        features = self.conv_body(self.body(first)).add_(first)
        del first
        rows = max(8, STRIP_PX.get(x.device.type, 1 << 14) // features.shape[3])
        strips = [self._enlarge_rows(features, top, rows) for top in range(0, features.shape[2], rows)]
        return torch.cat(strips, 2)

    def _enlarge_rows(self, features: Tensor, top: int, rows: int, margin: int = 3) -> Tensor:
        """Rows top .. top + rows of the features, enlarged: (B, C, rows, W) -> (B, 3, rows * 2^doublings, W * ...)."""
        above = min(margin, top)
        x = features[:, :, top - above : top + rows + margin].contiguous(memory_format=torch.channels_last)
        for up in self.ups:
            x = _convolve_leaky(up, F.interpolate(x, scale_factor=2, mode="nearest"))
        x = self.conv_last(_convolve_leaky(self.conv_hr, x))
        each = 2 ** len(self.ups)
        return x[:, :, above * each : (above + rows) * each].clone(memory_format=torch.contiguous_format)


class SRVGGNetCompact(nn.Module):
    """Convolutions at the input's size, one pixel shuffle, added to the input (Real-ESRGAN's small networks)."""

    def __init__(self, features: int = 64, layers: int = 16, scale: int = 4):
        super().__init__()
        self.scale, self.multiple, self.rim_px, self.bytes_per_px = scale, 1, layers + 4, 1000
        self.body = nn.ModuleList()
        for i in range(layers + 1):
            self.body += [nn.Conv2d(features if i else 3, features, 3, padding=1), nn.PReLU(features)]
        self.body.append(nn.Conv2d(features, 3 * scale**2, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for layer in self.body:
            seen = layer(seen)
        return F.pixel_shuffle(seen, self.scale) + F.interpolate(x, scale_factor=self.scale, mode="nearest")


def build_network(weights: Mapping[str, Tensor]) -> nn.Module:
    """The network that a state dict is of, with all its sizes read off the weights, in eval mode.

    Takes the layouts of ESRGAN (old and new), BasicSR / Real-ESRGAN and SRVGG. Raises ValueError saying what was found
    when the weights are of no such network.
    """
    if stranger := next((name for mark, name in STRANGERS.items() if any(mark in key for key in weights)), ""):
        raise ValueError(f"{EXPECTED}, found those of {stranger}, which is not drawn with here; choose another file")
    try:
        names = rename(weights)
        with Bare(held=sum(tensor.numel() for tensor in names.values())):
            network = _build_rrdb(names) if "conv_first.weight" in names else _build_srvgg(names)
        if odd := [n for n, v in network.state_dict().items() if n not in names or names[n].shape != v.shape]:
            raise KeyError(odd[0])
        network.load_state_dict(names, assign=True)
    except (KeyError, IndexError, RuntimeError, StopIteration, ValueError, TypeError, OverflowError) as error:
        found, why = ", ".join(list(weights)[:4])[:200], str(error).strip().partition("\n")[0][:200]
        raise ValueError(f"{EXPECTED}, found {found}, ... ({why}); choose another file") from error
    return network.eval().requires_grad_(False)


def read_network(path: Path) -> nn.Module:
    """A network from any ESRGAN-family .pth or .safetensors file.

    Only tensors are read from a .pth, never objects. Raises ValueError naming the file and what it holds instead.
    """
    try:
        found = reading.read_tensors(path, "weights of the ESRGAN family (.pth or .safetensors)")
    except reading.WeightsError as error:
        raise ValueError(str(error)) from error
    try:
        return build_network({name: value.float() for name, value in found.items()})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_ncnn(param: Path, binary: Path) -> nn.Module:
    """A network from ncnn's two files. Raises ValueError naming them when they hold something else."""
    layers = read_layers(param, binary)
    small = any(layer.kind == "PReLU" for layer in layers)
    names = [f"body.{i}" for i in range(len(layers))] if small else _order_of_rrdb((len(layers) - 6) // 15)
    weights = {}
    for name, layer in zip(names, layers, strict=False):
        weights[f"{name}.weight"] = torch.from_numpy(layer.weight)
        if layer.bias is not None:
            weights[f"{name}.bias"] = torch.from_numpy(layer.bias)
    try:
        return build_network(weights)
    except ValueError as error:
        raise ValueError(f"{binary}: {error}") from error


def _order_of_rrdb(blocks: int) -> list[str]:
    """The names of an RRDBNet's convolutions in the order in which they are used, with two enlargements."""
    dense = [f"body.{b}.rdb{d}.conv{c}" for b in range(blocks) for d in (1, 2, 3) for c in (1, 2, 3, 4, 5)]
    return ["conv_first", *dense, "conv_body", "ups.0", "ups.1", "conv_hr", "conv_last"]


OLD_BLOCK = re.compile(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.(weight|bias)")
NEW_NAMES = (
    (re.compile(r"(?:RRDB_trunk|body)\.(\d+)\.(?:RDB|rdb)(\d)\.conv(\d)\."), r"body.\1.rdb\2.conv\3."),
    (re.compile(r"^trunk_conv\."), "conv_body."),
    (re.compile(r"^HRconv\."), "conv_hr."),
    (re.compile(r"^(?:upconv|conv_up)(\d)\."), lambda found: f"ups.{int(found[1]) - 1}."),
)


def rename(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of any layout with the names that the networks here have."""
    plain = {name.removeprefix("module."): value for name, value in weights.items()}
    if "model.0.weight" in plain:
        return _rename_old(plain)
    renamed = {}
    for name, value in plain.items():
        for pattern, new in NEW_NAMES:
            name = pattern.sub(new, name)
        renamed[name] = value
    return renamed


def _rename_old(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The first ESRGAN's numbered layers: 0 first, 1 the trunk, then the enlargements, the last two are HR and last."""
    numbers = sorted({int(name.split(".")[1]) for name in weights if re.match(r"model\.\d+\.weight", name)})
    trunk_end = max(int(name.split(".")[3]) for name in weights if re.match(r"model\.1\.sub\.\d+\.weight", name))
    tops = {0: "conv_first", numbers[-2]: "conv_hr", numbers[-1]: "conv_last"}
    tops |= {number: f"ups.{i}" for i, number in enumerate(numbers[1:-2])}
    renamed = {}
    for name, value in weights.items():
        if found := OLD_BLOCK.fullmatch(name):
            block, dense, conv, kind = found.groups()
            renamed[f"body.{block}.rdb{dense}.conv{conv}.{kind}"] = value
        elif name.startswith(f"model.1.sub.{trunk_end}."):
            renamed[f"conv_body.{name.rsplit('.', 1)[1]}"] = value
        else:
            _, number, *rest = name.split(".")
            renamed[".".join((tops.get(int(number), f"model.{number}"), *rest))] = value
    return renamed


def _build_rrdb(weights: Mapping[str, Tensor]) -> nn.Module:
    features, channels = weights["conv_first.weight"].shape[:2]
    unshuffle = {3: 1, 12: 2, 48: 4}.get(channels)
    if unshuffle is None:
        raise KeyError(f"an input of {channels} channels; expected 3, 12 (scale 2) or 48 (scale 1)")
    blocks = 1 + max((int(name.split(".")[1]) for name in weights if name.startswith("body.")), default=-1)
    if not 0 < blocks <= len(weights):
        raise KeyError(f"{blocks} blocks in {len(weights)} tensors")
    doublings = sum(name.startswith("ups.") and name.endswith(".weight") for name in weights)
    growth = weights["body.0.rdb1.conv1.weight"].shape[0]
    return RRDBNet(features, blocks, growth, doublings, unshuffle)


def _build_srvgg(weights: Mapping[str, Tensor]) -> nn.Module:
    numbers = sorted(int(name.split(".")[1]) for name in weights if re.fullmatch(r"body\.\d+\.weight", name))
    if not numbers or numbers[-1] > len(weights):
        raise KeyError("no layers called body.0, body.1, ...")
    last = weights[f"body.{numbers[-1]}.weight"]
    scale = round((last.shape[0] / 3) ** 0.5)
    return SRVGGNetCompact(weights["body.0.weight"].shape[0], numbers[-1] // 2 - 1, scale)
