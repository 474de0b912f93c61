"""Two pictures and a time between them in, flows and visibility out: Super SloMo's two U-Nets, open to bends.

After Jiang et al., Super SloMo (2018). One net estimates the flow between the pictures, the other corrects it for the
time between and says which picture is seen where; every layer of both has a name and can be bent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from installation import weights
from installation.bending.carrying import Motion, carried
from installation.bending.layers import Layer
from installation.networks import reading
from installation.weight_files import first_line

Bend = Callable[[str, Tensor], Tensor]
STEP_PX = 32  # five halvings: sides are multiples of this
KERNELS = (7, 5, 3, 3, 3, 3)  # of the encoder's six pairs of convolutions
PUBLISHED_WIDTHS = (32, 64, 128, 256, 512, 512)
LEAK = 0.1


@dataclass(frozen=True)
class NetworkConfig:
    """widths: channels of the encoder's six pairs of convolutions; the published nets' are PUBLISHED_WIDTHS.

    mean is taken off the pictures' red, green and blue. leaky_end: the published nets' outputs pass a leaky ReLU, too.
    """

    widths: tuple[int, ...] = (8, 16, 32, 64, 128, 128)
    mean: tuple[float, ...] = (0.429, 0.431, 0.397)
    leaky_end: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {"widths": list(self.widths), "mean": list(self.mean), "leaky_end": self.leaky_end}

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> NetworkConfig:
        return cls(tuple(table["widths"]), tuple(table["mean"]), bool(table["leaky_end"]))


def _plain(name: str, x: Tensor) -> Tensor:
    return x


class Pair(nn.Module):
    """Two convolutions with leaky ReLUs; the second one may see the encoder's features of its size beside its own."""

    def __init__(self, inputs: int, outputs: int, kernel: int, joins: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.conv2 = nn.Conv2d(2 * outputs if joins else outputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor, beside: Tensor | None, name: str, bend: Bend) -> Tensor:
        x = bend(f"{name}.conv1", F.leaky_relu(self.conv1(x), LEAK))
        x = x if beside is None else torch.cat([x, beside], 1)
        return bend(f"{name}.conv2", F.leaky_relu(self.conv2(x), LEAK))


class UNet(nn.Module):
    """Super SloMo's U-Net: (B, inputs, H, W) -> (B, outputs, H, W), sides multiples of 32; named as published."""

    def __init__(self, inputs: int, outputs: int, config: NetworkConfig) -> None:
        super().__init__()
        widths = config.widths
        self.conv1 = nn.Conv2d(inputs, widths[0], KERNELS[0], padding=KERNELS[0] // 2)
        self.conv2 = nn.Conv2d(widths[0], widths[0], KERNELS[0], padding=KERNELS[0] // 2)
        for i in range(1, 6):
            self.add_module(f"down{i}", Pair(widths[i - 1], widths[i], KERNELS[i]))
        for i in range(1, 6):
            self.add_module(f"up{i}", Pair(widths[6 - i], widths[5 - i], 3, joins=True))
        self.conv3 = nn.Conv2d(widths[0], outputs, 3, padding=1)
        self.leaky_end = config.leaky_end

    def forward(self, x: Tensor, name: str = "", bend: Bend = _plain) -> Tensor:
        x = bend(f"{name}.conv1", F.leaky_relu(self.conv1(x), LEAK))
        x = bend(f"{name}.conv2", F.leaky_relu(self.conv2(x), LEAK))
        encoded = [x]
        for i in range(1, 6):
            x = getattr(self, f"down{i}")(F.avg_pool2d(x, 2), None, f"{name}.down{i}", bend)
            encoded.append(x)
        for i in range(1, 6):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = getattr(self, f"up{i}")(x, encoded[5 - i], f"{name}.up{i}", bend)
        x = self.conv3(x)
        return bend(f"{name}.conv3", F.leaky_relu(x, LEAK) if self.leaky_end else x)


class SloMo(nn.Module):
    """The two nets together: `flow` sees both pictures, `blend` also sees where they are taken to."""

    mean: Tensor

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        self.flow = UNet(6, 4, self.config)
        self.blend = UNet(20, 5, self.config)
        self.register_buffer("mean", torch.tensor(self.config.mean)[None, :, None, None], persistent=False)

    def forward(self, first: Tensor, second: Tensor, t: float | Tensor, bend: Bend = _plain) -> Motion:
        """first, second (B, 3, h, w) 0..1, sides multiples of 32; t 0..1, or (B, 1, 1, 1): the motion at t."""
        forth, back = self.flows(first, second, bend)
        first, second = first - self.mean, second - self.mean
        to_first = t * t * back - (1 - t) * t * forth
        to_second = (1 - t) * (1 - t) * forth - t * (1 - t) * back
        seen = [first, second, forth, back, to_second, to_first, carried(second, to_second), carried(first, to_first)]
        change = self.blend(torch.cat(seen, 1), "blend", bend)  # (B, 5, h, w)
        return Motion(to_first + change[:, :2], to_second + change[:, 2:4], change[:, 4:].sigmoid(), forth, back)

    def flows(self, first: Tensor, second: Tensor, bend: Bend = _plain) -> tuple[Tensor, Tensor]:
        """The flow from the first picture to the second and back: two (B, 2, h, w) in px."""
        both = torch.cat([first - self.mean, second - self.mean], 1)
        forth, back = self.flow(both, "flow", bend).split(2, 1)
        return forth, back


def layer_names(config: NetworkConfig, rows: int) -> list[Layer]:
    """Every layer of both nets: (name, channels, rows) in the order in which they are passed."""
    layers: list[Layer] = []
    for net, outputs in (("flow", 4), ("blend", 5)):
        layers += [(f"{net}.conv{i}", config.widths[0], rows) for i in (1, 2)]
        for i, k in itertools.product(range(1, 6), (1, 2)):
            layers.append((f"{net}.down{i}.conv{k}", config.widths[i], rows >> i))
        for i, k in itertools.product(range(1, 6), (1, 2)):
            layers.append((f"{net}.up{i}.conv{k}", config.widths[5 - i], rows >> (5 - i)))
        layers.append((f"{net}.conv3", outputs, rows))
    return layers


def nearest_size(width: int, height: int, longest_px: int) -> tuple[int, int]:
    """The (width, height) at which the nets look at a picture: multiples of 32, the longer side near longest_px."""
    scale = longest_px / max(width, height)
    return tuple(max(STEP_PX, round(side * scale / STEP_PX) * STEP_PX) for side in (width, height))  # type: ignore


def open_nets(model: str | Path) -> tuple[SloMo, str]:
    """The nets of a model folder, or of a published Super SloMo checkpoint (.ckpt, .pth), and the weights' sha256.

    Raises WeightsError saying what was expected, found and what to do.
    """
    path = Path(model)
    if path.suffix in (".ckpt", ".pth", ".pt"):
        return read_published(path), weights.digest(path)
    config, path = weights.open_model(str(model))
    return read_nets(config, path), str(config.get("sha256", "")) or weights.digest(path)


def read_nets(config: Mapping[str, Any], path: Path) -> SloMo:
    """The nets that `train slomo` wrote. Raises WeightsError when the file does not fit its model.toml."""
    from safetensors.torch import load_file

    try:
        nets = SloMo(NetworkConfig.from_dict(config["network"]))
        nets.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise weights.WeightsError(
            f"{path}: does not fit the [network] of its model.toml: {first_line(error)}"
        ) from error
    return _at_rest(nets)


def read_published(path: Path) -> SloMo:
    """The nets of a checkpoint in the layout of the published Super SloMo: state_dictFC is flow, state_dictAT blend.

    Any channel widths will do; they are read off the weights. Only tensors are unpickled. Raises WeightsError.
    """
    if not path.is_file():
        raise weights.WeightsError(
            f"no checkpoint {path}: expected the file of a published Super SloMo; fetch it first"
        )
    expected = "a Super SloMo checkpoint (state_dictFC, state_dictAT)"
    found = reading.read_table(path, expected)
    try:
        tables = {"flow": reading.strip(found["state_dictFC"]), "blend": reading.strip(found["state_dictAT"])}
        nets = SloMo(NetworkConfig(_widths(tables["flow"]), leaky_end=True))
        for name, table in tables.items():
            getattr(nets, name).load_state_dict({k: v.float() for k, v in table.items()})
    except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
        why = str(error).partition("\n")[0][:200]
        raise weights.WeightsError(f"{path}: expected {expected}, found something else: {why}") from error
    return _at_rest(nets)


def _widths(table: Mapping[str, Tensor]) -> tuple[int, ...]:
    names: Sequence[str] = ("conv1", *(f"down{i}.conv1" for i in range(1, 6)))
    return tuple(len(table[f"{name}.bias"]) for name in names)


def _at_rest(nets: SloMo) -> SloMo:
    return nets.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
