"""Quarter frames and full frames of MIDI timecode in, the time out, whole and checked.

Eight quarter frames say one time, and are sent while two frames pass: what they say is two frames old when the last of
them has come. Backwards they come in reverse order.
"""

from __future__ import annotations

from installation.control.midi.parser import BEGIN, Message
from installation.control.timecode.counting import Time, after

QUARTER = 0xF1
BASES = ((24, False), (25, False), (30, True), (30, False))
PIECES, LATE = 8, 2


class Mtc:
    """take() whole messages; what they say is (time, whether it runs), or why it is none: mtc torn, no such time."""

    def __init__(self) -> None:
        self._pieces: list[int] = []
        self._next = 0
        self._forward = True

    def take(self, message: Message) -> tuple[Time, bool] | str | None:
        """The time that this message completes; a full frame is a place that is gone to, and does not run."""
        if message.status == QUARTER:
            return self._quarter(message.one >> 4, message.one & 0x0F)
        if message.status == BEGIN and len(body := message.body) == 8 and body[0] == 0x7F and body[2:4] == b"\1\1":
            self._pieces = []
            base, drop = BASES[body[4] >> 5 & 3]
            time = Time(body[4] & 0x1F, body[5], body[6], body[7], base, drop)
            return (time, False) if time.exists else "no such time"
        return None

    def _quarter(self, piece: int, value: int) -> tuple[Time, bool] | str | None:
        """Forwards 0 to 7, backwards 7 to 0; another order begins anew, and is told where a time was torn by it."""
        torn = ""
        if self._pieces and piece != self._next:
            torn, self._pieces = "mtc torn", []
        if not self._pieces:
            if piece not in (0, PIECES - 1):
                return torn or None
            self._forward = piece == 0
        self._pieces.append(value)
        self._next = piece + (1 if self._forward else -1)
        if len(self._pieces) < PIECES:
            return torn or None
        digits, self._pieces = self._pieces if self._forward else self._pieces[::-1], []
        frames, seconds, minutes, hours = (digits[i] | digits[i + 1] << 4 for i in (0, 2, 4, 6))
        base, drop = BASES[hours >> 5 & 3]
        time = Time(hours & 0x1F, minutes & 0x3F, seconds & 0x3F, frames & 0x1F, base, drop)
        if not time.exists:
            return "no such time"
        return (after(time, LATE), True) if self._forward else (after(time, -LATE), True)
