"""What show and panel share: what is set, how it is, the wall and what is on it, for the page; what was drawn there."""

from __future__ import annotations

from installation.frames import FrameSlots, Words, frames_bytes
from installation.memory import Memory
from installation.settings import Part

WORDS_BYTES, PAGE_BYTES = 1 << 18, 1 << 12
PICTURE_PX = 640  # the longest side that is handed over; the page's picture is made from it
PICTURE, LOOKED, PAPER = 1, 2, 3  # places in the memory's counts and times: pictures; when a browser last asked for
# news; drawings
PAPER_PX = 512  # the longest side of a drawing
DRAWN_FROM, SQUARE = "translator", (256, 256)  # the generator that paints from drawings, and its size if none is asked


class Plan:
    """Where everything lies in the memory that both sides share; the child writes page and paper, the show the rest."""

    def __init__(self, memory: Memory) -> None:
        self.pictures = FrameSlots(memory, PICTURE, 0, PICTURE_PX**2)
        at = frames_bytes(PICTURE_PX**2)
        self.state = Words(memory, at, WORDS_BYTES)
        self.health = Words(memory, at + Words.bytes_of(WORDS_BYTES), WORDS_BYTES)
        self.wall = Words(memory, at + 2 * Words.bytes_of(WORDS_BYTES), WORDS_BYTES)
        self.page = Words(memory, at + 3 * Words.bytes_of(WORDS_BYTES), PAGE_BYTES)
        at += 3 * Words.bytes_of(WORDS_BYTES) + Words.bytes_of(PAGE_BYTES)
        self.paper = FrameSlots(memory, PAPER, at, PAPER_PX**2, channels=1)

    @staticmethod
    def bytes_of() -> int:
        words = 3 * Words.bytes_of(WORDS_BYTES) + Words.bytes_of(PAGE_BYTES)
        return frames_bytes(PICTURE_PX**2) + words + frames_bytes(PAPER_PX**2, 1)


def shape_of_paper(generator: Part) -> list[int]:
    """(width, height) in the shape of what a generator paints from drawings; nothing where it does not."""
    return [int(side) for side in generator.settings.get("size", SQUARE)] if generator.name == DRAWN_FROM else []
