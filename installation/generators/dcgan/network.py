"""A z in, a picture out: the stack of transposed convolutions of a DCGAN, as its file of weights says it is built.

Radford, Metz and Chintala 2015. Names are those of the example that everybody started from: main.<n>.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from installation.generators.fitting import Config
from installation.weight_files import WeightsError

CUSTOMARY = {1: (1, 0, 0), 2: (2, 0, 0), 3: (1, 1, 0), 4: (2, 1, 0), 5: (2, 2, 1), 6: (2, 2, 0), 8: (4, 2, 0)}
LARGEST = 8192  # px and channels
EYES = ("amber", "blue", "brown", "gray", "grayscale", "green", "hazel", "red")  # of omniart-eye-generator, in order
EYES_IN = 108  # numbers that its first layer is handed: 100 of chance, 8 of colours


@dataclass(frozen=True)
class NetworkConfig(Config):
    """channels begin with what goes in, z and the classes; at is each layer's number in `main`, norms that of its batch
    norm (-1: none).

    The first layer makes `start` (rows, columns) of one pixel; kernels, strides and paddings are those of the others.
    Layers but the last are rectified; slope is that of what lies below zero.
    """

    channels: tuple[int, ...]
    at: tuple[int, ...]
    norms: tuple[int, ...]
    biases: tuple[bool, ...]
    start: tuple[int, int]
    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    paddings: tuple[int, ...]
    output_paddings: tuple[int, ...]
    classes: int = 0
    slope: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for what no network can be."""
        count, others = len(self.at), (self.kernels, self.strides, self.paddings, self.output_paddings)
        if not 1 <= count <= 32 or len(self.channels) != count + 1:
            raise ValueError("[network]: expected 1..32 layers in `at`, and one number more in `channels`")
        if {len(self.norms), len(self.biases)} != {count} or {len(one) for one in others} != {count - 1}:
            raise ValueError("[network]: expected norms and biases of every layer, the rest of every one but the first")
        if not all(1 <= n <= LARGEST for n in (*self.channels, *self.start, *self.strides, *self.kernels)):
            raise ValueError(f"[network]: expected channels, start, kernels and strides of 1..{LARGEST}")
        if not all(0 <= n <= 64 for n in self.paddings) or not all(0 <= n <= 64 for n in self.output_paddings):
            raise ValueError("[network]: expected paddings of 0..64")
        if self.channels[-1] not in (1, 3, 4) or not 0 <= self.classes < self.channels[0]:
            raise ValueError("[network]: expected 1, 3 or 4 planes in the end, and fewer classes than channels[0]")
        used = [*self.at, *(n for n in self.norms if n >= 0)]
        if len(set(used)) != len(used):
            raise ValueError("[network]: expected every number of at and norms once")
        if not all(1 <= n <= LARGEST for size in self.sizes for n in size):
            raise ValueError(f"[network]: expected a picture of 1..{LARGEST} px each way")

    @property
    def z_dim(self) -> int:
        return self.channels[0] - self.classes

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Rows and columns of what every layer puts out."""
        sizes = [self.start]
        for kernel, stride, padding, extra in zip(
            self.kernels, self.strides, self.paddings, self.output_paddings, strict=True
        ):
            more = kernel + extra - stride - 2 * padding
            sizes.append((sizes[-1][0] * stride + more, sizes[-1][1] * stride + more))
        return sizes


class Generator(nn.Module):
    """The network as it was trained: main.<at> and main.<norm>, the rest without weights."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.main = nn.Module()
        steps = [*zip(config.kernels, config.strides, config.paddings, config.output_paddings, strict=True)]
        for i, (number, step) in enumerate(zip(config.at, [(config.start, 1, 0, 0), *steps], strict=True)):
            channels = config.channels[i : i + 2]
            self.main.add_module(str(number), nn.ConvTranspose2d(*channels, *step, bias=config.biases[i]))  # type: ignore[arg-type, call-arg, misc]
            if config.norms[i] >= 0:
                self.main.add_module(str(config.norms[i]), nn.BatchNorm2d(config.channels[i + 1]))

    def layers(self) -> list[tuple[nn.Module, nn.Module | None]]:
        """Every transposed convolution with the batch norm behind it."""
        named = dict(self.main.named_children())
        pairs = zip(self.config.at, self.config.norms, strict=True)
        return [(named[str(at)], named.get(str(norm))) for at, norm in pairs]

    def forward(self, z: Tensor) -> Tensor:
        """z (B, z_dim + classes) -> pictures (B, planes, H, W), -1..1."""
        x, layers = z[:, :, None, None], self.layers()
        for i, (convolution, norm) in enumerate(layers):
            x = convolution(x)
            x = x if norm is None else norm(x)
            x = torch.tanh(x) if i + 1 == len(layers) else nn.functional.leaky_relu(x, self.config.slope)
        return x


def inferred(tensors: Mapping[str, Tensor], classes: int | None = None) -> tuple[NetworkConfig, dict[str, Tensor]]:
    """The config of a stack of named tensors, and the tensors under this module's names.

    Strides and paddings leave no trace in a file: the customary ones of every kernel are taken. classes: how many of
    the numbers that go in are a class; None takes those of omniart-eye-generator where it is one. Raises WeightsError.
    """
    prefixes = {name.rpartition(".")[0].rpartition(".")[0] for name in tensors}
    if len(prefixes) != 1:
        raise WeightsError(f"no DCGAN: expected one stack of layers, found {', '.join(sorted(prefixes)) or 'nothing'}")
    prefix = prefixes.pop()
    cut = len(prefix) + 1 if prefix else 0
    state = {f"main.{name[cut:]}": tensor for name, tensor in tensors.items() if not name.endswith("_tracked")}
    try:
        numbers = sorted({int(name.split(".")[1]) for name in state})
        at = [n for n in numbers if state[f"main.{n}.weight"].ndim == 4]
        norms = [next((n for n in numbers if a < n < b and n not in at), -1) for a, b in zip(at, [*at[1:], 1 << 30])]  # noqa: B905
        weights = [state[f"main.{n}.weight"] for n in at]
    except (KeyError, ValueError) as error:
        raise WeightsError(f"no DCGAN: expected main.<number>.weight of every layer, missed {error}") from error
    kernels = [tuple(weight.shape[2:]) for weight in weights]
    chain = [weights[0].shape[0], *(weight.shape[1] for weight in weights)] if weights else []
    if not weights or any(weight.shape[0] != before for weight, before in zip(weights, chain, strict=False)):
        raise WeightsError("no DCGAN: its convolutions do not follow each other as transposed ones do")
    if odd := [k for k in kernels[1:] if k[0] != k[1] or k[0] not in CUSTOMARY]:
        raise WeightsError(f"a DCGAN with a kernel of {odd[0]}: known are {', '.join(map(str, CUSTOMARY))} squared")
    steps = [CUSTOMARY[k[0]] for k in kernels[1:]]
    if classes is None:
        classes = len(EYES) if chain[0] == EYES_IN and at[:2] == [0, 4] else 0
    config = NetworkConfig(
        channels=tuple(chain),
        at=tuple(at),
        norms=tuple(norms),
        start=(kernels[0][0], kernels[0][1]),
        kernels=tuple(k[0] for k in kernels[1:]),
        strides=tuple(step[0] for step in steps),
        paddings=tuple(step[1] for step in steps),
        output_paddings=tuple(step[2] for step in steps),
        biases=tuple(f"main.{n}.bias" in state for n in at),
        classes=classes,
    )
    return config, state
