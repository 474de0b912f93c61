"""A StyleGAN2's tensors under NVIDIA's names in; a converted model out: its shape read off the tensors themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from typing import Any

import torch
from torch import Tensor

from installation.formats.opened import Converted, Opened, as_tensor, plain_tensors
from installation.generators.stylegan2.network import FIR, Mapping, NetworkConfig
from installation.networks.bare import Bare

BLOCK = re.compile(r"synthesis\.b(\d{1,5})\.(?:const|conv0\.weight)")
LR_MULT = 0.01  # of the mapping, in our network
POINTS = 4096  # whose mean stands in for an average that a file does not have
RGB = {1: "grey", 3: "colour", 4: "colour with transparency"}


def is_stylegan2(tensors: Table[str, Any]) -> bool:
    """Whether these are a StyleGAN2 generator's names, as NVIDIA's PyTorch code gives them."""
    return "mapping.fc0.weight" in tensors and "synthesis.b4.const" in tensors


def finish(opened: Opened, given: Table[str, Any], clamp: float | None = None, lr_mult: float = LR_MULT) -> Converted:
    """Our model of a StyleGAN2; what is missing and can be made good is, with a note.

    clamp: at what its layers clamp; lr_mult: the gain of its mapping. Raises WeightsError for what does not play here.
    """
    filters = {name for name in given if name.endswith("resample_filter")}
    tensors = plain_tensors(opened, {name: value for name, value in given.items() if name not in filters})
    _refuse_variants(opened, tensors)
    for name in filters:
        check_filter(opened, as_tensor(given[name]))
    notes: list[str] = []
    config = NetworkConfig(**_shape(tensors), conv_clamp=clamp)
    if config.rgb_channels not in RGB:
        raise opened.refuse(f"pictures of {config.rgb_channels} channels", "1, 3 and 4 are what a wall can show")
    regain(tensors, config.mapping_layers, lr_mult / LR_MULT)
    _add_noise(tensors, config, notes)
    _add_average(tensors, config, notes)
    if config.rgb_channels == 4:
        notes.append("its pictures are transparent: on the wall they lie on black")
    return Converted("stylegan2", config.to_dict(), tensors, notes)


def check_filter(opened: Opened, kernel: Tensor) -> None:
    """Raises WeightsError where a network resamples with another filter than [1, 3, 3, 1]."""
    taps = torch.tensor(FIR)
    taps = torch.outer(taps, taps) if kernel.ndim == 2 else taps
    kernel = kernel.float()
    if kernel.shape != taps.shape or not torch.allclose(kernel / kernel.sum(), taps / taps.sum(), atol=1e-3):
        raise opened.refuse("a StyleGAN2 with a resampling filter of its own", "only [1, 3, 3, 1] plays here")


def _refuse_variants(opened: Opened, tensors: Table[str, Tensor]) -> None:
    blocks = [int(found[1]) for name in tensors if (found := BLOCK.fullmatch(name))]
    if any(".skip." in name for name in tensors):
        raise opened.refuse("StyleGAN2's resnet variant", "only its skip variant plays here (NVIDIA's own default)")
    if any(f"synthesis.b{r}.torgb.weight" not in tensors for r in blocks):
        raise opened.refuse("StyleGAN2's orig variant", "only its skip variant plays here (NVIDIA's own default)")
    if tensors["synthesis.b4.const"].ndim != 3:
        raise opened.refuse("a StyleGAN2 that begins with no 4x4", "only one with a constant start plays here")


def _shape(tensors: Table[str, Tensor]) -> dict[str, Any]:
    """The keywords of NetworkConfig that tensors speak of."""
    blocks = sorted(int(found[1]) for name in tensors if (found := BLOCK.fullmatch(name)))
    layers = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in tensors)
    const, last = tensors["synthesis.b4.const"], tensors[f"mapping.fc{layers - 1}.weight"]
    embed = tensors.get("mapping.embed.weight")
    w_dim = len(last)
    return {
        "resolution": blocks[-1],
        "z_dim": tensors["mapping.fc0.weight"].shape[1] - (0 if embed is None else len(embed)),
        "w_dim": w_dim,
        "mapping_layers": layers,
        "channels": {r: len(tensors[f"synthesis.b{r}.conv1.weight"]) for r in blocks},
        "rgb_channels": len(tensors[f"synthesis.b{blocks[-1]}.torgb.weight"]),
        "start": (const.shape[1], const.shape[2]),
        "classes": 0 if embed is None else embed.shape[1],
    }


def regain(tensors: dict[str, Tensor], layers: int, factor: float) -> None:
    """A mapping trained with another gain, as one with ours."""
    if factor == 1:
        return
    for name in (f"mapping.fc{i}.{what}" for i in range(layers) for what in ("weight", "bias")):
        tensors[name] = tensors[name].float() * factor


def _add_noise(tensors: dict[str, Tensor], config: NetworkConfig, notes: list[str]) -> None:
    """Noise of strength 0 for a network that was trained without."""
    missing = 0
    for r in config.resolutions:
        for conv in ("conv1",) if r == 4 else ("conv0", "conv1"):
            stem = f"synthesis.b{r}.{conv}"
            shape = [r * side // 4 for side in config.start]
            missing += f"{stem}.noise_strength" not in tensors
            tensors.setdefault(f"{stem}.noise_const", torch.zeros(shape))
            tensors[f"{stem}.noise_strength"] = tensors.get(f"{stem}.noise_strength", torch.zeros(())).reshape(())
    if missing:
        notes.append("it was trained without noise: the knob generator.noise moves nothing")


def _add_average(tensors: dict[str, Tensor], config: NetworkConfig, notes: list[str]) -> None:
    """The mean of w, to which truncation leads, where a file does not bring it: that of many points of our own."""
    average = tensors.get("mapping.w_avg")
    if average is not None and bool(average.any()):
        return
    tensors["mapping.w_avg"] = torch.zeros(config.w_dim)
    with Bare(held=sum(tensor.numel() for tensor in tensors.values())):
        mapping = Mapping(config)
    own = {name: tensors[f"mapping.{name}"].float() for name in mapping.state_dict()}
    mapping.load_state_dict(own, assign=True)
    with torch.inference_mode():
        z = torch.randn(POINTS, config.z_dim, generator=torch.Generator().manual_seed(0))
        tensors["mapping.w_avg"] = mapping(z).mean(0)
    notes.append(f"it brings no average: truncation leads to the mean of {POINTS} points")
