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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from installation.control.fades import Ramp, mix, ramps
from installation.control.feedback import quiet
from installation.control.last import VERBS, Last
from installation.control.looks import index_of, looks_of, settle
from installation.settings import Cue
from installation.signals import Command, Knob, Levels

log = quiet(logging.getLogger("installation.control.cues"))


class Board:
    """The board of the show. Raises SettingsError when a cue names what does not exist."""

    def __init__(self, knobs: Mapping[str, Knob], cues: Sequence[Cue], awaited: Collection[str] = ()) -> None:
        """awaited: names in cues of knobs that may come later, see `meet`."""
        self.knobs = dict(knobs)
        self.cues = tuple(cues)
        self.faults: Counter[str] = Counter()
        self._awaited = frozenset(awaited) - self.knobs.keys()
        self._looks = looks_of(self.knobs, self.cues, self._awaited)
        self._running = 0 if self.cues else -1
        look = self._looks[0] if self.cues else {name: knob.default for name, knob in knobs.items()}
        self._cue = {name: Ramp(value, value) for name, value in look.items()}
        self._held: dict[str, Ramp] = {}
        self._leaving: dict[str, Ramp] = {}  # released knobs on their way back: start is where they left from
        self._presses: Counter[str] = Counter()  # of events: a count outlives frames that nobody draws
        self._strange: dict[str, list[float]] = {}  # holds of knobs that this show has not
        self._last = Last()
        self._holders: dict[str, str] = {}  # who holds what: replaced, never changed, as levels have it too
        self._end_s: float | None = None  # from when on nothing fades, once that was looked for
        self._still: Levels | None = None  # what is so from then on

    def apply(self, command: Command, now_s: float) -> None:
        """Do one command. What cannot be done is logged and counted; nothing changes then."""
        if command.verb not in _VERBS | VERBS:
            return  # moment, vector and ping are for others
        if not math.isfinite(command.value) or not (command.fade_s is None or 0 <= command.fade_s < math.inf):
            self._refuse(
                "bad value", "%s %s: value %r, fade %r", command.verb, command.name, command.value, command.fade_s
            )
            return
        self._stir()
        act = f"_do_{command.verb}"
        (getattr(self, act) if command.verb in _VERBS else getattr(self._last, act[1:]))(command, now_s)

    def levels(self, now_s: float) -> Levels:
        """What the people ask for at an instant: base within each knob's range, master 0..1.

        The same object for as long as nothing moves.
        """
        if self._end_s is None:
            fading = (self._cue, self._held, self._leaving)
            self._end_s = max([self._last.end_s, *(ramp.end_s for some in fading for ramp in some.values())])
        if self._still is not None and now_s >= self._end_s:
            return self._still
        base = {name: self._value(name, now_s) for name in self._cue}
        for name, count in self._presses.items():
            base[name] += count
        come = min((ramp.progress(now_s) for ramp in self._cue.values()), default=1.0)
        last = (*self._last.at(now_s), self._last.freeze, self._last.test_card, self.number)
        levels = Levels(base, *last, come, self._holders, self._last.by, self._last.panics)
        if now_s >= self._end_s:
            self._still = levels
        return levels

    def _value(self, name: str, now_s: float) -> float:
        """A knob's base, without presses."""
        if name in self._held:
            return self._held[name].at(now_s)
        value = self._cue[name].at(now_s)
        leaving = self._leaving.get(name)
        return mix(leaving.start, value, leaving.progress(now_s)) if leaving else value

    def _stir(self) -> None:
        """Something is set anew."""
        self._end_s = self._still = None

    def describe(self, now_s: float) -> dict[str, str | float | bool]:
        """What status shows: running and next cue, what is held, fading, dark."""
        master, black = self._last.at(now_s)
        following = self._running + 1
        return {
            "cue": self.number,
            "cue_name": self.cues[self._running].name if self.cues else "",
            "next": self.cues[following].number if following < len(self.cues) else "",
            "fading": any(ramp.progress(now_s) < 1.0 for ramp in self._cue.values()),
            "held": len(self._held),
            "master": master,
            "blackout": black,
            "panic": self._last.panics,
            "freeze": self._last.freeze,
            "test_card": self._last.test_card,
        }

    def meet(self, knobs: Mapping[str, Knob]) -> None:
        """Knobs that are there only now: they stand where the running cue has them."""
        self.knobs |= {name: knob for name, knob in knobs.items() if name not in self.knobs}
        self._looks = looks_of(self.knobs, self.cues, self._awaited)
        look = self._looks[self._running] if self.cues else {name: knob.default for name, knob in self.knobs.items()}
        self._cue |= {name: Ramp(value, value) for name, value in look.items() if name not in self._cue}
        self._stir()

    def remember(self, now_s: float) -> dict[str, Any]:
        """All that people have set, as plain values that `recall` takes up again, fades where they are."""
        return self._last.remember(now_s) | {
            "cue": self.number,
            "fading": {n: r.left(now_s) for n, r in self._cue.items() if r.progress(now_s) < 1.0},
            "held": self._strange | {name: ramp.left(now_s) for name, ramp in self._held.items()},
        }

    def is_fading(self, now_s: float) -> bool:
        """Whether brightness is on its way somewhere: what was remembered a moment ago is not what is."""
        return now_s < self._last.end_s

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
        self._holders = dict.fromkeys(self._held, "")
        self._last.recall(table, now_s)
        self._stir()

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
        self._last.note("cue", "")  # who steps does not know where to

    def _do_cue(self, command: Command, now_s: float) -> None:
        index = index_of(self.cues, command.name)
        if index is None:
            there = ", ".join(cue.number for cue in self.cues) or "none"
            self._refuse("unknown cue", "no cue %r; there are: %s", command.name, there)
            return
        self._run(index, command.fade_s, now_s)
        self._last.note("cue", command.by)

    def _run(self, index: int, asked_s: float | None, now_s: float) -> None:
        """Fade to a cue's look; a knob on its way there goes on undisturbed, unless asked to be there sooner."""
        fade_s = self.cues[index].fade_s if asked_s is None else asked_s
        self._running = index
        self._last.calm()
        for name, goal in self._looks[index].items():
            ramp = self._cue[name]
            sooner = asked_s is not None and now_s + asked_s < ramp.begin_s + ramp.fade_s
            if ramp.goal != goal or sooner:
                self._cue[name] = self._ramp(name, ramp.at(now_s), goal, now_s, fade_s)

    def _do_knob(self, command: Command, now_s: float) -> None:
        name, knob = command.name, self.knobs.get(command.name)
        if knob is None:
            self._refuse("unknown knob", "no knob %r", name)
            return
        if knob.kind == "event":
            self._presses[name] += command.value > 0
            return
        start = self._value(name, now_s)
        self._leaving.pop(name, None)
        self._held[name] = self._ramp(name, start, settle(knob, command.value), now_s, command.fade_s or 0.0)
        self._holders = self._holders | {name: command.by}

    def _do_release(self, command: Command, now_s: float) -> None:
        """Give one knob, or every knob when none is named, back to the cue."""
        if command.name and command.name not in self.knobs:
            self._refuse("unknown knob", "no knob %r", command.name)
            return
        if not command.name:
            self._strange.clear()
        for name in [command.name] if command.name else list(self._held):
            if name in self._held:
                self._leaving[name] = self._ramp(name, self._value(name, now_s), 0.0, now_s, command.fade_s or 0.0)
                del self._held[name]
        self._holders = {name: by for name, by in self._holders.items() if name in self._held}

    def _do_adopt(self, command: Command, now_s: float) -> None:
        """What people hold becomes the running cue's own: the light stays, and nobody holds it any more."""
        if not self.cues:
            self._refuse("unknown cue", "there is no cue to keep what is held in")
            return
        cue = self.cues[self._running]
        cue = replace(cue, values={**cue.values, **{name: ramp.goal for name, ramp in self._held.items()}})
        self.cues = (*self.cues[: self._running], cue, *self.cues[self._running + 1 :])
        self._looks = looks_of(self.knobs, self.cues, self._awaited)
        self._cue |= self._held
        self._held, self._holders = {}, {}

    def _ramp(self, name: str, start: float, goal: float, now_s: float, fade_s: float) -> Ramp:
        return Ramp(start, goal, now_s, fade_s if self.knobs[name].kind == "float" else 0.0)

    def _refuse(self, kind: str, text: str, *values: object) -> None:
        self.faults[kind] += 1
        log.warning(text, *values)


_VERBS = frozenset(name[4:] for name in vars(Board) if name.startswith("_do_"))
