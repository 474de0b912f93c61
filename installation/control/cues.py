"""Commands of people in, the levels of one instant out: cues with fades, held knobs, master, blackout and panic.

The board knows no clock and no chance: the same commands at the same instants always give the same levels.

- A cue's look is that of all cues up to it in the show file, on top of the defaults (tracking): a cue looks the same
  however one gets there. Only knobs whose target changes begin a new fade, from where they are at that instant; a
  fade time sent along with the call brings those still on their way there sooner too, never later.
- A knob that a desk or page sets is held, across cues, until it is released; the newest of several wins.
- An event is not held: each press makes its base one higher, and the effect sees each as one frame.
- Float knobs fade along 3x^2 - 2x^3; bool and int knobs snap as the fade begins.
- Blackout is black at once. Panic fades to black and stays black until blackout is switched off or a cue is called.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from installation.control.fades import Ramp, mix, ramps
from installation.control.feedback import quiet
from installation.control.looks import index_of, looks_of, settle
from installation.settings import Cue
from installation.signals import Command, Knob, Levels

PANIC_FADE_S = 2.0
log = quiet(logging.getLogger("installation.control.cues"))


class Board:
    """The board of the show. Raises SettingsError when a cue names what does not exist."""

    def __init__(self, knobs: Mapping[str, Knob], cues: Sequence[Cue]) -> None:
        self.knobs = dict(knobs)
        self.cues = tuple(cues)
        self.faults: Counter[str] = Counter()
        self._looks = looks_of(self.knobs, self.cues)
        self._running = 0 if self.cues else -1
        look = self._looks[0] if self.cues else {name: knob.default for name, knob in knobs.items()}
        self._cue = {name: Ramp(value, value) for name, value in look.items()}
        self._held: dict[str, Ramp] = {}
        self._holders: dict[str, str] = {}  # who
        self._by: dict[str, str] = {}  # who set what acts last, and called the cue
        self._presses: Counter[str] = Counter()  # of events: a count outlives frames that nobody draws
        self._strange: dict[str, list[float]] = {}  # holds of knobs that this show has not
        self._leaving: dict[str, Ramp] = {}  # released knobs on their way back: start is where they left from
        self._master = Ramp(1.0, 1.0)
        self._panic: Ramp | None = None
        self._blackout = self._freeze = self._test_card = False

    def apply(self, command: Command, now_s: float) -> None:
        """Do one command. What cannot be done is logged and counted; nothing changes then."""
        act = getattr(self, f"_do_{command.verb}", None) if command.verb in _VERBS else None
        if act is None:
            return  # moment, vector and ping are for others
        if not math.isfinite(command.value) or not (command.fade_s is None or 0 <= command.fade_s < math.inf):
            self._refuse(
                "bad value", "%s %s: value %r, fade %r", command.verb, command.name, command.value, command.fade_s
            )
            return
        act(command, now_s)

    def levels(self, now_s: float) -> Levels:
        """What the people ask for at an instant: base within each knob's range, master 0..1."""
        base = {name: ramp.at(now_s) for name, ramp in self._cue.items()}
        for name, ramp in self._leaving.items():
            base[name] = mix(ramp.start, base[name], ramp.progress(now_s))
        for name, ramp in self._held.items():
            base[name] = ramp.at(now_s)
        for name, count in self._presses.items():
            base[name] += count
        master, black = self._brightness(now_s)
        come = min((ramp.progress(now_s) for ramp in self._cue.values()), default=1.0)
        held = {name: self._holders.get(name, "") for name in self._held}
        last = (master, black, self._freeze, self._test_card, self.number)
        return Levels(base, *last, come, held, dict(self._by), self._panic is not None)

    def describe(self, now_s: float) -> dict[str, str | float | bool]:
        """What status shows: running and next cue, what is held, fading, dark."""
        master, black = self._brightness(now_s)
        following = self._running + 1
        return {
            "cue": self.number,
            "cue_name": self.cues[self._running].name if self.cues else "",
            "next": self.cues[following].number if following < len(self.cues) else "",
            "fading": any(ramp.progress(now_s) < 1.0 for ramp in self._cue.values()),
            "held": len(self._held),
            "master": master,
            "blackout": black,
            "panic": self._panic is not None,
            "freeze": self._freeze,
            "test_card": self._test_card,
        }

    def remember(self, now_s: float) -> dict[str, Any]:
        """All that people have set, as plain values that `recall` takes up again, fades where they are."""
        return {
            "cue": self.number,
            "fading": {n: r.left(now_s) for n, r in self._cue.items() if r.progress(now_s) < 1.0},
            "held": self._strange | {name: ramp.left(now_s) for name, ramp in self._held.items()},
            "master": self._master.left(now_s),
            "panic": self._panic.left(now_s) if self._panic else None,
            "blackout": self._blackout,
            "freeze": self._freeze,
            "test_card": self._test_card,
        }

    def is_fading(self, now_s: float) -> bool:
        """Whether brightness is on its way somewhere: what was remembered a moment ago is not what is."""
        return any(ramp.progress(now_s) < 1.0 for ramp in (self._master, self._panic) if ramp)

    def recall(self, table: Mapping[str, Any], now_s: float) -> None:
        """Take up what `remember` wrote down; what cannot be is left out.

        Holds of knobs that are not there now (a safe show has few) are remembered for a show that has them again.
        """
        index = index_of(self.cues, str(table.get("cue", "")))
        if index is not None:
            self._running = index
            self._cue = {name: Ramp(value, value) for name, value in self._looks[index].items()}
        for name, ramp in ramps(table.get("fading"), now_s).items():
            if name in self._cue and ramp.goal == self._cue[name].goal:
                self._cue[name] = ramp
        for name, ramp in ramps(table.get("held"), now_s).items():
            if name in self.knobs:
                knob = self.knobs[name]
                self._held[name] = replace(ramp, start=settle(knob, ramp.start), goal=settle(knob, ramp.goal))
            else:
                self._strange[name] = ramp.left(now_s)
        levels = ramps({"master": table.get("master"), "panic": table.get("panic")}, now_s)
        master, panic = levels.get("master", self._master), levels.get("panic")
        # It was dark meanwhile: what was on its way down is there, and no light comes back to fade once more.
        goal = min(max(master.goal, 0.0), 1.0)
        self._master = replace(master, start=min(max(master.start, 0.0), goal), goal=goal)
        self._panic = panic and Ramp(0.0, 0.0, now_s)
        self._blackout = table.get("blackout") is True
        self._freeze, self._test_card = table.get("freeze") is True, table.get("test_card") is True

    def _brightness(self, now_s: float) -> tuple[float, bool]:
        """Master 0..1, and whether it is black."""
        panic = self._panic
        if panic is None:
            return self._master.at(now_s), self._blackout
        return self._master.at(now_s) * panic.at(now_s), self._blackout or panic.progress(now_s) >= 1.0

    @property
    def number(self) -> str:
        """Number of the running cue, "" in a show without cues."""
        return self.cues[self._running].number if self.cues else ""

    def _do_go(self, command: Command, now_s: float) -> None:
        self._step(1, command, now_s)

    def _do_back(self, command: Command, now_s: float) -> None:
        self._step(-1, command, now_s)

    def _step(self, way: int, command: Command, now_s: float) -> None:
        if not 0 <= self._running + way < len(self.cues):
            self._refuse("no further cue", "%s: cue %r is the last that way", command.verb, self.number)
            return
        self._run(self._running + way, command.fade_s, now_s)
        self._by["cue"] = ""  # who steps does not know where to

    def _do_cue(self, command: Command, now_s: float) -> None:
        index = index_of(self.cues, command.name)
        if index is None:
            there = ", ".join(cue.number for cue in self.cues) or "none"
            self._refuse("unknown cue", "no cue %r; there are: %s", command.name, there)
            return
        self._run(index, command.fade_s, now_s)
        self._by["cue"] = command.by

    def _run(self, index: int, asked_s: float | None, now_s: float) -> None:
        """Fade to a cue's look; a knob on its way there goes on undisturbed, unless asked to be there sooner."""
        fade_s = self.cues[index].fade_s if asked_s is None else asked_s
        self._running, self._panic = index, None
        for name, goal in self._looks[index].items():
            ramp = self._cue[name]
            sooner = asked_s is not None and now_s + asked_s < ramp.begin_s + ramp.fade_s
            if ramp.goal != goal or sooner:
                self._cue[name] = self._ramp(name, ramp.at(now_s), goal, now_s, fade_s)

    def _do_knob(self, command: Command, now_s: float) -> None:
        knob = self.knobs.get(command.name)
        if knob is None:
            self._refuse("unknown knob", "no knob %r", command.name)
            return
        if knob.kind == "event":
            self._presses[command.name] += command.value > 0
            return
        goal = settle(knob, command.value)
        start = self.levels(now_s).base[command.name]
        self._leaving.pop(command.name, None)
        self._held[command.name] = self._ramp(command.name, start, goal, now_s, command.fade_s or 0.0)
        self._holders[command.name] = command.by

    def _do_release(self, command: Command, now_s: float) -> None:
        """Give one knob, or every knob when none is named, back to the cue."""
        if command.name and command.name not in self.knobs:
            self._refuse("unknown knob", "no knob %r", command.name)
            return
        base = self.levels(now_s).base
        if not command.name:
            self._strange.clear()
        for name in [command.name] if command.name else list(self._held):
            if self._held.pop(name, None) is not None:
                self._leaving[name] = self._ramp(name, base[name], 0.0, now_s, command.fade_s or 0.0)

    def _do_adopt(self, command: Command, now_s: float) -> None:
        """What people hold becomes the running cue's own: the light stays, and nobody holds it any more."""
        if not self.cues:
            self._refuse("unknown cue", "there is no cue to keep what is held in")
            return
        cue = self.cues[self._running]
        cue = replace(cue, values={**cue.values, **{name: ramp.goal for name, ramp in self._held.items()}})
        self.cues = (*self.cues[: self._running], cue, *self.cues[self._running + 1 :])
        self._looks = looks_of(self.knobs, self.cues)
        self._cue |= self._held
        self._held = {}

    def _do_master(self, command: Command, now_s: float) -> None:
        goal = min(max(command.value, 0.0), 1.0)
        self._by["master"] = command.by
        self._master = Ramp(self._master.at(now_s), goal, now_s, command.fade_s or 0.0)

    def _do_blackout(self, command: Command, now_s: float) -> None:
        self._blackout, self._by["blackout"] = command.value > 0, command.by
        if not self._blackout:
            self._panic = None

    def _do_freeze(self, command: Command, now_s: float) -> None:
        self._freeze, self._by["freeze"] = command.value > 0, command.by

    def _do_test_card(self, command: Command, now_s: float) -> None:
        self._test_card, self._by["test_card"] = command.value > 0, command.by

    def _do_panic(self, command: Command, now_s: float) -> None:
        fade_s = PANIC_FADE_S if command.fade_s is None else command.fade_s
        self._by["blackout"] = ""
        if self._panic is None:
            self._panic = Ramp(1.0, 0.0, now_s, fade_s)
        elif now_s + fade_s < self._panic.begin_s + self._panic.fade_s:  # pressed again, and sooner: from where it is
            self._panic = Ramp(self._panic.at(now_s), 0.0, now_s, fade_s)

    def _ramp(self, name: str, start: float, goal: float, now_s: float, fade_s: float) -> Ramp:
        return Ramp(start, goal, now_s, fade_s if self.knobs[name].kind == "float" else 0.0)

    def _refuse(self, kind: str, text: str, *values: object) -> None:
        self.faults[kind] += 1
        log.warning(text, *values)


_VERBS = frozenset(name[4:] for name in vars(Board) if name.startswith("_do_"))
