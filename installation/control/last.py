"""What people ask of the light as a whole in; what acts last at any instant out: master, blackout, panic, freeze, card.

Blackout is black at once. Panic fades to black and stays black until blackout is switched off or a cue is called; the
master stays meanwhile where it was set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from installation.control.fades import Ramp, ramps
from installation.signals import Command

PANIC_FADE_S = 2.0


class Last:
    """do_VERB for each of VERBS. by tells who set each of it, and who called the cue: replaced, never changed."""

    def __init__(self) -> None:
        self.freeze = self.test_card = False
        self.by: dict[str, str] = {}
        self._master = Ramp(1.0, 1.0)
        self._panic: Ramp | None = None
        self._blackout = False

    @property
    def panics(self) -> bool:
        """Whether somebody panicked, and nobody has called it off."""
        return self._panic is not None

    def at(self, now_s: float) -> tuple[float, bool]:
        """Master 0..1, and whether it is black."""
        panic = self._panic
        if panic is None:
            return self._master.at(now_s), self._blackout
        return self._master.at(now_s) * panic.at(now_s), self._blackout or panic.progress(now_s) >= 1.0

    @property
    def end_s(self) -> float:
        """From when on nothing of it fades."""
        return max(self._master.end_s, self._panic.end_s if self._panic else -math.inf)

    def do_master(self, command: Command, now_s: float) -> None:
        goal = min(max(command.value, 0.0), 1.0)
        self._master = Ramp(self._master.at(now_s), goal, now_s, command.fade_s or 0.0)
        self.note("master", command.by)

    def do_blackout(self, command: Command, now_s: float) -> None:
        self._blackout = command.value > 0
        if not self._blackout:
            self._panic = None
        self.note("blackout", command.by)

    def do_panic(self, command: Command, now_s: float) -> None:
        fade_s = PANIC_FADE_S if command.fade_s is None else command.fade_s
        if self._panic is None:
            self._panic = Ramp(1.0, 0.0, now_s, fade_s)
        elif now_s + fade_s < self._panic.begin_s + self._panic.fade_s:  # pressed again, and sooner: from where it is
            self._panic = Ramp(self._panic.at(now_s), 0.0, now_s, fade_s)
        self.note("blackout", "")

    def do_freeze(self, command: Command, now_s: float) -> None:
        self.freeze = command.value > 0
        self.note("freeze", command.by)

    def do_test_card(self, command: Command, now_s: float) -> None:
        self.test_card = command.value > 0
        self.note("test_card", command.by)

    def calm(self) -> None:
        """A cue was called: no panic any more."""
        self._panic = None

    def note(self, what: str, by: str) -> None:
        """This one did that."""
        self.by = self.by | {what: by}

    def remember(self, now_s: float) -> dict[str, Any]:
        """As plain values that `recall` takes up again."""
        return {
            "master": self._master.left(now_s),
            "panic": self._panic.left(now_s) if self._panic else None,
            "blackout": self._blackout,
            "freeze": self.freeze,
            "test_card": self.test_card,
        }

    def recall(self, table: Mapping[str, Any], now_s: float) -> None:
        """Take up what `remember` wrote down.

        It was dark meanwhile: what was on its way down is there, and no light comes back to fade once more.
        """
        found = ramps({"master": table.get("master"), "panic": table.get("panic")}, now_s)
        master = found.get("master", self._master)
        goal = min(max(master.goal, 0.0), 1.0)
        self._master = replace(master, start=min(max(master.start, 0.0), goal), goal=goal)
        self._panic = Ramp(0.0, 0.0, now_s) if "panic" in found else None
        self._blackout = table.get("blackout") is True
        self.freeze, self.test_card = table.get("freeze") is True, table.get("test_card") is True


VERBS = frozenset(name[3:] for name in vars(Last) if name.startswith("do_"))
