"""An aim in (a net, a layer of it, a channel; or one of its classes); how much of that is in a picture out.

What dreams raise, and what drawings are judged by. Every net is loaded once, with verified weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from installation import weights
from installation.networks import vgg

LITES = {"lite0": "efficientnet-lite0", "lite1": "efficientnet-lite1", "lite2": "efficientnet-lite2"}
BODY = "open_nsfw"  # trained on bodies: never looked through unless it is named
NETS = (*LITES, "vgg16", "vgg19", BODY)
CLASS = "class"
Sight = Callable[[Tensor], Tensor]
"""Pictures (B, 3, H, W), sRGB 0..1 -> how much of an aim is in them, one number."""


@dataclass(frozen=True)
class Aim:
    """What is to be raised: a layer of a net as a whole, one channel of it, or a class."""

    net: str
    layer: str
    channel: int = -1
    weight: float = 1.0


def read_aim(text: str) -> Aim:
    """ "lite0/block9", "vgg16/4_3/112", "lite0/class/310", each with a weight if need be ("vgg16/5_1:0.3").

    Raises ValueError saying what was expected.
    """
    name, _, weight = text.partition(":")
    net, *rest = name.split("/")
    try:
        if net not in NETS or not 1 <= len(rest) <= 2:
            raise ValueError
        aim = Aim(net, rest[0], int(rest[1]) if len(rest) == 2 else -1, float(weight or 1))
        if (aim.layer == CLASS) and aim.channel < 0:
            raise ValueError
        return aim
    except ValueError:
        raise ValueError(
            f"aim: expected NET/LAYER, NET/LAYER/CHANNEL or NET/class/NUMBER, found {text!r}; nets: {', '.join(NETS)}"
        ) from None


def open_sight(aims: Sequence[Aim], device: str = "cpu") -> Sight:
    """All aims as one: each counts by its weight, whatever size its layer's numbers have.

    Raises weights.WeightsError without weights, ValueError for a layer or channel that is not there.
    """
    by_net: dict[str, list[Aim]] = {}
    for aim in aims:
        by_net.setdefault(aim.net, []).append(aim)
    looks = [(look_through(net, tuple(aim.layer for aim in some), device), some) for net, some in by_net.items()]
    sizes: dict[Aim, float] = {}

    def sight(pictures: Tensor) -> Tensor:
        total = pictures.new_zeros(())
        for look, some in looks:
            seen = look(pictures)
            for aim in some:
                found = _of(aim, seen[aim.layer])
                size = sizes.setdefault(aim, max(abs(float(found.detach())), 1e-4)) if len(aims) > 1 else 1.0
                total = total + aim.weight * found / size
        return total

    return sight


def look_through(net: str, layers: tuple[str, ...], device: str = "cpu") -> Callable[[Tensor], dict[str, Tensor]]:
    """A function from pictures (B, 3, H, W), 0..1, to what those layers see; "class" are the logits (B, classes)."""
    if net in vgg.BLOCKS:
        return vgg.load(net, tuple(sorted(set(layers))), "replicate", device)
    loaded = _load(net, device)
    last = _names(loaded)[-1]
    if unknown := [layer for layer in layers if layer not in (*_names(loaded), CLASS)]:
        raise ValueError(f"no layer {unknown[0]!r} in {net}; there are: {', '.join((*_names(loaded), CLASS))}")

    def look(pictures: Tensor) -> dict[str, Tensor]:
        seen: dict[str, Tensor] = {}
        for name, found in loaded.walk(pictures * 2 - 1):
            if name in layers:
                seen[name] = found
            if name == last and CLASS in layers:
                seen[CLASS] = loaded.classes(found)
            if len(seen) == len(set(layers)):
                break
        return seen

    return look


def fingerprint(nets: Sequence[str]) -> str:
    """What stands for the weights of nets in a result's key."""
    told = []
    for net in sorted(set(nets)):
        name = "open-nsfw" if net == BODY else LITES.get(net, "")
        told.append(str(weights.read_own(name)["source"][0]["sha256"]) if name else vgg.fingerprint(net))
    return "+".join(told)


def _of(aim: Aim, seen: Tensor) -> Tensor:
    """One number: the mean square of a whole layer (Mordvintsev et al. 2015), the mean of a channel, or a logit."""
    if aim.channel >= seen.shape[1]:
        raise ValueError(f"{aim.net}/{aim.layer}: expected a channel below {seen.shape[1]}, found {aim.channel}")
    return seen.square().mean() if aim.channel < 0 else seen[:, aim.channel].mean()


@lru_cache(maxsize=len(NETS))
def _load(net: str, device: str) -> Any:
    if net == BODY:
        from installation.networks.open_nsfw import load_open_nsfw

        loaded: Any = load_open_nsfw(torch.device(device))
    else:
        from installation.networks.efficientnet import load_lite

        loaded = load_lite(LITES[net], torch.device(device), classifies=True).fold()
    return loaded.to(memory_format=torch.channels_last)


@lru_cache(maxsize=len(NETS))
def _names(loaded: Any) -> tuple[str, ...]:
    """The layers of a net from front to back."""
    device = next(loaded.parameters()).device
    with torch.inference_mode():
        return tuple(name for name, _ in loaded.walk(torch.zeros(1, 3, 32, 32, device=device)))
