"""A model's card and its safetensors file in, the network with these weights out; refused where the two do not fit.

Nothing of the size that a card speaks of is made before the file's own header has said the same: a network is first
built without memory (torch's meta device), then compared by name and shape, then given the tensors of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from installation.checking import check, to_table
from installation.weight_files import first_line
from installation.weights import WeightsError

COUNTED = "num_batches_tracked"  # of a batch norm: nothing that plays
Net = TypeVar("Net", bound=nn.Module)
Shape = tuple[int, ...]
FIT_ERRORS = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, OverflowError, MemoryError)


@dataclass(frozen=True)
class Config:
    """What every NetworkConfig can: be read from the plain values of a card, and be written as such."""

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Raises ValueError naming what cannot be."""
        return check(cls, dict(table), "[network]")

    def to_dict(self) -> dict[str, Any]:
        return to_table(self)


def read(kind: type[Any], build: Callable[[Any], Net], card: Mapping[str, Any], path: Path) -> Net:
    """The network that build(kind(**[network])) makes, with the file's tensors in float32, for playing only.

    kind: its NetworkConfig, whose __post_init__ raises ValueError for what cannot be. Raises WeightsError, one line.
    """
    where = path.parent / "model.toml"
    table = card.get("network")
    if not isinstance(table, dict):
        raise WeightsError(f"{where}: expected a table [network], found {table!r}")
    try:
        config = check(kind, table, "[network]")
        with torch.device("meta"):
            net = build(config)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise WeightsError(f"{where}: {error}") from error
    _compare(net, path)
    tensors = {name: tensor.float() for name, tensor in load_file(path).items() if not name.endswith(COUNTED)}
    counted = {name: torch.zeros(()) for name in net.state_dict() if name.endswith(COUNTED)}
    net.load_state_dict(tensors | counted, assign=True)
    return net.eval().requires_grad_(False)


def _compare(net: nn.Module, path: Path, beside: Collection[str] = ()) -> None:
    """Raises WeightsError where a file's header has other names or shapes than the network of its card."""
    wanted = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items() if not name.endswith(COUNTED)}
    there = {name: shape for name, shape in shapes(path).items() if not name.endswith(COUNTED) and name not in beside}
    for name in [*wanted, *there]:
        if wanted.get(name) != there.get(name):
            expected, found = (_said(side.get(name)) for side in (wanted, there))
            raise WeightsError(
                f"{path}: does not fit the [network] of its model.toml: {name}: expected {expected}, found {found}"
            )


def shapes(path: Path) -> dict[str, Shape]:
    """The shape of every tensor, as the header of a safetensors file states them. Raises WeightsError."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a whole safetensors file: {error}") from error


def _said(shape: Shape | None) -> str:
    return "nothing" if shape is None else " x ".join(map(str, shape)) or "one number"


def without_spectral_norm(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State as torch.nn.utils.spectral_norm keeps it (weight_orig, weight_u, weight_v) -> plain weights.

    A weight is divided by its largest singular value as training last knew it: u (out,), v (the rest,) of the weight as
    a matrix. Miyato et al. 2018. Transposed convolutions keep `out` second: u's length tells.
    """
    plain = {name: tensor for name, tensor in tensors.items() if not name.endswith(("_orig", "_u", "_v"))}
    for name, weight in tensors.items():
        if not name.endswith("_orig"):
            continue
        stem = name.removesuffix("_orig")
        u, v = tensors[f"{stem}_u"].double(), tensors[f"{stem}_v"].double()
        matrix = weight.double().flatten(1)
        if matrix.shape != (len(u), len(v)):
            matrix = weight.double().transpose(0, 1).flatten(1)
        plain[stem] = (weight.double() / (u @ matrix @ v)).to(weight.dtype)
    return plain


def folded(weight: Tensor, bias: Tensor | None, norm: nn.Module | None, out: int = 0) -> tuple[Tensor, Tensor]:
    """A convolution's weight and bias (O,) with the batch norm that follows it inside. out: the weight's axis of O."""
    count = weight.shape[out]
    bias = torch.zeros(count) if bias is None else bias
    if norm is None:
        return weight, bias
    gain, shift = scale_and_shift(norm)
    shape = [1] * weight.ndim
    shape[out] = count
    return weight * gain.reshape(shape), bias * gain + shift


def scale_and_shift(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """What a batch norm at play does to each channel: x * scale (C,) + shift (C,)."""
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    gain = norm.get_parameter("weight") / (variance + norm.eps).sqrt()  # type: ignore[operator]
    return gain, norm.get_parameter("bias") - mean * gain


def open_network(build: Callable[[], Net], path: Path, beside: Collection[str] = ()) -> tuple[Net, dict[str, Tensor]]:
    """The network that `build` makes with the weights of a file in it, float32, without gradients, and what is beside.

    beside: tensors that the file may hold more. Raises WeightsError naming what does not fit.
    """
    try:
        with torch.device("meta"):
            meant = build()
        _compare(meant, path, beside)
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        net = build()
        more = {name: tensors.pop(name) for name in beside if name in tensors}
        net.load_state_dict(tensors)
    except WeightsError:
        raise
    except (*FIT_ERRORS, SafetensorError) as error:
        raise WeightsError(f"{path}: does not fit the [network] of its model.toml: {first_line(error)}") from error
    return net.eval().requires_grad_(False), more
