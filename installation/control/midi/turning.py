"""What was turned or pressed, and what is set, in; the wish that it is, and what its motor or lamp is to show, out.

What a controller said itself is never told back to it: a motor must not pull at the finger that moves it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from installation.control.looks import settle
from installation.control.midi.controllers import TOPS, Source, Turn
from installation.control.midi.mapping import HOLD, ON_OFF, PRESS, TOGGLE, Line
from installation.signals import Command, Levels

NEAR = 1.5 / 127  # a fader that is no further away than that is where its knob is
PICKED_UP = "not picked up"
Wish = tuple[bool, Command]
"""Whether it is a press, and what is wished."""


@dataclass(slots=True)
class Hand:
    """What is known of one source: its value when last heard, what it asked for with it, what its motor or lamp
    shows."""

    heard: int = -1
    said: float = math.nan
    shown: int = -1
    fresh: bool = False  # it asked for it since the last frame


class Hands:
    """Every source that was heard or told. follow() hands over what is set, once a frame."""

    def __init__(self) -> None:
        self._hands: dict[Source, Hand] = {}
        self._levels: Levels | None = None
        self._switched: dict[str, bool] = {}  # since the last frame: pressed twice is off again

    def follow(self, levels: Levels) -> None:
        """What is set now."""
        self._levels, self._switched = levels, {}
        for hand in self._hands.values():
            hand.fresh = False

    def forget_shown(self) -> None:
        """A port was opened: what it shows is not known."""
        for hand in self._hands.values():
            hand.shown = -1

    def wish(self, line: Line, turn: Turn, by: str) -> Wish | str | None:
        """What a turn asks for: a wish, nothing, or why it is nothing yet."""
        hand = self._hands.setdefault(line.source, Hand())
        before, hand.heard = hand.heard, turn.value
        if line.source.kind == "program":
            return True, Command("cue" if line.verb == "cue" else line.verb, line.name or str(turn.value), 1.0, by=by)
        on, was_on = (_is_on(line.source, value) for value in (turn.value, before))
        if line.way == PRESS:
            pressed = on and (not was_on or line.source.kind == "note")
            return (True, Command(line.verb, line.name, 1.0, by=by)) if pressed else None
        if line.way == TOGGLE or _switches(line):
            return self._switch(line, on, was_on and before >= 0, before < 0, hand, by)
        if line.way == HOLD:
            level: float | str | None = line.level_at(turn.share)
        else:
            level = self._turned(line, turn, before, hand)
        if not isinstance(level, float):
            return level
        hand.said, hand.fresh = settle(line.knob, level) if line.knob else level, True
        hand.shown = turn.value if line.way != "relative" else hand.shown
        return False, Command(line.verb, line.name, hand.said, by=by)

    def _switch(self, line: Line, on: bool, was_on: bool, first: bool, hand: Hand, by: str) -> Wish | None:
        """A key turns it over each time it goes down; held, it is on for so long. Its lamp is told anew."""
        hand.shown = -1
        if line.way == HOLD:
            if on == was_on and not first:
                return None
            now = on
        elif not on or (was_on and line.source.kind != "note"):
            return None
        else:
            key = line.verb + line.name
            now = self._switched[key] = not self._switched.get(key, self._is_set(line))
        hand.said = line.level_at(float(now))
        return False, Command(line.verb, line.name, hand.said, by=by)

    def _turned(self, line: Line, turn: Turn, before: int, hand: Hand) -> float | str | None:
        """The level that a turn asks for; None for a motor's own echo."""
        level = self._level(line)
        if line.way == "relative":
            steps = turn.value - 128 if turn.value > 64 else turn.value  # two's complement, as most encoders say it
            base = hand.said if self._is_own(hand, level) else level
            return line.level_at(min(max(line.share_of(base) + steps / 127, 0.0), 1.0))
        if turn.value == hand.shown and not self._is_own(hand, level):
            return None
        if line.way == "pickup" and not math.isnan(level) and not self._is_own(hand, level):
            was_at = before / TOPS[line.source.kind] if before >= 0 else turn.share
            if not min(was_at, turn.share) - NEAR <= line.share_of(level) <= max(was_at, turn.share) + NEAR:
                return PICKED_UP
        return line.level_at(turn.share)

    def _is_own(self, hand: Hand, level: float) -> bool:
        """Whether what is set is what this source asked for."""
        return hand.fresh or abs(hand.said - level) <= 1e-6

    def _level(self, line: Line) -> float:
        """What is set, in the knob's own unit; not a number before anything is known."""
        if self._levels is None:
            return math.nan
        return self._levels.master if line.verb == "master" else self._levels.base.get(line.name, math.nan)

    def _is_set(self, line: Line) -> bool:
        levels = self._levels
        if levels is None:
            return False
        if line.verb in ON_OFF:
            return bool(getattr(levels, line.verb))
        if line.verb == "cue":
            return levels.cue == line.name
        return line.knob is not None and line.share_of(self._level(line)) >= 0.5

    def shows(self, line: Line) -> int | None:
        """What a motor or lamp is to show from now on, 0..top; None where it shows that, or is where it is by hand."""
        hand = self._hands.setdefault(line.source, Hand())
        kind = line.source.kind
        if kind in ("program", "pressure"):  # nothing that could be moved: what it says is never an echo
            return None
        if line.way in (PRESS, TOGGLE) or _switches(line):
            value = min(line.on if self._is_set(line) else line.off, TOPS[kind])
        else:
            level = self._level(line)
            if math.isnan(level) or (line.way != "relative" and abs(hand.said - level) <= 1e-6):
                return None
            value = round(line.share_of(level) * TOPS[kind])
        if value == hand.shown:
            return None
        hand.shown = value
        return value


def _switches(line: Line) -> bool:
    """Whether what it leads to is either on or off."""
    return line.verb in ON_OFF or (line.knob is not None and line.knob.kind == "bool")


def _is_on(source: Source, value: int) -> bool:
    return value > 0 if source.kind == "note" else 2 * value > TOPS[source.kind]
