"""What cannot be done in; a count by kind out, and one line for each kind and sender that says what to do about it."""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from installation.control.heard import Heard
from installation.control.places import Refused

KEPT = 512  # kinds and senders: addresses can be forged
AGAIN_S = 600.0
LINES_PER_PERIOD, PERIOD_S = 20, 10.0
log = logging.getLogger("installation.control.refusals")

_UNSOUND = (
    *("cut short", "wrong length", "unknown vector", "unknown addressing", "unknown version"),
    *("no such universe", "no such priority"),
)
ADVICE = {
    "malformed": "only this element was left out; look at what the sender makes of its arguments and addresses",
    "overrun": "look for a sender gone wild, or send less often; only blackout and panic are sure to come through",
    "socket error": "look at the network of this machine",
    "refused sender": "add its network to [{table}] allow if it is yours",
    "rate limited": "values wait and the newest of each arrives; raise [{table}] packets_per_s, or send less often",
    "unknown address": "`installation live --osc-table` lists every address; [osc.aliases] leads others to them",
    "bad argument": "`installation live --osc-table` says what each address takes",
    "bad pattern": "write ? * [a-z] {a,b} with both brackets, and few alternatives",
    "out of range": "the nearest end was taken; /norm, /percent and /dmx behind an address take 0..1, 0..100, 0..255",
    "too many triggers": "press less often",
    "overtaken": "it was sent before panic and came out behind it; call the cue again to end the panic",
    "moment dropped": "a sender may keep one in two seconds",
    "save dropped": "the wall may be saved once in two seconds",
    "too many streams": "close connections that nobody uses; the most silent one was ended",
    "unfinished stream": "the sender began a packet and never ended it; look at its TCP framing",
    "cannot listen": "it is tried again for as long as the show plays; is another program listening there?",
    "cannot announce": "it is tried again; until then name the address and port where it is looked for",
    "foreign page": "a browser's page of elsewhere, or a name that is not this machine's; use its address",
    "may not write": "see [oscquery] write and token",
    "too many visitors": "close what nobody uses",
    "too many requests": "LISTEN over a WebSocket tells of changes without being asked",
    "out of sequence": "packets overtake each other on the way; look at the network between the console and here",
    "too many sources": "the one that was silent longest was forgotten; who else sends to this universe?",
    "no sACN": "something else is sent to sACN's port; look at what that machine does",
    "no Art-Net": "something else is sent to Art-Net's port; look at what that machine does",
    **dict.fromkeys(_UNSOUND, "the packet is not as the standard has it; look at the sender's settings and version"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A refused message in words; what was probably meant is looked up only if the line is really written."""

    address: str
    refused: Refused
    nearest: Callable[[str], str]
    values: Sequence[object] = ()

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest(self.address)}?" if self.refused.kind == "unknown address" else ""
        return f"{self.address:.80}: {self.refused}{hint}"


@dataclass(slots=True)
class _Row:
    count: int = 0
    unsaid: int = 0
    said_s: float | None = None


class Refusals:
    """Called for whatever is refused. `of` counts by kind and sender; the lines of a flood are few, and never lost:
    what found no place in the log now is said the next time that it happens."""

    def __init__(
        self,
        faults: Counter[str],
        now_s: Callable[[], float] = time.monotonic,
        protocol: str = "OSC",
        heard: Heard | None = None,
    ) -> None:
        """protocol is what the lines begin with, and in small letters the table of the show file that they speak of.

        heard notes every one of them, for whoever looks at what came.
        """
        self.faults, self._now_s, self._protocol, self._heard = faults, now_s, protocol, heard
        self._rows: OrderedDict[tuple[str, str], _Row] = OrderedDict()
        self._period_s, self._lines = now_s(), 0

    def __call__(self, kind: str, sender: str = "", text: object = "", count: int = 1) -> None:
        """Count, and say it if this sender's refusals of this kind were not told of yet; text is made only then."""
        self.faults[kind] += count
        if self._heard is not None:
            self._note(self._heard, kind, sender, text)
        row = self._rows.get((kind, sender))
        if row is None:
            row = self._rows[kind, sender] = _Row()
            if len(self._rows) > KEPT:
                self._rows.popitem(last=False)
        row.count += count
        row.unsaid += count
        now_s = self._now_s()
        if (row.said_s is None or now_s - row.said_s >= AGAIN_S) and self._has_line(now_s):
            more = f" (and {row.unsaid - count} more)" if row.unsaid > count else ""
            row.unsaid, row.said_s = 0, now_s
            told = f": {text}" if text else ""
            whom = f" from {sender}" if sender else ""
            advice = ADVICE.get(kind, "it changed nothing").replace("{table}", self._protocol.lower())
            log.warning("%s: %s%s%s%s; %s", self._protocol, kind, whom, told, more, advice)

    def of(self, kind: str, sender: str = "") -> int:
        """How often this was refused from this sender, of those that are still remembered."""
        row = self._rows.get((kind, sender))
        return row.count if row else 0

    def _note(self, heard: Heard, kind: str, sender: str, text: object) -> None:
        """An address that nobody knows, with a number behind it, is one that may be learnt."""
        if isinstance(text, Told):
            spare = kind == "unknown address" and bool(text.values) and isinstance(text.values[0], int | float)
            heard.note(self._protocol, sender, text.address, text.values, kind, spare)
        else:
            heard.note(self._protocol, sender, text, (), kind)

    def _has_line(self, now_s: float) -> bool:
        if now_s - self._period_s >= PERIOD_S:
            self._period_s, self._lines = now_s, 0
        self._lines += 1
        return self._lines <= LINES_PER_PERIOD
