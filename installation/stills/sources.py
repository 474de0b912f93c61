"""What a job names in, its first stills out: references, whole pictures, moments painted again by the show's engine."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from installation import weights
from installation.clock import StepClock
from installation.live import opening
from installation.live.moments import open_moment
from installation.pictures import READER, SUFFIXES, pictures_below, read_picture, size_of
from installation.rendering import projection
from installation.rendering.link import Link
from installation.settings import SettingsError, Show, check
from installation.signals import Controls, Moment, Still
from installation.stages.work import Made, Stage, Work
from installation.stills import job as jobs
from installation.stills import ledger, lineage, naming
from installation.stills.job import Job

PREROLL_S, LONGEST_PREROLL_S = 1.0, 30.0
UNTOLD_MEMORY_S = 3.0  # of an effect that keeps its own picture and has no knob that says for how long
CONSTANTS = 4.0  # of a trail that fades to a third in each, a fiftieth is left: less than is seen
LONGEST_REFERENCE_PX = 4096


@dataclass(frozen=True)
class Source:
    """One thing to start from: kind is references, picture or moment; sha256 of its file is part of its key.

    lineage is a hash of what else its picture comes of: a moment's effects and weights, the code that opens it.
    enlarged says that a stage will enlarge it: it is worked on small; a picture that is printed as it is stays whole.
    """

    kind: str
    path: str
    sha256: str
    name: str
    size: tuple[int, int]  # of the print
    lineage: str = ""
    enlarged: bool = True

    @property
    def settings(self) -> dict[str, Any]:
        """What opening it depends on."""
        working = jobs.working_size(self.size) if self.enlarged else self.size
        return {"kind": self.kind, "path": self.path, "working_size": working, "reader": READER}


@dataclass(frozen=True)
class Found:
    """The sources of a job in sets that share one chain; missed: (name, why) of those that cannot even be looked at."""

    sets: list[list[Source]]
    missed: list[tuple[str, str]]


def find_sources(job: Job, own: frozenset[str] = frozenset()) -> Found:
    """All references together, each picture and moment by itself; own: hashes of prints, which are no references.

    Raises SettingsError when a folder has no pictures.
    """
    folders = [Path(text) for text in job.inputs if Path(text).is_dir()]
    found = Found([], [])
    if folders:
        size = jobs.print_size(job, (1, 1))
        pictures = dict.fromkeys(pictures_in(folders, Path(job.out)))
        seen = [_look(path, jobs.REFERENCES, lambda: size, found) for path in pictures]
        found.sets.append([one for one in seen if one and one.sha256 not in own])
    for path in (Path(text) for text in job.inputs if not Path(text).is_dir()):
        kind = "moment" if path.suffix.lower() == ".json" else "picture"
        if one := _look(path, kind, lambda path=path: jobs.print_size(job, _aspect(path)), found):  # type: ignore[misc]
            enlarged = kind != "picture" or "upscale" in jobs.chain(job, kind)
            found.sets.append([dataclasses.replace(one, enlarged=enlarged)])
    return found


def check_hashes(job: Job) -> list[str]:
    """What is no longer as the sidecar of a print knows it: a line for each picture of another content, or gone."""
    told = []
    for path, sha256 in job.sha256.items():
        try:
            found = weights.digest(Path(path))
        except OSError as error:
            told.append(f"{path}: cannot be read ({error.strerror})")
            continue
        if found != sha256:
            told.append(
                f"{path}: another picture than the print was made of (sha256 {sha256[:12]}, found {found[:12]})"
            )
    return told


def _look(path: Path, kind: str, size: Callable[[], tuple[int, int]], found: Found) -> Source | None:
    name = naming.stem_of(path)
    try:
        return Source(kind, str(path), weights.digest(path), name, size(), _lineage(path, kind))
    except (OSError, ValueError, ArithmeticError) as error:
        found.missed.append((name, str(error)))
        return None


def _lineage(path: Path, kind: str) -> str:
    if kind != "moment":
        return lineage.code_of("installation.stages.pixels") + lineage.code_of("installation.pictures")
    try:
        return lineage.of_moment(open_moment(path))
    except Exception:  # whatever is wrong with a moment is named when it is opened
        return ""


def pictures_in(folders: Sequence[Path], out: Path) -> list[Path]:
    """Every picture file in the folders and below, by name, less what this program made itself: all below `out` where
    that lies in the folder, and prints, sheets and proofs anywhere. Raises SettingsError naming an empty folder."""
    found: list[Path] = []
    for folder in folders:
        there, left_out = pictures_below(folder)
        for path, reason in left_out.items():
            if path.suffix.lower() in SUFFIXES:  # a link that leads nowhere: missed, and said, when it is looked at
                there.append(path)
            else:
                print(f"skipped {path}: {reason}", file=sys.stderr)
        own = {at: ledger.own_names(at) for at in {path.parent for path in there}}
        made = out.resolve()
        inside = folder.resolve() in made.parents
        here = [path for path in there if path.name not in own[path.parent]]
        here = [path for path in here if not (inside and made in path.resolve().parents)]
        if left := len(there) - len(here):
            print(f"{folder}: {left} prints, proofs and sheets of this program are left out", file=sys.stderr)
        if not here:
            raise SettingsError(f"{folder}: expected pictures ({', '.join(sorted(SUFFIXES))}), found none")
        found += here
    return found


class Opening(Stage):
    """The step before the first stage: read a picture, or paint a moment at the size that is worked on."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.kind, self.path = str(settings["kind"]), Path(settings["path"])
        self.size: tuple[int, int] = tuple(settings["working_size"])

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        if self.kind == "moment":
            return _repaint(open_moment(self.path), self.size)
        from installation.stages import pixels

        found = read_picture(self.path)
        longest = LONGEST_REFERENCE_PX if self.kind == jobs.REFERENCES else max(found.shape[:2])
        if self.kind == "picture":
            scale = max(self.size[0] / found.shape[1], self.size[1] / found.shape[0])
            longest = round(max(found.shape[:2]) * min(1.0, scale))
        size = pixels.fit((found.shape[1], found.shape[0]), longest)
        return Made(found if size == (found.shape[1], found.shape[0]) else pixels.resize(found, size))


def render(moment: Moment, size: tuple[int, int]) -> np.ndarray:
    """Paint a moment again [returns shape=(H, W, 3), uint8, sRGB]. Raises SettingsError; see _repaint."""
    return _repaint(moment, size).pixels


def _repaint(moment: Moment, size: tuple[int, int]) -> Made:
    """A moment's picture; where its generator draws lines, what a plotter needs to know of them.

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
        if hasattr(generator, "settle"):  # models that cues name are opened behind the show's back
            generator.settle(moment_now)
        remembered_s = _remembered_s(easel.chain.links, values)
        for controls in _led_to(moment_now, show.screen.fps, remembered_s):
            picture = generator.render(controls, None if native else size)  # larger, where the generator can be
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


def _aspect(path: Path) -> tuple[int, int]:
    """Width and height of a moment or picture; a broken one is square here, and named when it is opened."""
    try:
        return open_moment(path).size_px if path.suffix.lower() == ".json" else size_of(path)
    except Exception:  # Pillow's plug-ins raise what they like
        return 1, 1
