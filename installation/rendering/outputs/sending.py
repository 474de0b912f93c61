"""Presented frames in; each output's process at work on the newest out. The show hands over a reference, no more.

Whatever a receiver, a network or a driver does, its process is killed when it owes for too long, and another begins,
after growing waits.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from installation.children import Child, Memory
from installation.frames import FrameSlots, frames_bytes
from installation.rendering.outputs.sending_child import AWAKE, HOW_MANY, OFFERED, SENT
from installation.rendering.readback import four_channels
from installation.settings import Part

log = logging.getLogger("installation.outputs")
SILENT_S, OPENING_S = 4.0, 20.0


class Sending:
    """One output. offer() returns at once; a thread copies the newest picture to the process that sends it."""

    def __init__(self, part: Part, title: str, size: tuple[int, int], fps: float) -> None:
        most_px = size[0] * size[1]
        self.title = title
        self._memory = Memory(frames_bytes(most_px, 4))
        self._slots = FrameSlots(self._memory, OFFERED, most_px=most_px, channels=4)
        self._newest: tuple[np.ndarray, float] | None = None
        self._come, self._closing = threading.Event(), False
        self._thread = threading.Thread(target=self._feed, name=f"feed {title}", daemon=True)
        self._child = Child(
            f"output {title}",
            "installation.rendering.outputs.sending_child",
            {"name": part.name, "settings": part.settings, "size": size, "fps": fps},
            self._memory,
            log=log,
            silent_s=SILENT_S,
            opening_s=OPENING_S,
            silence_s=self._silence_s,
        )

    @property
    def wanting(self) -> bool:
        """Whether a process is ready to send something."""
        return int(self._memory.counts[AWAKE]) in self._child.pids

    @property
    def sent(self) -> int:
        """How many pictures were sent, by all the processes that there were."""
        return int(self._memory.counts[HOW_MANY])

    @property
    def faults(self) -> Counter[str]:
        return self._child.faults

    @property
    def pids(self) -> list[int]:
        return self._child.pids

    def start(self) -> None:
        self._child.start()
        self._thread.start()

    def offer(self, rgb: np.ndarray, time_s: float) -> None:
        """Send this picture [shape=(H, W, 3), uint8, row 0 on top] unless a newer one comes first. It must not change
        later. time_s is monotonic."""
        self._newest = rgb, time_s
        self._come.set()

    def close(self) -> None:
        """Let the process go; may be called twice."""
        self._closing = True
        self._come.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5.0)
        self._child.close()

    def _feed(self) -> None:
        while self._come.wait() and not self._closing:
            self._come.clear()
            newest, self._newest = self._newest, None
            if newest is not None:
                self._slots.write(four_channels(newest[0]), newest[1])
                self._child.wake()

    def _silence_s(self) -> float:
        """How long it has owed a picture; a show that presents nothing asks for none."""
        if not self.wanting:
            return float("inf")  # still opening
        counts = self._memory.counts
        return 0.0 if counts[SENT] >= counts[OFFERED] else self._memory.age_s()


class Outputs:
    """All outputs of a show. Without any, or with none that is ready, no picture is read back for them."""

    def __init__(self, parts: Sequence[Part], size: tuple[int, int], fps: float) -> None:
        titles, seen = [], Counter[str]()
        for part in parts:
            seen[part.name] += 1
            titles.append(f"{part.name} {seen[part.name]}" if seen[part.name] > 1 else part.name)
        self.all = [Sending(part, title, size, fps) for part, title in zip(parts, titles, strict=True)]

    @property
    def faults(self) -> Counter[str]:
        """What was survived, by output."""
        return sum((one.faults for one in self.all), Counter())

    @property
    def sent(self) -> dict[str, int]:
        """How many pictures each has sent, by output."""
        return {one.title: one.sent for one in self.all}

    def start(self) -> None:
        for one in self.all:
            one.start()

    def offer(self, read: Callable[[], np.ndarray]) -> None:
        """A frame was presented; read gives its picture [shape=(H, W, 3), uint8, row 0 on top]."""
        wanting = [one for one in self.all if one.wanting]
        if not wanting:
            return
        rgb, time_s = read(), time.monotonic()
        for one in wanting:
            one.offer(rgb, time_s)

    def close(self) -> None:
        with contextlib.ExitStack() as closing:
            for one in self.all:
                closing.callback(one.close)
