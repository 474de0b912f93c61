"""A show and another model's name in; the same show played by that model out, whatever kind of network it is."""

from __future__ import annotations

import dataclasses
import logging

from installation import plugins, weights
from installation.settings import Part, SettingsError

OF_ITS_MODEL = ("stations",)  # settings that mean nothing to another model
log = logging.getLogger("installation.live")


def with_model(generator: Part, model: str) -> Part:
    """The part of a show that paints, with another model. What the other kind cannot do is left out, with one line.

    A generator that stands behind another (slomo) hands the model on. Raises WeightsError where there is no such
    model, and SettingsError for one that paints no show.
    """
    inner = generator.settings.get("generator")
    if isinstance(inner, dict):
        behind = with_model(Part(**inner), model)
        return Part(generator.name, generator.settings | {"generator": dataclasses.asdict(behind)})
    kind = str(weights.read_config(model).get("kind", generator.name))
    if kind not in (there := plugins.available("generators")):
        raise SettingsError(f"--model {model}: {kind} paints no show; those that do: {', '.join(there)}")
    wished = {name: value for name, value in generator.settings.items() if name not in OF_ITS_MODEL}
    known = {field.name for field in dataclasses.fields(plugins.load("generators", kind).Settings)}
    if left := sorted(set(wished) - known):
        log.info("%s: %s has no %s: left out", model, kind, ", ".join(left))
    return Part(kind, {name: value for name, value in wished.items() if name in known} | {"model": model})
