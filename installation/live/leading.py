"""A show's cues in; the same cues with the vector and the model that each names written as values of knobs, and the
generator that has those models, out."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from installation.latent import naming
from installation.live.portable import SHARES, own_model, with_model
from installation.settings import Cue, Part, SettingsError, Show


def led_by(show: Show) -> tuple[Cue, ...]:
    """The cues as the one rule fades them: 1 for the vector that is named, 0 for every other; so with models.

    What a cue says of such a knob itself goes before. Raises SettingsError for a vector that the show does not have.
    """
    return tuple(_led(cue, i, show) for i, cue in enumerate(show.cues))


def _led(cue: Cue, i: int, show: Show) -> Cue:
    values: dict[str, float] = {}
    if cue.vector:
        values |= dict.fromkeys(naming.knobs_to(show), 0.0)
        if cue.vector != naming.WALK:
            values[naming.knob_to(cue.vector, show, f"cues[{i}]: vector")] = 1.0
    if cue.model:
        values |= {f"{SHARES}{name}": float(name == model_name(cue.model)) for name in models_of(show)}
    return dataclasses.replace(cue, values=values | cue.values)


def models_of(show: Show) -> dict[str, str]:
    """The models that cues name beside the show's own, by the name of their knob. Raises SettingsError for twins."""
    found: dict[str, str] = {}
    for model in (cue.model for cue in show.cues if cue.model not in ("", own_model(show.generator))):
        if found.setdefault(name := model_name(model), model) != model:
            raise SettingsError(f"cues: model: {model!r} and {found[name]!r} are both called {name}")
    return found


def model_name(model: str) -> str:
    """A model's name or folder as part of a knob's name."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", Path(model).name)


def crossfaded(show: Show) -> Part:
    """The show's generator, before the models that cues name. Raises WeightsError or SettingsError."""
    if not (models := models_of(show)):
        return show.generator
    parts = {name: dataclasses.asdict(with_model(show.generator, model)) for name, model in models.items()}
    settings = {"generator": dataclasses.asdict(show.generator), "models": parts, "memory_mb": show.models_mb}
    return Part("crossfade", settings)
