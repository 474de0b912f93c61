"""A moment of the show in, the same picture at any size out: the show's own engine on a stepped clock."""

from __future__ import annotations

import dataclasses
import os
import sys
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from installation import opening
from installation.clock import StepClock
from installation.moments import open_moment
from installation.settings import Show, check
from installation.signals import Controls, Levels, Moment

PREROLL_S = 1.0  # effects with a memory (echo, datamosh) are shown the second before the moment


def main(options: Namespace) -> int:
    """`installation still MOMENT --size WxH`: write the picture beside the moment, or where --out says."""
    moment = open_moment(options.moment)
    size = options.size or moment.size_px
    path = options.out or options.moment.with_suffix(f".{size[0]}x{size[1]}.png")
    rgb = render(moment, size)
    save_png(path, rgb)
    print(f"wrote {path}")
    return 0


def render(moment: Moment, size: tuple[int, int]) -> np.ndarray:
    """Paint a moment again [returns shape=(H, W, 3), uint8, sRGB].

    The generator, its bends and the effects get the controls that the moment wrote down; effects run at `size`, so a
    larger picture has finer lines. Raises SettingsError when the moment's show cannot be opened, and says so when the
    model's weights are not those it was made with.
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
        screen = opening.open_screen(show, True, closing)
        knobs = generator.knobs | screen.knobs
        values = {name: knob.default for name, knob in knobs.items()} | dict(moment.controls.values)
        moment_now = dataclasses.replace(moment.controls, values=values)  # a knob that is newer than the moment rests
        for controls in _second_before(moment_now, show.screen.fps):
            screen.show(generator.render(controls), controls, Levels(controls.values), controls.time_s)
        return screen.read_now()


def _second_before(controls: Controls, fps: float) -> list[Controls]:
    """The walk that led to the moment, ending at it exactly."""
    clock, speed = StepClock(fps), controls.values.get("generator.speed", 0.0) / 60.0
    steps = []
    while clock.now_s() < PREROLL_S:
        before_s = PREROLL_S - clock.now_s()
        turns = controls.turns - speed * before_s
        steps.append(dataclasses.replace(controls, time_s=controls.time_s - before_s, turns=turns))
        clock.step()
    return [*steps, controls]


def save_png(path: Path, rgb: np.ndarray) -> None:
    """Write a picture [shape=(H, W, 3), uint8] atomically."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.stem + ".part" + path.suffix)
    Image.fromarray(rgb).save(part)
    os.replace(part, path)
