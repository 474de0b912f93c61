"""A show's cues in; the same cues out, with the vector and the model that each names written as values of knobs."""

from __future__ import annotations

import dataclasses

from installation.latent import naming
from installation.settings import Cue, Show


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
    return dataclasses.replace(cue, values=values | cue.values)
