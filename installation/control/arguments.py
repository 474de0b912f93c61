"""A place and the arguments that were sent there in, commands out; what means nothing there is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from installation.control.places import PRESSED, Place, Refused
from installation.packets import Argument
from installation.signals import Command

FADE_LIMIT_S = 3600.0
PRESSES_KEPT = 1024
_TOLERANCE = 1e-4  # of a range: a float32 that is 1.0000001 is no mistake


class Reading:
    """What senders mean by what they send; remembers what each of them presses."""

    def __init__(self, refuse: Callable[[str, str, object], None], protocol: str = "osc") -> None:
        self._refuse, self._protocol = refuse, protocol
        self._presses: dict[tuple[str, Place], float] = {}

    def commands(self, place: Place, arguments: Sequence[Argument], host: str) -> list[tuple[bool, Command]]:
        """What a message asks for, all of it or nothing; each with whether it is a press. Raises Refused."""
        made = [
            (one, given, *command_for(one, given, f"{self._protocol} {host}"))
            for one, given in spread(place, arguments)
        ]
        commands = []
        for one, given, command, outside in made:
            if outside:
                self._refuse("out of range", host, one.name or one.verb)
            if one.kind in PRESSED and given and not self._pressed(host, one, command.value):
                continue
            commands.append((one.kind in ("trigger", "cue", "recall") and command.verb != "panic", command))
        return commands

    def _pressed(self, host: str, place: Place, value: float) -> bool:
        """Above 0 after a 0, after nothing, or the same again: a fader on its way up presses once."""
        before = self._presses.pop((host, place), 0.0)
        self._presses[host, place] = value
        if len(self._presses) > PRESSES_KEPT:
            del self._presses[next(iter(self._presses))]
        return value > 0 and (before <= 0 or before == value)


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


def command_for(place: Place, arguments: Sequence[Argument], by: str = "") -> tuple[Command, bool]:
    """What a person wants by these arguments, and whether the value lay outside its range and was brought back into it.

    Triggers carry the pressed value (0 = let go). Raises Refused for arguments that mean nothing at this place.
    """
    if place.kind == "recall":
        return _recall(arguments, by)
    if len(arguments) > 2:
        raise Refused("bad argument", f"{len(arguments)} arguments, expected a value and perhaps a fade time")
    fade_s = _fade_s(arguments[1]) if len(arguments) == 2 else None
    value = arguments[0] if arguments else True
    if place.kind != "level":
        return Command(place.verb, place.name, float(_number(value)), fade_s, by), False
    level, outside = _level(place, value)
    return Command(place.verb, place.name, level, fade_s, by), outside


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


def _recall(arguments: Sequence[Argument], by: str) -> tuple[Command, bool]:
    if not 1 <= len(arguments) <= 2:
        raise Refused("bad argument", "expected a cue number and perhaps a fade time")
    number = arguments[0]
    if isinstance(number, float):  # 1.1 comes as the float32 1.10000002
        number = f"{number:.6g}"
    elif isinstance(number, int) and not isinstance(number, bool):
        number = str(number)
    if not isinstance(number, str) or not 0 < len(number) <= 32:
        raise Refused("bad argument", f"expected a cue number as text, found {number!r:.60}")
    return Command("cue", number.strip(), 1.0, _fade_s(arguments[1]) if len(arguments) == 2 else None, by), False


def _number(value: Argument) -> float:
    if isinstance(value, int | float):
        return value
    raise Refused("bad argument", f"expected a number, true or false, found {value!r:.60}")


def _fade_s(value: Argument) -> float:
    seconds = _number(value)
    if not 0 <= seconds <= FADE_LIMIT_S:
        raise Refused("out of range", f"expected a fade of 0 to {FADE_LIMIT_S:g} s, found {seconds}")
    return float(seconds)
