"""A pickle of NVIDIA's TensorFlow repositories (StyleGAN2, StyleGAN2-ADA) in; the averaged generator in it out.

It holds a tuple (G, D, Gs) of dnnlib.tflib.network.Network, each with its variables as NumPy arrays and the networks
that it is made of. Weights lie as (rows, columns, in, out), those that double the size turned by half a turn.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from installation.formats import styles
from installation.formats.opened import Converted, Opened, said_plainly, table_of
from installation.networks.pickles import Record

MODULE = "dnnlib.tflib.network"
MOST_NETWORKS = 64  # in one another
LONGEST_NAME = 1000
LAYER = re.compile(r"synthesis/(?P<r>\d{1,5})x(?P=r)/(?P<layer>Conv|Conv0_up|Conv1|ToRGB|Skip)/(?P<what>\w+)")
NAMES = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}
ASKED = {  # what else decides how such a network runs: name of the setting, what it must be
    "mapping_nonlinearity": ("lrelu",),
    "nonlinearity": ("lrelu",),
    "normalize_latents": (True,),
    "resample_kernel": ([1, 3, 3, 1], (1, 3, 3, 1)),
}


def recognise(opened: Opened) -> str | None:
    """A tuple of TensorFlow networks, whatever they are."""
    network = _network(opened.found)
    return None if network is None else f"a TensorFlow pickle of NVIDIA's with a {_builder(network)}"


def convert(opened: Opened) -> Converted:
    """Raises WeightsError for other networks than StyleGAN2, by their name."""
    network = _network(opened.found)
    variables = _variables(network)
    if "synthesis/4x4/Conv/mod_weight" not in variables:
        what = "; of NVIDIA's TensorFlow pickles StyleGAN2 plays here"
        raise opened.refuse(f"a {_builder(network)}", what.removeprefix("; "))
    if "mapping/LabelConcat/weight" in variables:
        raise opened.refuse("a conditional StyleGAN2 of before ADA", "conditional ones of StyleGAN2-ADA play here")
    said = table_of(_state(network).get("static_kwargs"))
    for name, allowed in ASKED.items():
        if (value := said.get(name)) is not None and value not in allowed:
            raise opened.refuse(f"a StyleGAN2 with {name} {said_plainly(value)}", f"only {allowed[0]} plays here")
    tensors = dict(filter(None, (_renamed(name, value) for name, value in variables.items())))
    clamp, gain = said.get("conv_clamp"), said.get("mapping_lrmul")
    gain = float(gain) if isinstance(gain, int | float) else styles.LR_MULT
    return styles.finish(opened, tensors, float(clamp) if isinstance(clamp, int | float) else None, gain)


def _network(found: Any) -> Record | None:
    """The averaged generator of a tuple, or a network that was saved alone."""
    last = found[-1] if isinstance(found, list | tuple) and found else found
    known = isinstance(last, Record) and last.module == MODULE and last.name == "Network"
    return last if known else None


def _state(network: Any) -> dict[Any, Any]:
    return table_of(network.state) if isinstance(network, Record) else {}


def _builder(network: Any) -> str:
    said = _state(network).get("build_func_name")
    name = said if isinstance(said, str) and said.isidentifier() else "network"
    return f"{name[:40]} (StyleGAN of 2018)" if name in ("G_style", "G_stylegan") else name[:40]


def _variables(network: Any) -> dict[str, np.ndarray]:
    """Every variable of a network and of those in it, under names such as "mapping/Dense0/weight"."""
    found: dict[str, np.ndarray] = {}
    waiting = [("", network)]
    for _ in range(MOST_NETWORKS):
        if not waiting:
            return found
        prefix, one = waiting.pop()
        pairs = _state(one).get("variables")
        for pair in pairs if isinstance(pairs, list | tuple) else ():
            name, value = pair if isinstance(pair, list | tuple) and len(pair) == 2 else ("", None)
            if isinstance(name, str) and len(name) < LONGEST_NAME and isinstance(value, np.ndarray | float):
                found[f"{prefix}{name}"] = np.asarray(value, np.float32) if isinstance(value, float) else value
        for name, inner in table_of(_state(one).get("components")).items():
            if isinstance(name, str) and len(name) < LONGEST_NAME:
                waiting.append((f"{prefix}{name}/", inner))
    raise ValueError("its networks nest without end")


def _renamed(name: str, value: np.ndarray) -> tuple[str, np.ndarray] | None:
    """A variable under PyTorch's name, laid out as there; None for what a picture does not need."""
    if name == "dlatent_avg":
        return "mapping.w_avg", value
    if name == "synthesis/4x4/Const/const":
        return "synthesis.b4.const", value[0]
    if found := re.fullmatch(r"mapping/(?:Dense(\d{1,3})|(LabelEmbed))/(weight|bias)", name):
        layer = f"fc{found[1]}" if found[1] else "embed"
        return f"mapping.{layer}.{found[3]}", value.T
    if found := re.fullmatch(r"synthesis/noise(\d{1,3})", name):
        number = int(found[1])
        size, conv = 2 ** ((number + 1) // 2 + 2), "conv0" if number % 2 else "conv1"
        return f"synthesis.b{size}.{conv}.noise_const", value[0, 0]
    if found := LAYER.fullmatch(name):
        stem = f"synthesis.b{found['r']}.{NAMES[found['layer']]}"
        return _of_layer(stem, found["what"], value, turned=found["layer"] in ("Conv0_up", "Skip"))
    return None


def _of_layer(stem: str, what: str, value: np.ndarray, turned: bool) -> tuple[str, np.ndarray] | None:
    if what == "weight":
        value = value.transpose(3, 2, 0, 1)
        return f"{stem}.weight", value[:, :, ::-1, ::-1] if turned else value
    if what == "mod_weight":
        return f"{stem}.affine.weight", value.T
    if what == "mod_bias":
        return f"{stem}.affine.bias", value + 1
    return (f"{stem}.{what}", value) if what in ("bias", "noise_strength") else None
