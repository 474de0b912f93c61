"""The two files of a BigGAN-deep for pytorch-pretrained-biggan in; its network, without spectral norm, out."""

from __future__ import annotations

from typing import Any

from installation.formats.opened import Converted, Opened, plain_tensors
from installation.generators.biggan.network import NetworkConfig
from installation.generators.folding import without_spectral_norm

WHOLE = (
    *("output_dim", "z_dim", "class_embed_dim", "channel_width", "num_classes"),
    *("attention_layer_position", "n_stats"),
)


def recognise(opened: Opened) -> str | None:
    """pytorch_model.bin, with or without its config.json."""
    tensors = opened.tensors
    known = "embeddings.weight" in tensors and any(name.startswith("generator.gen_z.") for name in tensors)
    return "a BigGAN-deep" if known else None


def convert(opened: Opened) -> Converted:
    """Raises WeightsError where the config.json is missing, or speaks of another network."""
    said = opened.settings
    if not isinstance(said.get("layers"), list):
        raise opened.refuse("a BigGAN without its settings", f"name both: {opened.path.name} and its config.json")
    wanted = {name: value for name, value in opened.tensors.items() if value.is_floating_point()}
    tensors = without_spectral_norm(plain_tensors(opened, wanted))
    values: dict[str, Any] = {name: int(said[name]) for name in WHOLE if name in said}
    values["layers"] = tuple((int(up), int(inputs), int(out)) for up, inputs, out in said["layers"])
    if "eps" in said:
        values["eps"] = float(said["eps"])
    return Converted("biggan", NetworkConfig(**values).to_dict(), tensors)
