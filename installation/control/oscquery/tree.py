"""Places of every address in; what OSCQuery says of each out: type, range, value, what it does, what lies below it.

The forms /norm, /percent and /dmx of a level are answered when they are asked for, and listed nowhere: whoever reads
the range needs none of them. https://github.com/Vidvox/OSCQueryProposal
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from installation.control.addresses import Space
from installation.control.places import ROOT, SWITCHES, TRIGGERS, Place
from installation.control.told import Settings, can_be_said, said
from installation.packets import Argument
from installation.settings import Cue
from installation.signals import Knob

STATUS = f"{ROOT}/status"
ATTRIBUTES = ("FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "RANGE", "VALUE", "DESCRIPTION", "CLIPMODE")
EXTENSIONS = {
    **dict.fromkeys((*ATTRIBUTES[3:], "LISTEN"), True),
    **dict.fromkeys(("PATH_CHANGED", "PATH_ADDED", "PATH_REMOVED", "PATH_RENAMED"), False),
    **dict.fromkeys(("TAGS", "UNIT", "CRITICAL", "OVERLOADS", "EXTENDED_TYPE", "HTML"), False),
}
NOTHING, READ, WRITE, BOTH = 0, 1, 2, 3
SAID = {
    "cue": "the running cue; send a number to fade to that cue, and a second argument for its fade in seconds",
    "release": "give every held knob back to the cue",
    "ping": f"over OSC alone: answers {ROOT}/pong version, frame",
    "status/subscribe": "over OSC alone: the status twice a second, and what others change",
}
Table = dict[str, Any]


@dataclass
class Node:
    """An address, or a part of one: what lies at it, and below it."""

    path: str
    place: Place | None = None
    below: dict[str, Node] = field(default_factory=dict)


class Tree:
    """Every address of one show. What is set now, and how the show is, is handed in with each question."""

    def __init__(self, space: Space, cues: Sequence[Cue]) -> None:
        self.space, self._cues = space, [cue.number for cue in cues]
        self._names = {f"{ROOT}/cue/{cue.number}": cue.name for cue in cues}
        self.root = Node("/")
        for address, place in (space.places | space.aliases).items():
            if can_be_said(place) and (not is_form(place) or address in space.aliases):
                self._plant(address, place)

    def place(self, path: str) -> Place | None:
        """What lies at an address; None where nothing does, or it is no address."""
        return self.space.aliases.get(path) or self.space.places.get(path)

    def describe(self, path: str, settings: Settings, status: Mapping[str, Argument]) -> Table | None:
        """All that is said of an address and of what lies below it; None where there is none."""
        if path.startswith(STATUS + "/") and path[len(STATUS) + 1 :] in status:
            return _status(path, status[path[len(STATUS) + 1 :]])
        node: Node | None = self.root
        for part in filter(None, path.split("/")):
            node = node and node.below.get(part)
        if node is None and (place := self.place(path)) is not None:
            node = Node(path, place)
        return self._describe(node, settings, status) if node else None

    def _plant(self, address: str, place: Place) -> None:
        node, path = self.root, ""
        for part in filter(None, address.split("/")):
            path += f"/{part}"
            node = node.below.setdefault(part, Node(path))
        node.place = place

    def _describe(self, node: Node, settings: Settings, status: Mapping[str, Argument]) -> Table:
        table: Table = {"FULL_PATH": node.path, "ACCESS": NOTHING}
        if node.place is not None:
            table |= self._method(node.path, node.place, settings)
        contents = {name: self._describe(one, settings, status) for name, one in node.below.items()}
        if node.path == STATUS:
            contents |= {name: _status(f"{STATUS}/{name}", value) for name, value in status.items()}
        return table | ({"CONTENTS": contents} if contents else {})

    def _method(self, path: str, place: Place, settings: Settings) -> Table:
        ranges = self._ranges(place)
        table: Table = {"TYPE": type_of(place), "DESCRIPTION": self._about(path, place)}
        if None not in ranges:
            table["RANGE"] = ranges
        value = said(place, settings)
        table["ACCESS"] = WRITE if value is None else BOTH
        if value is not None:
            table["VALUE"] = list(typed(table["TYPE"], value))
            table["CLIPMODE"] = ["both"] * len(ranges)
        return table

    def _ranges(self, place: Place) -> list[Table | None]:
        """The range of each argument; None of one that has none."""
        if place.parts:
            return [reach for _, part in place.parts for reach in self._ranges(part)]
        kind, knob = type_of(place), place.knob
        if kind == "T":
            return [{"VALS": [False, True]}]
        if place.kind == "level":
            return [{"MIN": 0.0, "MAX": place.top} if place.top else {"MIN": knob.low, "MAX": knob.high}]
        if place.kind == "subscribe":
            return [{"MIN": 1024, "MAX": 65535}]
        return [{"VALS": self._cues} if place.kind == "recall" else None]

    def _about(self, path: str, place: Place) -> str:
        word = path.removeprefix(f"{ROOT}/")
        if place.parts:
            return " ".join(part.name.rpartition(".")[2] or part.verb for _, part in place.parts) + " at once"
        if place.kind == "cue":
            return f"fade to cue {place.name} {self._names.get(path, '')}".rstrip()
        if place.kind == "release" and place.name:
            return f"give {place.name} back to the cue"
        if word in SAID:
            return SAID[word]
        return (SWITCHES.get(word) or TRIGGERS.get(word) or ("", place.knob.about))[1]


def is_form(place: Place) -> bool:
    """Whether this is /norm, /percent or /dmx of another place."""
    return bool(place.top) or any(part.top for _, part in place.parts)


def type_of(place: Place) -> str:
    """OSC's type tags for what is set at a place."""
    if place.parts:
        return "".join(type_of(part) for _, part in place.parts)
    if place.kind == "level":
        return {"bool": "T", "int": "i"}.get(place.knob.kind, "f") if not place.top else "f"
    return {"switch": "T", "recall": "s", "subscribe": "i"}.get(place.kind, "I")  # I: a press


def typed(kinds: str, arguments: Sequence[Argument]) -> tuple[Argument, ...]:
    """Truth as true and false, where a type says so; whole numbers whole."""
    pairs = zip(kinds, arguments, strict=True)
    return tuple(bool(value) if kind == "T" else value for kind, value in pairs)


def defaults(knobs: Mapping[str, Knob]) -> dict[str, float]:
    """The base of every knob before the first frame."""
    return {name: knob.default for name, knob in knobs.items()}


def _status(path: str, value: Argument) -> Table:
    kind = "T" if isinstance(value, bool) else "i" if isinstance(value, int) else "f"
    return {
        "FULL_PATH": path,
        "ACCESS": READ,
        "TYPE": "s" if isinstance(value, str) else kind,
        "VALUE": [value],
        "DESCRIPTION": "how the show is, twice a second",
    }
