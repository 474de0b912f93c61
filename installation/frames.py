"""Camera pictures in, the newest of them out, across a process border: three slots of shared memory, none ever torn."""

from __future__ import annotations

import time

import numpy as np

from installation.children import Memory

LONGEST_SIDE_PX = 640
SLOTS = 3
SLOT_HEADER = 8  # int64 words: sequence, number, height, width, time in ns
SLOT_BYTES = SLOT_HEADER * 8 + LONGEST_SIDE_PX * LONGEST_SIDE_PX * 3
FRAMES_BYTES = SLOTS * SLOT_BYTES


class FrameSlots:
    """A triple buffer with a sequence count per slot (odd while it is written), as in a seqlock.

    One writer, one reader, no lock: the writer never waits, the reader copies the newest slot and checks afterwards
    that it was not written meanwhile. memory.counts[index] is the newest number, memory.times[index] its time.
    """

    def __init__(self, memory: Memory, index: int = 0, offset_bytes: int = 0) -> None:
        self._memory, self._index = memory, index
        area = memory.bytes[offset_bytes : offset_bytes + FRAMES_BYTES].reshape(SLOTS, SLOT_BYTES)
        self._headers = [area[i, : SLOT_HEADER * 8].view(np.int64) for i in range(SLOTS)]
        self._pixels = [area[i, SLOT_HEADER * 8 :] for i in range(SLOTS)]

    def write(self, rgb: np.ndarray, time_s: float | None = None) -> int:
        """Publish rgb [shape=(H, W, 3), uint8, no side longer than LONGEST_SIDE_PX]; returns its number."""
        height, width = rgb.shape[:2]
        if max(height, width) > LONGEST_SIDE_PX or rgb.shape[2:] != (3,) or rgb.dtype != np.uint8:
            raise ValueError(f"expected uint8 (H, W, 3) within {LONGEST_SIDE_PX} px, found {rgb.dtype} {rgb.shape}")
        number = int(self._memory.counts[self._index]) + 1
        header, pixels = self._headers[number % SLOTS], self._pixels[number % SLOTS]
        time_s = time.monotonic() if time_s is None else time_s
        header[0] |= 1  # a writer killed in the middle leaves it odd: stay odd until this frame is whole
        header[1:5] = number, height, width, int(time_s * 1e9)
        pixels[: rgb.size].reshape(rgb.shape)[:] = rgb
        header[0] += 1
        self._memory.counts[self._index] = number
        self._memory.times[self._index] = time_s
        return number

    def read(self, after: int = 0) -> tuple[np.ndarray, float, int] | None:
        """The newest whole frame whose number is above `after`, as (rgb copy, monotonic time_s, number), or None."""
        for _ in range(3):
            number = int(self._memory.counts[self._index])
            if number <= after:
                return None
            header, pixels = self._headers[number % SLOTS], self._pixels[number % SLOTS]
            sequence, found, height, width, time_ns = (int(v) for v in header[:5])
            size = height * width * 3
            if sequence % 2 or found != number or not 0 < size <= pixels.size:
                continue
            rgb = pixels[:size].reshape(height, width, 3).copy()
            if int(header[0]) == sequence:
                return rgb, time_ns / 1e9, number
        return None
