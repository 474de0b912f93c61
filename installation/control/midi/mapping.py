"""The lines of [midi.map] in; what each source does out, checked. A line may be added and taken away while it plays."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from installation.checking import SettingsError, check
from installation.control.looks import index_of
from installation.control.midi.controllers import Source, source_of
from installation.control.places import MASTER, SWITCHES, TRIGGERS
from installation.settings import Cue
from installation.signals import Knob

ON_OFF = frozenset(verb for verb, _ in SWITCHES.values())
PRESSES = frozenset(verb for verb, _ in TRIGGERS.values()) | {"release"}
PRESS, TOGGLE, HOLD = "press", "toggle", "hold"


@dataclass(frozen=True)
class Written:
    """A line as a table: `to` is where it leads; way is jump, pickup or relative for what turns, press, toggle or hold
    for what is pressed; low..high is the part of the knob that is turned, in its own unit; on and off light a key."""

    to: str
    way: str = ""
    low: float | None = None
    high: float | None = None
    on: int = 127
    off: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What one source does: verb and name as of a Command; knob is what is turned, None where nothing is."""

    source: Source
    verb: str
    name: str
    knob: Knob | None
    way: str
    low: float = 0.0
    high: float = 1.0
    on: int = 127
    off: int = 0

    def level_at(self, share: float) -> float:
        """A share 0..1 of the way in the knob's own unit."""
        return self.low + (self.high - self.low) * share

    def share_of(self, level: float) -> float:
        """The other way round, 0..1."""
        return min(max((level - self.low) / ((self.high - self.low) or 1.0), 0.0), 1.0)


class Table:
    """Every line by its source. Raises SettingsError for one that cannot be, saying what to mend.

    Another thread may teach it meanwhile: `lines` is replaced, never changed.
    """

    def __init__(self, told: Mapping[str, Any], knobs: Mapping[str, Knob], cues: Sequence[Cue], pickup: bool) -> None:
        self._knobs, self._cues, self._pickup = knobs, cues, pickup
        self.told: dict[str, Any] = dict(told)  # as a show file says them
        self.lines: dict[Source, Line] = {}
        for source, to in told.items():
            line = self._line(source, to)
            if line.source in self.lines:
                raise SettingsError(f"midi.map: {line.source} is there twice")
            self.lines[line.source] = line

    def teach(self, source: str, knob: str, values: Sequence[object] = ()) -> None:
        """Lead a source to a knob from now on. Raises SettingsError for what is no source or no knob."""
        if self.told.get(source) == knob:
            return
        line = self._line(source, knob)
        self.lines = {**self.lines, line.source: line}
        self.told[source] = knob

    def forget(self, source: str) -> None:
        """Lead a source that was taught nowhere again."""
        gone = source_of(source)
        self.lines = {one: line for one, line in self.lines.items() if one != gone}
        self.told.pop(source, None)

    def _line(self, text: str, to: Any) -> Line:
        where = f"midi.map: {text[:40]!r}"
        written = Written(to) if isinstance(to, str) else check(Written, to, where)
        try:
            source = source_of(text)
        except ValueError as error:
            raise SettingsError(f"{where}: {error}") from None
        verb, name, knob = self._target(written.to, source, where)
        ways = _ways(verb, knob)
        way = written.way or _usual(ways, source, self._pickup)
        if way not in ways:
            raise SettingsError(f"{where}: way: expected {' or '.join(ways)}, found {way[:40]!r}")
        if not (0 <= written.on <= 127 and 0 <= written.off <= 127):
            raise SettingsError(f"{where}: on and off: expected 0 to 127")
        low = written.low if written.low is not None else knob.low if knob else 0.0
        high = written.high if written.high is not None else knob.high if knob else 1.0
        if low == high or (knob and not knob.low <= min(low, high) <= max(low, high) <= knob.high):
            within = f"{knob.low:g} to {knob.high:g}" if knob else "two that differ"
            raise SettingsError(f"{where}: low and high: expected {within}, found {low:g} to {high:g}")
        return Line(source, verb, name, knob, way, low, high, written.on, written.off)

    def _target(self, to: str, source: Source, where: str) -> tuple[str, str, Knob | None]:
        """Verb, name and knob of what a line leads to."""
        word, _, rest = to.partition(" ")
        if to == "master":
            return "master", "", MASTER
        if to in ON_OFF or to in PRESSES:
            return to, "", None
        if word == "cue" and (rest or (source.kind == "program" and source.number < 0)):
            if rest and index_of(self._cues, rest) is None:
                there = ", ".join(cue.number for cue in self._cues) or "none"
                raise SettingsError(f"{where}: no cue {rest[:40]!r}; there are: {there}")
            return "cue", rest, None
        name = rest if word == "release" else to
        if name in self._knobs:
            return ("release" if word == "release" else "knob"), name, self._knobs[name] if name == to else None
        near = difflib.get_close_matches(name[:80], [*self._knobs, "master", "cue 1", *ON_OFF, *PRESSES], 1)
        raise SettingsError(f"{where}: no knob or verb {to[:80]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def without_knobs(told: Mapping[str, Any], cues: Sequence[Cue]) -> dict[str, Any]:
    """The lines that lead to what every show has: for one whose knobs are gone."""
    kept = {}
    for source, to in told.items():
        with contextlib.suppress(SettingsError):
            Table({source: to}, {}, cues, False)
            kept[source] = to
    return kept


def _ways(verb: str, knob: Knob | None) -> tuple[str, ...]:
    if verb in ON_OFF or (knob and knob.kind == "bool"):
        return TOGGLE, HOLD
    if knob is None or knob.kind == "event":
        return (PRESS,)
    return "jump", "pickup", "relative", TOGGLE, HOLD


def _usual(ways: Iterable[str], source: Source, pickup: bool) -> str:
    """What is meant where a line does not say: keys toggle, faders turn, and what a fader switches is held."""
    ways = tuple(ways)
    if PRESS in ways:
        return PRESS
    if source.kind == "note":
        return TOGGLE
    return ("pickup" if pickup else "jump") if "jump" in ways else HOLD
