"""One effect of a show in: its file, found and read again when it changes; its knobs and the program that works out."""

from __future__ import annotations

import contextlib
import difflib
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation import files, settings
from installation.rendering import isf
from installation.rendering.canvas import Canvas, Target
from installation.rendering.effect import LoadedEffect
from installation.rendering.trial import SLOW_S, Trial
from installation.signals import Knob

EFFECTS = Path("shaders/effects")  # looked for in `files.places`
SLOW_FRAMES = 3  # the first frames of a program may be slow, while the driver is at it
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 600.0
PRESSES_OWED = 8  # events that an effect may be behind
AXES = {"point2d": "xy", "color": "rgba"}
log = logging.getLogger("installation.rendering")


def find_file(name: str, folder: Path = EFFECTS) -> Path:
    """The .fs file called `name` in the folder, or the path that name is. Raises SettingsError naming the nearest."""
    for path in (files.find(folder, f"{name}.fs"), files.find(folder, name), Path(name)):
        if path and path.suffix == ".fs" and path.is_file():
            return path
    there = [path.stem for path in files.there_are(folder, "*.fs")]
    near = difflib.get_close_matches(name, there, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(there)}"
    raise settings.SettingsError(f"no effect {files.shown(name)}; {hint}")


@dataclass
class Pause:
    """How long an effect that grew slow is left out: longer each time that it was slow again."""

    slow: int = 0  # frames in a row
    longer_s: float = FIRST_PAUSE_S
    until_s: float = 0.0

    def note(self, took_s: float, now_s: float) -> bool:
        """One frame took so long; True when the effect goes out now."""
        self.slow = self.slow + 1 if took_s > SLOW_S else 0
        if self.slow < SLOW_FRAMES:
            return False
        self.slow, self.until_s = 0, now_s + self.longer_s
        self.longer_s = min(2 * self.longer_s, LONGEST_PAUSE_S)
        return True


class Link:
    """One effect of the chain: its file under its own name, the show's defaults, and the program that works."""

    def __init__(self, canvas: Canvas, wish: settings.Effect, folder: Path) -> None:
        self.canvas = canvas
        self.path = find_file(wish.file, folder)
        self.name = wish.name or self.path.stem
        self.wish = wish
        self.loaded = LoadedEffect(canvas, isf.read(self.path))
        self.stamp = self._stamp()
        self.broken = False
        self.drawn_last = False
        self.done: tuple[Any, ...] = ()  # what the first of its own targets shows
        self.own: list[Target] = []
        self.trial: Trial | None = None
        self.pause = Pause()
        self.seen: dict[str, int] = {}  # presses of each event
        self._index()

    def _stamp(self) -> tuple[int, ...]:
        stamps = []
        for file in (self.path, self.path.with_suffix(".vs")):
            with contextlib.suppress(OSError):  # it may go while it is looked at
                stamps.append(file.stat().st_mtime_ns)
        return tuple(stamps)

    def _index(self) -> None:
        """Knobs by name, and for each input the names its value is read from."""
        prefix = f"effect.{self.name}."
        self.knobs: dict[str, Knob] = {}
        self.sources: list[tuple[isf.Input, list[str]]] = []
        inputs = {i.name: i for i in self.loaded.effect.knobs}
        for name in self.wish.knobs:
            if name not in inputs:
                near = difflib.get_close_matches(name, inputs, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(inputs)}"
                raise settings.SettingsError(f"effect {self.name!r} has no knob {name!r}; {hint}")
        for one in inputs.values():
            names = [f"{prefix}{one.name}{f'.{axis}' if axis else ''}" for axis in AXES.get(one.type, [""])]
            self.sources.append((one, names))
            for i, name in enumerate(names):
                self.knobs[name] = _knob(name, one, i, self.wish.knobs.get(one.name))

    def look(self, size: tuple[int, int]) -> str:
        """Take up the file if it changed and stood its trial; what did not stays out. Says what went wrong, or ''."""
        stamp = self._stamp()
        if stamp != self.stamp and stamp:
            self.stamp = stamp
            self.release_trial()
            self.trial = Trial(self.path, size)
        why = self.trial.poll() if self.trial else None
        if why is None:
            return ""
        self.trial = None
        self.broken = bool(why)
        return why or self._load()

    def release_trial(self) -> None:
        if self.trial:
            self.trial.end()
        self.trial = None

    def _load(self) -> str:
        """The file as it is now, in the place of the program that worked. Says what went wrong, or ''."""
        try:
            fresh = LoadedEffect(self.canvas, isf.read(self.path))
        except Exception as error:  # the file may have changed since its trial; the program that works stays
            self.broken = True
            return str(error)
        old, self.loaded = self.loaded, fresh
        try:
            self._index()
        except settings.SettingsError as error:  # the show sets a knob that the new header no longer has
            self.loaded = old
            self._index()
            fresh.release()
            self.broken = True
            return str(error)
        old.release()
        self.broken, self.pause = False, Pause()
        log.info("effect %s: loaded anew", self.path.name)
        return ""

    def spare(self, size: tuple[int, int]) -> Target:
        """Of its two own targets the one that was not drawn last (somebody may still look at that), now the first."""
        if not self.own or self.own[0].size != size:
            for old in self.own:
                old.release()
            self.own = [Target(self.canvas.context, size) for _ in range(2)]
        self.own.reverse()
        return self.own[0]

    def values(self, given: Mapping[str, float]) -> dict[str, Any]:
        """One GLSL-ready value for each input of the file."""
        values: dict[str, Any] = {}
        for one, names in self.sources:
            numbers = [given.get(name, self.knobs[name].default) for name in names]
            values[one.name] = self._shape(one, numbers)
        return values

    def _shape(self, one: isf.Input, numbers: list[float]) -> Any:
        if one.type in AXES:
            return tuple(map(float, numbers))
        if one.type == "bool":
            return numbers[0] >= 0.5
        if one.type == "event":
            return self._pulse(one.name, math.floor(numbers[0] + 0.5))
        if one.type == "long":
            return min(one.values, key=lambda v: abs(v - numbers[0])) if one.values else round(numbers[0])
        return float(numbers[0])

    def _pulse(self, name: str, count: int) -> bool:
        """True in one drawn frame for each press: a count tells of those between frames, and in frames left out."""
        owed = min(count - self.seen.get(name, count), PRESSES_OWED)  # below 0: the count began anew
        self.seen[name] = count - max(owed - 1, 0)
        return owed > 0


def _knob(name: str, one: isf.Input, axis: int, wish: Any) -> Knob:
    """The knob of one input, or of one axis of a point or a color; a wish from the show file sets its default."""

    def pick(value: Any) -> float:
        return float(value[axis]) if isinstance(value, tuple | list) else float(value)

    default = pick(one.default)
    if wish is not None:
        try:
            default = pick(wish)
        except (IndexError, TypeError, ValueError) as error:
            raise settings.SettingsError(f"{name}: expected {len(one.default)} numbers, found {wish!r}") from error
    low, high = pick(one.low), pick(one.high)
    if not low <= default <= high:
        raise settings.SettingsError(f"{name}: expected a value from {low:g} to {high:g}, found {default:g}")
    kind = {"bool": "bool", "event": "event", "long": "int"}.get(one.type, "float")
    return Knob(name, low, high, default, one.about, kind)
