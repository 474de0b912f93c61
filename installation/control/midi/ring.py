"""Short MIDI messages in at one end, the same out at the other, across a process border: one writer, one reader."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from installation.memory import Memory

LONGEST = 22  # bytes of one message: the longest that anything here reads is a full frame of MTC
_ROW = struct.Struct("=dBB22s")  # when it came (monotonic), port, length, bytes


class Ring:
    """rows places in a piece of the memory; counts[count] is how many were ever written. A reader who is a whole round
    behind loses the oldest half, and is told how many."""

    def __init__(self, memory: Memory, count: int, offset_bytes: int, rows: int) -> None:
        self._counts, self._count, self._rows = memory.counts, count, rows
        self._room = memory.bytes[offset_bytes : offset_bytes + rows * _ROW.size].data
        self._read = 0
        self.lost = 0

    @staticmethod
    def bytes_of(rows: int) -> int:
        return rows * _ROW.size

    def write(self, message: bytes, port: int, time_s: float) -> bool:
        """Append one; False, and nothing is written, when it is too long. The count moves when all of it is there."""
        if not 0 < len(message) <= LONGEST:
            return False
        written = int(self._counts[self._count])
        _ROW.pack_into(self._room, written % self._rows * _ROW.size, time_s, port & 0xFF, len(message), message)
        self._counts[self._count] = written + 1
        return True

    def skip(self) -> None:
        """What is there by now is for nobody."""
        self._read = int(self._counts[self._count])

    def read(self) -> Iterator[tuple[float, int, bytes]]:
        """What was not read yet: when it came, at which port, its bytes."""
        written = int(self._counts[self._count])
        if written - self._read > self._rows - 64:  # the writer goes on while we read
            self.lost += (skipped := written - self._read - self._rows // 2)
            self._read += skipped
        while self._read < written:
            time_s, port, length, raw = _ROW.unpack_from(self._room, self._read % self._rows * _ROW.size)
            self._read += 1
            yield time_s, port, raw[: min(length, LONGEST)]
