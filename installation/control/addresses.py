"""OSC addresses and arguments in, commands out: everything under /installation/, and the table that explains it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from installation.control import patterns
from installation.packets import Argument
from installation.settings import Cue
from installation.signals import Command, Knob

ROOT = "/installation"
FADE_LIMIT_S = 3600.0
FORMS = {"norm": 1.0, "percent": 100.0, "dmx": 255.0}
"""How else a level may come: /norm 0..1, /percent 0..100, /dmx 0..255, each over the knob's whole range."""
PATTERNS_KEPT = 64
_TOLERANCE = 1e-4  # of a range: a float32 that is 1.0000001 is no mistake
_MASTER = Knob("master", 0.0, 1.0, 1.0, "brightness of the whole picture, last of all but blackout")
_SWITCHES = {
    "blackout": ("blackout", "1 black at once, 0 back; nothing else gets in its way"),
    "freeze": ("freeze", "1 holds the picture, 0 lets it move"),
    "testcard": ("test_card", "1 shows the test card, 0 the show"),
}
_TRIGGERS = {
    "cue/go": ("go", "next cue"),
    "cue/back": ("back", "cue before this one"),
    "moment": ("moment", "keep this instant, to print it later"),
    "panic": (
        "panic",
        "fade to black (2 s unless given), stay black until blackout 0 or a cue is called",
    ),
}


class Refused(ValueError):
    """A message that says nothing we can do; kind is what is counted."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Place:
    """What one address stands for. kind: level | switch | trigger | release | recall | cue | ping | subscribe."""

    kind: str
    verb: str
    name: str = ""
    knob: Knob = _MASTER
    top: float = 0.0  # 0: the knob's own unit; else the value that stands for the top of its range


class Space:
    """Every address of one show. `aliases` lead from what a desk already sends to addresses of ours."""

    def __init__(
        self, knobs: Mapping[str, Knob], cues: Sequence[Cue], aliases: Mapping[str, str] | None = None
    ) -> None:
        self.places: dict[str, Place] = {}
        for word, (verb, _) in _SWITCHES.items():
            self._add(word, Place("switch", verb))
        for word, (verb, _) in _TRIGGERS.items():
            self._add(word, Place("trigger", verb))
        self._add("ping", Place("ping", "ping"))
        self._add("status/subscribe", Place("subscribe", "subscribe"))
        self._add("cue", Place("recall", "cue"))
        for cue in cues:
            self._add(f"cue/{plain(cue.number)}", Place("cue", "cue", cue.number))
        self._add("release", Place("release", "release"))
        self._add_level("master", Place("level", "master"))
        for knob in knobs.values():
            self._add_level(_path(knob.name), Place("level", "knob", knob.name, knob))
            self._add("release/" + _path(knob.name), Place("release", "release", knob.name))
        self._tree: patterns.Tree = {}
        for address in self.places:
            patterns.plant(self._tree, address, address)
        self._found: dict[str, list[str]] = {}
        self.aliases = {there: self._own(here) for there, here in (aliases or {}).items()}

    def find(self, address: str) -> Sequence[Place]:
        """The places that an address or pattern names. Raises Refused when there are none."""
        place = self.places.get(self.aliases.get(address, address))
        if place is not None:
            return (place,)
        if not patterns.is_pattern(address):
            if address.startswith(f"{ROOT}/cue/"):
                return (Place("cue", "cue", address[len(ROOT) + 5 :]),)  # the board says that it is unknown
            raise Refused("unknown address", "no such address")
        return [self.places[found] for found in self._match(address)]

    def nearest(self, address: str) -> str:
        """The address most like this one, for a message to people; slow."""
        return (difflib.get_close_matches(address[:80], self.places, 1, 0.5) or [f"{ROOT}/..."])[0]

    def _match(self, pattern: str) -> list[str]:
        found = self._found.get(pattern)
        if found is None:
            try:
                found = patterns.find(self._tree, pattern)
            except patterns.PatternError as error:
                raise Refused("bad pattern", str(error)) from None
            if len(self._found) >= PATTERNS_KEPT:
                self._found.pop(next(iter(self._found)))
            self._found[pattern] = found
        if not found:
            raise Refused("unknown address", "no address matches")
        return found

    def _add(self, path: str, place: Place) -> None:
        self.places.setdefault(f"{ROOT}/{path}", place)

    def _add_level(self, path: str, place: Place) -> None:
        self._add(path, place)
        for form, top in FORMS.items():
            self._add(f"{path}/{form}", Place(place.kind, place.verb, place.name, place.knob, top))

    def _own(self, address: str) -> str:
        if address in self.places:
            return address
        near = self.nearest(address)
        raise LookupError(f"osc.aliases: no address {address!r}; did you mean {near!r}?")


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


def _path(name: str) -> str:
    return "/".join(map(plain, name.split(".")))


def plain(text: str) -> str:
    """Text as one part of an address: what OSC reserves, and what is not ASCII, becomes _."""
    return re.sub(r"[^!-~]|[#*,/?\[\]{}]", "_", text)


def osc_table(knobs: Mapping[str, Knob], cues: Sequence[Cue]) -> str:
    """Markdown table of every address: arguments, range, what it does."""
    rows = [("address", "arguments", "range", "what it does"), ("---", "---", "---", "---")]
    rows += [(f"`{ROOT}/{word}`", "[i f T F]", "0 or 1", about) for word, (_, about) in _SWITCHES.items()]
    rows += [_level_row("master", _MASTER)]
    for word, (verb, about) in _TRIGGERS.items():
        rows.append(
            (f"`{ROOT}/{word}`", "[press]" if verb == "moment" else "[press] [fade s]", "fires on a press", about)
        )
    rows.append((f"`{ROOT}/cue`", "number [fade s]", _numbers(cues), "fade to that cue (text, int or float)"))
    rows.append((f"`{ROOT}/cue/NUMBER`", "[press] [fade s]", "fires on a press", "for desks that send no text"))
    rows.append((f"`{ROOT}/release`", "[press] [fade s]", "fires on a press", "give every held knob back to the cue"))
    rows.append((f"`{ROOT}/release/KNOB`", "[press] [fade s]", "fires on a press", "give one back"))
    rows.append((f"`{ROOT}/ping`", "", "", f"answers `{ROOT}/pong` version, frame"))
    subscribed = f"sends `{ROOT}/status/...` twice a second until 10 minutes after you were last heard"
    rows.append((f"`{ROOT}/status/subscribe`", "[port]", "1024..65535", subscribed))
    rows += [_level_row(_path(knob.name), knob) for knob in knobs.values()]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + _NOTES


def _level_row(path: str, knob: Knob) -> tuple[str, str, str, str]:
    unit = {"bool": "0 or 1", "int": f"{knob.low:g}..{knob.high:g} whole"}.get(
        knob.kind, f"{knob.low:g}..{knob.high:g}"
    )
    return f"`{ROOT}/{path}`", "[i f T F] [fade s]", f"{unit}, at start {knob.default:g}", knob.about


def _numbers(cues: Sequence[Cue]) -> str:
    return ", ".join(cue.number for cue in cues) or "no cues in this show"


_NOTES = f"""

Every knob and the master also take `{ROOT}/.../norm` (0..1), `/percent` (0..100) and `/dmx` (0..255), each over the
whole range. True, or no argument at all, is the top of the range; false is the bottom. What lies outside is brought to
the nearest end and counted. A press is a value above 0 after a 0, after nothing, or the same value again (for senders
that never let go), so a fader moved through a trigger fires it once. `?`, `*`, `[a-z]` and `{{a,b}}` work in addresses;
bundles work, and their time tags are ignored: everything happens on the next frame.
"""
