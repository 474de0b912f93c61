"""Words of a command line in; what film is to be made, of what, out: what cannot be is refused before anything is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installation import __version__, files, plugins, sounds, weights
from installation.live import opening
from installation.pictures import comment_of
from installation.settings import Osc, Panel, Part, SettingsError, Show, open_show, to_table
from installation.weight_files import digest

if TYPE_CHECKING:
    from installation.rendering.encoding import Coding

KINDS = (".mp4", ".mov")
USUAL = {"h264": "17", "h265": "22"}  # finer than what a show writes beside itself
OURS = "installation film"  # how the comment of every film and preview of ours begins


@dataclass(frozen=True)
class Plan:
    """frames of a show, which hears music and sees video, become the film `out`, and `preview` shows it meanwhile."""

    show: Show
    music: Path
    video: Path | None
    out: Path
    coding: Coding
    frames: int

    @property
    def fps(self) -> float:
        return self.show.screen.fps

    @property
    def preview(self) -> Path:
        return self.out.with_name(f"{self.out.stem}.preview.jpg")


def prepare(options: Namespace) -> Plan:
    """What is asked for. Raises SettingsError, SoundError, OSError and what opening a show raises."""
    from installation.rendering import encoding, pieces

    music, out = Path(options.music), Path(options.out)
    video = Path(options.video) if options.video else None
    for path in filter(None, (music, video)):
        if not path.is_file():
            raise SettingsError(f"{path}: no such file")
    if out.suffix.lower() not in KINDS:
        raise SettingsError(f"--out: expected a name that ends in {' or '.join(KINDS)}, found {files.shown(out.name)}")
    if not (math.isfinite(options.seconds) and options.seconds >= 0):
        raise SettingsError(f"--seconds: must be above 0, or 0 for all of the music, found {options.seconds:g}")
    codec = options.out_codec or ("prores" if out.suffix.lower() == ".mov" else "h264")
    quality = options.out_quality or USUAL.get(codec, "")
    coding = pieces.careful(encoding.choose(out, codec, quality, "--out"))
    asked = open_show(options.show)
    show = of_film(asked, music, video, options)
    track = sounds.track_of(music)
    seconds = min(track.seconds, options.seconds or track.seconds)
    plan = Plan(show, music, video, out, coding, max(1, math.ceil(seconds * show.screen.fps - 1e-6)))
    refuse_foreign(plan, Path(options.show))
    if video:
        _look_at(video)
        if any(part.name == "hands" for part in show.features):
            weights.hand_model()
    return plan


def of_film(show: Show, music: Path, video: Path | None, options: Namespace) -> Show:
    """The show by a stepped clock: it hears the music and sees the video, whole; nobody and nothing else speaks to it.

    Effects are drawn at the film's size, or at the show's own with --draft.
    """
    screen = show.screen
    size, fps = options.size or screen.size, screen.fps if options.fps is None else options.fps
    working = screen.working_size if options.draft else size
    screen = dataclasses.replace(screen, size=size, fps=fps, working_size=working)
    show = opening.fitting_screen(opening.played_by(dataclasses.replace(show, screen=screen), options.model))
    there = {part.name: part.settings for part in show.inputs}
    inputs = [Part("recording", there["recording"])] if "recording" in there else []
    ear = {name: value for name, value in there.get("microphone", {}).items() if name == "channel"}
    inputs += [Part("microphone", ear | {"device": str(music), "synchronous": True, "ahead_s": 0.5 / fps})]
    if video:
        eye = {name: value for name, value in there.get("camera", {}).items() if name in ("mirror", "rotate")}
        inputs += [Part("camera", eye | {"device": str(video), "synchronous": True})]
    features = [_by_itself(part) for part in show.features]
    features += [_by_itself(Part("music"))] * all(part.name != "music" for part in features)
    alone: dict[str, Any] = {"outputs": (), "dmx": None, "midi": None, "oscquery": None}
    return dataclasses.replace(show, inputs=tuple(inputs), features=tuple(features), **alone, osc=Osc(), panel=Panel())


def _by_itself(part: Part) -> Part:
    """A feature that does in this process what else a child would do behind the show."""
    known = {field.name for field in dataclasses.fields(plugins.load("features", part.name).Settings)}
    return Part(part.name, part.settings | ({"synchronous": True} if "synchronous" in known else {}))


def refuse_foreign(plan: Plan, show: Path) -> None:
    """Raises SettingsError where the film or its preview would take the place of something that is not ours."""
    for path in (plan.out, plan.preview):
        if path.is_dir():
            raise SettingsError(f"{path} is a folder; expected the name of a film")
        if not path.exists():
            continue
        if any(one and one.exists() and path.samefile(one) for one in (plan.music, plan.video, show)):
            raise SettingsError(f"--out {path} is what the film is made of; choose another name")
        if not said_of(path).startswith(OURS):
            raise SettingsError(f"{path} is there already and was not made by this command; choose another name")


def said_of(path: Path) -> str:
    """The comment in a film or picture; "" for a file without one, or none at all."""
    import av

    try:
        if path.suffix == ".jpg":
            return comment_of(path)
        with av.open(str(path)) as film:
            return str(film.metadata.get("comment", ""))
    except (OSError, ValueError, av.FFmpegError):
        return ""


def _look_at(video: Path) -> None:
    """Raises SettingsError for a video of which not one frame can be seen."""
    import av

    from installation.inputs.camera_child import CameraError
    from installation.inputs.stepped import SteppedSight

    try:
        SteppedSight(str(video)).read(0.0)
    except av.FFmpegError as error:
        raise SettingsError(f"{video} is no film that can be read: {error.strerror}") from None
    except CameraError as error:
        raise SettingsError(str(error)) from None


def key_of(plan: Plan, made_of: Iterable[Path], *more: str) -> str:
    """A hash of all that the film's pictures and sound come of: contents of files, not their names.

    made_of: what the show read beside its own file; more: weights, this machine.
    """
    coding = [plan.coding.encoder, dict(plan.coding.options), plan.coding.container, plan.frames, __version__]
    table = _by_content(to_table(dataclasses.replace(plan.show, name="", about="")))
    parts = [table, coding, [digest(path) for path in made_of], *more]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _by_content(value: Any) -> Any:
    """A table in which every file that is named is what is in it."""
    if isinstance(value, dict):
        return {name: _by_content(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_by_content(one) for one in value]
    is_file = isinstance(value, str) and 0 < len(value) < 4096 and "\0" not in value and Path(value).is_file()
    return digest(Path(value)) if is_file else value
