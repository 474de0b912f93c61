"""Everything a training run needs to go on, in one safetensors file that is either whole or the previous one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from installation import files
from installation.weight_files import WeightsError, first_line

MEND = "move it away to begin anew"


def save(
    path: Path, modules: dict[str, nn.Module], optimizers: dict[str, torch.optim.Optimizer], state: dict[str, Any]
) -> None:
    """Write modules, optimizers, the random generators' states and `state` (plain JSON values) to path, atomically."""
    tensors = {f"{name}/{k}": v for name, module in modules.items() for k, v in module.state_dict().items()}
    for name, optimizer in optimizers.items():
        for i, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"{name}/{i}/{k}": torch.as_tensor(v) for k, v in moments.items()}
    tensors["random"] = torch.get_rng_state()
    if torch.cuda.is_initialized():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    with files.whole(path) as part:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, part, {"state": json.dumps(state)})


def load(
    path: Path,
    modules: dict[str, nn.Module],
    optimizers: dict[str, torch.optim.Optimizer],
    change: Callable[[dict[str, Tensor], dict[str, Any]], None] = lambda tensors, state: None,
) -> dict[str, Any]:
    """Put back what `save` wrote; modules and optimizers the file does not know keep their fresh state.

    change(tensors by MODULE/NAME or OPTIMIZER/INDEX/NAME, state) may first fit them to what is there now. Learning
    rates are not restored: they belong to the schedule. Raises WeightsError for what is torn or of another run.
    """
    tensors, state = _read(path)
    try:
        change(tensors, state)  # a ValueError speaks for itself
    except (LookupError, TypeError) as error:
        raise _another(path, error) from error
    try:
        return _put_back(tensors, state, modules, optimizers)
    except (RuntimeError, LookupError, TypeError, ValueError) as error:
        raise _another(path, error) from error


def _another(path: Path, error: Exception) -> WeightsError:
    why = first_line(error)
    return WeightsError(f"{path}: expected a checkpoint of this kind of run, found another ({why}); {MEND}")


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dictionary)
            state = json.loads(file.metadata()["state"])
    except (SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: expected a whole checkpoint, found a torn one ({first_line(error)}); {MEND}"
        ) from error
    if not isinstance(state, dict) or "random" not in tensors:
        raise WeightsError(f"{path}: expected a checkpoint of a training run, found another file; {MEND}")
    return tensors, state


def _put_back(
    tensors: dict[str, Tensor],
    state: dict[str, Any],
    modules: dict[str, nn.Module],
    optimizers: dict[str, torch.optim.Optimizer],
) -> dict[str, Any]:
    for name, module in modules.items():
        own = {k.removeprefix(f"{name}/"): v for k, v in tensors.items() if k.startswith(f"{name}/")}
        if own:
            module.load_state_dict(own)
    for name, optimizer in optimizers.items():
        own = {k.removeprefix(f"{name}/"): v for k, v in tensors.items() if k.startswith(f"{name}/")}
        _restore(optimizer, own)
    torch.set_rng_state(tensors["random"])
    if "random.cuda" in tensors and torch.cuda.is_initialized():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return state


def _restore(optimizer: torch.optim.Optimizer, moments: dict[str, Tensor]) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        index, name = key.split("/")
        like = parameters[int(index)]  # fused Adam goes through memory in order: moments must lie as weights do
        laid = torch.empty_like(like).copy_(value) if value.shape == like.shape and value.ndim else value
        states.setdefault(int(index), {})[name] = laid
    if states:
        optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
