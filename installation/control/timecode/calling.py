"""The times that a clock says in, the cues to be called out: each as its time is passed, the right one after a jump.

A clock may stop, go back, jump and be lost. Forwards and in steps that are small, every cue that was passed is called;
after a jump only the last one at or before where it landed, at once; backwards nothing is, until it runs on again.
"""

from __future__ import annotations

from collections.abc import Sequence

from installation.control.timecode.counting import Time, time_of
from installation.settings import Cue, SettingsError

JUMP_S = 2.0


class Caller:
    """Raises SettingsError for an `at` that is no time, naming the cue."""

    def __init__(self, cues: Sequence[Cue], fps: float) -> None:
        self._rows: list[tuple[float, str]] = []
        for i, cue in enumerate(cues):
            if cue.at:
                try:
                    self._rows.append((time_of(cue.at, fps).seconds_in, cue.number))
                except ValueError as error:
                    raise SettingsError(f"cues[{i}] (number {cue.number!r}): at: {error}") from None
        self._rows.sort(key=lambda row: row[0])
        self._last_s: float | None = None
        self._lost = self._back = False
        self._called = ""

    def hear(self, time: Time) -> list[str]:
        """The clock is there now: the numbers of the cues to be called, in order."""
        now_s, last_s = time.seconds_in, self._last_s
        self._last_s, half_s = now_s, 0.5 / time.base
        if last_s is None or self._lost or abs(now_s - last_s) > JUMP_S:
            return self._land(now_s + half_s)
        if now_s < last_s - half_s:
            self._back = True
            return []
        if self._back:
            return self._land(now_s + half_s)
        return self._note([number for at_s, number in self._rows if last_s + half_s < at_s <= now_s + half_s])

    def lose(self) -> None:
        """Nothing comes any more: the next time is a jump to wherever it is."""
        self._lost = True

    def _land(self, now_s: float) -> list[str]:
        self._lost = self._back = False
        due = [number for at_s, number in self._rows if at_s <= now_s][-1:]
        return self._note([number for number in due if number != self._called])

    def _note(self, calls: list[str]) -> list[str]:
        self._called = calls[-1] if calls else self._called
        return calls
