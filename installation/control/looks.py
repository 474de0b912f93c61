"""Cues of a show file in; the look of each, that is the base of every knob, out: tracked, checked, found by number."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping, Sequence

from installation.settings import Cue, SettingsError
from installation.signals import Knob


def index_of(cues: Sequence[Cue], number: str) -> int | None:
    """Where the cue of that number stands: the same text, or else the same number ("2.0" finds "2")."""
    for same in (str.__eq__, _equal_numbers):
        for i, cue in enumerate(cues):
            if same(cue.number, number):
                return i
    return None


def _equal_numbers(one: str, other: str) -> bool:
    if "_" in one + other:  # float() reads 1_5 as 15
        return False
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def looks_of(knobs: Mapping[str, Knob], cues: Sequence[Cue], awaited: Collection[str] = ()) -> list[dict[str, float]]:
    """The base of every knob in each cue: the defaults, then every cue up to it. Raises SettingsError.

    What cues say of awaited knobs is passed over until those are there, and then where it lies beyond their range.
    """
    look = {name: knob.default for name, knob in knobs.items()}
    looks: list[dict[str, float]] = []
    seen: set[str] = set()
    for i, cue in enumerate(cues):
        where = f"cues[{i}] (number {cue.number!r})"
        if not cue.number or cue.number in seen:
            raise SettingsError(f"{where}: expected a number of its own, as text; cues so far: {sorted(seen)}")
        if not 0 <= cue.fade_s < math.inf:
            raise SettingsError(f"{where}: fade_s must be 0 or more, found {cue.fade_s}")
        seen.add(cue.number)
        said = {n: v for n, v in cue.values.items() if n not in awaited or takes(knobs.get(n), v)}
        look = look | {name: _checked(knobs, name, value, where) for name, value in said.items()}
        looks.append(look)
    return looks


def takes(knob: Knob | None, value: float) -> bool:
    """Whether a knob is there, and reaches so far."""
    return knob is not None and knob.low <= value <= knob.high


def _checked(knobs: Mapping[str, Knob], name: str, value: float, where: str) -> float:
    knob = knobs.get(name)
    if knob is None:
        near = difflib.get_close_matches(name, knobs, 1, 0.0)
        raise SettingsError(f"{where}: no knob {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    if not knob.low <= value <= knob.high:
        raise SettingsError(f"{where}: {name} goes from {knob.low:g} to {knob.high:g}, found {value}")
    return settle(knob, value)


def settle(knob: Knob, value: float) -> float:
    """The nearest value that the knob can have."""
    value = min(max(float(value), knob.low), knob.high)
    if knob.kind in ("bool", "event"):
        return knob.high if value > knob.low else knob.low
    return float(round(value)) if knob.kind == "int" else value
