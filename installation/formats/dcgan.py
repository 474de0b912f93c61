"""A state_dict of a DCGAN in, whoever built it from the well-known example; its stack of layers out."""

from __future__ import annotations

import itertools
import re

from torch import Tensor

from installation.formats.opened import LARGEST_PX, Converted, Opened, plain_tensors
from installation.generators.classes import NAMES
from installation.generators.dcgan.network import EYES, EYES_IN, inferred

LAYER = re.compile(r"(?:\w+\.){0,3}(\d{1,4})\.(weight|bias|running_mean|running_var|num_batches_tracked)")
FEWEST = 3  # layers


def recognise(opened: Opened) -> str | None:
    """A stack of transposed convolutions that ends in a picture's planes."""
    tensors = opened.tensors
    if not tensors or not all(LAYER.fullmatch(name) for name in tensors):
        return None
    weights = _weights(tensors)
    chained = all(a.shape[1] == b.shape[0] for a, b in itertools.pairwise(weights))
    if len(weights) < FEWEST or not chained or weights[-1].shape[1] not in (1, 3, 4):
        return None
    return "the DCGAN of omniart-eye-generator" if _is_eyes(weights) else "a DCGAN"


def convert(opened: Opened) -> Converted:
    """Raises WeightsError for kernels whose stride nobody can tell."""
    tensors = plain_tensors(opened, {name: t for name, t in opened.tensors.items() if t.is_floating_point()})
    config, state = inferred(tensors)
    if max(config.sizes[-1]) > LARGEST_PX:
        raise opened.refuse(f"pictures of {max(config.sizes[-1])} px", f"{LARGEST_PX} px are the most")
    eyes = _is_eyes(_weights(tensors))
    notes = ["its classes are colours of eyes: " + ", ".join(EYES)] if eyes else []
    card = {"licence": "MIT", "credit": "Rogier Knoester, trained on the OmniArt Eye Dataset"} if eyes else {}
    texts = {NAMES: "\n".join(EYES) + "\n"} if eyes else {}
    return Converted("dcgan", config.to_dict(), state, notes, card, texts)


def _weights(tensors: dict[str, Tensor]) -> list[Tensor]:
    """The weights of the convolutions in their order."""
    numbered = [(int(found[1]), tensors[name]) for name in tensors if (found := LAYER.fullmatch(name))]
    return [tensor for _, tensor in sorted(numbered, key=lambda pair: pair[0]) if tensor.ndim == 4]


def _is_eyes(weights: list[Tensor]) -> bool:
    return weights[0].shape[0] == EYES_IN and len(weights) == 6
