"""A show and its knobs in; what a desk needs to have of it, in its order, out: faders, switches, presses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from installation import files
from installation.control.places import MASTER, ROOT, SWITCHES, TRIGGERS, path_of, plain
from installation.live import opening
from installation.settings import Cue, Show
from installation.signals import Knob

TAKEN = re.compile(r"/[\w./+-]+", re.ASCII)  # an address that every desk can send
STANDARD_PORT = 9000


@dataclass(frozen=True)
class Control:
    """One thing to touch: its address, and its range in the knob's own unit.

    kind: fader | switch | press; whole: it has whole numbers only; start is its value as the show begins.
    """

    address: str
    label: str
    kind: str
    about: str = ""
    low: float = 0.0
    high: float = 1.0
    start: float = 0.0
    whole: bool = False


@dataclass(frozen=True)
class Plan:
    """What all kits are made from. name is the show's as part of a file's name."""

    show: str
    name: str
    host: str
    port: int
    controls: tuple[Control, ...]
    left_out: tuple[str, ...] = ()

    def of(self, *kinds: str) -> list[Control]:
        """The controls of these kinds, in their order."""
        return [control for control in self.controls if control.kind in kinds]


def plan_of(show: Show, knobs: Mapping[str, Knob], host: str | None = None, port: int | None = None) -> Plan:
    """The show as desks see it: what acts last, the cues, then every knob as it stands in the first cue."""
    base = opening.open_board(show, knobs).levels(0.0).base
    controls = [Control(f"{ROOT}/master", "master", "fader", MASTER.about, start=1.0)]
    controls += [Control(f"{ROOT}/{word}", word, "switch", about) for word, (_, about) in SWITCHES.items()]
    controls += [Control(f"{ROOT}/{word}", word.replace("/", " "), "press", a) for word, (_, a) in TRIGGERS.items()]
    controls += [
        Control(
            f"{ROOT}/cue/{plain(cue.number)}",
            " ".join(f"cue {cue.number} {cue.name}".split()),
            "press",
            "fade to this cue",
        )
        for cue in show.cues
    ]
    controls += [_control(knob, base.get(knob.name, knob.default)) for knob in knobs.values()]
    taken = tuple(control for control in controls if TAKEN.fullmatch(control.address))
    left_out = tuple(control.address for control in controls if control not in taken)
    name = re.sub(r"[^\w.-]+", "_", show.name, flags=re.ASCII).strip("._-")
    name = name if files.is_one_name(name) else "show"
    return Plan(show.name, name, host or _host(show), port or show.osc.port or STANDARD_PORT, taken, left_out)


def _control(knob: Knob, start: float) -> Control:
    kind = {"bool": "switch", "event": "press"}.get(knob.kind, "fader")
    address = f"{ROOT}/{path_of(knob.name)}"
    return Control(address, knob.name, kind, knob.about, knob.low, knob.high, start, knob.kind == "int")


def _cue(cue: Cue) -> str:
    return " ".join(f"cue {cue.number} {cue.name}".split())


def _host(show: Show) -> str:
    return show.osc.host if show.osc.host not in ("0.0.0.0", "::") else "127.0.0.1"


def number(value: float, whole: bool = False) -> str:
    """A number as text, as desks read it: 1 for a whole one, 1.0 for any other, so that they send an int or a float."""
    if whole:
        return str(round(value))
    text = f"{value:.6f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def aliases(rows: Mapping[str, str]) -> str:
    """Lines for the [osc.aliases] of a show file: from what a desk sends to addresses of the show."""
    return "[osc.aliases]\n" + "".join(f'"{there}" = "{to}"\n' for there, to in rows.items())
