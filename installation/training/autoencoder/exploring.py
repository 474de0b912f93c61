"""Runs that were made in, the next one's parameters out: a search over the narrow band between noise and copies."""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np

from installation.training.autoencoder.running import Run
from installation.training.autoencoder.settings import Parameters, Settings, draw, usual

SCOUTS = 24  # runs anywhere in the band before the good ones are varied
VARIED = 0.6  # share of the runs after them that vary a good one
GOOD = 0.12  # share of all runs that are good


def next_parameters(
    settings: Settings, made: Mapping[int, Run], number: int, count: int, liked: Container[int] = ()
) -> Parameters:
    """What run `number` shall be like, of `count` pictures; the same for the same runs before it, of which some may be
    liked: the artist kept a square of theirs.

    Raises ValueError where --like names a run that is not there.
    """
    like = find(settings, made)
    if not settings.explore:
        return usual(settings, count, number) if like is None else like.parameters
    if like is not None:
        return draw(settings, count, number, like.parameters)
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


def find(settings: Settings, made: Mapping[int, Run]) -> Run | None:
    """The run that --like names, by its number or by one of its squares (0317-042.png); None where nothing is named."""
    if not settings.like:
        return None
    number = settings.like.rpartition("/")[2].partition(".")[0].removeprefix("run-").partition("-")[0]
    if not number.isdecimal() or int(number) not in made:
        there = f"{min(made)}..{max(made)}" if made else "none yet"
        raise ValueError(f"--like: no run {settings.like!r} of these pictures and this size; there are: {there}")
    return made[int(number)]
