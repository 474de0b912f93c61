"""A generator's picture in, the w that it is painted from out: a small convolutional net that looks once.

What pSp (Richardson et al. 2021, "Encoding in Style") and the regressor of Chai et al. 2021 ("Using latent space
regression to analyze and leverage compositionality in GANs") do with a large ResNet, for one generator and one w. It
says how far to go from the average (as e4e does, Tov et al. 2021: what stays near it can be steered) along the
principal axes of the generator's own w.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation import weights
from installation.weight_files import first_line

LEAK = 0.1
STEM_PX = 4  # the side of what the last convolution leaves


@dataclass(frozen=True)
class EncoderConfig:
    """size: px that it looks at, a power of two; widths: channels, halving the side each time until 4 px are left."""

    size: int = 64
    widths: tuple[int, ...] = (24, 48, 96, 192)
    w_dim: int = 256

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1 or self.w_dim < 1:
            raise ValueError(f"expected channels of 1 or more, found widths {self.widths}, w_dim {self.w_dim}")
        if self.size != STEM_PX << len(self.widths) or self.size > 256:
            raise ValueError(f"expected {len(self.widths)} widths for a size of {STEM_PX << len(self.widths)} px, "
                             f"256 at the most, found {self.size} px")  # fmt: skip

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Raises TypeError, ValueError or LookupError for what does not fit."""
        return cls(int(table["size"]), tuple(int(width) for width in table["widths"]), int(table["w_dim"]))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"widths": list(self.widths)}


class Residual(nn.Module):
    """(B, in, H, W) -> (B, out, H/2, W/2): halved, then corrected once (He et al. 2016)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False)
        self.down_norm = nn.BatchNorm2d(out_channels)
        self.same = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.same_norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.down_norm(self.down(x)), LEAK)
        return F.leaky_relu(x + self.same_norm(self.same(x)), LEAK)


class Encoder(nn.Module):
    """The net, and the axes that it speaks in: `mean` (w_dim,) and `axes` (w_dim, w_dim), one deviation long each."""

    mean: Tensor
    axes: Tensor
    sha256 = ""  # of the file that its weights were read from

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Conv2d(3, config.widths[0], 3, stride=2, padding=1)
        pairs = zip(config.widths, config.widths[1:], strict=False)
        self.blocks = nn.ModuleList(Residual(one, other) for one, other in pairs)
        self.read = nn.Linear(config.widths[-1] * STEM_PX**2, config.w_dim)
        self.register_buffer("mean", torch.zeros(config.w_dim))
        self.register_buffer("axes", torch.eye(config.w_dim))

    def speak(self, samples: Tensor) -> None:
        """Take the axes of a generator's w: samples (N, w_dim)."""
        self.mean.copy_(samples.mean(0))
        _, lengths, axes = torch.linalg.svd(samples - self.mean, full_matrices=False)
        self.axes.zero_()[: len(axes)] = axes * (lengths / (len(samples) - 1) ** 0.5)[:, None]

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (B, 3, size, size), -1..1 -> w (B, w_dim)."""
        x = F.leaky_relu(self.stem(pictures), LEAK)
        for block in self.blocks:
            x = block(x)
        return self.mean + self.read(x.flatten(1)) @ self.axes

    @torch.inference_mode()
    def invert(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) of any size and shape, -1..1 -> the w (B, w_dim) of the middle square of each."""
        return self(looked_at(pictures.clamp(-1, 1), self.config.size))


def looked_at(pictures: Tensor, size: int) -> Tensor:
    """The middle square of pictures (B, 3, H, W), (B, 3, size, size)."""
    height, width = pictures.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pictures[:, :, top : top + side, left : left + side]
    if side == size:
        return square
    return F.interpolate(square, (size, size), mode="bilinear", antialias=side > size, align_corners=False)


def open_encoder(name: str | Path, sha256: str) -> Encoder:
    """The encoder of the generator whose weights have this sha256, ready to invert.

    Raises WeightsError, in one line, for another generator's encoder and for what is none.
    """
    card, path = weights.open_model(str(name))
    if card.get("kind") != "encoder":
        raise weights.WeightsError(f"{path}: expected an encoder, found {card.get('kind', 'no kind')!r}")
    if card.get("of_sha256") != sha256:
        of = str(card.get("of", "another model"))
        raise weights.WeightsError(
            f"{path.parent}: reads pictures of {of} (sha256 {str(card.get('of_sha256'))[:12]}...), not those of "
            f"the model here ({sha256[:12]}...): train one for it with `installation train encoder MODEL`"
        )
    encoder = read_encoder(card, path)
    encoder.sha256 = str(card.get("sha256", "")) or weights.digest(path)
    return encoder


def read_encoder(card: Mapping[str, Any], path: Path) -> Encoder:
    """What `train encoder` wrote. Raises WeightsError when the file does not fit its model.toml."""
    from safetensors.torch import load_file

    try:
        encoder = Encoder(EncoderConfig.from_dict(card["network"]))
        missing, unknown = encoder.load_state_dict(
            {name: tensor.float() for name, tensor in load_file(path).items()}, strict=False
        )
        if unknown or any(not name.endswith("num_batches_tracked") for name in missing):
            raise ValueError(f"tensors missing or unknown: {[*missing, *unknown][0]}")
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise weights.WeightsError(
            f"{path}: does not fit the [network] of its model.toml: {first_line(error)}"
        ) from error
    return encoder.eval().requires_grad_(False)


def encoder_of(model: str | Path) -> str:
    """What the encoder of a model is called unless somebody says otherwise."""
    return f"{Path(model).name}-encoder"
