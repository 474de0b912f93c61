"""Packets of several sources in; the levels of the one source that counts at an instant out.

The highest priority counts. Of two that are alike the one that was there first holds, until it ends or falls silent:
the highest of each byte would mix the halves of two numbers, and two cues into a third that nobody asked for; the
newest would make the wall flicker between two consoles. A lost source takes nothing with it: the last look stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from installation.control.dmx import artnet, sacn
from installation.control.dmx.sent import Sent

SOURCES_LIMIT = 16
OVERTAKEN_S = 1.0  # nothing lies in a queue for longer
LATE = 20  # a packet that is so many behind its source's newest begins the count anew
LOSS_S = {"sacn": sacn.LOSS_S, "artnet": artnet.LOSS_S}


class Look(NamedTuple):
    """What counts: the levels, whose they are, and since when this source has been counting."""

    levels: bytes
    source: bytes
    begun_s: float


@dataclass(slots=True)
class _Source:
    name: str
    protocol: str
    priority: int
    sequence: int | None
    levels: bytes
    heard_s: float
    came_s: float


class Merging:
    """Who sends to one universe, and who of them counts. `leader` is that one's name, "" while there is none."""

    def __init__(self) -> None:
        self._sources: dict[bytes, _Source] = {}
        self._first: bytes | None = None
        self._begun_s = 0.0

    @property
    def leader(self) -> str:
        return self._sources[self._first].name if self._first is not None else ""

    def take(self, sent: Sent, now_s: float, came_s: float = 0.0) -> Look | str | None:
        """What counts since this packet, if it changed that; None where it did not; or why the packet was refused.

        came_s is when it came, by any one clock (0: unknown): what asked for black may have been read before what came
        ahead of it. Refusals: out of sequence, too many sources. What is no light is passed over, without a trace.
        """
        if (sent.start_code or sent.preview) and not sent.terminated:
            return None
        self._forget(now_s)
        refused = ""
        if sent.terminated:
            self._drop(sent.source)
        elif _is_overtaken(self._sources.get(sent.source), came_s):
            return None
        elif _is_late(self._sources.get(sent.source), sent):
            return "out of sequence"
        else:
            refused = self._hear(sent, now_s, came_s)
        before = self._first
        self._choose(now_s)
        if self._first is None or (self._first == before and sent.source != self._first):
            return refused or None
        return Look(self._sources[self._first].levels, self._first, self._begun_s)

    def live(self, now_s: float) -> bool:
        """Whether a source counts now; else the last look is held."""
        self._forget(now_s)
        return self._first is not None

    def _hear(self, sent: Sent, now_s: float, came_s: float) -> str:
        """Keep what a source says; one too many sends away the one that was silent longest and does not count."""
        crowded = sent.source not in self._sources and len(self._sources) >= SOURCES_LIMIT
        if crowded:
            others = (one for one in self._sources if one != self._first)
            del self._sources[min(others, key=lambda one: self._sources[one].heard_s)]
        self._sources[sent.source] = _Source(
            sent.name, sent.protocol, sent.priority, sent.sequence, sent.levels, now_s, came_s
        )  # a source that was known keeps its place among the others
        return "too many sources" if crowded else ""

    def _forget(self, now_s: float) -> None:
        for source in [s for s, one in self._sources.items() if now_s - one.heard_s > LOSS_S[one.protocol]]:
            self._drop(source)

    def _drop(self, source: bytes) -> None:
        self._sources.pop(source, None)
        if source == self._first:
            self._first = None

    def _choose(self, now_s: float) -> None:
        """The one that counts already, while none is above it; else the first to come of those that are highest."""
        top = max((one.priority for one in self._sources.values()), default=0)
        if self._first is not None and self._sources[self._first].priority == top:
            return
        self._first = next((source for source, one in self._sources.items() if one.priority == top), None)
        self._begun_s = now_s


def _is_overtaken(known: _Source | None, came_s: float) -> bool:
    """Whether something that came later was read before. A clock that was set back makes nobody deaf for long."""
    return known is not None and 0.0 < known.came_s - came_s < OVERTAKEN_S


def _is_late(known: _Source | None, sent: Sent) -> bool:
    """E1.31: behind the newest by less than 20, or the same again. An Art-Net console that never counts on is heard."""
    if known is None or known.sequence is None or sent.sequence is None:
        return False
    ahead = (sent.sequence - known.sequence + 128) % 256 - 128
    return -LATE < ahead < 0 or (ahead == 0 and sent.protocol == "sacn")
