"""A small picture in, the same picture 2, 4 or 8 times as large out, whose every block of pixels has the input's mean.

Everything is computed at the input's size, and one pixel shuffle ends it. The base is a cubic enlargement made
consistent by back-projection (Irani and Peleg 1991), folded into one convolution; the net adds detail whose mean over
each block of the output is zero, because the last convolution's weights are centred. So the output, made small again by
area (the mean of every block of scale x scale pixels, of sRGB values as they are encoded), is the input: what a
consistency enforcing module does (Bahat and Michaeli 2020, arXiv:1912.01839), at no cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation import weights
from installation.networks.bare import Bare, TooLarge
from installation.networks.reading import read_tensors

KIND = "upscaler"
SCALES = (2, 4, 8)
LEAK = 0.05
BACK_PROJECTIONS = 2  # of the base: more change less than a thousandth of the range
REACH = 4  # how far the base sees, in pixels of the input; beyond it is next to nothing
MOST_FEATURES, MOST_BLOCKS = 512, 64  # no card asks for more in earnest
LEAST = 1e-6


@dataclass(frozen=True)
class NetworkConfig:
    """How much larger (2, 4 or 8), how many channels, how many blocks of three convolutions."""

    scale: int = 4
    features: int = 32
    blocks: int = 4

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"expected a scale of 2, 4 or 8, found {self.scale!r}")
        for name, most in (("features", MOST_FEATURES), ("blocks", MOST_BLOCKS)):
            value = getattr(self, name)
            if type(value) is not int or not 0 < value <= most:
                raise ValueError(f"expected {name} from 1 to {most}, found {value!r}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Block(nn.Module):
    """Residual local feature block of RLFN (Kong et al. 2022, arXiv:2205.07514), without its attention: that pools over
    an area, so that what is drawn in a tile would depend on the tile."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(3))
        self.mix = nn.Conv2d(features, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in self.convs:
            y = F.leaky_relu(conv(y), LEAK)
        return self.mix(y + x)


class Upscaler(nn.Module):
    """(B, 3, h, w) sRGB 0..1 -> (B, 3, h * scale, w * scale); within 0..1 unless it is being trained."""

    base: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config, self.scale, self.multiple = config, config.scale, 1
        self.rim_px = max(REACH, 3 * config.blocks + 3)  # all that a pixel can see, so that tiles have no seams
        self.bytes_per_px = 16 * config.features + 40 * 3 * config.scale**2
        self.first = nn.Conv2d(3, config.features, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(config.features) for _ in range(config.blocks)))
        self.last = nn.Conv2d(config.features, config.features, 3, padding=1)
        self.detail = nn.Conv2d(config.features, 3 * config.scale**2, 3, padding=1)
        self.register_buffer("base", base_kernel(config.scale), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.first(x - 0.5)
        y = self.enlarge_plainly(x, shuffle=False) + self._detail(self.last(self.blocks(seen)) + seen)
        if not self.training:
            y = self._clip(y, x)
        return F.pixel_shuffle(y, self.scale)

    def enlarge_plainly(self, x: Tensor, shuffle: bool = True) -> Tensor:
        """The consistent cubic enlargement alone; not clipped."""
        padded = F.pad(x, (REACH, REACH, REACH, REACH), mode="replicate")
        y = F.conv2d(padded, self.base, groups=3)  # (B, 3 * scale^2, h, w)
        return F.pixel_shuffle(y, self.scale) if shuffle else y

    def _detail(self, features: Tensor) -> Tensor:
        """Detail that is zero on average over each block, whatever was learnt: (B, 3 * scale^2, h, w)."""
        each = (3, self.scale**2)
        weight, bias = self.detail.weight.unflatten(0, each), self.detail.bias
        assert bias is not None
        bias = bias.unflatten(0, each)
        weight = (weight - weight.mean(1, keepdim=True)).flatten(0, 1)
        return F.conv2d(features, weight, (bias - bias.mean(1, keepdim=True)).flatten(), padding=1)

    def _clip(self, y: Tensor, x: Tensor) -> Tensor:
        """y (B, 3 * scale^2, h, w) within 0..1, its blocks' means still x, which is: what is cut off at black and white
        is given back to the rest of its block, and where there is no room for it the block has less contrast."""
        y, x = y.unflatten(1, (3, self.scale**2)).clamp(0, 1), x[:, :, None].clamp(0, 1)
        detail = y - y.mean(2, keepdim=True)
        above, below = detail.amax(2, keepdim=True), -detail.amin(2, keepdim=True)
        room = torch.minimum((1 - x) / above.clamp(min=LEAST), x / below.clamp(min=LEAST)).clamp(max=1)
        return (x + detail * room).flatten(1, 2)


def base_kernel(scale: int) -> Tensor:
    """What one pixel becomes when it is enlarged consistently: (3 * scale^2, 1, n, n), one kernel for each place in a
    block; their mean is the pixel itself."""
    side = 8 * REACH + 1  # so much room that the border does not matter
    one = torch.zeros(1, 1, side, side, dtype=torch.float64)
    one[..., side // 2, side // 2] = 1
    y = _cubic(one, scale)
    for _ in range(BACK_PROJECTIONS):
        y = y + _cubic(one - F.avg_pool2d(y, scale), scale)
    middle = slice(side // 2 - REACH, side // 2 + REACH + 1)
    y = F.pixel_unshuffle(y, scale)[0, :, middle, middle].float()  # (scale^2, n, n)
    y = y + (one[0, :, middle, middle].float() - y.mean(0, keepdim=True))
    y[:, REACH, REACH] += 1 - y.sum((1, 2))  # what was cut off: a plain colour stays what it is, to the border
    return y.flip(1, 2)[:, None].repeat(3, 1, 1, 1)


def _cubic(x: Tensor, scale: int) -> Tensor:
    """Keys' cubic with a = -0.5, which `antialias` chooses."""
    return F.interpolate(x, scale_factor=scale, mode="bicubic", antialias=True)


def build_network(card: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Upscaler:
    """The network that a card's table `network` describes, filled with tensors, in float32 and eval mode.

    Raises ValueError when the two do not fit.
    """
    try:
        with Bare(held=sum(tensor.numel() for tensor in tensors.values())):
            network = Upscaler(NetworkConfig(**card["network"]))
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (KeyError, TypeError, RuntimeError, TooLarge) as error:
        raise ValueError(f"expected an upscaler and its weights: {str(error).splitlines()[0]}") from error
    return network.eval().requires_grad_(False)


def open_files(name_or_folder: str | Path) -> tuple[dict[str, Any], Path]:
    """The card and the verified weights of an upscaler. Raises WeightsError when they are not there, or of others."""
    card, path = weights.open_model(name_or_folder)
    if card.get("kind") != KIND:
        raise weights.WeightsError(
            f"{name_or_folder}: expected a model of kind {KIND}, found {card.get('kind')!r}; name another"
        )
    return card, path


def read_upscaler(name_or_folder: str | Path) -> Upscaler:
    """The upscaler of that name or folder. Raises WeightsError when it is not there, torn or of another kind."""
    card, path = open_files(name_or_folder)
    try:
        return build_network(card, read_tensors(path, "an upscaler"))
    except ValueError as error:
        raise weights.WeightsError(f"{path}: {error}") from error
