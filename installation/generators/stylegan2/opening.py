"""A model card's network and its safetensors file in; the network with the file's numbers in it out, where both agree.

What the card claims is laid beside the file's own list of names and shapes before anything of that size is made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from installation.weight_files import WeightsError, first_line

Network = TypeVar("Network", bound=nn.Module)
FIT_ERRORS = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, OverflowError, MemoryError)


def open_network(
    build: Callable[[], Network], path: Path, beside: Collection[str] = ()
) -> tuple[Network, dict[str, Tensor]]:
    """The network that `build` makes with the weights of a file in it, float32, without gradients, and what is beside.

    beside: tensors that the file may hold more. Raises WeightsError naming what does not fit.
    """
    try:
        with safe_open(path, "pt") as file:
            there = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            check_fit(build, {name: shape for name, shape in there.items() if name not in beside})
            tensors = {name: file.get_tensor(name).float() for name in there}
        net = build()
        more = {name: tensors.pop(name) for name in beside if name in tensors}
        net.load_state_dict(tensors)
    except (*FIT_ERRORS, SafetensorError) as error:
        raise WeightsError(f"{path}: does not fit the [network] of its model.toml: {first_line(error)}") from error
    return net.eval().requires_grad_(False), more


def check_fit(build: Callable[[], nn.Module], there: Mapping[str, tuple[int, ...]]) -> None:
    """Whether these names and shapes are those of the network; nothing of its size is made. Raises ValueError."""
    with torch.device("meta"):
        expected = {name: tuple(value.shape) for name, value in build().state_dict().items()}
    for name, shape in expected.items():
        if name not in there:
            raise ValueError(f"no {name}")
        if there[name] != shape:
            raise ValueError(f"{name} of {there[name]} where {shape} belongs")
    if more := sorted(there.keys() - expected.keys()):
        raise ValueError(f"{more[0]}, which it does not have")
