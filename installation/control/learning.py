"""A knob that somebody touched and the messages that come in; which fader turns it from now on, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

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

    def _is_for_us(self, message: Message) -> bool:
        return message.spare and message.protocol in self.teachers
