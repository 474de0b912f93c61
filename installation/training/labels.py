"""Names of pictures in folders in; the class that each belongs to, and what a network hears of it, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

EMBED = "embed.weight"  # what a network's table of classes is called: a column each


@dataclass(frozen=True, eq=False)
class Labels:
    """names: of the classes, sorted; shares (N, classes): of each picture's class, 1 at its own."""

    names: tuple[str, ...]
    shares: Tensor

    @property
    def numbers(self) -> Tensor:
        """The class of each picture, (N,)."""
        return self.shares.argmax(1)


def class_of(name: str) -> str:
    """The folder that an example of this name lies in, of those in the corpus' own; of one that lies loose: ''."""
    parts = Path(name).parts
    return parts[0] if len(parts) > 1 else ""


def count_classes(names: Iterable[str]) -> dict[str, int]:
    """How many examples each class has, by its name; {} where no folders, or not they alone, hold the pictures."""
    found = Counter(map(class_of, names))
    return dict(sorted(found.items())) if len(found) > 1 and "" not in found else {}


def read_labels(names: Sequence[str]) -> Labels:
    """The labels of examples of these names. Raises ValueError where folders do not say a class of every one."""
    found = list(count_classes(names))
    if not found:
        loose = [name for name in names if not class_of(name)]
        what = f"{len(loose)} beside the folders ({loose[0]} ...)" if loose else "one folder"
        raise ValueError(
            f"expected with --labels each picture in the folder of its class, and two folders or more, found {what}; "
            "move the pictures, or leave --labels out"
        )
    which = torch.tensor([found.index(class_of(name)) for name in names])
    return Labels(tuple(found), torch.eye(len(found))[which])


def move_columns(table: Tensor, known: Sequence[str], now: Sequence[str], fresh: bool = True) -> Tensor:
    """A table (D, classes) of the known classes as one of those that are there now, each by its name.

    A new class begins as the mean of all; with fresh = False (of what an optimizer remembers) with nothing. The gain
    of a layer that hears one of so many goes by their number.
    """
    start = table.mean(1) if fresh else torch.zeros_like(table[:, 0])
    moved = torch.stack([table[:, known.index(name)] if name in known else start for name in now], 1)
    return moved * (len(now) / len(known)) ** 0.5 if fresh else moved


def fit_tables(
    tensors: dict[str, Tensor],
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    known: Sequence[str],
    now: Sequence[str],
) -> None:
    """Fit a checkpoint's tables of classes, and what optimizers remember of them, to the classes that are there now."""
    tables = {
        id(parameter): f"{name}/{inner}"
        for name, module in modules.items()
        for inner, parameter in module.named_parameters()
        if inner.endswith(EMBED)
    }
    for key in tables.values():
        if key in tensors:
            tensors[key] = move_columns(tensors[key], known, now)
    for name, optimizer in optimizers.items():
        places = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for place in (i for i, parameter in enumerate(places) if id(parameter) in tables):
            for key in [key for key in tensors if key.startswith(f"{name}/{place}/") and tensors[key].ndim == 2]:
                tensors[key] = move_columns(tensors[key], known, now, fresh=False)
