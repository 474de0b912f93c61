"""Streams of the wall, received by FFmpeg on this machine as OBS or VLC would."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import av
import numpy as np
import pytest

from installation.rendering.outputs.sending import Outputs
from installation.settings import Part

SIZE, FPS = (64, 36), 25.0
ORANGE = np.broadcast_to(np.array([250, 120, 20], np.uint8), (36, 64, 3))


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1]) & ~1  # RTP wants an even one


class Receiver:
    """Decodes what comes to an address, in a thread; frames are RGB."""

    def __init__(self, address: str, options: dict[str, str], timeout_s: float | None = 60.0) -> None:
        self.address, self.options, self.timeout_s = address, options, timeout_s
        self.frames: list[np.ndarray] = []
        self.codec = ""
        self.error: Exception | None = None
        self.ending = False
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    def _receive(self) -> None:
        try:
            with av.open(self.address, options=self.options, timeout=self.timeout_s) as film:
                self.codec = film.streams.video[0].codec_context.name
                for frame in film.decode(video=0):
                    self.frames.append(frame.to_ndarray(format="rgb24"))
                    if self.ending:
                        return
        except Exception as error:
            self.error = error


@contextmanager
def sending(*parts: Part, size: tuple[int, int] = SIZE) -> Iterator[Outputs]:
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


@pytest.mark.parametrize(
    ("scheme", "codec", "receives", "name"),
    [
        ("udp", "h264", {}, "h264"),
        ("rtp", "h264", {}, "h264"),
        ("udp", "h265", {}, "hevc"),
        ("rtmp", "h264", {"listen": "1"}, "h264"),
    ],
)
def test_a_receiver_sees_the_wall_in_its_colours(wait_for, scheme, codec, receives, name) -> None:
    address = f"{scheme}://127.0.0.1:{free_port()}" + "/live/wall" * (scheme == "rtmp")
    receiver = Receiver(address, receives | {"probesize": "100000", "analyzeduration": "200000"})
    with sending(Part("stream", {"address": address, "codec": codec})) as outputs:
        wait_for(offering(outputs, ORANGE, lambda: len(receiver.frames) >= 3 or receiver.error))
        receiver.ending = True
    assert receiver.error is None and receiver.codec == name
    assert receiver.frames[-1].shape == (36, 64, 3)
    assert np.abs(receiver.frames[-1].astype(int) - ORANGE).mean() < 4
