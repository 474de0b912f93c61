"""A show in; the points of the latent space that it speaks of, each under the name that its knob bears, out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from installation.settings import SettingsError, Show, Vector

SEED = re.compile(r"seed (\d{1,10})")
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # one part of a knob's name, and of an address
WALK, MAP, BRED = "walk", "map", "bred"
MOVING = (MAP, BRED)  # points that knobs of their own move


def vectors_of(show: Show) -> dict[str, Vector]:
    """Every point that is to have a knob `generator.to.<name>`, by that name: the show's vectors, and those that only
    a cue names. Raises SettingsError for a name that cannot be, or for two that would be one."""
    found = {checked(vector.name, "vectors"): vector for vector in show.vectors}
    for i, cue in enumerate(show.cues):
        if cue.vector in ("", WALK, *MOVING, *(frames.name for frames in show.keyframes)):
            continue
        vector = spoken_of(cue.vector, show, f"cues[{i}]: vector")
        if found.setdefault(vector.name, vector) != vector:
            raise SettingsError(f"cues[{i}]: vector: {cue.vector!r} and another vector are both called {vector.name}")
    for frames in show.keyframes:
        if checked(frames.name, "keyframes") in (*found, WALK):
            raise SettingsError(f"keyframes: {frames.name!r} is a vector's name too; give them another")
    return found


def spoken_of(text: str, show: Show, where: str) -> Vector:
    """What a text means: a vector of the show by its name, "seed 23", or a file that was kept. Raises SettingsError."""
    for vector in show.vectors:
        if vector.name == text:
            return vector
    if seed := SEED.fullmatch(text):
        return Vector(f"seed_{int(seed[1])}", seed=int(seed[1]))
    if text.endswith(".npz"):
        return Vector(re.sub(r"[^A-Za-z0-9_-]", "_", Path(text).stem)[:64], file=text)
    there = ", ".join(vector.name for vector in show.vectors) or "none"
    raise SettingsError(f'{where}: no vector {text!r}; there are: {there}; or name "seed 23", or a file.npz')


def knobs_to(show: Show) -> Iterator[str]:
    """The knob of every point and of every list of keyframes."""
    yield from (f"generator.to.{name}" for name in (*vectors_of(show), *(f.name for f in show.keyframes)))
    for name in MOVING:
        if any(cue.vector == name or f"generator.to.{name}" in cue.values for cue in show.cues):
            yield f"generator.to.{name}"


def knob_to(text: str, show: Show, where: str) -> str:
    """The knob that leads to what a cue names. Raises SettingsError."""
    if text in MOVING or any(frames.name == text for frames in show.keyframes):
        return f"generator.to.{text}"
    return f"generator.to.{spoken_of(text, show, where).name}"


def checked(name: str, where: str) -> str:
    """A name that may be part of a knob's. Raises SettingsError."""
    if not NAME.fullmatch(name) or name in (WALK, *MOVING):
        raise SettingsError(
            f"{where}: {name!r} cannot be a name: expected letters, digits, - and _; walk, map and bred are taken"
        )
    return name
