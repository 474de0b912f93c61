"""Runs that were made in, the next one's parameters out: a search over the narrow band between noise and copies."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path

import numpy as np

from installation import files
from installation.training.autoencoder.running import Run, Studio
from installation.training.autoencoder.settings import Parameters, Settings, draw, fixed, usual

SCOUTS = 24  # runs anywhere in the band before the good ones are varied
VARIED = 0.6  # share of the runs after them that vary a good one
GOOD = 0.12  # share of all runs that are good


def next_parameters(settings: Settings, studio: Studio, number: int, liked: Container[int] = ()) -> Parameters:
    """What run `number` shall be like: the same for the same runs before it. liked: those of which the artist kept
    a square.

    Raises ValueError where --like names a run that is not there.
    """
    made, count = studio.made, len(studio.squares)
    named = like(settings, studio.folder)
    if not settings.explore:
        return usual(settings, count, number) if named is None else fixed(named, settings, count)
    if named is not None:
        return draw(settings, count, number, named)
    dice = np.random.default_rng([settings.seed, number, 1])
    if len(made) < SCOUTS or dice.random() > VARIED:
        return draw(settings, count, number)
    good = best(made, liked)
    return draw(settings, count, number, good[int(dice.integers(len(good)))].parameters)


def best(made: Mapping[int, Run], liked: Container[int] = ()) -> list[Run]:
    """The good runs, the best first: those that are liked, then by the mean score of their five best squares."""
    order = sorted(
        made.values(), key=lambda run: (run.number not in liked, -float(run.told.get("best", 0.0)), run.number)
    )
    return order[: max(1, round(GOOD * len(order)))]


def like(settings: Settings, folder: Path) -> Parameters | None:
    """The parameters of the run that --like names, by its number or by one of its squares (0317-042.png), whatever
    size its pictures had; None where nothing is named. Raises ValueError where it is not there, or of another kind."""
    if not settings.like:
        return None
    number = settings.like.rpartition("/")[2].partition(".")[0].removeprefix("run-").partition("-")[0]
    told = files.read_json(folder / f"{int(number):04d}.json") if number.isdecimal() else None
    if not isinstance(told, dict):
        raise ValueError(f"--like: no run {settings.like!r} in {folder}")
    parameters = Parameters.read(told["parameters"])
    if parameters.kind != settings.kind:
        raise ValueError(f"--like: run {number} is {parameters.kind}: say --kind {parameters.kind}")
    return parameters
