"""Camera frames in, landmarks out, by a tracker in a child process that may crash and is renewed before it can leak."""

from __future__ import annotations

import collections
import dataclasses
import logging
import threading
import time

import numpy as np

from installation.children import Child, Memory
from installation.features.hand_tracker import LANDMARKS, MOST_HANDS, Found, TrackerSettings
from installation.frames import FRAMES_BYTES, FrameSlots
from installation.signals import CameraFrame

log = logging.getLogger("installation.features")
RESULT_BYTES = 1024
# Places in the memory's counts: results (0, as everywhere), frames asked, frame answered, pid of a tracker awake.
ASKED, ANSWERED, AWAKE = 4, 5, 6
Sighting = tuple[Found, float, float]
"""What was found, the frame's time_s, and its height / width."""


class Results:
    """The newest landmarks in shared memory, guarded by a sequence count: one writer, one reader, never torn."""

    def __init__(self, memory: Memory) -> None:
        area = memory.bytes[FRAMES_BYTES : FRAMES_BYTES + RESULT_BYTES]
        self._memory = memory
        self._head = area[:16].view(np.int64)  # sequence, hands
        self._when = area[16:32].view(np.float64)  # time_s, aspect
        numbers = area[32 : 32 + MOST_HANDS * (LANDMARKS * 3 + 1) * 4].view(np.float32)
        self._right, self._points = numbers[:MOST_HANDS], numbers[MOST_HANDS:].reshape(MOST_HANDS, LANDMARKS, 3)

    def write(self, found: Found, time_s: float, aspect: float) -> None:
        points, right = found
        self._head[0] |= 1
        self._head[1] = len(points)
        self._when[:] = time_s, aspect
        self._points[: len(points)], self._right[: len(right)] = points, right
        self._head[0] += 1
        self._memory.counts[0] += 1
        self._memory.times[0] = time.monotonic()

    def read(self) -> Sighting | None:
        """The newest result, or None while it is being written."""
        sequence, hands = int(self._head[0]), max(0, min(int(self._head[1]), MOST_HANDS))
        found, time_s, aspect = (self._points[:hands].copy(), self._right[:hands].copy()), *map(float, self._when)
        return None if sequence % 2 or int(self._head[0]) != sequence else (found, time_s, aspect)


class Tracker:
    """One child and what it shares with us."""

    def __init__(self, model: str, settings: TrackerSettings) -> None:
        self.memory = Memory(FRAMES_BYTES + RESULT_BYTES)
        self._frames = FrameSlots(self.memory, ASKED)
        self._results = Results(self.memory)
        self._asked_of, self._asked_s, self._read = 0, 0.0, 0
        self.made_s = time.monotonic()
        asked = {"model": model} | dataclasses.asdict(settings)
        self.child = Child(
            "hands",
            "installation.features.hands_child",
            asked,
            self.memory,
            log=log,
            silent_s=4.0,
            opening_s=30.0,
            silence_s=self._silence_s,
        )
        self.child.start()

    @property
    def ready(self) -> bool:
        return int(self.memory.counts[AWAKE]) in self.child.pids

    @property
    def idle(self) -> bool:
        """True when it is awake and owes no answer (a dead child's debts are void)."""
        awake, counts = int(self.memory.counts[AWAKE]), self.memory.counts
        return self.ready and (counts[ANSWERED] >= counts[ASKED] or self._asked_of != awake)

    def ask(self, frame: CameraFrame) -> None:
        self._frames.write(frame.rgb, frame.time_s)
        self._asked_of, self._asked_s = int(self.memory.counts[AWAKE]), time.monotonic()
        self.child.wake()

    def answer(self) -> Sighting | None:
        """What was seen since the last call, or None."""
        count = int(self.memory.counts[0])
        if count == self._read:
            return None
        sighting = self._results.read()
        if sighting is not None:
            self._read = count
        return sighting

    def close(self) -> None:
        self.child.close()

    def _silence_s(self) -> float:
        if not self.ready:
            return float("inf")
        return 0.0 if self.idle else time.monotonic() - self._asked_s


class RenewedTracker:
    """A tracker that is replaced every renew_s by a new one, which is awake before the old one goes.

    MediaPipe grows slowly over days (mediapipe#5626); nothing is missed while it is renewed.
    """

    def __init__(self, model: str, settings: TrackerSettings, renew_s: float) -> None:
        self._model, self._settings, self._renew_s = model, settings, renew_s
        self._now = Tracker(model, settings)
        self._next: Tracker | None = None
        self._past: collections.Counter[str] = collections.Counter()

    @property
    def ready(self) -> bool:
        return self._now.ready

    @property
    def idle(self) -> bool:
        self._renew()
        return self._now.idle

    @property
    def faults(self) -> collections.Counter[str]:
        return self._past + self._now.child.faults

    @property
    def pids(self) -> list[int]:
        return self._now.child.pids

    def ask(self, frame: CameraFrame) -> None:
        self._now.ask(frame)

    def answer(self) -> Sighting | None:
        return self._now.answer()

    def close(self) -> None:
        self._now.close()
        if self._next is not None:
            self._next.close()

    def _renew(self) -> None:
        if self._next is None:
            if time.monotonic() - self._now.made_s > self._renew_s:
                self._next = Tracker(self._model, self._settings)
        elif self._next.ready and self._now.idle:
            old, self._now, self._next = self._now, self._next, None
            self._past += old.child.faults
            threading.Thread(target=old.close, daemon=True).start()
