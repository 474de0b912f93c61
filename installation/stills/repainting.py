"""A moment in, its picture painted again by the show's own engine, at any size, out."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from installation.clock import StepClock
from installation.live import opening
from installation.rendering import projection
from installation.rendering.link import Link
from installation.settings import Show, check
from installation.signals import Controls, Moment
from installation.stages.work import Made

PREROLL_S, LONGEST_PREROLL_S = 1.0, 30.0
UNTOLD_MEMORY_S = 3.0  # of an effect that keeps its own picture and has no knob that says for how long
CONSTANTS = 4.0  # of a trail that fades to a third in each, a fiftieth is left: less than is seen


def render(moment: Moment, size: tuple[int, int]) -> np.ndarray:
    """Paint a moment again [returns shape=(H, W, 3), uint8, sRGB]. Raises SettingsError; see repaint."""
    return repaint(moment, size).pixels


def repaint(moment: Moment, size: tuple[int, int], finer: Callable[[Any], Any] | None = None) -> Made:
    """A moment's picture; where its generator draws lines, what a plotter needs to know of them.

    The generator, its bends and the effects get the controls that the moment wrote down; effects run at `size`, so a
    larger picture has finer lines. finer enlarges the pixels of a generator that cannot paint so large, before effects
    are drawn over them; without it they are scaled.
    Raises SettingsError when the moment's show cannot be opened, and says so when the model's weights are not those it
    was made with.
    """
    show = check(Show, dict(moment.settings), "moment")
    native = size == tuple(moment.size_px)
    working = show.screen.working_size if native else size
    show = dataclasses.replace(show, screen=dataclasses.replace(show.screen, size=size, working_size=working))
    generator = opening.open_generator(show)
    if generator.weights_sha256 != moment.weights_sha256:
        print(
            f"warning: the model has changed since {moment.show!r} was played: the picture will differ", file=sys.stderr
        )
    with ExitStack() as closing:
        easel = opening.open_easel(show, closing)
        knobs = generator.knobs | easel.knobs
        values = {name: knob.default for name, knob in knobs.items()} | dict(moment.controls.values)
        moment_now = dataclasses.replace(moment.controls, values=values)  # a knob that is newer than the moment rests
        if hasattr(generator, "settle"):  # models that cues name are opened behind the show's back
            generator.settle(moment_now)
        remembered_s = _remembered_s(easel.chain.links, values)
        steps = _led_to(moment_now, show.screen.fps, remembered_s)
        for controls in steps:
            picture = generator.render(controls, None if native else size)  # larger, where the generator can be
            if finer and not native and controls is steps[-1]:
                picture = dataclasses.replace(picture, pixels=finer(picture.pixels))
            drawn = easel.draw(picture, controls.values, controls.time_s)
        assert drawn is not None
        paper = projection.create(easel.canvas, size)  # no venue's corners on a print
        paper.draw(drawn, None, 1.0)
        table, weather = generator.drawing(moment_now) if hasattr(generator, "drawing") else ({}, None)
        maps = {} if weather is None else {"weather": weather}
        return Made(paper.read_now(), maps, {"drawing": table} if table else {})


def _remembered_s(links: Sequence[Link], values: Mapping[str, float]) -> float:
    """How long before a moment its picture begins: as long as the effects remember that are at work then."""
    memories = [PREROLL_S]
    for link in links:
        effect = link.loaded.effect
        told = {knob.name: (values.get(f"effect.{link.name}.{knob.name}"), knob) for knob in effect.knobs}
        at_rest = any(value is not None and value == knob.identity for value, knob in told.values())
        if at_rest or not any(one.persistent for one in effect.passes):
            continue
        lengths = [CONSTANTS * value for name, (value, _) in told.items() if name.endswith("_s") and value]
        speed = told.get("speed", (None, None))[0]
        lengths += [1 / speed] if speed and not lengths else []
        memories.append(max(lengths, default=UNTOLD_MEMORY_S))
    return min(max(memories), LONGEST_PREROLL_S)


def _led_to(controls: Controls, fps: float, since_s: float) -> list[Controls]:
    """The walk that led to the moment from so many seconds before, ending at it exactly."""
    clock, speed = StepClock(fps), controls.values.get("generator.speed", 0.0) / 60.0
    steps = []
    while clock.now_s() < since_s:
        before_s = since_s - clock.now_s()
        turns = controls.turns - speed * before_s
        steps.append(dataclasses.replace(controls, time_s=controls.time_s - before_s, turns=turns))
        clock.step()
    return [*steps, controls]
