"""What a model card says of a StyleGAN2 in; its sizes, layer by layer, out: checked before anything is made of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LARGEST = 1 << 12  # px
LIMITS = {  # what a network has at least and at most
    "mapping_layers": (0, 64),
    "start": (1, 64),
    "z_dim": (1, 1 << 14),
    "w_dim": (1, 1 << 14),
    "classes": (0, 1 << 17),
    "rgb_channels": (1, 64),
}


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of one network; everything a model card needs to rebuild it."""

    resolution: int = 256
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    channels: dict[int, int] = field(default_factory=dict)  # per resolution; missing ones follow NVIDIA's rule
    rgb_channels: int = 3
    channel_base: int = 32768
    channel_max: int = 512
    conv_clamp: float | None = None  # NVIDIA's half-precision networks clamp activations at 256
    start: tuple[int, int] = (4, 4)  # rows and columns that it begins with: 4x6 makes pictures of 2:3
    classes: int = 0  # of a conditional network: its mapping hears a class beside z

    def __post_init__(self) -> None:
        if not 8 <= self.resolution <= LARGEST or self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution must be a power of two from 8 to {LARGEST}, found {self.resolution}")
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            for one in value if isinstance(value, tuple) else (value,):
                if type(one) is not int or not least <= one <= most:
                    raise ValueError(f"{name}: expected {least}..{most}, found {one}")
        if max(self.size) > LARGEST:
            raise ValueError(f"pictures of {self.size} px; {LARGEST} px are the most")
        rule = {r: min(self.channel_base // r, self.channel_max) for r in self.resolutions}
        object.__setattr__(self, "channels", {r: int(self.channels.get(r, rule[r])) for r in self.resolutions})

    @property
    def resolutions(self) -> list[int]:
        return [2**i for i in range(2, int(math.log2(self.resolution)) + 1)]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of its pictures, px."""
        return self.resolution * self.start[1] // 4, self.resolution * self.start[0] // 4

    @property
    def num_ws(self) -> int:
        return 2 * len(self.resolutions)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for TOML (keys of `channels` become strings, what is None is left out)."""
        values = {k: v for k, v in vars(self).items() if v is not None}
        return values | {"start": list(self.start), "channels": {str(r): c for r, c in self.channels.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "NetworkConfig":
        channels = {int(r): int(c) for r, c in values.get("channels", {}).items()}
        rows, columns = map(int, values.get("start", (4, 4)))
        return cls(**{**values, "channels": channels, "start": (rows, columns)})


def layer_names(config: NetworkConfig) -> list[tuple[str, int, int]]:
    """Every layer a bend can attach to, in the order they run: (name, channels, rows in px)."""
    names: list[tuple[str, int, int]] = []
    for r in config.resolutions:
        convs, rows = ["conv1"] if r == 4 else ["conv0", "conv1"], r * config.start[0] // 4
        names += [(f"b{r}.{conv}", config.channels[r], rows) for conv in convs]
        names.append((f"b{r}.torgb", config.rgb_channels, rows))
    return names
