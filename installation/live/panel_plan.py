"""What show and panel share: what is set, how it is, the wall and what is on it, for the page; where that is found."""

from __future__ import annotations

from installation.frames import FrameSlots, Words, frames_bytes
from installation.memory import Memory

WORDS_BYTES, PAGE_BYTES = 1 << 18, 1 << 12
PICTURE_PX = 640  # the longest side that is handed over; the page's picture is made from it
PICTURE, LOOKED = 1, 2  # places in the memory's counts and times: pictures; when a browser last asked for news


class Plan:
    """Where everything lies in the memory that both sides share; page is the child's to write, the rest the show's."""

    def __init__(self, memory: Memory) -> None:
        self.pictures = FrameSlots(memory, PICTURE, 0, PICTURE_PX**2)
        at = frames_bytes(PICTURE_PX**2)
        self.state = Words(memory, at, WORDS_BYTES)
        self.health = Words(memory, at + Words.bytes_of(WORDS_BYTES), WORDS_BYTES)
        self.wall = Words(memory, at + 2 * Words.bytes_of(WORDS_BYTES), WORDS_BYTES)
        self.page = Words(memory, at + 3 * Words.bytes_of(WORDS_BYTES), PAGE_BYTES)

    @staticmethod
    def bytes_of() -> int:
        return frames_bytes(PICTURE_PX**2) + 3 * Words.bytes_of(WORDS_BYTES) + Words.bytes_of(PAGE_BYTES)
