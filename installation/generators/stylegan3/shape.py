"""What a model card says of a StyleGAN3 in; rates, cutoffs and sizes, layer by layer, out: checked before use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

LARGEST = 1 << 14  # px, channels, numbers in z
LIMITS = {  # what a network may have at most, and at least
    "resolution": (16, LARGEST),
    "rgb_channels": (1, 4),
    "z_dim": (1, LARGEST),
    "w_dim": (6, LARGEST),  # a row of the point carries the picture's place: six numbers
    "classes": (0, 1 << 17),
    "mapping_layers": (1, 64),
    "channel_base": (1, 1 << 24),
    "channel_max": (1, LARGEST),
    "num_layers": (2, 64),
    "num_critical": (0, 63),
    "margin_size": (0, 128),
    "conv_kernel": (1, 3),
    "filter_size": (1, 32),
    "lrelu_upsampling": (1, 4),
}
NEARLY = 1e-6  # a power of two that rounding has left beside itself is still that power


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of one network; everything a model card needs to rebuild it. As it stands it is T; `r()` makes an R.

    Names are NVIDIA's but for four: resolution, rgb_channels, classes (c_dim) and mapping_layers, as in stylegan2.
    """

    resolution: int = 256
    z_dim: int = 512
    w_dim: int = 512
    classes: int = 0  # of a conditional network: its mapping hears a class beside z
    mapping_layers: int = 2
    rgb_channels: int = 3
    channel_base: int = 32768
    channel_max: int = 512
    num_layers: int = 14  # without the input and the last one, which makes colours
    num_critical: int = 2
    first_cutoff: float = 2.0
    first_stopband: float = 2**2.1
    last_stopband_rel: float = 2**0.3
    margin_size: int = 10  # px around the picture in every layer but the last two
    output_scale: float = 0.25
    conv_kernel: int = 3
    filter_size: int = 6
    lrelu_upsampling: int = 2
    use_radial_filters: bool = False
    conv_clamp: float | None = 256.0
    rates: tuple[int, ...] = field(default=())  # of each layer, where a file's differ from the paper's rule

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            if not least <= (value := getattr(self, name)) <= most or value != int(value):
                raise ValueError(f"{name} is a whole number {least}..{most}, found {value}")
        if self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution must be a power of two, found {self.resolution}")
        if self.num_critical >= self.num_layers or self.conv_kernel == 2:
            raise ValueError(f"num_critical of {self.num_critical}, conv_kernel of {self.conv_kernel}: no such network")
        if not 0 < self.first_cutoff < self.first_stopband <= self.resolution or not 1 < self.last_stopband_rel <= 4:
            raise ValueError("first_cutoff, first_stopband and last_stopband_rel leave no band to the layers")
        if (self.rates and len(self.rates) != self.num_layers + 1) or not all(1 <= r <= LARGEST for r in self.rates):
            raise ValueError(f"rates names one for each of {self.num_layers + 1} layers, found {list(self.rates)}")

    @classmethod
    def r(cls, **values: Any) -> NetworkConfig:
        """The rotation-equivariant kind: 1x1 convolutions of twice the channels, radial filters."""
        base = {"conv_kernel": 1, "use_radial_filters": True, "channel_base": 65536, "channel_max": 1024}
        return cls(**(base | values))

    @property
    def num_ws(self) -> int:
        return self.num_layers + 2

    def to_dict(self) -> dict[str, Any]:
        """As plain values for TOML; what is None is left out."""
        return {k: v for k, v in vars(self).items() if v is not None} | {"rates": list(self.rates)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """Raises TypeError and ValueError for what no network has. A card without conv_clamp has no clamp."""
        rates = tuple(int(rate) for rate in values.get("rates", ()))
        return cls(**{"conv_clamp": None, **values, "rates": rates})

    def fitted(self, names: Iterable[str]) -> NetworkConfig:
        """With the rates that a file's layer names (L3_52_512: 52 px) tell, where they differ from the rule's.

        A stopband that meets a power of two exactly is rounded up by one machine's pow and not by another's.
        """
        found = {int(m[1]): int(m[2]) for name in names if (m := re.search(r"\bL(\d+)_(\d+)_\d+\b", name))}
        sizes = [layer.out_size for layer in layer_shapes(self)]
        if list(found) and [found.get(i, size) for i, size in enumerate(sizes)] == sizes:
            return self
        rule = [layer.out_rate for layer in layer_shapes(self)]
        inner = self.num_layers - 1  # from here on the size is the picture's, and says no rate
        return replace(
            self,
            rates=tuple(found[i] - 2 * self.margin_size if i < inner and i in found else r for i, r in enumerate(rule)),
        )


@dataclass(frozen=True)
class LayerShape:
    """One layer: convolution, up to `rate`, leaky ReLU, down to `out_rate`. Sizes in px, cutoffs in periods a picture.

    widths: half of the transition bands of the filters before and behind the leaky ReLU.
    """

    name: str
    inputs: int
    outputs: int
    kernel: int
    in_size: int
    out_size: int
    in_rate: int
    out_rate: int
    rate: int
    in_cutoff: float
    out_cutoff: float
    in_width: float
    out_width: float
    filter_size: int
    radial: bool  # whether the filter behind the leaky ReLU is round
    colours: bool  # the last layer: no filters, no leaky ReLU, no demodulation

    @property
    def up(self) -> int:
        return self.rate // self.in_rate

    @property
    def down(self) -> int:
        return self.rate // self.out_rate

    @property
    def up_taps(self) -> int:
        return self.filter_size * self.up if self.up > 1 and not self.colours else 1

    @property
    def down_taps(self) -> int:
        return self.filter_size * self.down if self.down > 1 and not self.colours else 1

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros before and behind every line at `rate` (less than 0 cuts), so that out_size comes out in the middle."""
        total = (self.out_size - 1) * self.down + 1 - (self.in_size + self.kernel - 1) * self.up
        total += self.up_taps + self.down_taps - 2
        before = (total + self.up) // 2
        return before, total - before


def layer_shapes(config: NetworkConfig) -> list[LayerShape]:
    """Every layer in the order they run. Karras et al. 2021, section 3.2: cutoffs and stopbands grow geometrically."""
    last = config.num_layers
    share = np.minimum(np.arange(last + 1) / (last - config.num_critical), 1)
    cutoffs = config.first_cutoff * (config.resolution / 2 / config.first_cutoff) ** share
    stop = config.resolution / 2 * config.last_stopband_rel
    stopbands = config.first_stopband * (stop / config.first_stopband) ** share
    rates = np.exp2(np.ceil(np.log2(np.minimum(stopbands * 2, config.resolution)) - NEARLY))
    rates = np.array(config.rates, float) if config.rates else rates
    widths = np.maximum(stopbands, rates / 2) - cutoffs
    sizes = rates + 2 * config.margin_size
    sizes[-2:] = config.resolution
    channels = np.rint(np.minimum(config.channel_base / 2 / cutoffs, config.channel_max))
    channels[-1] = config.rgb_channels
    layers = []
    for i in range(last + 1):
        before, colours = max(i - 1, 0), i == last
        rate = int(max(rates[before], rates[i])) * (1 if colours else config.lrelu_upsampling)
        if rate % rates[before] or rate % rates[i]:
            raise ValueError(f"rates of {int(rates[before])} and {int(rates[i])} do not divide {rate}")
        layers.append(
            LayerShape(
                name=f"L{i}_{int(sizes[i])}_{int(channels[i])}",
                inputs=int(channels[before]),
                outputs=int(channels[i]),
                kernel=1 if colours else config.conv_kernel,
                in_size=int(sizes[before]),
                out_size=int(sizes[i]),
                in_rate=int(rates[before]),
                out_rate=int(rates[i]),
                rate=rate,
                in_cutoff=float(cutoffs[before]),
                out_cutoff=float(cutoffs[i]),
                in_width=float(widths[before]),
                out_width=float(widths[i]),
                filter_size=config.filter_size,
                radial=config.use_radial_filters and i < last - config.num_critical,
                colours=colours,
            )
        )
    return layers


def layer_names(config: NetworkConfig) -> list[tuple[str, int, int]]:
    """Every layer a bend can attach to, in the order they run: (name, channels, rows in px)."""
    layers = layer_shapes(config)
    names = [(layer.name, layer.outputs, layer.out_size) for layer in layers]
    return [("input", layers[0].inputs, layers[0].in_size), *names]
