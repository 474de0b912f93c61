"""A block of memory in; where everything lies in it that a show and the process that paints for it share, out."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from installation.children import Memory
from installation.frames import FRAMES_BYTES, FrameSlots, Numbers, Words, frames_bytes
from installation.signals import MEMORY

MOST_NUMBERS = 16_384  # knobs, and the newest sound
MOST_WORDS = 1 << 20
MEMORIES, MOST_REMEMBERED = 4, 4 * 2048  # pictures whose memories lie there; numbers of all of them
REQUESTED, DRAWN, AT, AWAKE = 4, 5, 6, 7  # places in the memory's counts: newest request, newest one drawn, what is
# being done, the process that has drawn something; in its times: since when an answer is owed, the newest sign of life
VECTORS, CAMERA, WATCHES, DRAWING = 8, 9, 10, 11  # and in its counts: how many vectors were asked for, the camera's
# newest picture, whether what paints looks at it, the newest drawing
NOTHING, FIRST_EFFECT = 0, 2  # what AT says: nothing is drawn, or the effect that is
DRAWING_PX, DRAWN_S = 512, 120.0  # the longest side of a drawing; so long after its last stroke it is painted from
INK = 128  # darker is drawn
LOST_S = 3.0  # a camera that has shown nothing new for so long is not there


class Plan:
    """Pictures drawn, requests, words of the painting process; for it the camera's newest picture and a drawing."""

    def __init__(self, memory: Memory, most_px: int) -> None:
        self.pictures = FrameSlots(memory, most_px=most_px, channels=4)
        at = frames_bytes(most_px, 4)
        self.requests = Numbers(memory, at, MOST_NUMBERS)
        at += Numbers.bytes_of(MOST_NUMBERS)
        self.opened = Words(memory, at, MOST_WORDS)
        at += Words.bytes_of(MOST_WORDS)
        self.status = Words(memory, at, MOST_WORDS)
        at += Words.bytes_of(MOST_WORDS)
        self.camera = FrameSlots(memory, CAMERA, at)
        at += FRAMES_BYTES
        self.remembered = Numbers(memory, at, MOST_REMEMBERED)
        self.drawing = FrameSlots(memory, DRAWING, at + Numbers.bytes_of(MOST_REMEMBERED), DRAWING_PX**2, channels=1)

    @staticmethod
    def bytes_of(most_px: int) -> int:
        words = Numbers.bytes_of(MOST_NUMBERS) + 2 * Words.bytes_of(MOST_WORDS)
        words += Numbers.bytes_of(MOST_REMEMBERED)
        return frames_bytes(most_px, 4) + words + FRAMES_BYTES + frames_bytes(DRAWING_PX**2, 1)

    def note(self, memories: Mapping[int, np.ndarray]) -> None:
        """What the generator remembered when it painted the pictures of these requests, all of one length."""
        rows = np.array([[number, *memory] for number, memory in memories.items()], np.float64)
        self.remembered.write(np.array([rows.shape[1]], np.float64), rows.ravel())

    def memory_of(self, number: int) -> dict[str, float]:
        """What it remembered then, as a moment's values; {} without memory, and for a picture of long ago."""
        row = self.remembered.read()
        width = 0 if row is None else int(row[0])
        for noted in row[1:].reshape(-1, width) if row is not None and width and not (row.size - 1) % width else ():
            if int(noted[0]) == number:
                return {f"{MEMORY}{i}": value for i, value in enumerate(noted[1:].tolist())}
        return {}

    def look(self) -> np.ndarray | None:
        """The newest picture of the show's camera (H, W, 3), uint8, sRGB; None while there is no camera."""
        seen = self.camera.read()
        return None if seen is None or time.monotonic() - seen[1] > LOST_S else seen[0]

    def drawn(self) -> np.ndarray | None:
        """What is drawn (H, W, 3), uint8, dark on white; None while the sheet is blank, or left alone for long."""
        found = self.drawing.read()
        if found is None or time.monotonic() - found[1] > DRAWN_S or int(found[0].min()) >= INK:
            return None
        return np.repeat(found[0], 3, axis=2)
