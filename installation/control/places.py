"""Knobs and verbs in, the places that addresses stand for out: a knob, a switch, a trigger, or several at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from installation.signals import Knob

ROOT = "/installation"
FORMS = {"norm": 1.0, "percent": 100.0, "dmx": 255.0}
"""How else a level may come: /norm 0..1, /percent 0..100, /dmx 0..255, each over the knob's whole range."""
MASTER = Knob("master", 0.0, 1.0, 1.0, "brightness of the whole picture, last of all but blackout")
SWITCHES = {
    "blackout": ("blackout", "1 black at once, 0 back; nothing else gets in its way"),
    "freeze": ("freeze", "1 holds the picture, 0 lets it move"),
    "testcard": ("test_card", "1 shows the test card, 0 the show"),
}
TRIGGERS = {
    "cue/go": ("go", "next cue"),
    "cue/back": ("back", "cue before this one"),
    "moment": ("moment", "keep this instant, to print it later"),
    "vector/keep": ("vector", "keep this point of the latent space, to come back to it"),
    "panic": (
        "panic",
        "fade to black (2 s unless given), stay black until blackout 0 or a cue is called",
    ),
}
AXES = {"xyz": 2, "rgba": 3}
"""Last letters of knobs that belong together, and with how many of them a sender may content itself."""
PRESSED = frozenset({"trigger", "cue", "release"})  # these kinds fire on a press
URGENT = frozenset({"blackout", "panic"})
KEPT = frozenset({"moment", "vector"})  # what each press writes to the disk
CUES = frozenset({"go", "back", "cue"})
MOST = 64  # numbers of which several places take theirs


class Refused(ValueError):
    """A message that says nothing we can do; kind is what is counted."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Place:
    """What one address stands for.

    kind: level | switch | trigger | release | recall | cue | ping | subscribe | several.
    """

    kind: str
    verb: str
    name: str = ""
    knob: Knob = MASTER
    top: float = 0.0  # 0: the knob's own unit; else the value that stands for the top of its range
    parts: tuple[tuple[int, Place], ...] = ()  # of several: which argument goes where
    least: int = 0
    most: int = MOST

    @property
    def verbs(self) -> frozenset[str]:
        """All that this place can set off."""
        return frozenset(place.verb for _, place in self.parts) or frozenset({self.verb})

    @property
    def waits(self) -> bool:
        """Whether what comes here too fast may wait: values do, presses, cue calls and blackout never."""
        if self.parts:
            return all(place.waits for _, place in self.parts)
        return self.kind in ("level", "switch", "release", "ping") and self.verb not in URGENT


def place_of(knob: Knob) -> Place:
    """Where a knob is turned, or, for an event, pressed."""
    return Place("trigger" if knob.kind == "event" else "level", "knob", knob.name, knob)


def groups_of(knobs: Mapping[str, Knob]) -> Iterator[tuple[str, list[Knob], int]]:
    """Points and colours among the knobs: their common name, their knobs in order, and how many values it takes."""
    for name in dict.fromkeys(name.rpartition(".")[0] for name in knobs if name.count(".")):
        for letters, least in AXES.items():
            members = []
            for letter in letters:
                knob = knobs.get(f"{name}.{letter}")
                if knob is None or knob.kind == "event":
                    break
                members.append(knob)
            if len(members) >= least:
                yield name, members, least


def path_of(name: str) -> str:
    """The knob's name as an address below /installation."""
    return "/".join(map(plain, name.split(".")))


def plain(text: str) -> str:
    """Text as one part of an address: what OSC reserves, and what is not ASCII, becomes _."""
    return re.sub(r"[^!-~]|[#*,/?\[\]{}]", "_", text)
