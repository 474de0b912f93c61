"""A model_N.pt of lightweight-gan in, with or without its .config.json; its averaged generator out."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from installation.formats.opened import Converted, Opened, plain_tensors, table_of
from installation.generators.lightweight.network import NetworkConfig

AVERAGED = "GE."
ATTENTION = re.compile(r"layers\.(\d{1,2})\.2\..+")


def recognise(opened: Opened) -> str | None:
    """{GAN, version}, of whose networks one is the averaged generator."""
    return "a lightweight-gan" if "initial_conv.0.weight" in _averaged(opened) else None


def convert(opened: Opened) -> Converted:
    """Raises WeightsError for frequency channel attention, which does not play here."""
    tensors = plain_tensors(opened, _averaged(opened))
    layers = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("layers."))
    contexts = {name.rpartition(".1.net.")[0] for name in tensors if ".1.net.0.weight" in name}
    if opened.settings.get("freq_chan_attn") or any(f"{stem}.1.to_k.weight" not in tensors for stem in contexts):
        raise opened.refuse("a lightweight-gan with frequency channel attention", "without it, it plays here")
    widest = tensors["layers.0.0.2.1.weight"].shape[0] // 2
    attended = {int(found[1]) for name in tensors if (found := ATTENTION.fullmatch(name))}
    config = NetworkConfig(
        image_size=4 * 2**layers,
        latent_dim=tensors["initial_conv.0.weight"].shape[0],
        fmap_max=widest,
        planes=len(tensors["out_conv.weight"]),
        attn_res_layers=tuple(4 * 2**i for i in sorted(attended)),
    )
    return Converted("lightweight", config.to_dict(), tensors)


def _averaged(opened: Opened) -> dict[str, Tensor]:
    table: Any = table_of(opened.found).get("GAN")
    named = table.items() if isinstance(table, dict) else ()
    return {
        name.removeprefix(AVERAGED): value
        for name, value in named
        if isinstance(name, str)
        and name.startswith(AVERAGED)
        and isinstance(value, Tensor)
        and value.is_floating_point()
    }
