"""A torch module as a pickle describes it in; the table of its tensors (its state_dict) out, nothing of it run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from installation.networks.pickles import Record

DEEPEST = 64  # modules in modules
MOST_NAMES = 100_000  # of modules and tensors in one network
LONGEST_NAME = 1000  # letters
PERSISTENT = "_reconstruct_persistent_obj"  # NVIDIA's: one table says the class's source, its name and its state


def said_of(module: Any) -> dict[Any, Any]:
    """What a pickle says of an object: its state, or what lies in NVIDIA's ["state"] of it; {} for none."""
    if not isinstance(module, Record):
        return {}
    if module.name == PERSISTENT and module.args:
        meta = module.args[0].table if isinstance(module.args[0], Record) else module.args[0]
        state = meta.get("state") if isinstance(meta, dict) else None
    else:
        state = module.state
    return state if isinstance(state, dict) else {}


def is_module(thing: Any) -> bool:
    """Whether a Record describes a torch.nn.Module."""
    return isinstance(said_of(thing).get("_modules"), dict)


def state_of(module: Any) -> dict[str, Tensor]:
    """The tensors of a module and of those in it by name, such as "synthesis.b4.conv1.weight", as its state_dict().

    Raises ValueError where modules nest without end.
    """
    found: dict[str, Tensor] = {}
    for name, one in _walk(module):
        state = said_of(one)
        passing = state.get("_non_persistent_buffers_set")
        passing = passing[:LONGEST_NAME] if isinstance(passing, list) else []
        for kind in ("_parameters", "_buffers"):
            table = state.get(kind)
            for key, value in table.items() if isinstance(table, dict) else ():
                if isinstance(value, torch.Tensor) and not (kind == "_buffers" and key in passing):
                    found[f"{name}{key}"] = value
        if len(found) > MOST_NAMES:
            raise ValueError("its tensors are without number")
    return found


def _walk(module: Any) -> Iterator[tuple[str, Any]]:
    """(what stands before its names, module) of a module and all in it, in the order of state_dict()."""
    waiting: list[tuple[str, Any, int]] = [("", module, 0)]
    for _ in range(MOST_NAMES):
        if not waiting:
            return
        name, one, depth = waiting.pop()
        yield name, one
        inner = said_of(one).get("_modules")
        if isinstance(inner, dict):
            if depth > DEEPEST or len(name) > LONGEST_NAME or len(inner) + len(waiting) > MOST_NAMES:
                break
            waiting += [(f"{name}{key}.", part, depth + 1) for key, part in reversed(inner.items()) if part is not None]
    raise ValueError("its modules nest without end")
