"""Pictures, numbers and words in, the newest of each out across a process border: one writer, one reader, none torn.

Everything lies in shared memory behind a sequence count (odd while it is written), as in a seqlock: the writer never
waits, the reader copies and checks afterwards that nothing was written meanwhile.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from installation.children import Memory

LONGEST_SIDE_PX = 640  # of a camera's frames: nothing that looks at them needs more
SLOTS = 3
SLOT_HEADER = 8  # int64 words: sequence, number, height, width, time in ns, and three for whoever writes
HEAD_BYTES = 16
TRIES = 3


def _whole(size_bytes: int) -> int:
    return -(-size_bytes // 64) * 64  # so that every slot's header is aligned


def frames_bytes(most_px: int = LONGEST_SIDE_PX**2, channels: int = 3) -> int:
    """What a triple buffer of pictures of up to so many pixels takes."""
    return SLOTS * (SLOT_HEADER * 8 + _whole(most_px * channels))


FRAMES_BYTES = frames_bytes()


class FrameSlots:
    """A triple buffer of uint8 pictures. memory.counts[index] is the newest number, memory.times[index] its time."""

    def __init__(
        self,
        memory: Memory,
        index: int = 0,
        offset_bytes: int = 0,
        most_px: int = LONGEST_SIDE_PX**2,
        channels: int = 3,
    ) -> None:
        self._memory, self._index, self._most_px, self._channels = memory, index, most_px, channels
        size = frames_bytes(most_px, channels)
        area = memory.bytes[offset_bytes : offset_bytes + size].reshape(SLOTS, size // SLOTS)
        self._headers = [area[i, : SLOT_HEADER * 8].view(np.int64) for i in range(SLOTS)]
        self._pixels = [area[i, SLOT_HEADER * 8 :] for i in range(SLOTS)]

    def write(self, pixels: np.ndarray, time_s: float | None = None, notes: tuple[int, int, int] = (0, 0, 0)) -> int:
        """Publish a picture [shape=(H, W, channels), uint8, at most most_px]; returns its number."""
        height, width = pixels.shape[:2]
        known = pixels.shape[2:] == (self._channels,) and pixels.dtype == np.uint8
        if not known or height * width > self._most_px:
            expected = f"uint8 (H, W, {self._channels}) of at most {self._most_px} px"
            raise ValueError(f"expected {expected}, found {pixels.dtype} {pixels.shape}")
        number = int(self._memory.counts[self._index]) + 1
        header, room = self._headers[number % SLOTS], self._pixels[number % SLOTS]
        time_s = time.monotonic() if time_s is None else time_s
        header[0] |= 1  # a writer killed in the middle leaves it odd: stay odd until this frame is whole
        header[1:] = number, height, width, int(time_s * 1e9), *notes
        room[: pixels.size].reshape(pixels.shape)[:] = pixels
        header[0] += 1
        self._memory.counts[self._index] = number
        self._memory.times[self._index] = time_s
        return number

    def read(self, after: int = 0) -> tuple[np.ndarray, float, int] | None:
        """The newest whole picture whose number is above `after`, as (copy, monotonic time_s, number), or None."""
        found = self.read_noted(after)
        return None if found is None else found[:3]

    def read_noted(self, after: int = 0) -> tuple[np.ndarray, float, int, tuple[int, int, int]] | None:
        """The same with the writer's notes."""
        for _ in range(TRIES):
            number = int(self._memory.counts[self._index])
            if number <= after:
                return None
            header, room = self._headers[number % SLOTS], self._pixels[number % SLOTS]
            sequence, found, height, width, time_ns, one, two, three = map(int, header)
            size = height * width * self._channels
            if sequence % 2 or found != number or not 0 < size <= room.size:
                continue
            pixels = room[:size].reshape(height, width, self._channels).copy()
            if int(header[0]) == sequence:
                return pixels, time_ns / 1e9, number, (one, two, three)
        return None


class Numbers:
    """The newest row of float64 numbers, at most `most` of them."""

    def __init__(self, memory: Memory, offset_bytes: int, most: int) -> None:
        area = memory.bytes[offset_bytes : offset_bytes + self.bytes_of(most)]
        self._head, self._row = area[:HEAD_BYTES].view(np.int64), area[HEAD_BYTES:].view(np.float64)

    @staticmethod
    def bytes_of(most: int) -> int:
        return _whole(HEAD_BYTES + 8 * most)

    def write(self, *parts: np.ndarray) -> None:
        """Publish these arrays, one behind another; what does not fit is left out."""
        self._head[0] |= 1
        end = 0
        for part in parts:
            room = self._row[end : end + part.size]
            room[:] = part[: room.size]
            end += room.size
        self._head[1] = end
        self._head[0] += 1

    def read(self) -> np.ndarray | None:
        """A copy of the newest row; None before the first, and while the next one is being written."""
        for _ in range(TRIES):
            sequence, size = int(self._head[0]), int(self._head[1])
            row = self._row[:size].copy()
            if sequence and not sequence % 2 and int(self._head[0]) == sequence:
                return row
        return None


class Words:
    """The newest table of plain values, as JSON of at most `most` bytes.

    There are two places, written by turns: who is killed in the middle of one leaves the other whole.
    """

    def __init__(self, memory: Memory, offset_bytes: int, most: int) -> None:
        area = memory.bytes[offset_bytes : offset_bytes + self.bytes_of(most)].reshape(2, -1)
        self._heads = [place[:HEAD_BYTES].view(np.int64) for place in area]  # number of the table, its size
        self._texts = [place[HEAD_BYTES:] for place in area]
        self._read, self._told = 0, dict[str, Any]()

    @staticmethod
    def bytes_of(most: int) -> int:
        return 2 * _whole(HEAD_BYTES + most)

    def write(self, table: Mapping[str, Any]) -> None:
        """Publish a table. Raises ValueError when it is longer than there is room for."""
        text = np.frombuffer(json.dumps(table).encode(), np.uint8)
        number = max(int(head[0]) for head in self._heads) + 1
        head, room = self._heads[number % 2], self._texts[number % 2]
        if text.size > room.size:
            raise ValueError(f"expected at most {room.size} bytes of JSON, found {text.size}")
        head[0] = 0  # nothing whole lies here until the number says so
        room[: text.size] = text
        head[1] = text.size
        head[0] = number

    def read(self) -> dict[str, Any]:
        """The newest whole table, decoded once; {} before the first."""
        for _ in range(TRIES):
            first, second = int(self._heads[0][0]), int(self._heads[1][0])
            number, place = (first, 0) if first > second else (second, 1)
            if number == self._read:
                return self._told
            text = self._texts[place][: int(self._heads[place][1])].tobytes()
            if int(self._heads[place][0]) == number:
                self._read, self._told = number, json.loads(text)
        return self._told

    def forget(self) -> None:
        """Leave no word of a writer that is gone."""
        self._told = {}
