"""The camera's pictures or a drawing in, what a network makes of their edges out: things on a table become flowers.

Learning to See (Akten 2017), Fingerplay (Klingemann 2018), edges2cats (Hesse 2017). While nobody is seen and nothing is
drawn, another generator's pictures are translated. What the network is shown of a picture (its edges, greys or masses)
is all that is kept of it, and only for that one picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from installation import plugins, weights
from installation.generators import fitting
from installation.generators.devices import best_dtype, chosen_device
from installation.generators.gan import DTYPES
from installation.generators.translator.fast import Fast
from installation.generators.translator.play import Brush, Translator
from installation.generators.translator.style import StyleBrush
from installation.networks.sight import CHANNELS
from installation.networks.unet import NetworkConfig, UNet
from installation.settings import Bend, Part, SettingsError, check
from installation.weight_files import WeightsError

PAINTS = Part("pattern")


@dataclass(frozen=True)
class Settings:
    """model: what `train translator` wrote. generator paints while there is neither camera nor drawing; bends at layers
    that only it has are its own. size (width, height) in px, brought to what the network can paint. style: pictures in
    whose manner is painted instead, without a model: a round through several, or PICTURE:WEIGHT each for a mixture.
    """

    model: str = "edges-to-flowers"
    generator: Part = PAINTS
    size: tuple[int, int] = (256, 256)
    dtype: str = "auto"
    style: tuple[str, ...] = ()


def read_model(card: Mapping[str, Any], path: Path) -> tuple[UNet, str, Tensor]:
    """The network of a card and its file, what it is shown, and the palettes (K, 6) of its corpus; K may be 0.

    Raises WeightsError saying what does not fit.
    """
    sight = card.get("sight")
    net, more = fitting.open_network(partial(_built, card, path), path, beside=("palettes",))
    if sight not in CHANNELS or CHANNELS[sight] != net.config.inputs:
        raise WeightsError(
            f"{path.parent / 'model.toml'}: expected sight, one of {', '.join(CHANNELS)}, found {sight!r}"
        )
    palettes = more.get("palettes") if net.config.code else torch.zeros(1, 0)
    if palettes is None or palettes.ndim != 2 or palettes.shape[1] != net.config.code or not 0 < len(palettes) <= 256:
        raise WeightsError(f"{path}: expected palettes (1..256, {net.config.code}); train it again")
    return net, str(sight), palettes


def _built(card: Mapping[str, Any], path: Path) -> UNet:
    return UNet(check(NetworkConfig, dict(card.get("network", {})), "[network]"))


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Translator:
    """Open a model and what paints while nothing is seen. Raises WeightsError or SettingsError saying what to do."""
    if settings.generator.name == "translator":
        raise SettingsError("generator: translator cannot stand behind translator; name what paints, e.g. pattern")
    if settings.style:
        return play(StyleBrush(settings.style, size or settings.size), settings, bends, seed)
    card, path = weights.open_model(settings.model)
    if card.get("kind") != "translator":
        raise WeightsError(f"{path.parent}: expected a model of kind translator, found {card.get('kind')!r}")
    net, sight, palettes = read_model(card, path)
    chosen = chosen_device(device)
    if settings.dtype not in (*DTYPES, "auto"):
        raise SettingsError(f"generator: dtype is auto or one of {', '.join(DTYPES)}, found {settings.dtype!r}")
    dtype = best_dtype(chosen) if settings.dtype == "auto" else DTYPES[settings.dtype]
    brush = Fast(net, size or settings.size, chosen, dtype, sight, palettes, str(card.get("sha256", "")))
    generator = play(brush, settings, bends, seed)
    generator.set_defaults(card.get("knobs", {}))
    return generator


def play(brush: Brush, settings: Settings, bends: Sequence[Bend] = (), seed: int = 0) -> Translator:
    """A brush at play over the generator that the settings name, which gets the bends that are none of the brush's."""
    own = {name for name, _, _ in brush.layers}
    mine = [bend for bend in bends if isinstance(bend.layer, str) and bend.layer in own]
    module = plugins.load("generators", settings.generator.name)
    inner_settings = check(module.Settings, settings.generator.settings, "generator.settings.generator")
    rest = [bend for bend in bends if bend not in mine]
    inner = module.create(inner_settings, rest, brush.size, str(brush.device), seed)
    return Translator(brush, inner, mine, seed)
