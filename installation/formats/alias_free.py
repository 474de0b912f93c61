"""A StyleGAN3's tensors and what its file says of its bands in; a converted model out: T or R, or what lies between."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from installation.formats.opened import LARGEST_PX, Converted, Opened, plain_tensors
from installation.formats.styles import LR_MULT, regain
from installation.generators.stylegan3.shape import NetworkConfig, layer_shapes

LAYER = re.compile(r"synthesis\.L(\d{1,3})_(\d{1,6})_(\d{1,6})\.weight")
WHOLE = ("channel_base", "channel_max", "num_layers", "num_critical", "margin_size", "filter_size", "lrelu_upsampling")
PARTS = ("first_cutoff", "first_stopband", "last_stopband_rel", "output_scale")


def is_stylegan3(tensors: Mapping[str, Any]) -> bool:
    """Whether these are a StyleGAN3 generator's names."""
    return "mapping.fc0.weight" in tensors and "synthesis.input.freqs" in tensors


def finish(
    opened: Opened,
    given: Mapping[str, Any],
    said: Mapping[Any, Any],
    layers: Mapping[str, Mapping[Any, Any]],
    lr_mult: float = LR_MULT,
) -> Converted:
    """Our model of a StyleGAN3. said: the keywords that it was made with; layers: what the file says of each layer.

    Raises WeightsError where the two do not make the layers that are there.
    """
    tensors = plain_tensors(opened, given)
    names = [found[0].split(".")[1] for name in tensors if (found := LAYER.fullmatch(name))]
    config = NetworkConfig(**_shape(tensors, said)).fitted(names)
    if config.resolution > LARGEST_PX:
        raise opened.refuse(f"pictures of {config.resolution} px", f"{LARGEST_PX} px are the most")
    shapes = {shape.name: shape for shape in layer_shapes(config)}
    if set(shapes) != set(names):
        odd = sorted(set(names) ^ set(shapes))[0]
        raise opened.refuse(f"a StyleGAN3 whose bands it does not say ({odd})", "take the .pkl that training wrote")
    for name, there in layers.items():
        padding = there.get("padding")
        if name in shapes and isinstance(padding, list | tuple) and list(padding) != [*shapes[name].padding] * 2:
            raise opened.refuse(f"a StyleGAN3 with a padding of its own in {name}", "only NVIDIA's rule plays here")
    regain(tensors, config.mapping_layers, lr_mult / LR_MULT)
    return Converted("stylegan3", config.to_dict(), tensors)


def _shape(tensors: Mapping[str, Any], said: Mapping[Any, Any]) -> dict[str, Any]:
    """The keywords of NetworkConfig: sizes from the tensors, bands from what is said, else T's or R's."""
    fully = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in tensors)
    layers = sorted((int(m[1]), int(m[2]), name) for name in tensors if (m := LAYER.fullmatch(name)))
    embed, w_dim = tensors.get("mapping.embed.weight"), len(tensors["mapping.w_avg"])
    kernel = tensors[layers[0][2]].shape[2]
    radial = any(name.endswith("down_filter") and tensor.ndim == 2 for name, tensor in tensors.items())
    config: dict[str, Any] = {} if not radial else {"channel_base": 65536, "channel_max": 1024}
    config |= {name: int(said[name]) for name in WHOLE if _is_number(said.get(name))}
    config |= {name: float(said[name]) for name in PARTS if _is_number(said.get(name))}
    if "conv_clamp" in said:
        config["conv_clamp"] = float(said["conv_clamp"]) if _is_number(said["conv_clamp"]) else None
    return config | {
        "resolution": layers[-1][1],
        "z_dim": tensors["mapping.fc0.weight"].shape[1] - (0 if embed is None else len(embed)),
        "w_dim": w_dim,
        "classes": 0 if embed is None else embed.shape[1],
        "mapping_layers": fully,
        "rgb_channels": len(tensors[layers[-1][2]]),
        "num_layers": len(layers) - 1,
        "conv_kernel": kernel,
        "use_radial_filters": radial,
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
