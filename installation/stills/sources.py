"""What a job names in, its first stills out: references, whole pictures, moments painted again by the show's engine."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from installation import weights
from installation.clock import StepClock
from installation.live import opening
from installation.live.moments import open_moment
from installation.pictures import READER, PictureError, read_picture, size_of
from installation.rendering import projection, projector
from installation.settings import Show, check
from installation.signals import Controls, Moment, Still
from installation.stages.work import Made, Stage, Work
from installation.stills import job as jobs
from installation.stills.job import Job

PREROLL_S = 1.0  # effects with a memory (echo, datamosh) are shown the second before the moment
LONGEST_REFERENCE_PX = 4096


@dataclass(frozen=True)
class Source:
    """One thing to start from: kind is references, picture or moment; sha256 of its file is part of its key."""

    kind: str
    path: str
    sha256: str
    name: str
    size: tuple[int, int]  # of the print

    @property
    def settings(self) -> dict[str, Any]:
        """What opening it depends on."""
        return {"kind": self.kind, "path": self.path, "working_size": jobs.working_size(self.size), "reader": READER}


def find_sources(job: Job) -> list[list[Source]]:
    """The sources of a job in sets that share one chain: all references together, each picture and moment by itself."""
    folders = [Path(text) for text in job.inputs if Path(text).is_dir()]
    sets = []
    if folders:
        files = jobs.pictures_in(folders)
        size = jobs.print_size(job, (1, 1))
        sets.append([Source(jobs.REFERENCES, str(p), weights.digest(p), p.stem, size) for p in files])
    for path in (Path(text) for text in job.inputs):
        if path.is_file():
            kind = "moment" if path.suffix == ".json" else "picture"
            size = jobs.print_size(job, _aspect(path))
            sets.append([Source(kind, str(path), weights.digest(path), path.stem, size)])
    return sets


class Opening(Stage):
    """The step before the first stage: read a picture, or paint a moment at the size that is worked on."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.kind, self.path = str(settings["kind"]), Path(settings["path"])
        self.size: tuple[int, int] = tuple(settings["working_size"])

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        if self.kind == "moment":
            return Made(render(open_moment(self.path), self.size))
        from installation.stages import pixels

        found = read_picture(self.path)
        longest = LONGEST_REFERENCE_PX if self.kind == jobs.REFERENCES else max(found.shape[:2])
        if self.kind == "picture":
            scale = max(self.size[0] / found.shape[1], self.size[1] / found.shape[0])
            longest = round(max(found.shape[:2]) * min(1.0, scale))
        size = pixels.fit((found.shape[1], found.shape[0]), longest)
        return Made(found if size == (found.shape[1], found.shape[0]) else pixels.resize(found, size))


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
        easel = opening.open_easel(show, closing)
        knobs = generator.knobs | easel.knobs
        values = {name: knob.default for name, knob in knobs.items()} | dict(moment.controls.values)
        moment_now = dataclasses.replace(moment.controls, values=values)  # a knob that is newer than the moment rests
        for controls in _second_before(moment_now, show.screen.fps):
            picture = generator.render(controls, None if native else size)  # larger, where the generator can be
            drawn = easel.draw(picture, controls.values, controls.time_s)
        assert drawn is not None
        paper = projection.create(easel.canvas, size, projector.IDENTITY)  # no venue's corners on a print
        paper.draw(drawn, None, 1.0)
        return paper.read_now()


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


def _aspect(path: Path) -> tuple[int, int]:
    """Width and height of a moment or picture; a broken one is square here, and named when it is opened."""
    if path.suffix == ".json":
        try:
            width, height = json.loads(path.read_text("utf-8"))["size_px"]
            return int(width), int(height)
        except (ValueError, KeyError, TypeError, OSError):
            return 1, 1
    try:
        return size_of(path)
    except PictureError:
        return 1, 1
