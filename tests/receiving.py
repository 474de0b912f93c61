"""Other software, for tests of what the show sends: FFmpeg that receives a stream, and outputs that are offered to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import av
import numpy as np

from installation.rendering.outputs.sending import Outputs
from installation.settings import Part

SIZE, FPS = (64, 36), 25.0
QUICKLY = {"probesize": "100000", "analyzeduration": "200000"}


def even(red: int, green: int, blue: int) -> np.ndarray:
    """A picture of one colour [shape=(36, 64, 3), uint8]."""
    return np.broadcast_to(np.array([red, green, blue], np.uint8), (SIZE[1], SIZE[0], 3))


def free_port() -> int:
    """An even one, as RTP wants it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1]) & ~1


class Receiver:
    """Decodes what comes to an address, in a thread. frames [shape=(H, W, 3), uint8]."""

    def __init__(self, address: str, **options: str) -> None:
        self.address, self.options = address, QUICKLY | options
        self.frames: list[np.ndarray] = []
        self.codec = ""
        self.error: Exception | None = None
        self.ending = False
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        try:
            with av.open(self.address, options=self.options, timeout=60.0) as film:
                self.codec = film.streams.video[0].codec_context.name
                for frame in film.decode(video=0):
                    self.frames.append(frame.to_ndarray(format="rgb24"))
                    if self.ending:
                        return
        except Exception as error:
            self.error = error

    def sees(self, colour: np.ndarray) -> bool:
        """Whether the newest frame is of this colour."""
        return bool(self.frames) and bool(np.abs(self.frames[-1].astype(int) - colour.astype(int)).mean() < 5)


@contextmanager
def sending(*parts: Part, size: tuple[int, int] = SIZE) -> Iterator[Outputs]:
    """Outputs as a show has them, started."""
    outputs = Outputs(parts, size, FPS)
    outputs.start()
    try:
        yield outputs
    finally:
        outputs.close()


def offering(outputs: Outputs, rgb: np.ndarray, until: Callable[[], object]) -> Callable[[], object]:
    """A question for wait_for that hands over a picture each time it is asked, as a show does with every frame."""

    def ask() -> object:
        outputs.offer(lambda: rgb)
        return until()

    return ask
