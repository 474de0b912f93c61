"""Controls in, a picture of anybody's ONNX graph out: its vector walks, its class is a knob, its picture the camera's.

The open door: what can be exported as ONNX plays here, without bends inside, because a graph is closed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation import plugins, weights
from installation.checking import check
from installation.generators import zspace
from installation.generators.classes import names_beside
from installation.generators.fitting import Config
from installation.generators.onnx.graph import check_file, classes_of, inputs_of, open_session
from installation.generators.onnx.over import Over
from installation.generators.onnx.vector import Vector
from installation.generators.painter import thread_count
from installation.settings import Bend, Part, SettingsError
from installation.weight_files import WeightsError, first_line

FILE = "model.onnx"
PAINTS = Part("pattern")
log = logging.getLogger("installation.generators")


@dataclass(frozen=True)
class NetworkConfig(Config):
    """What a graph does not say itself: how many classes it knows (0: looked for), and what its numbers mean
    (auto | -1..1 | 0..1 | 0..255)."""

    classes: int = 0
    range: str = "auto"


@dataclass(frozen=True)
class Settings(zspace.Settings):
    """classes: the stations of the knob generator.class, by number or by name (classes.txt beside the model).

    A graph that wants a picture is handed the camera's. While there is none, and with the knob generator.camera at 0
    (where it rests once one of the two is named), it is handed that of `generator`, which paints as ever with all of
    its knobs, or the file `picture`. The knob generator.feedback hands it more of its own last answer.
    """

    classes: tuple[int | str, ...] = ()
    generator: Part = PAINTS
    picture: str = ""

    @property
    def rests_at(self) -> float:
        """How much of the camera is seen unless somebody says otherwise."""
        return float(self.generator == PAINTS and not self.picture)


def create(
    settings: Settings,
    bends: Sequence[Bend] = (),
    size: tuple[int, int] | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Vector | Over:
    """Open a model. Raises WeightsError or SettingsError saying what to do."""
    folder = weights.find(settings.model)
    card = weights.read_config(folder)
    path = folder / str(card.get("file", FILE))
    if "sha256" not in card:
        raise WeightsError(f"{folder / 'model.toml'}: no sha256 field")
    model, session, config = read_model(card, weights.verify(path, str(card["sha256"])))
    asked, sha256 = inputs_of(session, path), str(card["sha256"])
    log.info("%s: run by %s", folder.name, session.get_providers()[0])
    generator: Vector | Over
    try:
        if any(one.role == "picture" for one in asked):
            inner = _inner(settings, bends, size, device, seed)
            generator = Over(session, asked, config, settings, inner, sha256)
        else:
            label = next((one for one in asked if one.role == "class"), None)
            count = 0
            if label is not None:
                count = label.count if label.count > 1 else config.classes or classes_of(model, label.name)
            names = names_beside(folder, count)
            generator = Vector(session, asked, config, settings, bends, seed, sha256, count, names)
    except SettingsError:
        raise
    except Exception as error:  # the runtime's own errors share no class
        raise WeightsError(f"{path}: {first_line(error)}") from error
    generator.set_defaults(card.get("knobs", {}))
    return generator


def read_model(card: Mapping[str, Any], path: Path) -> tuple[Any, Any, NetworkConfig]:
    """The graph's description, its session, and what the card adds. Raises WeightsError for what is not safe to run."""
    try:
        config = NetworkConfig.from_dict(card.get("network", {}))
    except ValueError as error:
        raise WeightsError(f"{path.parent / 'model.toml'}: {error}") from error
    model = check_file(path)
    return model, open_session(path, thread_count()), config


def _inner(settings: Settings, bends: Sequence[Bend], size: Any, device: str, seed: int) -> Any:
    """The generator whose pictures a graph is handed."""
    if settings.generator.name == "onnx":
        raise SettingsError("generator: onnx cannot stand behind onnx; name the generator that paints, e.g. stylegan2")
    module = plugins.load("generators", settings.generator.name)
    inner = check(module.Settings, settings.generator.settings, "generator.settings.generator")
    return module.create(inner, bends, size, device, seed)
