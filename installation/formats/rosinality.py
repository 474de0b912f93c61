"""A checkpoint of rosinality's stylegan2-pytorch in (and of the many programs that share it); its generator out."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from installation.formats import styles
from installation.formats.opened import Converted, Opened, table_of

LAYER = re.compile(r"(conv1|to_rgb1|convs\.(\d{1,3})|to_rgbs\.(\d{1,3}))\.(.+)")
PARTS = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
    "bias": "bias",
}


def recognise(opened: Opened) -> str | None:
    """A StyleGAN2 under rosinality's names, its SWAGAN too."""
    tensors = opened.tensors
    if "style.1.weight" not in tensors or "input.input" not in tensors:
        return None
    return "a SWAGAN of rosinality's code" if _is_swagan(tensors) else "a StyleGAN2 of rosinality's code"


def convert(opened: Opened) -> Converted:
    """Raises WeightsError for a SWAGAN."""
    tensors = opened.tensors
    if _is_swagan(tensors):
        raise opened.refuse("a SWAGAN of rosinality's code", "its StyleGAN2 plays here")
    for name, value in tensors.items():
        if name.endswith((".blur.kernel", ".upsample.kernel")):
            styles.check_filter(opened, value)
    renamed = dict(filter(None, (_renamed(name, value) for name, value in tensors.items())))
    average = table_of(opened.found).get("latent_avg")
    if isinstance(average, Tensor):
        renamed["mapping.w_avg"] = average.reshape(-1)
    return styles.finish(opened, renamed)


def _is_swagan(tensors: dict[str, Any]) -> bool:
    return any(".iwt." in name or ".dwt." in name or name.startswith("iwt.") for name in tensors)


def _renamed(name: str, value: Tensor) -> tuple[str, Tensor] | None:
    """A tensor under NVIDIA's name; None for filters, which are all alike."""
    if name == "input.input":
        return "synthesis.b4.const", value[0]
    if found := re.fullmatch(r"style\.(\d{1,3})\.(weight|bias)", name):
        return f"mapping.fc{int(found[1]) - 1}.{found[2]}", value
    if found := re.fullmatch(r"noises\.noise_(\d{1,3})", name):
        return f"synthesis.{_of_conv(int(found[1]) - 1)}.noise_const", value[0, 0]
    found = LAYER.fullmatch(name)
    if not found or found[4] not in PARTS:
        return None
    part = PARTS[found[4]]
    if part == "weight":
        value = value[0]
    return f"synthesis.{_place(found)}.{part}", value.reshape(-1) if part == "bias" else value


def _place(found: re.Match[str]) -> str:
    """Where a layer of theirs stands in NVIDIA's order."""
    if found[3] is not None:
        return f"b{2 ** (int(found[3]) + 3)}.torgb"
    return "b4.torgb" if found[1] == "to_rgb1" else _of_conv(-1 if found[1] == "conv1" else int(found[2]))


def _of_conv(number: int) -> str:
    """Their convolution after the first, by its number; -1 is the first."""
    return "b4.conv1" if number < 0 else f"b{2 ** (number // 2 + 3)}.conv{number % 2}"
