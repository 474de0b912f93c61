"""A show file (TOML) in, checked frozen dataclasses out; an unknown key is an error that names the nearest one."""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from installation import files

T = TypeVar("T")


class SettingsError(ValueError):
    """A show file says something that cannot be; the text names the place, what was expected and what was found."""


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
    """One operation at one named layer, on a seeded share (0..1) of its channels, or on the channels listed."""

    name: str
    layer: str
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
    """number is text ("1.5"); values are bases of knobs by name; what a cue does not name keeps its value."""

    number: str
    name: str = ""
    fade_s: float = 2.0
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Screen:
    """size is what the projector gets, working_size what the effects run at.

    monitor is a name or an index; empty is the projector: another than the primary one, never a laptop's own panel
    where there is another. mirror shows everything mirrored, for a projector behind its screen.
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
class Osc:
    """Where the desk may reach the show. allow lists networks (CIDR); reply_port 0 answers to the sender's port.

    aliases lead from what a desk already sends to an address: {"/Page1/Fader201" = "/installation/master/percent"};
    to one for each argument: {"/3/xy" = ["generator.x", "generator.y"]}; by one of its arguments, counted from 0:
    {"/accxyz" = { argument = 2, to = "master" }}.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    reply_port: int = 0
    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    packets_per_s: float = 2000.0
    aliases: dict[str, str | list[str] | dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Show:
    """Everything a show is: what comes in, what it paints with, what is bent, drawn over and cued."""

    name: str
    about: str = ""
    generator: Part = Part("pattern")
    inputs: tuple[Part, ...] = ()
    features: tuple[Part, ...] = ()
    routes: tuple[Route, ...] = ()
    bends: tuple[Bend, ...] = ()
    effects: tuple[Effect, ...] = ()
    cues: tuple[Cue, ...] = ()
    screen: Screen = Screen()
    osc: Osc = Osc()
    moment_every_s: float = 0.0
    moments_per_hour: float = 720.0  # 0: as many as there are
    moments_mb: float = 2000.0  # that the folder of moments may hold; 0: as much as there is
    seed: int = 0


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


def read_toml(path: Path) -> dict[str, Any]:
    """The table of a TOML file. Raises SettingsError saying where it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not TOML: {str(error)[:200]}") from error


def _refuse_twins(show: Show, where: str) -> None:
    """Two of one name would silently replace each other. Raises SettingsError naming them."""
    named: dict[str, list[str]] = {
        "inputs": [part.name for part in show.inputs],
        "features": [part.name for part in show.features],
        "bends": [bend.name for bend in show.bends],
        "effects": [effect.name or Path(effect.file).stem for effect in show.effects],
        "cues": [cue.number for cue in show.cues],
    }
    for kind, names in named.items():
        for name in names:
            if names.count(name) > 1:
                mend = "give one of them a name of its own" if kind in ("bends", "effects") else "keep one of them"
                mend = "give one of them another number" if kind == "cues" else mend
                raise SettingsError(f"{where}: {kind}: {files.shown(name)} is there {names.count(name)} times; {mend}")


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
    )


def to_table(settings: Any) -> dict[str, Any]:
    """The dataclass as plain values that `check` reads back: what a moment or a print writes down."""
    values = dataclasses.asdict(settings)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def check(kind: type[T], table: Any, where: str) -> T:
    """Make the dataclass `kind` from a TOML table. Raises SettingsError naming `where`, what was expected and found."""
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: expected a table, found {files.shown(table)}")
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(fields)}"
            raise SettingsError(f"{where}: unknown key {files.shown(key)}; {hint}")
    for name, f in fields.items():
        if name not in table and f.default is f.default_factory is dataclasses.MISSING:
            raise SettingsError(f"{where}: {name!r} is missing")
    return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in table.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """One TOML value as the type that a field asks for."""
    if hint is Any:
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of(arguments, value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise SettingsError(f"{where}: expected a table, found {files.shown(value)}")
        return {key: _value(arguments[1], item, f"{where}.{key[:80]}") for key, item in value.items()}
    if origin in (tuple, list):
        return _sequence(origin, arguments, value, where)
    if dataclasses.is_dataclass(hint):
        return check(hint, value, where)  # type: ignore[arg-type]
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1023:
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if isinstance(value, float) and not math.isfinite(value):  # TOML has nan and inf, and no knob survives them
        raise SettingsError(f"{where}: expected a finite number, found {value}")
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise SettingsError(f"{where}: expected {getattr(hint, '__name__', hint)}, found {files.shown(value)}")


def _sequence(origin: Any, arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, list | tuple):
        raise SettingsError(f"{where}: expected a list, found {files.shown(value)}")
    if origin is tuple and arguments[-1] is not Ellipsis and len(value) != len(arguments):
        raise SettingsError(f"{where}: expected {len(arguments)} values, found {files.shown(value)}")
    kinds = arguments if origin is tuple and arguments[-1] is not Ellipsis else (arguments[0],) * len(value)
    return origin(_value(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    for kind in kinds:
        if kind is type(None) and value is None:
            return None
        try:
            return _value(kind, value, where)
        except SettingsError:
            continue
    names = " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
    raise SettingsError(f"{where}: expected {names}, found {files.shown(value)}")
