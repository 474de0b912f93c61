"""A model card's network and its safetensors file in; the network with the file's numbers in it out, where both agree.

What the card claims is held against the file's own list of names and shapes before anything of that size is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from installation.checking import check, to_table
from installation.networks.bare import Bare
from installation.weight_files import WeightsError, first_line

COUNTED = "num_batches_tracked"  # of a batch norm: nothing that plays
FIT_ERRORS = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, OverflowError, MemoryError)
Network = TypeVar("Network", bound=nn.Module)
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Config:
    """What a NetworkConfig can: be read from the plain values of a card, and be written as such."""

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Raises ValueError naming what cannot be."""
        return check(cls, dict(table), "[network]")

    def to_dict(self) -> dict[str, Any]:
        """As `from_dict` reads it."""
        return to_table(self)


def read(kind: type[Any], build: Callable[[Any], Network], card: Mapping[str, Any], path: Path) -> Network:
    """The network that build(kind(**[network])) makes, with the file's tensors in float32, for playing only.

    kind: its NetworkConfig, whose __post_init__ raises ValueError for what cannot be. Raises WeightsError, one line.
    """
    where = path.parent / "model.toml"
    table = card.get("network")
    if not isinstance(table, dict):
        raise WeightsError(f"{where}: expected a table [network], found {table!r}")
    try:
        config = check(kind, table, "[network]")
    except FIT_ERRORS as error:
        raise WeightsError(f"{where}: {first_line(error)}") from error
    return open_network(lambda: build(config), path)[0]


def open_network(
    build: Callable[[], Network], path: Path, beside: Collection[str] = ()
) -> tuple[Network, dict[str, Tensor]]:
    """The network that `build` makes with the weights of a file in it, float32, without gradients, and what is beside.

    beside: tensors that the file may hold more. Raises WeightsError naming what does not fit.
    """
    try:
        with safe_open(path, "pt") as file:
            there = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            with Bare(held=sum(map(math.prod, there.values()))):
                net = build()
            wanted = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
            _compare(wanted, there, beside)
            tensors = {name: file.get_tensor(name).float() for name in there if not name.endswith(COUNTED)}
        more = {name: tensors.pop(name) for name in beside if name in tensors}
        net.load_state_dict(tensors | {name: torch.zeros(()) for name in wanted if name.endswith(COUNTED)})
    except (*FIT_ERRORS, SafetensorError) as error:
        raise WeightsError(f"{path}: does not fit the [network] of its model.toml: {first_line(error)}") from error
    return net.eval().requires_grad_(False), more


def _compare(wanted: Mapping[str, Shape], there: Mapping[str, Shape], beside: Collection[str]) -> None:
    """Raises ValueError where a file has other names or shapes than a network."""
    for name in (*wanted, *there):
        if name in beside or name.endswith(COUNTED) or wanted.get(name) == there.get(name):
            continue
        expected, found = (_said(side.get(name)) for side in (wanted, there))
        raise ValueError(f"{name}: expected {expected}, found {found}")


def _said(shape: Shape | None) -> str:
    return "nothing" if shape is None else " x ".join(map(str, shape)) or "one number"
