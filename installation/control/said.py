"""A message of the panel in, as JSON; the command that it asks for out, or why it asks for none."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from installation.control.arguments import FADE_LIMIT_S
from installation.control.places import Refused
from installation.signals import Command, Knob

LONGEST = 512  # bytes
SWITCHED = frozenset({"blackout", "freeze", "test_card"})
PRESSED = frozenset({"go", "back", "cue", "moment", "vector"})
VERBS = frozenset({"knob", "release", "master", "panic", "adopt"}) | SWITCHED | PRESSED
TEACHING = frozenset({"learn", "forget"})
"""What the panel asks for beside commands: a knob to learn ("" ends that), everything learnt to be forgotten."""
WALL = "wall"
"""The key of what the panel says about the fit of the wall: which act; a kind of message of its own."""
_OF_A_POINT = frozenset({"output", "mask", "columns", "rows", "point", "x", "y", "stroke"})
FITTING = _OF_A_POINT | {"pattern", "dial", "value", "file"}
STROKED = frozenset({"move", "dial"})
"""Acts of which only the newest counts, of one stroke of a finger."""
FIELDS = frozenset({"verb", "name", "value", "fade_s", "at"})


def parse(said: bytes) -> dict[str, Any]:
    """A message's table: a command, or with the key WALL something else. Raises Refused."""
    try:
        told = json.loads(said) if len(said) <= LONGEST else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not told.keys() <= (FITTING | {WALL, "at"} if WALL in told else FIELDS):
        raise Refused("malformed", "expected a command as a small JSON table")
    return told


def read(told: Mapping[str, Any], knobs: Mapping[str, Knob], cues: Collection[str]) -> tuple[Command, float]:
    """The command, also of TEACHING, and when it was said (monotonic, 0 when unknown). Raises Refused."""
    verb, name, fade_s = told.get("verb"), told.get("name", ""), told.get("fade_s")
    if not isinstance(verb, str) or verb not in VERBS | TEACHING or not isinstance(name, str):
        raise Refused("malformed", "no such verb")
    value = _number(told.get("value", 1.0))
    fade_s = None if fade_s is None else _number(fade_s)
    if fade_s is not None and not 0 <= fade_s <= FADE_LIMIT_S:
        raise Refused("out of range", f"expected a fade of 0 to {FADE_LIMIT_S:g} s")
    _check_name(verb, name, knobs, cues)
    if verb == "knob":
        value = min(max(value, knobs[name].low), knobs[name].high)
    return Command(verb, name, value, fade_s, "panel"), _number(told.get("at", 0.0))


def is_pressed(command: Command, knobs: Mapping[str, Knob]) -> bool:
    """Whether each one counts, rather than the newest."""
    return command.verb in PRESSED or (command.verb == "knob" and knobs[command.name].kind == "event")


def _check_name(verb: str, name: str, knobs: Mapping[str, Knob], cues: Collection[str]) -> None:
    if verb == "knob" or (name and verb in ("release", "learn")):
        if name not in knobs:
            raise Refused("unknown address", f"no knob {name[:60]!r}")
    elif verb == "cue":
        if name not in cues:
            raise Refused("unknown address", f"no cue {name[:60]!r}")
    elif name:
        raise Refused("malformed", f"{verb} has no name")


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Refused("bad argument", "expected a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refused("bad argument", "expected a finite number")
    return number
