"""What a job names in, its first stills out: references, whole pictures, moments painted again by the show's engine."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation import weights
from installation.live.moments import open_moment
from installation.pictures import READER, SUFFIXES, pictures_below, read_picture, size_of
from installation.settings import SettingsError, check
from installation.signals import Still
from installation.stages.work import Made, Stage, Work
from installation.stills import job as jobs
from installation.stills import ledger, lineage, naming
from installation.stills.job import Job
from installation.stills.repainting import repaint

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
    """The step before the first stage: read a picture, or paint a moment at the size that is worked on.

    The setting enlarging, where it is there, is the table of the stage `upscale` that will enlarge the print.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.kind, self.path = str(settings["kind"]), Path(settings["path"])
        self.size: tuple[int, int] = tuple(settings["working_size"])
        self.enlarging: dict[str, Any] | None = settings.get("enlarging")

    def run(self, stills: Sequence[Still], work: Work) -> Made:
        if self.kind == "moment":
            return repaint(open_moment(self.path), self.size, self._finer(work))
        from installation.stages import pixels

        found = read_picture(self.path)
        longest = LONGEST_REFERENCE_PX if self.kind == jobs.REFERENCES else max(found.shape[:2])
        if self.kind == "picture":
            scale = max(self.size[0] / found.shape[1], self.size[1] / found.shape[0])
            longest = round(max(found.shape[:2]) * min(1.0, scale))
        size = pixels.fit((found.shape[1], found.shape[0]), longest)
        return Made(found if size == (found.shape[1], found.shape[0]) else pixels.resize(found, size))

    def _finer(self, work: Work) -> Callable[[Any], Any] | None:
        """How the generator's picture is enlarged before effects are drawn."""
        if self.enlarging is None:
            return None
        from installation.stages import upscale
        from installation.stages.upscale.finer import finer

        settings = check(upscale.Settings, self.enlarging, "upscale")
        return lambda pixels: finer(pixels, self.size, settings, work)


def _aspect(path: Path) -> tuple[int, int]:
    """Width and height of a moment or picture; a broken one is square here, and named when it is opened."""
    try:
        return open_moment(path).size_px if path.suffix.lower() == ".json" else size_of(path)
    except Exception:  # Pillow's plug-ins raise what they like
        return 1, 1
