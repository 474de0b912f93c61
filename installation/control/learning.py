"""A knob that somebody touched and the messages that come in; which fader turns it from now on, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from installation.control.heard import Heard, Message


class Teachable(Protocol):
    """A protocol whose sources (addresses, channels, controllers) can be led to knobs while the show plays."""

    def teach(self, source: str, knob: str, values: Sequence[object]) -> None: ...
    def forget(self, source: str) -> None: ...


class Learner:
    """begin() with a knob, then look() once a frame: the first spare source that speaks is led to it.

    teachers are by protocol, as the messages name it; a protocol that none of them is for is passed over.
    """

    def __init__(self, heard: Heard, teachers: Mapping[str, Teachable]) -> None:
        self.heard, self.teachers = heard, dict(teachers)
        self.knob = ""  # that waits for its fader
        self.learnt: dict[tuple[str, str], str] = {}  # (protocol, source) -> knob
        self._seen = 0

    def begin(self, knob: str) -> None:
        """The next spare source is for this knob; "" ends the waiting."""
        self.knob, self._seen = knob, self.heard.newest

    def look(self) -> None:
        """Take what came since the last time."""
        if not (self.knob or self.learnt) or self._seen >= self.heard.newest:
            return
        for message in self.heard.since(self._seen):
            self._seen = message.number
            key = message.protocol, str(message.source)
            if known := self.learnt.get(key):  # a fader shows its range as it moves
                self.teachers[key[0]].teach(key[1], known, message.values)
            elif self.knob and self._is_for_us(message):
                self.teachers[key[0]].teach(key[1], self.knob, message.values)
                self.learnt[key], self.knob = self.knob, ""

    def forget(self) -> None:
        """Everything that was learnt since the show began."""
        for protocol, source in self.learnt:
            self.teachers[protocol].forget(source)
        self.learnt, self.knob = {}, ""

    def lines(self) -> dict[str, Any]:
        """What was learnt, as a show file says it."""
        osc, dmx = (self.teachers.get(protocol) for protocol in ("OSC", "DMX"))
        lines = getattr(osc, "alias_lines", {})
        ours = {source: lines[source] for protocol, source in self.learnt if protocol == "OSC"}
        midi = {source: knob for (protocol, source), knob in self.learnt.items() if protocol == "MIDI"}
        taught = any(protocol == "DMX" for protocol, _ in self.learnt)
        return {"osc": ours, "midi": midi, "dmx": getattr(dmx, "knobs", []) if taught else []}

    def _is_for_us(self, message: Message) -> bool:
        return message.spare and message.protocol in self.teachers
