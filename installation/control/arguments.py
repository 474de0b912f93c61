"""A place and the arguments that were sent there in, commands out; what means nothing there is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from installation.control.places import Place, Refused
from installation.packets import Argument
from installation.signals import Command

FADE_LIMIT_S = 3600.0
_TOLERANCE = 1e-4  # of a range: a float32 that is 1.0000001 is no mistake


def spread(place: Place, arguments: Sequence[Argument]) -> list[tuple[Place, Sequence[Argument]]]:
    """Each single place with its arguments: several places take one number each, lists and colours laid flat.

    Raises Refused when there are too few or too many.
    """
    if not place.parts:
        return [(place, arguments)]
    flat = tuple(_flat(arguments))
    if not place.least <= len(flat) <= place.most:
        most = f" to {place.most}" if place.least < place.most else ""
        raise Refused("bad argument", f"{len(flat)} arguments, expected {place.least}{most} numbers")
    return [(part, flat[i : i + 1]) for i, part in place.parts if i < len(flat)]


def _flat(arguments: Sequence[Argument]) -> Iterator[Argument]:
    for value in arguments:
        if isinstance(value, tuple):
            yield from _flat(value)
        else:
            yield value


def command_for(place: Place, arguments: Sequence[Argument]) -> tuple[Command, bool]:
    """What a person wants by these arguments, and whether the value lay outside its range and was brought back into it.

    Triggers carry the pressed value (0 = let go). Raises Refused for arguments that mean nothing at this place.
    """
    if place.kind == "recall":
        return _recall(arguments)
    if len(arguments) > 2:
        raise Refused("bad argument", f"{len(arguments)} arguments, expected a value and perhaps a fade time")
    fade_s = _fade_s(arguments[1]) if len(arguments) == 2 else None
    value = arguments[0] if arguments else True
    if place.kind != "level":
        return Command(place.verb, place.name, float(_number(value)), fade_s), False
    level, outside = _level(place, value)
    return Command(place.verb, place.name, level, fade_s), outside


def _level(place: Place, value: Argument) -> tuple[float, bool]:
    """A level in the knob's own unit, within its range."""
    low, high = place.knob.low, place.knob.high
    number = _number(value)
    if isinstance(value, bool):
        return (high if value else low), False
    if place.knob.kind == "bool":
        return (high if number > low else low), False
    if place.top:
        number = low + (high - low) * number / place.top
    slack = _TOLERANCE * (high - low)
    return min(max(float(number), low), high), not low - slack <= number <= high + slack


def _recall(arguments: Sequence[Argument]) -> tuple[Command, bool]:
    if not 1 <= len(arguments) <= 2:
        raise Refused("bad argument", "expected a cue number and perhaps a fade time")
    number = arguments[0]
    if isinstance(number, float):  # 1.1 comes as the float32 1.10000002
        number = f"{number:.6g}"
    elif isinstance(number, int) and not isinstance(number, bool):
        number = str(number)
    if not isinstance(number, str) or not 0 < len(number) <= 32:
        raise Refused("bad argument", f"expected a cue number as text, found {number!r:.60}")
    return Command("cue", number.strip(), 1.0, _fade_s(arguments[1]) if len(arguments) == 2 else None), False


def _number(value: Argument) -> float:
    if isinstance(value, int | float):
        return value
    raise Refused("bad argument", f"expected a number, true or false, found {value!r:.60}")


def _fade_s(value: Argument) -> float:
    seconds = _number(value)
    if not 0 <= seconds <= FADE_LIMIT_S:
        raise Refused("out of range", f"expected a fade of 0 to {FADE_LIMIT_S:g} s, found {seconds}")
    return float(seconds)
