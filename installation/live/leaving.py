"""A show and the names of its parts that failed in; the same show without them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from installation.settings import Part, Show


def effects_of(show: Show, left_out: Sequence[str] = ()) -> list[str]:
    """Names of a show's effects in their order, without those left out."""
    names = [effect.name or Path(effect.file).stem for effect in show.effects]
    return [name for name in names if name not in left_out]


def without(show: Show, left_out: Sequence[str]) -> Show:
    """The show without the effects, or with `pattern` for the generator, that failed."""
    kept = tuple(e for e in show.effects if (e.name or Path(e.file).stem) not in left_out)
    if "generator" in left_out:
        cues = tuple(replace(cue, model="") for cue in show.cues)
        show = replace(show, generator=Part("pattern"), bends=(), cues=cues)
    return replace(show, effects=kept)
