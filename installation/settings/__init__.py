"""A show file (TOML) in, what a show is out: frozen dataclasses, checked."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installation import files
from installation.checking import SettingsError, check, read_toml, refuse_twins, to_table
from installation.settings.desks import Dmx, Midi, Osc, OscQuery, Panel, Timecode

__all__ = [
    "Dmx",
    "Midi",
    "Osc",
    "OscQuery",
    "Panel",
    "SettingsError",
    "Timecode",
    "check",
    "read_toml",
    "to_table",
]  # and what stands below


@dataclass(frozen=True)
class Part:
    """A plug-in chosen by name, with its own settings: checked by the plug-in's Settings when it is made."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """value += gain x (curve(feature) + offset); rising over attack_s, falling over release_s (time constants)."""

    source: str
    target: str
    gain: float = 1.0
    offset: float = 0.0
    curve: str = "linear"  # linear | smooth | square | root | step | triangle
    attack_s: float = 0.0
    release_s: float = 0.0


@dataclass(frozen=True)
class Bend:
    """One operation at one layer, on a seeded share (0..1) of its channels, or on the channels listed.

    layer is a name or a pattern of names, or holds for any network: a share 0..1 of the way through it, coarse, middle
    or fine.
    """

    name: str
    layer: str | float
    operation: str
    amount: float = 0.0
    share: float = 1.0
    channels: tuple[int, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Effect:
    """One ISF file of shaders/effects (or a path), under its own name in the knobs; knobs set its defaults."""

    file: str
    name: str = ""
    knobs: dict[str, float | bool | list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cue:
    """number is text ("1.5"); values are bases of knobs by name; what a cue does not name keeps its value.

    vector leads the generator to one of the show's vectors or keyframes, to "seed 23" or a file of a vector; "walk"
    lets it go on walking. model fades to another model, by name. at is when [timecode] calls it: "00:01:30:00".
    """

    number: str
    name: str = ""
    fade_s: float = 2.0
    values: dict[str, float] = field(default_factory=dict)
    vector: str = ""
    model: str = ""
    at: str = ""


@dataclass(frozen=True)
class Direction:
    """A direction of the latent space as a knob `generator.<name>`: from is "ganspace 3", "sefa 1" or one that was kept
    by its name; zone is coarse | middle | fine | all."""

    name: str
    from_: str
    zone: str = "all"


@dataclass(frozen=True)
class Vector:
    """A point of the latent space under a name: a seed (drawn as NVIDIA's tools draw it), or a file that was kept."""

    name: str
    seed: int | None = None
    file: str = ""
    truncation: float = 1.0


@dataclass(frozen=True)
class Keyframes:
    """A closed curve through vectors, "seed 23" among them, that takes `seconds`; the knob `generator.to.<name>` draws
    the walk onto it. loop leads from the last straight to the first; without, the same way back."""

    name: str
    vectors: tuple[str, ...]
    seconds: float = 60.0
    loop: bool = True


@dataclass(frozen=True)
class Screen:
    """size is what the projector gets, working_size what the effects run at.

    monitor is a name or an index; empty is the projector: another than the primary one, never a laptop's own panel
    where there is another. venue is a wall of calibration/ by its name; empty is `here`, once this machine's wall was
    fitted, else the picture as it is. mirror shows everything mirrored, for a projector behind its screen.
    """

    size: tuple[int, int] = (1280, 720)
    working_size: tuple[int, int] = (640, 360)
    fps: float = 30.0
    monitor: str = ""
    mode: str = "fullscreen"  # windowed | borderless | fullscreen
    venue: str = ""
    mirror: bool = False
    flash_limiter: bool = True


@dataclass(frozen=True)
class Show:
    """Everything a show is: what comes in, what it paints with, what is bent, drawn over and cued, where it goes."""

    name: str
    about: str = ""
    generator: Part = Part("pattern")
    inputs: tuple[Part, ...] = ()
    features: tuple[Part, ...] = ()
    routes: tuple[Route, ...] = ()
    bends: tuple[Bend, ...] = ()
    effects: tuple[Effect, ...] = ()
    directions: tuple[Direction, ...] = ()
    vectors: tuple[Vector, ...] = ()
    keyframes: tuple[Keyframes, ...] = ()
    cues: tuple[Cue, ...] = ()
    outputs: tuple[Part, ...] = ()
    screen: Screen = Screen()
    osc: Osc = Osc()
    dmx: Dmx | None = None
    panel: Panel = Panel()
    oscquery: OscQuery | None = None
    midi: Midi | None = None
    timecode: Timecode | None = None
    moment_every_s: float = 0.0
    moments_per_hour: float = 720.0  # 0: as many as there are
    moments_mb: float = 2000.0  # that the folder of moments may hold; 0: as much as there is
    models_mb: float = 2000.0  # of memory for models that cues name, beside the show's own
    seed: int = 0
    ported: bool = False  # played by another model than its own: what that cannot do is left out, and said


def open_show(name_or_path: str) -> Show:
    """Read a show by name (shows/NAME.toml, see `files.places`) or path. Raises SettingsError saying what to mend."""
    path = Path(name_or_path) if Path(name_or_path).suffix else files.find("shows", f"{name_or_path}.toml")
    if path is None or not path.is_file():
        there = ", ".join(file.stem for file in files.there_are("shows", "*.toml"))
        raise SettingsError(
            f"no show {files.shown(name_or_path)}; there are: {there}; or give the path of a .toml file"
        )
    show = check(Show, {"name": path.stem} | read_toml(path), path.name)
    _refuse_twins(show, path.name)
    return _beside(show, path.resolve().parent)


def _refuse_twins(show: Show, where: str) -> None:
    """Raises SettingsError naming the parts of a show that are there twice."""
    named: dict[str, list[str]] = {
        "inputs": [part.name for part in show.inputs],
        "features": [part.name for part in show.features],
        "bends": [bend.name for bend in show.bends],
        "effects": [effect.name or Path(effect.file).stem for effect in show.effects],
        "directions": [direction.name for direction in show.directions],
        "vectors": [vector.name for vector in show.vectors],
        "keyframes": [frames.name for frames in show.keyframes],
        "cues": [cue.number for cue in show.cues],
    }
    refuse_twins(named, where)


def _beside(show: Show, folder: Path) -> Show:
    """The show with its files found from anywhere: those that lie beside the show file come first."""

    def found(value: Any) -> Any:
        if not isinstance(value, str) or not value or Path(value).is_absolute():
            return value
        return next((str(folder / name) for name in (value, f"{value}.fs") if (folder / name).is_file()), value)

    def part(one: Part) -> Part:
        return dataclasses.replace(one, settings={name: found(value) for name, value in one.settings.items()})

    return dataclasses.replace(
        show,
        generator=part(show.generator),
        inputs=tuple(map(part, show.inputs)),
        effects=tuple(dataclasses.replace(effect, file=found(effect.file)) for effect in show.effects),
        vectors=tuple(dataclasses.replace(vector, file=found(vector.file)) for vector in show.vectors),
    )
