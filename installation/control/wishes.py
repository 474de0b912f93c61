"""Commands in as they come out of the network's queues, the wishes of one frame out, in the order of their arrival.

Blackout and panic have a queue of their own, so they may come out before what was sent ahead of them. When each arrived
tells: what is older than what was done already does not undo it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from math import inf

from installation.control.places import CUES
from installation.signals import Command

PRESSES_LIMIT = 64  # of one verb, between two frames
NEWEST_KEPT = 4096
Key = tuple[str, str]
_PANIC, _BLACKOUT = ("panic", ""), ("blackout", "")


class Wishes:
    """Between two frames: the newest value of each knob, every press."""

    def __init__(self, refuse: Callable[[str], None]) -> None:
        self._refuse = refuse
        self._wishes: dict[tuple[str, str, int], tuple[float, Command]] = {}
        self._presses: Counter[str] = Counter()
        self._newest: OrderedDict[Key, float] = OrderedDict()  # when the newest of each arrived
        self._lit_s = -inf  # when the newest `blackout 0` arrived

    @staticmethod
    def key(command: Command) -> Key:
        """What a newer wish takes the place of: releasing a knob is a wish for that knob."""
        return ("knob" if command.verb == "release" and command.name else command.verb), command.name

    def verbs(self) -> list[str]:
        """What is wished for by now."""
        return [command.verb for _, command in tuple(self._wishes.values())]

    def add(self, command: Command, pressed: bool, came_s: float) -> None:
        """One wish; a press is a wish of its own, a value takes the place of an older one."""
        if pressed:
            self._press(command, came_s)
            return
        verb, name = key = self.key(command)
        if came_s < self._newest.get(key, -inf) or (key == _PANIC and came_s < self._lit_s):
            return  # what was sent later is known already
        self._newest.pop(key, None)
        self._newest[key] = came_s
        if len(self._newest) > NEWEST_KEPT:
            self._newest.popitem(last=False)
        if key == _BLACKOUT and command.value <= 0:
            self._lit_s = came_s
        self._wishes.pop((verb, name, 0), None)
        self._wishes[verb, name, 0] = came_s, command

    def _press(self, command: Command, came_s: float) -> None:
        """A cue call that was sent before a panic, and comes out when that has acted, would end it."""
        overtaken = came_s < self._newest.get(_PANIC, -inf) and (*_PANIC, 0) not in self._wishes
        if command.verb in CUES and overtaken:
            self._refuse("overtaken")
            return
        if self._presses[command.verb] >= PRESSES_LIMIT:
            self._refuse("too many triggers")
            return
        self._presses[command.verb] += 1
        self._wishes[command.verb, command.name, self._presses[command.verb]] = came_s, command

    def take(self) -> list[Command]:
        """All wishes of this frame, oldest first; the next frame begins empty."""
        wishes, self._wishes = self._wishes, {}
        self._presses.clear()
        return [command for _, command in sorted(wishes.values(), key=lambda wish: wish[0])]
