"""A show and a generator in; the generator out, with a knob for every point and direction that the show names."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor

from installation.generators.places import ZONES, Keyframes, Places
from installation.latent import bred, directions, maps, naming, vectors
from installation.settings import SettingsError, Show, Vector
from installation.signals import Knob

log = logging.getLogger("installation.latent")


def reach(generator: Any, show: Show) -> None:
    """Add the show's vectors, keyframes, directions and the vectors that its cues name; lead the walk through vectors
    that are among its stations. One that stands before others hands on to them.

    What this model cannot have is said in one line, and its knob moves nothing, so that the show plays on. Raises
    SettingsError for what no model could have.
    """
    if hasattr(generator, "each"):
        generator.each(lambda painter: reach(painter, show))
        return
    places: Places = generator.latent
    knobs = [places.add_vector(name, _point(generator, v)) for name, v in naming.vectors_of(show).items()]
    knobs += [_keyframes(generator, show, i) for i in range(len(show.keyframes))]
    knobs += [_direction(generator, show, i) for i in range(len(show.directions))]
    knobs += _map(generator, show) + _bred(generator, show)
    for knob in knobs:
        if knob.name in generator.knobs:
            raise SettingsError(f"{knob.name} is a knob already; give the show's own another name")
        generator.knobs[knob.name] = knob
    _lead(generator, show)


def _point(generator: Any, vector: Vector) -> Tensor | None:
    """The point (rows, D) of a show's vector; None, said, where it is another model's. Raises SettingsError."""
    if (vector.seed is None) == (not vector.file):
        raise SettingsError(f"vectors: {vector.name!r}: expected a seed or a file")
    if vector.seed is not None:
        if not 0 <= vector.seed < 2**32:
            raise SettingsError(f"vectors: {vector.name!r}: expected a seed from 0 to {2**32 - 1}, found {vector.seed}")
        point: Tensor = generator.of_seed(vector.seed, vector.truncation)
        return point
    kept = vectors.read(vectors.find(vector.file))
    try:
        return vectors.fitting(kept, generator, vector.truncation)
    except SettingsError as error:
        log.warning("vector %s is another model's (%s): left out", vector.name, error)
        return None


def _points(generator: Any, show: Show, names: tuple[str, ...], where: str) -> Tensor | None:
    """Several points (K, rows, D); None, said, where one of them is another model's."""
    points = [_point(generator, naming.spoken_of(name, show, where)) for name in names]
    there = [point for point in points if point is not None]
    return torch.stack(there) if len(there) == len(points) else None


def _keyframes(generator: Any, show: Show, i: int) -> Knob:
    frames, where = show.keyframes[i], f"keyframes[{i}]"
    if len(frames.vectors) < 2 or not frames.seconds > 0:
        raise SettingsError(f"{where}: expected 2 vectors or more and seconds above 0, found {frames}")
    points = _points(generator, show, frames.vectors, where)
    moving = None if points is None else Keyframes(points, frames.seconds, frames.loop)
    return generator.latent.add_vector(frames.name, moving)  # type: ignore[no-any-return]


def _direction(generator: Any, show: Show, i: int) -> Knob:
    wish = show.directions[i]
    naming.checked(wish.name, f"directions[{i}]")
    if wish.zone not in ZONES:
        raise SettingsError(f"directions[{i}]: zone is one of {', '.join(ZONES)}, found {wish.zone!r}")
    try:
        found: Tensor | None = directions.find(generator, wish.from_, _model_of(generator))
    except directions.Missing as error:
        log.warning("direction %s: %s: left out", wish.name, error)
        found = None
    return generator.latent.add_direction(wish.name, found, wish.zone)  # type: ignore[no-any-return]


def _map(generator: Any, show: Show) -> list[Knob]:
    """The knobs of the model's map, where one was drawn or the show speaks of it."""
    spoken, model = _speaks_of(show, naming.MAP, maps.X, maps.Y, maps.TO), _model_of(generator)
    found = maps.read(model, generator.weights_sha256) if model else None
    if found is None and not spoken:
        return []
    if found is None:
        log.warning("no map of this model was drawn (installation latent map %s): left out", model)
    elif found.points.shape[1] != generator.of_seed(0).shape[1]:
        found = None
    return [*maps.KNOBS, generator.latent.add_vector("map", found)]


def _bred(generator: Any, show: Show) -> list[Knob]:
    """The knobs of those that were bred of the model, where somebody has bred, or the show speaks of them."""
    spoken, model = _speaks_of(show, naming.BRED, bred.WHICH, bred.TO), _model_of(generator)
    folder = bred.found(model)
    if folder is None and not spoken:
        return []
    if folder is None:
        log.warning("nothing was bred of this model (installation latent breed %s): left out", model)
    there = bred.Bred(folder, generator) if folder else None
    return [bred.KNOB, generator.latent.add_vector(naming.BRED, there)]


def _speaks_of(show: Show, vector: str, *knobs: str) -> bool:
    """Whether a cue leads there, or a cue or route moves one of these knobs."""
    named = {route.target for route in show.routes} | {name for cue in show.cues for name in cue.values}
    return bool(named & set(knobs)) or any(cue.vector == vector for cue in show.cues)


def _model_of(generator: Any) -> str:
    return str(getattr(getattr(generator, "settings", None), "model", ""))


def _lead(generator: Any, show: Show) -> None:
    """The walk through stations some of which are vectors."""
    asked = getattr(generator.latent, "asked", ())
    if not asked:
        return
    names = tuple(one for one in asked if isinstance(one, str))
    points, latent = _points(generator, show, names, "generator: stations"), generator.latent
    if points is None:
        return
    numbers = [one for one in asked if isinstance(one, int)]
    if len(asked) < 4 or not all(0 <= one < len(latent.styles) for one in numbers):
        raise SettingsError(f"generator: stations: expected 4 or more, numbers 0..{len(latent.styles) - 1} among them")
    anchors = latent.styles[numbers][:, None].expand(-1, latent.rows, -1)
    latent.lead(torch.cat([anchors, points]))
